//! Far sides of RTP sessions: each sends a packet every 20 ms and takes what comes.
//!
//! One thread for all. A packet carries the time at which it was sent, so whoever gets it on the other side of a bridge
//! knows how long it was under way, until the kernel had it ([`crate::arrival`]). Sends are spread evenly over the 20 ms.

use std::io;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

use desvio::media::srtp;
use desvio::media::srtp::sender::Sender;
use rustix::event::epoll;
use rustix::event::epoll::EventData;
use rustix::event::epoll::EventFlags;
use rustix::time::Timespec;

use crate::arrival;
use crate::arrival::Arrival;
use crate::arrival::Reader;
use crate::histogram::Histogram;
use crate::options::Mode;
use crate::options::Options;

pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// What is still under way at the end is waited for so long.
const DRAIN: Duration = Duration::from_millis(300);

/// Marks a packet of ours, so that announcements are not mistaken for it.
const MAGIC: [u8; 4] = *b"dvGn";

const HEADER: usize = 12;

/// One far side.
pub(crate) struct Line {
    pub(crate) socket: UdpSocket,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) payload_type: u8,
    /// Ticks and octets of a packet.
    pub(crate) ticks: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) stamp: Stamp,
    /// Encrypts what is sent.
    pub(crate) sealer: Option<Sender>,
    sequence: u16,
    timestamp: u32,
    heard_at: Option<Duration>,
}

/// Whether packets carry the time at which they were sent: what will be decoded or encrypted must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    Carried,
    Absent,
}

impl Line {
    /// Speaks A-law until it is told otherwise.
    pub(crate) fn bind(local: SocketAddr, remote: Option<SocketAddr>) -> io::Result<Line> {
        let socket = UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        arrival::stamp(&socket)?;
        let payload = vec![0xd5; 160];
        Ok(Line {
            socket,
            remote,
            payload_type: 8,
            ticks: 160,
            payload,
            stamp: Stamp::Carried,
            sealer: None,
            sequence: 0,
            timestamp: 0,
            heard_at: None,
        })
    }

    fn send(&mut self, number: usize, packet: &mut [u8]) -> bool {
        let Some(remote) = self.remote else {
            return false;
        };
        let length = HEADER + self.payload.len();
        packet[..2].copy_from_slice(&[0x80, self.payload_type]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&(number as u32 + 1).to_be_bytes());
        packet[HEADER..length].copy_from_slice(&self.payload);
        if self.stamp == Stamp::Carried && self.payload.len() >= 12 {
            packet[HEADER..HEADER + 4].copy_from_slice(&MAGIC);
            packet[HEADER + 4..HEADER + 12].copy_from_slice(&(arrival::now().as_nanos() as u64).to_be_bytes());
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.ticks);
        let length = match &mut self.sealer {
            Some(sealer) => sealer.seal(&mut packet[..length + srtp::OVERHEAD], length).unwrap_or(0),
            None => length,
        };
        self.socket.send_to(&packet[..length], remote).is_ok()
    }
}

/// What a run has shown.
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    /// Packets of ours that came out on the other side.
    pub(crate) received: u64,
    /// All packets that came.
    pub(crate) heard: u64,
    pub(crate) latency: Histogram,
    /// How far gaps between packets were from 20 ms.
    pub(crate) gaps: Histogram,
    /// How late we ourselves were.
    pub(crate) lateness: Histogram,
    expected_heard: f64,
}

impl Outcome {
    /// Packets that the server has sent us. Where they are decoded or encrypted on their way, and for announcements, all that came.
    pub(crate) fn carried(&self, options: &Options) -> u64 {
        match options.mode {
            Mode::Relay | Mode::DirectRelay | Mode::FloorRelay if options.hands_on() => self.received,
            _ => self.heard,
        }
    }

    pub(crate) fn loss(&self, options: &Options) -> f64 {
        match options.mode {
            Mode::Relay | Mode::DirectRelay | Mode::FloorRelay => {
                1.0 - self.carried(options) as f64 / self.sent.max(1) as f64
            }
            Mode::Listen | Mode::DirectListen | Mode::FloorListen | Mode::Codec => {
                (1.0 - self.heard as f64 / self.expected_heard).max(0.0)
            }
        }
    }
}

pub(crate) struct Generator {
    pub(crate) lines: Vec<Line>,
    epoll: rustix::fd::OwnedFd,
    reader: Reader,
    outcome: Outcome,
}

