//! One pump thread: wakes, takes every packet that is ready, sends every packet that is due, sleeps.
//!
//! Legs in a conversation are woken for: their packets go on at once. All others are read when it is their turn on the
//! grid anyway, so that a thousand callers who hear an announcement, and whose microphones send fifty packets a
//! second into it, cost no wake-up at all. Orders come through the inbox, one bell for many. Nothing here locks, and
//! no packet allocates.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use rustix::event::epoll;
use rustix::event::epoll::EventData;
use rustix::event::epoll::EventFlags;
use rustix::process::nice;
use tokio::sync::mpsc::UnboundedSender;

use crate::io::media::clock::NtpClock;
use crate::io::media::grid::Grid;
use crate::io::media::inbox::Inbox;
use crate::io::media::inbox::Mail;
use crate::io::media::leg::DATAGRAM;
use crate::io::media::leg::Leg;
use crate::io::media::legs::Legs;
use crate::io::media::legs::Place;
use crate::io::media::order::Order;
use crate::io::media::order::Post;
use crate::io::media::rooms::Rooms;
use crate::io::media::studio::Job;
use crate::io::media::timer::Timer;
use crate::io::media::totals::Counters;
use crate::io::media::track::Tape;
use crate::io::media::transport::identity::Identity;
use crate::io::media::vigil::Patience;
use crate::media::codec::MAX_SAMPLES;
use crate::media::command::Event;

/// Reports, silences and the ends of recordings are looked after this often.
const CHORES_EVERY: Duration = Duration::from_secs(1);

/// Sockets that one wake-up serves; the rest are reported again at once.
const EVENTS: usize = 256;

/// Packets that wait behind a database are packets lost.
const NICENESS: i32 = -10;

/// What a thread is connected to.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) events: UnboundedSender<Event>,
    pub(super) counters: Arc<Counters>,
    /// This thread's number.
    pub(super) number: usize,
    /// All threads, this one included, by number.
    pub(super) threads: Vec<Mail<Order>>,
    pub(super) tape: Tape,
    pub(super) studio: std::sync::mpsc::Sender<Job>,
    pub(super) patience: Patience,
    /// So long a far side is sent to whose address has proved nothing.
    pub(super) unproven_for: Duration,
    /// Who we are in a handshake.
    pub(super) identity: Arc<Identity>,
}

pub(super) struct Worker {
    pub(super) links: Links,
    pub(super) legs: Legs,
    pub(super) rooms: Rooms,
    pub(super) grid: Grid,
    pub(super) rng: fastrand::Rng,
    pub(super) clock: NtpClock,
    pub(super) post: Post,
    /// The one datagram that is in hand.
    pub(super) datagram: Box<[u8; DATAGRAM]>,
    pub(super) samples: Box<[i16; MAX_SAMPLES]>,
    /// Legs whose way of being read or served may have changed while their slot was being served.
    pub(super) unsettled: Vec<Place>,
    epoll: OwnedFd,
    timer: Timer,
    next_chores: Instant,
}

/// Whether a thread goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Again,
    Last,
}

