//! Marking days: provisional while figures may still change, final once they are invoiced.

use crate::admin::catalogue::entry::{self, scope};
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::domain::{Day, DayRange, DayState, Invalid, Reason};
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::service::imports::{self, ImportError};
use crate::store::AdvertiserRow;

fn form(advertiser: &AdvertiserRow) -> Form {
    let states = [("final", "Final: ready to invoice"), ("provisional", "Provisional: figures may still change")];
    let states = states.map(|(value, label)| (value.to_owned(), label.to_owned())).into();
    Form::new(format!("/admin/stats/days{}", scope(advertiser)), "Mark days")
        .or_back_to(format!("/admin/stats{}", scope(advertiser)))
        .field("from", "From", Kind::Date, "")
        .field("to", "To", Kind::Date, "Inclusive.")
        .field("days", "Mark as", Kind::Choice(states), "")
        .field("reason", "Reason", Kind::Text, "Required to reopen final days.")
        .optional()
}

async fn answer(context: &RequestContext, form: Form) -> Answer {
    let intro = "Final days can be changed only with a reason, which is kept in the history. Marking days doesn't change what Singular receives.";
    FormPage::answer(context, "Stats", "Mark days", vec![intro.to_owned()], form).await
}

async fn advertiser(context: &RequestContext) -> Result<AdvertiserRow, ClientError> {
    Ok(entry::within(context, |_, _| Ok(Some(()))).await?.0)
}

pub async fn edit(context: RequestContext) -> Answer {
    let advertiser = advertiser(&context).await?;
    let form =
        form(&advertiser).with("from", context.query("from")).with("to", context.query("to")).with("days", "final");
    answer(&context, form).await
}

fn asked(context: &RequestContext) -> Result<(DayRange, DayState, Option<Reason>), Invalid> {
    let days = DayRange::new(Day::parse("from", context.field("from"))?, Day::parse("to", context.field("to"))?)
        .map_err(|invalid| Invalid { field: "to", ..invalid })?;
    Ok((days, context.field("days").parse()?, Reason::parse_optional(context.field("reason"))?))
}

pub async fn save(context: RequestContext) -> Answer {
    let advertiser = advertiser(&context).await?;
    let (days, state, reason) = match asked(&context) {
        Ok(asked) => asked,
        Err(invalid) => return answer(&context, form(&advertiser).as_typed(&context).refused(invalid.into())?).await,
    };
    let (store, actor, row) = (context.store().clone(), context.actor(), advertiser.clone());
    let marked =
        crate::telemetry::blocking(move || imports::mark_days(&store, &row, days, state, reason.as_ref(), &actor));
    match marked.await {
        Ok(_) => {
            let (from, to) = (days.from(), days.to());
            Ok(context.go(&format!("/admin/stats{}&from={from}&to={to}&done=marked", scope(&advertiser))))
        }
        Err(ImportError::Final(days)) => {
            let invalid = Invalid::because("reason", format!("this would reopen final days: {days}"));
            answer(&context, form(&advertiser).as_typed(&context).refused(ServiceError::Invalid(invalid))?).await
        }
        Err(ImportError::Service(error)) => {
            answer(&context, form(&advertiser).as_typed(&context).refused(error)?).await
        }
        Err(error) => Err(error.into()),
    }
}
