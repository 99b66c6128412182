//! Next input or deadline → switch → carry out the effects; for as long as the process lives.
//!
//! One task on the main thread. Each turn reads the clock once, takes everything that has come in up to a bound, and
//! carries out all that follows from it before it waits again.

use std::future::poll_fn;
use std::mem;
use std::task::Poll;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::io::sip::Arrival;
use crate::server::errands::Report;
use crate::server::gather::Batch;
use crate::server::gather::Sources;
use crate::server::hands::Hands;
use crate::server::metrics::Metrics;
use crate::switch::input::Input;
use crate::switch::input::Trigger;
use crate::switch::machine::Switch;

/// SIP messages of one turn.
const MOST_ARRIVALS: usize = 256;
/// Running calls get this long for their BYE to be answered when the process is told to end.
const DRAINED_WITHIN: Duration = Duration::from_secs(7);
/// And what they left behind this long to be on the disk: together at most 10 s.
pub(super) const FLUSHED_WITHIN: Duration = Duration::from_secs(1);

pub(super) struct EventLoop {
    switch: Switch,
    hands: Hands,
    sources: Sources,
    batch: Batch,
    metrics: Metrics,
    phase: Phase,
    now: Instant,
    /// When every socket was last read dry.
    dry_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// No new calls; running ones get BYE.
    Draining {
        until: Instant,
    },
    Ended,
}

impl EventLoop {
    pub(super) fn new(switch: Switch, hands: Hands, sources: Sources, metrics: Metrics) -> EventLoop {
        EventLoop {
            switch,
            hands,
            sources,
            batch: Batch::default(),
            metrics,
            phase: Phase::Running,
            now: Instant::now(),
            dry_at: Instant::now(),
        }
    }

    /// Until SIGTERM or SIGINT; then until every call has ended, or the time for that is up, or a second signal comes.
    pub(super) async fn run(mut self) {
        self.carry_out();
        while self.phase != Phase::Ended {
            self.wait().await;
            self.now = Instant::now();
            self.take_arrivals();
            self.take_batch();
            if self.switch.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
                self.switch.handle_timeout(self.now);
            }
            self.carry_out();
            self.hands.pump.dispatch();
            self.consider_the_end();
        }
        self.leave().await;
    }

    async fn wait(&mut self) {
        let until = match self.phase {
            Phase::Draining { until } => Some(until),
            Phase::Running | Phase::Ended => None,
        };
        self.sources.set_alarm(self.switch.poll_timeout().into_iter().chain(until).min());
        let Self { sources, hands, batch, .. } = self;
        poll_fn(|context| {
            let arrived = hands.sockets.poll_ready(context).is_ready();
            let gathered = sources.poll(context, batch).is_ready();
            if arrived || gathered { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn take_arrivals(&mut self) {
        for _ in 0..MOST_ARRIVALS {
            let Some(arrival) = self.hands.sockets.receive(self.now) else {
                self.dry_at = self.now;
                break;
            };
            let input = match arrival {
                Arrival::Packet(packet) => Input::Packet(packet),
                Arrival::Proved { connection, names } => Input::PeerProved { connection, names },
                Arrival::Unsent(transmit) => Input::Unsent(transmit),
                Arrival::Lost(connection) => Input::ConnectionLost(connection),
            };
            self.handle(input);
        }
        self.switch.on_lag(self.now - self.dry_at);
    }

    fn take_batch(&mut self) {
        let mut batch = mem::take(&mut self.batch);
        for event in batch.media.drain(..) {
            self.handle(Input::Media(event));
        }
        for outcome in batch.outcomes.drain(..) {
            self.handle(match outcome.result {
                Ok(()) => Input::MessageKept(outcome.id),
                Err(why) => Input::MessageNotKept { id: outcome.id, why },
            });
        }
        for report in batch.reports.drain(..) {
            let input = self.understood(report);
            self.handle(input);
        }
        for asked in batch.commands.drain(..) {
            let input = self.hands.asking.take(asked);
            self.handle(input);
        }
        if mem::take(&mut batch.ticked) > 0 {
            self.handle(Input::Clock(Timestamp::now()));
            self.metrics.update(&self.switch, &self.hands, self.now);
        }
        if mem::take(&mut batch.asked_to_reload) > 0 {
            self.hands.sockets.read_certificates_again();
            self.handle(Input::ReloadDialplan(Trigger::Signal));
        }
        for _ in 0..mem::take(&mut batch.asked_to_end) {
            self.on_signal();
        }
        self.batch = batch;
    }

    fn understood(&mut self, report: Report) -> Input {
        match report {
            Report::Input(input) => input,
            Report::Resolved { trunk, result } => {
                let result = result.and_then(|found| self.hands.hops(&trunk, &found, self.now));
                Input::Resolved { trunk, result }
            }
        }
    }

    /// What an input leads to is done before the next one is looked at: a leg must be open before its SDP can be written.
    fn handle(&mut self, input: Input) {
        self.switch.handle(input, self.now);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.switch.poll_effect() {
            if let Some(event) = self.hands.carry_out(effect) {
                self.switch.handle(Input::Media(event), self.now);
            }
        }
    }

    fn on_signal(&mut self) {
        self.phase = match self.phase {
            Phase::Running => {
                tracing::info!("told to end: no new calls, running ones are hung up");
                self.handle(Input::Drain);
                Phase::Draining { until: self.now + DRAINED_WITHIN }
            }
            Phase::Draining { .. } | Phase::Ended => Phase::Ended,
        };
    }

    fn consider_the_end(&mut self) {
        let Phase::Draining { until } = self.phase else {
            return;
        };
        if self.switch.is_empty() || until <= self.now {
            self.phase = Phase::Ended;
        }
    }

    /// The last datagrams get one more chance to leave; the pump ends its recordings when it is dropped.
    async fn leave(mut self) {
        poll_fn(|context| {
            let _ = self.hands.sockets.poll_ready(context);
            Poll::Ready(())
        })
        .await;
        self.metrics.update(&self.switch, &self.hands, self.now);
        tracing::info!("ended");
    }
}
