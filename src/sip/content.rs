//! What a body holds of the kind that is wanted: plain, or as a part of a multipart. RFC 3261 §7.4, RFC 5621, RFC 2046 §5.1.
//!
//! A call needs its SDP, a text its words; gateways wrap them together with ISUP, positions or certificates. What is
//! found is a slice of the message. How deep one multipart may lie in another, and how many parts it may have, is bounded.

use bytes::Bytes;

use super::headers::Headers;
use super::headers::Name;
use super::limits::DEEPEST_NESTING;
use super::limits::Limits;
use super::lines::Lines;
use super::lines::Section;
use super::message::Request;
use super::message::Response;
use super::message::reason_phrase;
use super::params::Params;

pub const SDP: &str = "application/sdp";
pub const TEXT: &str = "text/plain";
/// What we take in the place of [`SDP`], for an `Accept`.
pub const ACCEPTED_FOR_CALLS: &str = "application/sdp, multipart/mixed, multipart/alternative, multipart/related";

/// Parts of one multipart.
const MOST_PARTS: usize = 32;
/// Octets of a boundary. RFC 2046 §5.1.1.
const LONGEST_BOUNDARY: usize = 70;

/// Why a body is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// 415 with `Accept`.
    #[error("a body of a kind that is not understood here")]
    UnknownKind,
    /// 415 with `Accept-Encoding`.
    #[error("a body that is compressed or transfer-encoded")]
    Encoded,
    /// 415 with `Accept`.
    #[error("multipart bodies too deep inside one another")]
    TooDeep,
    /// 493. RFC 3261 §21.4.27.
    #[error("an S/MIME body that cannot be decrypted here")]
    Encrypted,
    /// 400.
    #[error("a multipart body whose parts cannot be told apart")]
    Broken,
}

impl ContentError {
    pub fn status(self) -> u16 {
        match self {
            ContentError::UnknownKind | ContentError::Encoded | ContentError::TooDeep => 415,
            ContentError::Encrypted => 493,
            ContentError::Broken => 400,
        }
    }

    /// The refusal, with what would be taken instead. RFC 3261 §8.2.3.
    pub fn refuse(self, request: &Request, accepted: &'static str) -> Response {
        let mut response = request.reply(self.status());
        response = response.with_reason(&format!("{}: {self}", reason_phrase(self.status())));
        if self.status() == 415 {
            response.headers.push(Name::Accept, accepted);
            response.headers.push(Name::AcceptEncoding, "identity");
        }
        response
    }
}

impl Request {
    /// The SDP that describes a call; none if there is none, or none that can be read.
    pub fn session_description(&self) -> Option<Bytes> {
        session_description(&self.headers, &self.body)
    }

    /// The words of a MESSAGE; none if it has no body.
    pub fn text(&self) -> Result<Option<Bytes>, ContentError> {
        find(&self.headers, &self.body, TEXT, DEEPEST_NESTING)
    }
}

/// The SDP of any message; what else stands beside it, or cannot be read, is passed over.
pub(super) fn session_description(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    find(headers, body, SDP, DEEPEST_NESTING).ok().flatten()
}

/// The first body of this kind, such as [`SDP`]; none if the message has no body, or only one whose handling is
/// optional. A body without Content-Type is taken for what is wanted.
pub fn find(headers: &Headers, body: &Bytes, wanted: &str, nesting: usize) -> Result<Option<Bytes>, ContentError> {
    if body.is_empty() {
        return Ok(None);
    }
    let content_type = headers.first(&Name::ContentType).unwrap_or(wanted);
    match entity(headers, content_type, body, wanted, nesting) {
        Err(_) if handling(headers) == Handling::Optional => Ok(None),
        found => found,
    }
}

