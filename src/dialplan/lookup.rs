//! What a walk asks of another program over HTTP, and how its answer becomes values.
//!
//! Pure: the question leaves as an order, the answer comes back as a happening. Whatever a caller brought into the question
//! has been quoted for the place where it stands, and the host is the owner's own word: no caller chooses whom we ask.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::dialplan::action::LONGEST_VALUE;
use crate::dialplan::template::Template;

/// One question, complete.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    /// Counts the questions of one walk: an answer that comes late is not taken for another's.
    pub id: u32,
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
    /// The name of a `[[credential]]` of the configuration. Its value never passes through a dialplan.
    pub credentials: Option<String>,
    /// From the question to the end of the answer.
    pub within: Duration,
    /// What is read out of the answer.
    pub wanted: Vec<Wanted>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    pub content_type: &'static str,
    pub text: String,
}

/// One value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub path: JsonPath,
    pub sort: Sort,
}

/// What a value must be; anything else counts as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Text,
    Number,
    /// Becomes `yes` or `no`.
    YesNo,
}

/// `pedido.itens.0.nome`, `pedido.itens[0].nome`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(Vec<String>);

/// The values in the order in which they were wanted; none for one that the answer lacks.
pub type Findings = Result<Vec<Option<String>>, LookUpFailure>;

/// Why there is no answer to work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookUpFailure {
    Status(u16),
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// The name leads to an address that nobody allowed.
    Forbidden,
    Redirected,
    TooLarge,
    NotJson,
    /// What was filled in would lead out of the path that the owner wrote.
    OutOfPath,
}

/// Steps of a path.
const DEEPEST: usize = 16;

impl JsonPath {
    pub fn parse(text: &str) -> Option<JsonPath> {
        let dotted = text.replace('[', ".").replace(']', "");
        let steps: Vec<String> = dotted.split('.').map(str::to_owned).collect();
        let sound = steps.len() <= DEEPEST && steps.iter().all(|step| !step.is_empty() && step.trim() == step);
        sound.then_some(JsonPath(steps))
    }

    fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(document, |value, step| match value {
            Value::Object(fields) => fields.get(step),
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Puts a value at this place of a document that is being written.
    pub(super) fn put(&self, document: &mut Value, value: Value) {
        let mut place = document;
        for step in &self.0 {
            if !place.is_object() {
                *place = Value::Object(serde_json::Map::new());
            }
            place = &mut place[step.as_str()];
        }
        *place = value;
    }
}

/// Reads the wanted values out of the body of an answer. One of which nothing is wanted need not be JSON.
pub fn read(body: &[u8], wanted: &[Wanted]) -> Findings {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let document: Value = serde_json::from_slice(body).map_err(|_| LookUpFailure::NotJson)?;
    Ok(wanted.iter().map(|it| value_of(it.path.find(&document)?, it.sort)).collect())
}

fn value_of(found: &Value, sort: Sort) -> Option<String> {
    let written = match found {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    match sort {
        Sort::Text => Some(one_line(&written)),
        Sort::Number => is_number(&written).then(|| written.trim().to_owned()),
        Sort::YesNo => match written.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "sim" | "1" => Some("yes".to_owned()),
            "false" | "no" | "nao" | "não" | "0" => Some("no".to_owned()),
            _ => None,
        },
    }
}

/// As JSON writes one: no `NaN`, no `inf`.
pub(super) fn is_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text.trim()).is_ok()
}

/// A value may be spoken, sent and logged: it has no line ends, and ends somewhere.
fn one_line(text: &str) -> String {
    let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(LONGEST_VALUE).collect()
}

/// The host of an address whose holes come after it; else what is wrong with it.
pub(super) fn literal_host(url: &Template) -> Result<&str, &'static str> {
    let head = url.head();
    let rest = head.strip_prefix("https://").or_else(|| head.strip_prefix("http://"));
    let rest = rest.ok_or("it begins with `https://` or `http://`")?;
    let end = rest.find(['/', '?', '#']);
    if end.is_none() && url.has_holes() {
        return Err("whom we ask must not depend on the caller: nothing is filled in before the first `/` of the path");
    }
    let authority = &rest[..end.unwrap_or(rest.len())];
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(known) {
        return Err("its host is a plain name or address, with a port if need be; secrets stand in [[credential]]");
    }
    Ok(host_without_port(authority))
}

fn host_without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// For one segment of a path or one value of a query. RFC 3986 §2.3: all but the unreserved signs.
pub(super) fn percent_encode(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("%{byte:02X}")),
        }
    }
    quoted
}

