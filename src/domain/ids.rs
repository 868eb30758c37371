//! Typed ids: an `AdvertiserId` never stands where a `CampaignId` belongs.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::Invalid;

macro_rules! uuid_ids {
    ($($(#[doc = $doc:literal])+ $name:ident, $field:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        /// Lower case with hyphens, as on the wire.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Uuid::try_parse(text.trim())
                    .map(Self)
                    .map_err(|_| Invalid::value($field, text, "a UUID such as 7df30136-ff83-4551-b877-fa0f0d8b8f72"))
            }
        }
    )+};
}

uuid_ids! {
    /// The account that pays. Every token belongs to one.
    AdvertiserId, "advertiser";
    /// An app that is advertised.
    AppId, "app";
    /// A partner that promotes offers; `partner_id` in reports.
    PublisherId, "partner_id";
    /// A promotion that users see and publishers run.
    OfferId, "offerId";
    /// The advertiser's own name for an offer on one app. Every row of stats belongs to one.
    CampaignId, "campaign_id";
    /// An entry in the history of changes to the stats.
    ImportId, "import_id";
    /// An upload that isn't imported yet.
    DraftId, "upload";
    /// A person who may log in.
    AdminId, "admin";
    /// A link by which a partner reads cost data.
    FeedId, "feed";
}
