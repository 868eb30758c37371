//! Secrets are stored nowhere: after all kinds of use and misuse, every file in the data directory and everything the program
//! printed is searched for them.

use crate::common::program::{Ended, Program, files};
use crate::fixtures::{DAILY_STATS, SINGULAR_JSON, may};

const PASSWORD: &str = "correct horse battery staple";
const OTHER_PASSWORD: &str = "Tr0ub4dor and three more";

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// Fails if any file of the data directory contains any of the secrets.
fn search_files(program: &Program, secrets: &[(&str, String)]) {
    let files = files(program.data());
    assert!(files.iter().any(|(path, _)| path.ends_with("pitlane.db")), "{} files", files.len());
    for (path, bytes) in files {
        for (whose, secret) in secrets {
            assert!(!contains(&bytes, secret), "{} holds {whose}", path.display());
        }
    }
}

/// Fails if the output contains any of the secrets.
fn search_output(what: &str, ended: &Ended, secrets: &[(&str, String)]) {
    for (whose, secret) in secrets {
        assert!(!ended.stdout.contains(secret), "the stdout of {what} holds {whose}");
        assert!(!ended.stderr.contains(secret), "the stderr of {what} holds {whose}");
    }
}

/// The token, and its secret part.
fn halves(whose: &'static str, token: &str) -> [(&'static str, String); 2] {
    [(whose, token.to_owned()), (whose, token[21..64].to_owned())]
}

#[test]
fn no_secret_is_in_any_file_or_output_after_use_and_misuse() {
    let program = Program::new();
    program.ok(&["advertiser", "create", "--name", "Acme"]);
    let issue = |scope: &str| {
        let created = program.run(&["token", "create", "--advertiser", "Acme", "--name", "Singular", "--scope", scope]);
        assert!(!created.stderr.contains("plt_"), "{}", created.stderr);
        created.done().trim_end().to_owned()
    };
    let (report, ingest, revoked) = (issue("report"), issue("ingest"), issue("report"));
    let stranger = crate::routes::with_check(&format!("plt_{}_{}", "a".repeat(16), "Zyx".repeat(15).split_at(43).0));
    let email = "ann@example.com";
    let created = program.run_on(format!("{PASSWORD}\n"), &["admin", "create", "--email", email, "--password-stdin"]);
    let reset = program
        .run_on(format!("{OTHER_PASSWORD}\n"), &["admin", "reset-password", "--email", email, "--password-stdin"]);
    let link = program.ok(&["admin", "setup-link"]).trim_end().to_owned();
    let link_secret = link.rsplit('/').next().unwrap().to_owned();
    assert_eq!(link_secret.len(), 64);

    let mut secrets = vec![("a password", PASSWORD.to_owned()), ("a password", OTHER_PASSWORD.to_owned())];
    secrets.push(("the set-up link", link_secret));
    secrets.extend(halves("the report token", &report));
    secrets.extend(halves("the ingest token", &ingest));
    secrets.extend(halves("the revoked token", &revoked));
    secrets.extend(halves("an unknown token", &stranger));
    secrets.extend(halves("a wrong token", &wrong(&report)));

    let server = program.start("serve", "trace");
    let client = |token: &str| server.anonymous().with(token);
    assert_eq!(client(&report).get(&may(SINGULAR_JSON)).status, 200);
    assert_eq!(client(&report).get(SINGULAR_JSON).status, 400);
    assert_eq!(client(&ingest).post(DAILY_STATS, "text/csv", "date\nnonsense\n").status, 400);
    assert_eq!(client(&ingest).get(&may(SINGULAR_JSON)).status, 403);
    assert_eq!(client(&wrong(&report)).get(&may(SINGULAR_JSON)).status, 401);
    assert_eq!(client(&stranger).get(&may(SINGULAR_JSON)).status, 401);
    assert_eq!(client(&report[..60]).get(&may(SINGULAR_JSON)).status, 401);
    let in_query = format!("{}&token={report}", may(SINGULAR_JSON));
    assert_eq!(server.anonymous().get(&in_query).status, 401);
    let misused = program.run(&["token", "revoke", &stranger]);
    assert_eq!(misused.code, Some(1), "{}", misused.stderr);
    let ended = program.run(&["token", "revoke", &revoked]);
    assert_eq!(client(&revoked).get(&may(SINGULAR_JSON)).status, 401);
    search_files(&program, &secrets);
    let stopped = server.stop();
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("DEBUG") || stopped.stderr.contains("TRACE"), "it logged nothing to search");
    search_files(&program, &secrets);
    let listed = program.run(&["token", "list"]);
    let listed_json = program.run(&["--json", "token", "list"]);
    let doctor = program.run(&["--json", "doctor"]);
    for (what, ended) in [
        ("serve", stopped),
        ("admin create", created),
        ("admin reset-password", reset),
        ("token revoke", ended),
        ("token revoke of an unknown one", misused),
        ("token list", listed),
        ("token list --json", listed_json),
        ("doctor", doctor),
    ] {
        search_output(what, &ended, &secrets);
    }
}

/// The token's id with another secret.
fn wrong(token: &str) -> String {
    crate::routes::with_check(&format!("{}_{}", &token[..20], "Q".repeat(43)))
}

#[test]
fn the_search_finds_a_secret_that_is_there() {
    assert!(contains(b"xxsecretxx", "secret"));
    assert!(!contains(b"xxsecrexx", "secret"));
}

#[test]
fn the_demos_token_is_on_stdout_and_in_no_file_or_log() {
    let program = Program::new();
    let server = program.start("demo", "trace");
    let token = server.greeting.split("token: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    let secrets = halves("the demo's token", &token);
    search_files(&program, &secrets);
    let ended = server.stop();
    search_files(&program, &secrets);
    assert!(!ended.stderr.contains(&secrets[1].1));
}
