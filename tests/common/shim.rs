//! The shim between the program and its disk, which breaks writes and cuts the power: `tests/shim/shim.c`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles it into `dir`; what `LD_PRELOAD` takes.
pub(crate) fn compile(dir: &Path) -> PathBuf {
    let (source, library) = (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim/shim.c"), dir.join("shim.so"));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library).args([source, "-ldl"]);
    assert!(cc.status().unwrap().success(), "the shim did not compile");
    library
}
