//! The people who may log in: invite, change the role, end sessions, remove. The last admin can't be removed.

use actix_web::web;
use askama::Template;
use chrono::Utc;
use secrecy::{ExposeSecret as _, SecretString};

use crate::admin::account::settings;
use crate::admin::kit::context::{Answer, RequestContext, missing_is_not_found};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::form_page::FormPage;
use crate::admin::kit::format;
use crate::admin::kit::layout::{Shell, back};
use crate::admin::kit::stale;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Email, Role};
use crate::http::ClientError;
use crate::service::access::admins;
use crate::store::{PersonRow, StoreError};

const NAV: &str = "Settings";
const PATH: &str = "/admin/settings/people";
const LINK_HINT: &str = "The link works once, within 24 hours. Send it yourself: Pitlane doesn't e-mail it.";

#[derive(Template)]
#[template(path = "admin/people.html")]
struct ListPage {
    shell: Shell,
    pages: Vec<(&'static str, String, bool)>,
    table: Table,
}

#[derive(Template)]
#[template(path = "admin/link_once.html")]
struct LinkPage {
    shell: Shell,
    email: String,
    link: String,
}

/// Everybody who may log in.
pub async fn list(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, NAV, "People")?;
            let mut table =
                Table::new("People who may log in", &["@E-mail", "Role", "-Logs in with", "-Sessions", "-Since"]);
            for row in admins::people(txn)? {
                let link = format!("{PATH}/{}", row.admin.id);
                let with = match (row.is_invited, row.has_two_step) {
                    (true, _) => Cell::new("Invited, no password yet").tone("warn"),
                    (false, true) => Cell::new("Password and code").tone("good"),
                    (false, false) => Cell::new("Password"),
                };
                let sessions = sessions_cell(&row);
                let below = sessions.note.as_ref().map(|used| format!("{}, {used}", sessions.text));
                let email = Cell::new(row.admin.email.clone()).to(link, context.may_change());
                table.rows.push(vec![
                    Cell { narrow: below, ..email },
                    Cell::new(row.admin.role.as_str()),
                    with,
                    sessions,
                    Cell::new(format::moment_day(row.admin.created_at, shell.zone())),
                ]);
            }
            let pages = settings::pages(&shell, PATH);
            Ok(ListPage { shell, pages, table })
        })
        .await
}

fn sessions_cell(row: &PersonRow) -> Cell {
    match row.last_seen_at {
        Some(at) => {
            Cell::new(format::plural(row.sessions, "browser")).note(format!("used {}", format::ago(Utc::now() - at)))
        }
        None => Cell::new("none").tone("quiet"),
    }
}

fn role_choice() -> Kind {
    Kind::Choice(vec![
        ("viewer".to_owned(), "viewer: can view everything but change nothing".to_owned()),
        ("admin".to_owned(), "admin: changes everything".to_owned()),
    ])
}

fn new_form() -> Form {
    Form::new(format!("{PATH}/new"), "Make invitation link")
        .or_back_to(PATH)
        .field("email", "E-mail", Kind::Email, "They'll log in with this address.")
        .field("role", "Role", role_choice(), "")
        .without_autofill()
}

async fn new_page(context: &RequestContext, form: Form) -> Answer {
    let intro = vec![format!("You'll get a link to send them; they choose their own password. {LINK_HINT}")];
    FormPage::answer(context, NAV, "Invite a person", intro, form).await
}

/// The form for an invitation.
pub async fn new(context: RequestContext) -> Answer {
    new_page(&context, new_form().with("role", "viewer").sent_once()).await
}

/// Adds a person and leads to the page that shows the link once.
pub async fn create(context: RequestContext) -> Answer {
    if let Some(shown) = context.shown_once(context.field("form_id")).await? {
        return Ok(shown);
    }
    let made = context.run(|context| {
        let email: Email = context.field("email").parse()?;
        let role: Role = context.field("role").parse()?;
        let secret = admins::invite(context.store(), &email, role, &context.actor())?;
        Ok((email, secret))
    });
    match made.await {
        Ok((email, secret)) => once(&context, email.to_string(), secret).await,
        Err(error) => {
            context.made_nothing(context.field("form_id"))?;
            new_page(&context, new_form().as_typed(&context).refused(error)?.sent_once()).await
        }
    }
}

async fn once(context: &RequestContext, email: String, secret: SecretString) -> Answer {
    context
        .show_once(context.field("form_id"), move |context, txn| {
            let shell = Shell::new(context, txn, NAV, "Send this link")?;
            let link = format!("{}/admin/setup/{}", context.origin(), secret.expose_secret());
            Ok(LinkPage { shell, email, link })
        })
        .await
}

async fn found(context: &RequestContext, id: String) -> Result<PersonRow, ClientError> {
    let find = move |context: &RequestContext| {
        let people = context.store().read(admins::people)?;
        let found = people.into_iter().find(|row| row.admin.id.to_string() == id);
        Ok(found.ok_or_else(|| StoreError::Missing("This person doesn't exist.".to_owned()))?)
    };
    context.run(find).await.map_err(missing_is_not_found)
}

fn edit_form(row: &PersonRow) -> Form {
    Form::new(format!("{PATH}/{}", row.admin.id), "Save role")
        .or_back_to(PATH)
        .field("role", "Role", role_choice(), "Takes effect on their next page load.")
        .with("role", row.admin.role.as_str())
        .based_on_now()
}

async fn edit_page(context: &RequestContext, row: PersonRow, form: Form) -> Answer {
    let path = format!("{PATH}/{}", row.admin.id);
    let mut links = vec![
        ("Make a link for a new password".to_owned(), format!("{path}/link")),
        ("Remove this person".to_owned(), format!("{path}/remove")),
    ];
    if row.sessions > 0 {
        links.insert(1, ("End their sessions".to_owned(), format!("{path}/sessions")));
    }
    FormPage::answer_with(context, NAV, row.admin.email, Vec::new(), Some(form), links).await
}

