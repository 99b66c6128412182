//! `desvio test` and `desvio simulate`: the dialplan on a virtual clock, with no server.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use desvio::config::Loaded;
use desvio::dialplan::rehearsal;
use desvio::dialplan::rehearsal::TestOutcome;
use desvio::dialplan::simulate;
use desvio::dialplan::simulate::Simulation;
use desvio::dialplan::simulate::Situation;
use desvio::number::PhoneNumber;
use desvio::outage::ChannelState;
use jiff::Timestamp;
use serde_json::json;

use crate::cli::Style;
use crate::cli::check;
use crate::cli::complain;
use crate::cli::exit::Exit;
use crate::cli::output;

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// Who calls.
    #[arg(long, value_name = "NUMBER")]
    from: String,
    /// The number of ours that is called.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// The trunk that the call comes in through. Default: the one whose `caller_id` is the number that is called, else none.
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// When: `2026-11-23T12:39:00-03:00`. Default: now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The state of a channel: `whatsapp=down`; also `degraded`, `recovering`. May be repeated. Default: all are up.
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
    if outcomes.is_empty() && loaded.program.test_count() > 0 {
        return complain(&format!("no test's name holds `{part}`"), style, Exit::Failed);
    }
    let coverage = order.coverage.then_some(coverage);
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    match style {
        Style::Json => {
            let mut report = json!({ "tests": outcomes, "passed": outcomes.len() - failed, "failed": failed });
            if let Some(coverage) = coverage {
                report["coverage"] = json!(coverage);
            }
            output::line(report);
        }
        Style::Text => {
            print_outcomes(&outcomes, failed);
            if let Some(coverage) = coverage {
                output::line(coverage);
            }
        }
    }
    if failed == 0 { Exit::Done } else { Exit::Failed }
}

fn print_outcomes(outcomes: &[TestOutcome], failed: usize) {
    for outcome in outcomes {
        output::line(outcome);
    }
    match outcomes.len() {
        0 => output::line("no test was run; a dialplan's tests are its `test` blocks"),
        all => output::line(format_args!("{} passed, {failed} failed", all - failed)),
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
                Style::Json => output::line(json!(simulation)),
                Style::Text => output::line(simulation),
            }
            Exit::Done
        }
        Err(error) => complain(&format!("{error:#}"), style, Exit::Failed),
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
        trunk: order.trunk.clone(),
        at: order.at.unwrap_or_else(now),
        channels: states(&order.channel)?,
        press: order.press.clone(),
    };
    Ok(simulate::simulate(&loaded.program, &loaded.names, &situation, any_instant())?)
}

/// `whatsapp=down` … → each channel with its state.
fn states(channels: &[String]) -> anyhow::Result<Vec<(String, ChannelState)>> {
    let states = channels.iter().map(|text| {
        let (name, word) = text.split_once('=').with_context(|| format!("`{text}`: write --channel NAME=down"))?;
        let known = ChannelState::ALL.into_iter().find(|state| state.as_str() == word);
        let state =
            known.with_context(|| format!("`{word}` is no state of a channel: up, degraded, down or recovering"))?;
        Ok((name.to_owned(), state))
    });
    states.collect()
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
    fn a_channel_is_given_with_one_of_its_states() {
        let given = ["whatsapp=down".to_owned(), "sms=degraded".to_owned()];
        let wanted = [("whatsapp".to_owned(), ChannelState::Down), ("sms".to_owned(), ChannelState::Degraded)];
        assert_eq!(states(&given).unwrap(), wanted);
        assert!(states(&["whatsapp".to_owned()]).unwrap_err().to_string().contains("NAME=down"));
        assert!(states(&["whatsapp=off".to_owned()]).unwrap_err().to_string().contains("recovering"));
    }

    #[test]
    fn a_filter_that_no_test_fits_is_no_success() {
        let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/desvio.toml"));
        let named =
            |filter: &str| test(shipped, &Test { filter: Some(filter.to_owned()), coverage: false }, Style::Text);
        assert_eq!(named("nosuchtest"), Exit::Failed);
        assert_eq!(named(""), Exit::Done);
    }
}
