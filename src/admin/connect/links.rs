//! Tracking links: makes one per campaign and publisher from the advertiser's own link, and checks a link in use.
//!
//! The page changes nothing, so its forms use GET and can be bookmarked.

use actix_web::HttpResponse;
use actix_web::http::header;
use askama::Template;

use crate::admin::catalogue::entry;
use crate::admin::catalogue::pick::CHOICES;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::sentence;
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::pages::Pages;
use crate::admin::kit::table::link_to;
use crate::service::connect::links::{LinkProblem, Meant, Pairs, TrackingLink, several_apps, verify};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserRow, CampaignRow, PublisherRow};

const PATH: &str = "/admin/singular/links";

/// Links per page.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "admin/links.html")]
struct Page {
    shell: Shell,
    link: String,
    link_error: String,
    app: String,
    /// The choices; `None` if there are too many, so that a text field is shown.
    apps: Option<Vec<String>>,
    verified: String,
    verified_error: String,
    campaign: String,
    campaigns: Option<Vec<String>>,
    publisher: String,
    publishers: Option<Vec<String>>,
    made: Option<Vec<MadeLink>>,
    pages: Option<Pages>,
    warning: String,
    csv: String,
    found: Option<Found>,
}

/// A tracking link with its ids filled in.
struct MadeLink {
    campaign: String,
    offer: String,
    publisher: String,
    link: String,
}

/// The result of checking a link in use.
struct Found {
    names: String,
    problems: Vec<LinkProblem>,
}

fn parse(text: &str) -> Result<Option<TrackingLink>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    TrackingLink::parse(text).map(Some).map_err(|invalid| sentence(&invalid.reason))
}

fn one_of(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Shows the links made from the one in the query, and the check of the link in use.
pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Singular", "Tracking links")?;
            let pairs = match &shell.advertiser {
                Some(advertiser) => Pairs::load(txn, advertiser.key)?,
                None => Pairs::default(),
            };
            let asked = |name: &str| context.query(name).to_owned();
            let (base, used) = (parse(context.query("link")), parse(context.query("verify")));
            let app = one_of(context.query("app"));
            let (rows, apps) = pairs.of_app(app.as_deref());
            let page = context.query("page").parse().ok().filter(|page| *page > 0).unwrap_or(1_usize);
            let (mut made, mut pages) = (None, None);
            let mut warning = None;
            if let Ok(Some(base)) = &base {
                warning = several_apps(&apps);
                let filled = |(campaign, publisher): &(&CampaignRow, &PublisherRow)| MadeLink {
                    campaign: campaign.name.clone(),
                    offer: campaign.offer.name.clone(),
                    publisher: publisher.name.clone(),
                    link: base.filled(campaign, publisher),
                };
                made = Some(rows.iter().skip((page - 1).saturating_mul(SHOWN)).take(SHOWN).map(filled).collect());
                pages = Pages::new(context, page, SHOWN, rows.len(), "link");
            }
            let mut error = used.as_ref().err().cloned();
            let mut found = None;
            if let Ok(Some(link)) = &used {
                let meant = Meant {
                    campaign: one_of(context.query("campaign")),
                    publisher: one_of(context.query("publisher")),
                };
                match verify(&pairs, link, base.as_ref().ok().and_then(Option::as_ref), &meant) {
                    Ok(verified) => {
                        let names = verified.campaign.zip(verified.publisher).map(|(campaign, publisher)| {
                            format!(
                                "It names campaign “{}” ({}) and publisher “{}”.",
                                campaign.name, campaign.offer.name, publisher.name
                            )
                        });
                        found = Some(Found { names: names.unwrap_or_default(), problems: verified.problems });
                    }
                    Err(ServiceError::Invalid(invalid)) => error = Some(sentence(&invalid.reason)),
                    Err(other) => return Err(other),
                }
            }
            let mut names = [
                pairs.iter().map(|(campaign, _)| campaign.name.clone()).collect::<Vec<_>>(),
                pairs.iter().map(|(_, publisher)| publisher.name.clone()).collect(),
                pairs.iter().map(|(campaign, _)| campaign.store.as_str().to_owned()).collect(),
            ];
            for list in &mut names {
                list.sort_unstable();
                list.dedup();
            }
            let [campaigns, publishers, all_apps] = names.map(|list| (list.len() <= CHOICES as usize).then_some(list));
            Ok::<_, ServiceError>(Page {
                link: asked("link"),
                link_error: base.as_ref().err().cloned().unwrap_or_default(),
                app: asked("app"),
                apps: all_apps,
                verified: asked("verify"),
                verified_error: error.unwrap_or_default(),
                campaign: asked("campaign"),
                campaigns,
                publisher: asked("publisher"),
                publishers,
                made,
                pages,
                warning: warning.map(|warning| format!("{warning}. Choose the link’s app above.")).unwrap_or_default(),
                csv: link_to(
                    context,
                    &format!("{PATH}.csv"),
                    &[("verify", ""), ("campaign", ""), ("publisher", ""), ("page", "")],
                ),
                found,
                shell,
            })
        })
        .await
}

/// The links as CSV.
pub async fn download(context: RequestContext) -> Answer {
    let (advertiser, ()): (AdvertiserRow, ()) = entry::within(&context, |_, _| Ok(Some(()))).await?;
    let base = TrackingLink::parse(context.query("link"))?;
    let app = one_of(context.query("app"));
    let key = advertiser.key;
    let csv =
        context.run(move |context| csv(&context.store().read(|txn| Pairs::load(txn, key))?, &base, app.as_deref()));
    let csv = csv.await?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"tracking-links.csv\""))
        .body(csv))
}

fn csv(pairs: &Pairs, base: &TrackingLink, app: Option<&str>) -> ServiceResult<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| ServiceError::Internal(format!("links can't be written: {error}"));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let head = ["campaign_name", "campaign_id", "offer_name", "partner", "partner_id", "store_id", "os", "link"];
    writer.write_record(head).map_err(|error| failed(&error))?;
    for (campaign, publisher) in pairs.of_app(app).0 {
        let record = [
            format::unformulaic(&campaign.name),
            campaign.id.to_string(),
            format::unformulaic(&campaign.offer.name),
            format::unformulaic(&publisher.name),
            publisher.id.to_string(),
            campaign.store.as_str().to_owned(),
            campaign.store.os().to_string(),
            base.filled(campaign, publisher),
        ];
        writer.write_record(record).map_err(|error| failed(&error))?;
    }
    writer.into_inner().map_err(|error| failed(&error))
}
