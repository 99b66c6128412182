//! What a request asks for. Unlike header names, methods differ by case: `invite` is not `INVITE`. RFC 3261 §7.1.

use std::fmt;

use super::syntax::SyntaxError;
use super::syntax::is_token;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    Invite,
    Ack,
    Bye,
    Cancel,
    Register,
    Options,
    Message,
    Info,
    Prack,
    Update,
    Refer,
    Notify,
    Subscribe,
    Publish,
    /// Any other token; it is answered 501 or 405, never 400. RFC 4475 §3.1.1.2.
    Other(Box<str>),
}

impl Method {
    pub fn parse(text: &str) -> Result<Method, SyntaxError> {
        Ok(match text {
            "INVITE" => Method::Invite,
            "ACK" => Method::Ack,
            "BYE" => Method::Bye,
            "CANCEL" => Method::Cancel,
            "REGISTER" => Method::Register,
            "OPTIONS" => Method::Options,
            "MESSAGE" => Method::Message,
            "INFO" => Method::Info,
            "PRACK" => Method::Prack,
            "UPDATE" => Method::Update,
            "REFER" => Method::Refer,
            "NOTIFY" => Method::Notify,
            "SUBSCRIBE" => Method::Subscribe,
            "PUBLISH" => Method::Publish,
            other if is_token(other.as_bytes()) => Method::Other(other.into()),
            _ => return Err(SyntaxError("a method is a token")),
        })
    }

    pub fn as_str(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Register => "REGISTER",
            Method::Options => "OPTIONS",
            Method::Message => "MESSAGE",
            Method::Info => "INFO",
            Method::Prack => "PRACK",
            Method::Update => "UPDATE",
            Method::Refer => "REFER",
            Method::Notify => "NOTIFY",
            Method::Subscribe => "SUBSCRIBE",
            Method::Publish => "PUBLISH",
            Method::Other(text) => text,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_read_as_it_is_written() {
        assert_eq!(Method::parse("INVITE").unwrap(), Method::Invite);
        assert_eq!(Method::parse("invite").unwrap(), Method::Other("invite".into()));
        // RFC 4475 §3.1.1.5: in a method `%` is a character like any other.
        assert_ne!(Method::parse("RE%47IST%45R").unwrap(), Method::Register);
        assert!(Method::parse("IN VITE").is_err() && Method::parse("").is_err());
    }
}
