//! `[storage]`: where the database stands.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::store::address::Address;
use crate::store::error::StoreError;

/// `[storage]`
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE` for several nodes.
    /// Default: `sqlite:data/desvio.db`.
    pub url: String,
    /// How long an incident is kept after its beginning; those that go on are. Default: 730 days.
    #[serde(with = "humantime_serde")]
    pub keep_incidents: Duration,
}

impl Config {
    /// Whether the address is one of a database that is known here. Nothing is opened.
    pub fn check(&self) -> Result<(), StoreError> {
        Address::parse(&self.url, Path::new("")).map(drop)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { url: "sqlite:data/desvio.db".into(), keep_incidents: Duration::from_hours(730 * 24) }
    }
}

/// Never shows the password that may stand in the address.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = without_password(&self.url);
        f.debug_struct("Config").field("url", &url).field("keep_incidents", &self.keep_incidents).finish()
    }
}

/// `postgres://desvio:…@db/desvio`
pub(super) fn without_password(url: &str) -> String {
    // What is asked for may hold a password as well.
    let (before, asked) = url.split_once('?').map_or((url, None), |(before, asked)| (before, Some(asked)));
    let more = if asked.is_some() { "?…" } else { "" };
    // A password may hold an `@` or a `/` of its own: the last `@` of all parts it from the host.
    let Some((login, host)) = before.rsplit_once('@') else {
        let is_unclear = asked.is_some_and(|asked| asked.contains('@'));
        return if is_unclear {
            format!("{}:…", url.split(':').next().unwrap_or_default())
        } else {
            format!("{before}{more}")
        };
    };
    let (scheme, login) = login.split_once("://").map_or(("", login), |(scheme, login)| (scheme, login));
    let between = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{between}{}:…@{host}{more}", login.split(':').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_ever_shown() {
        let shown = without_password("postgres://desvio:s3cr@t@db.example:5432/desvio");
        assert_eq!(shown, "postgres://desvio:…@db.example:5432/desvio");
        for (url, shown) in [
            ("postgres:desvio:geheim@db/desvio", "postgres:…@db/desvio"),
            ("mysql://desvio:ge/heim@db/desvio", "mysql://desvio:…@db/desvio"),
            ("sqlite:data/desvio.db", "sqlite:data/desvio.db"),
            ("postgres://db/desvio?user=desvio&password=geheim", "postgres://db/desvio?…"),
            ("postgres://db/desvio?user=desvio&password=ge@heim", "postgres:…"),
            ("postgres://desvio:ge?heim@db/desvio", "postgres:…"),
            ("postgres://desvio:geheim@db/desvio?password=x@y", "postgres://desvio:…@db/desvio?…"),
        ] {
            assert_eq!(without_password(url), shown);
        }
        let config = Config { url: "postgres://desvio:geheim@db/desvio".into(), ..Config::default() };
        assert!(!format!("{config:?}").contains("geheim"));
    }

    #[test]
    fn without_a_section_the_file_stands_in_the_data_folder() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config.url, "sqlite:data/desvio.db");
        assert!(toml::from_str::<Config>("uri = 'x'").is_err());
    }
}
