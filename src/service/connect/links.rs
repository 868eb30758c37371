//! Tracking links whose `pcid`, `pcn` and `psid` equal the values in the cost report, so that Singular can join installs and
//! cost.
//!
//! A link is kept as it was pasted, macros included; only the three parameters are removed and added at the end of its query.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::domain::{CampaignId, Invalid, PublisherId};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignKey, CampaignRow, Merges, PublisherKey, PublisherRow, ReadTxn};

/// The parameters that must equal the report's values, in the order in which links have them.
const PARAMETERS: [&str; 3] = ["pcid", "pcn", "psid"];

/// A tracking link of the advertiser, as Singular made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackingLink {
    /// The part before the query.
    address: String,
    /// The query's parameters as written, including the three.
    parameters: Vec<String>,
    /// The part from `#` on, if there is one.
    fragment: String,
}

impl TrackingLink {
    /// Parses a link. Only its outline is checked, because an advertiser may use its own domain.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::value("link", text, "a tracking link, such as https://example.sng.link/Abc12/wxyz");
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(wrong)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong());
        }
        let (before, fragment) = text.find('#').map_or((text, ""), |at| text.split_at(at));
        let (address, query) = before.split_once('?').unwrap_or((before, ""));
        let parameters = if query.is_empty() { Vec::new() } else { query.split('&').map(str::to_owned).collect() };
        Ok(Self { address: address.to_owned(), parameters, fragment: fragment.to_owned() })
    }

    fn name(parameter: &str) -> &str {
        parameter.split('=').next().unwrap_or_default()
    }

    /// The values of a parameter, as written.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters
            .iter()
            .filter(move |parameter| Self::name(parameter) == name)
            .map(|parameter| parameter.split_once('=').map_or("", |(_, value)| value))
    }

    /// The link without the three parameters.
    fn bare(&self) -> Self {
        let ours = |parameter: &String| PARAMETERS.contains(&Self::name(parameter));
        Self {
            parameters: self.parameters.iter().filter(|parameter| !ours(parameter)).cloned().collect(),
            ..self.clone()
        }
    }

    /// The link with the three parameters for this campaign and publisher.
    #[must_use]
    pub fn filled(&self, campaign: &CampaignRow, publisher: &PublisherRow) -> String {
        let mut link = self.bare();
        for (name, value) in PARAMETERS.iter().zip(said(campaign, publisher)) {
            link.parameters.push(format!("{name}={}", encoded(&value)));
        }
        link.to_string()
    }
}

impl std::fmt::Display for TrackingLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)?;
        if !self.parameters.is_empty() {
            write!(f, "?{}", self.parameters.join("&"))?;
        }
        f.write_str(&self.fragment)
    }
}

/// The report's values for a campaign and publisher, in the order of [`PARAMETERS`].
fn said(campaign: &CampaignRow, publisher: &PublisherRow) -> [String; 3] {
    [campaign.id.to_string(), campaign.offer.name.clone(), publisher.id.to_string()]
}

