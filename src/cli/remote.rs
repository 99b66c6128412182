//! `desvio call`, `message`, `status` and `channels`: a running server, through its API.

use std::future::Future;
use std::io::ErrorKind;
use std::path::Path;

use clap::Args;
use clap::ValueEnum;
use desvio::api::client::Client;
use desvio::api::client::ClientError;
use desvio::api::client::Said;
use desvio::api::documents::List;
use desvio::api::orders::DeclaredState;
use desvio::api::orders::NewCall;
use desvio::api::orders::NewMessage;
use desvio::api::orders::NewOverride;
use desvio::api::registrations::RegistrationDocument;
use desvio::api::table;
use desvio::api::token::Token;
use desvio::api::token::TokenError;
use jiff::tz::TimeZone;
use serde_json::Value;
use serde_json::json;

use crate::cli::Style;
use crate::cli::check;
use crate::cli::complain;
use crate::cli::dialplan;
use crate::cli::exit::Exit;
use crate::cli::outages;
use crate::cli::output;

#[derive(Debug, Args)]
pub(super) struct PlaceCall {
    /// Rung first: an extension or a number. With an option below: the number that TO sees.
    from: String,
    /// Rung then, and connected.
    to: String,
    /// Rings TO only, who then walks this flow of the dialplan.
    #[arg(long, group = "then")]
    flow: Option<String>,
    /// Rings TO only, who then waits in this queue.
    #[arg(long, group = "then")]
    queue: Option<String>,
    /// Rings TO only, who then hears this text.
    #[arg(long, group = "then", value_name = "TEXT")]
    say: Option<String>,
    /// Rings TO only, who then hears this prompt.
    #[arg(long, group = "then", value_name = "PROMPT")]
    play: Option<String>,
    /// How long a phone rings: `30s`. Default: 45 s.
    #[arg(long, value_name = "TIME")]
    ring_for: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SendMessage {
    /// An extension or a number.
    to: String,
    text: String,
    /// Default: the channel's own.
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// Default: the extension's phone, or the first channel that sends texts to numbers.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Channels {
    /// Only this one.
    name: Option<String>,
    /// Sets it by hand; `auto` leaves it to the probes again.
    #[arg(requires = "name")]
    state: Option<Wished>,
    /// Why, for those who look at it later.
    #[arg(long, requires = "state")]
    reason: Option<String>,
    /// For how long: `2h`. Default: until `auto`.
    #[arg(long = "for", value_name = "TIME", requires = "state")]
    lasts: Option<String>,
    /// Looks again every second until Ctrl-C.
    #[arg(long, conflicts_with = "state")]
    watch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wished {
    Up,
    Degraded,
    Down,
    Auto,
}

pub(super) fn call(file: &Path, order: PlaceCall, style: Style) -> Exit {
    let order = order.into_order();
    ask(file, style, async |client: Client| Ok(shown(client.place_call(&order).await?, table::call)))
}

pub(super) fn message(file: &Path, order: SendMessage, style: Style) -> Exit {
    let SendMessage { to, text, from, channel } = order;
    let order = NewMessage { to, text, from, channel };
    ask(file, style, async |client: Client| Ok(shown(client.send_message(&order).await?, table::message)))
}

pub(super) fn status(file: &Path, style: Style) -> Exit {
    let as_table = |status: &_| table::status(status, &TimeZone::system());
    ask(file, style, async |client: Client| Ok(shown(client.status().await?, as_table)))
}

pub(super) fn registrations(file: &Path, style: Style) -> Exit {
    let as_table = |list: &List<RegistrationDocument>| table::registrations(&list.data, &TimeZone::system());
    ask(file, style, async |client: Client| Ok(shown(client.registrations().await?, as_table)))
}

pub(super) fn channels(file: &Path, order: Channels, style: Style) -> Exit {
    if order.watch {
        return outages::watch(file, order.name, style);
    }
    let as_table = outages::once;
    ask(file, style, async |client: Client| {
        let Some(name) = order.name else {
            return Ok(shown(client.channels().await?, |list| as_table(&list.data)));
        };
        let one = match order.state {
            None => client.channel(&name).await?,
            Some(Wished::Auto) => client.lift_override(&name).await?,
            Some(state) => {
                let wish = NewOverride {
                    state: state.declared(),
                    reason: order.reason,
                    author: Some(author()),
                    lasts: order.lasts,
                };
                client.override_channel(&name, &wish).await?
            }
        };
        Ok(shown(one, |channel| as_table(std::slice::from_ref(channel))))
    })
}

impl PlaceCall {
    fn into_order(self) -> NewCall {
        let Self { from, to, flow, queue, say, play, ring_for } = self;
        let alone = flow.is_some() || queue.is_some() || say.is_some() || play.is_some();
        let parties = match alone {
            true => NewCall { to, from: Some(from), ..NewCall::default() },
            false => NewCall { to: from, connect: Some(to), ..NewCall::default() },
        };
        NewCall { flow, queue, say, play, ring_for, ..parties }
    }
}

impl Wished {
    fn declared(self) -> DeclaredState {
        match self {
            // `auto` is asked for elsewhere: what is left to the probes is up until they say otherwise.
            Self::Up | Self::Auto => DeclaredState::Up,
            Self::Degraded => DeclaredState::Degraded,
            Self::Down => DeclaredState::Down,
        }
    }
}

/// What the server said, for both kinds of readers.
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) json: Value,
    pub(super) exit: Exit,
}

