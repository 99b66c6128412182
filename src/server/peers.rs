//! Brings our word of each channel to other servers, and says in the log when one does not take it, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::runtime::Handle;

use crate::io::peer::Peer;
use crate::outage::reports::Says;

pub(super) struct Peers {
    peers: Vec<Arc<Told>>,
    workers: Handle,
}

struct Told {
    peer: Peer,
    troubles: Troubles,
}

/// Why the last word of each channel was not taken; it is said when it changes.
#[derive(Default)]
struct Troubles(Mutex<BTreeMap<String, String>>);

impl Peers {
    pub(super) fn new(peers: Vec<Peer>, workers: &Handle) -> Peers {
        let told = |peer| Arc::new(Told { peer, troubles: Troubles::default() });
        Peers { peers: peers.into_iter().map(told).collect(), workers: workers.clone() }
    }

    pub(super) fn tell(&self, channel: &str, says: Says, reason: &str) {
        for told in &self.peers {
            let (told, channel, reason) = (told.clone(), channel.to_owned(), reason.to_owned());
            self.workers.spawn(async move {
                let trouble = told.peer.tell(&channel, says, &reason).await.err();
                if told.troubles.are_new(&channel, trouble.as_deref()) {
                    told.say(&channel, trouble.as_deref());
                }
            });
        }
    }
}

impl Told {
    fn say(&self, channel: &str, trouble: Option<&str>) {
        match trouble {
            Some(why) => tracing::warn!(peer = self.peer.name, channel, why, "a peer does not take our word"),
            None => tracing::info!(peer = self.peer.name, channel, "a peer takes our word again"),
        }
    }
}

impl Troubles {
    fn are_new(&self, channel: &str, trouble: Option<&str>) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match trouble {
            Some(why) => known.insert(channel.to_owned(), why.to_owned()),
            None => known.remove(channel),
        };
        before.as_deref() != trouble
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_the_peer_lacks_is_said_once_while_others_are_taken() {
        let troubles = Troubles::default();
        let lacks = Some("it has no channel `sms` (422)");
        let round = || [troubles.are_new("sms", lacks), troubles.are_new("whatsapp", None)];
        assert_eq!([round(), round()], [[true, false], [false, false]]);
        assert!(troubles.are_new("sms", Some("no answer")));
        assert!(troubles.are_new("sms", None));
    }
}
