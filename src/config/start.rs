//! What the server reads and opens when it starts, as far as nothing is written by looking: a start fails for nothing that
//! `check` could have told.

use std::net::SocketAddr;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use crate::api::token::Token;
use crate::config::Config;
use crate::config::cross::has_scheme;
use crate::config::document::Document;
use crate::config::document::Span;
use crate::config::document::key_of;
use crate::config::document::word_of;
use crate::config::rule::Rule;
use crate::config::secrets;
use crate::dialplan::fault::Fault;
use crate::io::lookup::config::CredentialError;
use crate::io::peer::Peer;
use crate::io::peer::PeerError;
use crate::io::trust;
use crate::io::webhook::Webhook;
use crate::io::webhook::WebhookError;
use crate::sip::hop::Transport;

pub(super) fn check(document: &Document<'_>, config: &Config, faults: &mut Vec<Fault>) {
    let wrong = sections(config).into_iter().chain(tables(config));
    faults.extend(wrong.map(|wrong| wrong.told(document)));
    listeners_can_stand_together(document, config, faults);
}

/// What was said of one table, and the keys that it may be about: the first that is there.
struct Wrong {
    section: &'static str,
    /// Of a list of tables: the key and text by which this one is known.
    known_by: Option<(&'static str, String)>,
    keys: [&'static str; 2],
    said: String,
}

impl Wrong {
    /// The first line is the fault, what follows is its mend.
    fn told(self, document: &Document<'_>) -> Fault {
        let (message, mend) = match self.said.split_once('\n') {
            Some((message, mend)) => (message.to_owned(), Some(mend.trim().to_owned())),
            None => (self.said.clone(), None),
        };
        document.fault(Rule::CannotStart, self.place(document).unwrap_or(0..0), message, mend)
    }

    fn place(&self, document: &Document<'_>) -> Option<Span> {
        let table = match &self.known_by {
            None => document.section(self.section)?,
            Some((key, text)) => {
                let is_its = |table: &&Spanned<DeValue<'_>>| word_of(table, key).is_some_and(|word| word.text == *text);
                document.tables(self.section).iter().find(is_its)?
            }
        };
        let keys = table.get_ref().as_table()?;
        let key = self.keys.iter().find(|key| keys.get(**key).is_some()).unwrap_or(&self.keys[0]);
        Some(key_of(table, key))
    }
}

fn sections(config: &Config) -> Vec<Wrong> {
    let wrong = |section, keys, said: String| Wrong { section, known_by: None, keys, said };
    let storage = config.storage.check().err().map(|error| wrong("storage", ["url", "url"], error.to_string()));
    let token = Token::configured(&config.api, &config.base).err();
    let token = token.map(|error| wrong("api", ["token_file", "token"], error.to_string()));
    let trust = config.probes.trust.as_ref().map(|path| config.path(path));
    let trust = trust.and_then(|path| trust::client_config(Some(&path)).err());
    let trust = trust.map(|error| wrong("probes", ["trust", "trust"], error.to_string()));
    storage.into_iter().chain(token).chain(trust).collect()
}

/// What `cross` has told of them is not told again.
fn tables(config: &Config) -> Vec<Wrong> {
    let base: &Path = &config.base;
    let mut found = Vec::new();
    let mut add = |section, known_by: (&'static str, &str), keys, said: Option<String>| {
        let known_by = Some((known_by.0, known_by.1.to_owned()));
        found.extend(said.map(|said| Wrong { section, known_by, keys, said }));
    };
    for webhook in &config.webhooks {
        let has_secret = webhook.secret.is_some() || webhook.secret_file.is_some();
        let is_told = |error: &WebhookError| match error {
            WebhookError::Url(_) => !has_scheme(&webhook.url),
            _ => !has_secret,
        };
        let error = Webhook::open(webhook, base, None).err().filter(|it| !is_told(it));
        let keys = if let Some(WebhookError::Url(_)) = error { ["url", "url"] } else { ["secret_file", "secret"] };
        let said = error.map(|error| error.to_string());
        add("webhook", ("name", &webhook.name), keys, said);
    }
    for peer in &config.peers {
        let is_told = |error: &PeerError| match error {
            PeerError::Url(_) => !has_scheme(&peer.url),
            error => matches!(error, PeerError::Token(_)),
        };
        let error = Peer::open(peer, base, None, &config.sip.domain).err().filter(|it| !is_told(it));
        let keys = if let Some(PeerError::Url(_)) = error { ["url", "url"] } else { ["token_file", "token"] };
        add("peer", ("name", &peer.name), keys, error.map(|error| error.to_string()));
    }
    for credential in &config.credentials {
        let is_told = |error: &CredentialError| matches!(error, CredentialError::NoValue(_));
        let said = credential.check(base).err().filter(|it| !is_told(it)).map(|error| error.to_string());
        let keys = if credential.value_file.is_some() { ["value_file", "header"] } else { ["header", "value"] };
        add("credential", ("name", &credential.name), keys, said);
    }
    for extension in &config.extensions {
        let said = secrets::check(extension, base).err().map(|error| error.to_string());
        add("extension", ("number", &extension.number), ["password_file", "number"], said);
    }
    found
}

/// Two that want the same port of TCP: the system gives it to the first alone.
fn listeners_can_stand_together(document: &Document<'_>, config: &Config, faults: &mut Vec<Fault>) {
    let mut seen: Vec<(&str, SocketAddr)> = Vec::new();
    for (whose, address, span) in listeners(document, config) {
        if let Some((first, taken)) = seen.iter().find(|(_, taken)| are_one(*taken, address)) {
            let message = format!("{whose} cannot listen on {address}: {first} listens on {taken}");
            let mend = "give one of them another port; each needs a TCP port of its own".to_owned();
            faults.push(document.fault(Rule::CannotStart, span, message, Some(mend)));
        }
        seen.push((whose, address));
    }
}

fn listeners(document: &Document<'_>, config: &Config) -> Vec<(&'static str, SocketAddr, Span)> {
    let place = |section: &str| document.section(section).map_or(0..0, |table| key_of(table, "listen"));
    let written = document.words("sip", "listen");
    let sip = config.sip.listen.iter().enumerate().filter(|(_, listener)| listener.transport != Transport::Udp);
    let sip = sip.map(|(index, listener)| {
        let span = written.get(index).map_or_else(|| place("sip"), |word| word.span.clone());
        ("[sip]", listener.address, span)
    });
    let api = ("[api]", config.api.listen, place("api"));
    let status = config.status.listen.map(|address| ("[status]", address, place("status")));
    sip.chain([api]).chain(status).collect()
}

/// Port 0 is another one each time.
fn are_one(one: SocketAddr, other: SocketAddr) -> bool {
    let meets = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && one.is_ipv4() == other.is_ipv4() && meets
}
