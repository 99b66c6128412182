//! The face of the media pump: the server gives orders here and hears events.
//!
//! Opening a leg binds its sockets on the caller's thread, so the SDP can be written in the same turn; everything else
//! is told to the leg's thread, and what comes of it arrives as an event. A leg gets a thread only when there is something
//! to do for it: a call that nobody answers wakes none, and two legs that are bridged in the turn in which both were
//! connected are on one from the start. Waking a thread costs as much as reading a SIP message, so orders are laid ready
//! during a turn and all bells rung at its end.

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
use crate::io::media::rooms::thread_of;
use crate::io::media::studio;
use crate::io::media::studio::Job;
use crate::io::media::tape;
use crate::io::media::thread::Links;
use crate::io::media::thread::Worker;
use crate::io::media::totals::Counters;
use crate::io::media::totals::Totals;
use crate::io::media::track::Tape;
use crate::io::media::transport::identity::Identity;
use crate::io::media::vigil::Patience;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::LegId;
use crate::media::config::Config;
use crate::media::security::Fingerprint;
use crate::media::tone::Tone;

/// What the pump needs to know beyond its orders.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The first and the last port for RTP and RTCP.
    pub ports: (u16, u16),
    pub threads: usize,
    /// No RTP for this long, though the far side should be sending, is reported as `Quiet`.
    pub quiet_after: Duration,
    /// Neither RTP nor RTCP for this long is reported as `Lifeless`.
    pub lifeless_after: Option<Duration>,
    /// How long a far side is sent to whose address has proved nothing.
    pub unproven_for: Duration,
    /// In these codecs prompts are encoded at the start, before anybody asks.
    pub codecs: Vec<CodecKind>,
}

impl Settings {
    /// One thread for each core, four at most: a thread carries some two thousand calls.
    pub fn new(config: &Config) -> Settings {
        Settings {
            ports: (config.ports.first, config.ports.last),
            threads: thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS),
            quiet_after: config.quiet_after,
            lifeless_after: config.end_silent_calls_after,
            unproven_for: config.unproven_for,
            codecs: config.codecs.clone(),
        }
    }
}

const MOST_THREADS: usize = 4;

/// Why the pump could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    #[error("media threads cannot be started: {0}")]
    Start(#[from] io::Error),
    #[error("no certificate for DTLS could be made: {0}")]
    Certificate(String),
}

/// The threads, and which of them has which leg.
#[derive(Debug)]
pub struct Pump {
    ports: Ports,
    threads: Vec<Thread>,
    seats: HashMap<LegId, Seat>,
    /// Legs without a thread for which something is to be done.
    called: Vec<LegId>,
    /// The thread that gets the next leg.
    next: usize,
    tape: Tape,
    studio: mpsc::Sender<Job>,
    helpers: Vec<JoinHandle<()>>,
    identity: Arc<Identity>,
}

/// Who looks after a leg.
#[derive(Debug)]
enum Seat {
    /// Nobody yet; with what is to be done first.
    Lobby(Box<Leg>, Vec<Command>),
    Thread(usize),
}

#[derive(Debug)]
struct Thread {
    mail: Mail<Order>,
    /// Something lies in its inbox that it may not have been woken for.
    unrung: bool,
    counters: Arc<Counters>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    fn put(&mut self, order: Order) {
        self.mail.put(order);
        self.unrung = true;
    }
}

impl Pump {
    /// Starts all threads; `prompts` are encoded in the background. Events come until the pump is dropped.
    pub fn start(settings: &Settings, prompts: Vec<Arc<Clip>>) -> Result<(Pump, UnboundedReceiver<Event>), PumpError> {
        let (events, receiver) = unbounded_channel();
        let (tape, writing) = tape::start(events.clone())?;
        let (studio, encoding) = studio::start()?;
        let mut rng = fastrand::Rng::new();
        let boxes = (0..settings.threads.max(1)).map(|_| inbox()).collect::<io::Result<Vec<_>>>()?;
        let identity = Identity::generate().map_err(PumpError::Certificate)?;
        let mut pump = Pump {
            identity: Arc::new(identity),
            ports: Ports::new(settings.ports, &mut rng),
            threads: Vec::new(),
            seats: HashMap::new(),
            called: Vec::new(),
            next: 0,
            tape,
            studio,
            helpers: vec![writing, encoding],
        };
        pump.start_threads(boxes, settings, &events, &mut rng)?;
        pump.prepare(settings, prompts);
        Ok((pump, receiver))
    }

    /// Passes an order on and sees to it that it is carried out: [`Pump::tell`] and [`Pump::dispatch`] in one.
    pub fn carry_out(&mut self, command: Command) -> Option<Event> {
        let event = self.tell(command);
        self.dispatch();
        event
    }

    /// Lays an order ready. What can be said at once comes back at once: `Opened`, `OpenFailed`, and `Closed` for a leg that
    /// no thread has. Orders to unknown legs are dropped: the leg was closed meanwhile.
    pub fn tell(&mut self, command: Command) -> Option<Event> {
        let Some(leg) = about(&command) else {
            self.tell_room(command);
            return None;
        };
        match command {
            Command::Open { leg, address } => return Some(self.open(leg, address)),
            Command::Close { leg } => return self.close(leg),
            Command::Bridge { a, b } => self.bring_together(a, b),
            Command::Join { leg, room, .. } => self.bring_to(leg, thread_of(room, self.threads.len())),
            // What a leg in the lobby does can be told without waking anybody.
            Command::Measure { leg } if !matches!(self.seats.get(&leg), Some(Seat::Thread(_))) => {
                return Some(Event::Measured { leg, figures: Box::default() });
            }
            _ => {}
        }
        match self.seats.get_mut(&leg) {
            Some(Seat::Thread(thread)) => self.threads[*thread].put(Order::Obey(command)),
            Some(Seat::Lobby(waiting, _)) if let Command::Vouch { address, .. } = command => {
                waiting.vouched = Some(address);
            }
            Some(Seat::Lobby(_, orders)) => {
                orders.push(command);
                self.called.push(leg);
            }
            None => tracing::debug!(leg = leg.0, "an order for a leg that is gone"),
        }
        None
    }

