//! Texts with `{…}` in them: filled in, never evaluated.

use std::collections::BTreeMap;

/// A variable of the dialplan, by its place in the list of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VariableId(pub(super) u16);

/// A text whose holes are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Caller,
    Called,
    Variable(VariableId),
}

/// Why a text is not a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TemplateFault {
    NeverClosed,
    UnknownName(String),
}

/// The names that hold in every text.
pub(super) const BUILT_IN: &[&str] = &["caller", "called"];

impl Template {
    /// `{{` stands for a brace itself.
    pub(super) fn parse(text: &str, variables: &BTreeMap<String, VariableId>) -> Result<Template, TemplateFault> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('{') {
                plain.push('{');
                rest = after;
                continue;
            }
            let end = rest.find('}').ok_or(TemplateFault::NeverClosed)?;
            let hole = hole(rest[..end].trim(), variables)?;
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(hole);
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(Template(pieces))
    }

    /// The owner's own words before the first hole.
    pub(super) fn head(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    pub(super) fn has_holes(&self) -> bool {
        self.0.iter().any(|piece| !matches!(piece, Piece::Text(_)))
    }

    /// As [`Template::fill`], but what fills the holes is quoted for the place where the text goes.
    pub(super) fn fill_quoted<'v>(
        &'v self,
        caller: &'v str,
        called: &'v str,
        variable: impl Fn(VariableId) -> &'v str,
        quote: impl Fn(&str) -> String,
    ) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Caller => quote(caller),
            Piece::Called => quote(called),
            Piece::Variable(id) => quote(variable(*id)),
        });
        pieces.collect()
    }

    /// The text for one caller. A variable that was not gathered is empty.
    pub(super) fn fill<'v>(
        &'v self,
        caller: &'v str,
        called: &'v str,
        variable: impl Fn(VariableId) -> &'v str,
    ) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Caller => caller,
            Piece::Called => called,
            Piece::Variable(id) => variable(*id),
        });
        pieces.collect()
    }
}

fn hole(name: &str, variables: &BTreeMap<String, VariableId>) -> Result<Piece, TemplateFault> {
    match name {
        "caller" => Ok(Piece::Caller),
        "called" => Ok(Piece::Called),
        _ => {
            let variable = variables.get(name).copied().map(Piece::Variable);
            variable.ok_or_else(|| TemplateFault::UnknownName(name.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> BTreeMap<String, VariableId> {
        BTreeMap::from([("cpf".to_owned(), VariableId(0))])
    }

    #[test]
    fn holes_are_filled_and_what_fills_them_is_not_read_again() {
        let template = Template::parse("{{x} {cpf} from { caller }", &variables()).unwrap();
        let text = template.fill("+55", "", |_| "{caller}");
        assert_eq!(text, "{x} {caller} from +55");
    }

    #[test]
    fn an_unknown_name_and_an_open_brace_are_faults() {
        let parse = |text| Template::parse(text, &variables()).unwrap_err();
        assert_eq!(parse("{nome}"), TemplateFault::UnknownName("nome".to_owned()));
        assert_eq!(parse("a {cpf"), TemplateFault::NeverClosed);
    }
}
