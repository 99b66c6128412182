//! Keeps what TLS needs fresh while we run: certificates end, and whoever renews them must not have to restart us.
//!
//! On the workers, so that neither a slow disk nor a parse holds up a call. What cannot be read is said and changes nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;
use tokio::time::interval;

use crate::io::sip::tls::Expiry;
use crate::io::sip::tls::Tls;
use crate::io::sip::tls::files::Files;

/// How often the files are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(30);
/// Before its end a certificate is warned of this early, once a day.
const WARNED_BEFORE: Duration = Duration::from_secs(14 * 24 * 3_600);
const WARNED_EVERY: i64 = 24 * 3_600;

/// What is in force, and the bell for having it read again.
#[derive(Debug)]
pub(in crate::io::sip) struct Keeper {
    current: watch::Receiver<Arc<Tls>>,
    bell: Arc<Notify>,
    task: AbortHandle,
}

impl Keeper {
    pub(in crate::io::sip) fn start(first: Tls, files: Files, workers: &Handle) -> Keeper {
        Keeper::start_with(first, files, workers, LOOKED_AT_EVERY)
    }

    pub(in crate::io::sip) fn start_with(first: Tls, files: Files, workers: &Handle, every: Duration) -> Keeper {
        let (publish, current) = watch::channel(Arc::new(first));
        let bell = Arc::new(Notify::new());
        let task = workers.spawn(keep(publish, files, Arc::clone(&bell), every)).abort_handle();
        Keeper { current, bell, task }
    }

    pub(in crate::io::sip) fn current(&self) -> Arc<Tls> {
        Arc::clone(&self.current.borrow())
    }

    /// Reads everything again, soon.
    pub(in crate::io::sip) fn read_again(&self) {
        self.bell.notify_one();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(publish: watch::Sender<Arc<Tls>>, files: Files, bell: Arc<Notify>, every: Duration) {
    let mut look = interval(every);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = files.stamps();
    let mut warned_at = None;
    loop {
        let asked = tokio::select! {
            _ = look.tick() => false,
            () = bell.notified() => true,
        };
        let stamps = files.stamps();
        if asked || stamps != seen {
            seen = stamps;
            read(&publish, &files);
        }
        let now = Timestamp::now();
        if warned_at.is_none_or(|at: Timestamp| now.as_second() - at.as_second() >= WARNED_EVERY) {
            warned_at = Some(now);
            publish.borrow().expiries().iter().for_each(|expiry| warn_of(expiry, now));
        }
    }
}

fn read(publish: &watch::Sender<Arc<Tls>>, files: &Files) {
    match Tls::load(files) {
        Ok(tls) => {
            publish.send_replace(Arc::new(tls));
            tracing::info!("certificates were read again; new connections use them");
        }
        Err(faults) => {
            for fault in faults {
                tracing::error!(mend = fault.why.mend(), "{fault}; the certificates from before stay in use");
            }
        }
    }
}

fn warn_of(expiry: &Expiry, now: Timestamp) {
    let left = expiry.at.as_second() - now.as_second();
    let (file, at) = (expiry.path.display(), expiry.at);
    match left {
        ..=0 => tracing::error!(%file, %at, "a certificate has expired: peers will refuse it"),
        left if left < i64::try_from(WARNED_BEFORE.as_secs()).unwrap_or(i64::MAX) => {
            tracing::warn!(%file, %at, days = left / (24 * 3_600), "a certificate ends soon");
        }
        _ => {}
    }
}