impl Shown {
    /// All has been said already.
    pub(super) fn nothing() -> Shown {
        Shown { text: String::new(), json: Value::Null, exit: Exit::Done }
    }
}

pub(super) fn shown<T>(said: Said<T>, as_text: impl Fn(&T) -> String) -> Shown {
    Shown { text: as_text(&said.document), json: said.json, exit: Exit::Done }
}

/// Whoever sits at the terminal, for the override's author.
pub(super) fn author() -> String {
    std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "command line".to_owned())
}

pub(super) fn ask<F: Future<Output = Result<Shown, ClientError>>>(
    file: &Path,
    style: Style,
    question: impl FnOnce(Client) -> F,
) -> Exit {
    let answer = connect(file, style).and_then(|client| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| complain(&error.to_string(), style, Exit::Unavailable))?;
        runtime.block_on(question(client)).map_err(|error| refused(&error, style))
    });
    match answer {
        Ok(Shown { text, json, exit }) => {
            match style {
                Style::Json if json.is_null() => {}
                Style::Json => output::line(json),
                Style::Text => output::put(text),
            }
            exit
        }
        Err(exit) => exit,
    }
}

/// A dialplan's faults are told as `check` tells them.
fn refused(error: &ClientError, style: Style) -> Exit {
    let exit = dialplan::exit_of(error);
    match (error, style) {
        (ClientError::Refused(problem), Style::Json) if exit == Exit::Faults => {
            let (warnings, faults): (Vec<_>, Vec<_>) =
                problem.faults.iter().partition(|fault| fault["severity"] == "warning");
            output::line(json!({ "version": 1, "faults": faults, "warnings": warnings }));
            exit
        }
        _ => complain(&error.to_string(), style, exit),
    }
}

/// The server that the configuration describes, on this machine.
pub(super) fn connect(file: &Path, style: Style) -> Result<Client, Exit> {
    let config = check::load_configuration(file, style)?;
    let token = Token::load(&config.api, &config.base, &config.data_folder())
        .map_err(|error| complain(&no_token(&error, config.api.token_file.is_some()), style, Exit::Unavailable))?;
    Client::of(&config.api, token).map_err(|error| complain(&error.to_string(), style, Exit::Unavailable))
}

/// A token that nobody configured is made at the server's first start: where it is missing, there was none.
fn no_token(error: &TokenError, has_file: bool) -> String {
    match error {
        TokenError::Unreadable { path, why } if !has_file && why.kind() == ErrorKind::NotFound => format!(
            "no server has been started here yet: there is no {}\n    start it with `desvio serve`, or name its configuration with --config FILE",
            path.display()
        ),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(flow: Option<&str>) -> NewCall {
        let order = PlaceCall {
            from: "200".into(),
            to: "+5511999998888".into(),
            flow: flow.map(str::to_owned),
            queue: None,
            say: None,
            play: None,
            ring_for: None,
        };
        order.into_order()
    }

    #[test]
    fn a_token_that_was_never_made_means_that_no_server_was_started() {
        let unreadable = |kind: ErrorKind| TokenError::Unreadable { path: "data/api-token".into(), why: kind.into() };
        assert!(no_token(&unreadable(ErrorKind::NotFound), false).contains("`desvio serve`"));
        assert!(no_token(&unreadable(ErrorKind::NotFound), true).contains("token_file"));
        assert!(no_token(&unreadable(ErrorKind::PermissionDenied), false).contains("token_file"));
    }

    #[test]
    fn two_parties_are_connected_the_first_one_first() {
        let order = order(None);
        assert_eq!((order.to.as_str(), order.connect.as_deref()), ("200", Some("+5511999998888")));
        assert_eq!(order.from, None);
    }

    #[test]
    fn with_a_flow_only_the_second_is_called() {
        let order = order(Some("entrada"));
        assert_eq!((order.to.as_str(), order.from.as_deref()), ("+5511999998888", Some("200")));
        assert_eq!((order.flow.as_deref(), order.connect), (Some("entrada"), None));
    }
}