fn entity(
    headers: &Headers,
    content_type: &str,
    body: &Bytes,
    wanted: &str,
    nesting: usize,
) -> Result<Option<Bytes>, ContentError> {
    let (kind, params) = content_type.split_at(content_type.find(';').unwrap_or(content_type.len()));
    let kind = kind.trim_ascii();
    if is(kind, "application/pkcs7-mime") || is(kind, "multipart/encrypted") {
        return Err(ContentError::Encrypted);
    }
    if is_encoded(headers) {
        return Err(ContentError::Encoded);
    }
    let Some(multipart) = kind.get(.."multipart/".len()).filter(|start| is(start, "multipart/")) else {
        return match is(kind, wanted) && has_plain_purpose(headers) {
            true => Ok(Some(body.clone())),
            false => Err(ContentError::UnknownKind),
        };
    };
    let deeper = nesting.checked_sub(1).ok_or(ContentError::TooDeep)?;
    let boundary = Params::parse(params).ok().and_then(|params| Some(params.unquoted("boundary")?.into_owned()));
    let parts = parts(body, &boundary.ok_or(ContentError::Broken)?)?;
    match kind[multipart.len()..].to_ascii_lowercase().as_str() {
        "alternative" => best(&parts, wanted, deeper),
        // RFC 1847 §2.1: the second part is the signature, which nobody here can check.
        "signed" => all(&parts[..1], wanted, deeper),
        // RFC 2046 §5.1.7: kinds of multipart that are not known are mixed.
        _ => all(&parts, wanted, deeper),
    }
}

fn is(kind: &str, expected: &str) -> bool {
    kind.eq_ignore_ascii_case(expected)
}

fn is_encoded(headers: &Headers) -> bool {
    let transfer = headers.iter().find(|row| row.name.as_str().eq_ignore_ascii_case("Content-Transfer-Encoding"));
    let transfer = transfer.map_or(&b"binary"[..], |row| row.value.as_ref());
    let encoding = headers.first_bytes(&Name::ContentEncoding).map_or(&b"identity"[..], |value| value.as_ref());
    let plain = [&b"binary"[..], b"8bit", b"7bit"].iter().any(|plain| transfer.eq_ignore_ascii_case(plain));
    !plain || !encoding.eq_ignore_ascii_case(b"identity")
}

/// Not an `early-session` (RFC 3959), an `icon` or an `alert`: the body is the call's own, or to be shown.
fn has_plain_purpose(headers: &Headers) -> bool {
    let value = headers.first(&Name::ContentDisposition).unwrap_or("session");
    let purpose = value.split(';').next().unwrap_or(value).trim_ascii();
    is(purpose, "session") || is(purpose, "render")
}

/// What is to happen with a body that is not understood. RFC 3261 §20.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handling {
    Required,
    Optional,
    Unsaid,
}

fn handling(headers: &Headers) -> Handling {
    let value = headers.first(&Name::ContentDisposition).unwrap_or_default();
    let params = value.find(';').and_then(|at| Params::parse(&value[at..]).ok());
    let said = params.as_ref().and_then(|params| params.get("handling"));
    match said {
        Some(word) if is(word, "optional") => Handling::Optional,
        Some(_) => Handling::Required,
        None => Handling::Unsaid,
    }
}

/// `mixed` and its like: every part counts, the first of the wanted kind is it.
fn all(parts: &[Part], wanted: &str, nesting: usize) -> Result<Option<Bytes>, ContentError> {
    let mut found = None;
    let mut unclear = None;
    for part in parts {
        match (part.find(wanted, nesting), handling(&part.headers)) {
            (Ok(body), _) => found = found.or(body),
            (Err(_), Handling::Optional) => {}
            (Err(why), Handling::Required) => return Err(why),
            // Not as RFC 3261 §20.11: beside what is wanted, silence means optional. Emergency callers send their
            // position (RFC 6442) so, and nobody shall be refused for it.
            (Err(why), Handling::Unsaid) => {
                unclear.get_or_insert(why);
            }
        }
    }
    match (found, unclear) {
        (None, Some(why)) => Err(why),
        (found, _) => Ok(found),
    }
}

/// `alternative`: the last part that is understood. RFC 2046 §5.1.4.
fn best(parts: &[Part], wanted: &str, nesting: usize) -> Result<Option<Bytes>, ContentError> {
    let found = parts.iter().rev().find_map(|part| part.find(wanted, nesting).ok().flatten());
    found.map(Some).ok_or(ContentError::UnknownKind)
}

#[derive(Debug)]
struct Part {
    headers: Headers,
    body: Bytes,
}

impl Part {
    /// RFC 2046 §5.1: a part that does not say what it is, is text.
    fn find(&self, wanted: &str, nesting: usize) -> Result<Option<Bytes>, ContentError> {
        let content_type = self.headers.first(&Name::ContentType).unwrap_or(TEXT);
        entity(&self.headers, content_type, &self.body, wanted, nesting)
    }

