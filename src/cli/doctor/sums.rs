//! The doctor's check of the stored sums.

use std::collections::HashMap;

use super::{Finding, Verdict};
use crate::domain::{Day, phrase};
use crate::service::ServiceResult;
use crate::store::{AdvertiserRow, ReadTxn, Store, StoreError, SumFault, SumOf, SummedDays};

pub(super) const CHECK: &str = "sums";

/// How many faults are listed.
const TOLD: usize = 20;

/// Checks that the stored sums equal the sums of the cells; with `mend`, corrects them.
pub(super) fn findings(store: &Store, mend: bool) -> ServiceResult<Vec<Finding>> {
    let faults = store.read(|txn| txn.sum_faults())?;
    let finding = |verdict, message| Finding { check: CHECK, verdict, message };
    if faults.is_empty() {
        return Ok(vec![finding(
            Verdict::Ok,
            "the stored sums of days and months equal those of the cells".to_owned(),
        )]);
    }
    let told = store.read(|txn| messages(txn, &faults[..faults.len().min(TOLD)]))?;
    let mut found: Vec<_> = told.into_iter().map(|told| finding(Verdict::Problem, told)).collect();
    let count = i64::try_from(faults.len()).unwrap_or(i64::MAX);
    let sums = phrase::plural(count, "stored sum");
    if mend {
        store.write(|txn| {
            for fault in &faults {
                txn.day_sum_again(fault.advertiser, fault.of.day());
            }
            Ok::<_, StoreError>(())
        })?;
        for finding in &mut found {
            finding.verdict = Verdict::Advice;
        }
        found.push(finding(Verdict::Advice, format!("{sums} differed and were computed again from the cells")));
    } else {
        let message = format!(
            "{sums} differ. Singular's report uses the cells; pages, the ledger and the general report use the sums. \
             To compute those months again: \
             pitlane doctor --deep --mend-sums"
        );
        found.push(finding(Verdict::Problem, message));
    }
    Ok(found)
}

/// The faults in sentences. They are in the order of advertisers, so each one's campaigns are listed once.
fn messages(txn: &ReadTxn<'_>, faults: &[SumFault]) -> ServiceResult<Vec<String>> {
    let publishers = txn.publisher_names()?;
    let mut found = Vec::new();
    for of_one in faults.chunk_by(|one, other| one.advertiser == other.advertiser) {
        let Some(first) = of_one.first() else { continue };
        let advertiser = txn.advertiser_by_key(first.advertiser)?;
        let campaigns = txn.campaign_names(advertiser.key)?;
        for fault in of_one {
            found.push(message(fault, &advertiser, &campaigns, &publishers)?);
        }
    }
    Ok(found)
}

fn message(
    fault: &SumFault,
    advertiser: &AdvertiserRow,
    campaigns: &HashMap<i64, String>,
    publishers: &HashMap<i64, String>,
) -> ServiceResult<String> {
    let what = match fault.of {
        SumOf::Day(day) => Day::from_stored(day)?.to_string(),
        SumOf::Month(first, campaign, publisher) => {
            let name = |name: Option<&String>| name.map_or("(missing)", String::as_str).to_owned();
            format!(
                "{}, campaign \"{}\" at \"{}\"",
                Day::from_stored(first)?.date().format("%Y-%m"),
                name(campaigns.get(&campaign.get())),
                name(publishers.get(&publisher.get())),
            )
        }
    };
    let shown = |sum| shown(sum, advertiser);
    let (kept, cells) = (shown(fault.kept)?, shown(fault.cells)?);
    Ok(format!("\"{}\" {what}: stored {kept}; the cells have {cells}", advertiser.name))
}

fn shown(sum: Option<SummedDays>, advertiser: &AdvertiserRow) -> ServiceResult<String> {
    let Some(SummedDays { days: (first, last), sum }) = sum else { return Ok("nothing".to_owned()) };
    let (first, last) = (Day::from_stored(first)?, Day::from_stored(last)?);
    let days = if first == last { String::new() } else { format!(" from {first} to {last}") };
    Ok(format!(
        "{}{days}, {}, {} {}, {}, {}",
        phrase::plural(sum.rows, "row"),
        phrase::plural(sum.clicks, "click"),
        sum.cost,
        advertiser.currency.code(),
        phrase::plural(sum.views, "view"),
        phrase::plural(sum.conversions, "conversion"),
    ))
}
