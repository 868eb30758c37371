//! Resuming a form whose session ended before it was sent: the person logs in on the same page and goes on with what they
//! typed.
//!
//! The typed values are carried in the pages themselves, without passwords and codes; the server stores nothing.

use actix_web::http::StatusCode;
use askama::Template;
use secrecy::ExposeSecret as _;

use crate::admin::kit::context::{Answer, FORM_TOKEN, RequestContext, own_page};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::layout::Shell;
use crate::service::access::sessions::{self, LoggedIn};

/// Hidden fields of the log-in form: the address of the unsent form, and what was typed into it.
const PATH: &str = "resume_path";
const TYPED: &str = "resume";

/// A field of the unsent form.
struct Typed {
    name: String,
    label: String,
    value: String,
    is_hidden: bool,
}

#[derive(Template)]
#[template(path = "admin/resume.html")]
struct Page {
    shell: Shell,
    lead: &'static str,
    action: String,
    fields: Vec<Typed>,
}

/// Help for a forgotten password.
const FORGOTTEN: &str = "Forgot it? An admin can send you a link (Settings, People), or run pitlane admin reset-password \
                         on the server.";

/// The log-in form, with the page to go to and the unsent form.
#[must_use]
pub fn login_form(context: &RequestContext) -> Form {
    let next = if context.field("next").is_empty() { context.query("next") } else { context.field("next") };
    let form = Form::new("/admin/login", "Log in")
        .field("email", "E-mail", Kind::Email, "")
        .field("password", "Password", Kind::Password, FORGOTTEN)
        .field("next", "", Kind::Hidden, "")
        .with("email", context.field("email"))
        .with("next", next);
    carry(context, form)
}

/// Copies the unsent form from one log-in form into another.
#[must_use]
pub fn carry(context: &RequestContext, form: Form) -> Form {
    if context.field(PATH).is_empty() {
        return form;
    }
    form.field(PATH, "", Kind::Hidden, "")
        .field(TYPED, "", Kind::Hidden, "")
        .with(PATH, context.field(PATH))
        .with(TYPED, context.field(TYPED))
}

/// Whether a log-in form carries an unsent form.
#[must_use]
pub fn carries(context: &RequestContext) -> bool {
    !context.field(PATH).is_empty()
}

/// Whether a field is carried: not secrets, nor what belongs to the old session.
fn is_kept(name: &str) -> bool {
    name != FORM_TOKEN && !["password", "code", "again", "secret"].iter().any(|secret| name.contains(secret))
}

fn address(context: &RequestContext) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(context.queries()).finish();
    if query.is_empty() { context.path().to_owned() } else { format!("{}?{query}", context.path()) }
}

/// Asks to log in, above what was typed, because the session ended while the form was open.
pub async fn ended(context: &RequestContext) -> Answer {
    let kept = context.fields().iter().filter(|(name, _)| is_kept(name));
    let typed: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    let mut form = login_form(context).with("email", "").with("next", "/admin/");
    let is_log_out = context.path() == "/admin/logout";
    let mut intro = "Your session has ended, so nothing was changed.";
    if !typed.is_empty() && !is_log_out {
        intro = "Your session has ended, so nothing was saved. Log in, and you can go on with what you typed.";
        form = form.field(PATH, "", Kind::Hidden, "").field(TYPED, "", Kind::Hidden, "");
        form = form.with(PATH, address(context)).with(TYPED, typed);
    }
    let shell = Shell::outside(context, "Log in first");
    let page = FormPage { shell, intro: vec![intro.to_owned()], form: Some(form), links: Vec::new() };
    context.show_as(StatusCode::UNAUTHORIZED, move |_, _| Ok(page)).await
}

/// Shows what was typed again, because the form was made in another session.
pub async fn other_session(context: &RequestContext) -> Answer {
    let lead = "You logged in again in another tab, so nothing was saved yet. Check what you typed and send it.";
    let fields: Vec<_> = context.fields().iter().filter(|(name, _)| is_kept(name)).cloned().collect();
    let (action, shell) = (address(context), Shell::outside(context, "Nothing was saved yet"));
    let page = Page { shell, lead, action, fields: typed(fields) };
    context.show_as(StatusCode::FORBIDDEN, move |_, _| Ok(page)).await
}

fn typed(fields: Vec<(String, String)>) -> Vec<Typed> {
    let field = |(name, value): (String, String)| {
        let mut label = name.replace('_', " ");
        label.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
        // A choice that was shown by name is carried as an id.
        let is_hidden = name.contains('.')
            || matches!(name.as_str(), "known" | "form_id" | "to")
            || uuid::Uuid::try_parse(&value).is_ok();
        Typed { name, label, value, is_hidden }
    };
    fields.into_iter().map(field).collect()
}

/// After the log-in: shows the form with what was typed, in the new session.
pub async fn go_on(context: &RequestContext, logged_in: &LoggedIn) -> Option<Answer> {
    let path = context.field(PATH);
    if path.is_empty() || own_page(path) != path {
        return None;
    }
    let fields = form_urlencoded::parse(context.field(TYPED).as_bytes()).into_owned();
    let fields = typed(fields.filter(|(name, _)| is_kept(name)).collect());
    let mut shell = Shell::outside(context, "You are logged in again");
    shell.form_token = sessions::form_token(logged_in.session.expose_secret());
    let lead = "Nothing was saved yet. This is what you typed: check it and send it.";
    let page = Page { shell, lead, action: path.to_owned(), fields };
    Some(context.show(move |_, _| Ok(page)).await.map(|page| context.logged_in(page, logged_in)))
}
