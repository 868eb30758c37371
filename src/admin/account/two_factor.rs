//! A person's own two-step log-in: set it up with a phone, renew the recovery codes, turn it off.

use askama::Template;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::admin::account::settings::wrong;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::{FormPage, status};
use crate::admin::kit::layout::Shell;
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::service::access::two_factor::SharedSecret;

const NAV: &str = "Settings";
const PATH: &str = "/admin/settings/two-step";
const BACK: &str = "/admin/settings";
const CODE_HINT: &str = "The six digits your authenticator app shows, or one of your recovery codes.";

#[derive(Template)]
#[template(path = "admin/two_step.html")]
struct SetUpPage {
    shell: Shell,
    form: Form,
    secret: String,
    uri: String,
    qr: String,
    size: i32,
}

#[derive(Template)]
#[template(path = "admin/recovery_codes.html")]
struct CodesPage {
    shell: Shell,
    codes: Vec<String>,
}

/// A QR code as an SVG path, one unit per square, and its width in squares.
fn qr(text: &str) -> Result<(String, i32), ServiceError> {
    use std::fmt::Write as _;
    let code = QrCode::encode_text(text, QrCodeEcc::Medium);
    let code = code.map_err(|error| ServiceError::Internal(format!("a QR code could not be made: {error}")))?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    Ok((path, code.size()))
}

async fn is_on(context: &RequestContext) -> Result<bool, ClientError> {
    let admin = context.session()?.admin.id;
    Ok(context.run(move |context| Ok(context.store().read(|txn| txn.two_step_find(admin))?)).await?.is_some())
}

fn set_up_form(secret: &SharedSecret) -> Form {
    Form::new(PATH, "Turn two-step log-in on")
        .or_back_to(BACK)
        .field("code", "Code", Kind::Code, "The six digits the app shows now: they prove that it has the secret.")
        .field("password", "Your password", Kind::Password, "Used to encrypt the two-step secret.")
        .field("secret", "", Kind::Hidden, "")
        .with("secret", secret.text())
        .sent_once()
}

async fn set_up_page(context: &RequestContext, secret: SharedSecret, form: Form) -> Answer {
    let email = context.session()?.admin.email.clone();
    context
        .show_as(status(&form), move |context, txn| {
            let shell = Shell::new(context, txn, NAV, "Set up two-step log-in")?;
            let uri = secret.uri(&email);
            let (qr, size) = qr(&uri)?;
            Ok(SetUpPage { shell, form, secret: secret.text(), uri, qr, size })
        })
        .await
}

/// The page that shows a new secret.
pub async fn ask_on(context: RequestContext) -> Answer {
    if is_on(&context).await? {
        return Ok(context.go(BACK));
    }
    let secret = SharedSecret::generate()?;
    let form = set_up_form(&secret);
    set_up_page(&context, secret, form).await
}

/// Turns two-step log-in on and redirects to the page that shows the recovery codes once.
pub async fn turn_on(context: RequestContext) -> Answer {
    if let Some(shown) = context.shown_once(context.field("form_id")).await? {
        return Ok(shown);
    }
    let admin = context.session()?.admin.clone();
    let secret = match SharedSecret::parse(context.field("secret")) {
        Ok(secret) if !is_on(&context).await? => secret,
        _ => {
            context.made_nothing(context.field("form_id"))?;
            return Ok(context.go(BACK));
        }
    };
    let (password, code) = (context.field("password"), context.field("code"));
    match context.state().sign_in.turn_two_step_on(&admin, password, &secret, code, context.browser()).await {
        Ok(codes) => show_codes(&context, codes).await,
        Err(refused) => {
            context.made_nothing(context.field("form_id"))?;
            let form = set_up_form(&secret).refused(wrong(refused)?)?;
            set_up_page(&context, secret, form).await
        }
    }
}

async fn show_codes(context: &RequestContext, codes: Vec<String>) -> Answer {
    context
        .show_once(context.field("form_id"), move |context, txn| {
            let shell = Shell::new(context, txn, NAV, "Keep these recovery codes")?;
            Ok(CodesPage { shell, codes })
        })
        .await
}

fn proof_form(action: &str, submit: &'static str) -> Form {
    Form::new(format!("{PATH}/{action}"), submit)
        .or_back_to(BACK)
        .field("password", "Your password", Kind::Password, "")
        .field("code", "Code", Kind::Code, CODE_HINT)
}

async fn codes_page(context: &RequestContext, form: Form) -> Answer {
    let intro = vec!["You get ten new codes; the old ones no longer work.".to_owned()];
    FormPage::answer(context, NAV, "New recovery codes", intro, form).await
}

fn codes_form() -> Form {
    proof_form("codes", "Make new codes").sent_once()
}

/// Asks for the password and a code before making new recovery codes.
pub async fn ask_codes(context: RequestContext) -> Answer {
    codes_page(&context, codes_form()).await
}

/// Makes new recovery codes and leads to the page that shows them once.
pub async fn renew_codes(context: RequestContext) -> Answer {
    if let Some(shown) = context.shown_once(context.field("form_id")).await? {
        return Ok(shown);
    }
    let admin = context.session()?.admin.clone();
    if !is_on(&context).await? {
        context.made_nothing(context.field("form_id"))?;
        return Ok(context.go(BACK));
    }
    let (password, code) = (context.field("password"), context.field("code"));
    match context.state().sign_in.renew_codes(&admin, password, code, context.browser()).await {
        Ok(codes) => show_codes(&context, codes).await,
        Err(refused) => {
            context.made_nothing(context.field("form_id"))?;
            codes_page(&context, codes_form().refused(wrong(refused)?)?).await
        }
    }
}

async fn off_page(context: &RequestContext, form: Form) -> Answer {
    let intro = vec![
        "Your password alone lets you in then. The secret in your app and the recovery codes no longer work: setting it up \
         again makes new ones."
            .to_owned(),
    ];
    FormPage::answer(context, NAV, "Turn two-step log-in off?", intro, form).await
}

fn off_form() -> Form {
    proof_form("off", "Turn two-step log-in off").dangerous()
}

/// Asks for the password and a code before turning two-step log-in off.
pub async fn ask_off(context: RequestContext) -> Answer {
    off_page(&context, off_form()).await
}

/// Turns two-step log-in off.
pub async fn turn_off(context: RequestContext) -> Answer {
    let admin = context.session()?.admin.clone();
    let (password, code) = (context.field("password"), context.field("code"));
    match context.state().sign_in.turn_two_step_off(&admin, password, code, context.browser()).await {
        Ok(()) => Ok(context.go("/admin/settings?done=two-step-off")),
        Err(refused) => off_page(&context, off_form().refused(wrong(refused)?)?).await,
    }
}
