//! Log-in, set-up of the first admin, a person's own settings, and the people who may log in.

pub mod alarms;
pub mod login;
pub mod people;
pub mod settings;
pub mod setup;
pub mod two_factor;
