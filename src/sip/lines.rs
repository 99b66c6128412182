//! Cuts the head of a message into lines and rows. RFC 3261 §7.3.
//!
//! A bad row does not stop the reading: the rows behind it may name the sender to whom the refusal goes.

use std::ops::Range;

use bytes::Bytes;

use super::headers::Header;
use super::headers::Headers;
use super::headers::Name;
use super::limits::Limits;
use super::parse::Fault;
use super::syntax::SyntaxError;
use super::syntax::is_digits;

pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Lines<'a> {
        Lines { bytes, at }
    }

    /// Where the next line stands, without its end; a lone line feed ends a line too. None if no line feed follows.
    pub(super) fn next_line(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let feed = start + self.bytes[start..].iter().position(|byte| *byte == b'\n')?;
        self.at = feed + 1;
        let end = if feed > start && self.bytes[feed - 1] == b'\r' { feed - 1 } else { feed };
        Some(start..end)
    }

    /// A line and the folded ones behind it: those that begin with a blank. RFC 3261 §7.3.1.
    fn next_row(&mut self) -> Option<Row> {
        let mut range = self.next_line()?;
        let mut lines = 1;
        while !range.is_empty() && matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            range.end = self.next_line()?.end;
            lines += 1;
        }
        Some(Row { range, is_folded: lines > 1 })
    }

    /// Where the reading stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }
}

struct Row {
    range: Range<usize>,
    is_folded: bool,
}

/// The header section: its rows, and the first thing that was wrong with it.
pub(super) struct Section {
    pub(super) headers: Headers,
    content_length: Option<usize>,
    vias: usize,
    fault: Option<Fault>,
}

/// Rows of an ordinary INVITE; more cost one allocation.
const USUAL_ROWS: usize = 24;

impl Section {
    /// `lines` stand behind the start line of `message`.
    pub(super) fn read(message: &Bytes, lines: &mut Lines<'_>, limits: &Limits) -> Section {
        let headers = Headers::with_capacity(USUAL_ROWS);
        let mut section = Section { headers, content_length: None, vias: 0, fault: None };
        if message.len() > limits.message {
            section.note(Fault::TooLarge);
        }
        loop {
            let Some(row) = lines.next_row() else {
                section.note(Fault::NoEnd);
                break;
            };
            if row.range.is_empty() {
                break;
            }
            if section.headers.len() == limits.headers {
                section.note(Fault::TooLarge);
                break;
            }
            section.take(message, &row, limits).unwrap_or_else(|fault| section.note(fault));
        }
        section
    }

    /// The body out of what follows the head; a datagram's surplus is cut off. RFC 3261 §18.3.
    pub(super) fn body(&self, rest: Bytes, limits: &Limits) -> Result<Bytes, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        match self.content_length {
            _ if self.content_length.unwrap_or(rest.len()) > limits.body => Err(Fault::LargeBody),
            None => Ok(rest),
            Some(said) if said <= rest.len() => Ok(rest.slice(..said)),
            Some(said) => Err(Fault::ShortBody { said, came: rest.len() }),
        }
    }

    fn note(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    fn take(&mut self, bytes: &Bytes, row: &Row, limits: &Limits) -> Result<(), Fault> {
        if row.range.len() > limits.line {
            return Err(Fault::TooLarge);
        }
        let whole = &bytes[row.range.clone()];
        let (name, value) = parted(whole).ok_or(Fault::Row(SyntaxError("a row begins with a name and a colon")))?;
        let name = match Name::known(name) {
            Some(known) => known,
            None => Name::parse(&bytes.slice_ref(name)).map_err(Fault::Row)?,
        };
        let value = unfolded(bytes, value, row.is_folded)?;
        if name == Name::ContentLength {
            return self.take_length(&value);
        }
        if name == Name::Via {
            self.vias += 1 + value.iter().filter(|byte| **byte == b',').count();
        }
        self.headers.push_parsed(Header { name, value });
        if self.vias > limits.vias { Err(Fault::ManyVias) } else { Ok(()) }
    }

    fn take_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        match self.content_length.replace(length(value)?) {
            None => Ok(()),
            Some(_) => Err(Fault::ContentLength),
        }
    }
}

/// The Content-Length in the head of a stream's message, which is read for nothing else here. RFC 3261 §18.3.
pub(super) fn stated_length(head: &[u8]) -> Result<usize, Fault> {
    let mut lines = Lines::new(head, 0);
    let mut stated = None;
    while let Some(row) = lines.next_row() {
        let Some((name, value)) = parted(&head[row.range]) else {
            continue;
        };
        if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        if stated.replace(length(value.trim_ascii())?).is_some() {
            return Err(Fault::ContentLength);
        }
    }
    stated.ok_or(Fault::NoContentLength)
}

fn length(value: &[u8]) -> Result<usize, Fault> {
    let text = std::str::from_utf8(value).ok().filter(|text| is_digits(text));
    text.and_then(|text| text.parse().ok()).ok_or(Fault::ContentLength)
}

fn parted(row: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = row.iter().position(|byte| *byte == b':')?;
    Some((row[..colon].trim_ascii_end(), &row[colon + 1..]))
}

/// A slice of the message, or, if it was folded, a copy with one blank for each fold.
fn unfolded(bytes: &Bytes, raw: &[u8], is_folded: bool) -> Result<Bytes, Fault> {
    if !is_folded {
        check_returns(raw)?;
        return Ok(bytes.slice_ref(raw.trim_ascii()));
    }
    let mut joined = Vec::with_capacity(raw.len());
    for line in raw.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        check_returns(line)?;
        joined.extend_from_slice(line.trim_ascii());
        joined.push(b' ');
    }
    Ok(Bytes::copy_from_slice(joined.trim_ascii()))
}

/// Whoever takes a lone carriage return for a line end would see other rows than we do.
fn check_returns(line: &[u8]) -> Result<(), Fault> {
    if line.contains(&b'\r') {
        return Err(Fault::Row(SyntaxError("a carriage return stands without its line feed")));
    }
    Ok(())
}
