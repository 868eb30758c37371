//! What connects an advertiser's account in Singular, and partners beside it, with this server: tracking links, feeds, the
//! check from outside, the packet for Singular's integration team.

pub mod check;
pub mod feeds;
pub mod fields;
pub mod links;
pub mod packet;
pub mod progress;
pub mod sandbox;
