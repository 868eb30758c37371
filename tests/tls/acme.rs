//! Certificates from an authority: the first one, a renewal, failures, and interruptions.

use std::process::Command;

use crate::authority::Authority;
use crate::client::{get, get_by, shown};
use crate::common::program::text;
use crate::eventually;
use crate::host::{Host, free_port};

const NINETY_DAYS: u64 = 90 * 24 * 60 * 60;

/// The flags for two names at this authority.
fn two_names(authority: &Authority) -> Vec<String> {
    let mut flags: Vec<_> =
        ["--tls-domain", "b.example", "--tls-domain", "a.example", "--acme-email", "ops@example.com"]
            .map(str::to_owned)
            .to_vec();
    flags.extend(authority.flags());
    flags
}

fn borrowed(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

#[test]
fn the_first_certificate_is_issued_kept_and_served_for_every_name() {
    let (host, port) = (Host::new(), free_port());
    let mut authority = Authority::start(port, NINETY_DAYS);
    let flags = two_names(&authority);
    let redirected = free_port();
    let redirect = ["--http-redirect".to_owned(), format!("127.0.0.1:{redirected}")];
    let server = host.serve(port, &borrowed(&[flags.clone(), redirect.to_vec()].concat()));
    assert_eq!(server.origin, format!("https://127.0.0.1:{port}"));
    let root = authority.root();
    let first = get_by(&["h2", "http/1.1"], port, "a.example", "/livez", Some(&root)).unwrap();
    assert!(first.head.starts_with("HTTP/1.1 200"), "{}", first.head);
    assert!(first.head.to_ascii_lowercase().contains("strict-transport-security: max-age=31536000"), "{}", first.head);
    assert_eq!(first.protocol.as_deref(), Some(b"http/1.1".as_slice()));
    assert_eq!(get(port, "b.example", "/livez", Some(&root)).unwrap().certificate, first.certificate);
    assert_eq!(host.kept(), ["account.json", "certificate.pem", "status.json"].map(|name| (name.to_owned(), 0o600)));

    let login = get(port, "a.example", "/admin/login", Some(&root)).unwrap();
    assert!(login.head.contains("__Host-") && login.head.contains("Secure"), "{}", login.head);
    let metrics = get(port, "a.example", "/metrics", Some(&root)).unwrap().body;
    assert!(metrics.contains("\npitlane_certificate_days_left 89\n"), "{metrics}");
    let doctor = host.0.run(&["doctor"]).stdout;
    assert!(doctor.contains("89 days left of the certificate for a.example, b.example"), "{doctor}");

    let root_file = host.0.path("root.pem");
    std::fs::write(&root_file, &root).unwrap();
    let url = format!("https://a.example:{port}/livez");
    let resolve = format!("a.example:{port}:127.0.0.1");
    let curl = |more: &[&str], url: &str| {
        let asked = ["-sS", "--resolve", &resolve, "--cacert", text(&root_file), "--max-time", "10"];
        Command::new("curl").args(asked).args(more).arg(url).output().unwrap()
    };
    assert_eq!(curl(&[], &url).stdout, b"ok\n");
    assert_eq!(curl(&["--tls-max", "1.2"], &url).stdout, b"ok\n");
    assert!(!curl(&["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"], &url).status.success());
    let code = "import sys, ssl, http.client as h\n\
        c = ssl.create_default_context(cafile=sys.argv[1])\n\
        class C(h.HTTPSConnection):\n    def connect(self):\n        import socket\n        \
            self.sock = self._context.wrap_socket(socket.create_connection(('127.0.0.1', self.port)), server_hostname=self.host)\n\
        k = C('a.example', int(sys.argv[2]), context=c)\nk.request('GET', '/livez')\nprint(k.getresponse().read().decode(), end='')";
    let python = Command::new("python3").args(["-c", code, text(&root_file), &port.to_string()]).output().unwrap();
    assert_eq!(python.stdout, b"ok\n", "{}", String::from_utf8_lossy(&python.stderr));

    let plain = format!("http://127.0.0.1:{redirected}/admin/?advertiser=1");
    let sent_on = String::from_utf8(curl(&["-i"], &plain).stdout).unwrap();
    assert!(sent_on.starts_with("HTTP/1.1 301"), "{sent_on}");
    assert!(sent_on.contains(&format!("location: https://b.example:{port}/admin/?advertiser=1\r\n")), "{sent_on}");
    let posted = String::from_utf8(curl(&["-i", "-d", "x"], &plain).stdout).unwrap();
    assert!(posted.starts_with("HTTP/1.1 308"), "{posted}");

    // Without the authority, the next start uses the stored certificate.
    server.kill();
    authority.stop();
    let again = host.serve(port, &borrowed(&flags));
    assert_eq!(get(again.port, "a.example", "/livez", Some(&root)).unwrap().certificate, first.certificate);
    assert!(!again.log().contains("ordering a certificate"), "{}", again.log());
}

#[test]
fn a_certificate_is_renewed_in_time_and_an_old_one_serves_while_the_authority_is_down() {
    let (host, port) = (Host::new(), free_port());
    // Two thirds of 45 seconds.
    let mut authority = Authority::start(port, 45);
    let server = host.serve(port, &borrowed(&two_names(&authority)));
    let first = shown(port, "a.example").unwrap();
    eventually("the second certificate", || shown(port, "a.example").unwrap() != first);
    let second = shown(port, "a.example").unwrap();
    authority.stop();
    eventually("a renewal that fails", || server.log().contains("the old one stays in use"));
    assert_eq!(shown(port, "a.example").unwrap(), second);
    let doctor = host.0.run(&["doctor"]).stdout;
    assert!(doctor.contains("no account could be had at") || doctor.contains("could be placed"), "{doctor}");
    // The authority comes back without any accounts. The waiting attempt is triggered at once.
    authority.start_again(port);
    server.signal("HUP");
    eventually("the third certificate", || shown(port, "a.example").unwrap() != second);
    assert!(server.log().contains("does not know the kept account"), "{}", server.log());
}

#[test]
fn a_name_that_can_not_be_proven_is_told_with_the_authoritys_reason() {
    let (host, port) = (Host::new(), free_port());
    let authority = Authority::start(free_port(), NINETY_DAYS);
    let mut server = host.serve(port, &borrowed(&two_names(&authority)));
    assert_eq!(shown(port, "a.example"), None);
    let log = server.log();
    assert!(log.contains("could not prove the names: a.example: ") && log.contains("b.example: "), "{log}");
    let doctor = host.0.run(&["doctor"]);
    let words = doctor.stdout;
    assert_eq!(doctor.code, Some(1), "{words}");
    assert!(words.contains("PROBLEM  certificate  there is none yet: the authority could not prove"), "{words}");
    assert!(server.lives());
}

#[test]
fn a_kill_in_the_middle_of_an_order_leaves_nothing_that_hinders_the_next() {
    let (host, port) = (Host::new(), free_port());
    let authority = Authority::start(port, NINETY_DAYS);
    let flags = two_names(&authority);
    for kill_after in ["ordering a certificate", "account.json", "nothing"] {
        let server = host.serve_unready(port, &borrowed(&flags));
        eventually("it has begun", || match kill_after {
            "account.json" => host.0.data().join("tls/account.json").exists(),
            "nothing" => shown(port, "a.example").is_some(),
            words => server.log().contains(words),
        });
        server.kill();
    }
    std::fs::write(host.0.data().join("tls/.pitlane-Ab12Cd"), "half a key").unwrap();
    let server = host.serve(port, &borrowed(&flags));
    assert!(get(server.port, "b.example", "/livez", Some(&authority.root())).is_ok());
    assert_eq!(host.kept().len(), 3, "{:?}", host.kept());
}
