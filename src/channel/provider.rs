//! One text as one HTTP request, and the answer to it: all of it as the operator wrote it down.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use crate::channel::ComposeError;
use crate::channel::HttpAnswer;
use crate::channel::HttpRequest;
use crate::channel::Outbound;
use crate::channel::Repeats;
use crate::channel::SendOutcome;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::config::HttpProvider;
use crate::channel::config::Secret;
use crate::channel::template::JsonTemplate;
use crate::channel::template::Quoting;
use crate::channel::template::Template;
use crate::channel::template::TemplateError;
use crate::channel::template::Values;

/// `[channel.send]`, checked.
pub struct Provider {
    config: HttpProvider,
    url: Template,
    headers: Vec<(String, Template)>,
    body: Body,
}

enum Body {
    None,
    Json(JsonTemplate),
    Form(Template),
    Plain(Template),
}

/// The values of one text.
struct Filling<'a> {
    outbound: &'a Outbound,
    from: &'a str,
    variables: &'a BTreeMap<String, Secret>,
}

impl Provider {
    /// All faults at once.
    pub fn open(channel: &Config, config: &HttpProvider) -> Result<Provider, Vec<ConfigFault>> {
        let mut faults = Faults { channel, found: Vec::new() };
        let known = known_names(config);
        faults.check_plain_keys(config);
        let url = faults.keep("send.url", Template::parse(&config.url.0, &known));
        let headers = config.headers.iter().map(|(name, value)| {
            let template = Template::parse(&value.0, &known);
            let template = faults.keep(&format!("send.headers.{name}"), template);
            template.map(|template| (name.clone(), template))
        });
        let headers: Option<Vec<_>> = headers.collect();
        let body = faults.keep("send.body", Body::parse(config, &known));
        match (url, headers, body) {
            (Some(url), Some(headers), Some(body)) if faults.found.is_empty() => {
                Ok(Provider { config: config.clone(), url, headers, body })
            }
            _ => Err(faults.found),
        }
    }

    pub fn repeats(&self) -> Repeats {
        match self.config.idempotency_header {
            Some(_) => Repeats::AreRecognised,
            None => Repeats::MayArriveTwice,
        }
    }

    pub fn compose(&self, outbound: &Outbound) -> Result<HttpRequest, ComposeError> {
        let values = Filling {
            outbound,
            from: self.config.from.as_deref().unwrap_or(&outbound.from),
            variables: &self.config.variables,
        };
        // Every name was checked when the channel was opened; only the sender can be without a value.
        let no_sender = |_| ComposeError::NoSender;
        let url = self.url.fill(&values, Quoting::Percent).map_err(no_sender)?;
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        for (name, template) in &self.headers {
            let value = template.fill(&values, Quoting::Verbatim).map_err(no_sender)?;
            headers.push((name.clone(), fit_for_header(name, value)?));
        }
        if let Some(name) = &self.config.idempotency_header {
            headers.push((name.clone(), outbound.id.to_string()));
        }
        Ok(HttpRequest {
            method: self.config.method.to_uppercase(),
            url,
            headers,
            body: self.body.fill(&values).map_err(no_sender)?,
        })
    }

    /// 2xx is taken, unless the operator's `status` says otherwise; 429 and its kin were certainly not taken; after a 5xx nobody
    /// can tell.
    pub fn read_answer(&self, answer: &HttpAnswer) -> SendOutcome {
        let why = || {
            let hint = shortened(&answer.body);
            format!("the provider answered {}{hint}", answer.status)
        };
        match answer.status {
            200..=299 => self.read_success(answer),
            408 | 425 | 429 => SendOutcome::TryAgain { after: answer.retry_after, why: why() },
            503 if answer.retry_after.is_some() => SendOutcome::TryAgain { after: answer.retry_after, why: why() },
            500.. => SendOutcome::Unknown { why: why() },
            _ => SendOutcome::Refused { why: why() },
        }
    }

