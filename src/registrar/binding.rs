//! One phone of an extension, and what makes it the same phone the next time it registers.

use std::time::Duration;
use std::time::Instant;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::registrar::Binding;
use crate::registrar::BindingView;
use crate::registrar::StoredBinding;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::uri::Uri;

/// A binding with what orders its updates.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) binding: Binding,
    /// The Contact's URI as text.
    pub(super) contact: String,
    pub(super) call_id: String,
    pub(super) cseq: u32,
    /// `+sip.instance` of RFC 5626 §4.1 with its `reg-id`: the same device, whatever its address.
    pub(super) instance: Option<String>,
    pub(super) serial: u64,
}

/// What outlives the process and is not there any more after so long is not looked for.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

impl Kept {
    /// The same binding: RFC 3261 §10.3 step 7 compares as §19.1.4 does.
    pub(super) fn is_same_contact(&self, other: &Kept) -> bool {
        self.binding.uri.is_same(&other.binding.uri)
    }

    /// The same device under another Contact: it says so itself, or it started again and writes another user part at the
    /// same address, as baresip and Linphone do.
    pub(super) fn is_replaced_by(&self, newer: &Kept) -> bool {
        let same_instance = self.instance.is_some() && self.instance == newer.instance;
        let (old, new) = (&self.binding.uri, &newer.binding.uri);
        let same_place = old.host == new.host && old.port == new.port && old.host.address().is_some();
        same_instance || (same_place && self.call_id != newer.call_id)
    }

    /// RFC 3261 §10.3 steps 6 and 7: within one Call-ID, only a higher CSeq may change a binding.
    pub(super) fn outranks(&self, call_id: &str, cseq: u32) -> bool {
        self.call_id == call_id && cseq <= self.cseq
    }

    pub(super) fn contact_header(&self, now: Instant) -> String {
        let left = self.binding.expires_at.saturating_duration_since(now).as_secs();
        let contact = &self.contact;
        match self.binding.priority {
            UNSAID => format!("<{contact}>;expires={left}"),
            priority => format!("<{contact}>;expires={left};q={}.{:03}", priority / 1000, priority % 1000),
        }
    }

    pub(super) fn view(&self, extension: &str, now: Instant, wall: Timestamp) -> BindingView {
        BindingView {
            extension: extension.to_owned(),
            contact: self.contact.clone(),
            transport: self.binding.hop.transport.uri_text().to_owned(),
            address: self.binding.hop.remote,
            expires: self.expires(now, wall),
            user_agent: self.binding.user_agent.clone(),
        }
    }

    pub(super) fn stored(&self, extension: &str, now: Instant, wall: Timestamp) -> StoredBinding {
        let hop = self.binding.hop;
        StoredBinding {
            extension: extension.to_owned(),
            contact: self.contact.clone(),
            transport: hop.transport.uri_text().to_owned(),
            local: hop.local,
            remote: hop.remote,
            expires: self.expires(now, wall),
            priority: self.binding.priority,
            call_id: self.call_id.clone(),
            cseq: self.cseq,
            instance: self.instance.clone(),
            user_agent: self.binding.user_agent.clone(),
        }
    }

    /// `None` for what cannot be reached: expired, over a connection of the old process, or not readable any more.
    pub(super) fn restored(stored: &StoredBinding, serial: u64, now: Instant, wall: Timestamp) -> Option<Kept> {
        let left = Duration::try_from(stored.expires.duration_since(wall)).ok()?;
        let transport = Transport::from_text(&stored.transport)?;
        if left.is_zero() || transport.is_reliable() {
            return None;
        }
        let hop = Hop { transport, local: stored.local, remote: stored.remote, connection: None };
        let binding = Binding {
            uri: Uri::parse(&stored.contact).ok()?,
            hop,
            expires_at: now + left.min(LONGEST),
            priority: stored.priority,
            user_agent: stored.user_agent.clone(),
        };
        Some(Kept {
            binding,
            contact: stored.contact.clone(),
            call_id: stored.call_id.clone(),
            cseq: stored.cseq,
            instance: stored.instance.clone(),
            serial,
        })
    }

    fn expires(&self, now: Instant, wall: Timestamp) -> Timestamp {
        let left = self.binding.expires_at.saturating_duration_since(now).min(LONGEST);
        let left = SignedDuration::try_from(left).expect("a week fits");
        wall.saturating_add(left).unwrap_or(wall)
    }
}

/// A phone that states no preference is taken as preferred, RFC 3261 §16.6.
pub(super) const UNSAID: u16 = 1000;
