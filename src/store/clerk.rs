//! The one task that writes.
//!
//! It takes what is queued and writes it as one transaction: a disk flush costs the same for one row and for five
//! hundred. What nobody waits for (records, registrations) may gather for [`LINGER`]; a text is written at once, because
//! whoever sent it is told only after it is on the disk, and so is a booked callback. What fails is tried again with growing pauses. A new text is
//! refused then, so that nobody believes it safe; a text whose story had begun waits like the rest.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::AnyConnection;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::channel::message::MessageStatus;
use crate::store::Store;
use crate::store::bindings;
use crate::store::callbacks;
use crate::store::channels;
use crate::store::deliveries;
use crate::store::error::in_words;
use crate::store::error::is_for_ever;
use crate::store::incidents;
use crate::store::insert::ONE_STATEMENT;
use crate::store::messages;
use crate::store::recordings;
use crate::store::records;
use crate::store::voicemails;
use crate::store::writer::Job;
use crate::store::writer::Outcome;
use crate::store::writer::Tally;
use crate::store::writer::Write;

pub(super) struct Clerk {
    store: Store,
    queue: mpsc::UnboundedReceiver<Job>,
    outcomes: mpsc::UnboundedSender<Outcome>,
    tally: Arc<Tally>,
    /// Taken from the queue and not written yet, in order.
    pending: VecDeque<Write>,
    flushes: Vec<oneshot::Sender<()>>,
    trouble: Option<Trouble>,
}

/// Writing fails.
#[derive(Debug)]
struct Trouble {
    why: String,
    since: Instant,
    pause: Duration,
    retry_at: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Write,
    /// No writer is left: one last try.
    Last,
}

impl Clerk {
    pub(super) fn new(
        store: Store,
        queue: mpsc::UnboundedReceiver<Job>,
        outcomes: mpsc::UnboundedSender<Outcome>,
        tally: Arc<Tally>,
    ) -> Self {
        Self { store, queue, outcomes, tally, pending: VecDeque::new(), flushes: Vec::new(), trouble: None }
    }

    pub(super) async fn run(mut self) {
        loop {
            let turn = match self.trouble.as_ref().map(|trouble| trouble.retry_at) {
                None => self.gather().await,
                Some(retry_at) => self.wait_out(retry_at).await,
            };
            self.write_out().await;
            if turn == Turn::Last {
                break;
            }
        }
        let lost = self.pending.len();
        if lost > 0 {
            tracing::error!(lost, "the server ends and these could not be written");
        }
    }

