//! The set-up link that makes the first admin, and the link by which somebody who was invited chooses a password.

use actix_web::web;
use secrecy::ExposeSecret as _;

use super::form::{Form, Kind};
use super::login::ANOTHER;
use super::page::FormPage;
use super::visit::{Answer, Visit};
use crate::domain::{Email, Invalid};
use crate::service::admins::{self, Password};
use crate::service::{ServiceError, sessions};
use crate::store::{AdminRow, SetupLink};

fn form(visit: &Visit, whose: Option<&AdminRow>) -> Form {
    let form = Form::new(visit.path(), if whose.is_some() { "Save password" } else { "Create the account" });
    let form = match whose {
        Some(person) => form.field("email", "", Kind::Hidden, "").with("email", person.email.clone()),
        None => form
            .field("email", "E-mail", Kind::Email, "What you log in with. Pitlane sends no mail.")
            .with("email", visit.field("email")),
    };
    form.field("new_password", "Password", Kind::Password, "12 characters or more. A sentence is easier to remember.")
        .field("again", "Password again", Kind::Password, "")
}

/// The page behind a link.
pub async fn page(visit: Visit, secret: web::Path<String>) -> Answer {
    let link = visit.run(move |visit| admins::find_setup_link(visit.store(), &secret)).await?;
    match link {
        SetupLink::Open(whose) => open(&visit, whose.as_ref(), form(&visit, whose.as_ref())).await,
        gone => closed(&visit, &gone).await,
    }
}

async fn open(visit: &Visit, whose: Option<&AdminRow>, form: Form) -> Answer {
    let (title, intro) = if let Some(person) = whose {
        ("Choose your password", format!("You log in as {}. Any sessions you have elsewhere end.", person.email))
    } else {
        let words = "This account may change everything. It is the first step; four more lead to Singular.";
        ("Set Pitlane up", words.to_owned())
    };
    FormPage::answer_outside(visit, title, vec![intro], Some(form)).await
}

async fn closed(visit: &Visit, link: &SetupLink) -> Answer {
    let gone = match link {
        SetupLink::Used => "This link was used already, and works no more.",
        SetupLink::Expired => {
            "This link has expired: set-up links work for 30 minutes, links for a password for a day."
        }
        _ => "This link is not known: a newer one may have replaced it.",
    };
    let intro = vec![gone.to_owned(), "Another admin makes a new link for a password, under Settings.".to_owned()];
    FormPage::answer_outside(visit, "This link works no more", [intro, vec![ANOTHER.to_owned()]].concat(), None).await
}

/// Makes the admin, or sets the password, and logs them in.
pub async fn save(visit: Visit, secret: web::Path<String>) -> Answer {
    let secret = secret.into_inner();
    let asked = secret.clone();
    let link = visit.run(move |visit| admins::find_setup_link(visit.store(), &asked)).await?;
    let SetupLink::Open(whose) = link else { return closed(&visit, &link).await };
    let done = visit
        .run(move |visit| {
            let email: Email = visit.field("email").parse()?;
            let password = new_password(visit)?;
            let admin = admins::set_up(visit.store(), &secret, &email, &password, visit.browser())?;
            sessions::start(visit.store(), &admin, visit.browser(), "log in")
        })
        .await;
    match done {
        Ok(cookie) => Ok(visit.go_logged_in("/admin/", cookie.expose_secret())),
        Err(error) => open(&visit, whose.as_ref(), form(&visit, whose.as_ref()).refused(error)?).await,
    }
}

/// A password that was typed twice.
pub(super) fn new_password(visit: &Visit) -> Result<Password, ServiceError> {
    let wrong = |invalid: Invalid| Invalid { field: "new_password", ..invalid };
    let password = Password::parse(visit.field("new_password")).map_err(wrong)?;
    if visit.field("new_password") != visit.field("again") {
        return Err(Invalid::because("again", "the two passwords differ").into());
    }
    Ok(password)
}
