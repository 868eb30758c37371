//! The report's fields and their names in Singular, according to the mapping in Singular's help center for connectors of this
//! kind.

/// A field of the report.
#[derive(Debug)]
pub struct Field {
    /// Its key in an item of the report.
    pub key: &'static str,
    /// Its name in Singular; `None` if Singular ignores it.
    pub singular: Option<&'static str>,
    /// A description of its value.
    pub about: &'static str,
}

const fn field(key: &'static str, singular: Option<&'static str>, about: &'static str) -> Field {
    Field { key, singular, about }
}

/// In the order of the report.
pub static FIELDS: &[Field] = &[
    field("date", Some("Date"), "The day, in the advertiser's time zone"),
    field("offer_name", Some("Network campaign name"), "The name that users see"),
    field("partner_id", Some("Publisher site ID"), "The publisher: a UUID that never changes"),
    field("app", None, "The app's name"),
    field("store_id", Some("Site public ID"), "App Store digits, Google Play package, or host name"),
    field("os", Some("OS"), "IOS, ANDROID or WEB"),
    field("campaign_name", None, "The advertiser's own name of the campaign"),
    field("campaign_id", Some("Network campaign ID"), "The campaign: a UUID that never changes"),
    field("cost", Some("Original cost"), "Exact decimal, at most 6 digits behind the point"),
    field("clicks", Some("Network clicks"), "Whole number"),
];
