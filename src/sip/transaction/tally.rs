//! Counts messages by what their first line says, for the metrics.

/// Messages by request method or by class of response, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [u64; KINDS.len()],
}

impl Tally {
    /// Counts one message, known by its first line.
    pub(in crate::sip) fn count(&mut self, bytes: &[u8]) {
        self.counts[kind(bytes)] += 1;
    }

    /// Label and count of every kind, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.counts)
    }

    /// How many messages of the kind that carries this label.
    pub fn of(&self, label: &str) -> u64 {
        self.iter().find(|(kind, _)| *kind == label).map_or(0, |(_, count)| count)
    }
}

const KINDS: [&str; 21] = [
    "OTHER",
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "MESSAGE",
    "INFO",
    "UPDATE",
    "SUBSCRIBE",
    "NOTIFY",
    "REFER",
    "PUBLISH",
    "PRACK",
    "1xx",
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "6xx",
];
const FIRST_CLASS: usize = 15;

fn kind(bytes: &[u8]) -> usize {
    match bytes.strip_prefix(b"SIP/2.0 ") {
        Some([class @ b'1'..=b'6', ..]) => FIRST_CLASS + usize::from(class - b'1'),
        Some(_) => 0,
        None => method(bytes),
    }
}

fn method(bytes: &[u8]) -> usize {
    let length = bytes.iter().take(12).position(|byte| *byte == b' ').unwrap_or(0);
    let token = &bytes[..length];
    let known = KINDS[..FIRST_CLASS].iter().position(|kind| kind.as_bytes() == token);
    known.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_method_and_by_class() {
        let mut tally = Tally::default();
        tally.count(b"INVITE sip:a@b SIP/2.0\r\n");
        tally.count(b"SIP/2.0 180 Ringing\r\n");
        tally.count(b"SIP/2.0 100 Trying\r\n");
        tally.count(b"BREW pot SIP/2.0\r\n");
        tally.count(b"");
        assert_eq!(tally.of("INVITE"), 1);
        assert_eq!(tally.of("1xx"), 2);
        tally.count(b"PRACK sip:a@b SIP/2.0\r\n");
        assert_eq!((tally.of("PRACK"), tally.of("PUBLISH")), (1, 0));
        assert_eq!(tally.of("OTHER"), 2);
        assert_eq!(tally.of("BYE"), 0);
    }
}
