//! The pages that connect this server with an advertiser's account in Singular, and with other partners.

pub mod check;
pub mod feeds;
pub mod links;
pub mod packet;
pub mod steps;
