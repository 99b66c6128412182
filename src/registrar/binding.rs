//! One phone of an extension, and what makes it the same phone the next time it registers.
//!
//! Up to a hundred thousand of these are in memory: texts are kept once, and what few phones have stands apart.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::registrar::Binding;
use crate::registrar::BindingView;
use crate::registrar::Push;
use crate::registrar::StoredBinding;
use crate::registrar::translation::Translation;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::uri::Uri;

/// A binding with what orders its updates.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The Contact's URI, as the phone wrote it.
    pub(super) contact: Box<str>,
    pub(super) call_id: Box<str>,
    pub(super) user_agent: Option<Arc<str>>,
    pub(super) hop: Hop,
    pub(super) expires_at: Instant,
    /// The entry among the expiries that counts; later ones than `expires_at` do not exist.
    pub(super) armed_at: Instant,
    pub(super) serial: u64,
    pub(super) cseq: u32,
    pub(super) priority: u16,
    pub(super) translation: Translation,
    /// Nothing for a phone that names no device and comes by no proxy.
    pub(super) more: Option<Box<More>>,
}

/// What only some phones have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct More {
    /// `+sip.instance` with its angle brackets: the same device, whatever its address. RFC 5626 §4.1.
    pub(super) instance: Option<Box<str>>,
    /// Which of its flows this is. RFC 5626 §4.2.
    pub(super) reg_id: Option<u32>,
    /// The proxies in front of it, the nearest to us first, as they wrote themselves. RFC 3327.
    pub(super) path: Vec<Box<str>>,
}

/// What outlives the process and is not there any more after so long is not looked for.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

impl Kept {
    pub(super) fn instance(&self) -> Option<&str> {
        self.more.as_ref()?.instance.as_deref()
    }

    pub(super) fn reg_id(&self) -> Option<u32> {
        self.more.as_ref()?.reg_id
    }

    fn path(&self) -> &[Box<str>] {
        self.more.as_ref().map_or(&[], |more| &more.path)
    }

    fn uri(&self) -> Option<Uri> {
        Uri::parse(&self.contact).ok()
    }

    /// The same binding: RFC 3261 §10.3 step 7 compares as §19.1.4 does. RFC 5626 §6: flows of one device may have the same
    /// Contact and are told apart by their number.
    pub(super) fn is_same_contact(&self, other: &Kept) -> bool {
        if let (Some(one), Some(another)) = (self.reg_id(), other.reg_id()) {
            return one == another && self.instance() == other.instance();
        }
        self.contact == other.contact || self.uri().zip(other.uri()).is_some_and(|(one, another)| one.is_same(&another))
    }

    /// The same device under another Contact: it says so itself, or it started again and writes another user part at the
    /// same address, as baresip and Linphone do.
    pub(super) fn is_replaced_by(&self, newer: &Kept) -> bool {
        let one_flow = self.reg_id().is_none() || newer.reg_id().is_none() || self.reg_id() == newer.reg_id();
        match (self.instance(), newer.instance()) {
            (Some(one), Some(another)) => one == another && one_flow,
            _ => self.call_id != newer.call_id && self.is_at_the_place_of(newer),
        }
    }

    fn is_at_the_place_of(&self, other: &Kept) -> bool {
        let (Some(one), Some(another)) = (self.uri(), other.uri()) else {
            return false;
        };
        one.host == another.host && one.port == another.port && one.host.address().is_some()
    }

    /// Another way to the same device. RFC 5626 §5.3 uses one at a time.
    pub(super) fn is_another_flow_of(&self, other: &Kept) -> bool {
        self.reg_id().is_some() && other.reg_id().is_some() && self.instance() == other.instance()
    }

    /// RFC 3261 §10.3 steps 6 and 7: within one Call-ID, only a higher CSeq may change a binding.
    pub(super) fn outranks(&self, call_id: &str, cseq: u32) -> bool {
        &*self.call_id == call_id && cseq <= self.cseq
    }

    pub(super) fn contact_header(&self, now: Instant) -> String {
        use std::fmt::Write;
        let left = self.expires_at.saturating_duration_since(now).as_secs();
        let mut header = format!("<{}>;expires={left}", self.contact);
        let written = match self.priority {
            UNSAID => Ok(()),
            priority => write!(header, ";q={}.{:03}", priority / 1000, priority % 1000),
        };
        let instance = self.instance().map_or(Ok(()), |instance| write!(header, ";+sip.instance=\"{instance}\""));
        let flow = self.reg_id().map_or(Ok(()), |number| write!(header, ";reg-id={number}"));
        written.and(instance).and(flow).expect("a String takes all that is written");
        header
    }

