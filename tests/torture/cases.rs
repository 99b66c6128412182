//! The torture messages of RFC 4475 and RFC 5118 and what `expected.tsv` says of each, for every test that plays them.

use std::path::Path;

/// One line of `expected.tsv`.
pub(crate) struct Case {
    pub(crate) file: String,
    pub(crate) accept: String,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture"))
}

pub(crate) fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(folder().join("expected.tsv")).expect("the table");
    let lines = table.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    lines.map(|row| Case { file: row[0].into(), accept: row[7].into() }).collect()
}

/// `NNN`, `Nxx`, `none`, `V` (a final answer that does not blame the syntax); a `-` before it forbids.
pub(crate) fn allowed(got: Option<u16>, tokens: &str) -> bool {
    let hit = |token: &str| match (token, got) {
        ("none", got) => got.is_none(),
        (_, None) => false,
        ("V", Some(status)) => ![400, 414, 500, 505, 513].contains(&status),
        (token, Some(status)) => match token.strip_suffix("xx") {
            Some(class) => class.parse() == Ok(status / 100),
            None => token.parse() == Ok(status),
        },
    };
    let mut forbidden = tokens.split(',').filter_map(|token| token.strip_prefix('-'));
    !forbidden.any(hit) && tokens.split(',').any(|token| !token.is_empty() && hit(token))
}

/// RFC 5118's archive has bare line feeds, two heads without an end, and lengths that do not fit: made wire bytes.
pub(crate) fn wire(file: &str) -> Vec<u8> {
    let mut raw = std::fs::read(folder().join(file)).expect("a message");
    if file.ends_with("baddn.dat") {
        // The archive lacks its last line end: over UDP it would be a cut message.
        raw.extend_from_slice(b"\r\n");
    }
    if raw.windows(2).any(|pair| pair == b"\r\n") {
        return raw;
    }
    let text = String::from_utf8(raw).expect("text");
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let body = body.replace('\n', "\r\n");
    let rows: Vec<_> =
        head.lines().filter(|row| !row.starts_with("Content-Length") && !row.starts_with("l:")).collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", rows.join("\r\n"), body.len()).into()
}

/// Some messages share host and branch: they would be repeats of one transaction, answered where the first came from.
pub(crate) fn with_own_branch(message: Vec<u8>, number: usize) -> Vec<u8> {
    let shared = [&b"z9hG4bKkdjuw"[..], b"z9hG4bKas3-111"];
    let found = shared.iter().find_map(|branch| {
        let at = message.windows(branch.len()).position(|window| window == *branch)?;
        Some(at + branch.len())
    });
    match found {
        Some(end) => [&message[..end], format!("{number}").as_bytes(), &message[end..]].concat(),
        None => message,
    }
}
