//! `[api]`: where programs reach us, and what they must know to be let in.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// `[api]`
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Default: `127.0.0.1:8080`, this machine only. It speaks plain HTTP: put a reverse proxy before it for more.
    pub listen: SocketAddr,
    /// What programs send as `Authorization: Bearer …`; at least 16 characters.
    /// Default: one is made at the first start and kept in `api-token` in the data folder.
    pub token: Option<String>,
    /// A file whose first line is the token; used in place of `token`.
    pub token_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), token: None, token_file: None }
    }
}

/// Never shows the token.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("token_file", &self.token_file)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_served_unless_told_otherwise() {
        let config: Config = toml::from_str("").unwrap();
        assert!(config.listen.ip().is_loopback());
        assert!(toml::from_str::<Config>("lisen = '0.0.0.0:80'").is_err());
    }

    #[test]
    fn the_token_is_not_shown() {
        let config: Config = toml::from_str("token = 'geheim-geheim-geheim'").unwrap();
        assert!(!format!("{config:?}").contains("geheim"));
    }
}
