//! Logging in and out, and the set-up link that makes the first admin.

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;

use super::form::{Form, Kind};
use super::page::FormPage;
use super::show;
use super::visit::{Answer, Visit};
use crate::domain::Email;
use crate::http::ClientError;
use crate::http::error::Refusal;
use crate::service::admins::{self, Password};
use crate::service::sessions::{self, LogIn};
use crate::store::SetupLink;

/// How to get a set-up link, for whoever runs the machine.
const ANOTHER: &str = "Whoever runs the server gets another one with: pitlane admin setup-link";

/// `/` and `/admin` lead to the start page.
pub async fn start() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((actix_web::http::header::LOCATION, "/admin/")).finish()
}

fn login_form(visit: &Visit) -> Form {
    let next = if visit.field("next").is_empty() { visit.query("next") } else { visit.field("next") };
    Form::new("/admin/login", "Log in")
        .field("email", "E-mail", Kind::Email, "")
        .field("password", "Password", Kind::Password, "")
        .field("next", "", Kind::Hidden, "")
        .with("email", visit.field("email"))
        .with("next", next)
}

/// The log-in page.
pub async fn login(visit: Visit) -> Answer {
    if visit.is_known() {
        return Ok(visit.go(onward(visit.query("next"))));
    }
    let nobody = visit.run(|visit| Ok(visit.store().read(|txn| txn.admins_are_none())?)).await?;
    if nobody {
        let intro = vec![
            "Nobody can log in yet. The server printed a one-time set-up link when it started, and wrote it into its data \
             directory as setup-link.txt."
                .to_owned(),
            ANOTHER.to_owned(),
        ];
        return FormPage::answer_outside(&visit, "Set Pitlane up", intro, None).await;
    }
    FormPage::answer_outside(&visit, "Log in", Vec::new(), Some(login_form(&visit))).await
}

/// Checks the password and starts a session.
pub async fn log_in(visit: Visit) -> Answer {
    let (email, password) = (visit.field("email"), visit.field("password"));
    let mut form = login_form(&visit);
    match visit.state().sign_in.log_in(email, password, visit.browser()).await? {
        LogIn::Welcome(cookie) => Ok(visit.go_logged_in(onward(visit.field("next")), cookie.expose_secret())),
        LogIn::Wrong => {
            form.error = Some("E-mail and password do not belong together.".to_owned());
            FormPage::answer_outside(&visit, "Log in", Vec::new(), Some(form)).await
        }
        LogIn::Held(wait) => Err(held(wait)),
    }
}

/// 429 with the time to wait.
pub(super) fn held(wait: std::time::Duration) -> ClientError {
    let seconds = wait.as_secs() + 1;
    let pause = if seconds < 120 {
        show::plural(seconds.try_into().unwrap_or(i64::MAX), "second")
    } else {
        show::span(TimeDelta::seconds(seconds.try_into().unwrap_or(i64::MAX)))
    };
    let words = format!("Too many wrong passwords came for this account or from this address. Try again in {pause}.");
    ClientError::later(Refusal::TooManyRequests, seconds, words)
}

/// Ends this browser's session.
pub async fn log_out(visit: Visit) -> Answer {
    let session = visit.session()?.clone();
    visit.run(move |visit| sessions::end(visit.store(), &session, &visit.actor())).await?;
    Ok(visit.go_logged_out("/admin/login"))
}

/// Only our own pages are gone on to.
fn onward(next: &str) -> &str {
    let ours = next.starts_with("/admin/") && !next.contains(['\\', '\r', '\n']) && !next.starts_with("/admin/log");
    if ours { next } else { "/admin/" }
}

fn setup_form(visit: &Visit) -> Form {
    Form::new(visit.path(), "Create the account")
        .field("email", "E-mail", Kind::Email, "What you log in with. Pitlane sends no mail.")
        .field("new_password", "Password", Kind::Password, "12 characters or more. A sentence is easier to remember.")
        .field("again", "Password again", Kind::Password, "")
        .with("email", visit.field("email"))
}

/// The page behind a set-up link.
pub async fn setup(visit: Visit, secret: web::Path<String>) -> Answer {
    let link = visit.run(move |visit| admins::find_setup_link(visit.store(), &secret)).await?;
    let gone = match link {
        SetupLink::Open => return setup_page(&visit, setup_form(&visit)).await,
        SetupLink::Used => "This set-up link was used already: it made an account, and works no more.",
        SetupLink::Expired => "This set-up link has expired: it worked for 30 minutes.",
        SetupLink::Unknown => "This set-up link is not known: a newer one may have replaced it.",
    };
    let intro = vec![gone.to_owned(), ANOTHER.to_owned()];
    FormPage::answer_outside(&visit, "This link works no more", intro, None).await
}

async fn setup_page(visit: &Visit, form: Form) -> Answer {
    let intro =
        vec!["This account may change everything. It is the first step; four more lead to Singular.".to_owned()];
    FormPage::answer_outside(visit, "Set Pitlane up", intro, Some(form)).await
}

/// Makes the admin and logs them in.
pub async fn set_up(visit: Visit, secret: web::Path<String>) -> Answer {
    let secret = secret.into_inner();
    let asked = secret.clone();
    let link = visit.run(move |visit| admins::find_setup_link(visit.store(), &asked)).await?;
    if link != SetupLink::Open {
        return setup(visit, web::Path::from(secret)).await;
    }
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
        Err(error) => {
            let form = setup_form(&visit).refused(error).map_err(|error| {
                tracing::warn!(%error, "a set-up link could not be used");
                error
            })?;
            setup_page(&visit, form).await
        }
    }
}

/// A password that was typed twice.
pub(super) fn new_password(visit: &Visit) -> Result<Password, crate::service::ServiceError> {
    let wrong = |invalid: crate::domain::Invalid| crate::domain::Invalid { field: "new_password", ..invalid };
    let password = Password::parse(visit.field("new_password")).map_err(wrong)?;
    if visit.field("new_password") != visit.field("again") {
        return Err(crate::domain::Invalid::because("again", "the two passwords differ").into());
    }
    Ok(password)
}
