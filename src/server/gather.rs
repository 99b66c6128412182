//! Everything that can wake the event loop besides the SIP sockets: media events, commands, what came of errands and
//! writes, the clock, and signals.
//!
//! One wake-up takes a whole batch from each source, so that a busy second costs few wake-ups.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;
use tokio::time::Sleep;
use tokio::time::interval;

use crate::api::Asked;
use crate::media::command::Event;
use crate::server::errands::Report;
use crate::store::writer::Outcome;

/// Taken from one source in one turn; the rest waits for the next, so that no source starves another.
const BATCH: usize = 256;
/// How often the switch is told the wall clock and the metrics are brought up to date.
const TICK: Duration = Duration::from_secs(1);

pub(super) struct Sources {
    media: UnboundedReceiver<Event>,
    commands: Receiver<Asked>,
    outcomes: UnboundedReceiver<Outcome>,
    reports: UnboundedReceiver<Report>,
    /// Reports that wake nobody.
    passing: UnboundedReceiver<Report>,
    tick: Interval,
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    alarm: Pin<Box<Sleep>>,
}

/// What has come in since the last turn. Kept from turn to turn, so that it allocates once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) media: Vec<Event>,
    pub(super) commands: Vec<Asked>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) reports: Vec<Report>,
    pub(super) ticked: usize,
    pub(super) asked_to_end: usize,
    pub(super) asked_to_reload: usize,
}

impl Sources {
    /// From now on SIGTERM, SIGINT and SIGHUP no longer end the process by themselves.
    pub(super) fn new(
        media: UnboundedReceiver<Event>,
        commands: Receiver<Asked>,
        outcomes: UnboundedReceiver<Outcome>,
        reports: UnboundedReceiver<Report>,
        passing: UnboundedReceiver<Report>,
    ) -> io::Result<Sources> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ok(Sources {
            media,
            commands,
            outcomes,
            reports,
            passing,
            tick,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            alarm: Box::pin(tokio::time::sleep(TICK)),
        })
    }

    /// Wakes us at `deadline`; none: not for the sake of time.
    pub(super) fn set_alarm(&mut self, deadline: Option<std::time::Instant>) {
        let at = deadline.map_or_else(|| Instant::now() + FAR, Instant::from_std);
        if self.alarm.deadline() != at {
            self.alarm.as_mut().reset(at);
        }
    }

    /// Ready as soon as there is something in the batch, or the alarm rings.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, batch: &mut Batch) -> Poll<()> {
        let mut ready = self.alarm.as_mut().poll(context).is_ready();
        ready |= took(self.media.poll_recv_many(context, &mut batch.media, BATCH));
        ready |= took(self.commands.poll_recv_many(context, &mut batch.commands, BATCH));
        ready |= took(self.outcomes.poll_recv_many(context, &mut batch.outcomes, BATCH));
        // Before the others: what one target says stays in its order.
        while batch.reports.len() < BATCH
            && let Ok(report) = self.passing.try_recv()
        {
            batch.reports.push(report);
            ready = true;
        }
        ready |= took(self.reports.poll_recv_many(context, &mut batch.reports, BATCH));
        while self.tick.poll_tick(context).is_ready() {
            batch.ticked += 1;
            ready = true;
        }
        for signal in [&mut self.terminate, &mut self.interrupt] {
            while let Poll::Ready(Some(())) = signal.poll_recv(context) {
                batch.asked_to_end += 1;
                ready = true;
            }
        }
        while let Poll::Ready(Some(())) = self.hang_up.poll_recv(context) {
            batch.asked_to_reload += 1;
            ready = true;
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// A source whose other side is gone is empty for good, and wakes nobody.
fn took(polled: Poll<usize>) -> bool {
    matches!(polled, Poll::Ready(count) if count > 0)
}

/// An alarm for no deadline: the tick comes long before it.
const FAR: Duration = Duration::from_secs(24 * 3_600);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    use std::task::Wake;

    use tokio::sync::mpsc;

    use super::*;
    use crate::switch::input::Input;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_said_in_passing_wakes_nobody_and_comes_before_what_does() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let (media, commands, outcomes) = (mpsc::unbounded_channel(), mpsc::channel(1), mpsc::unbounded_channel());
        let (reports, passing) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let mut sources = Sources::new(media.1, commands.1, outcomes.1, reports.1, passing.1).unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Arc::clone(&woken).into();
        let (mut context, mut batch) = (Context::from_waker(&waker), Batch::default());
        // The clock has its first turn at once.
        while sources.poll(&mut context, &mut batch).is_ready() {}
        let before = woken.0.load(Ordering::Relaxed);

        assert!(passing.0.send(Report::Input(Input::Drain)).is_ok());
        assert_eq!(woken.0.load(Ordering::Relaxed), before);
        assert!(reports.0.send(Report::Input(Input::Clock(jiff::Timestamp::UNIX_EPOCH))).is_ok());
        assert_eq!(woken.0.load(Ordering::Relaxed), before + 1);
        assert!(sources.poll(&mut context, &mut batch).is_ready());
        let [Report::Input(Input::Drain), Report::Input(Input::Clock(_))] = batch.reports[..] else {
            panic!("{:?}", batch.reports);
        };
    }
}
