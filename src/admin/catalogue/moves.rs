//! A campaign's move to another offer or app.

use actix_web::web;
use chrono::Utc;

use crate::admin::catalogue::entry::{Entry as _, NAV, address, found};
use crate::admin::catalogue::pick;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::layout::back;
use crate::admin::kit::stale;
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::service::catalogue::{self as changes, Change};
use crate::store::{AdvertiserRow, AppRow, CampaignRow, OfferRow};

/// The field that says which target the person has seen the effects for.
const TOLD_OF: &str = "told_of";

async fn form(context: &RequestContext, owner: &AdvertiserRow, campaign: &CampaignRow) -> Result<Form, ClientError> {
    let (owner, campaign) = (owner.clone(), campaign.clone());
    let form = context.run(move |context| {
        context.store().read(|txn| {
            let page = format!("/{}", campaign.id());
            let form = Form::new(address::<CampaignRow>(&owner, &format!("{page}/move")), "See what would change")
                .or_back_to(address::<CampaignRow>(&owner, &page));
            let hint = "Singular shows its name as the campaign's.";
            let form = pick::field::<OfferRow>(txn, owner.key, form, "offer", "Offer", hint)?;
            let form = pick::field::<AppRow>(
                txn,
                owner.key,
                form,
                "app",
                "App",
                "Singular receives its store id and system.",
            )?;
            let app = changes::app_of(txn, &owner, &campaign)?;
            let form = with_offer(form, &campaign.offer).with("app", app.id.to_string());
            Ok::<_, ServiceError>(form.based_on_now().field(TOLD_OF, "", Kind::Hidden, ""))
        })
    });
    Ok(form.await?)
}

/// Chooses the offer: by its id in a list, by its name in a text field.
fn with_offer(form: Form, offer: &OfferRow) -> Form {
    let is_listed = form.fields.iter().any(|field| field.name == "offer" && field.is_choice());
    let value = if is_listed { offer.id.to_string() } else { offer.name.clone() };
    form.with("offer", value)
}

async fn page(context: &RequestContext, campaign: &CampaignRow, told: Vec<String>, form: Form) -> Answer {
    let (os, store) = (campaign.store.os(), campaign.store.as_str());
    let mut intro = vec![format!("It runs the offer “{}” on {} ({os} {store}).", campaign.offer.name, campaign.app)];
    intro.extend(told);
    FormPage::answer(context, NAV, format!("Move {}", campaign.name), intro, form).await
}

/// Asks where the campaign is to be moved.
pub async fn ask(context: RequestContext, id: web::Path<String>) -> Answer {
    let (owner, campaign, _) = found::<CampaignRow>(&context, id.into_inner()).await?;
    let form = form(&context, &owner, &campaign).await?;
    page(&context, &campaign, Vec::new(), form).await
}

/// Shows what the move changes; moves the campaign once the person has seen that.
pub async fn save(context: RequestContext, id: web::Path<String>) -> Answer {
    let (owner, campaign, _) = found::<CampaignRow>(&context, id.into_inner()).await?;
    let blank = form(&context, &owner, &campaign).await?;
    if let Some(form) = stale::refused(&context, &blank, "campaign", campaign.name.clone()).await? {
        return page(&context, &campaign, Vec::new(), form).await;
    }
    let (whose, which) = (owner.clone(), campaign.clone());
    let done = context
        .run(move |context| {
            let (offer, app, told) = context.store().read(|txn| {
                let offer: OfferRow = pick::find(txn, whose.key, "offer", context.field("offer"))??;
                let app: AppRow = pick::find(txn, whose.key, "app", context.field("app"))??;
                let told = changes::move_outlook(txn, &whose, &which, (&offer, &app), Utc::now())?;
                Ok::<_, ServiceError>((offer, app, told))
            })?;
            // The effects depend on whether the offers have cost reporting on.
            let is_shown = [&which.offer, &offer].map(|offer| offer.cost_reporting);
            let place = format!("{} {} {is_shown:?}", offer.id, app.id);
            let is_here = which.offer.key == offer.key && which.store == app.store;
            // A request without the field comes from a program and is carried out without a question.
            if is_here || context.sent(TOLD_OF).is_some_and(|told_of| told_of != place) {
                return Ok(Some((told, place, offer, app)));
            }
            let change = Change::MoveCampaign(&which, &offer, &app);
            changes::change(context.store(), &whose, &change, &context.actor())?;
            Ok(None)
        })
        .await;
    match done {
        Ok(None) => Ok(context.go(&back("/admin/catalogue/campaigns", Some(owner.id), "moved"))),
        Ok(Some((told, place, offer, app))) => {
            let mut form = with_offer(blank, &offer).with("app", app.id.to_string()).with(TOLD_OF, place);
            form.submit = "Move campaign";
            page(&context, &campaign, told, form).await
        }
        Err(error) => {
            let form = blank.as_typed(&context).refused(error)?;
            page(&context, &campaign, Vec::new(), form).await
        }
    }
}
