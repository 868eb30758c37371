//! An import in the browser: upload, column mapping, preview; then the list of imports, each one's changes, and its undo.

pub mod adjust;
pub(in crate::admin) mod change_table;
pub mod list;
pub mod mapping;
mod mapping_form;
mod mapping_questions;
mod name_list;
pub mod preview;
pub mod saved_mappings;
mod settle;
pub mod undo;
pub mod upload;
