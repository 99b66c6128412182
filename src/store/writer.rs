//! Writes everything that the switch wants kept, without ever holding it up.
//!
//! Here is the way in; the task behind it is [`super::clerk`]'s. When the database cannot be written, calls go on: writes
//! wait in memory, up to [`CAPACITY`] of them, and what comes then is lost and counted.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::call::record::Record;
use crate::call::record::TalkRecording;
use crate::call::record::Voicemail;
use crate::channel::Delivery;
use crate::channel::message::Message;
use crate::channel::message::MessageId;
use crate::outage::incident::Incident;
use crate::queue::callbacks::Callback;
use crate::registrar::StoredBinding;
use crate::store::Store;
use crate::store::clerk::Clerk;
use crate::store::deliveries::EventDelivery;

/// One thing to keep.
#[derive(Debug)]
pub enum Write {
    Record(Arc<Record>),
    /// The only one that is answered, by an [`Outcome`].
    Message(Box<Message>),
    /// What became of a text of ours, by the provider's id for it.
    Receipt {
        channel: String,
        provider_id: String,
        delivery: Delivery,
    },
    Binding(Box<StoredBinding>),
    ForgetBinding {
        extension: String,
        contact: String,
    },
    Channel {
        name: String,
        snapshot: Value,
    },
    /// Over what is kept under the same id.
    Voicemail(Voicemail),
    ForgetVoicemail {
        id: String,
    },
    /// Over what is kept under the same id.
    Recording(Box<TalkRecording>),
    ForgetRecording {
        id: String,
    },
    /// Over what is kept under the same id.
    Callback(Box<Callback>),
    ForgetCallback {
        id: String,
    },
    /// An event on its way to a webhook.
    Delivery(Box<EventDelivery>),
    Incident(Box<Incident>),
}

impl Write {
    /// Who was promised something will not come back to ask for it.
    pub(super) fn is_urgent(&self) -> bool {
        matches!(self, Write::Message(_) | Write::Callback(_))
    }
}

/// What became of one `Write::Message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub id: MessageId,
    /// On the disk, or the reason why it is not and will not be.
    pub result: Result<(), String>,
}

/// The way to the writing task. Clones lead to the same one; it ends when the last is gone.
#[derive(Debug, Clone)]
pub struct Writer {
    jobs: mpsc::UnboundedSender<Job>,
    outcomes: mpsc::UnboundedSender<Outcome>,
    tally: Arc<Tally>,
}

/// For metrics and readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Writes that are in memory only.
    pub waiting: u64,
    pub written: u64,
    /// Lost: no room was left in memory, or the database refused the row for ever.
    pub dropped: u64,
    /// Transactions that failed and were tried again.
    pub failures: u64,
    /// Whether the last try failed.
    pub in_trouble: bool,
}

/// The time was up before everything was on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} things could not be written in time")]
pub struct Unwritten {
    pub waiting: u64,
}

impl Writer {
    /// Starts the task. There is one outcome for each message, so the queue behind `outcomes` stays within [`CAPACITY`].
    pub fn start(store: &Store, outcomes: mpsc::UnboundedSender<Outcome>) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        let tally = Arc::new(Tally::default());
        let clerk = Clerk::new(store.clone(), queue, outcomes.clone(), tally.clone());
        tokio::spawn(clerk.run());
        Self { jobs, outcomes, tally }
    }

    /// Queues one write; never waits.
    pub fn write(&self, write: Write) {
        if self.tally.waiting.fetch_add(1, Ordering::Relaxed) >= CAPACITY {
            self.tally.waiting.fetch_sub(1, Ordering::Relaxed);
            return self.drop_write(&write);
        }
        let is_urgent = write.is_urgent();
        // The task lives as long as we do; at the very end of the process there is nobody left to tell.
        let _ = self.jobs.send(Job::Write(write));
        if is_urgent {
            self.tally.urgent.notify_one();
        }
    }

    fn drop_write(&self, write: &Write) {
        if self.tally.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(capacity = CAPACITY, "no memory is left for what cannot be written; it is lost");
        }
        if let Write::Message(message) = write {
            let result = Err("too much is waiting to be written".to_owned());
            let id = message.id.clone();
            let _ = self.outcomes.send(Outcome { id, result });
        }
    }

    /// Returns once everything queued before is on the disk, or after `patience`.
    pub async fn flush(&self, patience: Duration) -> Result<(), Unwritten> {
        let (done, written) = oneshot::channel();
        let _ = self.jobs.send(Job::Flush(done));
        self.tally.urgent.notify_one();
        match timeout(patience, written).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Unwritten { waiting: self.figures().waiting }),
        }
    }

    pub fn figures(&self) -> Figures {
        Figures {
            waiting: self.tally.waiting.load(Ordering::Relaxed),
            written: self.tally.written.load(Ordering::Relaxed),
            dropped: self.tally.dropped.load(Ordering::Relaxed),
            failures: self.tally.failures.load(Ordering::Relaxed),
            in_trouble: self.tally.in_trouble.load(Ordering::Relaxed),
        }
    }
}

