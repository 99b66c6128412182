//! Runs probes beside the event loop, never more than a bounded number at once, and counts what they cost and how they end.
//!
//! A probe works for half a millisecond and waits for much longer, a dozen times in a row: what it costs is being woken. So
//! all of them have one thread, from which none is handed to another, and an answer wakes nobody.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;

use jiff::Timestamp;
use metrics::Unit;
use metrics::counter;
use metrics::describe_counter;
use metrics::describe_gauge;
use metrics::describe_histogram;
use metrics::gauge;
use metrics::histogram;
use tokio::runtime;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::io::probe::Prober;
use crate::io::probe::Ran;
use crate::outage::schedule::Due;
use crate::server::errands::Report;
use crate::switch::input::Input;

/// Upper bounds in seconds: a name server next door answers within the first, and the last is the longest time-out.
pub(super) const SECONDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

pub(super) struct Probing {
    prober: Arc<Prober>,
    room: Arc<Semaphore>,
    /// It was said that there is no room; once is enough.
    complained: AtomicBool,
    told: Told,
    thread: Handle,
    /// The thread ends with it.
    _alive: oneshot::Sender<()>,
}

/// Where evidence goes.
#[derive(Clone)]
pub(super) struct Told {
    /// Failures: they wake the event loop.
    pub(super) at_once: UnboundedSender<Report>,
    /// Answers: the event loop takes them when it is awake, which is every second at the latest.
    pub(super) in_passing: UnboundedSender<Report>,
}

impl Probing {
    pub(super) fn new(prober: Prober, at_once: usize, told: Told) -> io::Result<Probing> {
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let thread = runtime.handle().clone();
        let (alive, ended) = oneshot::channel::<()>();
        thread::Builder::new().name("desvio-probes".to_owned()).spawn(move || {
            // Whatever is under way then ends with it.
            let _ = runtime.block_on(ended);
        })?;
        let room = Arc::new(Semaphore::new(at_once.max(1)));
        Ok(Probing { prober: Arc::new(prober), room, complained: AtomicBool::new(false), told, thread, _alive: alive })
    }

    /// Left out when too many are under way: a late probe would tell of another moment than the one it was asked for.
    pub(super) fn start(&self, due: Due) {
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            counter!("desvio_probes_left_out_total", "channel" => due.channel).increment(1);
            if !self.complained.swap(true, Ordering::Relaxed) {
                tracing::warn!("probes are left out: more than `[probes] at_once` are under way");
            }
            return;
        };
        self.thread.spawn(run(Arc::clone(&self.prober), due, room, self.told.clone()));
    }
}

async fn run(prober: Arc<Prober>, due: Due, _room: OwnedSemaphorePermit, told: Told) {
    let ran = prober.run(&due.probe, due.timeout).await;
    count(&due, &ran);
    for evidence in ran.evidence {
        tracing::debug!(channel = due.channel, layer = %evidence.layer, target = evidence.target, outcome = ?evidence.outcome, "probed");
        let to = if evidence.outcome.has_failed() { &told.at_once } else { &told.in_passing };
        let input = Input::Evidence { channel: due.channel.clone(), evidence };
        // Nobody listens any more: the process is ending.
        let _ = to.send(Report::Input(input));
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