/// The form for a person's role, with links to the other actions.
pub async fn edit(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    let form = edit_form(&row);
    edit_page(&context, row, form).await
}

/// Asks for confirmation, then changes a person's role.
pub async fn save(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    if let Some(form) = stale::refused(&context, &edit_form(&row), "admin", row.admin.email.clone()).await? {
        return edit_page(&context, row, form).await;
    }
    let saved = match context.field("role").parse::<Role>() {
        Ok(role) if role == row.admin.role => return Ok(context.go(&back(PATH, None, "saved"))),
        Ok(role) if context.field("confirmed").is_empty() => return confirm_page(&context, &row, role).await,
        Ok(role) => {
            let person = row.admin.clone();
            context.run(move |context| admins::set_role(context.store(), &person, role, &context.actor())).await
        }
        Err(invalid) => Err(invalid.into()),
    };
    match saved {
        Ok(()) => Ok(context.go(&back(PATH, None, "saved"))),
        Err(error) => {
            let form = edit_form(&row).as_typed(&context).refused(error)?;
            edit_page(&context, row, form).await
        }
    }
}

async fn confirm_page(context: &RequestContext, row: &PersonRow, role: Role) -> Answer {
    let (title, submit, message) = match role {
        Role::Admin => (
            format!("Make {} an admin?", row.admin.email),
            "Make admin",
            "Admins can change everything: stats, tokens, settings and who may log in.",
        ),
        Role::Viewer => (
            format!("Make {} a viewer?", row.admin.email),
            "Make viewer",
            "Viewers can view everything but change nothing. It takes effect on their next page load.",
        ),
    };
    let form = Form::new(format!("{PATH}/{}", row.admin.id), submit)
        .or_back_to(format!("{PATH}/{}", row.admin.id))
        .field("role", "Role", Kind::Hidden, "")
        .field("confirmed", "", Kind::Hidden, "")
        .with("role", row.admin.role.as_str())
        .based_on("role")
        .with("role", role.as_str())
        .with("confirmed", "yes");
    FormPage::answer(context, NAV, title, vec![message.to_owned()], form).await
}

async fn link_page(context: &RequestContext, row: &PersonRow) -> Answer {
    let message = if row.is_invited {
        format!("This cancels earlier links for {}. {LINK_HINT}", row.admin.email)
    } else {
        format!(
            "With this link, {} can choose a new password. Their current password works until they do. After that they \
             are logged out everywhere and two-step log-in is turned off. {LINK_HINT}",
            row.admin.email
        )
    };
    let form =
        Form::new(format!("{PATH}/{}/link", row.admin.id), "Make link").or_back_to(format!("{PATH}/{}", row.admin.id));
    let form = form.sent_once();
    FormPage::answer(context, NAV, "Make a link for a new password?", vec![message], form).await
}

/// Asks whether a link for a person's new password is to be made.
pub async fn ask_link(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    link_page(&context, &row).await
}

/// Makes a link for a person's new password and leads to the page that shows it once.
pub async fn make_link(context: RequestContext, id: web::Path<String>) -> Answer {
    if let Some(shown) = context.shown_once(context.field("form_id")).await? {
        return Ok(shown);
    }
    let row = found(&context, id.into_inner()).await?;
    let person = row.admin.clone();
    let secret = context.run(move |context| admins::invite_again(context.store(), &person, &context.actor())).await?;
    once(&context, row.admin.email, secret).await
}

/// Asks whether a person's sessions are to be ended.
pub async fn ask_sessions(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    let message = format!(
        "{} is logged in with {}. They can log in again with their password.",
        row.admin.email,
        format::plural(row.sessions, "browser")
    );
    let path = format!("{PATH}/{}", row.admin.id);
    let form = Form::new(format!("{path}/sessions"), "End their sessions").dangerous().or_back_to(path);
    FormPage::answer(&context, NAV, "End their sessions?", vec![message], form).await
}

/// Ends a person's sessions.
pub async fn end_sessions(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    context.run(move |context| admins::end_sessions(context.store(), &row.admin, &context.actor())).await?;
    Ok(context.go(&back(PATH, None, "sessions")))
}

fn remove_form(row: &PersonRow) -> Form {
    let path = format!("{PATH}/{}", row.admin.id);
    let form = Form::new(format!("{path}/remove"), "Remove person").dangerous().or_back_to(path);
    form.field("role", "Role", Kind::Hidden, "").with("role", row.admin.role.as_str()).based_on_now()
}

async fn remove_page(context: &RequestContext, row: &PersonRow, form: Form) -> Answer {
    let message = "They can't log in any more, and their sessions end. What they did stays in the audit log.";
    FormPage::answer(context, NAV, format!("Remove {}?", row.admin.email), vec![message.to_owned()], form).await
}

/// Asks whether a person is to be removed.
pub async fn ask_remove(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    remove_page(&context, &row, remove_form(&row)).await
}

pub async fn remove(context: RequestContext, id: web::Path<String>) -> Answer {
    let row = found(&context, id.into_inner()).await?;
    if let Some(form) = stale::refused(&context, &remove_form(&row), "admin", row.admin.email.clone()).await? {
        return remove_page(&context, &row, form).await;
    }
    let person = row.admin.clone();
    match context.run(move |context| admins::remove(context.store(), &person, &context.actor())).await {
        Ok(()) => Ok(context.go(&back(PATH, None, "removed"))),
        Err(error) => remove_page(&context, &row, remove_form(&row).refused(error)?).await,
    }
}
