//! Hands events to everybody who listens, and keeps the last ones for who comes back after a break.
//!
//! An event is written as JSON once, however many listen, and not at all where nobody does. A listener that is slower than the events loses some and is
//! told so: nobody can hold up the switch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::switch::effect::PublicEvent;

/// Where the server puts events in, and listeners take them out. Clones are the same feed.
#[derive(Debug, Clone)]
pub struct Feed {
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug)]
struct Shelf {
    kept: VecDeque<Arc<Line>>,
    capacity: usize,
    /// None after the end.
    listeners: Option<broadcast::Sender<Arc<Line>>>,
}

/// One event as it goes over the wire.
#[derive(Debug)]
pub struct Line {
    event: PublicEvent,
    json: OnceLock<String>,
}

impl Line {
    fn new(event: PublicEvent) -> Line {
        Line { event, json: OnceLock::new() }
    }

    pub fn id(&self) -> &str {
        &self.event.id
    }

    pub fn kind(&self) -> &'static str {
        self.event.kind
    }

    pub fn json(&self) -> &str {
        self.json.get_or_init(|| serde_json::to_string(&self.event).expect("events are plain JSON"))
    }
}

/// Ids are never used twice.
impl PartialEq for Line {
    fn eq(&self, other: &Line) -> bool {
        self.event.id == other.event.id
    }
}

impl Eq for Line {}

impl Feed {
    /// Keeps the last `capacity` events.
    pub fn new(capacity: usize) -> Self {
        let (listeners, _) = broadcast::channel(capacity.max(1));
        Self {
            shelf: Arc::new(Mutex::new(Shelf {
                kept: VecDeque::with_capacity(capacity),
                capacity,
                listeners: Some(listeners),
            })),
        }
    }

    pub fn publish(&self, event: PublicEvent) {
        let line = Arc::new(Line::new(event));
        self.with_shelf(|shelf| {
            if shelf.kept.len() >= shelf.capacity {
                shelf.kept.pop_front();
            }
            shelf.kept.push_back(line.clone());
            if let Some(listeners) = &shelf.listeners {
                // Nobody listens: that is no fault.
                let _ = listeners.send(line);
            }
        });
    }

    /// Ends every listener's stream, so that the server can end.
    pub fn close(&self) {
        self.with_shelf(|shelf| shelf.listeners = None);
    }

    /// From the event that follows `last_seen`, or from now on. Of the kinds that `wanted` names.
    pub(super) fn listen(&self, last_seen: Option<&str>, wanted: Kinds) -> Listener {
        self.with_shelf(|shelf| {
            let backlog = last_seen.map_or_else(VecDeque::new, |id| backlog(&shelf.kept, id));
            Listener { backlog, live: shelf.listeners.as_ref().map(broadcast::Sender::subscribe), wanted }
        })
    }

    fn with_shelf<T>(&self, work: impl FnOnce(&mut Shelf) -> T) -> T {
        // Nothing that is done under this lock can leave the shelf half changed.
        work(&mut self.shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a listener gets next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Line(Arc<Line>),
    /// Some events are lost to this listener: it should look at the things themselves again.
    Missed,
}

pub(super) struct Listener {
    backlog: VecDeque<Next>,
    live: Option<broadcast::Receiver<Arc<Line>>>,
    wanted: Kinds,
}

impl Listener {
    /// Waits for the next event; none when the feed has ended.
    pub(super) async fn next(&mut self) -> Option<Next> {
        loop {
            let next = match self.backlog.pop_front() {
                Some(next) => next,
                None => match self.live.as_mut()?.recv().await {
                    Ok(line) => Next::Line(line),
                    Err(RecvError::Lagged(_)) => Next::Missed,
                    Err(RecvError::Closed) => return None,
                },
            };
            match &next {
                Next::Line(line) if !self.wanted.contain(line.kind()) => {}
                _ => return Some(next),
            }
        }
    }
}

fn backlog(kept: &VecDeque<Arc<Line>>, last_seen: &str) -> VecDeque<Next> {
    let found = kept.iter().position(|line| line.id() == last_seen);
    let follows = found.map_or(0, |place| place + 1);
    let missed = found.is_none().then_some(Next::Missed);
    let lines = kept.iter().skip(follows).cloned().map(Next::Line);
    missed.into_iter().chain(lines).collect()
}

/// `call.*,message.received`; nothing stands for everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Kinds(Vec<String>);

impl Kinds {
    pub(super) fn parse(text: &str) -> Self {
        let kinds = text.split(',').map(str::trim).filter(|kind| !kind.is_empty());
        Self(kinds.map(ToOwned::to_owned).collect())
    }

    fn contain(&self, kind: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| fits(wanted, kind))
    }
}

/// `call` and `call.*` stand for every kind that begins with `call.`.
fn fits(wanted: &str, kind: &str) -> bool {
    let family = wanted.strip_suffix(".*").unwrap_or(wanted);
    let rest = kind.strip_prefix(family);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench::at;
    use crate::api::bench::block_on;

    fn event(id: &str, kind: &'static str) -> PublicEvent {
        PublicEvent { id: id.into(), kind, at: at("2026-11-23T12:39:00Z"), data: serde_json::json!({}).into() }
    }

    async fn next_id(listener: &mut Listener) -> String {
        match listener.next().await.unwrap() {
            Next::Line(line) => line.id().to_owned(),
            Next::Missed => "missed".into(),
        }
    }

    #[test]
    fn who_comes_back_hears_what_happened_meanwhile() {
        block_on(async {
            let feed = Feed::new(10);
            for id in ["evt_1", "evt_2", "evt_3"] {
                feed.publish(event(id, "call.ringing"));
            }
            let mut listener = feed.listen(Some("evt_1"), Kinds::default());
            feed.publish(event("evt_4", "call.ended"));
            for id in ["evt_2", "evt_3", "evt_4"] {
                assert_eq!(next_id(&mut listener).await, id);
            }
        });
    }

    #[test]
    fn who_was_away_too_long_is_told_that_something_is_missing() {
        block_on(async {
            let feed = Feed::new(2);
            for id in ["evt_1", "evt_2", "evt_3", "evt_4"] {
                feed.publish(event(id, "call.ringing"));
            }
            let mut listener = feed.listen(Some("evt_1"), Kinds::default());
            for id in ["missed", "evt_3", "evt_4"] {
                assert_eq!(next_id(&mut listener).await, id);
            }
        });
    }

    #[test]
    fn a_listener_that_is_too_slow_loses_events_and_knows_it() {
        block_on(async {
            let feed = Feed::new(2);
            let mut listener = feed.listen(None, Kinds::default());
            for id in ["evt_1", "evt_2", "evt_3"] {
                feed.publish(event(id, "call.ringing"));
            }
            for id in ["missed", "evt_2", "evt_3"] {
                assert_eq!(next_id(&mut listener).await, id);
            }
        });
    }

    #[test]
    fn only_the_wanted_kinds_come() {
        let kinds = Kinds::parse("call.*, message.received");
        assert!(kinds.contain("call.ringing"));
        assert!(kinds.contain("message.received"));
        assert!(!kinds.contain("message.sent"));
        assert!(!kinds.contain("callback.due"));
        assert!(Kinds::parse("").contain("anything"));
    }

    #[test]
    fn the_end_of_the_feed_ends_every_listener() {
        block_on(async {
            let feed = Feed::new(2);
            let mut listener = feed.listen(None, Kinds::default());
            feed.close();
            assert_eq!(listener.next().await, None);
            assert_eq!(feed.listen(None, Kinds::default()).next().await, None);
        });
    }
}
