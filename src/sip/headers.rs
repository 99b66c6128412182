//! The header section: rows in their order, known names recognised in any case and in their compact form.
//!
//! Values are slices of the message they came in. `Content-Length` is no row: it is the length of the body, so the
//! reader enforces it and the writer writes it, and nobody can get it wrong in between.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;

use bytes::Bytes;

use super::syntax::SyntaxError;
use super::syntax::is_token;
use super::syntax::items;

/// What is wrong with a header that someone wanted to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("{0} is missing")]
    Missing(Name),
    #[error("{0} stands more than once")]
    Repeated(Name),
    #[error("{name} cannot be read: {why}")]
    Malformed { name: Name, why: SyntaxError },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: Name,
    pub value: Bytes,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    rows: Vec<Header>,
}

impl Headers {
    pub fn new() -> Headers {
        Headers::default()
    }

    pub fn with_capacity(rows: usize) -> Headers {
        Headers { rows: Vec::with_capacity(rows) }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Header> + Clone {
        self.rows.iter()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn contains(&self, name: &Name) -> bool {
        self.first_bytes(name).is_some()
    }

    /// The first row of that name, if it is UTF-8; [`Headers::first_bytes`] has it in any case.
    pub fn first(&self, name: &Name) -> Option<&str> {
        self.first_bytes(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    pub fn first_bytes(&self, name: &Name) -> Option<&Bytes> {
        self.all_bytes(name).next()
    }

    /// Every row of that name that is UTF-8, whole: a comma list in one row is one value here.
    pub fn all<'a>(&'a self, name: &Name) -> impl Iterator<Item = &'a str> {
        self.all_bytes(name).filter_map(|value| std::str::from_utf8(value).ok())
    }

    pub fn all_bytes<'a>(&'a self, name: &Name) -> impl Iterator<Item = &'a Bytes> {
        self.rows.iter().filter(move |row| row.name == *name).map(|row| &row.value)
    }

    /// Every value of that name: rows and the comma lists in them are the same thing. RFC 3261 §7.3.1.
    pub fn list<'a>(&'a self, name: &Name) -> impl Iterator<Item = &'a str> {
        self.list_bytes(name).filter_map(|value| std::str::from_utf8(value).ok())
    }

    pub fn list_bytes<'a>(&'a self, name: &Name) -> impl Iterator<Item = &'a [u8]> {
        self.all_bytes(name).flat_map(|value| items(value)).filter(|value| !value.is_empty())
    }

    /// Whether the list has this word, in any case: `Supported: 100rel`.
    pub fn lists(&self, name: &Name, word: &str) -> bool {
        self.list_bytes(name).any(|value| value.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Puts a row at the end. Line breaks in the value become spaces: nobody smuggles a header into our messages.
    pub fn push(&mut self, name: Name, value: impl Into<Bytes>) {
        self.insert(self.rows.len(), name, value.into());
    }

    /// Puts a row in front of all others, as a Via or a Record-Route needs it.
    pub fn insert_first(&mut self, name: Name, value: impl Into<Bytes>) {
        self.insert(0, name, value.into());
    }

    /// Leaves one row of that name, with this value, in the place of the first.
    pub fn set(&mut self, name: Name, value: impl Into<Bytes>) {
        let place = self.rows.iter().position(|row| row.name == name).unwrap_or(self.rows.len());
        self.rows.retain(|row| row.name != name);
        self.insert(place, name, value.into());
    }

    /// Takes out every row of that name; returns how many there were.
    pub fn remove(&mut self, name: &Name) -> usize {
        let before = self.rows.len();
        self.rows.retain(|row| row.name != *name);
        before - self.rows.len()
    }

    /// Takes over all rows of that name from elsewhere, as a reply does with the Vias.
    pub fn copy_from(&mut self, other: &Headers, name: &Name) {
        self.rows.extend(other.rows.iter().filter(|row| row.name == *name).cloned());
    }

    /// A row straight from a parsed message, which has no line breaks left.
    pub(super) fn push_parsed(&mut self, row: Header) {
        self.rows.push(row);
    }

    /// Another value for the first row of this name, which keeps its place.
    pub(in crate::sip) fn replace_first(&mut self, name: &Name, value: impl Into<Bytes>) {
        if let Some(first) = self.first_mut(name) {
            *first = value.into();
        }
    }

    pub(super) fn first_mut(&mut self, name: &Name) -> Option<&mut Bytes> {
        self.rows.iter_mut().find(|row| row.name == *name).map(|row| &mut row.value)
    }

    fn insert(&mut self, place: usize, name: Name, value: Bytes) {
        if name != Name::ContentLength {
            self.rows.insert(place, Header { name, value: without_line_breaks(value) });
        }
    }
}

fn without_line_breaks(value: Bytes) -> Bytes {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if !value.iter().any(is_break) {
        let trimmed = value.trim_ascii();
        return if trimmed.len() == value.len() { value } else { value.slice_ref(trimmed) };
    }
    let spaced: Vec<u8> = value.iter().map(|byte| if is_break(byte) { b' ' } else { *byte }).collect();
    Bytes::copy_from_slice(spaced.trim_ascii())
}

/// A name that is in none of our lists, as it was written; equal in any case.
#[derive(Clone, Debug)]
pub struct UnknownName(Bytes);

impl UnknownName {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a token is ASCII")
    }
}

