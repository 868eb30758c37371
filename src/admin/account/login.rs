//! Logging in, with a code as the second step for those who turned it on, and logging out.

use actix_web::HttpResponse;
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;

use crate::admin::kit::context::{Answer, RequestContext, own_page};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::resume::{self, login_form};
use crate::domain::Invalid;
use crate::http::ClientError;
use crate::http::error::ErrorKind;
use crate::service::access::login::{LoginError, LoginOutcome};
use crate::service::access::sessions::{self, LoggedIn};

/// Tells an operator how to get a set-up link.
pub(in crate::admin) const ANOTHER: &str =
    "Whoever runs the server gets another set-up link with: pitlane admin setup-link";

/// The message for a wrong code.
pub(in crate::admin) const WRONG_CODE: &str =
    "this code is wrong or was used already: the app shows a new one every 30 seconds";

/// `/` and `/admin` lead to the start page.
pub async fn start() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((actix_web::http::header::LOCATION, "/admin/")).finish()
}

pub async fn login(context: RequestContext) -> Answer {
    if context.is_known() {
        return Ok(context.go(onward(context.query("next"))));
    }
    let nobody = context.run(|context| Ok(context.store().read(|txn| txn.admins_are_none())?)).await?;
    if nobody {
        let intro = vec![
            "Nobody can log in yet. The server printed a one-time set-up link when it started, and wrote it into its data \
             directory as setup-link.txt."
                .to_owned(),
            ANOTHER.to_owned(),
        ];
        return FormPage::answer_outside(&context, "Set Pitlane up", intro, None).await;
    }
    FormPage::answer_outside(&context, "Log in", Vec::new(), Some(login_form(&context))).await
}

/// Checks the password; starts a session, or asks for a code.
pub async fn log_in(context: RequestContext) -> Answer {
    let sign_in = &context.state().sign_in;
    let done = sign_in.log_in(context.field("email"), context.field("password"), context.browser()).await;
    if context.is_exposed() && done.is_ok() {
        let address = context.browser().address;
        tracing::warn!(%address, "a password came over plain HTTP from another machine: use HTTPS");
    }
    match done {
        Ok(LoginOutcome::Welcome(logged_in)) => welcome(&context, &logged_in).await,
        Ok(LoginOutcome::Second(handle)) => {
            if resume::carries(&context) {
                let page = FormPage::answer_outside(&context, "Enter your code", Vec::new(), Some(code_form(&context)));
                return Ok(context.half_way_in(page.await?, handle.expose_secret()));
            }
            let next: String = form_urlencoded::byte_serialize(context.field("next").as_bytes()).collect();
            Ok(context.go_half_way(&format!("/admin/login/code?next={next}"), handle.expose_secret()))
        }
        Err(LoginError::WrongPassword | LoginError::WrongCode | LoginError::TooLate) => {
            again(&context, "Wrong e-mail or password.").await
        }
        Err(LoginError::Held(wait)) => Err(held(wait)),
        Err(LoginError::Failed(error)) => Err(error.into()),
    }
}

/// Redirects with a new session: to the page that was wanted, or to the form that was filled in before.
async fn welcome(context: &RequestContext, logged_in: &LoggedIn) -> Answer {
    match resume::go_on(context, logged_in).await {
        Some(page) => page,
        None => Ok(context.go_logged_in(onward(context.field("next")), logged_in)),
    }
}

async fn again(context: &RequestContext, error: &str) -> Answer {
    let mut form = login_form(context);
    form.error = Some(error.to_owned());
    FormPage::answer_outside(context, "Log in", Vec::new(), Some(form)).await
}

fn code_form(context: &RequestContext) -> Form {
    let next = if context.field("next").is_empty() { context.query("next") } else { context.field("next") };
    let form = Form::new("/admin/login/code", "Log in")
        .or_back_to("/admin/login")
        .field(
            "code",
            "Code",
            Kind::Code,
            "The six digits your authenticator app shows, or one of your recovery codes.",
        )
        .field("next", "", Kind::Hidden, "")
        .with("next", next);
    resume::carry(context, form)
}

/// The page that asks for a code.
pub async fn ask_code(context: RequestContext) -> Answer {
    if context.is_known() || !context.state().sign_in.is_waiting(context.half_way()) {
        return Ok(context.go("/admin/login"));
    }
    FormPage::answer_outside(&context, "Enter your code", Vec::new(), Some(code_form(&context))).await
}

/// Checks the code and starts a session.
pub async fn enter_code(context: RequestContext) -> Answer {
    let sign_in = &context.state().sign_in;
    match sign_in.log_in_with_code(context.half_way(), context.field("code"), context.browser()).await {
        Ok(LoginOutcome::Welcome(logged_in)) => welcome(&context, &logged_in).await,
        Err(LoginError::Held(wait)) => Err(held(wait)),
        Err(LoginError::Failed(error)) => Err(error.into()),
        Err(LoginError::WrongCode) => {
            let form = code_form(&context).refused(Invalid::because("code", WRONG_CODE).into())?;
            FormPage::answer_outside(&context, "Enter your code", Vec::new(), Some(form)).await
        }
        Ok(LoginOutcome::Second(_)) | Err(LoginError::TooLate | LoginError::WrongPassword) => {
            again(&context, "The five minutes for the code are over. Start again with your password.").await
        }
    }
}

/// 429 with the time to wait.
pub(in crate::admin) fn held(wait: std::time::Duration) -> ClientError {
    let seconds = wait.as_secs() + 1;
    let pause = if seconds < 120 {
        format::plural(seconds.try_into().unwrap_or(i64::MAX), "second")
    } else {
        format::span(TimeDelta::seconds(seconds.try_into().unwrap_or(i64::MAX)))
    };
    let message =
        format!("Too many wrong passwords or codes for this account or from this address. Try again in {pause}.");
    ClientError::later(ErrorKind::TooManyRequests, seconds, message)
}

/// Ends this browser's session.
pub async fn log_out(context: RequestContext) -> Answer {
    let session = context.session()?.clone();
    let (id, admin) = (session.id_sha256, session.admin.id);
    context.run(move |context| sessions::end(context.store(), &id, admin, "this browser", &context.actor())).await?;
    Ok(context.go_logged_out("/admin/login"))
}

/// `next` if it is one of our pages, else the start page.
fn onward(next: &str) -> &str {
    if next.starts_with("/admin/log") { "/admin/" } else { own_page(next) }
}
