//! The direction of imports (docs/architecture.md), read off the source: which layer may import which, which files may not
//! import each other, who may see SQLite, who may use `anyhow`, and how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A layer, and the layers it may import. An edge that is not here does not exist.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("telemetry", &[]),
    ("config", &["domain"]),
    ("import", &["domain"]),
    ("store", &["domain", "telemetry"]),
    ("service", &["domain", "telemetry", "import", "store"]),
    // Uploads are distinguished by `import::Format`, and blocking work uses `telemetry`.
    ("http", &["domain", "telemetry", "config", "import", "store", "service"]),
    ("api", &["domain", "telemetry", "import", "store", "service", "http"]),
    ("admin", &["domain", "telemetry", "import", "store", "service", "http"]),
    // The route table names reports.
    ("server", &["domain", "telemetry", "config", "store", "http", "api", "admin"]),
    ("cli", &["domain", "telemetry", "config", "import", "store", "service", "server"]),
    ("main", &["cli"]),
    // Declares the layers and imports none.
    ("lib", &[]),
];

/// A package, and the one layer that may use it.
const ONLY_IN: &[(&str, &str)] = &[
    ("rusqlite", "store"),
    ("rusqlite_migration", "store"),
    ("r2d2", "store"),
    ("r2d2_sqlite", "store"),
    ("anyhow", "cli"),
];

/// Circles of files that still exist. This list may only shrink: a circle that is gone must be removed from it.
const OPEN_CIRCLES: &[&[&str]] = &[];

/// Files must have fewer lines.
const LONGEST: usize = 400;

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The lines of code with their numbers, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().zip(1..).filter(|(line, _)| !line.trim_start().starts_with("//")).map(|(line, number)| (number, line))
}

/// The layers that a line names: `crate::layer`, `pitlane::layer`, or as many `super::` as lead out of the layer.
fn named(line: &str, depth: usize) -> Vec<&str> {
    let mut layers = Vec::new();
    for root in ["crate::", "pitlane::"] {
        for (at, _) in line.match_indices(root) {
            if !line[..at].ends_with(is_word) {
                let rest = &line[at + root.len()..];
                layers.push(rest.split(|c| !is_word(c)).next().unwrap_or_default());
            }
        }
    }
    let out = "super::".repeat(depth);
    for (at, _) in line.match_indices(&out) {
        let next = line[at + out.len()..].split(|c| !is_word(c)).next().unwrap_or_default();
        // Another `super` is in a module inside of the file; `super::*` there is the file itself.
        if MAY_IMPORT.iter().any(|(layer, _)| *layer == next) {
            layers.push(next);
        }
    }
    layers
}

/// What a file does that its layer may not. `depth` is how many `super` lead from the file out of its layer.
fn violations(layer: &str, depth: usize, text: &str) -> Vec<String> {
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == layer) else {
        return vec![format!("{layer} is a layer that the table does not know")];
    };
    let mut found = Vec::new();
    for (number, line) in code(text) {
        for named in named(line, depth) {
            if named.is_empty() {
                found.push(format!("line {number}: names several layers at once; one use for each can be checked"));
            } else if named != layer && !allowed.contains(&named) {
                found.push(format!("line {number}: {layer} may not import {named}"));
            }
        }
        let packages =
            line.split(|c| !is_word(c)).filter_map(|word| ONLY_IN.iter().find(|(package, _)| *package == word));
        for (package, owner) in packages {
            if *owner != layer {
                found.push(format!("line {number}: only {owner} may use {package}"));
            }
        }
    }
    let lines = text.lines().count();
    if lines >= LONGEST {
        found.push(format!("{lines} lines; a file stays under {LONGEST}"));
    }
    found
}

/// All `.rs` files below `dir`.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

/// The paths in a file's `use` and code, one by one, with groups expanded: `a::{b, c::d}` is `a::b`, `a::c::d`.
fn paths(text: &str) -> Vec<String> {
    let bare: String = code(text).map(|(_, line)| line.to_owned() + "\n").collect();
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in bare.match_indices(root) {
            if !bare[..at].ends_with(|c| is_word(c) || c == ':') {
                spread(String::new(), &bare[at..], &mut found);
            }
        }
    }
    found
}

/// Reads a path, or the first group of paths, at the beginning of `text`; returns the rest.
fn spread<'t>(mut path: String, text: &'t str, found: &mut Vec<String>) -> &'t str {
    let end = text.find(|c| !is_word(c) && c != ':').unwrap_or(text.len());
    path.push_str(&text[..end]);
    let Some(mut rest) = text[end..].strip_prefix('{') else {
        found.push(path);
        return &text[end..];
    };
    loop {
        rest = spread(path.clone(), rest.trim_start(), found).trim_start();
        // `as` gives another name.
        rest = rest.trim_start_matches("as ").trim_start_matches(is_word).trim_start();
        match rest.strip_prefix(',') {
            Some(next) if !next.trim_start().starts_with('}') => rest = next,
            Some(next) => return next.trim_start().strip_prefix('}').unwrap_or_default(),
            None => return rest.strip_prefix('}').unwrap_or_default(),
        }
    }
}

