//! The server's address: behind proxies, under a path, and under its public name.

use pitlane::config::Serve;
use pitlane::domain::{Email, Role, TokenScope};
use pitlane::service::Actor;
use pitlane::service::access::admins::{self, Password};
use reqwest::Method;

use crate::common::http::{Client, Person, answer};
use crate::common::program::{Program, Server};
use crate::fixtures::{NORTHWIND, SINGULAR_JSON, may, stock};
use crate::harness::{App, defaults, spawn_on};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "a sentence is easier";

fn admitted(config: Serve) -> App {
    let app = spawn_on(tempfile::tempdir().unwrap(), config);
    let (email, password): (Email, _) = (EMAIL.parse().unwrap(), Password::parse(PASSWORD).unwrap());
    admins::create(&app.store, &email, Role::Admin, &password, &Actor::command_line()).unwrap();
    app
}

fn behind_proxy() -> Serve {
    Serve { trusted_proxy: vec!["127.0.0.1/32".parse().unwrap()], ..defaults() }
}

/// Sends the log-in form with these headers; returns status, body and cookies.
fn log_in(app: &App, headers: &[(&str, &str)]) -> (u16, String, String) {
    let mut person = Person::at(&app.anonymous().origin);
    let with = |request: reqwest::blocking::RequestBuilder| {
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    person.send(with(person.request("GET", "/admin/login")));
    let fields = [("form_token", person.form_token.as_str()), ("email", EMAIL), ("password", PASSWORD)];
    let form = person.form("/admin/login", &fields);
    let answer = person.send(with(form));
    (answer.status, answer.text().to_owned(), answer.cookies().join("\n"))
}

#[test]
fn behind_a_trusted_proxy_its_scheme_and_host_count_for_the_whole_log_in() {
    let app = admitted(behind_proxy());
    let proxy = [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "costs.example.com"),
        ("Origin", "https://costs.example.com"),
    ];
    let (status, body, cookies) = log_in(&app, &proxy);
    assert_eq!(status, 303, "{body}");
    assert!(cookies.contains("__Host-pitlane_session=") && cookies.contains("Secure"), "{cookies}");
    let rfc = [
        ("Forwarded", "for=192.0.2.60;proto=https;host=costs.example.com"),
        ("Origin", "https://costs.example.com:443"),
    ];
    assert_eq!(log_in(&app, &rfc).0, 303);
}