/// A value encoded for a query: everything but unreserved characters (RFC 3986, section 2.3) as `%XX`, blanks included.
fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// A query's value, decoded.
fn decoded(text: &str) -> String {
    let pairs = format!("v={}", text.replace('&', "%26"));
    form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// An advertiser's campaigns, the publishers, and which of them have stats together.
#[derive(Debug, Default)]
pub struct Pairs {
    campaigns: BTreeMap<CampaignKey, CampaignRow>,
    publishers: BTreeMap<PublisherKey, PublisherRow>,
    with_stats: BTreeSet<(CampaignKey, PublisherKey)>,
    merges: Merges,
}

impl Pairs {
    pub fn load(txn: &ReadTxn<'_>, advertiser: AdvertiserKey) -> ServiceResult<Self> {
        Ok(Self {
            campaigns: txn.campaign_list(advertiser)?.into_iter().map(|row| (row.key, row)).collect(),
            publishers: txn.publisher_list()?.into_iter().map(|row| (row.key, row)).collect(),
            with_stats: txn.stat_pairs(advertiser)?.into_iter().collect(),
            merges: txn.merges()?,
        })
    }

    /// All campaigns and publishers with stats together, without merged ones.
    pub fn iter(&self) -> impl Iterator<Item = (&CampaignRow, &PublisherRow)> {
        let pair = |(campaign, publisher)| Some((self.campaigns.get(campaign)?, self.publishers.get(publisher)?));
        let is_shown = |(campaign, publisher): &&(CampaignKey, PublisherKey)| {
            self.merges.hid_campaign(*campaign).is_none() && self.merges.hid_publisher(*publisher).is_none()
        };
        self.with_stats.iter().filter(is_shown).filter_map(move |(campaign, publisher)| pair((campaign, publisher)))
    }

    /// The same for the campaigns of one app, by its store id, or of all apps; and the store ids of all apps among them.
    #[must_use]
    pub fn of_app(&self, app: Option<&str>) -> (Vec<(&CampaignRow, &PublisherRow)>, BTreeSet<&str>) {
        let is_wanted = |store_id: &str| app.is_none_or(|app| app == store_id);
        let found: Vec<_> = self.iter().filter(|(campaign, _)| is_wanted(campaign.store.as_str())).collect();
        let apps = found.iter().map(|(campaign, _)| campaign.store.as_str()).collect();
        (found, apps)
    }

    fn campaign(&self, id: CampaignId) -> Option<&CampaignRow> {
        self.campaigns.values().find(|campaign| campaign.id == id)
    }

    fn publisher(&self, id: PublisherId) -> Option<&PublisherRow> {
        self.publishers.values().find(|publisher| publisher.id == id)
    }
}

/// The warning if links are made for campaigns of several apps.
#[must_use]
pub fn several_apps(apps: &BTreeSet<&str>) -> Option<String> {
    (apps.len() > 1).then(|| {
        let apps = apps.iter().copied().collect::<Vec<_>>().join(", ");
        format!("Singular's links belong to one app each, and these campaigns run on several: {apps}")
    })
}

/// The campaign and publisher that a link is meant for, if they were given.
#[derive(Debug, Clone, Default)]
pub struct Meant {
    /// The campaign's name or id.
    pub campaign: Option<String>,
    /// The publisher's name or id.
    pub publisher: Option<String>,
}

/// A problem with a link.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LinkProblem {
    /// The parameter, or `link`.
    pub parameter: &'static str,
    /// `missing`, `twice`, `unknown`, `other`, `spelling`.
    pub code: &'static str,
    /// What is wrong, and what Singular shows because of it.
    pub message: String,
}

/// What a link contains, and its problems.
#[derive(Debug)]
pub struct Verified<'p> {
    /// The campaign of its `pcid`.
    pub campaign: Option<&'p CampaignRow>,
    /// The publisher of its `psid`.
    pub publisher: Option<&'p PublisherRow>,
    /// Empty if the link is right.
    pub problems: Vec<LinkProblem>,
}

/// Compares a link in use with the catalogue, with the advertiser's own link (`base`), and with what it is meant for.
pub fn verify<'p>(
    pairs: &'p Pairs,
    link: &TrackingLink,
    base: Option<&TrackingLink>,
    meant: &Meant,
) -> ServiceResult<Verified<'p>> {
    let mut check = Check { link, problems: Vec::new() };
    if let Some(base) = base.filter(|base| base.bare() != link.bare()) {
        check.add(
            "link",
            "other",
            format!(
                "without pcid, pcn and psid it is {}, but expected {}: Singular counts its clicks for another app, \
             partner or \
             campaign",
                link.bare(),
                base.bare(),
            ),
        );
    }
    let [campaign_id, offer_name, publisher_id] = PARAMETERS.map(|name| check.value(name));
    let campaign = campaign_id.and_then(|text| text.parse().ok()).and_then(|id| pairs.campaign(id));
    let publisher = publisher_id.and_then(|text| text.parse().ok()).and_then(|id| pairs.publisher(id));
    if let Some(text) = campaign_id {
        check.id("pcid", text, campaign.map(|campaign| campaign.id.to_string()), "campaign of this advertiser");
    }
    if let Some(text) = publisher_id {
        check.id("psid", text, publisher.map(|publisher| publisher.id.to_string()), "publisher");
    }
    if let (Some(text), Some(campaign)) = (offer_name, campaign) {
        check.offer(text, &campaign.offer.name, pairs);
    }
    if let (Some(campaign), Some(publisher)) = (campaign, publisher)
        && !pairs.with_stats.contains(&(campaign.key, publisher.key))
    {
        check.add("psid", "other", format!(
            "{} has no stats with campaign {}: if it is another publisher's link, its installs are shown beside the wrong cost",
            Invalid::echo(&publisher.name), Invalid::echo(&campaign.name),
        ));
    }
    if let Some(into) = campaign.and_then(|row| merged(row.key, pairs.merges.campaign(row.key), &pairs.campaigns)) {
        check.merged("pcid", &into.name, &into.id.to_string());
    }
    if let Some(into) = publisher.and_then(|row| merged(row.key, pairs.merges.publisher(row.key), &pairs.publishers)) {
        check.merged("psid", &into.name, &into.id.to_string());
    }
    check.meant(pairs, campaign, publisher, meant)?;
    Ok(Verified { campaign, publisher, problems: check.problems })
}

