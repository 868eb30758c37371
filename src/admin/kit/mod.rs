//! What all pages are made of: the guard, the request's context, layout, forms, tables, charts, and how values are written.

pub mod amount;
pub mod chart;
pub mod context;
pub mod cookies;
pub mod form;
pub mod form_page;
pub mod format;
pub mod guard;
pub mod layout;
pub mod life;
pub mod pages;
pub mod resume;
pub mod stale;
pub mod table;
mod turn;

pub use context::{Answer, RequestContext};