impl Generator {
    pub(crate) fn new(lines: Vec<Line>) -> io::Result<Generator> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, line) in lines.iter().enumerate() {
            epoll::add(&epoll, &line.socket, EventData::new_u64(number as u64), EventFlags::IN)?;
        }
        let outcome = Outcome {
            sent: 0,
            received: 0,
            heard: 0,
            latency: Histogram::new(),
            gaps: Histogram::new(),
            lateness: Histogram::new(),
            expected_heard: 0.0,
        };
        Ok(Generator { lines, epoll, reader: Reader::new(), outcome })
    }

    /// Sends for `span`, then waits for what is under way.
    pub(crate) fn run(&mut self, span: Duration) -> io::Result<&Outcome> {
        self.begin(span);
        let start = Instant::now();
        let frames = span.as_nanos() / FRAME.as_nanos();
        let packets = frames as usize * self.lines.len();
        let between = FRAME.as_secs_f64() / self.lines.len() as f64;
        let mut packet = [0; 2048];
        let mut next = 0;
        while next < packets {
            let now = start.elapsed();
            while next < packets && Duration::from_secs_f64(next as f64 * between) <= now {
                let due = Duration::from_secs_f64(next as f64 * between);
                self.send(next, due, start, &mut packet);
                next += 1;
            }
            let ahead = Duration::from_secs_f64(next as f64 * between).saturating_sub(start.elapsed());
            self.receive(ahead, &mut packet)?;
        }
        let end = Instant::now() + DRAIN;
        while Instant::now() < end {
            self.receive(DRAIN / 10, &mut packet)?;
        }
        Ok(&self.outcome)
    }

    fn begin(&mut self, span: Duration) {
        let outcome = &mut self.outcome;
        (outcome.sent, outcome.received, outcome.heard) = (0, 0, 0);
        outcome.expected_heard = (span + DRAIN).as_secs_f64() * 50.0 * self.lines.len() as f64;
        self.lines.iter_mut().for_each(|line| line.heard_at = None);
        for histogram in [&mut outcome.latency, &mut outcome.gaps, &mut outcome.lateness] {
            histogram.clear();
        }
    }

    fn send(&mut self, packet_number: usize, due: Duration, start: Instant, packet: &mut [u8]) {
        let number = packet_number % self.lines.len();
        self.outcome.lateness.add(start.elapsed().saturating_sub(due));
        self.outcome.sent += u64::from(self.lines[number].send(number, packet));
    }

    fn receive(&mut self, patience: Duration, packet: &mut [u8]) -> io::Result<()> {
        let mut ready = [epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 256];
        let whole = patience.as_millis() as i64;
        // Below a millisecond it is better to look than to sleep.
        let timeout = Timespec { tv_sec: 0, tv_nsec: whole * 1_000_000 };
        let woken = match epoll::wait(&self.epoll, &mut ready[..], Some(&timeout)) {
            Ok(woken) => woken,
            Err(rustix::io::Errno::INTR) => 0,
            Err(fault) => return Err(fault.into()),
        };
        for event in &ready[..woken] {
            let number = event.data.u64() as usize;
            while let Some(arrival) = self.reader.read(&self.lines[number].socket, packet) {
                self.hear(number, &packet[..arrival.length], &arrival);
            }
        }
        if woken == 0 && whole == 0 {
            std::thread::sleep(patience.min(Duration::from_micros(200)));
        }
        Ok(())
    }

    fn hear(&mut self, number: usize, packet: &[u8], arrival: &Arrival) {
        let line = &mut self.lines[number];
        // RTCP on the same port is not counted (RFC 5761 §4).
        if packet.len() < HEADER || (192..=223).contains(&packet[1]) {
            return;
        }
        line.remote.get_or_insert(arrival.from);
        self.outcome.heard += 1;
        if let Some(before) = line.heard_at.replace(arrival.at) {
            self.outcome.gaps.add(arrival.at.saturating_sub(before).abs_diff(FRAME));
        }
        if packet.get(HEADER..HEADER + 4) == Some(&MAGIC)
            && let Some(stamp) = packet.get(HEADER + 4..).and_then(<[u8]>::first_chunk)
        {
            self.outcome.received += 1;
            let sent_at = Duration::from_nanos(u64::from_be_bytes(*stamp));
            self.outcome.latency.add(arrival.at.saturating_sub(sent_at));
        }
    }
}
