//! What a REFER asks for: whom to call instead of its sender, and what to tell him of it. RFC 3515, RFC 3892, RFC 4488.

use bytes::Bytes;

use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::name_addr::NameAddr;
use crate::sip::replaces::Replaces;
use crate::sip::uri::Scheme;
use crate::sip::uri::Uri;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    /// Without what is only for the request that would follow.
    pub to: Uri,
    /// The call whose place the new one takes: the second half of an attended transfer. RFC 5589 §7.
    pub replaces: Option<Replaces>,
    /// `Referred-By`, as it came.
    pub referred_by: Option<Bytes>,
    pub notices: Notices,
}

/// Whether the sender wants to hear what becomes of it. RFC 4488.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notices {
    Wanted,
    NotWanted,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferError {
    #[error("REFER needs one Refer-To")]
    NotOneTarget,
    #[error("Refer-To cannot be read")]
    Malformed,
    #[error("Refer-To is neither sip: nor tel:")]
    Scheme,
    #[error("only INVITE can be referred")]
    Method,
}

impl ReferError {
    pub fn status(&self) -> u16 {
        match self {
            ReferError::NotOneTarget | ReferError::Malformed => 400,
            ReferError::Scheme => 416,
            ReferError::Method => 501,
        }
    }
}

/// `180` of `SIP/2.0 180 Ringing`, as a NOTIFY carries it. RFC 3515 §2.4.5.
pub(super) fn status_of_fragment(body: &[u8]) -> Option<u16> {
    let rest = body.strip_prefix(b"SIP/2.0 ")?;
    let digits = rest.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|status| (100..700).contains(status))
}

impl Referral {
    pub fn read(request: &Request) -> Result<Referral, ReferError> {
        let mut to = target(request)?;
        match to.scheme {
            Scheme::Sip | Scheme::Sips | Scheme::Tel => {}
            Scheme::Other(_) => return Err(ReferError::Scheme),
        }
        if to.param("method").is_some_and(|method| method != "INVITE") {
            return Err(ReferError::Method);
        }
        let replaces = to.header("Replaces").map(|value| Replaces::parse(&value)).transpose();
        let replaces = replaces.map_err(|_| ReferError::Malformed)?;
        to.params.remove("method");
        to.headers = None;
        let notices = match unwanted(request) {
            true => Notices::NotWanted,
            false => Notices::Wanted,
        };
        let referred_by = request.headers.first_bytes(&Name::ReferredBy).map(|value| Bytes::copy_from_slice(value));
        Ok(Referral { to, replaces, referred_by, notices })
    }
}

/// RFC 3515 §2.4.2: none or several are refused.
fn target(request: &Request) -> Result<Uri, ReferError> {
    let mut rows = request.headers.all(&Name::ReferTo);
    let (Some(value), None) = (rows.next(), rows.next()) else {
        return Err(ReferError::NotOneTarget);
    };
    if request.headers.list(&Name::ReferTo).count() > 1 {
        return Err(ReferError::NotOneTarget);
    }
    // Some phones leave out the angle brackets though a question mark follows.
    let bare = || Uri::parse(value.trim()).ok();
    let uri = NameAddr::parse(value.as_bytes()).map(|address| address.uri).ok().or_else(bare);
    uri.ok_or(ReferError::Malformed)
}

/// RFC 4488 §4: `Refer-Sub: false`; and Linphone, pjsip and others that only `Require: norefersub`.
fn unwanted(request: &Request) -> bool {
    let said = request.headers.first(&Name::ReferSub).and_then(|value| value.split(';').next());
    said.is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
        || request.headers.lists(&Name::Require, "norefersub")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::method::Method;

    fn read(rows: &[(Name, &'static str)]) -> Result<Referral, ReferError> {
        let mut request = Request::new(Method::Refer, Uri::sip(None, "desvio.test", None));
        rows.iter().for_each(|(name, value)| request.headers.push(name.clone(), *value));
        Referral::read(&request)
    }

    #[test]
    fn a_blind_transfer_names_a_target() {
        let referral = read(&[(Name::ReferTo, "<sip:201@desvio.test;method=INVITE>"), (Name::ReferredBy, "<sip:a@b>")]);
        let referral = referral.unwrap();
        assert_eq!(referral.to.to_string(), "sip:201@desvio.test");
        assert_eq!((referral.referred_by.as_deref(), referral.notices), (Some(&b"<sip:a@b>"[..]), Notices::Wanted));
    }

    #[test]
    fn an_attended_one_names_a_call_too() {
        let escaped = "sip:201@desvio.test?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994";
        for value in [format!("<{escaped}>"), escaped.to_owned()] {
            let referral = read(&[(Name::ReferTo, Box::leak(value.into_boxed_str()))]).unwrap();
            let replaces = referral.replaces.unwrap();
            assert_eq!((replaces.call_id.as_str(), replaces.from_tag.as_str()), ("12345@192.168.118.3", "5FFE-3994"));
            assert_eq!(referral.to.headers, None);
        }
    }

    #[test]
    fn what_cannot_be_done_is_told_apart() {
        let status = |rows: &[(Name, &'static str)]| read(rows).unwrap_err().status();
        let twice = [(Name::ReferTo, "<sip:a@b>"), (Name::ReferTo, "<sip:c@d>")];
        assert_eq!((status(&[]), status(&twice)), (400, 400));
        assert_eq!(status(&[(Name::ReferTo, "<sip:a@b>, <sip:c@d>")]), 400);
        assert_eq!(status(&[(Name::ReferTo, "<http://x/>")]), 416);
        assert_eq!(status(&[(Name::ReferTo, "<sip:a@b;method=BYE>")]), 501);
        assert_eq!(status(&[(Name::ReferTo, "<sip:a@b?Replaces=1>")]), 400);
    }

    #[test]
    fn who_wants_no_notices_says_so() {
        let target = (Name::ReferTo, "<sip:a@b>");
        let notices = |name, value| read(&[target.clone(), (name, value)]).unwrap().notices;
        assert_eq!(notices(Name::ReferSub, "false"), Notices::NotWanted);
        assert_eq!(notices(Name::ReferSub, "true"), Notices::Wanted);
        assert_eq!(notices(Name::Require, "norefersub"), Notices::NotWanted);
    }
}
