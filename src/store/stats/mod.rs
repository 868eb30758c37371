//! The one big table: its writer, the readers of reports and pages, the history of values, and the versions of days.

pub(super) mod daily_stats;
pub(super) mod day_status;
pub(super) mod held;
pub(super) mod history;
pub(super) mod lists;
pub(super) mod pages;
pub(super) mod record;
pub(super) mod row;
pub(super) mod scan;
pub(super) mod statements;
pub(super) mod sum_changes;
pub(super) mod sum_check;
pub(super) mod sums;
pub(super) mod versions;
pub(super) mod walk;