    /// Waits for something to write, then a moment longer for what can share its transaction.
    async fn gather(&mut self) -> Turn {
        let Some(first) = self.queue.recv().await else {
            return Turn::Last;
        };
        let mut hurry = self.take(first);
        let until = Instant::now() + LINGER;
        loop {
            while let Ok(job) = self.queue.try_recv() {
                hurry |= self.take(job);
            }
            if hurry || self.pending.len() >= BATCH {
                return Turn::Write;
            }
            if Instant::now() >= until {
                return Turn::Write;
            }
            // Nobody wakes us for what can wait: a thousand registrations a second would be a thousand wake-ups.
            tokio::select! {
                () = self.tally.urgent.notified() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// In trouble: takes in what comes until it is time to try again. A flush asks for a try at once.
    async fn wait_out(&mut self, retry_at: Instant) -> Turn {
        loop {
            tokio::select! {
                job = self.queue.recv() => match job {
                    Some(Job::Flush(done)) => {
                        self.flushes.push(done);
                        return Turn::Write;
                    }
                    Some(Job::Write(write)) if is_news(&write) => self.refuse(&write),
                    Some(job) => {
                        self.take(job);
                    }
                    None => return Turn::Last,
                },
                () = sleep_until(retry_at) => return Turn::Write,
            }
        }
    }

    /// Whether somebody waits for this.
    fn take(&mut self, job: Job) -> bool {
        match job {
            Job::Write(write) => {
                let hurry = write.is_urgent();
                self.pending.push_back(write);
                hurry
            }
            Job::Flush(done) => {
                self.flushes.push(done);
                true
            }
        }
    }

    async fn write_out(&mut self) {
        while !self.pending.is_empty() {
            let many = self.pending.len().min(BATCH);
            let batch: Vec<Write> = self.pending.drain(..many).collect();
            match write_together(&self.store, &batch).await {
                Ok(()) => self.on_written(&batch),
                Err(error) if is_for_ever(&error) => {
                    if !self.write_singly(batch).await {
                        return;
                    }
                }
                Err(error) => return self.on_failure(batch, &error),
            }
        }
        self.on_all_written();
    }

    /// One row spoils its whole transaction: finds and drops it. False when trouble of the other kind begins.
    async fn write_singly(&mut self, batch: Vec<Write>) -> bool {
        let mut rest = VecDeque::from(batch);
        while let Some(write) = rest.pop_front() {
            let alone = [write];
            match write_together(&self.store, &alone).await {
                Ok(()) => self.on_written(&alone),
                Err(error) if is_for_ever(&error) => self.on_refused(&alone[0], &error),
                Err(error) => {
                    let unwritten = alone.into_iter().chain(rest).collect();
                    self.on_failure(unwritten, &error);
                    return false;
                }
            }
        }
        true
    }

    fn on_written(&mut self, batch: &[Write]) {
        let count = batch.len() as u64;
        self.tally.waiting.fetch_sub(count, Ordering::Relaxed);
        self.tally.written.fetch_add(count, Ordering::Relaxed);
        for write in batch {
            self.tell(write, Ok(()));
        }
    }

    fn on_refused(&mut self, write: &Write, error: &sqlx::Error) {
        let why = in_words(error);
        tracing::error!(kind = kind(write), why, "the database refuses this for ever; it is lost");
        self.tally.waiting.fetch_sub(1, Ordering::Relaxed);
        self.tally.dropped.fetch_add(1, Ordering::Relaxed);
        self.tell(write, Err(why));
    }

    fn on_failure(&mut self, batch: Vec<Write>, error: &sqlx::Error) {
        for write in batch.into_iter().rev() {
            self.pending.push_front(write);
        }
        self.tally.failures.fetch_add(1, Ordering::Relaxed);
        let why = in_words(error);
        let now = Instant::now();
        let (since, pause) = match &self.trouble {
            Some(trouble) => (trouble.since, (trouble.pause * 2).min(LONGEST_PAUSE)),
            None => {
                let place = self.store.shown();
                let waiting = self.pending.len();
                tracing::error!(
                    place,
                    why,
                    waiting,
                    "cannot write; calls go on, and what is to be kept waits in memory"
                );
                self.tally.in_trouble.store(true, Ordering::Relaxed);
                (now, FIRST_PAUSE)
            }
        };
        self.trouble = Some(Trouble { why, since, pause, retry_at: now + pause });
        self.refuse_news();
    }

    fn on_all_written(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            let lasted = trouble.since.elapsed();
            let figures = self.tally.dropped.load(Ordering::Relaxed);
            tracing::warn!(?lasted, dropped = figures, "writing works again; what waited is on the disk");
            self.tally.in_trouble.store(false, Ordering::Relaxed);
        }
        for done in mem::take(&mut self.flushes) {
            let _ = done.send(());
        }
    }

    /// A text that nobody was promised anything about yet is refused rather than kept waiting.
    fn refuse_news(&mut self) {
        for write in mem::take(&mut self.pending) {
            if is_news(&write) {
                self.refuse(&write);
            } else {
                self.pending.push_back(write);
            }
        }
    }

    fn refuse(&self, news: &Write) {
        self.tally.waiting.fetch_sub(1, Ordering::Relaxed);
        let why = self.trouble.as_ref().map(|trouble| trouble.why.clone());
        self.tell(news, Err(why.unwrap_or_default()));
    }

    fn tell(&self, write: &Write, result: Result<(), String>) {
        if let Write::Message(message) = write {
            let id = message.id.clone();
            // Nobody listens any more once the switch is gone.
            let _ = self.outcomes.send(Outcome { id, result });
        }
    }
}

/// The first that the store hears of a text.
fn is_news(write: &Write) -> bool {
    let Write::Message(message) = write else {
        return false;
    };
    let begins = matches!(message.status, MessageStatus::Queued | MessageStatus::Received);
    begins && message.attempts == 0
}

/// All of it is on the disk, or none.
async fn write_together(store: &Store, batch: &[Write]) -> Result<(), sqlx::Error> {
    if is_one_statement(batch) {
        let mut connection = store.writing.acquire().await?;
        return write_all(store, &mut connection, batch).await;
    }
    let mut transaction = store.writing.begin().await?;
    write_all(store, &mut transaction, batch).await?;
    transaction.commit().await
}

/// Such a one is a transaction by itself: to begin and to commit would be two more ways to the database's thread and back.
fn is_one_statement(batch: &[Write]) -> bool {
    let all = |is_one: fn(&Write) -> bool| batch.iter().all(is_one);
    batch.len() <= ONE_STATEMENT
        && (all(|write| matches!(write, Write::Record(_))) || all(|write| matches!(write, Write::Binding(_))))
}

/// Records and registrations go by many in one statement; the order of what concerns the same row is kept.
async fn write_all(store: &Store, connection: &mut AnyConnection, batch: &[Write]) -> Result<(), sqlx::Error> {
    let (mut records, mut changed) = (Vec::new(), Vec::new());
    for write in batch {
        match write {
            Write::Record(record) => records.push(&**record),
            Write::Binding(binding) => changed.push(&**binding),
            Write::ForgetBinding { extension, contact } => {
                bindings::write(connection, &changed).await?;
                changed.clear();
                bindings::forget(connection, extension, contact).await?;
            }
            other => write_one(store, connection, other).await?,
        }
    }
    bindings::write(connection, &changed).await?;
    records::write(connection, &records).await
}

async fn write_one(store: &Store, connection: &mut AnyConnection, write: &Write) -> Result<(), sqlx::Error> {
    match write {
        Write::Record(record) => records::write(connection, &[record]).await,
        Write::Message(message) => messages::write(connection, message, &store.node).await,
        Write::Receipt { channel, provider_id, delivery } => {
            messages::receipt(connection, channel, provider_id, delivery).await
        }
        Write::Binding(binding) => bindings::write(connection, &[binding]).await,
        Write::ForgetBinding { extension, contact } => bindings::forget(connection, extension, contact).await,
        Write::Channel { name, snapshot } => channels::write(connection, name, snapshot).await,
        Write::Voicemail(voicemail) => voicemails::write(connection, voicemail).await,
        Write::ForgetVoicemail { id } => voicemails::forget(connection, id).await,
        Write::Recording(recording) => recordings::write(connection, recording, &store.node).await,
        Write::ForgetRecording { id } => recordings::forget(connection, id).await,
        Write::Callback(callback) => callbacks::write(connection, callback, &store.node).await,
        Write::ForgetCallback { id } => callbacks::forget(connection, id).await,
        Write::Delivery(delivery) => deliveries::write(connection, delivery).await,
        Write::Incident(incident) => {
            incidents::write(connection, incident, &store.node).await?;
            incidents::forget_old(connection, incident, store.keep_incidents).await
        }
    }
}

fn kind(write: &Write) -> &'static str {
    match write {
        Write::Record(_) => "record",
        Write::Message(_) | Write::Receipt { .. } => "message",
        Write::Binding(_) | Write::ForgetBinding { .. } => "binding",
        Write::Channel { .. } => "channel",
        Write::Voicemail(_) | Write::ForgetVoicemail { .. } => "voicemail",
        Write::Recording(_) | Write::ForgetRecording { .. } => "recording",
        Write::Callback(_) | Write::ForgetCallback { .. } => "callback",
        Write::Delivery(_) => "webhook",
        Write::Incident(_) => "incident",
    }
}

/// Rows in one transaction.
const BATCH: usize = 512;
/// How long a record may wait for others to share its transaction; so much is lost when the process is killed.
const LINGER: Duration = Duration::from_millis(200);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::bench::Folder;
    use crate::store::bench::block_on;
    use crate::store::bench::record;

