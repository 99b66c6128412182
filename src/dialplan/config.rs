//! `[dialplan]` of the configuration.

use serde::Deserialize;

/// `[dialplan]`: which files make up the dialplan, and what it speaks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The files, relative to the configuration; `*` stands for any name. Default: `dialplans/*.kdl`.
    pub files: Vec<String>,
    /// The language in which callers are greeted until a `language` step says otherwise. Default: `pt-BR`.
    pub language: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { files: vec!["dialplans/*.kdl".to_owned()], language: "pt-BR".to_owned() }
    }
}
