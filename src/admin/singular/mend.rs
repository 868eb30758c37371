//! Actions on the ledger: note that a refresh request was sent; accept days that will differ for good.

use chrono::Utc;

use super::overview;
use crate::admin::catalogue::entry;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::layout::back;
use crate::domain::{Day, DayRange};
use crate::service::ledger::{self, Detail, Ledger};
use crate::store::AdvertiserRow;

const PATH: &str = "/admin/singular";

pub async fn sent(context: RequestContext) -> Answer {
    let (advertiser, ()): (AdvertiserRow, ()) = entry::within(&context, |_, _| Ok(Some(()))).await?;
    let from = Day::parse("from", context.field("from"))?;
    let days = DayRange::new(from, Day::parse("to", context.field("to"))?)?;
    let id = advertiser.id;
    context
        .run(move |context| ledger::refresh_sent(context.store(), &advertiser, days, &context.actor(), Utc::now()))
        .await?;
    Ok(context.go(&back(PATH, Some(id), "refresh-sent")))
}

/// Accepts all days that will differ for good.
pub async fn accept(context: RequestContext) -> Answer {
    let (advertiser, ()): (AdvertiserRow, ()) = entry::within(&context, |_, _| Ok(Some(()))).await?;
    let id = advertiser.id;
    context
        .run(move |context| {
            let now = Utc::now();
            let days: Vec<Day> = context.store().read(|txn| {
                let ledger = Ledger::of(txn, &advertiser, None, Detail::States, now)?;
                Ok::<_, crate::service::ServiceError>(overview::lasting(&ledger).collect())
            })?;
            ledger::accept_days(context.store(), &advertiser, &days, &context.actor(), now)
        })
        .await?;
    Ok(context.go(&back(PATH, Some(id), "accepted")))
}
