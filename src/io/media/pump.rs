//! The face of the media pump: the server gives orders here and hears events.
//!
//! Opening a leg binds its sockets on the caller's thread, so the SDP can be written in the same turn; everything else
//! is told to the leg's thread, and what comes of it arrives as an event. Legs are spread over the threads in turn; a
//! bridge brings two of them together on one.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::unbounded_channel;

use crate::io::media::inbox::Inbox;
use crate::io::media::inbox::Mail;
use crate::io::media::inbox::inbox;
use crate::io::media::leg::Leg;
use crate::io::media::obey::about;
use crate::io::media::order::Order;
use crate::io::media::ports::Ports;
use crate::io::media::studio;
use crate::io::media::studio::Job;
use crate::io::media::tape;
use crate::io::media::thread::Links;
use crate::io::media::thread::Worker;
use crate::io::media::totals::Counters;
use crate::io::media::totals::Totals;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::Figures;
use crate::media::command::LegId;
use crate::media::config::Config;
use crate::media::tone::Tone;

/// What the pump needs to know beyond its orders.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The first and the last port for RTP and RTCP.
    pub ports: (u16, u16),
    pub threads: usize,
    /// No RTP for this long, though the far side should be sending, is reported as `Quiet`.
    pub quiet_after: Duration,
    /// In these codecs prompts are encoded at the start, before anybody asks.
    pub codecs: Vec<CodecKind>,
}

impl Settings {
    /// One thread for each core, four at most: a thread carries some two thousand calls.
    pub fn new(config: &Config) -> Settings {
        Settings {
            ports: (config.ports.first, config.ports.last),
            threads: thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS),
            quiet_after: QUIET_AFTER,
            codecs: config.codecs.clone(),
        }
    }
}

const MOST_THREADS: usize = 4;

const QUIET_AFTER: Duration = Duration::from_secs(10);

/// Why the pump could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    #[error("media threads cannot be started: {0}")]
    Start(#[from] io::Error),
}

/// The threads, and which of them has which leg.
#[derive(Debug)]
pub struct Pump {
    ports: Ports,
    threads: Vec<Thread>,
    thread_by_leg: HashMap<LegId, usize>,
    /// The thread that gets the next leg.
    next: usize,
    tape: mpsc::Sender<tape::Entry>,
    studio: mpsc::Sender<Job>,
    helpers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Thread {
    mail: Mail<Order>,
    counters: Arc<Counters>,
    handle: Option<JoinHandle<()>>,
}

impl Pump {
    /// Starts all threads; `prompts` are encoded in the background. Events come until the pump is dropped.
    pub fn start(settings: &Settings, prompts: Vec<Arc<Clip>>) -> Result<(Pump, UnboundedReceiver<Event>), PumpError> {
        let (events, receiver) = unbounded_channel();
        let (tape, writing) = tape::start(events.clone())?;
        let (studio, encoding) = studio::start()?;
        let mut rng = fastrand::Rng::new();
        let boxes = (0..settings.threads.max(1)).map(|_| inbox()).collect::<io::Result<Vec<_>>>()?;
        let mut pump = Pump {
            ports: Ports::new(settings.ports, &mut rng),
            threads: Vec::new(),
            thread_by_leg: HashMap::new(),
            next: 0,
            tape,
            studio,
            helpers: vec![writing, encoding],
        };
        pump.start_threads(boxes, settings, &events, &mut rng)?;
        pump.prepare(settings, prompts);
        Ok((pump, receiver))
    }

    /// Passes an order on. What can be said at once comes back at once: `Opened`, `OpenFailed`, and `Closed` for a leg that
    /// does not exist. Orders to unknown legs are dropped: the leg was closed meanwhile.
    pub fn carry_out(&mut self, command: Command) -> Option<Event> {
        let leg = about(&command);
        match command {
            Command::Open { leg, address } => return Some(self.open(leg, address)),
            Command::Bridge { a, b } => self.bring_together(a, b),
            _ => {}
        }
        let thread = match command {
            Command::Close { leg } => self.thread_by_leg.remove(&leg),
            _ => self.thread_by_leg.get(&leg).copied(),
        };
        match thread {
            Some(thread) => self.threads[thread].mail.send(Order::Obey(command)),
            None if matches!(command, Command::Close { .. }) => {
                return Some(Event::Closed { leg, figures: Figures::default() });
            }
            None => tracing::debug!(leg = leg.0, "an order for a leg that is gone"),
        }
        None
    }

