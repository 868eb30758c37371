//! The check from outside over real HTTPS: with a certificate that is trusted, and with others.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use serde_json::Value;

use crate::common::program::{TWO_DAYS, text};
use crate::host::{Host, Server};

/// A server with a certificate for `name`, changed by `change`, whose root is in `root.pem`.
fn served(name: &str, change: impl Fn(&mut CertificateParams)) -> (Host, Server) {
    let host = Host::new();
    let file = host.0.file("rows.csv", TWO_DAYS);
    host.0.ok(&["import", &file, "--advertiser", "Acme", "--create-missing"]);
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = authority.self_signed(&root_key).unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, &Issuer::from_params(&authority, &root_key)).unwrap();
    for (file, pem) in [("root.pem", root.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())] {
        host.0.file(file, pem);
    }
    let (certificate, key) = (host.0.path("cert.pem"), host.0.path("key.pem"));
    let server = host.serve(0, &["--tls-cert", text(&certificate), "--tls-key", text(&key)]);
    (host, server)
}

/// The findings of a check of `https://localhost`.
fn check(host: &Host, server: &Server, trusting: bool) -> Vec<Value> {
    let (url, root) = (format!("https://localhost:{}", server.port), host.0.path("root.pem"));
    let root = ["--root", text(&root)];
    let args = [&["--json", "singular", "check", &url][..], if trusting { &root } else { &[] }].concat();
    let ended = host.0.run(&args);
    let checked: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    checked["findings"].as_array().unwrap().clone()
}

fn certificate(findings: &[Value]) -> (bool, String) {
    let found = findings.iter().find(|one| one["check"] == "certificate").unwrap();
    (found["ok"].as_bool().unwrap(), format!("{} {}", found["message"], found["mend"]))
}

#[test]
fn a_trusted_certificate_passes_with_the_days_that_are_left() {
    let ninety = |params: &mut CertificateParams| {
        params.not_after = (std::time::SystemTime::now() + std::time::Duration::from_mins(90 * 24 * 60 + 1)).into();
    };
    let (host, server) = served("localhost", ninety);
    let findings = check(&host, &server, true);
    assert!(findings.iter().all(|one| one["ok"] == true), "{findings:#?}");
    let parts: Vec<_> = findings.iter().map(|one| one["check"].as_str().unwrap()).collect();
    assert_eq!(
        parts,
        ["name", "certificate", "token", "headers", "rows", "single days", "gzip", "etag", "client's address"]
    );
    assert!(certificate(&findings).1.contains("valid for another 90 days"), "{}", certificate(&findings).1);

    let (ok, words) = certificate(&check(&host, &server, false));
    assert!(!ok && words.contains("no trusted authority signed") && words.contains("fullchain.pem"), "{words}");
}

#[test]
fn certificates_that_end_ended_or_are_for_another_name_are_told_apart() {
    let (host, server) = served("localhost", |params| params.not_after = date_time_ymd(2025, 3, 1));
    let findings = check(&host, &server, true);
    let (ok, words) = certificate(&findings);
    assert!(!ok && words.contains("expired on 2025-03-01") && words.contains("certbot renew"), "{words}");
    assert_eq!(
        findings.last().unwrap()["check"],
        "certificate",
        "nothing is asked over a connection that nobody trusts"
    );

    let (host, server) = served("other.example", |_| {});
    let (ok, words) = certificate(&check(&host, &server, true));
    assert!(!ok && words.contains("another name than localhost"), "{words}");

    let soon = |params: &mut CertificateParams| {
        params.not_after = (std::time::SystemTime::now() + std::time::Duration::from_hours(72)).into();
    };
    let (host, server) = served("localhost", soon);
    let findings = check(&host, &server, true);
    let (ok, words) = certificate(&findings);
    assert!(!ok && words.contains("another 2 days"), "{words}");
    assert!(findings.len() > 5, "the rest is looked at all the same: {findings:#?}");
}
