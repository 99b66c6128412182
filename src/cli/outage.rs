//! `desvio outage`: bad days again, through the detector on a virtual clock, with no server.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use clap::Subcommand;
use desvio::outage::backtest::measure;
use desvio::outage::backtest::measure::Measured;
use desvio::outage::backtest::noise;
use desvio::outage::backtest::noise::NoiseReport;
use desvio::outage::backtest::recording;
use desvio::outage::backtest::replay;
use desvio::outage::backtest::replay::Timeline;
use desvio::outage::backtest::scenario::Scenario;
use desvio::outage::config::Config;
use serde_json::json;

use crate::cli::Style;
use crate::cli::check;
use crate::cli::complain;
use crate::cli::exit::Exit;
use crate::cli::output;

#[derive(Debug, Subcommand)]
pub(super) enum Outage {
    /// Runs one day, written or recorded, and prints its timeline: when each state came and why.
    Replay(Replay),
    /// Runs all days of a folder and months of noise, and prints how soon and how right the verdicts were.
    Backtest(Backtest),
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// A scenario, or evidence as JSON, one piece a line.
    file: PathBuf,
    #[command(flatten)]
    tuning: Tuning,
    /// Which probes a share such as `20%` meets.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
pub(super) struct Backtest {
    /// Where the scenarios are: files that end in `.outage`.
    #[arg(default_value = "tests/outages")]
    folder: PathBuf,
    #[command(flatten)]
    tuning: Tuning,
    /// Each scenario is run so often, each time with other luck; the worst counts.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Hours of ordinary noise and faults of our own line; 0 for none.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=100_000))]
    hours: u64,
}

#[derive(Debug, Args)]
struct Tuning {
    /// Decide as the configuration's channel of this name does. Default: as shipped.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
}

/// The month of noise is always the same one.
const NOISE_SEED: u64 = 2026;

pub(super) fn run(file: &Path, order: &Outage, style: Style) -> Exit {
    let tuning = match order {
        Outage::Replay(replay) => &replay.tuning,
        Outage::Backtest(backtest) => &backtest.tuning,
    };
    let config = match detector(file, tuning, style) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let done = match order {
        Outage::Replay(order) => replay(order, &config, style).map(|()| Exit::Done),
        Outage::Backtest(order) => backtest(order, &config, style),
    };
    done.unwrap_or_else(|error| complain(&format!("{error:#}"), style, Exit::Faults))
}

fn detector(file: &Path, tuning: &Tuning, style: Style) -> Result<Config, Exit> {
    let Some(name) = &tuning.channel else {
        return Ok(Config::default());
    };
    let loaded = check::load(file, style)?;
    let channel = loaded.config.channels.iter().find(|channel| channel.name == *name);
    channel.map(|channel| channel.detector.clone()).ok_or_else(|| {
        let what = format!("{}: there is no channel `{name}`", file.display());
        complain(&what, style, Exit::Faults)
    })
}

fn replay(order: &Replay, config: &Config, style: Style) -> anyhow::Result<()> {
    let text = text_of(&order.file)?;
    let timeline = timeline(&text, config, order.seed).with_context(|| order.file.display().to_string())?;
    match style {
        Style::Json => output::line(json!(timeline)),
        Style::Text => output::line(timeline),
    }
    Ok(())
}

fn timeline(text: &str, config: &Config, seed: u64) -> anyhow::Result<Timeline> {
    match recording::is_one(text) {
        true => Ok(replay::recording(recording::read(text)?, config, any_instant())),
        false => Ok(replay::scenario(&Scenario::read(text)?, config, seed, any_instant())),
    }
}

fn backtest(order: &Backtest, config: &Config, style: Style) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    for path in scenarios(&order.folder)? {
        let scenario = Scenario::read(&text_of(&path)?).with_context(|| path.display().to_string())?;
        let measured = |seed| Measured::of(&scenario, &replay::scenario(&scenario, config, seed, any_instant()));
        rows.extend((0..order.seeds).map(measured).reduce(Measured::or_worse));
    }
    let noise = (order.hours > 0).then(|| noise::run(order.hours, config, NOISE_SEED, any_instant()));
    match style {
        Style::Json => output::line(json!({ "scenarios": rows, "noise": noise })),
        Style::Text => print_table(&rows, noise.as_ref(), order.seeds),
    }
    let missed = rows.iter().any(|row| !row.missed.is_empty());
    let alarmed = noise.is_some_and(|noise| noise.false_alarms > 0);
    Ok(if missed || alarmed { Exit::Failed } else { Exit::Done })
}

fn print_table(rows: &[Measured], noise: Option<&NoiseReport>, seeds: u64) {
    output::line(measure::HEAD);
    for row in rows {
        output::line(row);
    }
    output::line(format_args!(
        "each the worst of {seeds} runs; goals: down within 60 s (total) or 5 min (partial), no false alarm, right blame"
    ));
    if let Some(NoiseReport { hours, false_alarms, alarms, line_troubles, line_blamed }) = noise {
        output::line(format_args!(
            "noise: {hours} h with {line_troubles} troubles of our own line: {false_alarms} false alarms; our line was \
             blamed {line_blamed} times"
        ));
        for (hour, reasons) in alarms {
            output::line(format_args!("  hour {hour}: {}", reasons.join("; ")));
        }
    }
}

fn scenarios(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry?.path());
    }
    files.retain(|path| path.extension().is_some_and(|kind| kind == "outage"));
    files.sort();
    if files.is_empty() {
        bail!("{}: there is no file that ends in `.outage`", folder.display());
    }
    Ok(files)
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

#[expect(clippy::disallowed_methods, reason = "where the virtual clock begins does not matter")]
fn any_instant() -> Instant {
    Instant::now()
}