impl PartialEq for UnknownName {
    fn eq(&self, other: &UnknownName) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for UnknownName {}

impl Hash for UnknownName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|byte| state.write_u8(byte.to_ascii_lowercase()));
    }
}

/// Long enough for every name that we know.
const LONGEST_KNOWN: usize = 32;

impl Name {
    /// Reads a name in any case, long or compact; unknown tokens are kept as they are.
    pub fn parse(name: &Bytes) -> Result<Name, SyntaxError> {
        if let Some(known) = Name::known(name) {
            return Ok(known);
        }
        if !is_token(name) {
            return Err(SyntaxError("a header's name is a token"));
        }
        Ok(Name::Other(UnknownName(name.clone())))
    }

    /// A name written in a configuration or in our own code, as `X-Asterisk-HangupCause`.
    pub fn from_text(name: &str) -> Result<Name, SyntaxError> {
        Name::parse(&Bytes::copy_from_slice(name.as_bytes()))
    }

    pub(super) fn known(name: &[u8]) -> Option<Name> {
        let mut lower = [0; LONGEST_KNOWN];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        Name::of_lower(lower)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// One line per header that we know: variant, as we write it, as it is recognised (lower case, with its compact form).
macro_rules! names {
    ($($variant:ident $text:literal $($lower:literal)|+,)+) => {
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Name {
            $($variant,)+
            Other(UnknownName),
        }

        impl Name {
            pub fn as_str(&self) -> &str {
                match self {
                    $(Name::$variant => $text,)+
                    Name::Other(name) => name.as_str(),
                }
            }

            fn of_lower(name: &[u8]) -> Option<Name> {
                match name {
                    $($($lower)|+ => Some(Name::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

names! {
    Via "Via" b"via" | b"v",
    From "From" b"from" | b"f",
    To "To" b"to" | b"t",
    CallId "Call-ID" b"call-id" | b"i",
    CSeq "CSeq" b"cseq",
    Contact "Contact" b"contact" | b"m",
    MaxForwards "Max-Forwards" b"max-forwards",
    ContentLength "Content-Length" b"content-length" | b"l",
    ContentType "Content-Type" b"content-type" | b"c",
    ContentEncoding "Content-Encoding" b"content-encoding" | b"e",
    ContentDisposition "Content-Disposition" b"content-disposition",
    ContentLanguage "Content-Language" b"content-language",
    Route "Route" b"route",
    RecordRoute "Record-Route" b"record-route",
    Path "Path" b"path",
    ServiceRoute "Service-Route" b"service-route",
    Expires "Expires" b"expires",
    MinExpires "Min-Expires" b"min-expires",
    Allow "Allow" b"allow",
    AllowEvents "Allow-Events" b"allow-events" | b"u",
    Supported "Supported" b"supported" | b"k",
    Require "Require" b"require",
    ProxyRequire "Proxy-Require" b"proxy-require",
    Unsupported "Unsupported" b"unsupported",
    Accept "Accept" b"accept",
    AcceptContact "Accept-Contact" b"accept-contact" | b"a",
    AcceptEncoding "Accept-Encoding" b"accept-encoding",
    AcceptLanguage "Accept-Language" b"accept-language",
    Authorization "Authorization" b"authorization",
    ProxyAuthorization "Proxy-Authorization" b"proxy-authorization",
    WwwAuthenticate "WWW-Authenticate" b"www-authenticate",
    ProxyAuthenticate "Proxy-Authenticate" b"proxy-authenticate",
    AuthenticationInfo "Authentication-Info" b"authentication-info",
    UserAgent "User-Agent" b"user-agent",
    Server "Server" b"server",
    Subject "Subject" b"subject" | b"s",
    Date "Date" b"date",
    Timestamp "Timestamp" b"timestamp",
    RetryAfter "Retry-After" b"retry-after",
    Warning "Warning" b"warning",
    Event "Event" b"event" | b"o",
    SubscriptionState "Subscription-State" b"subscription-state",
    InfoPackage "Info-Package" b"info-package",
    RecvInfo "Recv-Info" b"recv-info",
    SessionExpires "Session-Expires" b"session-expires" | b"x",
    MinSe "Min-SE" b"min-se",
    RSeq "RSeq" b"rseq",
    RAck "RAck" b"rack",
    ReferTo "Refer-To" b"refer-to" | b"r",
    ReferredBy "Referred-By" b"referred-by" | b"b",
    ReferSub "Refer-Sub" b"refer-sub",
    Replaces "Replaces" b"replaces",
    Join "Join" b"join",
    Reason "Reason" b"reason",
    Diversion "Diversion" b"diversion",
    HistoryInfo "History-Info" b"history-info",
    PAssertedIdentity "P-Asserted-Identity" b"p-asserted-identity",
    PPreferredIdentity "P-Preferred-Identity" b"p-preferred-identity",
    RemotePartyId "Remote-Party-ID" b"remote-party-id",
    Privacy "Privacy" b"privacy",
    Identity "Identity" b"identity" | b"y",
    SipEtag "SIP-ETag" b"sip-etag",
    SipIfMatch "SIP-If-Match" b"sip-if-match",
    AlertInfo "Alert-Info" b"alert-info",
    CallInfo "Call-Info" b"call-info",
    ErrorInfo "Error-Info" b"error-info",
    InReplyTo "In-Reply-To" b"in-reply-to",
    ReplyTo "Reply-To" b"reply-to",
    Organization "Organization" b"organization",
    Priority "Priority" b"priority",
    MimeVersion "MIME-Version" b"mime-version",
    RejectContact "Reject-Contact" b"reject-contact" | b"j",
    RequestDisposition "Request-Disposition" b"request-disposition" | b"d",
    TargetDialog "Target-Dialog" b"target-dialog",
    FlowTimer "Flow-Timer" b"flow-timer",
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_text(text).unwrap()
    }

    #[test]
    fn names_in_any_case_and_compact() {
        assert_eq!(name("v"), Name::Via);
        assert_eq!(name("cAlL-iD"), Name::CallId);
        assert_eq!(name("X-Thing"), name("x-thing"));
        assert_eq!(name("X-Thing").as_str(), "X-Thing");
        assert!(Name::from_text("no token").is_err() && Name::from_text("").is_err());
        assert!(Name::from_text(&"long-name-".repeat(20)).is_ok());
    }

    #[test]
    fn rows_keep_their_order_and_place() {
        let mut headers = Headers::new();
        headers.push(Name::Supported, "100rel, timer");
        headers.push(name("X-A"), "1");
        headers.push(Name::Supported, "Replaces");
        headers.insert_first(Name::Via, "SIP/2.0/UDP a");
        assert_eq!(headers.list(&Name::Supported).collect::<Vec<_>>(), ["100rel", "timer", "Replaces"]);
        assert!(headers.lists(&Name::Supported, "replaces"));
        headers.set(Name::Supported, "outbound");
        let rows: Vec<_> = headers.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(rows, ["Via", "Supported", "X-A"]);
        assert_eq!(headers.remove(&name("x-a")), 1);
        assert_eq!(headers.first(&name("X-A")), None);
    }

    #[test]
    fn nothing_is_smuggled_in() {
        let mut headers = Headers::new();
        headers.push(Name::Subject, "hello\r\nX-Evil: 1".to_owned());
        assert_eq!(headers.first(&Name::Subject), Some("hello  X-Evil: 1"));
        headers.push(Name::ContentLength, "99");
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn latin_1_stays_bytes() {
        let mut headers = Headers::new();
        headers.push(Name::Subject, &b"Jo\xe3o"[..]);
        assert_eq!(headers.first(&Name::Subject), None);
        assert_eq!(headers.first_bytes(&Name::Subject).unwrap().as_ref(), b"Jo\xe3o");
    }
}