/// Whether the path goes upwards, by a value such as `..`, to what the owner did not name. RFC 3986 §5.2.4.
pub(super) fn leaves_its_path(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// A value in a header cannot begin a header of its own.
pub(super) fn for_header(value: &str) -> String {
    value.chars().filter(|letter| !letter.is_control()).collect()
}

impl fmt::Display for LookUpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LookUpFailure::Status(status) => return write!(f, "it answered {status}"),
            LookUpFailure::TimedOut => "no answer in time",
            LookUpFailure::Unreachable => "nobody answers there",
            LookUpFailure::Forbidden => "the address is private and not in `[http] allow`",
            LookUpFailure::Redirected => "it sends us elsewhere, or round and round",
            LookUpFailure::TooLarge => "the answer is too large",
            LookUpFailure::NotJson => "the answer is not JSON",
            LookUpFailure::OutOfPath => "not asked: the value leads out of the path",
        })
    }
}

/// Path, headers and body hold what customers typed.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.split('/').nth(2).unwrap_or_default();
        write!(f, "{} {host}", self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::names::Names;
    use crate::dialplan::variable::Variables;

    fn found(body: &str, path: &str, sort: Sort) -> Option<String> {
        let wanted = Wanted { path: JsonPath::parse(path).unwrap(), sort };
        read(body.as_bytes(), &[wanted]).unwrap().pop().unwrap()
    }

    const ORDER: &str =
        r#"{"pedido":{"total":12.50,"pago":true,"itens":[{"nome":"bolo\r\nx"},{"nome":null}],"0":"zero"}}"#;

    #[test]
    fn a_path_goes_through_names_and_places() {
        assert_eq!(found(ORDER, "pedido.total", Sort::Number).as_deref(), Some("12.5"));
        assert_eq!(found(ORDER, "pedido.itens[0].nome", Sort::Text).as_deref(), Some("bolo  x"));
        assert_eq!(found(ORDER, "pedido.itens.0.nome", Sort::Text).as_deref(), Some("bolo  x"));
        assert_eq!(found(ORDER, "pedido.0", Sort::Text).as_deref(), Some("zero"));
        assert_eq!(found(ORDER, "pedido.pago", Sort::YesNo).as_deref(), Some("yes"));
    }

    #[test]
    fn what_is_not_there_or_of_another_kind_is_missing() {
        for path in ["pedido.itens.1.nome", "pedido.itens.7", "pedido.itens", "nada", "pedido.total.x"] {
            assert_eq!(found(ORDER, path, Sort::Text), None, "{path}");
        }
        assert_eq!(found(ORDER, "pedido.itens.0.nome", Sort::Number), None);
        assert_eq!(found(ORDER, "pedido.total", Sort::YesNo), None);
        for path in ["", ".", "a..b", "a.", "a. b"] {
            assert_eq!(JsonPath::parse(path), None, "{path}");
        }
    }

    #[test]
    fn garbage_is_not_json_and_without_wishes_nobody_looks() {
        let wanted = [Wanted { path: JsonPath::parse("a").unwrap(), sort: Sort::Text }];
        assert_eq!(read(b"<html>", &wanted), Err(LookUpFailure::NotJson));
        assert_eq!(read("[".repeat(50_000).as_bytes(), &wanted), Err(LookUpFailure::NotJson));
        assert_eq!(read(b"<html>", &[]), Ok(Vec::new()));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5_000));
        assert_eq!(read(long.as_bytes(), &wanted).unwrap()[0].as_ref().map(String::len), Some(1_000));
    }

    #[test]
    fn the_host_is_written_by_the_owner() {
        let template = |text| Template::parse(text, &Variables::new(), &Names::default()).unwrap();
        let host = |text: &'static str| literal_host(&template(text)).map(str::to_owned);
        assert_eq!(host("https://api.example/x/{caller}").as_deref(), Ok("api.example"));
        assert_eq!(host("http://[::1]:80?n={caller}").as_deref(), Ok("[::1]"));
        assert_eq!(host("https://api.example:8443").as_deref(), Ok("api.example"));
        for text in [
            "https://{caller}.example/",
            "https://api.example{caller}/",
            "{caller}",
            "ftp://api.example/",
            "https:///x",
            "https://ana:senha@api.example/",
            "https://api.example\\@other/",
        ] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_quoted_for_their_place() {
        assert_eq!(percent_encode("+55 11/á?&#%"), "%2B55%2011%2F%C3%A1%3F%26%23%25");
        assert!(leaves_its_path("https://a.example/pedido/../admin?x=1"));
        assert!(!leaves_its_path("https://a.example/pedido/1.5?x=/../"));
        assert_eq!(for_header("a\r\nX-Admin: yes"), "aX-Admin: yes");
    }

    #[test]
    fn fields_stand_one_within_the_other() {
        let mut document = Value::Null;
        JsonPath::parse("cliente.nome").unwrap().put(&mut document, "Ana".into());
        JsonPath::parse("cliente.fone").unwrap().put(&mut document, "+55\"".into());
        assert_eq!(document.to_string(), r#"{"cliente":{"fone":"+55\"","nome":"Ana"}}"#);
    }
}
