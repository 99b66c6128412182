//! The few lines at the start: where we listen, which number leads where, what is watched, and what was made.

use std::fmt;
use std::net::SocketAddr;

use crate::api::token::Origin;
use crate::api::token::Token;
use crate::config::Loaded;
use crate::config::secrets::Made;
use crate::sip::config::Listener;

pub(super) struct Greeting<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) listeners: Vec<Listener>,
    pub(super) api: SocketAddr,
    /// Where the status page has a door of its own.
    pub(super) status: Option<SocketAddr>,
    pub(super) token: &'a Token,
    pub(super) origin: &'a Origin,
    pub(super) made: &'a [Made],
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listeners: Vec<String> = self.listeners.iter().map(ToString::to_string).collect();
        writeln!(f, "Desvio {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "  sip       {}  (domain {})", listeners.join("  "), self.loaded.config.sip.domain)?;
        self.numbers(f)?;
        self.channels(f)?;
        let origin = match self.origin {
            Origin::Configured => "token: as configured".to_owned(),
            Origin::Kept(path) => format!("token: in {}", path.display()),
            Origin::Made(path) => format!("token made now and kept in {}: {}", path.display(), self.token.reveal()),
        };
        writeln!(f, "  api       http://{}  ({origin})", self.api)?;
        if let Some(status) = self.status {
            writeln!(f, "  status    http://{status}/status  (for everybody)")?;
        }
        for Made { extension, password, path } in self.made {
            writeln!(
                f,
                "  password  extension {extension}: {password}  (made now, shown once, kept in {})",
                path.display()
            )?;
        }
        Ok(())
    }
}

impl Greeting<'_> {
    fn numbers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = &self.loaded.program;
        for (number, flow) in program.numbers() {
            writeln!(f, "  number    {number} → {}", program.name_of(flow))?;
        }
        Ok(())
    }

    fn channels(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = &self.loaded.config.kinds;
        let watched = kinds.iter().filter(|channel| !channel.probes().is_empty());
        let watched: Vec<String> =
            watched.map(|channel| format!("{} ({} probes)", channel.name(), channel.probes().len())).collect();
        match watched.is_empty() {
            true => writeln!(f, "  channels  none is watched"),
            false => writeln!(f, "  channels  {}", watched.join(", ")),
        }
    }
}
