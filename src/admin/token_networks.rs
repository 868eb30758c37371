//! The networks from which a token may be used.

use std::collections::BTreeSet;

use actix_web::web;
use chrono::Utc;
use ipnet::IpNet;

use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::layout::back;
use crate::domain::{Invalid, TokenId};
use crate::http::ClientError;
use crate::service::ServiceResult;
use crate::service::access::tokens;
use crate::store::{OrMissing as _, PollFilter, TokenRow};

/// How many of the last polls are searched for addresses to suggest.
const LOOKED_AT: u32 = 200;

/// The token, and the addresses of its answered polls.
fn find(context: &RequestContext, id: &str) -> ServiceResult<(TokenRow, BTreeSet<String>)> {
    let id: TokenId = id.parse()?;
    context.store().read(|txn| {
        let row = txn.token_find(&id)?.or_missing("token", id.as_str())?;
        let filter = PollFilter { token: Some(id), answered: Some(true), limit: LOOKED_AT, ..PollFilter::default() };
        let seen = txn.poll_list(&filter)?.into_iter().map(|poll| poll.address).collect();
        Ok((row, seen))
    })
}

async fn found(context: &RequestContext, id: String) -> Result<(TokenRow, BTreeSet<String>), ClientError> {
    context.run(move |context| find(context, &id)).await.map_err(missing_is_not_found)
}

fn form(row: &TokenRow) -> Form {
    let networks = row.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Form::new(format!("/admin/tokens/{}/networks", row.id), "Save networks")
        .or_back_to(format!("/admin/tokens?advertiser={}", row.advertiser_id))
        .field(
            "networks",
            "Networks",
            Kind::Text,
            "Such as 203.0.113.0/24, 2001:db8::7, separated by commas. Leave it empty to allow any address.",
        )
        .optional()
        .with("networks", networks)
}

async fn page(context: &RequestContext, row: &TokenRow, seen: &BTreeSet<String>, form: Form) -> Answer {
    let seen = if seen.is_empty() {
        "It hasn't been used for a report yet, so there are no addresses to suggest.".to_owned()
    } else {
        format!("Its polls came from {}.", seen.iter().cloned().collect::<Vec<_>>().join(", "))
    };
    let intro = vec![
        "A request with this token from any other address gets 403 and is shown on the home page.".to_owned(),
        "Singular doesn't publish the addresses it polls from, and may change them: a list can stop its polls."
            .to_owned(),
        seen,
    ];
    FormPage::answer(context, "Tokens", format!("Networks of “{}”", row.name), intro, form).await
}

pub async fn edit(context: RequestContext, id: web::Path<String>) -> Answer {
    let (row, seen) = found(&context, id.into_inner()).await?;
    page(&context, &row, &seen, form(&row)).await
}

/// Restricts the token to the networks, or to none.
pub async fn save(context: RequestContext, id: web::Path<String>) -> Answer {
    let (row, seen) = found(&context, id.into_inner()).await?;
    let id = row.id.clone();
    let saved = context
        .run(move |context| {
            let networks = parse(context.field("networks"))?;
            tokens::allow(context.store(), &id, &networks, &context.actor(), Utc::now())
        })
        .await;
    match saved {
        Ok(()) => Ok(context.go(&back("/admin/tokens", Some(row.advertiser_id), "saved"))),
        Err(error) => page(&context, &row, &seen, form(&row).as_typed(&context).refused(error)?).await,
    }
}

fn parse(text: &str) -> Result<Vec<IpNet>, Invalid> {
    let parts = text.split([',', ' ', ';']).map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let network = part.parse().or_else(|_| part.parse::<std::net::IpAddr>().map(IpNet::from));
            network.map_err(|_| Invalid::value("networks", part, "a network such as 203.0.113.0/24, or an address"))
        })
        .collect()
}
