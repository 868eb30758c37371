//! The tests that `docs/security.md` names exist.

use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files below a directory.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let rust = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "rs");
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).filter(rust).collect()
}

/// Whether the file belongs to the module of this name.
fn is_of(path: &Path, module: &str) -> bool {
    let parts = path.iter().map(|part| part.to_str().unwrap().trim_end_matches(".rs"));
    parts.rev().take(2).any(|part| part == module)
}

#[test]
fn every_test_that_a_promise_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let (_, promises) = text.split_once("| when | what is promised | tested by |").unwrap();
    let rows = promises.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut named = 0;
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let before = named;
        for test in tests.split('`').skip(1).step_by(2) {
            let Some((suite, path)) = test.split_once(' ') else {
                assert!(root.join("tests").join(test).is_dir(), "there is no suite {test}");
                named += 1;
                continue;
            };
            let (module, name) = path.rsplit_once("::").unwrap();
            let dir = if suite == "lib" { root.join("src") } else { root.join("tests").join(suite) };
            let wanted = format!("fn {name}(");
            let has = |file: &PathBuf| is_of(file, module) && fs::read_to_string(file).unwrap().contains(&wanted);
            assert!(sources(&dir).iter().any(has), "there is no test {test}");
            named += 1;
        }
        assert!(named > before, "a promise without a test: {row}");
    }
    assert!(named > 50, "{named}");
}