    /// Wakes every thread that has something to do; to be called after the last order of a turn.
    pub fn dispatch(&mut self) {
        while let Some(leg) = self.called.pop() {
            if matches!(self.seats.get(&leg), Some(Seat::Lobby(..))) {
                let thread = self.next_thread();
                self.seat(leg, thread);
            }
        }
        for thread in self.threads.iter_mut().filter(|thread| thread.unrung) {
            thread.unrung = false;
            thread.mail.ring();
        }
    }

    /// For the metrics.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { recording_cut: self.tape.cut(), ..Totals::default() };
        self.threads.iter().for_each(|thread| thread.counters.add_to(&mut totals));
        totals
    }

    /// Of the certificate with which we shake hands; it lives as long as the pump.
    pub fn fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint()
    }

    /// Legs that are open now.
    pub fn legs(&self) -> usize {
        self.seats.len()
    }

    fn open(&mut self, leg: LegId, address: IpAddr) -> Event {
        match self.ports.open(address) {
            Ok(pair) => {
                let local = pair.local;
                self.seats.insert(leg, Seat::Lobby(Box::new(Leg::new(leg, pair)), Vec::new()));
                Event::Opened { leg, local }
            }
            Err(refusal) => Event::OpenFailed { leg, why: refusal.to_string() },
        }
    }

    fn close(&mut self, leg: LegId) -> Option<Event> {
        // A recording is reported also where it ended before it began.
        if let Some(Seat::Lobby(_, orders)) = self.seats.get(&leg)
            && orders.iter().any(|order| matches!(order, Command::Record { .. } | Command::RecordTalk { .. }))
        {
            let thread = self.next_thread();
            self.seat(leg, thread);
        }
        if let Some(Seat::Thread(thread)) = self.seats.remove(&leg) {
            self.threads[thread].put(Order::Obey(Command::Close { leg }));
            return None;
        }
        Some(Event::Closed { leg, figures: Box::default() })
    }

    /// Puts both legs on one thread; where each has one already, `b` is handed over to that of `a`.
    fn bring_together(&mut self, a: LegId, b: LegId) {
        match (self.seats.get(&a), self.seats.get(&b)) {
            (Some(&Seat::Thread(to)), Some(&Seat::Thread(from))) => self.hand_over(b, from, to),
            (Some(Seat::Lobby(..)), Some(&Seat::Thread(to))) => self.seat(a, to),
            (Some(&Seat::Thread(to)), Some(Seat::Lobby(..))) => self.seat(b, to),
            (Some(Seat::Lobby(..)), Some(Seat::Lobby(..))) => {
                let to = self.next_thread();
                self.seat(a, to);
                self.seat(b, to);
            }
            (None, _) | (_, None) => {}
        }
    }

    fn bring_to(&mut self, leg: LegId, to: usize) {
        match self.seats.get(&leg) {
            Some(&Seat::Thread(from)) => self.hand_over(leg, from, to),
            Some(Seat::Lobby(..)) => self.seat(leg, to),
            None => {}
        }
    }

    fn tell_room(&mut self, command: Command) {
        if let Command::Announce { room, .. } | Command::RecordRoom { room, .. } | Command::StopRecordingRoom { room } =
            &command
        {
            let thread = thread_of(*room, self.threads.len());
            self.threads[thread].put(Order::Obey(command));
        }
    }

    fn hand_over(&mut self, leg: LegId, from: usize, to: usize) {
        if from != to {
            self.threads[to].put(Order::Expect(leg));
            self.threads[from].put(Order::HandOver { leg, to });
            self.seats.insert(leg, Seat::Thread(to));
        }
    }

    /// A leg leaves the lobby, with its orders.
    fn seat(&mut self, leg: LegId, thread: usize) {
        let Some(Seat::Lobby(waiting, orders)) = self.seats.insert(leg, Seat::Thread(thread)) else {
            return;
        };
        self.threads[thread].put(Order::Take(waiting));
        for order in orders {
            self.threads[thread].put(Order::Obey(order));
        }
    }

    fn next_thread(&mut self) -> usize {
        let thread = self.next;
        self.next = (self.next + 1) % self.threads.len();
        thread
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
                patience: Patience { quiet: settings.quiet_after, lifeless: settings.lifeless_after },
                unproven_for: settings.unproven_for,
                identity: Arc::clone(&self.identity),
            };
            let worker = Worker::new(links, inbox, rng.fork())?;
            let name = format!("desvio-media-{number}");
            let handle = thread::Builder::new().name(name).spawn(move || worker.run())?;
            self.threads.push(Thread { mail, unrung: false, counters, handle: Some(handle) });
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
        self.tape.stop();
        let _ = self.studio.send(Job::Stop);
        for handle in mem::take(&mut self.helpers) {
            let _ = handle.join();
        }
    }
}