/// What an entry was merged into.
fn merged<K: Copy + Ord, R>(key: K, meant: K, rows: &BTreeMap<K, R>) -> Option<&R> {
    if meant == key { None } else { rows.get(&meant) }
}

struct Check<'l> {
    link: &'l TrackingLink,
    problems: Vec<LinkProblem>,
}

impl<'l> Check<'l> {
    fn add(&mut self, parameter: &'static str, code: &'static str, message: String) {
        self.problems.push(LinkProblem { parameter, code, message });
    }

    /// The one value of a parameter, as written.
    fn value(&mut self, name: &'static str) -> Option<&'l str> {
        let mut values = self.link.values(name);
        let value = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() {
            self.add(name, "twice", "is there more than once: it isn't known which one Singular uses".to_owned());
        }
        if value.is_none() {
            let then = match name {
                "pcid" => "Singular can't join installs to a campaign's cost: they are in separate rows",
                "pcn" => "Singular shows these installs without a campaign's name",
                _ => "Singular can't tell which publisher brought an install, and spreads cost by estimate",
            };
            self.add(name, "missing", format!("is missing: {then}"));
        }
        value
    }

    fn merged(&mut self, name: &'static str, into: &str, id: &str) {
        let into = Invalid::echo(into);
        let message = format!("names what was merged into {into}: write {id}, where the cost is now");
        self.add(name, "other", message);
    }

    /// An id must exist, and be written as in the report.
    fn id(&mut self, name: &'static str, text: &str, found: Option<String>, what: &str) {
        match found {
            None => self.add(
                name,
                "unknown",
                format!(
                    "is {}, which isn't a {what}: cost and installs are in separate rows",
                    Invalid::echo(&decoded(text)),
                ),
            ),
            Some(id) if id != text => self.add(
                name,
                "spelling",
                format!(
                    "is written {}; the report writes {id}, and Singular may not take the two for one",
                    Invalid::echo(text),
                ),
            ),
            Some(_) => {}
        }
    }

    /// The name must be that of the campaign's offer, encoded for a query.
    fn offer(&mut self, text: &str, name: &str, pairs: &Pairs) {
        let (says, right) = (decoded(text), encoded(name));
        if says != name {
            let other = pairs.campaigns.values().any(|campaign| campaign.offer.name == says);
            let (code, which) =
                if other { ("other", "another offer") } else { ("unknown", "not an offer of this advertiser") };
            self.add(
                "pcn",
                code,
                format!(
                    "is {}, which is {which}; the campaign of pcid belongs to {}: Singular shows two campaigns",
                    Invalid::echo(&says),
                    Invalid::echo(name),
                ),
            );
        } else if text != right {
            self.add("pcn", "spelling", format!("is written {}; write {right}", Invalid::echo(text)));
        }
    }

    fn meant(
        &mut self,
        pairs: &Pairs,
        campaign: Option<&CampaignRow>,
        publisher: Option<&PublisherRow>,
        meant: &Meant,
    ) -> ServiceResult<()> {
        let unknown = |field, text: &str, what: &str| ServiceError::from(Invalid::value(field, text, what));
        if let Some(text) = &meant.campaign {
            let wanted = pairs.campaigns.values().find(|row| row.name == *text || row.id.to_string() == *text);
            let wanted = wanted.ok_or_else(|| unknown("campaign", text, "a campaign's name or id"))?;
            if let Some(found) = campaign.filter(|found| found.key != wanted.key) {
                self.add("pcid", "other", format!("names campaign {}, not {}", found.name, wanted.name));
            }
        }
        if let Some(text) = &meant.publisher {
            let wanted = pairs.publishers.values().find(|row| row.name == *text || row.id.to_string() == *text);
            let wanted = wanted.ok_or_else(|| unknown("publisher", text, "a publisher's name or id"))?;
            if let Some(found) = publisher.filter(|found| found.key != wanted.key) {
                self.add("psid", "other", format!("names publisher {}, not {}", found.name, wanted.name));
            }
        }
        Ok(())
    }
}
