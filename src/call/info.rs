//! Keys that come by SIP INFO, as phones and gateways write them; no standard says how.

/// `application/dtmf-relay` (`Signal=5`) and `application/dtmf` (`5`), as many phones send them.
pub(super) fn key(content_type: &str, body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let signal = match content_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "application/dtmf-relay" => {
            text.lines()
                .find_map(|line| line.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("signal")))?
                .1
        }
        "application/dtmf" => text,
        _ => return None,
    };
    key_of_signal(signal.split([';', ',', ' ', '\t', '\r', '\n']).find(|word| !word.is_empty())?)
}

/// The sign itself, or its number among the events of RFC 4733 §3.2, as gateways write it.
fn key_of_signal(signal: &str) -> Option<char> {
    let mut signs = signal.chars();
    match (signs.next()?.to_ascii_uppercase(), signs.next()) {
        (sign @ ('0'..='9' | '*' | '#' | 'A'..='D'), None) => Some(sign),
        (_, Some(_)) => "*#ABCD".chars().nth(signal.parse::<usize>().ok()?.checked_sub(10)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_itself_or_as_the_number_of_its_event() {
        let relay =
            |signal: &str| key("application/dtmf-relay", format!("Signal={signal}\r\nDuration=160\r\n").as_bytes());
        let keys = ["1", " 0", "*", "#", "b", "10", "11", "12", "15"].map(relay);
        assert_eq!(keys, ["1", "0", "*", "#", "B", "*", "#", "A", "D"].map(|sign| sign.chars().next()));
        assert_eq!(["16", "100", "1x", "x", "", "-1"].map(relay), [None; 6], "16 is a flash of the hook");
        assert_eq!(key("application/dtmf", b"11\r\n"), Some('#'));
        assert_eq!(key("application/dtmf", b"5;d=160"), Some('5'));
    }

    #[test]
    fn the_type_may_be_written_in_any_case_and_must_be_one_of_the_two() {
        assert_eq!(key("Application/DTMF-Relay; charset=utf-8", b"signal = 7"), Some('7'));
        assert_eq!(key("text/plain", b"Signal=7"), None);
        assert_eq!(key("application/dtmf-relay", b"\xff"), None);
    }
}
