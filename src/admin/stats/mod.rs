//! Daily figures: the list of rows, one row with its history, and the state of days (provisional or final).

pub mod cell;
pub mod day_status;
pub mod download;
pub mod groups;
pub mod names;
pub mod rows;
pub mod statement;
pub mod tables;
pub mod view;
