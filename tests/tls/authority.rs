//! A certificate authority: Pebble, with a name server that gives this machine's address for every name.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::client;
use crate::common::program::text;
use crate::eventually;
use crate::host::free_port;

/// A running Pebble; it and its name server end when it is dropped.
pub(crate) struct Authority {
    dir: tempfile::TempDir,
    ports: Ports,
    life: u64,
    /// Pebble and the name server.
    running: Vec<Child>,
}

struct Ports {
    acme: u16,
    management: u16,
    dns: u16,
}

impl Authority {
    /// Starts one that validates on port `asked`, and whose certificates are valid for this many seconds.
    pub(crate) fn start(asked: u16, life: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ports = Ports { acme: free_port(), management: free_port(), dns: free_port() };
        let (root, certificate, key) = own_https();
        for (name, pem) in [("root.pem", root), ("cert.pem", certificate), ("key.pem", key)] {
            std::fs::write(dir.path().join(name), pem).unwrap();
        }
        let mut authority = Self { dir, ports, life, running: Vec::new() };
        authority.start_again(asked);
        authority
    }

    /// Starts it again: it has forgotten all accounts, and signs with another root.
    pub(crate) fn start_again(&mut self, asked: u16) {
        self.stop();
        let Ports { acme, management, dns } = self.ports;
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{acme}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": self.path("cert.pem"),
            "privateKey": self.path("key.pem"),
            "httpPort": 1,
            "tlsPort": asked,
            "certificateValidityPeriod": self.life,
        }});
        std::fs::write(self.path("pebble.json"), config.to_string()).unwrap();
        let dns = format!("127.0.0.1:{dns}");
        let mut names = Command::new("pebble-challtestsrv");
        // Its other services aren't needed; an empty address turns each off.
        names.args(["-dns01", &dns, "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]);
        names.args(["-management", &format!("127.0.0.1:{}", free_port())]);
        let mut pebble = Command::new("pebble");
        pebble.args(["-dnsserver", &dns, "-config", text(&self.path("pebble.json"))]);
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        for command in [&mut names, &mut pebble] {
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            self.running.push(
                child.unwrap_or_else(|error| {
                    panic!("pebble can't be started ({error}); Debian: apt-get install pebble")
                }),
            );
        }
        eventually("pebble answers", || client::get(acme, "localhost", "/dir", Some(&self.own_root())).is_ok());
    }

    /// Stops it.
    pub(crate) fn stop(&mut self) {
        for mut child in self.running.drain(..) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn own_root(&self) -> String {
        std::fs::read_to_string(self.path("root.pem")).unwrap()
    }

    /// The root of its certificates, in PEM.
    pub(crate) fn root(&self) -> String {
        let answer = client::get(self.ports.management, "localhost", "/roots/0", Some(&self.own_root())).unwrap();
        answer.body
    }

    /// The flags of a server that gets its certificate here.
    pub(crate) fn flags(&self) -> Vec<String> {
        let directory = format!("https://localhost:{}/dir", self.ports.acme);
        ["--acme-directory", &directory, "--acme-root", text(&self.path("root.pem"))].map(str::to_owned).to_vec()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.stop();
    }
}

/// For HTTPS to the authority itself: a root, and a certificate for localhost with its key.
fn own_https() -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = params.self_signed(&root_key).unwrap();
    let own = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let own = own.signed_by(&key, &Issuer::from_params(&params, &root_key)).unwrap();
    (root.pem(), own.pem(), key.serialize_pem())
}
