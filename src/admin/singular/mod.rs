//! What Singular last received: the calendar of days, why a day differs, and what to ask Singular for.

mod calendar;
pub mod day;
pub mod mend;
pub mod overview;
pub(in crate::admin) mod words;
