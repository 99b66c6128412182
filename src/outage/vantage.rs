//! From where something was seen, and whom a lookup asked: what tells a dead channel from one that only we cannot reach.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// In text `here`, `path:NAME` or `outside:NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Vantage {
    /// Over the line that this machine uses for everything.
    #[default]
    Here,
    /// Over another line of ours: a second uplink, a proxy elsewhere, another node.
    Path(String),
    /// By somebody else: a peer, a provider's feed, people who report.
    Outside(String),
}

/// Whom a lookup asked. In text `ours:NAME`, `other:NAME` or `authoritative:NAME`; the name may be left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Resolver {
    /// The one that this machine uses for everything, mostly the provider's.
    Ours(String),
    /// An unrelated public one.
    Other(String),
    /// A name server of the zone itself.
    Authoritative(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VantageError {
    #[error("`{0}` is no vantage: write `here`, `path:NAME` or `outside:NAME`")]
    Vantage(String),
    #[error("`{0}` is no resolver: write `ours`, `other:NAME` or `authoritative:NAME`")]
    Resolver(String),
}

impl Vantage {
    pub fn is_here(&self) -> bool {
        *self == Vantage::Here
    }
}

impl Resolver {
    pub fn is_ours(&self) -> bool {
        matches!(self, Resolver::Ours(_))
    }
}

impl fmt::Display for Vantage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Vantage::Here => f.write_str("here"),
            Vantage::Path(name) => write!(f, "path:{name}"),
            Vantage::Outside(name) => write!(f, "outside:{name}"),
        }
    }
}

impl FromStr for Vantage {
    type Err = VantageError;

    fn from_str(text: &str) -> Result<Vantage, VantageError> {
        match text.split_once(':') {
            None if text == "here" => Ok(Vantage::Here),
            Some(("path", name)) if !name.is_empty() => Ok(Vantage::Path(name.to_owned())),
            Some(("outside", name)) if !name.is_empty() => Ok(Vantage::Outside(name.to_owned())),
            _ => Err(VantageError::Vantage(text.to_owned())),
        }
    }
}

impl fmt::Display for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, name) = match self {
            Resolver::Ours(name) => ("ours", name),
            Resolver::Other(name) => ("other", name),
            Resolver::Authoritative(name) => ("authoritative", name),
        };
        match name.is_empty() {
            true => f.write_str(word),
            false => write!(f, "{word}:{name}"),
        }
    }
}

impl FromStr for Resolver {
    type Err = VantageError;

    fn from_str(text: &str) -> Result<Resolver, VantageError> {
        let (word, name) = text.split_once(':').unwrap_or((text, ""));
        let name = name.to_owned();
        match word {
            "ours" => Ok(Resolver::Ours(name)),
            "other" => Ok(Resolver::Other(name)),
            "authoritative" => Ok(Resolver::Authoritative(name)),
            _ => Err(VantageError::Resolver(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Vantage {
    type Error = VantageError;

    fn try_from(text: String) -> Result<Vantage, VantageError> {
        text.parse()
    }
}

impl From<Vantage> for String {
    fn from(vantage: Vantage) -> String {
        vantage.to_string()
    }
}

impl TryFrom<String> for Resolver {
    type Error = VantageError;

    fn try_from(text: String) -> Result<Resolver, VantageError> {
        text.parse()
    }
}

impl From<Resolver> for String {
    fn from(resolver: Resolver) -> String {
        resolver.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vantages_and_resolvers_are_read_as_they_are_written() {
        for text in ["here", "path:lte", "outside:filial-recife"] {
            assert_eq!(text.parse::<Vantage>().unwrap().to_string(), text);
        }
        for text in ["ours", "ours:192.0.2.53", "other:[2001:db8::1]:53", "authoritative:a.ns.facebook.com"] {
            assert_eq!(text.parse::<Resolver>().unwrap().to_string(), text);
        }
        assert!("path:".parse::<Vantage>().is_err());
        assert!("1.1.1.1".parse::<Resolver>().is_err());
    }
}
