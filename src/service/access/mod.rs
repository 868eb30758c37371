//! Who may come in: people with passwords, sessions and two-step log-in, and programs with API tokens.

pub mod admins;
pub mod login;
mod login_throttle;
pub(super) mod secrets;
pub mod sessions;
pub mod tokens;
pub mod two_factor;
