//! KDL text → a tree that knows where each of its words stands.
//!
//! The parser's own tree keeps every blank for formatting; ours keeps what a checker needs, and each fault in our words.

use kdl::KdlDiagnostic;
use kdl::KdlDocument;
use kdl::KdlEntry;
use kdl::KdlNode;
use kdl::KdlValue;

use super::fault::Faults;
use super::guard::Readable;
use super::guard::look;
use super::source::SourceFile;
use super::source::Span;

/// One line of a dialplan: a word, what follows it, and the block in braces.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) arguments: Vec<Argument>,
    pub(super) properties: Vec<Property>,
    pub(super) children: Option<Vec<Node>>,
}

#[derive(Debug)]
pub(super) struct Argument {
    pub(super) value: Raw,
    pub(super) span: Span,
}

/// `key="value"`
#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: String,
    /// From the key to the end of the value.
    pub(super) span: Span,
    pub(super) value: Raw,
}

/// A value as KDL knows it, before anybody asked what it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Text(String),
    Integer(i128),
    Other(String),
}

impl Node {
    /// The word and what follows it, without the block.
    pub(super) fn head_span(&self) -> Span {
        let arguments = self.arguments.iter().map(|argument| argument.span);
        let properties = self.properties.iter().map(|property| property.span);
        arguments
            .chain(properties)
            .fold(self.name_span, |head, span| head.to(span))
    }
}

/// Reads a file; none where it has faults of syntax, which are reported.
pub(super) fn read(file: &SourceFile, index: u16, faults: &mut Faults<'_>) -> Option<Vec<Node>> {
    let look = look(&file.text);
    for finding in &look.findings {
        let span = Span::new(index, finding.start, finding.end);
        faults.fault(span, finding.message.clone(), Some(finding.help.to_owned()));
    }
    if look.readable == Readable::No {
        return None;
    }
    let patched = look.patched.map(String::from_utf8);
    let patched = patched.map(|text| text.expect("whole stretches were blanked, from a quote to the end of a line"));
    let text = patched.as_deref().unwrap_or(&file.text);
    match KdlDocument::parse_v2(text) {
        Ok(document) => {
            let tree = Tree { text, index };
            look.findings.is_empty().then(|| tree.nodes(&document))
        }
        Err(error) => {
            report(&error.diagnostics, index, faults);
            None
        }
    }
}

/// The parser sees some slips several times over: one report for each place, and not more than [`MOST_REPORTS`].
fn report(diagnostics: &[KdlDiagnostic], index: u16, faults: &mut Faults<'_>) {
    let mut last_message = String::new();
    for diagnostic in diagnostics.iter().take(MOST_REPORTS) {
        let start = diagnostic.span.offset();
        let span = Span::new(index, start, start + diagnostic.span.len().max(1));
        let found = faults.text(span).lines().next().unwrap_or_default().to_owned();
        let (message, help) = in_our_words(diagnostic, &found);
        // An open brace is reported once for the brace and once for what stands in it.
        if message == last_message && message.contains("never closed") {
            continue;
        }
        last_message.clone_from(&message);
        faults.fault(span, message, help);
    }
}

const MOST_REPORTS: usize = 50;

fn in_our_words(diagnostic: &KdlDiagnostic, found: &str) -> (String, Option<String>) {
    let said = diagnostic.message.as_deref().unwrap_or("Unexpected text");
    let (message, help) = match said {
        "No closing '}' for child block" | "Closing '}' was not found after nodes" => {
            ("this `{` is never closed".to_owned(), Some("Each `{` needs its `}`."))
        }
        "Expected end of document" => (
            format!("`{found}` cannot stand here"),
            Some("Texts stand in quotes, blocks in braces; a new step begins on a new line or after `;`."),
        ),
        "Found invalid node name" => (
            format!("`{found}` is no word to begin with"),
            Some("A step or a declaration begins with its name, such as `play` or `flow`."),
        ),
        "Found child block instead of node name" => (
            "this block belongs to nothing".to_owned(),
            Some("The `{` stands on the same line as the word that it belongs to."),
        ),
        _ => return (in_lower_case(said), diagnostic.help.clone()),
    };
    (message, help.map(str::to_owned))
}

fn in_lower_case(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

struct Tree<'t> {
    text: &'t str,
    index: u16,
}

