//! A certificate from files: read again when they change, and on SIGHUP, which doesn't end the server.

use rcgen::{CertificateParams, KeyPair};

use crate::client::shown;
use crate::common::program::text;
use crate::eventually;
use crate::host::Host;

/// Writes a new certificate for localhost and, if asked, its key.
fn replace(host: &Host, with_key: bool) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(host.0.path("cert.pem"), certificate.pem()).unwrap();
    if with_key {
        std::fs::write(host.0.path("key.pem"), key.serialize_pem()).unwrap();
    }
    certificate.der().to_vec()
}

#[test]
fn new_files_are_served_without_a_restart_and_wrong_ones_are_not() {
    let host = Host::new();
    let first = replace(&host, true);
    let (certificate, key) = (host.0.path("cert.pem"), host.0.path("key.pem"));
    let flags = ["--tls-cert", text(&certificate), "--tls-key", text(&key)];
    let mut server = host.serve(0, &flags);
    assert_eq!(shown(server.port, "localhost"), Some(first));
    let second = replace(&host, true);
    eventually("the new certificate", || shown(server.port, "localhost").as_ref() == Some(&second));

    // A certificate without its key is reported, and the old one is used; SIGHUP checks at once.
    replace(&host, false);
    server.signal("HUP");
    eventually("the words", || server.log().contains("the private key is not the certificate's"));
    assert_eq!(shown(server.port, "localhost"), Some(second));
    assert!(host.0.run(&["doctor"]).stdout.contains("the private key is not the certificate's"));
    let third = replace(&host, true);
    server.signal("HUP");
    eventually("the third certificate", || shown(server.port, "localhost").as_ref() == Some(&third));
    assert!(server.lives());
}

#[test]
fn files_that_can_not_be_used_stop_the_start() {
    let host = Host::new();
    replace(&host, true);
    replace(&host, false);
    let (certificate, key) = (host.0.path("cert.pem"), host.0.path("key.pem"));
    let words =
        host.0.fails(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", text(&certificate), "--tls-key", text(&key)]);
    assert!(words.contains("the private key is not the certificate's") && words.contains("cert.pem"), "{words}");
}

#[test]
fn a_hang_up_ends_no_server_that_speaks_plain_http() {
    let host = Host::new();
    let mut server = host.serve(0, &[]);
    server.signal("HUP");
    eventually("the words", || server.log().contains("SIGHUP"));
    assert!(server.lives());
    // The stored state of the certificate is deleted when HTTPS is turned off.
    assert!(!host.0.data().join("tls/status.json").exists());
}
