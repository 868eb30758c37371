//! `pitlane admin …`

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::Context as _;
use clap::Subcommand;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{moment, open_existing, open_or_create, parse, print, print_json, say, table};
use crate::config::Global;
use crate::domain::{Email, Role};
use crate::service::Actor;
use crate::service::access::admins::{self, Password};
use crate::store::Owner;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a person
    Create {
        /// E-mail address that they log in with
        #[arg(long, value_parser = parse::<Email>)]
        email: Email,
        /// admin can change everything; viewer can view everything but change nothing
        #[arg(long, default_value = "admin", value_parser = parse::<Role>)]
        role: Role,
        /// Read the password from the first line of stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give a person a new password, end their sessions and turn their two-step log-in off
    ResetPassword {
        /// E-mail address that they log in with
        #[arg(long, value_parser = parse::<Email>)]
        email: Email,
        /// Read the password from the first line of stdin
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the people who may log in
    List,
    /// Print a one-time link that makes an admin; valid for 30 minutes
    SetupLink {
        /// Address people reach the server by; otherwise the running server's
        #[arg(long, env = "PITLANE_PUBLIC_URL", value_name = "URL")]
        public_url: Option<String>,
    },
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<()> {
    let actor = Actor::command_line();
    match command {
        Command::Create { email, role, password_stdin } => {
            let store = open_or_create(global)?;
            admins::create(&store, &email, role, &password(password_stdin)?, &actor)?;
            say(format_args!("{email} may now log in as {}", role.as_str()));
        }
        Command::ResetPassword { email, password_stdin } => {
            let store = open_existing(global)?;
            let was_on = admins::reset_password(&store, &email, &password(password_stdin)?, &actor)?;
            say(format_args!("{email} has a new password; their sessions have ended"));
            if was_on {
                say(format_args!("their two-step log-in is off now: only the old password opened its secret"));
            }
        }
        Command::List => {
            let rows = open_existing(global)?.read(|txn| txn.admin_list())?;
            if global.json {
                let rows = rows.iter().map(|row| {
                    json!({"id": row.id.to_string(), "email": row.email, "role": row.role.as_str(), "createdAt": row.created_at})
                });
                return print_json(&rows.collect::<Vec<_>>());
            }
            let rows: Vec<_> =
                rows.into_iter().map(|row| [row.email, row.role.as_str().to_owned(), moment(row.created_at)]).collect();
            table::print(["E-MAIL", "ROLE", "CREATED"], &rows)?;
        }
        Command::SetupLink { public_url } => {
            let store = open_or_create(global)?;
            let (secret, expires_at) = admins::create_setup_secret(&store, &actor)?;
            let origin = public_url.or_else(|| Owner::noted(&global.data_dir));
            let origin = origin.as_deref().unwrap_or("http://127.0.0.1:8080").trim_end_matches('/');
            let link = format!("{origin}/admin/setup/{}", secret.expose_secret());
            if let Err(error) = admins::write_setup_file(&store, &link) {
                say(format_args!("the file with the earlier link could not be replaced: {error}"));
            }
            if global.json {
                return print_json(&json!({"link": link, "expiresAt": expires_at}));
            }
            print(link)?;
            say(format_args!("works once, until {}; earlier links have ended", moment(expires_at)));
        }
    }
    Ok(())
}

/// Reads a password from stdin, or asks for it twice on a terminal.
fn password(from_stdin: bool) -> anyhow::Result<Password> {
    let text: SecretString = if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("could not read the password from stdin")?;
        line.trim_end_matches(['\r', '\n']).into()
    } else {
        anyhow::ensure!(
            std::io::stdin().is_terminal(),
            "no password: there is no terminal to ask on, so give it on stdin with --password-stdin"
        );
        let first = rpassword::prompt_password("Password (12 characters or more): ")?;
        let again = rpassword::prompt_password("Again: ")?;
        anyhow::ensure!(first == again, "the two passwords differ");
        first.into()
    };
    Ok(Password::parse(text.expose_secret())?)
}
