//! The database file: opening, locks, schema and migrations, free disk space, backup, restore, import markers.

pub(super) mod backup;
pub(super) mod before_open;
pub(super) mod disk;
pub(super) mod epoch;
pub(super) mod import_marker;
mod leftovers;
pub(super) mod lock;
pub(super) mod open;
pub(super) mod restore;
pub(super) mod schema;
mod soundness;
pub(super) mod stay_shut;
pub(super) mod summary;
pub(super) mod trailer;
mod truncated;
pub(super) mod upgrade;
