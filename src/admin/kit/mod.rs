//! What pages share: the guard, the request context, layout, forms, tables, charts, and formats.

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