/// Files that import each other by way of others, each circle sorted. `texts` holds files by their module's path; a layer's
/// or sub-layer's `mod.rs` is no file here, since whoever is below may use what it declares.
fn circles(texts: &BTreeMap<String, String>) -> Vec<Vec<String>> {
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, text) in texts {
        for path in paths(text) {
            let mut at: Vec<&str> = module.split("::").collect();
            let mut steps = path.split("::").peekable();
            if steps.next_if_eq(&"crate").is_some() {
                at.clear();
            }
            while steps.next_if_eq(&"super").is_some() {
                at.pop();
            }
            at.extend(steps);
            let named = (1..=at.len()).rev().find_map(|length| texts.get_key_value(&at[..length].join("::")));
            if let Some((named, _)) = named.filter(|(named, _)| *named != module) {
                edges.entry(module).or_default().insert(named);
            }
        }
    }
    let reach = |from: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = next.pop() {
            for named in edges.get(file.as_str()).into_iter().flatten() {
                if seen.insert((*named).to_owned()) {
                    next.push((*named).to_owned());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = texts.keys().map(|file| (file, reach(file))).collect();
    let found: BTreeSet<Vec<String>> = texts
        .keys()
        .filter(|file| reached[file].contains(*file))
        .map(|file| reached[file].iter().filter(|other| reached[other].contains(file)).cloned().collect())
        .collect();
    found.into_iter().collect()
}

#[test]
fn no_files_import_each_other() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = BTreeMap::new();
    for file in sources(&src) {
        let inside = file.strip_prefix(&src).unwrap().with_extension("");
        let module = inside.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>().join("::");
        // Tests may use what they test.
        if !module.ends_with("mod") && !module.ends_with("tests") {
            texts.insert(module, std::fs::read_to_string(&file).unwrap());
        }
    }
    assert_eq!(circles(&texts), OPEN_CIRCLES);
}

#[test]
fn the_checker_finds_a_circle_in_every_spelling() {
    let found = |files: &[(&str, &str)]| {
        let texts = files.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned())).collect();
        circles(&texts)
    };
    for back in [
        "use super::a::X;",
        "use super::{a, c};",
        "fn f(x: crate::r::a::X) {}",
        "use crate::r::{c::Y,\n    a::{X, Z},\n};",
    ] {
        assert_eq!(found(&[("r::a", "use super::b;"), ("r::b", back)]), [["r::a", "r::b"]], "{back}");
    }
    let three = [("r::a", "use super::b::B;"), ("r::b", "use super::s::c::C;"), ("r::s::c", "use super::super::a::A;")];
    assert_eq!(found(&three), [["r::a", "r::b", "r::s::c"]]);
    let none = [
        ("r::a", "use super::b::B;\n// use super::a;"),
        ("r::b", "use super::{C, s as t};"),
        ("r::s", "use super::a;"),
    ];
    assert_eq!(found(&none), [["r::a", "r::b", "r::s"]]);
    assert_eq!(found(&none[..2]), Vec::<Vec<String>>::new());
}

#[test]
fn imports_go_in_one_direction_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&src);
    assert!(files.len() > 50, "only {} files were found", files.len());
    let mut report = String::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        let layer = parts[0].trim_end_matches(".rs");
        let is_parent = parts.last().is_some_and(|name| *name == "mod.rs");
        let depth = parts.len() - usize::from(is_parent);
        for violation in violations(layer, depth, &std::fs::read_to_string(&file).unwrap()) {
            writeln!(report, "src/{}: {violation}", inside.display()).unwrap();
        }
    }
    assert_eq!(report, "");
}

#[test]
fn layers_only_import_earlier_layers() {
    for (at, (layer, allowed)) in MAY_IMPORT.iter().enumerate() {
        for import in *allowed {
            let place = MAY_IMPORT.iter().position(|(known, _)| known == import);
            assert!(place.is_some_and(|place| place < at), "{layer} imports {import}, which does not come before it");
        }
    }
}

#[test]
fn the_checker_finds_a_bad_import_in_every_spelling() {
    let one = |layer, depth, line| violations(layer, depth, line).join("; ");
    assert_eq!(one("store", 2, "use crate::http::ClientError;"), "line 1: store may not import http");
    assert_eq!(one("domain", 2, "fn f(store: &crate::store::Store) {}"), "line 1: domain may not import store");
    assert_eq!(one("service", 2, "use super::super::http::wrap;"), "line 1: service may not import http");
    assert_eq!(one("config", 1, "use super::store::Store;"), "line 1: config may not import store");
    assert_eq!(one("main", 1, "use pitlane::server::Application;"), "line 1: main may not import server");
    assert_eq!(one("api", 2, "use rusqlite::Connection;"), "line 1: only store may use rusqlite");
    assert_eq!(one("service", 2, "fn f() -> anyhow::Result<()> {}"), "line 1: only cli may use anyhow");
    assert_ne!(one("cli", 2, "use crate::{http, api};"), "");
    assert_ne!(one("helpers", 1, ""), "");
    assert_ne!(one("api", 2, &"\n".repeat(400)), "");
}

#[test]
fn the_checker_lets_good_imports_pass() {
    let text =
        "// use crate::http::ClientError;\nuse crate::domain::Day;\nuse super::report;\nuse super::super::service;";
    assert_eq!(violations("service", 3, text), Vec::<String>::new());
    assert_eq!(violations("main", 1, "pitlane::cli::run()"), Vec::<String>::new());
}
