//! Logging in, with a code as the second step where somebody wants one, and logging out.

use actix_web::HttpResponse;
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;

use super::form::{Form, Kind};
use super::page::FormPage;
use super::show;
use super::visit::{Answer, Visit};
use crate::domain::Invalid;
use crate::http::ClientError;
use crate::http::error::Refusal;
use crate::service::sessions;
use crate::service::sign_in::{LogIn, Refused};

/// How to get a set-up link, for whoever runs the machine.
pub(super) const ANOTHER: &str = "Whoever runs the server gets another set-up link with: pitlane admin setup-link";

/// The words of a wrong code.
pub(super) const WRONG_CODE: &str = "this code is wrong or was used already: the app shows a new one every 30 seconds";

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

/// Checks the password; starts a session, or asks for a code.
pub async fn log_in(visit: Visit) -> Answer {
    let done = visit.state().sign_in.log_in(visit.field("email"), visit.field("password"), visit.browser()).await?;
    match done {
        LogIn::Welcome(cookie) => Ok(visit.go_logged_in(onward(visit.field("next")), cookie.expose_secret())),
        LogIn::Second(handle) => {
            let next: String = form_urlencoded::byte_serialize(visit.field("next").as_bytes()).collect();
            Ok(visit.go_half_way(&format!("/admin/login/code?next={next}"), handle.expose_secret()))
        }
        LogIn::Refused(Refused::Held(wait)) => Err(held(wait)),
        LogIn::Refused(Refused::Wrong(_)) | LogIn::TooLate => {
            again(&visit, "E-mail and password do not belong together.").await
        }
    }
}

async fn again(visit: &Visit, error: &str) -> Answer {
    let mut form = login_form(visit);
    form.error = Some(error.to_owned());
    FormPage::answer_outside(visit, "Log in", Vec::new(), Some(form)).await
}

fn code_form(visit: &Visit) -> Form {
    let next = if visit.field("next").is_empty() { visit.query("next") } else { visit.field("next") };
    Form::new("/admin/login/code", "Log in")
        .or_back_to("/admin/login")
        .field(
            "code",
            "Code",
            Kind::Code,
            "The six digits your authenticator app shows, or one of your recovery codes.",
        )
        .field("next", "", Kind::Hidden, "")
        .with("next", next)
}

/// The page that asks for a code.
pub async fn ask_code(visit: Visit) -> Answer {
    if visit.is_known() || !visit.state().sign_in.is_waiting(visit.half_way()) {
        return Ok(visit.go("/admin/login"));
    }
    FormPage::answer_outside(&visit, "Enter your code", Vec::new(), Some(code_form(&visit))).await
}

/// Checks the code and starts a session.
pub async fn enter_code(visit: Visit) -> Answer {
    let done = visit.state().sign_in.log_in_with_code(visit.half_way(), visit.field("code"), visit.browser()).await?;
    match done {
        LogIn::Welcome(cookie) => Ok(visit.go_logged_in(onward(visit.field("next")), cookie.expose_secret())),
        LogIn::Refused(Refused::Held(wait)) => Err(held(wait)),
        LogIn::Refused(Refused::Wrong(_)) => {
            let form = code_form(&visit).refused(Invalid::because("code", WRONG_CODE).into())?;
            FormPage::answer_outside(&visit, "Enter your code", Vec::new(), Some(form)).await
        }
        LogIn::Second(_) | LogIn::TooLate => {
            again(&visit, "The five minutes for the code are over. Start again with your password.").await
        }
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
    let words =
        format!("Too many wrong passwords or codes came for this account or from this address. Try again in {pause}.");
    ClientError::later(Refusal::TooManyRequests, seconds, words)
}

/// Ends this browser's session.
pub async fn log_out(visit: Visit) -> Answer {
    let session = visit.session()?.clone();
    let (id, admin) = (session.id_sha256, session.admin.id);
    visit.run(move |visit| sessions::end(visit.store(), &id, admin, "this browser", &visit.actor())).await?;
    Ok(visit.go_logged_out("/admin/login"))
}

/// Only our own pages are gone on to.
fn onward(next: &str) -> &str {
    let ours = next.starts_with("/admin/") && !next.contains(['\\', '\r', '\n']) && !next.starts_with("/admin/log");
    if ours { next } else { "/admin/" }
}