    /// `lines` end with the line end in front of the boundary, which belongs to the boundary. RFC 2046 §5.1.1.
    fn read(lines: &Bytes) -> Result<Part, ContentError> {
        let limits = Limits::default();
        let mut reader = Lines::new(lines, 0);
        let section = Section::read(lines, &mut reader, &limits);
        let end = lines.strip_suffix(b"\n").map_or(lines.len(), |line| line.strip_suffix(b"\r").unwrap_or(line).len());
        let body = lines.slice(reader.at().min(end)..end);
        let body = section.body(body, &limits).map_err(|_| ContentError::Broken)?;
        Ok(Part { headers: section.headers, body })
    }
}

/// At least one part, or an error. What stands before the first boundary and behind the last is for nobody.
fn parts(body: &Bytes, boundary: &str) -> Result<Vec<Part>, ContentError> {
    if boundary.is_empty() || boundary.len() > LONGEST_BOUNDARY {
        return Err(ContentError::Broken);
    }
    let mut parts = Vec::new();
    let mut begun = None;
    let mut at = 0;
    while at < body.len() {
        let end = body[at..].iter().position(|byte| *byte == b'\n').map_or(body.len(), |feed| at + feed + 1);
        match delimiter(&body[at..end], boundary) {
            Delimiter::None => {}
            between => {
                if let Some(start) = begun {
                    parts.push(Part::read(&body.slice(start..at))?);
                }
                if between == Delimiter::Last {
                    break;
                }
                if parts.len() == MOST_PARTS {
                    return Err(ContentError::Broken);
                }
                begun = Some(end);
            }
        }
        at = end;
    }
    if parts.is_empty() { Err(ContentError::Broken) } else { Ok(parts) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    None,
    Between,
    Last,
}

fn delimiter(line: &[u8], boundary: &str) -> Delimiter {
    let rest = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()));
    match rest.map(<[u8]>::trim_ascii) {
        Some(b"") => Delimiter::Between,
        Some(b"--") => Delimiter::Last,
        _ => Delimiter::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTING: usize = 3;

    fn found(rows: &[(&str, &str)], body: &str) -> Result<Option<String>, ContentError> {
        let mut headers = Headers::new();
        rows.iter().for_each(|(name, value)| headers.push(Name::from_text(name).unwrap(), (*value).to_owned()));
        let found = find(&headers, &Bytes::copy_from_slice(body.as_bytes()), SDP, NESTING)?;
        Ok(found.map(|body| String::from_utf8(body.to_vec()).unwrap()))
    }

    fn part(rows: &str, body: &str) -> String {
        format!("--b\r\n{rows}\r\n{body}\r\n")
    }

    fn multipart(kind: &str, parts: &[String]) -> Result<Option<String>, ContentError> {
        let kind = format!("multipart/{kind};boundary=b");
        found(&[("Content-Type", &kind)], &format!("for nobody\r\n{}--b--\r\nnor this", parts.concat()))
    }

    const SDP_PART: &str = "Content-Type: application/sdp\r\n";
    const ISUP: &str = "Content-Type: application/isup;version=itu-t92+\r\n";

    fn sdp() -> Result<Option<String>, ContentError> {
        Ok(Some("v=0\r\n".to_owned()))
    }

    #[test]
    fn a_plain_body_is_the_sdp_in_any_case_and_without_its_type() {
        assert_eq!(found(&[("c", "Application/SDP; charset=utf-8")], "v=0\r\n"), sdp());
        assert_eq!(found(&[], "v=0\r\n"), sdp());
        assert_eq!(found(&[("c", "application/sdp")], ""), Ok(None));
    }

    #[test]
    fn the_sdp_is_found_beside_what_may_be_ignored() {
        let optional = format!("{ISUP}Content-Disposition: signal; handling=optional\r\n");
        assert_eq!(multipart("mixed", &[part(&optional, "\u{1}\u{2}"), part(SDP_PART, "v=0\r\n")]), sdp());
        let position = "Content-Type: application/pidf+xml\r\nContent-ID: <x>\r\n";
        assert_eq!(multipart("mixed", &[part(SDP_PART, "v=0\r\n"), part(position, "<xml/>")]), sdp());
        assert_eq!(multipart("x-never-heard-of", &[part(SDP_PART, "v=0\r\n")]), sdp());
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_refused() {
        let required = format!("{ISUP}Content-Disposition: signal ;handling=required\r\n");
        let parts = [part(SDP_PART, "v=0\r\n"), part(&required, "x")];
        assert_eq!(multipart("mixed", &parts), Err(ContentError::UnknownKind));
        assert_eq!(multipart("mixed", &[part(ISUP, "x")]), Err(ContentError::UnknownKind));
        assert_eq!(found(&[("c", "text/plain")], "hello"), Err(ContentError::UnknownKind));
        let optional = [("c", "text/plain"), ("Content-Disposition", "render;handling=OPTIONAL")];
        assert_eq!(found(&optional, "hello"), Ok(None));
    }

    #[test]
    fn an_alternative_gives_the_last_that_is_understood_and_a_signed_body_what_was_signed() {
        let parts =
            [part(SDP_PART, "old"), part(SDP_PART, "v=0\r\n"), part("Content-Type: application/sdpng\r\n", "x")];
        assert_eq!(multipart("alternative", &parts), sdp());
        let parts = [part(SDP_PART, "v=0\r\n"), part("Content-Type: application/pkcs7-signature\r\n", "x")];
        assert_eq!(multipart("signed;protocol=\"application/pkcs7-signature\"", &parts), sdp());
    }

    #[test]
    fn what_is_encrypted_or_compressed_says_so() {
        assert_eq!(
            found(&[("c", "application/pkcs7-mime; smime-type=enveloped-data")], "x"),
            Err(ContentError::Encrypted)
        );
        assert_eq!(found(&[("c", "application/sdp"), ("e", "gzip")], "x"), Err(ContentError::Encoded));
        let base64 = format!("{SDP_PART}Content-Transfer-Encoding: base64\r\n");
        assert_eq!(multipart("mixed", &[part(&base64, "dj0w")]), Err(ContentError::Encoded));
        assert_eq!(ContentError::Encrypted.status(), 493);
    }

    #[test]
    fn an_early_session_is_not_the_call() {
        let early = format!("{SDP_PART}Content-Disposition: early-session; handling=optional\r\n");
        assert_eq!(multipart("mixed", &[part(&early, "early"), part(SDP_PART, "v=0\r\n")]), sdp());
    }

    #[test]
    fn nesting_and_parts_are_bounded() {
        let nested = |depth: usize| {
            let mut body = part(SDP_PART, "v=0\r\n") + "--b--";
            for level in 0..depth {
                let inner = if level == 0 { "b".to_owned() } else { format!("b{}", level - 1) };
                body = format!(
                    "--b{level}\r\nContent-Type: multipart/mixed;boundary={inner}\r\n\r\n{body}\r\n--b{level}--"
                );
            }
            let kind = format!("multipart/mixed;boundary=b{}", depth - 1);
            found(&[("c", &kind)], &body)
        };
        assert_eq!(nested(2), sdp());
        assert_eq!(nested(3), Err(ContentError::TooDeep));
        let many: Vec<String> = (0..100).map(|_| part(SDP_PART, "v=0\r\n")).collect();
        assert_eq!(multipart("mixed", &many), Err(ContentError::Broken));
    }

    #[test]
    fn parts_that_cannot_be_told_apart_are_a_fault_and_no_panic() {
        for (kind, body) in [
            ("multipart/mixed", "--b\r\n\r\nx\r\n--b--"),
            ("multipart/mixed;boundary=", "--\r\n\r\nx\r\n----"),
            ("multipart/mixed;boundary=b", "no boundary at all"),
            ("multipart/mixed;boundary=b", "--b"),
            ("multipart/mixed;boundary=b", "--b\r\n--b--"),
            ("multipart/mixed;boundary=b", "--b\r\nno colon\r\n\r\nx\r\n--b--"),
            ("multipart/mixed;boundary=b", "--b\r\nContent-Length: 99\r\n\r\nx\r\n--b--"),
        ] {
            assert_eq!(found(&[("c", kind)], body), Err(ContentError::Broken), "{kind} {body:?}");
        }
    }

    #[test]
    fn line_feeds_alone_and_a_quoted_boundary_are_understood() {
        let body = "--a b\nContent-Type: application/sdp\n\nv=0\r\n\n--a b--";
        assert_eq!(found(&[("c", "multipart/mixed; boundary=\"a b\"")], body), sdp());
    }
}
