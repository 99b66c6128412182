//! Tokens, and what stands between them, → lines that are still to be written. The text is known to be sound.

use crate::dialplan::format::Block;
use crate::dialplan::format::Line;
use crate::dialplan::format::Piece;
use crate::dialplan::format::Shape;
use crate::dialplan::lexer::Lexeme;
use crate::dialplan::lexer::Lexer;
use crate::dialplan::lexer::Token;
use crate::dialplan::lexer::is_newline;

pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut reading = Reading { text, end: 0, levels: vec![Level::default()], hide: String::new(), key: None };
    let mut lexer = Lexer::new(text);
    reading.end = text.len() - text.trim_start_matches('\u{feff}').len();
    loop {
        let token = lexer.next();
        reading.between(&text[reading.end..token.start]);
        reading.end = token.end;
        if token.lexeme == Lexeme::EndOfFile {
            break;
        }
        reading.token(&token);
    }
    reading.end_line();
    reading.levels.into_iter().next().map(|file| file.lines).unwrap_or_default()
}

struct Reading<'t> {
    text: &'t str,
    /// Where the last token ended.
    end: usize,
    /// The file, then each block that is open.
    levels: Vec<Level>,
    /// `/-`, while what it hides has not come.
    hide: String,
    /// The piece that ends in `=` and waits for its value.
    key: Option<usize>,
}

#[derive(Debug, Default)]
struct Level {
    prefix: String,
    head: Vec<String>,
    lines: Vec<Line>,
    line: Line,
    is_open: bool,
    /// A `;` ended the line above: a comment that follows still belongs to it.
    after_semicolon: bool,
}

impl Reading<'_> {
    fn token(&mut self, token: &Token) {
        let word = self.text[token.start..token.end].replace("\r\n", "\n");
        match token.lexeme {
            Lexeme::NewLine => self.new_line(),
            Lexeme::Semicolon => {
                self.end_line();
                self.level().after_semicolon = true;
            }
            Lexeme::Open => {
                let prefix = std::mem::take(&mut self.hide);
                self.levels.push(Level { prefix, ..Level::default() });
            }
            Lexeme::Close => self.close(),
            Lexeme::Hide => self.hide = word,
            Lexeme::Equals => self.equals(),
            _ => self.word(&word),
        }
    }

    fn word(&mut self, word: &str) {
        let hide = std::mem::take(&mut self.hide);
        let key = self.key.take();
        let pieces = &mut self.level().line.pieces;
        match key.and_then(|at| pieces.get_mut(at)) {
            Some(Piece::Word(key)) => key.push_str(word),
            _ => pieces.push(Piece::Word(hide + word)),
        }
    }

    /// Comments around the `=` come to stand behind the value.
    fn equals(&mut self) {
        let pieces = &mut self.level().line.pieces;
        let at = pieces.iter().rposition(|piece| matches!(piece, Piece::Word(_)));
        if let Some(Piece::Word(key)) = at.and_then(|at| pieces.get_mut(at)) {
            key.push('=');
        }
        self.key = at;
    }

    fn close(&mut self) {
        self.end_line();
        let Some(Level { prefix, head, lines, is_open, .. }) = self.levels.pop() else {
            return;
        };
        let shape = if is_open { Shape::Open } else { Shape::OneLine };
        self.level().line.pieces.push(Piece::Block(Block { prefix, head, lines, shape }));
    }

    fn new_line(&mut self) {
        let is_in_a_block = self.levels.len() > 1;
        let level = self.level();
        if is_in_a_block && !level.is_open && level.lines.is_empty() && !level.line.pieces.iter().any(Piece::is_said) {
            let comments = level.line.pieces.drain(..);
            level.head.extend(comments.filter_map(Piece::into_comment));
        }
        self.open();
        if self.hide.is_empty() {
            return self.end_line();
        }
        // What is hidden comes on a later line, and belongs to this one.
        let pieces = &mut self.level().line.pieces;
        if !pieces.iter().any(Piece::is_said) {
            return self.end_line();
        }
        if let Some(Piece::LastComment(comment)) = pieces.pop_if(|piece| matches!(piece, Piece::LastComment(_))) {
            pieces.push(Piece::Fold(Some(comment)));
        }
    }

    fn end_line(&mut self) {
        let level = self.level();
        let after_semicolon = std::mem::take(&mut level.after_semicolon);
        let line = std::mem::take(&mut level.line);
        if line.pieces.is_empty() {
            level.line.parted = !after_semicolon && !level.lines.is_empty();
            return;
        }
        let is_remark = !line.pieces.iter().any(|piece| piece.is_said() || matches!(piece, Piece::Fold(_)));
        match level.lines.last_mut() {
            Some(above) if is_remark && after_semicolon => above.pieces.extend(line.pieces),
            _ => level.lines.extend(at_folds(line)),
        }
    }

    /// Comments, and backslashes at the end of lines.
    fn between(&mut self, mut rest: &str) {
        while !rest.is_empty() {
            let (piece, length) = if rest.starts_with("//") {
                let comment = up_to_the_line(rest);
                (Some(Piece::LastComment(comment.trim_end().to_owned())), comment.len())
            } else if rest.starts_with("/*") {
                let length = comment_length(rest);
                (Some(Piece::Comment(rest[..length].replace("\r\n", "\n"))), length)
            } else if rest.starts_with('\\') {
                let fold = up_to_the_line(rest);
                let comment = fold.find("//").map(|at| fold[at..].trim_end().to_owned());
                let newline =
                    if rest[fold.len()..].starts_with("\r\n") { 2 } else { first_length(&rest[fold.len()..]) };
                self.open();
                (Some(Piece::Fold(comment)), fold.len() + newline)
            } else {
                (None, first_length(rest))
            };
            self.level().line.pieces.extend(piece);
            rest = &rest[length..];
        }
    }

    fn open(&mut self) {
        for level in &mut self.levels {
            level.is_open = true;
        }
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the file's own level is closed by nothing")
    }
}

impl Piece {
    /// Whether it is part of the dialplan, and no remark.
    fn is_said(&self) -> bool {
        matches!(self, Piece::Word(_) | Piece::Block(_))
    }

    fn into_comment(self) -> Option<String> {
        match self {
            Piece::Comment(comment) | Piece::LastComment(comment) => Some(comment),
            Piece::Word(_) | Piece::Fold(_) | Piece::Block(_) => None,
        }
    }
}

/// A backslash before or behind all that a line says only breaks it.
fn at_folds(line: Line) -> Vec<Line> {
    let first = line.pieces.iter().position(Piece::is_said).unwrap_or(usize::MAX);
    let last = line.pieces.iter().rposition(Piece::is_said).unwrap_or(0);
    let mut lines = vec![Line { pieces: Vec::new(), parted: line.parted }];
    for (at, piece) in line.pieces.into_iter().enumerate() {
        let here = lines.last_mut().expect("there is always a line");
        match piece {
            Piece::Fold(comment) if at < first || at > last => {
                here.pieces.extend(comment.map(Piece::LastComment));
                lines.push(Line::default());
            }
            piece => here.pieces.push(piece),
        }
    }
    lines.retain(|line| !line.pieces.is_empty());
    lines
}

fn up_to_the_line(text: &str) -> &str {
    &text[..text.find(is_newline).unwrap_or(text.len())]
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// Comments may stand in each other.
fn comment_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        let opens = bytes[at..].starts_with(b"/*");
        let closes = bytes[at..].starts_with(b"*/");
        depth = depth + usize::from(opens) - usize::from(closes);
        at += if opens || closes { 2 } else { 1 };
        if depth == 0 {
            break;
        }
    }
    at
}
