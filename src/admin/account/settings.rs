//! A person's own settings: password, two-step log-in, sessions, colours.

use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::Utc;

use crate::admin::account::login::{WRONG_CODE, held};
use crate::admin::account::setup::new_password;
use crate::admin::kit::context::{Answer, RequestContext, Theme, add_cookie, own_page};
use crate::admin::kit::cookies::THEME;
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, CellButton, Table};
use crate::domain::Invalid;
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::service::access::login::LoginError;
use crate::service::access::sessions;
use crate::store::{ReadTxn, SessionRow};

/// The pages of the settings: label, path.
const PAGES: [(&str, &str); 3] =
    [("Your account", "/admin/settings"), ("People", "/admin/settings/people"), ("Alarms", "/admin/settings/alarms")];

/// The navigation between the settings' pages; `here` is this page's path.
pub(in crate::admin) fn pages(shell: &Shell, here: &str) -> Vec<(&'static str, String, bool)> {
    PAGES.iter().map(|(label, path)| (*label, format!("{path}{}", shell.scope), *path == here)).collect()
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct Page {
    shell: Shell,
    pages: Vec<(&'static str, String, bool)>,
    form: Form,
    /// When two-step log-in was turned on, and how many recovery codes are left.
    two_step: Option<(String, i64)>,
    sessions: Table,
    has_others: bool,
}

fn page(context: &RequestContext, txn: &ReadTxn<'_>, form: Form) -> Result<Page, ServiceError> {
    let shell = Shell::new(context, txn, "Settings", "Settings")?;
    let session = context.session().map_err(|_| ServiceError::Internal("settings without a session".to_owned()))?;
    let two_step = txn.two_step_find(session.admin.id)?;
    let two_step = two_step.map(|row| (format::moment_day(row.created_at, shell.zone()), row.codes_left));
    let sessions = sessions_table(txn, session, &shell)?;
    let pages = pages(&shell, "/admin/settings");
    Ok(Page { shell, pages, form, two_step, has_others: sessions.rows.len() > 1, sessions })
}

fn sessions_table(txn: &ReadTxn<'_>, own: &SessionRow, shell: &Shell) -> Result<Table, ServiceError> {
    let now = Utc::now();
    let all = sessions::list(txn, own.admin.id)?;
    let mut columns = vec!["Browser", "-From", "-~Started", "Last used"];
    if all.len() > 1 {
        columns.push("Change");
    }
    let mut table = Table::new("Your sessions", &columns);
    for row in all {
        let is_this = row.id_sha256 == own.id_sha256;
        let name = format::browser(&row.user_agent);
        let end = CellButton {
            action: "/admin/settings/sessions/end",
            name: "session",
            value: row.id_sha256,
            label: format!("Log out {name} at {}", row.address),
        };
        let mut browser = Cell::new(name).title(row.user_agent);
        let mut last = Cell::default();
        if is_this {
            browser = browser.note("this browser");
        } else {
            last = Cell::new("Log out").press(end);
        }
        let used = if is_this { "now".to_owned() } else { format::ago(now - row.last_seen_at) };
        let started = format::moment(row.created_at, shell.zone());
        let browser = browser.narrow(format!("{}, since {started}", row.address));
        let used = Cell::new(used).title(format::moment(row.last_seen_at, shell.zone()));
        let mut cells = vec![browser, Cell::new(row.address), Cell::new(started), used, last];
        cells.truncate(columns.len());
        table.rows.push(cells);
    }
    Ok(table)
}

fn password_form() -> Form {
    Form::new("/admin/settings/password", "Change password")
        .field("password", "Password now", Kind::Password, "")
        .field("new_password", "New password", Kind::Password, "12 characters or more.")
        .field("again", "New password again", Kind::Password, "")
}

pub async fn show(context: RequestContext) -> Answer {
    context.show(|context, txn| page(context, txn, password_form())).await
}

/// Changes the password and ends all other sessions; this one continues with a new cookie.
pub async fn change_password(context: RequestContext) -> Answer {
    let admin = context.session()?.admin.clone();
    let refused = match new_password(&context) {
        Err(error) => error,
        Ok(new) => {
            let sign_in = &context.state().sign_in;
            match sign_in.change_password(&admin, context.field("password"), new, context.browser()).await {
                Ok(logged_in) => return Ok(context.go_logged_in("/admin/settings?done=password", &logged_in)),
                Err(refused) => wrong(refused)?,
            }
        }
    };
    let form = password_form().refused(refused)?;
    context.show_as(StatusCode::UNPROCESSABLE_ENTITY, |context, txn| page(context, txn, form)).await
}

/// The message to show beside the field that is wrong, or the page that says how long to wait.
pub(in crate::admin) fn wrong(refused: LoginError) -> Result<ServiceError, ClientError> {
    match refused {
        LoginError::Held(wait) => Err(held(wait)),
        LoginError::WrongCode | LoginError::TooLate => Ok(Invalid::because("code", WRONG_CODE).into()),
        LoginError::WrongPassword => Ok(Invalid::because("password", "this is not your password").into()),
        LoginError::Failed(error) => Ok(error),
    }
}

/// Ends one of the person's other sessions.
pub async fn end_session(context: RequestContext) -> Answer {
    let admin = context.session()?.admin.id;
    context
        .run(move |context| {
            let id = context.field("session");
            sessions::end(context.store(), id, admin, "another browser", &context.actor())
        })
        .await?;
    Ok(context.go("/admin/settings?done=session"))
}

/// Ends all sessions of the person but this one.
pub async fn end_other_sessions(context: RequestContext) -> Answer {
    let session = context.session()?.clone();
    context.run(move |context| sessions::end_others(context.store(), &session, &context.actor())).await?;
    Ok(context.go("/admin/settings?done=elsewhere"))
}

/// Saves the chosen colours in a cookie and goes back to the page they were chosen on.
pub async fn choose_theme(context: RequestContext) -> Answer {
    let mut response = context.go(own_page(context.field("to")));
    let theme = Theme::parse(context.field("theme")).as_str().to_owned();
    add_cookie(&mut response, &context.cookie(THEME, theme, Duration::days(365)));
    Ok(response)
}
