//! `pitlane restore FILE`

use std::path::PathBuf;

use serde_json::json;

use super::verify::{as_json, describe};
use super::{print_json, say};
use crate::config::Global;
use crate::domain::phrase;
use crate::store::{self, StayedShut, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The backup to put in the database's place
    file: PathBuf,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let target = global.data_dir.join(Store::FILE);
    say(format_args!("database: {}", target.display()));
    let done = store::restore(&args.file, &global.data_dir)?;
    say(format_args!("verified {} and put it in the database's place", args.file.display()));
    match &done.kept {
        Some(kept) => say(format_args!("the old database is kept as {}", kept.display())),
        None => say(format_args!("there was no database before")),
    }
    if done.is_anothers {
        say(format_args!(
            "This is the backup of another Pitlane ({}; its advertisers: {}). People, passwords, tokens and switches are \
             the backup's; nothing was taken over from the old database.",
            done.from.contents.appliance.as_deref().unwrap_or("unnamed"),
            done.from.contents.advertisers.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(", ")
        ));
    }
    let shut = stayed_shut(&done.shut);
    for (count, _, one, many) in shut.iter().filter(|(count, ..)| *count > 0) {
        say(format_args!("{} {}", phrase::count(*count), if *count == 1 { one } else { many }));
    }
    let unread = done.unread.as_ref().map(|why| format!("The old database could not be read ({why})"));
    let missing = done.kept.is_none().then(|| "The old database is not here".to_owned());
    if let Some(unread) = unread.or(missing) {
        say(format_args!(
            "{unread}, so what was shut after the backup may be open again: revoked tokens, removed people, disabled \
             advertisers, offers that were switched off. Look through them: pitlane token list, admin list, advertiser \
             list, offer list"
        ));
    }
    if !done.has_admin {
        say(format_args!("No admin can log in now. For a link that makes one, run: pitlane admin setup-link"));
    }
    let newer = if done.kept.is_some() { "is only in the old database" } else { "is not in this one" };
    say(format_args!("everybody was logged out; what was changed after the backup {newer}"));
    if global.json {
        let shut: serde_json::Map<_, _> =
            shut.iter().map(|(count, name, ..)| ((*name).to_owned(), (*count).into())).collect();
        print_json(&json!({
            "restored": as_json(&done.from),
            "kept": done.kept,
            "revoked": done.shut.tokens,
            "stayedShut": shut,
            "anotherAppliance": done.is_anothers,
        }))
    } else {
        describe(&done.from)
    }
}

/// What stayed revoked, disabled or switched off: count, name in JSON, and the words for one and for several.
fn stayed_shut(shut: &StayedShut) -> [(i64, &'static str, &'static str, &'static str); 9] {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    [
        (
            count(shut.tokens),
            "tokens",
            "token that was revoked since the backup stays revoked",
            "tokens that were revoked since the backup stay revoked",
        ),
        (
            count(shut.feeds),
            "feeds",
            "feed that was revoked since stays revoked",
            "feeds that were revoked since stay revoked",
        ),
        (
            count(shut.people),
            "people",
            "person who was removed since stays removed",
            "people who were removed since stay removed",
        ),
        (
            count(shut.roles),
            "roles",
            "admin who was made a viewer since stays a viewer",
            "admins who were made viewers since stay viewers",
        ),
        (
            count(shut.passwords),
            "passwords",
            "password that was changed since stays as it is now",
            "passwords that were changed since stay as they are now",
        ),
        (
            count(shut.second_steps),
            "twoStep",
            "two-step log-in that was turned on since stays on",
            "two-step log-ins that were turned on since stay on",
        ),
        (
            count(shut.codes),
            "recoveryCodes",
            "recovery code that was used since stays used",
            "recovery codes that were used since stay used",
        ),
        (
            count(shut.advertisers),
            "advertisers",
            "advertiser that was disabled since stays disabled",
            "advertisers that were disabled since stay disabled",
        ),
        (
            count(shut.offers),
            "offers",
            "offer whose cost reporting was turned off since stays off",
            "offers whose cost reporting was turned off since stay off",
        ),
    ]
}