#[derive(Debug)]
pub(super) enum Job {
    Write(Write),
    Flush(oneshot::Sender<()>),
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Somebody waits for what was queued last.
    pub(super) urgent: Notify,
    pub(super) waiting: AtomicU64,
    pub(super) written: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) in_trouble: AtomicBool,
}

/// Writes that may wait in memory while the disk does not take them: some 200 MB of records, a night of calls.
pub const CAPACITY: u64 = 100_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::call::record::CallId;
    use crate::call::record::Mailbox;
    use crate::store::bench::Folder;
    use crate::store::bench::at;
    use crate::store::bench::block_on;
    use crate::store::bench::message;
    use crate::store::bench::record;
    use crate::store::messages::MessageQuery;

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn what_was_flushed_can_be_read() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, _told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            for number in 0..1_000 {
                let id = format!("call_{number:04}");
                writer.write(Write::Record(Arc::new(record(&id, number))));
            }
            writer.flush(SOON).await.unwrap();
            let last = CallId("call_0999".into());
            let kept = store.record(&last).await.unwrap();
            assert_eq!(kept, Some(record("call_0999", 999)));
            let figures = writer.figures();
            assert_eq!((figures.written, figures.waiting), (1_000, 0));
        });
    }

    #[test]
    fn a_text_is_acknowledged_once_it_is_on_the_disk() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, mut told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            let text = message("msg_1", "queued", 0);
            writer.write(Write::Message(Box::new(text.clone())));
            let outcome = told.recv().await.unwrap();
            assert_eq!(outcome, Outcome { id: text.id.clone(), result: Ok(()) });
            assert_eq!(store.message(&text.id).await.unwrap().unwrap().id, text.id);
        });
    }

    #[test]
    fn a_locked_database_costs_no_record_and_refuses_new_texts() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, mut told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            let mut other_program = store.reading.acquire().await.unwrap();
            let lock = sqlx::query("BEGIN IMMEDIATE");
            lock.execute(&mut *other_program).await.unwrap();

            writer.write(Write::Record(Arc::new(record("call_1", 0))));
            writer.write(Write::Message(Box::new(message("msg_new", "queued", 0))));
            writer.write(Write::Message(Box::new(message("msg_old", "sent", 1))));
            let refused = told.recv().await.unwrap();
            assert_eq!(refused.id.0, "msg_new");
            let why = refused.result.unwrap_err();
            assert!(why.contains("another program holds a lock"), "{why}");
            assert!(writer.figures().in_trouble);
            assert_eq!(writer.flush(Duration::from_millis(10)).await, Err(Unwritten { waiting: 2 }));

            sqlx::query("ROLLBACK").execute(&mut *other_program).await.unwrap();
            writer.flush(SOON).await.unwrap();
            let kept = told.recv().await.unwrap();
            assert_eq!((kept.id.0.as_str(), kept.result), ("msg_old", Ok(())));
            assert!(store.record(&CallId("call_1".into())).await.unwrap().is_some());
            assert!(!writer.figures().in_trouble);
        });
    }

    #[test]
    fn a_full_disk_is_named_and_what_waited_is_written_when_there_is_room() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, mut told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            limit_pages(&store, 1).await;
            let mut long = record("call_1", 0);
            long.flow = Some("x".repeat(1_000_000));
            writer.write(Write::Record(Arc::new(long)));
            writer.write(Write::Message(Box::new(message("msg_1", "queued", 0))));
            let refused = told.recv().await.unwrap().result.unwrap_err();
            assert_eq!(refused, "the disk is full");
            limit_pages(&store, 1_000_000).await;
            writer.flush(SOON).await.unwrap();
            assert!(store.record(&CallId("call_1".into())).await.unwrap().is_some());
        });
    }

    /// SQLite then says that the disk is full. Never fewer pages than the file has.
    async fn limit_pages(store: &Store, pages: u32) {
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        sqlx::query(limit).execute(&store.writing).await.unwrap();
    }

    /// The same life of every table on any database.
    async fn everything_comes_back(store: &Store, mark: &str) {
        let (outcomes, mut told) = mpsc::unbounded_channel();
        let writer = Writer::start(store, outcomes);
        let id = |kind: &str| format!("{kind}_{mark}");
        let mut text = message(&id("msg"), "queued", 0);
        writer.write(Write::Message(Box::new(text.clone())));
        assert_eq!(told.recv().await.unwrap().result, Ok(()));
        let unfinished = store.unfinished_messages().await.unwrap();
        assert!(unfinished.iter().any(|message| message.id == text.id));
        text.status = crate::channel::message::MessageStatus::Delivered;
        writer.write(Write::Message(Box::new(text.clone())));
        writer.write(Write::Record(Arc::new(record(&id("call"), 0))));
        writer.write(Write::Record(Arc::new(record(&id("call"), 0))));
        writer.write(Write::Channel { name: id("channel"), snapshot: json!({ "state": "down" }) });
        let voicemail = Voicemail {
            id: id("vm"),
            mailbox: id("box"),
            call: id("call"),
            from: "+5511999998888".into(),
            left: at("2026-11-23T12:00:00Z"),
            length_ms: 3_000,
            path: "geral/1.wav".into(),
            heard: None,
            notified: None,
        };
        writer.write(Write::Voicemail(voicemail.clone()));
        writer.flush(SOON).await.unwrap();

        let unfinished = store.unfinished_messages().await.unwrap();
        assert!(unfinished.iter().all(|message| message.id != text.id));
        let delivered = MessageQuery { status: Some("delivered".into()), ..Default::default() };
        let page = store.messages(&delivered, None, 1).await.unwrap();
        assert_eq!(page.items.len(), 1);
        assert!(store.record(&CallId(id("call"))).await.unwrap().is_some());
        let snapshots = store.channel_snapshots().await.unwrap();
        assert_eq!(snapshots[&id("channel")], json!({ "state": "down" }));
        assert_eq!(store.voicemail(&id("vm")).await.unwrap(), Some(voicemail.clone()));
        let mailbox = store.voicemails(Some(&id("box")), None, 10).await.unwrap();
        assert_eq!(mailbox.items, std::slice::from_ref(&voicemail));
        let kept = |mailboxes: &BTreeMap<String, Mailbox>| {
            mailboxes.get(&voicemail.mailbox).map(|mailbox| (mailbox.new.len(), mailbox.old))
        };
        assert_eq!(kept(&store.mailboxes().await.unwrap()), Some((1, 0)));
        let heard = Voicemail { heard: Some(at("2026-11-23T13:00:00Z")), ..voicemail.clone() };
        writer.write(Write::Voicemail(heard.clone()));
        writer.flush(SOON).await.unwrap();
        assert_eq!(store.voicemail(&heard.id).await.unwrap(), Some(heard.clone()));
        assert_eq!(kept(&store.mailboxes().await.unwrap()), Some((0, 1)));
        writer.write(Write::ForgetVoicemail { id: heard.id.clone() });
        writer.flush(SOON).await.unwrap();
        assert_eq!(store.voicemail(&heard.id).await.unwrap(), None);
        assert_eq!(kept(&store.mailboxes().await.unwrap()), None);
        a_text_that_the_database_cannot_hold(&writer, &mut told, mark).await;
    }

    /// PostgreSQL has no NUL in its texts: that one is refused, and its neighbours are not.
    async fn a_text_that_the_database_cannot_hold(
        writer: &Writer,
        told: &mut mpsc::UnboundedReceiver<Outcome>,
        mark: &str,
    ) {
        let mut odd = message(&format!("msg_odd_{mark}"), "queued", 0);
        odd.from = "nul\0".into();
        writer.write(Write::Message(Box::new(odd)));
        writer.write(Write::Message(Box::new(message(&format!("msg_even_{mark}"), "failed", 1))));
        writer.flush(SOON).await.unwrap();
        let mut outcomes = Vec::new();
        while let Ok(outcome) = told.try_recv() {
            outcomes.push(outcome);
        }
        let even = outcomes.iter().find(|outcome| outcome.id.0.starts_with("msg_even"));
        assert_eq!(even.unwrap().result, Ok(()));
    }

    #[test]
    fn everything_comes_back_from_sqlite() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            everything_comes_back(&store, "1").await;
        });
    }

    #[test]
    fn everything_comes_back_from_postgres_if_desvio_test_postgres_is_set() {
        let Ok(url) = std::env::var("DESVIO_TEST_POSTGRES") else {
            return;
        };
        block_on(async {
            let config = crate::store::config::Config { url, ..Default::default() };
            let folder = Folder::new();
            let store = Store::open(&config, folder.path()).await.unwrap();
            let mark = jiff::Timestamp::now().as_microsecond().to_string();
            everything_comes_back(&store, &mark).await;
        });
    }
}