    fn read_success(&self, answer: &HttpAnswer) -> SendOutcome {
        let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let word_at = |pointer: &Option<String>| {
            let found = document.pointer(pointer.as_deref()?)?;
            word(found)
        };
        let accepted = SendOutcome::Accepted { provider_id: word_at(&self.config.id) };
        if self.config.status.is_none() {
            return accepted;
        }
        let Some(status) = word_at(&self.config.status) else {
            return SendOutcome::Unknown {
                why: format!("the answer has no status where it should stand{}", shortened(&answer.body)),
            };
        };
        let why = format!("the provider says `{status}`{}", shortened(&answer.body));
        match &self.config {
            config if config.accepted.contains(&status) => accepted,
            config if config.try_again.contains(&status) => SendOutcome::TryAgain { after: answer.retry_after, why },
            _ => SendOutcome::Refused { why },
        }
    }
}

impl Body {
    fn parse(config: &HttpProvider, known: &BTreeSet<String>) -> Result<Body, TemplateError> {
        let Some(text) = &config.body else {
            return Ok(Body::None);
        };
        let mut headers = config.headers.iter();
        let content_type = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_type = content_type.map_or("", |(_, value)| value.0.as_str());
        match content_type {
            json if json.contains("json") => JsonTemplate::parse(text, known).map(Body::Json),
            form if form.contains("x-www-form-urlencoded") => Template::parse(text.trim(), known).map(Body::Form),
            _ => Template::parse(text, known).map(Body::Plain),
        }
    }

    fn fill(&self, values: &Filling<'_>) -> Result<Bytes, String> {
        Ok(match self {
            Body::None => Bytes::new(),
            Body::Json(template) => template.fill(values)?.to_string().into(),
            Body::Form(template) => template.fill(values, Quoting::Percent)?.into(),
            Body::Plain(template) => template.fill(values, Quoting::Verbatim)?.into(),
        })
    }
}

impl Values for Filling<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        let sender = (!self.from.is_empty()).then_some(self.from);
        match name {
            "to" => Some(&self.outbound.to),
            "to_digits" => Some(self.outbound.to.trim_start_matches('+')),
            "from" => sender,
            "from_digits" => sender.map(|from| from.trim_start_matches('+')),
            "text" => Some(&self.outbound.text),
            "id" => Some(&self.outbound.id.0),
            other => self.variables.get(other).map(|value| value.0.as_str()),
        }
    }
}

const NAMES: [&str; 6] = ["to", "to_digits", "from", "from_digits", "text", "id"];

fn known_names(config: &HttpProvider) -> BTreeSet<String> {
    let own = config.variables.keys().cloned();
    own.chain(NAMES.map(str::to_owned)).collect()
}

struct Faults<'a> {
    channel: &'a Config,
    found: Vec<ConfigFault>,
}

impl Faults<'_> {
    fn keep<T, E: fmt::Display>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.found.push(self.channel.fault(key, fault))).ok()
    }

    fn check_plain_keys(&mut self, config: &HttpProvider) {
        let scheme = config.url.0.split("://").next().unwrap_or_default();
        if !["http", "https"].contains(&scheme) {
            self.add("send.url", "must begin with https:// or http://");
        }
        for (key, pointer) in [("send.id", &config.id), ("send.status", &config.status)] {
            if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
                self.add(key, "is a JSON pointer and begins with `/`");
            }
        }
        match (&config.status, config.accepted.is_empty()) {
            (Some(_), true) => self.add("send.accepted", "`status` needs the words that mean taken"),
            (None, false) => self.add("send.accepted", "means nothing without `status`"),
            _ => {}
        }
        let mut own = config.variables.keys();
        if let Some(taken) = own.find(|name| NAMES.contains(&name.as_str())) {
            let fault = format!("`{taken}` already has a meaning");
            self.add("send.variables", fault);
        }
    }

    fn add(&mut self, key: &str, fault: impl fmt::Display) {
        self.found.push(self.channel.fault(key, fault));
    }
}

/// Numbers and booleans count as their text: `"status": 0`.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// RFC 9110 §5.5: a line break in a value would begin another header.
fn fit_for_header(name: &str, value: String) -> Result<String, ComposeError> {
    match value.chars().any(char::is_control) {
        true => Err(ComposeError::UnfitForHeader { header: name.to_owned() }),
        false => Ok(value),
    }
}

fn shortened(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(400)]);
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.is_empty() {
        true => String::new(),
        false => format!(": {}", text.chars().take(200).collect::<String>()),
    }
}

/// The configuration prints its secrets as dots; the templates hold them in the clear.
impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({:?})", self.config)
    }
}
