//! The command line: which command, with which arguments, and with which exit code it ends.
//!
//! Every command reads the configuration first and says all that is wrong with it in the same words as `check`.

mod check;
mod exit;
mod fmt;
mod log;
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
    /// Places a call through the running server: rings FROM, then TO, and connects them.
    Call(remote::PlaceCall),
    /// Sends a text through the running server.
    Message(remote::SendMessage),
    /// Shows the running server at a glance.
    Status,
    /// Shows the phones that are registered with the running server, and whether a router writes in their messages.
    Registrations,
    /// Shows the channels of the running server, or sets one by hand.
    Channels(remote::Channels),
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
        Command::Call(order) => remote::call(&config, order, style),
        Command::Message(order) => remote::message(&config, order, style),
        Command::Status => remote::status(&config, style),
        Command::Registrations => remote::registrations(&config, style),
        Command::Channels(order) => remote::channels(&config, order, style),
    }
}

/// Needs no configuration.
fn language(style: Style) -> Exit {
    match style {
        Style::Json => println!("{}", json!(language::describe())),
        Style::Text => print!("{}", reference::render_reference()),
    }
    Exit::Done
}

/// For whom a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Text,
    Json,
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
            &["status"],
            &["registrations"],
            &["channels"],
            &["call", "200", "201"],
            &["message", "200", "oi"],
        ] {
            let line = [&["desvio"], command, &["--json", "--config", "x.toml"]].concat();
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert!(arguments.json && arguments.config == Path::new("x.toml"));
        }
    }
}
