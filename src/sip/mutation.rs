//! Breaks messages on purpose, as `radamsa` would but knowing what SIP is made of: from one seed always the same.
//!
//! A mutant is a message that was good (or a torture message) with one to four accidents: a header doubled, emptied,
//! renamed, moved or made very long, a number that does not fit, quotes and brackets that do not match, octets changed,
//! a body cut or grown, or the whole cut short.

/// One message with accidents; `others` are where foreign rows and bodies are taken from.
pub(super) fn mutant(rng: &mut fastrand::Rng, message: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..rng.usize(1..=4) {
        bytes = accident(rng, &bytes, others);
    }
    bytes
}

fn accident(rng: &mut fastrand::Rng, bytes: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    match rng.u8(0..12) {
        0..=6 => in_a_row(rng, bytes, others),
        7 => with_octets_changed(rng, bytes),
        8 => in_the_start_line(rng, bytes),
        9 => in_the_body(rng, bytes, others),
        10 => bytes[..rng.usize(0..=bytes.len())].to_vec(),
        _ => [bytes, &others[rng.usize(0..others.len())]].concat(),
    }
}

/// Head and body, the empty line with the head.
fn parted(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    bytes.split_at(end.map_or(bytes.len(), |end| end + 4))
}

fn rows(head: &[u8]) -> Vec<Vec<u8>> {
    head.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn in_a_row(rng: &mut fastrand::Rng, bytes: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let (head, body) = parted(bytes);
    let mut rows = rows(head);
    if rows.len() < 3 {
        return bytes.to_vec();
    }
    let at = rng.usize(1..rows.len() - 1);
    match rng.u8(0..8) {
        0 => drop(rows.remove(at)),
        1 => rows.insert(at, rows[at].clone()),
        2 => {
            let to = rng.usize(1..rows.len() - 1);
            rows.swap(at, to);
        }
        3 => rows.insert(at, foreign_row(rng, others)),
        4 => rows[at] = with_name(&rows[at], rng.choice(NAMES).unwrap_or("X")),
        5 => rows[at] = with_value(&rows[at], &value(rng)),
        6 => rows[at] = with_octets_changed(rng, &rows[at]),
        _ => rows[at] = spliced(rng, &rows[at]),
    }
    [rows.concat(), body.to_vec()].concat()
}

const NAMES: [&str; 20] = [
    "Via",
    "v",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Route",
    "Record-Route",
    "Max-Forwards",
    "Content-Length",
    "l",
    "Content-Type",
    "Require",
    "Authorization",
    "Expires",
    "Refer-To",
    "Replaces",
    "RAck",
    "Na me",
];

const VALUES: [&str; 24] = [
    "",
    " ",
    "*",
    ",",
    ";",
    "<>",
    "\"",
    "<sip:",
    "\"unclosed <sip:a@b>",
    "sip:a@b;tag=",
    "-1",
    "0",
    "4294967296",
    "99999999999999999999999999",
    "1 INVITE",
    "SIP/2.0/UDP",
    "SIP/2.0/UDP [::1",
    "SIP/2.0/UDP a;branch=z9hG4bK",
    "<sip:%00%ff@[2001:db8::1]:70000>",
    "tel:+55;phone-context",
    "multipart/mixed;boundary=\"",
    "\u{e9}\u{0}\u{7f}",
    "Digest nonce=\"",
    "a=b;c=\"d\\\"",
];

fn value(rng: &mut fastrand::Rng) -> Vec<u8> {
    let value = rng.choice(VALUES).unwrap_or_default().as_bytes();
    match rng.u8(0..6) {
        0 => value.repeat(rng.usize(0..4_000)),
        1 => std::iter::repeat_with(|| rng.u8(..)).take(20).filter(|byte| *byte != b'\n').collect(),
        _ => value.to_vec(),
    }
}

fn with_value(row: &[u8], value: &[u8]) -> Vec<u8> {
    let name = row.split(|byte| *byte == b':').next().unwrap_or_default();
    [name, b": ", value, b"\r\n"].concat()
}

fn with_name(row: &[u8], name: &str) -> Vec<u8> {
    let colon = row.iter().position(|byte| *byte == b':').unwrap_or(0);
    [name.as_bytes(), &row[colon..]].concat()
}

fn foreign_row(rng: &mut fastrand::Rng, others: &[Vec<u8>]) -> Vec<u8> {
    let rows = rows(parted(&others[rng.usize(0..others.len())]).0);
    rows[rng.usize(0..rows.len())].clone()
}

/// A piece of grammar where it does not belong.
fn spliced(rng: &mut fastrand::Rng, row: &[u8]) -> Vec<u8> {
    let at = rng.usize(0..=row.len());
    let piece = rng.choice(VALUES).unwrap_or_default();
    [&row[..at], piece.as_bytes(), &row[at..]].concat()
}

fn with_octets_changed(rng: &mut fastrand::Rng, bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..rng.usize(1..8) {
        if !changed.is_empty() {
            let at = rng.usize(0..changed.len());
            changed[at] = rng.u8(..);
        }
    }
    changed
}

fn in_the_start_line(rng: &mut fastrand::Rng, bytes: &[u8]) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |feed| feed + 1);
    let (line, rest) = bytes.split_at(end);
    [&spliced(rng, line)[..], rest].concat()
}

fn in_the_body(rng: &mut fastrand::Rng, bytes: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let (head, body) = parted(bytes);
    let foreign = parted(&others[rng.usize(0..others.len())]).1.to_vec();
    let changed = match rng.u8(0..4) {
        0 => body[..rng.usize(0..=body.len())].to_vec(),
        1 => [body, &foreign].concat(),
        2 => with_octets_changed(rng, body),
        _ => foreign,
    };
    [head, &changed].concat()
}
