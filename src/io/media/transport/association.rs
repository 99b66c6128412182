//! The keys of one port, and the handshake from which they come where they stand in no description.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::io::media::transport::Arrived;
use crate::io::media::transport::SEALED;
use crate::io::media::transport::handshake::Handshake;
use crate::io::media::transport::handshake::Origin;
use crate::io::media::transport::handshake::Outcome;
use crate::io::media::transport::identity::Identity;
use crate::io::media::transport::keys::Content;
use crate::io::media::transport::keys::Keys;
use crate::media::refusal::Refusal;
use crate::media::security::Dtls;
use crate::media::security::Marks;
use crate::media::security::MasterKey;
use crate::media::security::SdesKeys;
use crate::media::security::Suite;

#[derive(Debug, Default)]
pub(super) struct Association {
    handshake: Option<Box<Handshake>>,
    keys: Option<Box<Keys>>,
}

/// The content type of a record. RFC 5246 §6.2.1.
const ALERT: u8 = 21;

/// How a handshake has ended.
#[derive(Debug)]
pub(super) enum End {
    Agreed {
        suite: Suite,
        with: SocketAddr,
    },
    /// With somebody else than signalling says.
    Failed(String),
    Unfinished(String),
}

impl Association {
    /// The keys of before carry the call until the handshake has made others. RFC 8842 §4.
    pub(super) fn shake_hands(&mut self, terms: &Dtls, identity: &Arc<Identity>, now: Instant) {
        self.handshake = Some(Box::new(Handshake::new(terms, Arc::clone(identity), now)));
    }

    pub(super) fn take_described(&mut self, terms: &SdesKeys) {
        self.handshake = None;
        self.take_keys(terms.suite, terms.ours, terms.theirs).mark(&terms.marks);
    }

    /// In the place of others, which still open what was on its way under them.
    fn take_keys(&mut self, suite: Suite, ours: MasterKey, theirs: MasterKey) -> &mut Keys {
        let mut keys = match self.keys.take() {
            Some(keys) => keys,
            None => return self.keys.insert(Box::new(Keys::new(suite, ours, theirs))),
        };
        keys.change(suite, ours, theirs);
        self.keys.insert(keys)
    }

    pub(super) fn sends_under(&self, suite: Suite, ours: MasterKey) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.sends_under(suite, ours))
    }

    pub(super) fn is_shaking_hands(&self) -> bool {
        self.handshake.as_ref().is_some_and(|handshake| handshake.is_open())
    }

    /// Whether there are keys, or may be.
    pub(super) fn is_alive(&self) -> bool {
        self.has_keys() || self.is_shaking_hands()
    }

    pub(super) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// `origin` is `None` where a handshake from there may not be answered.
    pub(super) fn on_handshake(
        &mut self,
        datagram: &[u8],
        origin: Option<Origin>,
        now: Instant,
    ) -> (Arrived, Option<End>) {
        let Some(origin) = origin else {
            return (Arrived::Refused(Refusal::Source), None);
        };
        let Some(handshake) = &mut self.handshake else {
            // An alert with which the far side ends its association says what signalling says as well.
            let is_end = self.keys.is_some() && datagram.first() == Some(&ALERT);
            return (if is_end { Arrived::Handled } else { Arrived::Refused(Refusal::Source) }, None);
        };
        match handshake.on_datagram(datagram, origin, now) {
            Outcome::Nonsense => (Arrived::Refused(Refusal::Malformed), None),
            Outcome::Stranger => (Arrived::Refused(Refusal::Source), None),
            outcome => (Arrived::Handled, self.conclude(outcome)),
        }
    }

    /// `destination` is where the far side is, if that is known.
    pub(super) fn handle_timeout(&mut self, destination: Option<SocketAddr>, now: Instant) -> Option<End> {
        let outcome = self.handshake.as_mut()?.handle_timeout(destination, now);
        self.conclude(outcome)
    }

    fn conclude(&mut self, outcome: Outcome) -> Option<End> {
        match outcome {
            Outcome::GoesOn | Outcome::Nonsense | Outcome::Stranger => None,
            Outcome::Agreed(agreed) => {
                self.take_keys(agreed.suite, agreed.ours, agreed.theirs).mark(&Marks::default());
                Some(End::Agreed { suite: agreed.suite, with: agreed.with })
            }
            Outcome::Failed(why) => {
                (self.handshake, self.keys) = (None, None);
                Some(End::Failed(why))
            }
            Outcome::Unfinished(why) => {
                (self.handshake, self.keys) = (None, None);
                Some(End::Unfinished(why))
            }
        }
    }

    pub(super) fn poll_transmit(&mut self, path: Option<SocketAddr>) -> Option<(SocketAddr, Vec<u8>)> {
        self.handshake.as_mut()?.poll_transmit(path)
    }

    /// Opens a datagram where it lies.
    pub(super) fn open(&mut self, datagram: &mut [u8], content: Content) -> Arrived {
        let Some(keys) = &mut self.keys else {
            return Arrived::Refused(Refusal::Encryption);
        };
        let Ok(length) = keys.open(datagram, content) else {
            return Arrived::Refused(Refusal::Encryption);
        };
        // Whoever sends under the agreed keys has heard our last flight: it will not have to be repeated.
        if keys.are_proven() && !self.is_shaking_hands() {
            self.handshake = None;
        }
        Arrived::Media(length)
    }

    /// The datagram, sealed in `room`. `None` before there are keys.
    pub(super) fn seal<'a>(
        &mut self,
        datagram: &[u8],
        room: &'a mut [u8; SEALED],
        content: Content,
    ) -> Option<&'a [u8]> {
        let keys = self.keys.as_mut()?;
        room.get_mut(..datagram.len())?.copy_from_slice(datagram);
        let length = keys.seal(room, datagram.len(), content).ok()?;
        room.get(..length)
    }
}
