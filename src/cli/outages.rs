//! `desvio incidents`: what has happened to the channels, as a running server tells it.

use std::path::Path;

use clap::Args;
use desvio::api::client::Client;
use desvio::api::story;
use jiff::tz::TimeZone;

use crate::cli::Style;
use crate::cli::exit::Exit;
use crate::cli::remote::ask;
use crate::cli::remote::shown;

#[derive(Debug, Args)]
pub(super) struct Incidents {
    /// Tells the story of this one. Default: lists the newest 50.
    id: Option<String>,
}

pub(super) fn incidents(file: &Path, order: Incidents, style: Style) -> Exit {
    ask(file, style, async |client: Client| match &order.id {
        None => Ok(shown(client.incidents().await?, |page| story::incidents(&page.data, &TimeZone::system()))),
        Some(id) => Ok(shown(client.incident(id).await?, |one| story::incident(one, &TimeZone::system()))),
    })
}