impl Tree<'_> {
    /// Calls itself for each block; [`super::guard`] bounds how deep they stand.
    fn nodes(&self, document: &KdlDocument) -> Vec<Node> {
        let nodes = document.nodes().iter();
        nodes.map(|node| self.node(node)).collect()
    }

    fn node(&self, node: &KdlNode) -> Node {
        let named = |entry: &&KdlEntry| entry.name().is_some();
        let (properties, arguments): (Vec<&KdlEntry>, Vec<&KdlEntry>) =
            node.entries().iter().partition(named);
        Node {
            name: node.name().value().to_owned(),
            name_span: self.span(node.name().span()),
            arguments: arguments.into_iter().map(|it| self.argument(it)).collect(),
            properties: properties.into_iter().map(|it| self.property(it)).collect(),
            children: node.children().map(|children| self.nodes(children)),
        }
    }

    fn argument(&self, entry: &KdlEntry) -> Argument {
        let span = self.span(entry.span());
        Argument {
            value: self.value(entry, span),
            span,
        }
    }

    fn property(&self, entry: &KdlEntry) -> Property {
        let span = self.span(entry.span());
        let name = entry.name().map(kdl::KdlIdentifier::value);
        Property {
            name: name.unwrap_or_default().to_owned(),
            span,
            value: self.value(entry, span),
        }
    }

    fn value(&self, entry: &KdlEntry, span: Span) -> Raw {
        match entry.value() {
            KdlValue::String(text) if entry.ty().is_none() => Raw::Text(text.clone()),
            KdlValue::Integer(number) if entry.ty().is_none() => Raw::Integer(*number),
            _ => {
                let written = self.text.get(span.start as usize..span.end as usize);
                let value = written.unwrap_or_default().rsplit('=').next();
                Raw::Other(value.unwrap_or_default().trim().to_owned())
            }
        }
    }

    /// The parser counts bytes, and takes the blanks before an entry into it.
    fn span(&self, span: miette::SourceSpan) -> Span {
        let end = span.offset() + span.len();
        let written = self.text.get(span.offset()..end).unwrap_or_default();
        let blanks = written.len() - written.trim_start().len();
        Span::new(self.index, span.offset() + blanks, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let files = [SourceFile {
            path: "a.kdl".to_owned(),
            text: text.to_owned(),
        }];
        let mut faults = Faults::new(&files);
        read(&files[0], 0, &mut faults);
        let faults = faults.into_sorted().into_iter();
        faults.map(|fault| fault.to_string()).collect()
    }

    #[test]
    fn words_know_where_they_stand() {
        let files = [SourceFile {
            path: "a.kdl".to_owned(),
            text: "menu \"não\" wait=\"5s\"   tries=3 {\n  key \"1\"\n}\n".to_owned(),
        }];
        let mut faults = Faults::new(&files);
        let nodes = read(&files[0], 0, &mut faults).unwrap();
        let menu = &nodes[0];
        assert_eq!(faults.text(menu.name_span), "menu");
        assert_eq!(faults.text(menu.arguments[0].span), "\"não\"");
        assert_eq!(faults.text(menu.properties[1].span), "tries=3");
        assert_eq!(menu.properties[1].value, Raw::Integer(3));
        assert_eq!(faults.text(menu.head_span()), "menu \"não\" wait=\"5s\"   tries=3");
        let key = &menu.children.as_ref().unwrap()[0];
        assert_eq!(faults.place(key.name_span), "a.kdl:2");
    }

    #[test]
    fn every_fault_of_syntax_is_reported_at_once() {
        assert_eq!(
            faults_of("flow \"a\" {\n  play \"x\n  answer\n}\nflow \"b\" }\n= 3\n"),
            [
                "a.kdl:2:8: this quote is never closed\n    A text begins and ends with `\"`, on one line.",
                "a.kdl:5:10: this `}` closes nothing\n    Each `}` needs a `{` before it.",
                "a.kdl:6:1: `=` is no word to begin with\n    A step or a declaration begins with its name, such as `play` or `flow`.",
            ]
        );
    }

    #[test]
    fn an_open_brace_is_reported_once_for_each_block() {
        assert_eq!(
            faults_of("flow \"a\" {\n  answer\n"),
            ["a.kdl:1:10: this `{` is never closed\n    Each `{` needs its `}`."]
        );
    }

    #[test]
    fn the_deepest_nesting_allowed_does_not_exhaust_the_stack() {
        let depth = super::super::guard::MOST_DEPTH;
        let text = "a {\n".repeat(depth) + &"}\n".repeat(depth);
        assert_eq!(faults_of(&text), [""; 0]);
        assert!(faults_of(&"a {".repeat(depth + 1))[0].contains("blocks stand in each other"));
    }
}
