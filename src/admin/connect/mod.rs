//! The pages that connect an advertiser's account in Singular, and partners beside it, with this server.

pub mod check;
pub mod feeds;
pub mod links;
pub mod packet;
pub mod steps;