impl Worker {
    pub(super) fn new(links: Links, inbox: Inbox<Order>, rng: fastrand::Rng) -> io::Result<Worker> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = Timer::new()?;
        let post = Post::new(inbox);
        epoll::add(&epoll, post.bell(), Token::Bell.data(), EventFlags::IN | EventFlags::ET)?;
        epoll::add(&epoll, timer.fd(), Token::Timer.data(), EventFlags::IN | EventFlags::ET)?;
        let now = Instant::now();
        Ok(Worker {
            links,
            legs: Legs::default(),
            rooms: Rooms::default(),
            grid: Grid::new(now),
            rng,
            clock: NtpClock::new(now),
            post,
            datagram: Box::new([0; DATAGRAM]),
            samples: Box::new([0; MAX_SAMPLES]),
            unsettled: Vec::new(),
            epoll,
            timer,
            next_chores: now + CHORES_EVERY,
        })
    }

    pub(super) fn run(mut self) {
        // Of this thread alone. Voice goes before everything else where we may ask for it; where not, all goes on as it is.
        let _ = nice(NICENESS);
        let mut ready = [epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; EVENTS];
        loop {
            match self.turn(&mut ready) {
                Ok(Turn::Again) => {}
                Ok(Turn::Last) => return,
                Err(fault) => {
                    return tracing::error!(%fault, "a media thread cannot go on; its calls are silent");
                }
            }
        }
    }

    /// Sleeps until something is to be done, and does it.
    fn turn(&mut self, ready: &mut [epoll::Event; EVENTS]) -> io::Result<Turn> {
        self.timer.arm(self.deadline())?;
        let woken = match epoll::wait(&self.epoll, &mut ready[..], None) {
            Ok(woken) => woken,
            Err(rustix::io::Errno::INTR) => return Ok(Turn::Again),
            Err(fault) => return Err(fault.into()),
        };
        self.serve_ready(&ready[..woken]);
        if self.read_orders() == Turn::Last {
            return Ok(Turn::Last);
        }
        self.serve_slots();
        self.do_chores();
        Ok(Turn::Again)
    }

    fn deadline(&self) -> Option<Instant> {
        let chores = (!self.legs.is_empty()).then_some(self.next_chores);
        [self.grid.deadline(), chores].into_iter().flatten().min()
    }

    fn serve_ready(&mut self, ready: &[epoll::Event]) {
        let now = Instant::now();
        for event in ready {
            match Token::from(event.data) {
                Token::Rtp { place, generation } if self.legs.is_current(place, generation) => {
                    self.hear(place, now);
                }
                Token::Rtcp { place, generation } if self.legs.is_current(place, generation) => {
                    self.hear_control(place, now)
                }
                _ => {}
            }
        }
    }

    fn serve_slots(&mut self) {
        while let Some(tick) = self.grid.due(Instant::now()) {
            let mut position = 0;
            while let Some(place) = self.legs.in_slot(tick.slot, position) {
                self.serve(place, &tick);
                position += 1;
            }
            self.serve_rooms(&tick);
            self.settle_unsettled();
        }
    }

    fn do_chores(&mut self) {
        let now = Instant::now();
        if now < self.next_chores {
            return;
        }
        self.next_chores = now + CHORES_EVERY;
        for place in 0..self.legs.end() {
            self.look_after(place, now);
        }
        self.settle_unsettled();
    }

    fn settle_unsettled(&mut self) {
        while let Some(place) = self.unsettled.pop() {
            self.settle(place);
        }
    }

    /// Decides anew how a leg is read, and whether it has turns on the grid.
    pub(super) fn settle(&mut self, place: Place) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        leg.attend(Instant::now());
        let (woken_for, served) = leg.wants();
        let (watched, slot) = (leg.watched, leg.slot);
        if woken_for != watched {
            self.watch(place, if woken_for { Watch::Begin } else { Watch::End });
        }
        match slot {
            None if served => self.enter_slot(place),
            Some(slot) if !served => self.quit_slot(place, slot),
            _ => {}
        }
    }

    fn enter_slot(&mut self, place: Place) {
        let slot = self.grid.join(Instant::now());
        self.legs.join_slot(place, slot);
        if let Some(leg) = self.legs.at(place) {
            leg.slot = Some(slot);
        }
    }

    fn quit_slot(&mut self, place: Place, slot: usize) {
        self.grid.leave(slot);
        self.legs.leave_slot(place, slot);
        if let Some(leg) = self.legs.at(place) {
            leg.slot = None;
        }
    }

    /// Puts the RTP socket into the epoll set or takes it out.
    fn watch(&mut self, place: Place, watch: Watch) {
        let generation = self.legs.generation(place);
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let changed = match watch {
            Watch::Begin => epoll::add(&self.epoll, leg.rtp(), Token::Rtp { place, generation }.data(), EventFlags::IN),
            Watch::End => epoll::delete(&self.epoll, leg.rtp()),
        };
        match changed {
            Ok(()) => leg.watched = watch == Watch::Begin,
            Err(fault) => tracing::warn!(leg = leg.id.0, %fault, "a leg cannot be watched"),
        }
    }

    /// Gives a leg a place here.
    pub(super) fn take_in(&mut self, leg: Box<Leg>) {
        let place = self.legs.insert(leg);
        if self.legs.at(place).is_some_and(|leg| leg.session.is_some()) {
            self.watch_control(place);
        }
        self.settle(place);
    }

    /// Puts the RTCP socket into the epoll set for good. Before the leg is connected, what has come waits.
    pub(super) fn watch_control(&mut self, place: Place) {
        let generation = self.legs.generation(place);
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        if let Err(fault) =
            epoll::add(&self.epoll, leg.rtcp(), Token::Rtcp { place, generation }.data(), EventFlags::IN)
        {
            tracing::warn!(leg = leg.id.0, %fault, "reports of the far side will not be heard");
        }
    }

    /// Takes a leg out that is to live on elsewhere: its sockets must not ring here again.
    pub(super) fn let_go(&mut self, place: Place) -> Option<Box<Leg>> {
        let mut leg = self.take_out(place)?;
        let _ = epoll::delete(&self.epoll, leg.rtcp());
        if std::mem::take(&mut leg.watched) {
            let _ = epoll::delete(&self.epoll, leg.rtp());
        }
        Some(leg)
    }

    /// Takes a leg out and off the grid, with its bridge parted and its room left. Sockets leave the epoll set when they are closed.
    pub(super) fn take_out(&mut self, place: Place) -> Option<Box<Leg>> {
        self.part(place);
        self.leave(place);
        let slot = self.legs.at(place)?.slot;
        if let Some(slot) = slot {
            self.quit_slot(place, slot);
        }
        let mut leg = self.legs.remove(place)?;
        leg.slot = None;
        Some(leg)
    }
}

/// Whether a socket's packets wake the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    Begin,
    End,
}

/// What an entry of the epoll set stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Bell,
    Timer,
    Rtp { place: Place, generation: u32 },
    Rtcp { place: Place, generation: u32 },
}

impl Token {
    /// Generation in the upper half; place and kind in the lower.
    fn data(self) -> EventData {
        let (place, generation, kind) = match self {
            Token::Bell => (0, 0, 0),
            Token::Timer => (0, 0, 1),
            Token::Rtp { place, generation } => (place, generation, 2),
            Token::Rtcp { place, generation } => (place, generation, 3),
        };
        EventData::new_u64(u64::from(generation) << 32 | (place as u64) << 2 | kind)
    }
}

impl From<EventData> for Token {
    fn from(data: EventData) -> Token {
        let data = data.u64();
        let (place, generation) = ((data as u32 >> 2) as Place, (data >> 32) as u32);
        match data & 3 {
            0 => Token::Bell,
            1 => Token::Timer,
            2 => Token::Rtp { place, generation },
            _ => Token::Rtcp { place, generation },
        }
    }
}
