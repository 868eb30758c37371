//! Shared by the test binaries: the HTTP client, the program with its own data directories, repeatable random numbers.
//! `serving.rs` runs the server in the test's own process, for the binaries that link the library.

pub(crate) mod http;
pub(crate) mod program;
pub(crate) mod rng;
pub(crate) mod shim;
