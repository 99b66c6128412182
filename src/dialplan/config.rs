//! `[dialplan]` of the configuration.

use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;

/// `[dialplan]`: which files make up the dialplan, and what it speaks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The files, relative to the configuration; `*` stands for any name. Default: `dialplans/*.kdl`.
    pub files: Vec<String>,
    /// The language in which callers are greeted until a `language` step says otherwise. Default: `pt-BR`.
    pub language: String,
    /// How often the files are looked at, 1 s at least: what changed is taken up as on SIGHUP. Default: never.
    #[serde(deserialize_with = "every")]
    pub watch: Option<Duration>,
    /// How many sound dialplans are kept to go back to. Default: 10.
    pub kept: usize,
}

fn every<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let every: Duration = humantime_serde::deserialize(deserializer)?;
    match every < Duration::from_secs(1) {
        true => Err(D::Error::custom("the files are looked at once a second at most: write `1s` or more")),
        false => Ok(Some(every)),
    }
}

impl Default for Config {
    fn default() -> Self {
        Config { files: vec!["dialplans/*.kdl".to_owned()], language: "pt-BR".to_owned(), watch: None, kept: 10 }
    }
}