    /// None if the Contact cannot be read any more, which only a changed store can cause.
    pub(super) fn binding(&self) -> Option<Binding> {
        Some(Binding {
            uri: self.uri()?,
            hop: self.hop,
            expires_at: self.expires_at,
            priority: self.priority,
            user_agent: self.user_agent.clone(),
            path: self.path().to_vec(),
            spares: Vec::new(),
        })
    }

    pub(super) fn view(&self, extension: &str, now: Instant, wall: Timestamp) -> BindingView {
        BindingView {
            extension: extension.to_owned(),
            contact: self.contact.to_string(),
            transport: self.hop.transport.uri_text().to_owned(),
            address: self.hop.remote,
            expires: self.expires(now, wall),
            priority: self.priority,
            user_agent: self.user_agent.as_deref().map(str::to_owned),
            instance: self.instance().map(str::to_owned),
            flow: self.reg_id(),
            path: self.path().iter().map(|proxy| proxy.to_string()).collect(),
            push: self.uri().as_ref().and_then(Push::of),
            nat: self.translation.word(),
            nat_evidence: self.translation.evidence(),
        }
    }

    /// Whether it is worth keeping on disk: a connection ends with the process.
    pub(super) fn outlives_us(&self) -> bool {
        !self.hop.transport.is_reliable()
    }

    /// What tells this binding from the others of its extension in the store.
    pub(super) fn key(&self) -> String {
        match (self.reg_id(), self.instance()) {
            (Some(number), Some(instance)) => format!("{} flow {number} of {instance}", self.contact),
            _ => self.contact.to_string(),
        }
    }

    pub(super) fn stored(&self, extension: &str, host: Option<&str>, now: Instant, wall: Timestamp) -> StoredBinding {
        StoredBinding {
            extension: extension.to_owned(),
            key: self.key(),
            contact: self.contact.to_string(),
            transport: self.hop.transport.uri_text().to_owned(),
            local: self.hop.local,
            remote: self.hop.remote,
            expires: self.expires(now, wall),
            priority: self.priority,
            call_id: self.call_id.to_string(),
            cseq: self.cseq,
            instance: self.instance().map(str::to_owned),
            reg_id: self.reg_id(),
            path: self.path().iter().map(|proxy| proxy.to_string()).collect(),
            user_agent: self.user_agent.as_deref().map(str::to_owned),
            translation: self.translation,
            host: host.map(str::to_owned),
        }
    }

    /// `None` for what cannot be reached: expired, over a connection of the old process, or not readable any more.
    pub(super) fn restored(stored: &StoredBinding, serial: u64, now: Instant, wall: Timestamp) -> Option<Kept> {
        let left = Duration::try_from(stored.expires.duration_since(wall)).ok()?;
        let transport = Transport::from_text(&stored.transport)?;
        if left.is_zero() || transport.is_reliable() || Uri::parse(&stored.contact).is_err() {
            return None;
        }
        let (instance, reg_id) = parted(stored.instance.as_deref(), stored.reg_id);
        let path: Vec<Box<str>> = stored.path.iter().map(|proxy| proxy.as_str().into()).collect();
        let more = More { instance: instance.map(Box::from), reg_id, path };
        Some(Kept {
            contact: stored.contact.as_str().into(),
            call_id: stored.call_id.as_str().into(),
            user_agent: None,
            hop: Hop { transport, local: stored.local, remote: stored.remote, connection: None },
            expires_at: now + left.min(LONGEST),
            armed_at: now + left.min(LONGEST),
            serial,
            cseq: stored.cseq,
            priority: stored.priority,
            translation: stored.translation,
            more: (more != More::default()).then(|| Box::new(more)),
        })
    }

    fn expires(&self, now: Instant, wall: Timestamp) -> Timestamp {
        let left = self.expires_at.saturating_duration_since(now).min(LONGEST);
        let left = SignedDuration::try_from(left).expect("a week fits");
        wall.saturating_add(left).unwrap_or(wall)
    }
}

/// Versions up to 0.1 kept the number of the flow behind the instance: `<urn:uuid:…>1`.
fn parted(instance: Option<&str>, reg_id: Option<u32>) -> (Option<&str>, Option<u32>) {
    let old = instance.and_then(|text| text.rsplit_once('>')).filter(|(_, flow)| !flow.is_empty());
    match (instance, old) {
        (Some(text), Some((name, flow))) => (Some(&text[..=name.len()]), reg_id.or_else(|| flow.parse().ok())),
        _ => (instance, reg_id),
    }
}

/// A phone that states no preference is taken as preferred, RFC 3261 §16.6.
pub(super) const UNSAID: u16 = 1000;
