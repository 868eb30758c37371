//! Connecting this server with an advertiser's account in Singular, and with other partners: tracking links, feeds, the check
//! from outside, the packet for Singular's integration team.

pub mod check;
pub mod feeds;
pub mod fields;
pub mod links;
pub mod packet;
pub mod progress;
pub mod sandbox;
