//! Runs probes beside the event loop, never more than a bounded number at once, and counts what they cost and how they end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use metrics::Unit;
use metrics::counter;
use metrics::describe_counter;
use metrics::describe_gauge;
use metrics::describe_histogram;
use metrics::gauge;
use metrics::histogram;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

use crate::io::probe::Prober;
use crate::io::probe::Ran;
use crate::outage::schedule::Due;
use crate::server::errands::Report;
use crate::switch::input::Input;

/// Upper bounds in seconds: a name server next door answers within the first, and the last is the longest time-out.
pub(super) const SECONDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

pub(super) struct Probing {
    prober: Prober,
    room: Arc<Semaphore>,
    /// It was said that there is no room; once is enough.
    complained: AtomicBool,
}

impl Probing {
    pub(super) fn new(prober: Prober, at_once: usize) -> Probing {
        Probing { prober, room: Arc::new(Semaphore::new(at_once.max(1))), complained: AtomicBool::new(false) }
    }

    /// Left out when too many are under way: a late probe would tell of another moment than the one it was asked for.
    pub(super) fn start(&self, due: Due, workers: &Handle, reports: &UnboundedSender<Report>) {
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            counter!("desvio_probes_left_out_total", "channel" => due.channel).increment(1);
            if !self.complained.swap(true, Ordering::Relaxed) {
                tracing::warn!("probes are left out: more than `[probes] at_once` are under way");
            }
            return;
        };
        workers.spawn(run(self.prober.clone(), due, room, reports.clone()));
    }
}

async fn run(prober: Prober, due: Due, _room: OwnedSemaphorePermit, reports: UnboundedSender<Report>) {
    let ran = prober.run(&due.probe, due.timeout).await;
    count(&due, &ran);
    for evidence in ran.evidence {
        tracing::debug!(channel = due.channel, layer = %evidence.layer, target = evidence.target, outcome = ?evidence.outcome, "probed");
        let input = Input::Evidence { channel: due.channel.clone(), evidence };
        // Nobody listens any more: the process is ending.
        let _ = reports.send(Report::Input(input));
    }
}

fn count(due: &Due, ran: &Ran) {
    let labels = [("channel", due.channel.clone()), ("layer", due.probe.layer.to_string())];
    histogram!("desvio_probe_seconds", &labels).record(ran.took.as_secs_f64());
    let failures = counter!("desvio_probe_failures_total", &labels);
    failures.increment(u64::from(ran.failed.is_some()));
    if let Some(ends) = ran.certificate_ends {
        let left = ends.duration_since(Timestamp::now()).as_secs_f64();
        let labels = [("channel", due.channel.clone()), ("target", due.probe.target.clone())];
        gauge!("desvio_probe_certificate_expiry_seconds", &labels).set(left);
    }
}

pub(super) fn describe() {
    describe_histogram!("desvio_probe_seconds", Unit::Seconds, "How long a probe took, failed ones as well");
    describe_counter!("desvio_probe_failures_total", "Probes that failed, by channel and layer");
    describe_counter!("desvio_probes_left_out_total", "Probes that found too many others under way");
    describe_gauge!(
        "desvio_probe_certificate_expiry_seconds",
        Unit::Seconds,
        "Until the certificate of a probed target ends"
    );
}