    #[test]
    fn only_what_is_one_statement_goes_without_a_transaction() {
        let record = || Write::Record(Arc::new(record("call_1", 0)));
        let many = |count: usize| (0..count).map(|_| record()).collect::<Vec<Write>>();
        assert!(is_one_statement(&many(ONE_STATEMENT)) && !is_one_statement(&many(ONE_STATEMENT + 1)));
        let forget = Write::ForgetCallback { id: "cb_1".into() };
        assert!(!is_one_statement(&[record(), forget]));
    }

    #[test]
    fn what_somebody_was_promised_does_not_wait_for_others() {
        let folder = Folder::new();
        block_on(async {
            let (_jobs, queue) = mpsc::unbounded_channel();
            let (outcomes, _told) = mpsc::unbounded_channel();
            let mut clerk = Clerk::new(folder.store().await, queue, outcomes, Arc::new(Tally::default()));
            let booked = json!({
                "id": "cb_1", "queue": "vendas", "number": "+5511999998888", "from": "", "language": "en",
                "call": "call_1", "booked": "2026-11-23T12:00:00Z", "since": "2026-11-23T12:00:00Z", "hours": null,
                "state": "waiting", "tries": [], "next_try": "2026-11-23T12:00:00Z",
            });
            let booked = Write::Callback(Box::new(serde_json::from_value(booked).unwrap()));
            assert!(clerk.take(Job::Write(booked)));
            assert!(!clerk.take(Job::Write(Write::ForgetCallback { id: "cb_1".into() })));
        });
    }
}
