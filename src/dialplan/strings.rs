//! Texts in quotes, by the rules of KDL 2: with escapes, raw, and over several lines.

use crate::dialplan::lexer::Slip;
use crate::dialplan::lexer::is_blank;
use crate::dialplan::lexer::is_forbidden;
use crate::dialplan::lexer::is_newline;

/// Reads what begins with a quote; returns it and how many bytes it takes up.
pub(super) fn quoted(rest: &str) -> (Result<String, Slip>, usize) {
    if rest.starts_with(TRIPLE) {
        return several_lines(rest, 0);
    }
    let mut text = String::new();
    let mut slip = None;
    let mut at = 1;
    loop {
        let here = &rest[at..];
        match here.chars().next() {
            Some('"') => return (slip.map_or(Ok(text), Err), at + 1),
            Some('\\') => at += escape(here, &mut text, &mut slip),
            Some(letter) if !is_newline(letter) => {
                slip = slip.or_else(|| forbidden(letter));
                text.push(letter);
                at += letter.len_utf8();
            }
            None | Some(_) => return (Err(never_closed()), at),
        }
    }
}

/// Reads what begins with `#`, or several, and a quote: nothing in it is an escape.
pub(super) fn raw(rest: &str) -> (Result<String, Slip>, usize) {
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if rest[hashes..].starts_with(TRIPLE) {
        return several_lines(rest, hashes);
    }
    let body = &rest[hashes + 1..];
    let line = &body[..body.find(is_newline).unwrap_or(body.len())];
    let Some(length) = find_end(line, "\"", hashes, Escapes::None) else {
        return (Err(never_closed()), hashes + 1 + line.len());
    };
    let text = &line[..length];
    let slip = text.chars().find_map(forbidden);
    (slip.map_or(Ok(text.to_owned()), Err), 2 * hashes + 2 + length)
}

const TRIPLE: &str = "\"\"\"";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Some,
    None,
}

/// Three quotes, lines, three quotes on a line of their own. The blanks before the last are taken off every line.
fn several_lines(rest: &str, hashes: usize) -> (Result<String, Slip>, usize) {
    let escapes = if hashes == 0 { Escapes::Some } else { Escapes::None };
    let body = &rest[hashes + TRIPLE.len()..];
    let Some(length) = find_end(body, TRIPLE, hashes, escapes) else {
        return (Err(never_closed()), rest.len());
    };
    let whole = 2 * (hashes + TRIPLE.len()) + length;
    let text = dedented(&body[..length]).and_then(|text| match escapes {
        Escapes::Some => unescaped(&text),
        Escapes::None => Ok(text),
    });
    let slip = body[..length].chars().find_map(forbidden);
    (slip.map_or(text, Err), whole)
}

/// Where the mark, followed by so many `#`, stands first.
fn find_end(body: &str, mark: &str, hashes: usize, escapes: Escapes) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' && escapes == Escapes::Some {
            at += 2;
            continue;
        }
        if bytes[at..].starts_with(mark.as_bytes()) {
            let after = &bytes[at + mark.len()..];
            if after.iter().take(hashes).take_while(|byte| **byte == b'#').count() == hashes {
                return Some(at);
            }
        }
        at += 1;
    }
    None
}

fn dedented(body: &str) -> Result<String, Slip> {
    let body = body.replace("\r\n", "\n").replace(is_newline, "\n");
    let mut lines: Vec<&str> = body.split('\n').collect();
    let first = lines.first().copied().unwrap_or_default();
    let margin = lines.pop().unwrap_or_default();
    if lines.is_empty() || !first.is_empty() || !margin.chars().all(is_blank) {
        let message = "a text over several lines begins and ends with `\"\"\"` on lines of their own";
        return Err(Slip::new(message, "For a text on one line, write one quote on each side."));
    }
    let lines = lines[1..].iter().map(|line| match line.strip_prefix(margin) {
        _ if line.chars().all(is_blank) => Ok(""),
        Some(line) => Ok(line),
        None => Err(Slip::new(
            "a line of this text begins before its closing `\"\"\"`",
            "Each line begins with the blanks that stand before the closing quotes.",
        )),
    });
    let lines: Result<Vec<&str>, Slip> = lines.collect();
    Ok(lines?.join("\n"))
}

fn unescaped(text: &str) -> Result<String, Slip> {
    let mut plain = String::with_capacity(text.len());
    let mut slip = None;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if letter == '\\' {
            at += escape(&text[at..], &mut plain, &mut slip);
        } else {
            plain.push(letter);
            at += letter.len_utf8();
        }
    }
    slip.map_or(Ok(plain), Err)
}

/// Adds what an escape stands for, and returns how many bytes it takes up.
fn escape(rest: &str, text: &mut String, slip: &mut Option<Slip>) -> usize {
    let after = &rest[1..];
    let letter = match after.chars().next() {
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('s') => ' ',
        Some(same @ ('"' | '\\')) => same,
        Some('u') => return unicode(rest, text, slip),
        // A backslash before white space swallows all of it, line breaks included.
        Some(white) if is_blank(white) || is_newline(white) => {
            let rest_of_it = after.trim_start_matches(|it| is_blank(it) || is_newline(it));
            return rest.len() - rest_of_it.len();
        }
        unknown => {
            let unknown: String = unknown.into_iter().collect();
            let message = format!("`\\{unknown}` stands for nothing");
            slip.get_or_insert(Slip::new(message, "A backslash itself is written `\\\\`."));
            return 1;
        }
    };
    text.push(letter);
    2
}

/// `\u{e7}`
fn unicode(rest: &str, text: &mut String, slip: &mut Option<Slip>) -> usize {
    let hex = rest.strip_prefix("\\u{").and_then(|rest| rest.split_once('}'));
    let hex = hex.map(|(hex, _)| hex).filter(|hex| (1..=6).contains(&hex.len()));
    let digits = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let code = digits.and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let letter = code.and_then(char::from_u32);
    match (letter, digits) {
        (Some(letter), Some(hex)) => {
            text.push(letter);
            hex.len() + 4
        }
        _ => {
            let message = "`\\u` stands for no letter";
            slip.get_or_insert(Slip::new(message, "Write the letter itself, or as in `\\u{e7}`."));
            2
        }
    }
}

fn never_closed() -> Slip {
    Slip::new("this quote is never closed", "A text begins and ends with `\"`, on one line.")
}

fn forbidden(letter: char) -> Option<Slip> {
    let message = format!("`{}` cannot stand in a text", letter.escape_unicode());
    is_forbidden(letter).then(|| Slip::new(message, "It cannot be seen; remove it."))
}
