//! What was last handed to Singular: the calendar of days, why one differs, and what to ask Singular for.

mod calendar;
pub mod day;
pub mod mend;
pub mod overview;
pub(in crate::admin) mod words;
