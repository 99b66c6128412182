//! What a REGISTER asks for, read and checked before anything changes: RFC 3261 §10.3 steps 6 and 7.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::registrar::Binding;
use crate::registrar::Config;
use crate::registrar::binding::Kept;
use crate::registrar::binding::UNSAID;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::message::Request;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Scheme;
use crate::sip::uri::Uri;

/// Why a REGISTER changes nothing. The text goes into the reason phrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("Contact cannot be read")]
    BadContact,
    #[error("Contact is no sip or sips URI")]
    BadScheme,
    #[error("Contact * wants Expires 0 and stands alone")]
    BadStar,
    #[error("Interval Too Brief")]
    TooBrief { least: Duration },
    #[error("Too many phones for this extension")]
    TooMany,
    #[error("CSeq is not higher than before")]
    OutOfOrder,
}

impl Refusal {
    pub(super) fn status(&self) -> u16 {
        match self {
            Refusal::BadContact | Refusal::BadScheme | Refusal::BadStar => 400,
            Refusal::TooMany => 403,
            Refusal::TooBrief { .. } => 423,
            Refusal::OutOfOrder => 500,
        }
    }
}

/// A REGISTER that can be read.
#[derive(Debug)]
pub(super) struct Desires {
    wish: Wish,
    call_id: String,
    cseq: u32,
}

#[derive(Debug)]
enum Wish {
    /// In the order of the message; those that expire at once are to be removed.
    Bind(Vec<Kept>),
    RemoveAll,
}

impl Desires {
    pub(super) fn read(request: &Request, hop: Hop, config: &Config, now: Instant) -> Result<Desires, Refusal> {
        let headers = &request.headers;
        let call_id = headers.call_id().unwrap_or_default().to_owned();
        let cseq = headers.cseq().map_or(0, |cseq| cseq.number);
        let wish = match headers.is_contact_star() {
            true if headers.expires() == Some(0) => Wish::RemoveAll,
            true => return Err(Refusal::BadStar),
            false => {
                let contacts = headers.contacts().map_err(|_| bad_contact(headers))?;
                let form = Form { headers, hop: &hop, config, call_id: &call_id, cseq, now };
                Wish::Bind(contacts.into_iter().map(|contact| form.binding(contact)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Desires { wish, call_id, cseq })
    }

    /// Whether the phones that are there allow it.
    pub(super) fn check(&self, phones: &[Kept], most: usize, now: Instant) -> Result<(), Refusal> {
        let wanted: &[Kept] = match &self.wish {
            Wish::Bind(wanted) => wanted,
            Wish::RemoveAll => &[],
        };
        let touched = |old: &&Kept| self.removes_all() || wanted.iter().any(|new| old.is_same_contact(new));
        if phones.iter().filter(touched).any(|old| old.outranks(&self.call_id, self.cseq)) {
            return Err(Refusal::OutOfOrder);
        }
        let goes = |old: &Kept| wanted.iter().any(|new| old.is_same_contact(new) || old.is_replaced_by(new));
        let stay = phones.iter().filter(|old| !goes(old)).count();
        let come = wanted.iter().filter(|new| new.binding.expires_at > now).count();
        match come > 0 && stay + come > most {
            true => Err(Refusal::TooMany),
            false => Ok(()),
        }
    }

    pub(super) fn removes_all(&self) -> bool {
        matches!(self.wish, Wish::RemoveAll)
    }

    pub(super) fn into_wanted(self) -> Vec<Kept> {
        match self.wish {
            Wish::Bind(wanted) => wanted,
            Wish::RemoveAll => Vec::new(),
        }
    }
}

/// `*` beside other Contacts is a fault of its own.
fn bad_contact(headers: &Headers) -> Refusal {
    match headers.list_bytes(&Name::Contact).any(|value| value == b"*") {
        true => Refusal::BadStar,
        false => Refusal::BadContact,
    }
}

/// What all Contacts of one REGISTER have in common.
struct Form<'a> {
    headers: &'a Headers,
    hop: &'a Hop,
    config: &'a Config,
    call_id: &'a str,
    cseq: u32,
    now: Instant,
}

impl Form<'_> {
    fn binding(&self, contact: NameAddr) -> Result<Kept, Refusal> {
        let lifetime = self.lifetime(&contact)?;
        let mut uri = contact.uri;
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
            return Err(Refusal::BadScheme);
        }
        // RFC 3261 §10.2.1: headers in a Contact's URI would come back in every call to it.
        uri.headers = None;
        let binding = Binding {
            hop: self.way_to(&uri),
            expires_at: self.now + lifetime,
            priority: contact.params.get("q").and_then(priority).unwrap_or(UNSAID),
            user_agent: self.headers.first(&Name::UserAgent).map(str::to_owned),
            uri,
        };
        let instance = contact.params.get("+sip.instance");
        let flow = contact.params.get("reg-id").unwrap_or_default();
        Ok(Kept {
            contact: binding.uri.to_string(),
            call_id: self.call_id.to_owned(),
            cseq: self.cseq,
            instance: instance.map(|instance| format!("{instance}{flow}")),
            serial: 0,
            binding,
        })
    }

    /// The Contact's own time, else that of the message, else the default; zero removes the binding.
    fn lifetime(&self, contact: &NameAddr) -> Result<Duration, Refusal> {
        let Config { expires, min_expires, max_expires, .. } = *self.config;
        let own = contact.params.get("expires").and_then(|text| text.parse().ok());
        let asked = own.or_else(|| self.headers.expires()).map(|seconds| Duration::from_secs(u64::from(seconds)));
        match asked.unwrap_or(expires) {
            Duration::ZERO => Ok(Duration::ZERO),
            brief if brief < min_expires => Err(Refusal::TooBrief { least: min_expires }),
            long => Ok(long.min(max_expires)),
        }
    }

    /// The hop that the REGISTER came by, unless the phone is plainly reached at its Contact: over UDP, with no NAT
    /// between (its Via says where it is).
    fn way_to(&self, uri: &Uri) -> Hop {
        let honest = self.headers.via().is_ok_and(|via| via.host.address() == Some(self.hop.remote.ip()));
        let over_udp = uri.param("transport").is_none_or(|transport| transport.eq_ignore_ascii_case("udp"));
        let port = uri.port.unwrap_or(Transport::Udp.default_port());
        match uri.host.address() {
            Some(address) if honest && over_udp && self.hop.transport == Transport::Udp && port != 0 => {
                Hop { remote: SocketAddr::new(address, port), ..*self.hop }
            }
            _ => *self.hop,
        }
    }
}

/// `0.7` as 700. RFC 3261 §25.1 allows three decimals.
fn priority(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" | "" => Some(thousandths),
        "1" => Some(1000),
        _ => None,
    }
}
