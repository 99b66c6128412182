//! Texts with `{…}` in them: filled in, never evaluated.

use crate::dialplan::action::Moment;
use crate::dialplan::fact::Fact;
use crate::dialplan::names::Names;
use crate::dialplan::variable::Variables;

/// A variable of the dialplan, by its place in the list of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VariableId(pub(super) u16);

/// A text whose holes are known.
#[derive(Debug, Clone)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Fact(Fact),
    Variable(VariableId),
}

/// Why a text is not a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TemplateFault {
    NeverClosed,
    UnknownName(String),
}

impl Template {
    /// `{{` stands for a brace itself.
    pub(super) fn parse(text: &str, variables: &Variables, names: &Names) -> Result<Template, TemplateFault> {
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
            let hole = hole(rest[..end].trim(), variables, names)?;
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

    /// A text without holes.
    pub(super) fn plain(text: String) -> Template {
        Template(vec![Piece::Text(text)])
    }

    /// The text, if it has no holes.
    pub(super) fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = VariableId> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(id) => Some(*id),
            Piece::Text(_) | Piece::Fact(_) => None,
        })
    }

    /// The text for one caller. A variable that was given no value is empty. What fills a hole passes through `quote`,
    /// which makes it safe for the place where the text is used; what the owner wrote does not.
    pub(super) fn fill(&self, moment: &mut Moment<'_>, quote: impl Fn(&str) -> String) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Fact(fact) => filled.push_str(&quote(&fact.tell(moment))),
                Piece::Variable(id) => filled.push_str(&quote(moment.variable(*id))),
            }
        }
        filled
    }
}

fn hole(name: &str, variables: &Variables, names: &Names) -> Result<Piece, TemplateFault> {
    if let Some(variable) = variables.get(name) {
        return Ok(Piece::Variable(variable.id));
    }
    let fact = Fact::named(name, names).map(Piece::Fact);
    fact.ok_or_else(|| TemplateFault::UnknownName(name.to_owned()))
}