#[test]
fn a_strangers_headers_are_ignored_and_the_refusal_names_the_solution() {
    let app = admitted(defaults());
    let forged =
        [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https"), ("Origin", "https://evil.example")];
    let (status, body, _) = log_in(&app, &forged);
    assert_eq!(status, 403);
    let here = app.anonymous().origin;
    for part in ["https://evil.example", &here, "--public-url https://evil.example", "--trusted-proxy"] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
}

#[test]
fn all_routes_live_under_the_path_of_the_public_url() {
    let public_url = Some("https://example.com/costs".to_owned());
    let app = admitted(Serve { public_url, ..behind_proxy() });
    stock(&app.store);
    let token = app.token(NORTHWIND, TokenScope::Report);
    assert_eq!(token.get(&format!("/costs{}", may(SINGULAR_JSON))).status, 200);
    let anonymous = app.anonymous();
    assert_eq!(anonymous.get("/costs/livez").status, 200);
    assert_eq!(anonymous.get("/costs/nowhere").status, 404);
    assert_eq!(anonymous.get("/costs").location(), Some("/costs/admin/"));
    assert_eq!(anonymous.get("/costs/admin/stats").location(), Some("/costs/admin/login?next=%2Fadmin%2Fstats"));
    let spoken: serde_json::Value = anonymous.get("/costs/api/openapi.json").json();
    assert_eq!(spoken["servers"][0]["url"], "https://example.com/costs");
    assert!(anonymous.get("/costs/api/docs").text().contains("https://example.com/costs/api/v1/integrations"));

    let mut person = Person::at(&format!("{}/costs", anonymous.origin));
    let page = person.get("/admin/login");
    assert!(page.cookies()[0].starts_with("__Secure-pitlane_guest=") && page.cookies()[0].contains("Path=/costs/"));
    let fields = [("form_token", person.form_token.as_str()), ("email", EMAIL), ("password", PASSWORD)];
    let form = person.form("/admin/login", &fields).header("Origin", "https://example.com");
    let welcome = person.send(form);
    assert_eq!((welcome.status, welcome.location()), (303, Some("/costs/admin/")), "{}", welcome.text());
    let home = person.get("/admin/");
    assert_eq!(home.status, 200);
    for asset in links(home.text()) {
        assert!(asset.starts_with("/costs/"), "{asset} leads out of the path");
        let found = answer(Client::at(&anonymous.origin).request(Method::GET, &asset));
        assert_ne!(found.status, 404, "{asset}");
    }
    // The rate limit's page is outside of all middleware.
    let limited = Serve { rate_limit: 1, public_url: Some("https://example.com/costs".to_owned()), ..behind_proxy() };
    let small = spawn_on(tempfile::tempdir().unwrap(), limited);
    let client = small.anonymous();
    let refused = (0..400).map(|_| client.get("/costs/admin/login")).find(|page| page.status == 429).unwrap();
    let inside = |path: &str| path.starts_with("/costs/");
    assert!(refused.text().contains("/costs/assets/"), "{}", refused.text());
    for start in ["href=\"/", "src=\"/", "action=\"/"] {
        let mut found = refused.text().split(start).skip(1).map(|rest| format!("/{}", rest.split('"').next().unwrap()));
        assert!(found.all(|path| inside(&path)), "{}", refused.text());
    }
    // A page stores its own address without the path, so that the path is added once.
    let there =
        person.post_from("https://example.com", "/admin/settings/theme", &[("theme", "dark"), ("to", "/admin/stats")]);
    assert_eq!(there.location(), Some("/costs/admin/stats"));
}

/// The addresses of a page's links, forms and files on this server.
fn links(page: &str) -> Vec<String> {
    let after = ["href=\"/", "src=\"/", "action=\"/"].into_iter().flat_map(|start| page.split(start).skip(1));
    let found: Vec<_> = after.map(|rest| format!("/{}", rest.split('"').next().unwrap())).collect();
    assert!(found.len() > 5, "{page}");
    found
}

#[test]
fn the_doctor_tells_of_proxies_that_are_not_believed_or_say_something_else() {
    let program = Program::stocked();
    let said = |server: &Server, host: &str| {
        let login = server.anonymous().request(Method::GET, "/admin/login");
        answer(login.header("X-Forwarded-Host", host).header("X-Forwarded-Proto", "https"));
        // It is noted a moment after the answer.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let doctor = program.run(&["doctor"]).stdout;
            let line = doctor.lines().find(|line| line.contains(" proxies ")).unwrap().to_owned();
            // Earlier notes may name the host as the server's own.
            if line.contains(&format!("name https://{host}")) || line.starts_with("ok") && line.contains("127.0.0.1") {
                return line;
            }
            assert!(std::time::Instant::now() < until, "{doctor}");
        }
    };
    let none = program.run(&["doctor"]).stdout;
    assert!(none.contains("proxies      none was seen"), "{none}");
    let public = ["--public-url", "https://costs.example.com"];
    let server = program.serve(&[&["--backup-at", "off"], &public[..]].concat());
    let line = said(&server, "costs.example.com");
    assert!(line.starts_with("advice") && line.contains("--trusted-proxy 127.0.0.1"), "{line}");
    drop(server);
    let server = program.serve(&[&["--backup-at", "off", "--trusted-proxy", "127.0.0.1"], &public[..]].concat());
    let line = said(&server, "old.example.com");
    assert!(line.starts_with("advice") && line.contains("--public-url https://costs.example.com"), "{line}");
    let line = said(&server, "costs.example.com");
    assert!(line.starts_with("ok") && line.contains("is believed and fits"), "{line}");
}
