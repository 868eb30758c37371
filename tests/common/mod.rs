//! What the test binaries share: one HTTP client, the program with data directories of its own, repeatable random numbers.
//! `serving.rs` beside it runs the server inside the test's own process, for the binaries that link the library.

pub(crate) mod http;
pub(crate) mod program;
pub(crate) mod rng;
pub(crate) mod shim;
