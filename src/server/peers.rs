//! Brings our word of each channel to other servers, and says in the log when one does not take it, once.

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
    /// Why the last word was not taken; it is said when it changes.
    trouble: Mutex<Option<String>>,
}

impl Peers {
    pub(super) fn new(peers: Vec<Peer>, workers: &Handle) -> Peers {
        let told = |peer| Arc::new(Told { peer, trouble: Mutex::new(None) });
        Peers { peers: peers.into_iter().map(told).collect(), workers: workers.clone() }
    }

    pub(super) fn tell(&self, channel: &str, says: Says, reason: &str) {
        for told in &self.peers {
            let (told, channel, reason) = (told.clone(), channel.to_owned(), reason.to_owned());
            self.workers.spawn(async move {
                let trouble = told.peer.tell(&channel, says, &reason).await.err();
                told.note(&channel, trouble);
            });
        }
    }
}

impl Told {
    fn note(&self, channel: &str, trouble: Option<String>) {
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == trouble {
            return;
        }
        match &trouble {
            Some(why) => tracing::warn!(peer = self.peer.name, channel, why, "a peer does not take our word"),
            None => tracing::info!(peer = self.peer.name, "a peer takes our word again"),
        }
        *known = trouble;
    }
}
