//! What a REGISTER asks for, read and checked before anything changes: RFC 3261 §10.3 steps 6 and 7, with RFC 3327, RFC 5626
//! and RFC 8599.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::registrar::binding::Kept;
use crate::registrar::binding::More;
use crate::registrar::binding::UNSAID;
use crate::registrar::config::Config;
use crate::registrar::translation::Translation;
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
    #[error("{what} is longer than {most} bytes")]
    TooLong { what: &'static str, most: usize },
    #[error("Path cannot be read, or is too long")]
    BadPath,
    #[error("One REGISTER makes one flow")]
    SeveralFlows,
    #[error("Interval Too Brief")]
    TooBrief { least: Duration },
    #[error("Too many phones for this extension")]
    TooMany,
    #[error("First Hop Lacks Outbound Support")]
    FirstHopLacksOutbound,
    #[error("CSeq is not higher than before")]
    OutOfOrder,
    #[error("Push Notification Service Not Supported")]
    UnknownPush,
}

impl Refusal {
    pub(super) fn status(&self) -> u16 {
        match self {
            Refusal::BadContact | Refusal::BadScheme | Refusal::BadStar | Refusal::TooLong { .. } => 400,
            Refusal::BadPath | Refusal::SeveralFlows => 400,
            Refusal::TooMany => 403,
            Refusal::TooBrief { .. } => 423,
            Refusal::FirstHopLacksOutbound => 439,
            Refusal::OutOfOrder => 500,
            Refusal::UnknownPush => 555,
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

/// What is known besides the message.
pub(super) struct Terms<'a> {
    pub(super) config: &'a Config,
    pub(super) hop: Hop,
    pub(super) translation: Translation,
    pub(super) user_agent: Option<Arc<str>>,
    /// What is taken off the time that is granted, so that phones which came together do not come back together.
    pub(super) cut_per_mille: u32,
    pub(super) now: Instant,
}

impl Desires {
    pub(super) fn read(request: &Request, terms: &Terms<'_>) -> Result<Desires, Refusal> {
        let headers = &request.headers;
        let call_id = headers.call_id().unwrap_or_default().to_owned();
        if call_id.len() > LONGEST_CALL_ID {
            return Err(Refusal::TooLong { what: "Call-ID", most: LONGEST_CALL_ID });
        }
        let cseq = headers.cseq().map_or(0, |cseq| cseq.number);
        let wish = match headers.is_contact_star() {
            true if headers.expires() == Some(0) => Wish::RemoveAll,
            true => return Err(Refusal::BadStar),
            false => Wish::Bind(Form::of(headers, terms, &call_id, cseq)?.bindings()?),
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
        let come = wanted.iter().filter(|new| new.expires_at > now).count();
        match come > 0 && stay + come > most {
            true => Err(Refusal::TooMany),
            false => Ok(()),
        }
    }

    pub(super) fn removes_all(&self) -> bool {
        matches!(self.wish, Wish::RemoveAll)
    }

    /// Whether a flow of RFC 5626 is made.
    pub(super) fn makes_flow(&self, now: Instant) -> bool {
        match &self.wish {
            Wish::Bind(wanted) => wanted.iter().any(|kept| kept.reg_id().is_some() && kept.expires_at > now),
            Wish::RemoveAll => false,
        }
    }

    pub(super) fn into_wanted(self) -> Vec<Kept> {
        match self.wish {
            Wish::Bind(wanted) => wanted,
            Wish::RemoveAll => Vec::new(),
        }
    }
}

/// Phones write some 40 bytes; room is left for those that name themselves at length.
const LONGEST_CALL_ID: usize = 256;
/// With the token of a push service, which may have 200 bytes and more.
const LONGEST_CONTACT: usize = 1024;
const LONGEST_INSTANCE: usize = 256;
/// Proxies in front of one phone, and what all their addresses may have together.
const LONGEST_PATH: usize = 8;
const LONGEST_PATH_TEXT: usize = 1024;

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
    terms: &'a Terms<'a>,
    call_id: &'a str,
    cseq: u32,
    path: Vec<NameAddr>,
}

impl<'a> Form<'a> {
    fn of(headers: &'a Headers, terms: &'a Terms<'a>, call_id: &'a str, cseq: u32) -> Result<Form<'a>, Refusal> {
        Ok(Form { headers, terms, call_id, cseq, path: path(headers)? })
    }

    fn bindings(&self) -> Result<Vec<Kept>, Refusal> {
        // Every old Contact may be removed and a new one put in its place, not more.
        let most = self.terms.config.max_contacts.saturating_mul(2);
        if self.headers.list_bytes(&Name::Contact).nth(most).is_some() {
            return Err(Refusal::TooMany);
        }
        let contacts = self.headers.contacts().map_err(|_| bad_contact(self.headers))?;
        let bindings: Vec<Kept> =
            contacts.into_iter().map(|contact| self.binding(contact)).collect::<Result<_, _>>()?;
        let is_flow = |kept: &&Kept| kept.reg_id().is_some() && kept.expires_at > self.terms.now;
        match bindings.iter().filter(is_flow).count() {
            0 | 1 => Ok(bindings),
            // RFC 5626 §4.2: one flow is one REGISTER.
            _ => Err(Refusal::SeveralFlows),
        }
    }

    fn binding(&self, contact: NameAddr) -> Result<Kept, Refusal> {
        let lifetime = self.lifetime(&contact)?;
        let more = self.more(&contact)?;
        let mut uri = contact.uri;
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) {
            return Err(Refusal::BadScheme);
        }
        // RFC 3261 §10.2.1: headers in a Contact's URI would come back in every call to it.
        uri.headers = None;
        self.check_push(&uri)?;
        let text = uri.to_string();
        if text.len() > LONGEST_CONTACT {
            return Err(Refusal::TooLong { what: "Contact", most: LONGEST_CONTACT });
        }
        Ok(Kept {
            contact: text.into(),
            call_id: self.call_id.into(),
            user_agent: self.terms.user_agent.clone(),
            // RFC 5626 §5.3: a flow is the way to the phone, whatever its Contact says.
            hop: if more.reg_id.is_some() || uri.params.has("ob") { self.terms.hop } else { self.way_to(&uri) },
            expires_at: self.terms.now + lifetime,
            armed_at: self.terms.now + lifetime,
            serial: 0,
            cseq: self.cseq,
            priority: contact.params.get("q").and_then(priority).unwrap_or(UNSAID),
            translation: self.terms.translation,
            more: (more != More::default()).then(|| Box::new(more)),
        })
    }

