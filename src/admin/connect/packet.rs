//! The packet for Singular's integration team, as a download.

use actix_web::HttpResponse;
use actix_web::http::header;
use chrono::Utc;

use crate::admin::catalogue::entry;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::domain::Name;
use crate::service::connect::packet::{self, PacketRequest};
use crate::store::AdvertiserRow;

const PATH: &str = "/admin/singular/packet";

async fn page(context: &RequestContext, advertiser: &AdvertiserRow, form: Form) -> Answer {
    let mut intro = vec![
        format!(
            "A zip for Singular’s integration team, about {}: one document to print, OpenAPI, JSON Schema, sample answers.",
            advertiser.name
        ),
        "It contains a sandbox token that reads made-up days. Making another packet revokes the earlier packet's token."
            .to_owned(),
    ];
    intro.extend(packet::warnings(context.origin()));
    FormPage::answer(context, "Singular", "Packet for Singular’s team", intro, form).await
}

fn form(context: &RequestContext, advertiser: &AdvertiserRow) -> Form {
    let scope = format!("?advertiser={}", advertiser.id);
    Form::new(format!("{PATH}{scope}"), "Download packet")
        .or_back_to(format!("/admin/singular/connect{scope}"))
        .field("contact", "Contact", Kind::Text, "Whom Singular’s team may ask: a name, an e-mail address.")
        .with("contact", context.session().map(|session| session.admin.email.clone()).unwrap_or_default())
}

/// Asks whom Singular's team can write to, before the packet is made.
pub async fn ask(context: RequestContext) -> Answer {
    let (advertiser, ()): (AdvertiserRow, ()) = entry::within(&context, |_, _| Ok(Some(()))).await?;
    page(&context, &advertiser, form(&context, &advertiser)).await
}

/// Makes the packet and sends it. The sandbox token of the previous packet is revoked.
pub async fn make(context: RequestContext) -> Answer {
    let (advertiser, ()): (AdvertiserRow, ()) = entry::within(&context, |_, _| Ok(Some(()))).await?;
    let folder = folder(&advertiser.name);
    let (owner, name) = (advertiser.clone(), folder.clone());
    let made = context
        .run(move |context| {
            let contact = Name::parse("contact", context.field("contact"))?.to_string();
            let request = PacketRequest { advertiser: owner, url: context.origin().to_owned(), contact };
            packet::make(context.store(), &request, &context.actor(), Utc::now())?.zip(&name)
        })
        .await;
    match made {
        Ok(zip) => Ok(HttpResponse::Ok()
            .content_type("application/zip")
            .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{folder}.zip\"")))
            .body(zip)),
        Err(error) => page(&context, &advertiser, form(&context, &advertiser).as_typed(&context).refused(error)?).await,
    }
}

/// A folder name that is valid on every system.
fn folder(advertiser: &str) -> String {
    let kept: String =
        advertiser.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let parts: Vec<_> = kept.split('-').filter(|part| !part.is_empty()).collect();
    let name: String = parts.join("-").chars().take(60).collect();
    if name.is_empty() { "singular-packet".to_owned() } else { format!("singular-packet-{name}") }
}
