//! What waits to be written to one peer, bounded in messages and in octets.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::mpsc;

/// Messages that wait for one peer.
const MOST_MESSAGES: usize = 256;
/// Octets that wait for one peer; a single message of any size is taken.
const MOST_OCTETS: usize = 512 * 1024;

/// The end at which messages are put in.
#[derive(Debug)]
pub(super) struct Outgoing {
    messages: mpsc::Sender<Bytes>,
    octets: Arc<AtomicUsize>,
}

/// The end from which they are written.
#[derive(Debug)]
pub(super) struct Waiting {
    messages: mpsc::Receiver<Bytes>,
    octets: Arc<AtomicUsize>,
}

/// The peer is behind by more than it may be, or gone; the message comes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full(pub(super) Bytes);

pub(super) fn bounded() -> (Outgoing, Waiting) {
    let (sender, receiver) = mpsc::channel(MOST_MESSAGES);
    let octets = Arc::new(AtomicUsize::new(0));
    (Outgoing { messages: sender, octets: Arc::clone(&octets) }, Waiting { messages: receiver, octets })
}

impl Outgoing {
    pub(super) fn push(&self, message: Bytes) -> Result<(), Full> {
        let waiting = self.octets.load(Ordering::Relaxed);
        if waiting > 0 && waiting + message.len() > MOST_OCTETS {
            return Err(Full(message));
        }
        let length = message.len();
        self.octets.fetch_add(length, Ordering::Relaxed);
        self.messages.try_send(message).map_err(|error| {
            self.octets.fetch_sub(length, Ordering::Relaxed);
            Full(error.into_inner())
        })
    }

    /// Whoever would write it has given up.
    pub(super) fn is_closed(&self) -> bool {
        self.messages.is_closed()
    }
}

impl Waiting {
    /// None: nobody will put in more.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let message = self.messages.recv().await;
        self.taken(message)
    }

    /// One that is there already.
    pub(super) fn more(&mut self) -> Option<Bytes> {
        let message = self.messages.try_recv().ok();
        self.taken(message)
    }

    /// Takes in no more; what is there can still be taken out.
    pub(super) fn close(&mut self) {
        self.messages.close();
    }

    fn taken(&self, message: Option<Bytes>) -> Option<Bytes> {
        let length = message.as_ref().map_or(0, Bytes::len);
        self.octets.fetch_sub(length, Ordering::Relaxed);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_holds_so_many_messages_and_octets_and_no_more() {
        let (outgoing, mut waiting) = bounded();
        for _ in 0..MOST_MESSAGES {
            assert_eq!(outgoing.push(Bytes::from_static(b"x")), Ok(()));
        }
        assert_eq!(outgoing.push(Bytes::from_static(b"x")), Err(Full(Bytes::from_static(b"x"))));
        while waiting.more().is_some() {}
        let large = Bytes::from(vec![0; MOST_OCTETS]);
        assert_eq!(outgoing.push(large.clone()), Ok(()));
        assert_eq!(outgoing.push(Bytes::from_static(b"x")), Err(Full(Bytes::from_static(b"x"))));
        assert_eq!(waiting.more().map(|message| message.len()), Some(MOST_OCTETS));
        assert_eq!(outgoing.push(large), Ok(()));
    }
}
