//! Marks of days: provisional while figures may still change, final once the invoice went out.

use super::catalogue::{self, scope};
use super::form::{Form, Kind};
use super::page::FormPage;
use super::visit::{Answer, Visit};
use crate::domain::{Day, DayRange, DayState, Invalid, Reason};
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::service::imports::{self, ImportError};
use crate::store::AdvertiserRow;

fn form(advertiser: &AdvertiserRow) -> Form {
    let states = [("final", "Final: the invoice went out"), ("provisional", "Provisional: figures may still change")];
    let states = states.map(|(value, label)| (value.to_owned(), label.to_owned())).into();
    Form::new(format!("/admin/stats/days{}", scope(advertiser)), "Mark days")
        .or_back_to(format!("/admin/stats{}", scope(advertiser)))
        .field("from", "From", Kind::Date, "")
        .field("to", "To", Kind::Date, "Both days count.")
        .field("days", "They are", Kind::Choice(states), "")
        .field("reason", "Reason", Kind::Text, "Needed where final days become provisional.")
        .optional()
}

async fn answer(visit: &Visit, form: Form) -> Answer {
    let intro = "Final days change only with a reason that stays in the history. Singular is not told of marks: its report is the same.";
    FormPage::answer(visit, "Stats", "Mark days", vec![intro.to_owned()], form).await
}

async fn advertiser(visit: &Visit) -> Result<AdvertiserRow, ClientError> {
    Ok(catalogue::within(visit, |_, _| Ok(Some(()))).await?.0)
}

/// The form.
pub async fn edit(visit: Visit) -> Answer {
    let advertiser = advertiser(&visit).await?;
    let form = form(&advertiser).with("from", visit.query("from")).with("to", visit.query("to")).with("days", "final");
    answer(&visit, form).await
}

fn asked(visit: &Visit) -> Result<(DayRange, DayState, Option<Reason>), Invalid> {
    let days = DayRange::new(Day::parse("from", visit.field("from"))?, Day::parse("to", visit.field("to"))?)
        .map_err(|invalid| Invalid { field: "to", ..invalid })?;
    Ok((days, visit.field("days").parse()?, Reason::parse_optional(visit.field("reason"))?))
}

/// Marks them.
pub async fn save(visit: Visit) -> Answer {
    let advertiser = advertiser(&visit).await?;
    let (days, state, reason) = match asked(&visit) {
        Ok(asked) => asked,
        Err(invalid) => return answer(&visit, form(&advertiser).as_typed(&visit).refused(invalid.into())?).await,
    };
    let (store, actor, row) = (visit.store().clone(), visit.actor(), advertiser.clone());
    let marked =
        crate::telemetry::blocking(move || imports::mark_days(&store, &row, days, state, reason.as_ref(), &actor));
    match marked.await {
        Ok(_) => {
            let (from, to) = (days.from(), days.to());
            Ok(visit.go(&format!("/admin/stats{}&from={from}&to={to}&done=marked", scope(&advertiser))))
        }
        Err(ImportError::Final(days)) => {
            let invalid = Invalid::because("reason", format!("days that are final would be so no more: {days}"));
            answer(&visit, form(&advertiser).as_typed(&visit).refused(ServiceError::Invalid(invalid))?).await
        }
        Err(ImportError::Service(error)) => answer(&visit, form(&advertiser).as_typed(&visit).refused(error)?).await,
        Err(error) => Err(error.into()),
    }
}
