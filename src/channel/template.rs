//! `{to}`, `{text}` and their kin inside an operator's text, each value quoted for the place where it stands.
//!
//! A JSON template is taken apart before anything is filled in: what a customer writes is always one string and can never become
//! structure. Only `{` with a lower-case name and `}` is a variable; all other braces are text.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// A JSON document with variables in its strings.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonTemplate {
    Text(Template),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
    Fixed(Value),
}

/// How a value is written into its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// As it is.
    Verbatim,
    /// Everything but RFC 3986's unreserved characters; right in a URL and in a form alike.
    Percent,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{{{name}}}` is not known; known are {}", known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    #[error("is not JSON: {why}")]
    NotJson { why: String },
}

/// What the variables stand for.
pub trait Values {
    fn value(&self, name: &str) -> Option<&str>;
}

impl Template {
    pub fn parse(text: &str, known: &BTreeSet<String>) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_variable(rest) {
            if !known.contains(name) {
                return Err(TemplateError::Unknown {
                    name: name.to_owned(),
                    known: known.iter().map(|name| format!("`{{{name}}}`")).collect(),
                });
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Variable(name.to_owned()));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Template(parts))
    }

    /// `Err` names the first variable without a value.
    pub fn fill(&self, values: &dyn Values, quoting: Quoting) -> Result<String, String> {
        let mut filled = String::new();
        for part in &self.0 {
            match (part, quoting) {
                (Part::Text(text), _) => filled.push_str(text),
                (Part::Variable(name), Quoting::Verbatim) => {
                    filled.push_str(value_of(values, name)?);
                }
                (Part::Variable(name), Quoting::Percent) => {
                    push_percent(&mut filled, value_of(values, name)?);
                }
            }
        }
        Ok(filled)
    }
}

impl JsonTemplate {
    pub fn parse(text: &str, known: &BTreeSet<String>) -> Result<JsonTemplate, TemplateError> {
        let document = serde_json::from_str(text).map_err(|why| TemplateError::NotJson { why: why.to_string() })?;
        JsonTemplate::of(document, known)
    }

    fn of(document: Value, known: &BTreeSet<String>) -> Result<JsonTemplate, TemplateError> {
        Ok(match document {
            Value::String(text) => JsonTemplate::Text(Template::parse(&text, known)?),
            Value::Array(list) => {
                let items = list.into_iter().map(|item| JsonTemplate::of(item, known));
                JsonTemplate::List(items.collect::<Result<_, _>>()?)
            }
            Value::Object(object) => {
                let fields = object.into_iter().map(|(key, value)| Ok((key, JsonTemplate::of(value, known)?)));
                JsonTemplate::Object(fields.collect::<Result<_, _>>()?)
            }
            fixed => JsonTemplate::Fixed(fixed),
        })
    }

    pub fn fill(&self, values: &dyn Values) -> Result<Value, String> {
        Ok(match self {
            JsonTemplate::Text(template) => Value::String(template.fill(values, Quoting::Verbatim)?),
            JsonTemplate::List(list) => {
                let items = list.iter().map(|item| item.fill(values));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            JsonTemplate::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| Ok((key.clone(), value.fill(values)?)));
                Value::Object(fields.collect::<Result<Map<_, _>, String>>()?)
            }
            JsonTemplate::Fixed(value) => value.clone(),
        })
    }
}

fn value_of<'a>(values: &'a dyn Values, name: &str) -> Result<&'a str, String> {
    values.value(name).ok_or_else(|| name.to_owned())
}

/// The text before, the name, and the text after the first variable.
fn next_variable(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let inside = &text[open + 1..];
        let length =
            inside.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).unwrap_or(inside.len());
        if length > 0 && inside[length..].starts_with('}') {
            return Some((&text[..open], &inside[..length], &inside[length + 1..]));
        }
        from = open + 1;
    }
    None
}

fn push_percent(filled: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                filled.push(char::from(byte));
            }
            _ => filled.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_place_has_its_own_quoting() {
        let nasty = Text("a\"b\\c\n&d=é {to}".to_owned());
        let url = Template::parse("https://x.example/?q={text}", &known()).unwrap();
        assert_eq!(
            url.fill(&nasty, Quoting::Percent).unwrap(),
            "https://x.example/?q=a%22b%5Cc%0A%26d%3D%C3%A9%20%7Bto%7D"
        );
        let json = JsonTemplate::parse(r#"{"a": ["{text}!", 1, true]}"#, &known()).unwrap();
        assert_eq!(json.fill(&nasty).unwrap().to_string(), r#"{"a":["a\"b\\c\n&d=é {to}!",1,true]}"#);
    }

    #[test]
    fn an_unknown_variable_is_a_fault_that_lists_the_known_ones() {
        let fault = Template::parse("{txt}", &known()).unwrap_err();
        assert_eq!(fault.to_string(), "`{txt}` is not known; known are `{text}`, `{to}`");
        let fault = JsonTemplate::parse("{\"a\": {text}}", &known()).unwrap_err();
        assert!(fault.to_string().starts_with("is not JSON"), "{fault}");
    }

    #[test]
    fn other_braces_are_text() {
        let template = Template::parse("{ {} {To} {text", &known()).unwrap();
        let text = Text("x".to_owned());
        assert_eq!(template.fill(&text, Quoting::Verbatim).unwrap(), "{ {} {To} {text");
    }

    proptest! {
        #[test]
        fn whatever_is_written_arrives_as_one_string(text in ".*") {
            let json = JsonTemplate::parse(r#"{"to":"x","text":"{text}"}"#, &known()).unwrap();
            let sent = json.fill(&Text(text.clone())).unwrap().to_string();
            let read: Value = serde_json::from_str(&sent).unwrap();
            prop_assert_eq!(read.as_object().unwrap().len(), 2);
            prop_assert_eq!(read["text"].as_str().unwrap(), text);
        }

        #[test]
        fn any_template_is_read_without_a_panic(text in ".*") {
            let _ = Template::parse(&text, &known());
        }
    }

    struct Text(String);

    impl Values for Text {
        fn value(&self, name: &str) -> Option<&str> {
            (name == "text").then_some(&self.0)
        }
    }

    fn known() -> BTreeSet<String> {
        ["text", "to"].map(str::to_owned).into()
    }
}
