//! Advertisers, apps, offers, campaigns and publishers. [`entry`] holds the pages that the last four share.

pub mod advertisers;
pub mod apps;
pub mod campaigns;
pub mod entry;
pub mod merge;
pub mod moves;
pub mod offers;
pub mod owner;
pub mod pick;
pub mod publishers;
pub mod recent;
