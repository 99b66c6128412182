//! The command line: which command, with which arguments, and with which exit code it ends.
//!
//! Every command reads the configuration first and says all that is wrong with it in the same words as `check`.

mod check;
mod dialplan;
mod exit;
mod fmt;
mod graph;
mod log;
mod outage;
#[expect(clippy::disallowed_methods, reason = "whoever watches a drill waits between two looks")]
mod outages;
mod output;
mod rehearse;
mod remote;
mod serve;

use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use desvio::config::log::Format;
use desvio::dialplan::language;
use desvio::dialplan::reference;
use serde_json::json;

use crate::cli::check::Warnings;
use crate::cli::exit::Exit;

#[derive(Debug, Parser)]
#[command(name = "desvio", version, about, after_help = exit::HELP)]
pub(crate) struct Arguments {
    /// The configuration; its paths are relative to it.
    #[arg(long, global = true, value_name = "FILE", default_value = "config/desvio.toml", env = "DESVIO_CONFIG")]
    config: PathBuf,
    /// Write JSON to standard output, for programs.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server until SIGTERM or Ctrl-C.
    Serve {
        /// How the log is written. Default: `[log] format`.
        #[arg(long, value_name = "text|json", value_parser = log::format)]
        log: Option<Format>,
    },
    /// Checks configuration and dialplans as `serve` would: all faults at once.
    Check {
        /// Warnings count as failure too: exit code 1.
        #[arg(long)]
        strict: bool,
    },
    /// Writes dialplans in the form that we all use; keeps comments and blank lines.
    Fmt(fmt::Fmt),
    /// Describes the language of the dialplans: as Markdown, or with --json for editors.
    Language,
    /// Runs the `test` blocks of the dialplans on a virtual clock.
    Test(rehearse::Test),
    /// Walks one call through the dialplan on a virtual clock and tells every step.
    Simulate(rehearse::Simulate),
    /// Draws the dialplan as SVG, or as Mermaid text.
    Graph(graph::Graph),
    /// Places a call through the running server: rings FROM, then TO, and connects them.
    Call(remote::PlaceCall),
    /// Says why a call that has ended went where it went, sentence by sentence.
    Explain {
        /// `call_…`, as in `/v1/records` and the log.
        call: String,
    },
    /// Makes the running server take up the dialplan's files, if they have no fault.
    Reload,
    /// Says what a reload would change.
    Diff,
    /// Makes the running server go back to the dialplan before.
    Rollback,
    /// Sends a text through the running server.
    Message(remote::SendMessage),
    /// Shows the running server at a glance.
    Status,
    /// Shows the phones that are registered with the running server, and whether a router writes in their messages.
    Registrations,
    /// Shows the channels of the running server, or sets one by hand.
    Channels(remote::Channels),
    /// Runs bad days through the detector on a virtual clock.
    #[command(subcommand)]
    Outage(outage::Outage),
    /// Lists the outages and drills that the running server knows, or tells one of them.
    Incidents(outages::Incidents),
    /// Treats a channel as down for a while, and reports who could be reached and what did not work.
    Drill(outages::Drill),
}

pub(crate) fn run(arguments: Arguments) -> Exit {
    let Arguments { config, json, command } = arguments;
    let style = if json { Style::Json } else { Style::Text };
    match command {
        Command::Serve { log } => serve::serve(&config, log, style),
        Command::Check { strict } => {
            let warnings = if strict { Warnings::Fail } else { Warnings::AreShown };
            check::check(&config, warnings, style)
        }
        Command::Fmt(order) => fmt::fmt(&config, &order, style),
        Command::Language => language(style),
        Command::Test(order) => rehearse::test(&config, &order, style),
        Command::Simulate(order) => rehearse::simulate(&config, &order, style),
        Command::Graph(order) => graph::graph(&config, &order, style),
        Command::Explain { call } => dialplan::explain(&config, &call, style),
        Command::Reload => dialplan::reload(&config, style),
        Command::Diff => dialplan::diff(&config, style),
        Command::Rollback => dialplan::roll_back(&config, style),
        Command::Call(order) => remote::call(&config, order, style),
        Command::Message(order) => remote::message(&config, order, style),
        Command::Status => remote::status(&config, style),
        Command::Registrations => remote::registrations(&config, style),
        Command::Channels(order) => remote::channels(&config, order, style),
        Command::Outage(order) => outage::run(&config, &order, style),
        Command::Drill(order) => outages::drill(&config, order, style),
        Command::Incidents(order) => outages::incidents(&config, order, style),
    }
}

/// Needs no configuration.
fn language(style: Style) -> Exit {
    match style {
        Style::Json => output::line(json!(language::describe())),
        Style::Text => output::put(reference::render_reference()),
    }
    Exit::Done
}

/// For whom a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Text,
    Json,
}

/// Says why a command ends without having done what it was asked for.
fn complain(what: &str, style: Style, exit: Exit) -> Exit {
    match style {
        Style::Json => output::line(json!({ "error": what })),
        Style::Text => eprintln!("{what}"),
    }
    exit
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use std::path::Path;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn json_and_the_configuration_go_with_every_command() {
        for command in [
            &["check"][..],
            &["check", "--strict"],
            &["language"],
            &["fmt", "--check", "a.kdl"],
            &["test", "--coverage"],
            &["graph", "entrada", "--mermaid"],
            &["explain", "call_1"],
            &["reload"],
            &["diff"],
            &["rollback"],
            &["status"],
            &["registrations"],
            &["channels"],
            &["outage", "replay", "day.outage"],
            &["outage", "backtest", "--seeds", "3", "--hours", "0"],
            &["incidents"],
            &["drill", "whatsapp"],
            &["call", "200", "201"],
            &["message", "200", "oi"],
        ] {
            let line = [&["desvio"], command, &["--json", "--config", "x.toml"]].concat();
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert!(arguments.json && arguments.config == Path::new("x.toml"));
        }
    }
}
