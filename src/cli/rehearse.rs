//! `desvio test` and `desvio simulate`: the dialplan on a virtual clock, with no server.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use desvio::config::Loaded;
use desvio::dialplan::rehearsal;
use desvio::dialplan::rehearsal::TestOutcome;
use desvio::dialplan::simulate;
use desvio::dialplan::simulate::Simulation;
use desvio::dialplan::simulate::Situation;
use desvio::number::PhoneNumber;
use jiff::Timestamp;
use serde_json::json;

use crate::cli::Style;
use crate::cli::check;
use crate::cli::exit::Exit;

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// Who calls.
    #[arg(long, value_name = "NUMBER")]
    from: String,
    /// The number of ours that is called.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// When: `2026-11-23T12:39:00-03:00`. Default: now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The state of a channel: `whatsapp=down`. May be repeated. Default: all are up.
    #[arg(long, value_name = "NAME=STATE")]
    channel: Vec<String>,
    /// Keys to press, one after another, each when it is asked for: `1,0`.
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    press: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Test {
    /// Only tests whose name holds this text.
    filter: Option<String>,
    /// Says which steps and branches no test came to.
    #[arg(long)]
    coverage: bool,
}

pub(super) fn test(file: &Path, order: &Test, style: Style) -> Exit {
    let loaded = match check::load(file, style) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let part = order.filter.as_deref().unwrap_or_default();
    let (outcomes, coverage) = rehearsal::rehearse_some(&loaded.program, &loaded.names, any_instant(), part);
    let coverage = order.coverage.then_some(coverage);
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    match style {
        Style::Json => {
            let mut report = json!({ "tests": outcomes, "passed": outcomes.len() - failed, "failed": failed });
            if let Some(coverage) = coverage {
                report["coverage"] = json!(coverage);
            }
            println!("{report}");
        }
        Style::Text => {
            print_outcomes(&outcomes, failed);
            if let Some(coverage) = coverage {
                println!("{coverage}");
            }
        }
    }
    if failed == 0 { Exit::Done } else { Exit::Failed }
}

fn print_outcomes(outcomes: &[TestOutcome], failed: usize) {
    for outcome in outcomes {
        println!("{outcome}");
    }
    match outcomes.len() {
        0 => println!("no test was run; a dialplan's tests are its `test` blocks"),
        all => println!("{} passed, {failed} failed", all - failed),
    }
}

pub(super) fn simulate(file: &Path, order: &Simulate, style: Style) -> Exit {
    let loaded = match check::load(file, style) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    match walk(&loaded, order) {
        Ok(simulation) => {
            match style {
                Style::Json => println!("{}", json!(simulation)),
                Style::Text => println!("{simulation}"),
            }
            Exit::Done
        }
        Err(error) => {
            match style {
                Style::Json => println!("{}", json!({ "error": error.to_string() })),
                Style::Text => eprintln!("{error:#}"),
            }
            Exit::Failed
        }
    }
}

fn walk(loaded: &Loaded, order: &Simulate) -> anyhow::Result<Simulation> {
    let home = &loaded.config.home;
    // An extension calls by its own number, which is no telephone number.
    let normal = |text: &str| {
        PhoneNumber::parse(text, home).map_or_else(|_| text.to_owned(), |number| number.as_str().to_owned())
    };
    let situation = Situation {
        from: normal(&order.from),
        to: normal(&order.to),
        at: order.at.unwrap_or_else(now),
        channels_down: down(&order.channel)?,
        press: order.press.clone(),
    };
    Ok(simulate::simulate(&loaded.program, &loaded.names, &situation, any_instant())?)
}

/// `whatsapp=down` … → the channels that are down.
fn down(channels: &[String]) -> anyhow::Result<Vec<String>> {
    let mut down = Vec::new();
    for text in channels {
        let (name, state) =
            text.split_once('=').with_context(|| format!("`{text}`: write --channel NAME=down or NAME=up"))?;
        match state {
            "down" => down.push(name.to_owned()),
            "up" => {}
            other => bail!("`{other}` is no state of a channel here: down or up"),
        }
    }
    Ok(down)
}

#[expect(clippy::disallowed_methods, reason = "where the virtual clock begins does not matter")]
fn any_instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "without --at the call comes now")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_channels_that_are_down_count() {
        let given = ["whatsapp=down".to_owned(), "sms=up".to_owned()];
        assert_eq!(down(&given).unwrap(), ["whatsapp"]);
        assert!(down(&["whatsapp".to_owned()]).unwrap_err().to_string().contains("NAME=down"));
        assert!(down(&["whatsapp=off".to_owned()]).is_err());
    }
}
