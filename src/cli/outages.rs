//! `desvio incidents`, `drill` and `channels --watch`: what happens to the channels, as a running server tells it.

use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use desvio::api::client::Client;
use desvio::api::client::ClientError;
use desvio::api::client::Said;
use desvio::api::documents::List;
use desvio::api::documents::channels::ChannelDocument;
use desvio::api::documents::incidents::IncidentDocument;
use desvio::api::orders::NewDrill;
use desvio::api::story;
use desvio::api::table;
use desvio::api::watch;
use jiff::tz::TimeZone;
use tokio::time::sleep;

use crate::cli::Style;
use crate::cli::exit::Exit;
use crate::cli::remote::Shown;
use crate::cli::remote::ask;
use crate::cli::remote::author;
use crate::cli::remote::shown;

#[derive(Debug, Args)]
pub(super) struct Incidents {
    /// Tells the story of this one. Default: lists the newest 50.
    id: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Drill {
    /// Which channel is treated as down.
    channel: String,
    /// How long: `10m`. It ends by itself, also if this command does not wait for it.
    #[arg(long = "for", value_name = "TIME", default_value = "10m")]
    lasts: String,
    /// Changes no call and tells nobody: reports what would have happened.
    #[arg(long)]
    shadow: bool,
    /// Does not wait for the report: `desvio incidents ID` tells it.
    #[arg(long)]
    detach: bool,
    /// Ends the drill of this channel that goes on.
    #[arg(long, conflicts_with_all = ["shadow", "detach"])]
    end: bool,
}

pub(super) fn incidents(file: &Path, order: Incidents, style: Style) -> Exit {
    ask(file, style, async |client: Client| match &order.id {
        None => Ok(shown(client.incidents().await?, |page| story::incidents(&page.data, &TimeZone::system()))),
        Some(id) => Ok(shown(client.incident(id).await?, |one| story::incident(one, &TimeZone::system()))),
    })
}

pub(super) fn drill(file: &Path, order: Drill, style: Style) -> Exit {
    ask(file, style, async |client: Client| match order.end {
        true => Ok(report(end_drill(&client, &order.channel).await?)),
        false => run_drill(&client, order, style).await,
    })
}

async fn run_drill(client: &Client, order: Drill, style: Style) -> Result<Shown, ClientError> {
    let Drill { channel, lasts, shadow, detach, .. } = order;
    let wish = NewDrill { channel: channel.clone(), lasts, shadow, author: Some(author()) };
    let begun = client.begin_drill(&wish).await?;
    let id = begun.document.id.clone();
    if detach {
        return Ok(report(begun));
    }
    if style == Style::Text {
        eprintln!("drill {id}: {channel} is treated as down; Ctrl-C ends it\n");
        eprint!("{}", begun.document.drill.as_ref().map(story::findings).unwrap_or_default());
    }
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(report(client.end_drill(&id).await?)),
            () = sleep(LOOKED_EVERY) => {}
        }
        let now = client.incident(&id).await?;
        if now.document.ended.is_some() {
            return Ok(report(now));
        }
    }
}

async fn end_drill(client: &Client, channel: &str) -> Result<Said<IncidentDocument>, ClientError> {
    let drills = client.drills().await?.document.data;
    let id = drills.into_iter().find(|drill| drill.channel == channel).map(|drill| drill.id);
    // The server says in its own words that there is none.
    client.end_drill(&id.unwrap_or_else(|| channel.to_owned())).await
}

/// What does not work makes the command fail.
fn report(said: Said<IncidentDocument>) -> Shown {
    let works = said.document.drill.iter().flat_map(|drill| &drill.findings).all(|finding| finding.works);
    let exit = if works { Exit::Done } else { Exit::Failed };
    Shown { exit, ..shown(said, |one| story::incident(one, &TimeZone::system())) }
}

/// Until Ctrl-C. Nothing but the table, and only when it has changed, where nobody sits at a terminal.
pub(super) fn watch(file: &Path, name: Option<String>, style: Style) -> Exit {
    ask(file, style, async |client: Client| {
        let mut last = String::new();
        loop {
            let said = look(&client, name.as_deref()).await?;
            let text = match (style, is_terminal()) {
                (Style::Json, _) => format!("{}\n", said.json),
                (Style::Text, true) => {
                    format!("\x1b[H\x1b[2J{}", watch::channels(&said.document.data, &TimeZone::system()))
                }
                (Style::Text, false) => table::channels(&said.document.data, &TimeZone::system()),
            };
            if text != last {
                // A reader that has gone is the end.
                if std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()).is_err() {
                    return Ok(Shown::nothing());
                }
                last = text;
            }
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(Shown::nothing()),
                () = sleep(LOOKED_EVERY) => {}
            }
        }
    })
}

async fn look(client: &Client, name: Option<&str>) -> Result<Said<List<ChannelDocument>>, ClientError> {
    match name {
        None => client.channels().await,
        Some(name) => {
            let Said { document, json } = client.channel(name).await?;
            Ok(Said { document: List { data: vec![document] }, json })
        }
    }
}

/// One look, as whoever reads it can take it in.
pub(super) fn once(channels: &[ChannelDocument]) -> String {
    match is_terminal() {
        true => watch::channels(channels, &TimeZone::system()),
        false => table::channels(channels, &TimeZone::system()),
    }
}

fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

const LOOKED_EVERY: Duration = Duration::from_secs(1);
