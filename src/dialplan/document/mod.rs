//! A file → a tree of lines and blocks that knows where each of its words stands.
//!
//! Nothing here calls itself and everything is bounded, so that any file is read, or refused, in the time that its length asks for.

#[cfg(test)]
pub(super) mod tests;

use crate::dialplan::fault::Faults;
use crate::dialplan::lexer::Before;
use crate::dialplan::lexer::Lexeme;
use crate::dialplan::lexer::Lexer;
use crate::dialplan::lexer::Token;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::SourceFile;
use crate::dialplan::source::Span;

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
    /// As it was written.
    Other(String),
}

/// The largest file that is read.
const MOST_BYTES: usize = 16 << 20;
/// How many words and values a file may have: they take more memory than their letters.
const MOST_WORDS: usize = 1_000_000;
/// How many values one line may have: each is compared with those before it.
const MOST_VALUES: usize = 1_000;
/// How deep blocks may stand in each other.
pub(super) const MOST_DEPTH: usize = 32;
/// After so many slips the rest of a file is not read.
const MOST_SLIPS: usize = 50;

impl Node {
    /// The word and what follows it, without the block.
    pub(super) fn head_span(&self) -> Span {
        let arguments = self.arguments.iter().map(|argument| argument.span);
        let properties = self.properties.iter().map(|property| property.span);
        arguments.chain(properties).fold(self.name_span, |head, span| head.to(span))
    }
}

/// Reads a file; none where it has slips, which are reported.
pub(super) fn read(file: &SourceFile, index: u16, faults: &mut Faults<'_>) -> Option<Vec<Node>> {
    if file.text.len() > MOST_BYTES {
        let message = format!("this file has {} bytes, more than {MOST_BYTES}", file.text.len());
        let help = "Split it into several files.".to_owned();
        faults.fault(Rule::TooLarge, Span::new(index, 0, 0), message, Some(help));
        return None;
    }
    let mut reader = Reader {
        lexer: Lexer::new(&file.text),
        index,
        faults,
        levels: vec![Level::default()],
        line: None,
        hide: Hide::No,
        slips: 0,
        words: 0,
    };
    while reader.token() == Go::On {}
    let sound = reader.slips == 0;
    let nodes = reader.levels.into_iter().next().map(|level| level.nodes);
    nodes.filter(|_| sound)
}

struct Reader<'r, 't, 'f> {
    lexer: Lexer<'t>,
    index: u16,
    faults: &'r mut Faults<'f>,
    /// The file itself, then each block that is open.
    levels: Vec<Level>,
    /// The line that is being read.
    line: Option<Line>,
    /// Whether `/-` stands before what comes next.
    hide: Hide,
    slips: usize,
    words: usize,
}

#[derive(Debug, Default)]
struct Level {
    nodes: Vec<Node>,
    /// The line that the block belongs to, and its brace. None for the file, and for a block without an owner.
    owner: Option<Line>,
    brace: Option<Span>,
    hidden: Hide,
}

#[derive(Debug)]
struct Line {
    node: Node,
    hidden: Hide,
    part: Part,
}

