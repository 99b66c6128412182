//! The configuration's text as a tree in which every key and value still knows its place.
//!
//! Faults need places, and cross-checks need names even where a section could not be read; both are answered from here,
//! never from the finished [`super::Config`].

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::rule::Rule;
use crate::config::secrecy;
use crate::dialplan::excerpt::Excerpt;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::Severity;

/// Where something stands in the file, in bytes.
pub(super) type Span = Range<usize>;

#[derive(Debug)]
pub(super) struct Document<'t> {
    /// As the operator named the file; shown in faults.
    path: &'t str,
    text: &'t str,
    root: DeTable<'t>,
}

/// A text value of the file and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) span: Span,
}

impl<'t> Document<'t> {
    /// Reads the whole text; what is not TOML is reported, and the rest is kept.
    pub(super) fn parse(path: &'t str, text: &'t str) -> (Self, Vec<Fault>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Self { path, text, root: root.into_inner() };
        let faults = errors.iter().map(|error| {
            let hint = "this is not TOML; see https://toml.io for how tables, texts and lists are written";
            document.fault(
                Rule::NotToml,
                error.span().unwrap_or_default(),
                error.message().to_owned(),
                Some(hint.to_owned()),
            )
        });
        let faults = faults.collect();
        (document, faults)
    }

    pub(super) fn fault(&self, rule: Rule, span: Span, message: String, help: Option<String>) -> Fault {
        let (line, column) = self.locate(span.start);
        let (end_line, end_column) = self.locate(span.end);
        let meant = self.text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
        Fault {
            path: self.path.to_owned(),
            line,
            column,
            length: small(meant.chars().count().max(1)),
            end_line,
            end_column,
            severity: Severity::Fault,
            code: rule.code(),
            message,
            help,
            excerpt: self.excerpt(rule, &span),
        }
    }

    /// The line, as far as no secret may stand in it.
    fn excerpt(&self, rule: Rule, span: &Span) -> Option<Box<Excerpt>> {
        let excerpt = Excerpt::of(self.text, span.start, span.end)?;
        secrecy::shown(excerpt, rule, self.is_secret(span)).map(Box::new)
    }

    /// Whether a value there is for nobody's eyes.
    pub(super) fn is_secret(&self, span: &Span) -> bool {
        secrecy::is_secret(self.text, &self.root, span)
    }

    /// Every section and list of tables at the top, with the place of its name.
    pub(super) fn sections(&self) -> impl Iterator<Item = Word> {
        self.root.keys().map(|key| Word { text: key.get_ref().to_string(), span: key.span() })
    }

    pub(super) fn section(&self, name: &str) -> Option<&Spanned<DeValue<'t>>> {
        self.root.get(name)
    }

    /// The `[[name]]` tables, in the order of the file.
    pub(super) fn tables(&self, name: &str) -> &[Spanned<DeValue<'t>>] {
        self.root.get(name).and_then(|value| value.get_ref().as_array()).map_or(&[], |array| array)
    }

    /// A text of one `[name]` section.
    pub(super) fn word(&self, section: &str, key: &str) -> Option<Word> {
        word(self.section(section)?.get_ref().as_table()?.get(key)?)
    }

    /// A list of texts of one `[name]` section.
    pub(super) fn words(&self, section: &str, key: &str) -> Vec<Word> {
        self.section(section).map(|table| words_of(table, key)).unwrap_or_default()
    }

    /// The names in the table under `key` of one `[name]` section.
    pub(super) fn keys(&self, section: &str, key: &str) -> Vec<Word> {
        let table = self.section(section).and_then(|table| table.get_ref().as_table()?.get(key)?.get_ref().as_table());
        let keys = table.into_iter().flat_map(DeTable::keys);
        keys.map(|key| Word { text: key.get_ref().to_string(), span: key.span() }).collect()
    }

    /// The text under `key` in each `[[name]]` table that has one.
    pub(super) fn names(&self, tables: &str, key: &str) -> Vec<Word> {
        self.tables(tables).iter().filter_map(|table| word_of(table, key)).collect()
    }

    /// The line of a byte, counted from 1.
    pub(super) fn line(&self, offset: usize) -> u32 {
        self.locate(offset).0
    }

    fn locate(&self, offset: usize) -> (u32, u32) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        (small(line), small(before[line_start..].chars().count() + 1))
    }
}

/// The text under `key` of a table.
pub(super) fn word_of(table: &Spanned<DeValue<'_>>, key: &str) -> Option<Word> {
    word(table.get_ref().as_table()?.get(key)?)
}

/// A whole number of a table that is not negative.
pub(super) fn number_of(table: &Spanned<DeValue<'_>>, key: &str) -> Option<usize> {
    let number = table.get_ref().as_table()?.get(key)?.get_ref().as_integer()?;
    usize::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The texts in the list under `key` of a table.
pub(super) fn words_of(table: &Spanned<DeValue<'_>>, key: &str) -> Vec<Word> {
    let list = table.get_ref().as_table().and_then(|table| table.get(key));
    let list = list.and_then(|list| list.get_ref().as_array());
    list.map(|list| list.iter().filter_map(word).collect()).unwrap_or_default()
}

/// The place of a key's value, else of the table's name or beginning.
pub(super) fn key_of(table: &Spanned<DeValue<'_>>, key: &str) -> Span {
    let keys = table.get_ref().as_table();
    let value = keys.and_then(|keys| keys.get(key).or_else(|| keys.get("name")));
    value.map_or_else(|| table.span(), Spanned::span)
}

fn word(value: &Spanned<DeValue<'_>>) -> Option<Word> {
    let text = value.get_ref().as_str()?.to_owned();
    Some(Word { text, span: value.span() })
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_knows_its_place() {
        let text = "[sip]\ndomain = \"loja\"\n[[queue]]\nname = \"vendas\"\nagents = [\"200\", \"não\"]\n";
        let (document, faults) = Document::parse("desvio.toml", text);
        assert!(faults.is_empty());
        let agents = words_of(&document.tables("queue")[0], "agents");
        let fault = document.fault(Rule::UnknownAgent, agents[1].span.clone(), "nobody".to_owned(), None);
        assert_eq!((fault.line, fault.column, fault.length), (5, 18, 5));
        assert_eq!(document.word("sip", "domain").unwrap().text, "loja");
        assert_eq!(document.names("queue", "name")[0].text, "vendas");
    }

    #[test]
    fn two_slips_of_syntax_are_two_faults() {
        let (_, faults) = Document::parse("desvio.toml", "[sip]\ndomain = loja\n[api]\nlisten = \"x\n");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 4]);
        assert!(faults[0].to_string().starts_with("desvio.toml:2:10: "), "{}", faults[0]);
    }
}
