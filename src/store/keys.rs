//! Surrogate keys: small integers for rows, one type per table. They are only used inside of the program.

macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) i64);

        impl $name {
            /// The number, for report rows and temporary files.
            #[must_use]
            pub fn get(self) -> i64 {
                self.0
            }
        }

        /// A key that was stored as a number in between.
        impl From<i64> for $name {
            fn from(key: i64) -> Self {
                Self(key)
            }
        }
    )+};
}

keys! {
    /// An advertiser's surrogate key.
    AdvertiserKey;
    /// An app's surrogate key.
    AppKey;
    /// An offer's surrogate key.
    OfferKey;
    /// A campaign's surrogate key.
    CampaignKey;
    /// A publisher's surrogate key.
    PublisherKey;
    /// An import's surrogate key.
    ImportKey;
    /// A token's surrogate key.
    TokenKey;
    /// A feed's surrogate key.
    FeedKey;
}
