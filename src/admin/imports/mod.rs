//! An import in the browser: upload, column mapping, preview; then the list of imports, each one's changes, and its undo.

pub mod list;
pub mod mapping;
pub mod preview;
pub mod saved_mappings;
pub mod undo;
pub mod upload;
