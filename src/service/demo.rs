//! A realistic sample advertiser: three apps, five offers, six publishers, ninety days.
//!
//! Names, ids and figures depend on the day only, so two demos agree on every day they share. Only the token is random.

use chrono::Utc;
use uuid::Uuid;

use crate::domain::{Count, Currency, Day, Figures, Invalid, Micros, Name, Os, StoreId};
use crate::service::imports::{CellWriter, Written};
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{CampaignKey, ImportKind, ImportRow, NewImport, PublisherKey, StatCell, StatKey, Store};

pub const ADVERTISER: &str = "Northwind Games";

/// How many days the sample has.
pub const DAYS: u64 = 90;

const APPS: [(&str, Os, &str); 3] = [
    ("Coin Game", Os::Android, "com.northwind.coingame"),
    ("Coin Game", Os::Ios, "1498765432"),
    ("Northwind Arcade", Os::Web, "arcade.northwind.example"),
];

/// Name, campaign name, index of the app, clicks on an ordinary day, conversions per thousand clicks, price in millionths.
const OFFERS: [(&str, &str, usize, u64, u64, u64); 5] = [
    ("Coin Game: reach level 10", "AOS_LEVEL10_2026", 0, 420, 46, 1_850_000),
    ("Coin Game: first purchase", "AOS_PURCHASE_2026", 0, 160, 21, 6_400_000),
    ("Coin Game for iPhone", "IOS_INSTALL_2026", 1, 310, 58, 2_725_000),
    ("Coin Game for iPhone: week 2", "IOS_RETENTION_2026", 1, 90, 33, 4_100_000),
    ("Arcade sign-up", "WEB_SIGNUP_2026", 2, 240, 80, 937_500),
];

const PUBLISHERS: [&str; 6] =
    ["Lumen Newsletter", "Pixel Parade", "Tapwell Rewards", "Orbit OEM", "Mika Plays", "Dealhound"];

/// Fills an empty store with the ninety days that end with `last`. If the store isn't empty, fails and changes nothing.
pub fn fill(store: &Store, last: Day) -> ServiceResult<()> {
    let now = Utc::now();
    let actor = Actor::command_line();
    store.write(|txn| {
        if !txn.is_empty()? {
            return Err(Invalid::because("data directory", "is not empty; the demo fills only an empty one").into());
        }
        let mut chance = Rng::new(0);
        let name = |text: &str| Name::parse("name", text);
        let advertiser = txn.advertiser_create(
            chance.uuid().into(),
            &name(ADVERTISER)?,
            Currency::parse("USD")?,
            "America/New_York".parse()?,
            now,
        )?;
        let mut apps = Vec::new();
        for (app, os, store_id) in APPS {
            let store_id = StoreId::parse(os, store_id)?;
            apps.push(txn.app_create(advertiser.key, chance.uuid().into(), &name(app)?, &store_id, now)?);
        }
        let mut campaigns = Vec::new();
        for (offer, campaign, app, ..) in OFFERS {
            let key = txn.offer_create(advertiser.key, chance.uuid().into(), &name(offer)?, true, now)?;
            let spare = chance.uuid().into();
            campaigns.push(txn.campaign_create(advertiser.key, spare, &name(campaign)?, key, apps[app], now)?.0);
        }
        let mut publishers = Vec::new();
        for publisher in PUBLISHERS {
            publishers.push(txn.publisher_create(chance.uuid().into(), &name(publisher)?, now)?);
        }
        let import = txn.import_begin(&NewImport {
            id: chance.uuid().into(),
            kind: ImportKind::Demo,
            source: "the demo's sample",
            actor: &actor.name,
            reason: None,
            token: None,
            undoes: None,
            now,
        })?;
        let mut writer = CellWriter::new(txn, import, false, None)?;
        let mut rows = 0;
        let first = last.earlier(DAYS - 1).unwrap_or(last);
        for day in first.to_stored()..=last.to_stored() {
            for (campaign, publisher, figures) in sample_day(day, &campaigns, &publishers)? {
                let key = StatKey { advertiser: advertiser.key, day, campaign, publisher };
                rows += 1;
                writer.put(StatCell { key, figures }, rows, &mut |_| {})?;
            }
        }
        let Written { counts, .. } = writer.finish(&mut |_| {})?;
        txn.import_finish(import, &ImportRow { rows, ..counts })?;
        txn.audit_add(&actor.did("demo fill", ADVERTISER), now)?;
        Ok::<_, ServiceError>(())
    })
}

/// The figures of a day: not every publisher runs every offer, weekends are stronger, and some days are far off.
fn sample_day(
    day: i64,
    campaigns: &[CampaignKey],
    publishers: &[PublisherKey],
) -> Result<Vec<(CampaignKey, PublisherKey, Figures)>, Invalid> {
    let mut rows = Vec::new();
    // 1970-01-01 was a Thursday, so 2 and 3 are Saturday and Sunday.
    let weekend = if matches!(day.rem_euclid(7), 2 | 3) { 135 } else { 100 };
    for ((offer, campaign), number) in OFFERS.iter().zip(campaigns).zip(1_u64..) {
        for (publisher, place) in publishers.iter().zip(1_u64..) {
            if (number * 7 + place * 3) % 5 < 2 {
                continue;
            }
            let mut chance = Rng::new(day.unsigned_abs() << 16 | number << 8 | place);
            let wild = if chance.below(60) == 0 { 3 } else { 1 };
            let clicks = offer.3 * weekend * (60 + chance.below(80)) * wild / (10_000 * place);
            let conversions = clicks * (offer.4 * (70 + chance.below(60)) / 100) / 1000;
            let count = |field, count: u64| Count::new(field, count.try_into().unwrap_or(i64::MAX));
            rows.push((
                *campaign,
                *publisher,
                Figures {
                    clicks: count("clicks", clicks)?,
                    cost: Micros::new((conversions * offer.5).try_into().unwrap_or(i64::MAX))?,
                    views: count("views", clicks * (18 + chance.below(14)))?,
                    conversions: count("conversions", conversions)?,
                },
            ));
        }
    }
    Ok(rows)
}

/// `SplitMix64`: a random number generator with the same results everywhere.
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn uuid(&mut self) -> Uuid {
        let [high, low] = [self.next(), self.next()].map(u64::to_be_bytes);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high);
        bytes[8..].copy_from_slice(&low);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}
