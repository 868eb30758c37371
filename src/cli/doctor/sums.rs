//! The doctor's check of the stored sums.

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
    let told = faults.iter().take(TOLD).map(|fault| store.read(|txn| message(txn, fault)));
    let mut found = told.map(|told| Ok(finding(Verdict::Problem, told?))).collect::<ServiceResult<Vec<_>>>()?;
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