/// How far a line has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Values,
    /// A block that is hidden: only a block can follow.
    AfterHiddenBlock,
    /// Its block is closed: nothing can follow.
    AfterBlock,
    /// Something was wrong: what follows is passed over.
    Spoilt,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hide {
    Yes,
    #[default]
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

impl Reader<'_, '_, '_> {
    fn token(&mut self) -> Go {
        let token = self.lexer.next();
        self.words += usize::from(token.lexeme != Lexeme::NewLine);
        if self.words > MOST_WORDS {
            let message = format!("this file has more than {MOST_WORDS} words");
            self.break_rule(Rule::TooLarge, self.span(&token), message, "Split it into several files.");
            return Go::Stop;
        }
        self.hides_something(&token);
        match &token.lexeme {
            Lexeme::EndOfFile => {
                self.end_of_file();
                return Go::Stop;
            }
            // What `/-` hides may stand on a later line.
            Lexeme::NewLine if self.hide == Hide::Yes => {}
            Lexeme::NewLine => self.end_line(),
            Lexeme::Semicolon => self.semicolon(&token),
            Lexeme::Close => self.close(&token),
            Lexeme::Open => self.open(&token),
            Lexeme::Hide => {
                if self.line.is_some() {
                    self.stands_apart(&token);
                }
                self.hide = Hide::Yes;
            }
            Lexeme::Wrong(slip) => {
                let slip = slip.clone();
                self.slip(self.shown_span(&token), slip.message, slip.help);
                self.spoil();
            }
            _ => self.word(token),
        }
        match self.slips >= MOST_SLIPS || self.levels.len() > MOST_DEPTH + 1 {
            true => Go::Stop,
            false => Go::On,
        }
    }

    fn hides_something(&mut self, token: &Token) {
        let nothing = matches!(token.lexeme, Lexeme::EndOfFile | Lexeme::Semicolon | Lexeme::Close | Lexeme::Hide);
        if self.hide == Hide::Yes && nothing {
            let message = "a `/-` before this hides nothing".to_owned();
            self.slip(self.span(token), message, "It stands before a step, a value or a block.");
            self.hide = Hide::No;
        }
    }

    fn word(&mut self, token: Token) {
        match self.line.as_ref().map(|line| line.part) {
            None => self.begin_line(token),
            Some(Part::Values) => self.value(token),
            Some(Part::AfterBlock | Part::AfterHiddenBlock) => {
                let message = format!("`{}` must stand on a line of its own", self.written(&token));
                let help = "After a `}` begins a new line, or stands a `;`.";
                self.slip(self.span(&token), message, help);
                self.end_line();
                self.begin_line(token);
            }
            Some(Part::Spoilt) => {}
        }
    }

    fn begin_line(&mut self, token: Token) {
        let name_span = self.span(&token);
        let written = self.written(&token).to_owned();
        let (name, part) = match token.lexeme {
            Lexeme::Text(name) => (name, Part::Values),
            _ => {
                let message = format!("`{written}` is no word to begin with");
                let help = "A step or a declaration begins with its name, such as `play` or `flow`.";
                self.slip(name_span, message, help);
                (String::new(), Part::Spoilt)
            }
        };
        let node = Node { name, name_span, arguments: Vec::new(), properties: Vec::new(), children: None };
        let hidden = std::mem::take(&mut self.hide);
        self.line = Some(Line { node, hidden, part });
    }

    fn value(&mut self, token: Token) {
        let span = self.span(&token);
        let hidden = std::mem::take(&mut self.hide);
        if hidden == Hide::No {
            self.stands_apart(&token);
        }
        let written = self.written(&token).to_owned();
        let value = match token.lexeme {
            Lexeme::Text(text) => match self.lexer.take_equals() {
                true => return self.property(text, span, hidden),
                false => Raw::Text(text),
            },
            Lexeme::Integer(number) => Raw::Integer(number),
            Lexeme::Other => Raw::Other(written),
            _ => return self.misplaced(span, &written),
        };
        if hidden == Hide::No
            && let Some(node) = self.node_with_room(span)
        {
            node.arguments.push(Argument { value, span });
        }
    }

    fn stands_apart(&mut self, token: &Token) {
        if token.before == Before::Nothing {
            let message = format!("a blank is missing before `{}`", self.written(token));
            self.slip(self.span(token), message, "Blanks stand between values.");
        }
    }

    fn property(&mut self, name: String, key: Span, hidden: Hide) {
        let token = self.lexer.next();
        let value_span = self.span(&token);
        let span = key.to(value_span);
        let written = self.written(&token).to_owned();
        let value = match token.lexeme {
            Lexeme::Text(text) => Raw::Text(text),
            Lexeme::Integer(number) => Raw::Integer(number),
            Lexeme::Other => Raw::Other(written),
            Lexeme::Wrong(slip) => {
                self.slip(value_span, slip.message, slip.help);
                return self.spoil();
            }
            Lexeme::NewLine | Lexeme::Semicolon | Lexeme::EndOfFile | Lexeme::Close | Lexeme::Open => {
                self.lexer.back_to(token.start);
                let message = format!("`{name}=` has no value");
                self.slip(key, message, "It stands after the `=`, in quotes.");
                return;
            }
            _ => return self.misplaced(value_span, &written),
        };
        if hidden == Hide::No
            && let Some(node) = self.node_with_room(span)
        {
            node.properties.push(Property { name, span, value });
        }
    }

    /// The line that is being read, if one more value may stand in it.
    fn node_with_room(&mut self, span: Span) -> Option<&mut Node> {
        let node = &self.line.as_ref()?.node;
        if node.arguments.len() + node.properties.len() >= MOST_VALUES {
            let message = format!("this line has more than {MOST_VALUES} values");
            self.break_rule(Rule::TooLarge, span, message, "No word takes so many.");
            self.spoil();
            return None;
        }
        self.line.as_mut().map(|line| &mut line.node)
    }

    fn misplaced(&mut self, span: Span, written: &str) {
        let (message, help) = match written {
            "(" | ")" => {
                ("types in parentheses have no place in a dialplan".to_owned(), "Write the value alone, in quotes.")
            }
            _ => (
                format!("`{written}` cannot stand here"),
                "Texts stand in quotes, blocks in braces; a new step begins on a new line or after `;`.",
            ),
        };
        self.slip(span, message, help);
        self.spoil();
    }

    fn open(&mut self, token: &Token) {
        let brace = self.span(token);
        let hidden = std::mem::take(&mut self.hide);
        match &self.line {
            None => {
                let help = "The `{` stands on the same line as the word that it belongs to.";
                self.slip(brace, "this block belongs to nothing".to_owned(), help);
            }
            Some(line) if line.part == Part::AfterBlock && hidden == Hide::No => {
                let help = "One block stands after a word.";
                self.slip(brace, "this is a second block".to_owned(), help);
            }
            Some(_) => {}
        }
        self.levels.push(Level { nodes: Vec::new(), owner: self.line.take(), brace: Some(brace), hidden });
        if self.levels.len() > MOST_DEPTH + 1 {
            let message = format!("more than {MOST_DEPTH} blocks stand in each other here");
            let help = "Move the inner ones to a flow of their own and `go` there.";
            self.break_rule(Rule::TooLarge, brace, message, help);
        }
    }

    fn close(&mut self, token: &Token) {
        self.end_line();
        if self.levels.len() < 2 {
            let message = "this `}` closes nothing".to_owned();
            return self.slip(self.span(token), message, "Each `}` needs a `{` before it.");
        }
        let Some(level) = self.levels.pop() else {
            return;
        };
        self.line = level.owner.map(|mut line| {
            match level.hidden {
                Hide::No => {
                    line.node.children = Some(level.nodes);
                    line.part = Part::AfterBlock;
                }
                Hide::Yes if line.part == Part::Values => line.part = Part::AfterHiddenBlock,
                Hide::Yes => {}
            }
            line
        });
    }

    fn semicolon(&mut self, token: &Token) {
        if self.line.is_none() {
            let message = "this `;` ends nothing".to_owned();
            self.slip(self.span(token), message, "One `;` stands between two steps.");
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        let Some(line) = self.line.take() else {
            return;
        };
        if let (Some(level), Hide::No) = (self.levels.last_mut(), line.hidden) {
            level.nodes.push(line.node);
        }
    }

    fn end_of_file(&mut self) {
        self.end_line();
        if let Some(brace) = self.levels.get(1).and_then(|level| level.brace) {
            let message = "this `{` is never closed".to_owned();
            self.slip(brace, message, "Each `{` needs its `}`.");
        }
    }

    fn spoil(&mut self) {
        self.hide = Hide::No;
        if let Some(line) = &mut self.line {
            line.part = Part::Spoilt;
        }
    }

    fn slip(&mut self, span: Span, message: String, help: &str) {
        self.break_rule(Rule::Syntax, span, message, help);
    }

    fn break_rule(&mut self, rule: Rule, span: Span, message: String, help: &str) {
        self.slips += 1;
        self.faults.fault(rule, span, message, Some(help.to_owned()));
    }

    fn span(&self, token: &Token) -> Span {
        Span::new(self.index, token.start, token.end)
    }

    /// Of a quote or a comment that never ends, only the beginning is meant.
    fn shown_span(&self, token: &Token) -> Span {
        let span = self.span(token);
        let first_line = self.faults.text(span).lines().next().unwrap_or_default();
        Span::new(self.index, token.start, token.start + first_line.len())
    }

    fn written(&self, token: &Token) -> &str {
        self.faults.text(self.span(token))
    }
}
