//! `[status]`: what customers are told at `/status`, and where.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;

/// `[status]`: a page that anybody may see.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A door for the page alone, so that the API need not be exposed. Default: none; the page is at `[api] listen` only.
    pub listen: Option<SocketAddr>,
    /// The business, as its customers know it. Default: nothing.
    pub name: String,
    /// The language of those whose browser asks for none that we have: pt-BR or en. Default: `pt-BR`.
    pub language: String,
    /// Telephone numbers at which the business can be reached. Default: none.
    pub phone: Vec<String>,
    /// Numbers to which customers may send texts. Default: none.
    pub text: Vec<String>,
    /// Words of your own, by language. Default: none.
    pub notice: BTreeMap<String, String>,
    /// Which channels are shown, and what they are called there: `{ whatsapp = "WhatsApp" }`. Default: all that are
    /// watched, by their own names.
    pub channels: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: None,
            name: String::new(),
            language: "pt-BR".to_owned(),
            phone: Vec::new(),
            text: Vec::new(),
            notice: BTreeMap::new(),
            channels: BTreeMap::new(),
        }
    }
}