    /// For the metrics.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.threads.iter().for_each(|thread| thread.counters.add_to(&mut totals));
        totals
    }

    /// Legs that are open now.
    pub fn legs(&self) -> usize {
        self.thread_by_leg.len()
    }

    fn open(&mut self, leg: LegId, address: IpAddr) -> Event {
        match self.ports.open(address) {
            Ok(pair) => {
                let local = pair.local;
                let thread = self.next;
                self.next = (self.next + 1) % self.threads.len();
                self.thread_by_leg.insert(leg, thread);
                self.threads[thread].mail.send(Order::Take(Box::new(Leg::new(leg, pair))));
                Event::Opened { leg, local }
            }
            Err(refusal) => Event::OpenFailed { leg, why: refusal.to_string() },
        }
    }

    /// Hands `b` over to the thread of `a`, if it is on another.
    fn bring_together(&mut self, a: LegId, b: LegId) {
        let (Some(&to), Some(&from)) = (self.thread_by_leg.get(&a), self.thread_by_leg.get(&b)) else {
            return;
        };
        if from != to {
            self.threads[to].mail.send(Order::Expect(b));
            self.threads[from].mail.send(Order::HandOver { leg: b, to });
            self.thread_by_leg.insert(b, to);
        }
    }

    fn start_threads(
        &mut self,
        boxes: Vec<(Mail<Order>, Inbox<Order>)>,
        settings: &Settings,
        events: &UnboundedSender<Event>,
        rng: &mut fastrand::Rng,
    ) -> io::Result<()> {
        let threads: Vec<Mail<Order>> = boxes.iter().map(|(mail, _)| mail.clone()).collect();
        for (number, (mail, inbox)) in boxes.into_iter().enumerate() {
            let counters = Arc::new(Counters::default());
            let links = Links {
                events: events.clone(),
                counters: Arc::clone(&counters),
                number,
                threads: threads.clone(),
                tape: self.tape.clone(),
                studio: self.studio.clone(),
                quiet_after: settings.quiet_after,
            };
            let worker = Worker::new(links, inbox, rng.fork())?;
            let name = format!("desvio-media-{number}");
            let handle = thread::Builder::new().name(name).spawn(move || worker.run())?;
            self.threads.push(Thread { mail, counters, handle: Some(handle) });
        }
        Ok(())
    }

    /// The last codec is prepared first: the studio works from the end, and what telephone networks speak stands last.
    fn prepare(&self, settings: &Settings, mut prompts: Vec<Arc<Clip>>) {
        prompts.extend([Tone::RINGBACK, Tone::BUSY, Tone::CONGESTION, Tone::BEEP].map(Tone::clip));
        for codec in settings.codecs.iter().filter(|codec| **codec != CodecKind::Opus) {
            // Opus takes minutes for hours of prompts; it is encoded when somebody asks.
            let _ = self.studio.send(Job::Prepare { clips: prompts.clone(), codec: *codec });
        }
    }
}

impl Drop for Pump {
    /// Recordings are ended and written; the sockets are closed.
    fn drop(&mut self) {
        for thread in &mut self.threads {
            thread.mail.send(Order::Stop);
        }
        for handle in self.threads.iter_mut().filter_map(|thread| thread.handle.take()) {
            // A thread that panicked has said so.
            let _ = handle.join();
        }
        let _ = self.tape.send(tape::Entry::Stop);
        let _ = self.studio.send(Job::Stop);
        for handle in mem::take(&mut self.helpers) {
            let _ = handle.join();
        }
    }
}
