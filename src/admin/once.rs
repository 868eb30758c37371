//! The address that shows a page with a secret once.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::ExposeSecret as _;

use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::layout::Shell;

/// The page kept under this id; on the second visit, what to do instead.
pub async fn show(context: RequestContext, id: web::Path<String>) -> Answer {
    if let Some(html) = context.state().one_time.take(&context.session()?.id_sha256, &id) {
        let response =
            HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html.expose_secret().to_owned());
        return Ok(response);
    }
    let message = "A secret is shown once, and Pitlane does not keep it. If you have not copied it: revoke the token and \
                   generate another, or make another link or other codes.";
    let links = [("Go to the tokens", "/admin/tokens"), ("Go to the settings", "/admin/settings")];
    let links = links.map(|(label, href)| (label.to_owned(), href.to_owned())).into();
    context
        .show_as(StatusCode::GONE, move |context, txn| {
            let shell = Shell::new(context, txn, "", "This was shown already")?;
            Ok(FormPage { shell, intro: vec![message.to_owned()], form: None, links })
        })
        .await
}
