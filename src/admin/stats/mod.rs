//! Daily figures: the list of rows, one cell with its history, and the status of days (provisional or final).

pub mod cell;
pub mod day_status;
pub mod rows;
