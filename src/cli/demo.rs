//! `pitlane demo`

use anyhow::Context as _;
use chrono::Utc;

use super::serve::{own, serve};
use super::{open_or_create, print, say};
use crate::config::{Global, Serve};
use crate::domain::{Day, Name, TokenReader, TokenScope};
use crate::service::access::tokens::{self, TokenRequest};
use crate::service::{Actor, demo};

pub(super) fn run(global: &Global, config: Serve) -> anyhow::Result<()> {
    let dir = global.data_dir.display();
    let occupied = std::fs::read_dir(&global.data_dir).is_ok_and(|mut entries| entries.next().is_some());
    anyhow::ensure!(
        !occupied,
        "{dir} is not empty, so it was left alone. To serve what is in it: pitlane serve --data-dir {dir}. \
         To try the demo elsewhere: pitlane demo --data-dir ANOTHER-DIRECTORY"
    );
    let owner = own(global)?;
    let store = open_or_create(global)?;
    let yesterday = Day::try_from(Utc::now().date_naive())?.earlier(1).context("the clock is off")?;
    let first = yesterday.earlier(demo::DAYS - 1).context("the clock is off")?;
    demo::fill(&store, yesterday)?;
    let request = TokenRequest {
        advertiser: demo::ADVERTISER.to_owned(),
        name: Name::parse("name", "Demo")?,
        scope: TokenScope::Report,
        expires_at: None,
        reader: TokenReader::Other,
    };
    let token = tokens::issue(&store, &request, &Actor::command_line(), Utc::now())?;
    say(format_args!("filled with {}: {} days to {yesterday}", demo::ADVERTISER, demo::DAYS));
    serve(store, owner, config, |origin| {
        say(format_args!("\nThis token reads the demo's cost report. It is shown this once; only its hash is stored."));
        print(format_args!("token: {}", token.reveal()))?;
        say(format_args!("\nThis is what Singular would ask. Paste it into another terminal:"));
        print(format_args!(
            "curl -s -H 'Authorization: ApiToken {}' \
             '{origin}/api/v1/integrations/cost-report/singular/json?date_from={first}&date_to={yesterday}'",
            token.reveal()
        ))?;
        say(format_args!("\nThe API for people: {origin}/api/docs. Stop with Ctrl-C.\n"));
        Ok(())
    })
}
