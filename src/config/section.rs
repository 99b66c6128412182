//! Reads one table into a room's own `Config`, and reports everything in it that cannot be read.
//!
//! serde stops at its first fault. So the innermost key or value that it points at is taken out of a copy, and the copy
//! is read again, until it can be read or nothing is left to take out: every slip is reported in one run, and no room
//! has to know how.

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::DeArray;
use toml::de::DeTable;
use toml::de::DeValue;
use toml::de::Error;
use toml::de::ValueDeserializer;

use crate::config::document::Document;
use crate::config::document::Span;
use crate::config::rule::Rule;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::closest;

/// Reads `table`, called `title` in faults; none when there is at least one fault.
pub(super) fn read<T: DeserializeOwned>(
    document: &Document<'_>,
    title: &str,
    table: &Spanned<DeValue<'_>>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let mut copy = table.clone();
    let mut taken_out: Vec<String> = Vec::new();
    let found_before = faults.len();
    loop {
        let error = match T::deserialize(ValueDeserializer::from(copy.clone())) {
            Ok(read) if faults.len() == found_before => return Some(read),
            Ok(_) => return None,
            Err(error) => error,
        };
        if is_echo(&error, &taken_out) {
            return None;
        }
        let span = error.span().unwrap_or_else(|| table.span());
        faults.push(explain(document, title, &error, span.clone()));
        match take_out(copy.get_mut(), &span) {
            Some(key) => taken_out.push(key),
            None => return None,
        }
    }
}

/// Whether the fault is only that a key is missing which was taken out before.
fn is_echo(error: &Error, taken_out: &[String]) -> bool {
    let missing = quoted(error.message(), "missing field `");
    missing.is_some_and(|key| taken_out.iter().any(|taken| taken == key))
}

fn explain(document: &Document<'_>, title: &str, error: &Error, span: Span) -> Fault {
    let message = error.message();
    if let Some(key) = quoted(message, "unknown field `") {
        let known = expected(message);
        return document.fault(
            Rule::UnknownKey,
            span,
            format!("{title} has no key `{key}`"),
            Some(key_hint(key, &known)),
        );
    }
    if let Some(key) = quoted(message, "missing field `") {
        let hint = format!("add a line `{key} = …` under {title}");
        return document.fault(
            Rule::MissingKey,
            span.start..span.start,
            format!("{title} lacks the key `{key}`"),
            Some(hint),
        );
    }
    if let Some(word) = quoted(message, "unknown variant `") {
        let known = expected(message);
        return document.fault(
            Rule::UnknownChoice,
            span,
            format!("`{word}` is not known here"),
            Some(word_hint(word, &known)),
        );
    }
    let is_secret = document.is_secret(&span);
    let fault = document.fault(Rule::WrongSetting, span, message.replace('\n', " "), None);
    match fault.message.split_once(", expected ") {
        // serde repeats the value, and it may be a secret: a PIN without its quotation marks.
        Some((_, wanted)) if is_secret || fault.excerpt.is_none() => {
            let wanted = if wanted.starts_with("struct ") { "a table" } else { wanted };
            Fault { message: format!("this is not {wanted}"), ..fault }
        }
        _ => fault,
    }
}

fn key_hint(key: &str, known: &[&str]) -> String {
    match closest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? Keys: {}", known.join(", ")),
        None => format!("keys: {}", known.join(", ")),
    }
}

fn word_hint(word: &str, known: &[&str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? There are: {}", known.join(", ")),
        None => format!("there are: {}", known.join(", ")),
    }
}

/// What stands between `opening` and the next back-tick of one of serde's sentences.
fn quoted<'m>(message: &'m str, opening: &str) -> Option<&'m str> {
    let rest = message.strip_prefix(opening)?;
    rest.split('`').next()
}

/// The list after "expected" in one of serde's sentences: "expected one of `a`, `b`" or "expected `a` or `b`".
fn expected(message: &str) -> Vec<&str> {
    let list = message.split_once("expected ").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2).collect()
}

/// Removes the innermost entry that holds `span`; returns the key it stood under.
fn take_out<'t>(value: &mut DeValue<'t>, span: &Span) -> Option<String> {
    match value {
        DeValue::Table(table) => take_out_of_table(table, span),
        DeValue::Array(array) => {
            let at = array.iter().position(|item| holds(&item.span(), span))?;
            if let Some(key) = array.get_mut(at).and_then(|item| inner(item, span)) {
                return Some(key);
            }
            // A `DeArray` cannot drop an item: the others are moved into a new one.
            let others =
                std::mem::replace(array, DeArray::new()).into_iter().enumerate().filter(|(index, _)| *index != at);
            *array = others.map(|(_, item)| item).collect();
            Some(String::new())
        }
        _ => None,
    }
}

fn take_out_of_table<'t>(table: &mut DeTable<'t>, span: &Span) -> Option<String> {
    let holds_it = |key: Span, value: Span| holds(&key, span) || holds(&value, span);
    let found = table.iter().find(|(key, value)| holds_it(key.span(), value.span()));
    let name = found.map(|(key, _)| key.get_ref().to_string())?;
    let value = table.get_mut(name.as_str())?;
    if let Some(inner) = inner(value, span) {
        return Some(inner);
    }
    table.remove(name.as_str());
    Some(name)
}

/// Goes one step further down, unless the fault is about the whole of `value`.
fn inner<'t>(value: &mut Spanned<DeValue<'t>>, span: &Span) -> Option<String> {
    if value.span() == *span || !holds(&value.span(), span) {
        return None;
    }
    take_out(value.get_mut(), span)
}

fn holds(outer: &Span, inner: &Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading matters here")]
    struct Section {
        name: String,
        #[serde(default)]
        count: u8,
        #[serde(default)]
        networks: Vec<std::net::IpAddr>,
    }

    fn faults(text: &str) -> Vec<String> {
        let (document, mut faults) = Document::parse("a.toml", text);
        assert!(faults.is_empty(), "{faults:?}");
        let table = document.section("queue").unwrap().clone();
        let read: Option<Section> = read(&document, "[queue]", &table, &mut faults);
        assert_eq!(read.is_none(), !faults.is_empty());
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_slip_of_a_table_is_reported_at_once() {
        let found = faults("[queue]\nnmae = \"x\"\ncount = \"many\"\nnetworks = [\"a\", \"::1\", \"b\"]\n");
        let starts = ["a.toml:2:1: ", "a.toml:3:9: ", "a.toml:4:13: ", "a.toml:4:25: "];
        for start in starts {
            assert!(found.iter().any(|fault| fault.starts_with(start)), "{start} in {found:?}");
        }
        assert!(found.iter().any(|fault| fault.contains("lacks the key `name`")), "{found:?}");
        assert!(found.iter().any(|fault| fault.contains("did you mean `name`?")), "{found:?}");
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn a_required_key_of_the_wrong_kind_is_not_also_called_missing() {
        let found = faults("[queue]\nname = 7\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a.toml:2:8: "), "{found:?}");
    }

    #[test]
    fn a_right_table_is_read() {
        assert!(faults("[queue]\nname = \"vendas\"\ncount = 3\n").is_empty());
    }
}
