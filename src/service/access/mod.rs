//! Authentication: people with passwords, sessions and two-step log-in, and programs with API tokens.

pub mod access_log;
pub mod account;
pub mod admins;
pub(super) mod lanes;
pub mod login;
mod login_throttle;
pub(super) mod secrets;
pub mod sessions;
pub mod tokens;
pub mod two_factor;