    /// RFC 5626 §6: without an instance, and from a phone that does not speak of outbound, a reg-id says nothing.
    fn more(&self, contact: &NameAddr) -> Result<More, Refusal> {
        let instance = contact.params.get("+sip.instance");
        if instance.is_some_and(|instance| instance.len() > LONGEST_INSTANCE) {
            return Err(Refusal::TooLong { what: "+sip.instance", most: LONGEST_INSTANCE });
        }
        let speaks_outbound = self.headers.lists(&Name::Supported, "outbound");
        let reg_id = contact.params.get("reg-id").and_then(|text| text.parse().ok()).filter(|number| *number > 0);
        let reg_id = reg_id.filter(|_| instance.is_some() && speaks_outbound);
        if reg_id.is_some() && !self.first_hop_keeps_flows() {
            return Err(Refusal::FirstHopLacksOutbound);
        }
        let path = self.path.iter().map(|proxy| proxy.to_string().into()).collect();
        Ok(More { instance: instance.map(Box::from), reg_id, path })
    }

    /// We are the first hop, or the proxy that is has written `ob` into its Path. RFC 5626 §6.
    fn first_hop_keeps_flows(&self) -> bool {
        let is_direct = self.headers.list_bytes(&Name::Via).nth(1).is_none();
        is_direct || self.path.last().is_some_and(|first| first.uri.params.has("ob"))
    }

    /// RFC 8599 §5.3: where services are listed, a phone that wants to be woken by another one is told at once.
    fn check_push(&self, uri: &Uri) -> Result<(), Refusal> {
        let known = &self.terms.config.push_providers;
        if known.is_empty() || !uri.params.has("pn-provider") {
            return Ok(());
        }
        let provider = uri.param("pn-provider").unwrap_or_default();
        let is_known = known.iter().any(|known| known.eq_ignore_ascii_case(provider));
        if is_known { Ok(()) } else { Err(Refusal::UnknownPush) }
    }

    /// The Contact's own time, else that of the message, else the default; zero removes the binding.
    fn lifetime(&self, contact: &NameAddr) -> Result<Duration, Refusal> {
        let Config { expires, min_expires, max_expires, .. } = *self.terms.config;
        let own = contact.params.get("expires").and_then(|text| text.parse().ok());
        let asked = own.or_else(|| self.headers.expires()).map(|seconds| Duration::from_secs(u64::from(seconds)));
        match asked.unwrap_or(expires) {
            Duration::ZERO => Ok(Duration::ZERO),
            brief if brief < min_expires => Err(Refusal::TooBrief { least: min_expires }),
            long => Ok(self.shortened(long.min(max_expires)).max(min_expires)),
        }
    }

    /// In whole seconds, as the phone is told.
    fn shortened(&self, lifetime: Duration) -> Duration {
        let cut = lifetime.as_secs() * u64::from(self.terms.cut_per_mille) / 1000;
        lifetime.saturating_sub(Duration::from_secs(cut))
    }

    /// The hop that the REGISTER came by, unless the next hop is plainly reached where it says: over UDP, with no NAT
    /// between. Through proxies that is the nearest of them, else the phone, whose Via says where it is.
    fn way_to(&self, contact: &Uri) -> Hop {
        let hop = self.terms.hop;
        let (uri, honest) = match self.path.first() {
            Some(nearest) => (&nearest.uri, nearest.uri.host.address() == Some(hop.remote.ip())),
            None => (contact, self.headers.via_address() == Some(hop.remote.ip())),
        };
        let over_udp = uri.param("transport").is_none_or(|transport| transport.eq_ignore_ascii_case("udp"));
        let port = uri.port.unwrap_or(Transport::Udp.default_port());
        match uri.host.address() {
            Some(address) if honest && over_udp && hop.transport == Transport::Udp && port != 0 => {
                Hop { remote: SocketAddr::new(address, port), ..hop }
            }
            _ => hop,
        }
    }
}

/// RFC 3327 §5.3.
// Not as RFC 3327 §5.3: a Path is taken also from a phone that does not say `Supported: path`, as most do not. It learns of
// the Path only if it does.
fn path(headers: &Headers) -> Result<Vec<NameAddr>, Refusal> {
    let length: usize = headers.all_bytes(&Name::Path).map(|value| value.len()).sum();
    if length > LONGEST_PATH_TEXT {
        return Err(Refusal::BadPath);
    }
    let path = headers.addresses(&Name::Path).map_err(|_| Refusal::BadPath)?;
    // RFC 3327 §4: a Path becomes a Route, and only loose routing leaves the Request-URI alone.
    let is_sound =
        |proxy: &NameAddr| matches!(proxy.uri.scheme, Scheme::Sip | Scheme::Sips) && proxy.uri.params.has("lr");
    match path.len() <= LONGEST_PATH && path.iter().all(is_sound) {
        true => Ok(path),
        false => Err(Refusal::BadPath),
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
