//! Calls as others name them, by Call-ID and tags: RFC 3891 §3; and requests of ours inside of them.

use std::collections::VecDeque;
use std::time::Instant;

use crate::sip::agent::RequestId;
use crate::sip::agent::SessionId;
use crate::sip::agent::UserAgent;
use crate::sip::agent::identity::number_text;
use crate::sip::agent::identity::read_number;
use crate::sip::digest::Credentials;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::replaces::Replaces;
use crate::sip::session::Standing;

/// What a `Replaces` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Nothing,
    /// It has ended, or is about to.
    Ended,
    /// Nobody has answered it yet, and we did not begin it.
    TheirEarly(SessionId),
    /// Ours: a phone that rings.
    OurEarly(SessionId),
    Confirmed(SessionId),
}

/// The names of one dialog, for those who may want to name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogNames {
    pub call_id: String,
    /// Our own.
    pub local_tag: String,
    /// None before the far end has said anything.
    pub remote_tag: Option<String>,
}

/// Tags of calls that ended lately; older ones count as never known.
#[derive(Debug, Default)]
pub(super) struct Departed {
    tags: VecDeque<u64>,
}

const REMEMBERED: usize = 256;

impl Departed {
    pub(super) fn note(&mut self, tag: u64) {
        if self.tags.len() == REMEMBERED {
            self.tags.pop_front();
        }
        self.tags.push_back(tag);
    }
}

impl UserAgent {
    /// The call that a `Replaces` names. A phone that learnt the tags from a busy lamp names them as the lamp's owner
    /// would, the other way round than a phone that is in the call: both are understood.
    pub fn named(&self, replaces: &Replaces) -> Named {
        let Replaces { call_id, to_tag, from_tag, .. } = replaces;
        let both_ways = [(to_tag, from_tag), (from_tag, to_tag)];
        for (ours, theirs) in both_ways {
            let Some(tag) = read_number(ours) else {
                continue;
            };
            if let Some(id) = self.session_by_tag.get(&tag)
                && let Some(kept) = self.sessions.get(id)
                && kept.session.is_named(call_id, theirs)
            {
                return named_as(*id, kept.session.standing());
            }
            if self.departed.tags.contains(&tag) {
                return Named::Ended;
            }
        }
        Named::Nothing
    }

    pub fn dialog_names(&self, session: SessionId) -> Option<DialogNames> {
        let dialog = self.sessions.get(&session)?.session.dialog();
        let remote_tag = Some(dialog.known_tag()).filter(|tag| !tag.is_empty());
        Some(DialogNames {
            call_id: String::from_utf8_lossy(dialog.call_id()).into_owned(),
            local_tag: number_text(dialog.local_tag()).to_string(),
            remote_tag: remote_tag.map(str::to_owned),
        })
    }

    /// Where the requests of this call go.
    pub fn hop(&self, session: SessionId) -> Option<Hop> {
        Some(self.sessions.get(&session)?.session.dialog().hop())
    }

    /// Sends a request inside a call, as a REFER or an INFO; its dialog's headers are added, and a challenge is answered
    /// once. None: there is no such call.
    pub fn request_inside(
        &mut self,
        session: SessionId,
        wish: Request,
        credentials: Option<Credentials>,
        now: Instant,
    ) -> Option<RequestId> {
        let dialog = self.sessions.get_mut(&session)?.session.dialog_mut();
        let contact = self.core.identity.contact(dialog.hop(), dialog.contact_user.as_deref());
        let hop = dialog.hop();
        let mut request = dialog.request(wish.method);
        request.headers.push(Name::Contact, contact);
        wish.headers.iter().for_each(|header| request.headers.push(header.name.clone(), header.value.clone()));
        request.body = wish.body;
        let id = self.request(request, hop, credentials, now);
        self.is_within(id, session);
        Some(id)
    }
}

fn named_as(id: SessionId, standing: Standing) -> Named {
    match standing {
        Standing::TheirEarly => Named::TheirEarly(id),
        Standing::OurEarly => Named::OurEarly(id),
        Standing::Confirmed => Named::Confirmed(id),
        Standing::Ended => Named::Ended,
    }
}
