//! What the doctor says of the sums that are kept beside the stats.

use super::{Finding, Verdict};
use crate::domain::{Day, phrase};
use crate::service::ServiceResult;
use crate::store::{AdvertiserRow, ReadTxn, Store, StoreError, SumFault, SumOf, SummedDays};

pub(super) const CHECK: &str = "sums";

/// At most so many faults are told one by one.
const TOLD: usize = 20;

/// Whether the kept sums are what the cells come to; with `mend` they are made so.
pub(super) fn findings(store: &Store, mend: bool) -> ServiceResult<Vec<Finding>> {
    let faults = store.read(|txn| txn.sum_faults())?;
    let finding = |verdict, message| Finding { check: CHECK, verdict, message };
    if faults.is_empty() {
        return Ok(vec![finding(
            Verdict::Ok,
            "the kept sums of days and months are what the cells come to".to_owned(),
        )]);
    }
    let told = faults.iter().take(TOLD).map(|fault| store.read(|txn| message(txn, fault)));
    let mut found = told.map(|told| Ok(finding(Verdict::Problem, told?))).collect::<ServiceResult<Vec<_>>>()?;
    let count = i64::try_from(faults.len()).unwrap_or(i64::MAX);
    let sums = phrase::plural(count, "kept sum");
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
        found.push(finding(Verdict::Advice, format!("{sums} differed and were summed anew from the cells")));
    } else {
        let message = format!(
            "{sums} differ. Singular is handed the cells; pages, the ledger and the general report show the sums. To sum those months anew: \
             pitlane doctor --deep --mend-sums"
        );
        found.push(finding(Verdict::Problem, message));
    }
    Ok(found)
}

fn message(txn: &ReadTxn<'_>, fault: &SumFault) -> ServiceResult<String> {
    let advertiser = txn.advertiser_by_key(fault.advertiser)?;
    let what = match fault.of {
        SumOf::Day(day) => Day::from_stored(day)?.to_string(),
        SumOf::Month(first, campaign, publisher) => {
            let campaign = txn.campaign_list(advertiser.key)?.into_iter().find(|row| row.key == campaign);
            let publisher = txn.publisher_list()?.into_iter().find(|row| row.key == publisher);
            let missing = || "(missing)".to_owned();
            format!(
                "{}, campaign \"{}\" at \"{}\"",
                Day::from_stored(first)?.date().format("%Y-%m"),
                campaign.map_or_else(missing, |row| row.name),
                publisher.map_or_else(missing, |row| row.name),
            )
        }
    };
    let shown = |sum| shown(sum, &advertiser);
    let (kept, cells) = (shown(fault.kept)?, shown(fault.cells)?);
    Ok(format!("\"{}\" {what}: kept are {kept}; the cells come to {cells}", advertiser.name))
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
