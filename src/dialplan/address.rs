//! Somebody at another exchange: `sip:maria@pbx.example`.
//!
//! The trunk whose `host` is named carries the call: a dialplan reaches nobody to whom the configuration leads no way. What
//! only a trunk can know (port, transport, parameters) has no place in it.

/// The host, as it is written; none where this is no such address.
pub(super) fn host_of(text: &str) -> Option<&str> {
    let (user, host) = text.strip_prefix("sip:")?.split_once('@')?;
    let is_user = !user.is_empty() && user.bytes().all(names_somebody);
    (is_user && is_host(host)).then_some(host)
}

/// Of RFC 3261 §25.1, `unreserved` and what numbers are written with; nothing is escaped.
fn names_somebody(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'+".contains(&byte)
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_and_a_host() {
        assert_eq!(host_of("sip:maria@pbx.example"), Some("pbx.example"));
        assert_eq!(host_of("sip:+5511@[2001:db8::1]"), Some("[2001:db8::1]"));
    }

    #[test]
    fn what_only_a_trunk_knows_is_not_written() {
        for text in [
            "sip:pbx.example",
            "sip:@pbx.example",
            "sip:maria@",
            "sip:maria@pbx.example:5060",
            "sip:maria@pbx.example;transport=tcp",
            "sip:maria:secret@pbx.example",
            "sip:maria@[pbx]",
            "sip:maria@a@b",
            "sip:ma%20ria@pbx.example",
            "sips:maria@pbx.example",
            "tel:+5511",
        ] {
            assert_eq!(host_of(text), None, "{text}");
        }
    }
}
