//! One's own account: password, sessions, colours; and who else may log in.

use actix_web::cookie::time::Duration;
use askama::Template;
use chrono::Utc;
use secrecy::ExposeSecret as _;

use super::form::{Form, Kind};
use super::login::{held, new_password};
use super::shell::Shell;
use super::show;
use super::table::{Cell, Table};
use super::visit::{Answer, THEME, Theme, Visit, add_cookie};
use crate::domain::{Email, Invalid};
use crate::service::sessions::{self, LogIn};
use crate::service::{ServiceError, admins};
use crate::store::ReadTxn;

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct Page {
    shell: Shell,
    form: Form,
    sessions: Table,
    has_others: bool,
    people: Table,
}

fn page(visit: &Visit, txn: &ReadTxn<'_>, form: Form) -> Result<Page, ServiceError> {
    let shell = Shell::new(visit, txn, "Settings", "Settings")?;
    let now = Utc::now();
    let mut table = Table::new("Your sessions", &["Browser", "From", "Started", "Last used"]);
    let session = visit.session().map_err(|_| ServiceError::Internal("settings without a session".to_owned()))?;
    for row in sessions::list(txn, session.admin.id)? {
        let is_this = row.id_sha256 == session.id_sha256;
        let mut browser = Cell::new(show::browser(&row.user_agent)).title(row.user_agent);
        if is_this {
            browser = browser.note("this browser");
        }
        let used = if is_this { "now".to_owned() } else { format!("{} ago", show::span(now - row.last_seen_at)) };
        table.rows.push(vec![
            browser,
            Cell::new(row.address),
            Cell::new(show::moment(row.created_at, shell.zone())),
            Cell::new(used).title(show::moment(row.last_seen_at, shell.zone())),
        ]);
    }
    let mut people = Table::new("People who may log in", &["E-mail", "Role", "Since"]);
    for row in txn.admin_list()? {
        people.rows.push(vec![
            Cell::new(row.email),
            Cell::new(row.role.as_str()),
            Cell::new(show::moment_day(row.created_at, shell.zone())),
        ]);
    }
    Ok(Page { shell, form, has_others: table.rows.len() > 1, sessions: table, people })
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
    let checked = visit.state().sign_in.check(&admin.email, visit.field("password"), visit.browser()).await?;
    let refused = match checked {
        Ok(_) => {
            let done = visit
                .run(move |visit| {
                    let password = new_password(visit)?;
                    let email: Email = admin.email.parse()?;
                    admins::reset_password(visit.store(), &email, &password, &visit.actor())?;
                    sessions::start(visit.store(), &admin, visit.browser(), "log in")
                })
                .await;
            match done {
                Ok(cookie) => {
                    return Ok(visit.go_logged_in("/admin/settings?done=password", cookie.expose_secret()));
                }
                Err(error) => error,
            }
        }
        Err(LogIn::Held(wait)) => return Err(held(wait)),
        Err(_) => Invalid::because("password", "this is not your password").into(),
    };
    let form = password_form().refused(refused)?;
    visit.show_as(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, |visit, txn| page(visit, txn, form)).await
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
