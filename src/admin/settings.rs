//! One's own account: password, second step, sessions, colours.

use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::Utc;
use secrecy::ExposeSecret as _;

use super::form::{Form, Kind};
use super::login::{WRONG_CODE, held};
use super::setup::new_password;
use super::shell::Shell;
use super::show;
use super::table::{Cell, Press, Table};
use super::visit::{Answer, THEME, Theme, Visit, add_cookie};
use crate::domain::Invalid;
use crate::http::ClientError;
use crate::service::sign_in::Refused;
use crate::service::{ServiceError, sessions};
use crate::store::{ReadTxn, SessionRow};

/// The pages of the settings: label, path.
const PAGES: [(&str, &str); 2] = [("Your account", "/admin/settings"), ("People", "/admin/settings/people")];

/// The navigation between the settings' pages; `here` is this page's path.
pub(super) fn pages(shell: &Shell, here: &str) -> Vec<(&'static str, String, bool)> {
    PAGES.iter().map(|(label, path)| (*label, format!("{path}{}", shell.scope), *path == here)).collect()
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct Page {
    shell: Shell,
    pages: Vec<(&'static str, String, bool)>,
    form: Form,
    /// Since when the second step is on, and how many recovery codes are left.
    two_step: Option<(String, i64)>,
    sessions: Table,
    has_others: bool,
}

fn page(visit: &Visit, txn: &ReadTxn<'_>, form: Form) -> Result<Page, ServiceError> {
    let shell = Shell::new(visit, txn, "Settings", "Settings")?;
    let session = visit.session().map_err(|_| ServiceError::Internal("settings without a session".to_owned()))?;
    let two_step = txn.two_step_find(session.admin.id)?;
    let two_step = two_step.map(|row| (show::moment_day(row.created_at, shell.zone()), row.codes_left));
    let sessions = sessions_table(txn, session, &shell)?;
    let pages = pages(&shell, "/admin/settings");
    Ok(Page { shell, pages, form, two_step, has_others: sessions.rows.len() > 1, sessions })
}

fn sessions_table(txn: &ReadTxn<'_>, own: &SessionRow, shell: &Shell) -> Result<Table, ServiceError> {
    let now = Utc::now();
    let all = sessions::list(txn, own.admin.id)?;
    let mut columns = vec!["Browser", "From", "Started", "Last used"];
    if all.len() > 1 {
        columns.push("Change");
    }
    let mut table = Table::new("Your sessions", &columns);
    for row in all {
        let is_this = row.id_sha256 == own.id_sha256;
        let name = show::browser(&row.user_agent);
        let end = Press {
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
        let used = if is_this { "now".to_owned() } else { show::ago(now - row.last_seen_at) };
        let started = Cell::new(show::moment(row.created_at, shell.zone()));
        let used = Cell::new(used).title(show::moment(row.last_seen_at, shell.zone()));
        let mut cells = vec![browser, Cell::new(row.address), started, used, last];
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

/// The settings.
pub async fn show(visit: Visit) -> Answer {
    visit.show(|visit, txn| page(visit, txn, password_form())).await
}

/// Changes the password, which ends all other sessions; this one goes on under a new cookie.
pub async fn change_password(visit: Visit) -> Answer {
    let admin = visit.session()?.admin.clone();
    let refused = match new_password(&visit) {
        Err(error) => error,
        Ok(new) => {
            let sign_in = &visit.state().sign_in;
            match sign_in.change_password(&admin, visit.field("password"), new, visit.browser()).await? {
                Ok(()) => {
                    let start = move |visit: &Visit| sessions::start(visit.store(), &admin, visit.browser(), "log in");
                    let cookie = visit.run(start).await?;
                    return Ok(visit.go_logged_in("/admin/settings?done=password", cookie.expose_secret()));
                }
                Err(refused) => wrong(refused)?,
            }
        }
    };
    let form = password_form().refused(refused)?;
    visit.show_as(StatusCode::UNPROCESSABLE_ENTITY, |visit, txn| page(visit, txn, form)).await
}

/// What was typed wrong, to stand beside its field; or the page that says how long to wait.
pub(super) fn wrong(refused: Refused) -> Result<ServiceError, ClientError> {
    match refused {
        Refused::Held(wait) => Err(held(wait)),
        Refused::Wrong("code") => Ok(Invalid::because("code", WRONG_CODE).into()),
        Refused::Wrong(field) => Ok(Invalid::because(field, "this is not your password").into()),
    }
}

/// Ends one of one's other sessions.
pub async fn end_session(visit: Visit) -> Answer {
    let admin = visit.session()?.admin.id;
    visit
        .run(move |visit| {
            let id = visit.field("session");
            sessions::end(visit.store(), id, admin, "another browser", &visit.actor())
        })
        .await?;
    Ok(visit.go("/admin/settings?done=session"))
}

/// Ends all of one's sessions but this one.
pub async fn end_other_sessions(visit: Visit) -> Answer {
    let session = visit.session()?.clone();
    visit.run(move |visit| sessions::end_others(visit.store(), &session, &visit.actor())).await?;
    Ok(visit.go("/admin/settings?done=elsewhere"))
}

/// Keeps the chosen colours in a cookie and goes back to the page they were chosen on.
pub async fn choose_theme(visit: Visit) -> Answer {
    let to = visit.field("to");
    let mut response =
        visit.go(if to.starts_with("/admin/") && !to.contains(['\\', '\r', '\n']) { to } else { "/admin/" });
    let theme = Theme::parse(visit.field("theme")).as_str().to_owned();
    add_cookie(&mut response, &visit.cookie(THEME, theme, Duration::days(365)));
    Ok(response)
}
