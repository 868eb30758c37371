//! The set-up link that makes the first admin, and the link by which somebody who was invited chooses a password.

use actix_web::web;

use crate::admin::account::login::ANOTHER;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::domain::{Email, Invalid};
use crate::service::ServiceError;
use crate::service::access::admins::{self, Password};
use crate::store::{AdminRow, SetupLink};

fn form(context: &RequestContext, whose: Option<&AdminRow>) -> Form {
    let form = Form::new(context.path(), if whose.is_some() { "Save password" } else { "Create the account" });
    let form = match whose {
        Some(person) => form.field("email", "", Kind::Hidden, "").with("email", person.email.clone()),
        None => form
            .field("email", "E-mail", Kind::Email, "You'll log in with this address.")
            .with("email", context.field("email")),
    };
    form.field("new_password", "Password", Kind::Password, "12 characters or more. A sentence is easier to remember.")
        .field("again", "Password again", Kind::Password, "")
}

/// The page behind a link.
pub async fn page(context: RequestContext, secret: web::Path<String>) -> Answer {
    let link = context.run(move |context| admins::find_setup_link(context.store(), &secret)).await?;
    match link {
        SetupLink::Open(whose) => open(&context, whose.as_ref(), form(&context, whose.as_ref())).await,
        gone => closed(&context, &gone).await,
    }
}

async fn open(context: &RequestContext, whose: Option<&AdminRow>, form: Form) -> Answer {
    let (title, intro) = if let Some(person) = whose {
        ("Choose your password", format!("You log in as {}. Any sessions you have elsewhere end.", person.email))
    } else {
        let message = "This account will be an admin. Next come four short steps until Singular gets its first report.";
        ("Set Pitlane up", message.to_owned())
    };
    FormPage::answer_outside(context, title, vec![intro], Some(form)).await
}

async fn closed(context: &RequestContext, link: &SetupLink) -> Answer {
    let gone = match link {
        SetupLink::Used => "This link has already been used.",
        SetupLink::Expired => {
            "This link has expired: set-up links work for 30 minutes, links for a password for a day."
        }
        _ => "This link is unknown. A newer one may have replaced it.",
    };
    let intro = vec![gone.to_owned(), "Another admin can make a new link for you under Settings.".to_owned()];
    FormPage::answer_outside(context, "This link no longer works", [intro, vec![ANOTHER.to_owned()]].concat(), None)
        .await
}

/// Makes the admin, or sets the password, and logs them in.
pub async fn save(context: RequestContext, secret: web::Path<String>) -> Answer {
    let secret = secret.into_inner();
    let asked = secret.clone();
    let link = context.run(move |context| admins::find_setup_link(context.store(), &asked)).await?;
    let SetupLink::Open(whose) = link else { return closed(&context, &link).await };
    let done = context
        .run(move |context| {
            let email: Email = context.field("email").parse()?;
            let password = new_password(context)?;
            admins::set_up(context.store(), &secret, &email, &password, context.browser())
        })
        .await;
    match done {
        Ok(logged_in) => Ok(context.go_logged_in("/admin/", &logged_in)),
        Err(error) => open(&context, whose.as_ref(), form(&context, whose.as_ref()).refused(error)?).await,
    }
}

/// The new password, if it was typed the same way twice.
pub(in crate::admin) fn new_password(context: &RequestContext) -> Result<Password, ServiceError> {
    let wrong = |invalid: Invalid| Invalid { field: "new_password", ..invalid };
    let password = Password::parse(context.field("new_password")).map_err(wrong)?;
    if context.field("new_password") != context.field("again") {
        return Err(Invalid::because("again", "the two passwords differ").into());
    }
    Ok(password)
}
