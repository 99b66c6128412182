//! Where the log goes and how much of it: standard error, as `[log]`, the environment and `--log` say.

use std::io::IsTerminal;

use desvio::config::log::Config;
use desvio::config::log::Format;
use desvio::config::log::check_level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Above `[log] level`.
const ENVIRONMENT: &str = "DESVIO_LOG";

/// `--log`
pub(super) fn format(text: &str) -> Result<Format, String> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        other => Err(format!("`{other}` is no form of the log: text or json")),
    }
}

/// Must be called once. A level that cannot be read is said, and `info` holds.
pub(super) fn start(config: &Config, format: Option<Format>) {
    let asked = std::env::var(ENVIRONMENT).ok().filter(|level| !level.trim().is_empty());
    let wanted = asked.unwrap_or_else(|| config.level.clone());
    let filter = filter(&wanted).unwrap_or_else(|error| {
        eprintln!(
            "log level `{wanted}` is not understood: {error}; `info` holds\n    see `[log] level` and {ENVIRONMENT}"
        );
        EnvFilter::new("rtc_dtls=error,info")
    });
    let colour = std::io::stderr().is_terminal();
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    match format.unwrap_or(config.format) {
        Format::Text => log.with_target(false).init(),
        Format::Json => log.json().init(),
    }
}

fn filter(wanted: &str) -> Result<EnvFilter, String> {
    check_level(wanted).map_err(|error| error.to_string())?;
    // The handshake's library warns of each extension of TLS that a browser offers and that it does not know.
    EnvFilter::try_new(format!("rtc_dtls=error,{wanted}")).map_err(|error| error.to_string())
}
