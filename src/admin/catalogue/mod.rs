//! Advertisers, apps, offers, campaigns and publishers. [`entry`] holds the pages that the last four share.

pub mod advertisers;
pub mod apps;
pub mod campaigns;
pub mod entry;
pub mod offers;
pub mod pick;
pub mod publishers;
pub mod recent;
