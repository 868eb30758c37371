//! The repository's documents: references to sections, files and sources lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where text may cite the contract or link to a document.
const PLACES: &[&str] = &["src", "tests", "templates", "docs", "benches", "fuzz", "packaging", "assets"];
const FILES: &[&str] = &["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "schema.sql", "Cargo.toml"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            let name = entry.file_name();
            if name != "vendor" && name != "target" && name != "node_modules" && name != "corpus" {
                collect(&path, found);
            }
        } else {
            // A picture or a database has a name, but no text.
            let text = fs::read_to_string(&path).unwrap_or_default();
            found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
        }
    }
}

fn texts() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for place in PLACES {
        collect(&root().join(place), &mut found);
    }
    found.extend(FILES.iter().map(|file| (PathBuf::from(file), fs::read_to_string(root().join(file)).unwrap())));
    found
}

/// The section numbers in citations such as `contract §4`, including those that follow as `, §5` or `and §5`.
fn cited(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for (at, start) in text.match_indices("ontract §") {
        let mut rest = &text[at + start.len()..];
        loop {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            numbers.push(rest[..digits].parse().unwrap_or(0));
            rest = &rest[digits..];
            match [", §", " and §", ", and §", " or §"].iter().find_map(|between| rest.strip_prefix(between)) {
                Some(next) => rest = next,
                None => break,
            }
        }
    }
    numbers
}

#[test]
fn contract_sections_that_are_cited_exist() {
    let contract = fs::read_to_string(root().join("docs/contract.md")).unwrap();
    let sections: BTreeSet<u32> =
        contract.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(". ")?.0.parse().ok()).collect();
    let mut count = 0;
    // This file holds made-up citations.
    for (path, text) in texts().into_iter().filter(|(path, _)| !path.ends_with("tests/it/documents.rs")) {
        let inside = path.ends_with("docs/contract.md");
        let numbers = if inside { numbers_after_sign(&text) } else { cited(&text) };
        for number in numbers {
            count += 1;
            assert!(sections.contains(&number), "{} cites contract §{number}, which does not exist", path.display());
        }
    }
    assert!(count > 80, "only {count} citations were found");
}

/// The contract cites its own sections by the sign alone.
fn numbers_after_sign(text: &str) -> Vec<u32> {
    text.split('§').skip(1).filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}

#[test]
fn several_sections_in_one_citation_are_all_read() {
    assert_eq!(
        cited(concat!("(con", "tract §4 and §5), Con", "tract §1, §3, and so on; con", "tract §x")),
        [4, 5, 1, 3, 0]
    );
}

#[test]
fn links_between_documents_lead_to_files() {
    let mut count = 0;
    for (path, text) in texts() {
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") || target.contains(' ') || target.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let there = root().join(path.parent().unwrap()).join(target);
            assert!(there.exists(), "{} links to {target}, which does not exist", path.display());
        }
    }
    assert!(count > 10, "only {count} links were found");
}

#[test]
fn files_that_documents_name_exist() {
    let mut missing = Vec::new();
    for name in ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/contract.md", "docs/security.md"] {
        let text = fs::read_to_string(root().join(name)).unwrap();
        // Every second piece is between backticks.
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path =
                ["src/", "tests/", "benches/", "docs/", "packaging/"].iter().any(|start| quoted.starts_with(start));
            let is_plain = quoted.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let file = quoted.trim_end_matches('/');
            if is_path && is_plain && !root().join(file).exists() && !root().join(format!("{file}.rs")).exists() {
                missing.push(format!("{name}: {quoted}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn by_products_of_tools_are_not_kept() {
    for (path, _) in texts() {
        let name = path.to_string_lossy();
        let is_stray = name.contains(".schemathesis") || name.ends_with("-shm") || name.ends_with("-wal");
        assert!(!is_stray, "{name} is a by-product of a tool: have it written elsewhere");
    }
}
