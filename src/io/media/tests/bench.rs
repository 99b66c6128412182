//! A pump and the far sides of its legs.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;

use crate::io::media::pump::Pump;
use crate::io::media::pump::Settings;
use crate::media::codec::CodecKind;
use crate::media::codec::Encoder;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::LegId;
use crate::media::command::Stream;
use crate::media::figures::Figures;
use crate::media::rtcp;
use crate::media::rtp;
use crate::media::rtp::HEADER_LEN;
use crate::media::rtp::Header;

pub(super) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Nothing here takes longer, even on a full machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const SETTINGS: Settings = Settings {
    ports: (20_000, 59_999),
    threads: 2,
    quiet_after: Duration::from_secs(10),
    lifeless_after: None,
    unproven_for: Duration::from_secs(15),
    codecs: Vec::new(),
};

pub(super) struct Bench {
    pub(super) pump: Pump,
    events: UnboundedReceiver<Event>,
    /// Read while an order was waited for.
    set_aside: VecDeque<Event>,
    last: u64,
}

/// A phone: the far side of one leg.
pub(super) struct Phone {
    pub(super) leg: LegId,
    pub(super) socket: UdpSocket,
    /// Where the pump hears this leg.
    pub(super) server: SocketAddr,
    pub(super) stream: Stream,
    pub(super) sequence: u16,
    timestamp: u32,
    ssrc: u32,
    encoder: Encoder,
    phase: usize,
}

/// A packet that a phone has got.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
    pub(super) at: Instant,
}

impl Bench {
    pub(super) fn start() -> Bench {
        Bench::with_quiet_after(Duration::from_secs(10))
    }

    pub(super) fn with_quiet_after(quiet_after: Duration) -> Bench {
        Bench::with(Settings { quiet_after, ..SETTINGS })
    }

    pub(super) fn with(settings: Settings) -> Bench {
        let (pump, events) = Pump::start(&settings, Vec::new()).unwrap();
        Bench { pump, events, set_aside: VecDeque::new(), last: 0 }
    }

    /// A leg that is open and connected to a new phone.
    pub(super) fn phone(&mut self, codec: CodecKind) -> Phone {
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let remote = socket.local_addr().unwrap();
        let phone = self.open(socket, stream(remote, codec));
        self.connect(&phone, phone.stream.clone());
        self.is_obeyed(&phone);
        phone
    }

    /// A leg that is open only.
    pub(super) fn open(&mut self, socket: UdpSocket, stream: Stream) -> Phone {
        self.last += 1;
        let leg = LegId(self.last);
        let Some(Event::Opened { local, .. }) = self.pump.carry_out(Command::Open { leg, address: HERE }) else {
            panic!("no sockets")
        };
        assert_eq!(local.port() % 2, 0);
        let encoder = Encoder::new(stream.codec);
        let ssrc = 0x1000 + u32::try_from(self.last).unwrap();
        Phone {
            leg,
            socket,
            server: local,
            stream,
            sequence: 65_530,
            timestamp: 4_294_967_000,
            ssrc,
            encoder,
            phase: 0,
        }
    }

    pub(super) fn connect(&mut self, phone: &Phone, stream: Stream) {
        self.order(Command::Connect { leg: phone.leg, stream });
    }

    pub(super) fn order(&mut self, command: Command) {
        assert_eq!(self.pump.carry_out(command), None);
    }

    /// Until the thread has read every order of this leg: packets that come before are thrown away.
    pub(super) fn is_obeyed(&mut self, phone: &Phone) {
        self.measure(phone);
    }

    /// The figures of a leg as they are.
    pub(super) fn measure(&mut self, phone: &Phone) -> Figures {
        self.order(Command::Measure { leg: phone.leg });
        loop {
            match self.wait() {
                Event::Measured { leg, figures } if leg == phone.leg => return *figures,
                other => self.set_aside.push_back(other),
            }
        }
    }

    /// The figures of a leg once they are like this: what was sent to it has been read.
    pub(super) fn until(&mut self, phone: &Phone, has_come: impl Fn(&Figures) -> bool) -> Figures {
        let until = Instant::now() + PATIENCE;
        loop {
            let figures = self.measure(phone);
            if has_come(&figures) {
                return figures;
            }
            assert!(Instant::now() < until, "it is not counted: {figures:?}");
        }
    }

    /// The next event.
    pub(super) fn event(&mut self) -> Event {
        match self.set_aside.pop_front() {
            Some(event) => event,
            None => self.wait(),
        }
    }

    fn wait(&mut self) -> Event {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.events.try_recv() {
                Ok(event) => return event,
                Err(TryRecvError::Disconnected) => panic!("the pump has ended"),
                Err(TryRecvError::Empty) => assert!(Instant::now() < deadline, "no event"),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(super) fn has_event(&self) -> bool {
        !self.set_aside.is_empty() || !self.events.is_empty()
    }

    pub(super) fn nothing_happened(&mut self) {
        assert_eq!((self.set_aside.front(), self.events.try_recv()), (None, Err(TryRecvError::Empty)));
    }

    /// Closes a leg; its figures.
    pub(super) fn close(&mut self, phone: &Phone) -> Figures {
        self.order(Command::Close { leg: phone.leg });
        loop {
            if let Event::Closed { leg, figures } = self.event() {
                assert_eq!(leg, phone.leg);
                return *figures;
            }
        }
    }
}

impl Phone {
    /// From now on this phone speaks and hears another codec.
    pub(super) fn speak(&mut self, codec: CodecKind) {
        self.encoder = Encoder::new(codec);
        self.stream = stream(self.stream.remote, codec);
    }

    pub(super) fn codec(&self) -> CodecKind {
        self.encoder.kind()
    }

    /// Sends 20 ms of a tone.
    pub(super) fn say(&mut self, frequency: f64) {
        let packet = self.frame(frequency);
        self.socket.send_to(&packet, self.server).unwrap();
    }

    /// 20 ms of a tone, not sent.
    pub(super) fn frame(&mut self, frequency: f64) -> Vec<u8> {
        let samples = tone(frequency, self.stream.codec, &mut self.phase, self.stream.codec.frame_samples());
        let mut payload = [0; MAX_PAYLOAD];
        let length = self.encoder.encode(&samples, &mut payload).unwrap();
        let packet = self.packet(self.stream.payload_type, &payload[..length]);
        self.timestamp = self.timestamp.wrapping_add(self.stream.codec.frame_ticks());
        packet
    }

    /// One packet of a key press, all under one timestamp until `release`.
    pub(super) fn hold_key(&mut self, event: u8, end: u8, duration: u16) {
        let (payload_type, _) = self.stream.dtmf.unwrap();
        let [high, low] = duration.to_be_bytes();
        self.send_payload(payload_type, &[event, end | 10, high, low]);
    }

    pub(super) fn pass_time(&mut self, frames: u32) {
        self.timestamp = self.timestamp.wrapping_add(self.stream.codec.frame_ticks() * frames);
    }

    pub(super) fn send_payload(&mut self, payload_type: u8, payload: &[u8]) {
        let packet = self.packet(payload_type, payload);
        self.socket.send_to(&packet, self.server).unwrap();
    }

    pub(super) fn packet(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let header =
            Header { payload_type, marker: false, sequence: self.sequence, timestamp: self.timestamp, ssrc: self.ssrc };
        self.sequence = self.sequence.wrapping_add(1);
        let mut fixed = [0; HEADER_LEN];
        header.write(&mut fixed);
        [&fixed, payload].concat()
    }

    /// The next packet of this leg; `None` when none comes in time. The tests beside this one give ports back, and who still
    /// sends to one of them may reach whoever was given it next.
    pub(super) fn get(&self) -> Option<Got> {
        let mut datagram = [0; 2048];
        let until = Instant::now() + self.socket.read_timeout().unwrap().unwrap();
        loop {
            let (length, from) = self.socket.recv_from(&mut datagram).ok()?;
            let at = Instant::now();
            if from == self.server && !rtp::is_rtcp(&datagram[..length]) {
                let packet = rtp::read(&datagram[..length]).unwrap();
                return Some(Got { header: packet.header, payload: packet.payload.to_vec(), at });
            }
            if at > until {
                return None;
            }
        }
    }

    /// The first report of this leg, on the socket that its far side has for them, that tells of what was sent.
    pub(super) fn report(&self, reports: &UdpSocket) -> Vec<u8> {
        let mut datagram = [0; 512];
        loop {
            let (length, from) = reports.recv_from(&mut datagram).unwrap();
            let of_leg = from.ip() == self.server.ip() && from.port() == self.server.port() + 1;
            if of_leg && rtcp::read(&datagram[..length]).next().is_some_and(|report| report.sender.is_some()) {
                return datagram[..length].to_vec();
            }
        }
    }

    /// What has come and been left lying.
    pub(super) fn discard(&self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv_from(&mut [0; 2048]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
    }

    /// Nothing comes for a while.
    pub(super) fn hears_nothing_for(&self, span: Duration) {
        self.socket.set_read_timeout(Some(span)).unwrap();
        assert!(self.get().is_none());
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

pub(super) fn stream(remote: SocketAddr, codec: CodecKind) -> Stream {
    Stream {
        remote_rtcp: Some(SocketAddr::new(remote.ip(), 9)),
        payload_type: codec.static_payload_type().unwrap_or(111),
        dtmf: Some((101, codec.clock_rate())),
        ..Stream::plain(remote, codec)
    }
}

/// A sine of half the full scale, continued at `phase`.
pub(super) fn tone(frequency: f64, codec: CodecKind, phase: &mut usize, count: usize) -> Vec<i16> {
    let rate = f64::from(codec.sample_rate());
    let start = *phase;
    *phase += count;
    (start..start + count)
        .map(|n| ((n as f64 / rate * frequency * std::f64::consts::TAU).sin() * 12_000.0) as i16)
        .collect()
}

/// How much of the samples' energy lies at `frequency`: 1 for a pure tone (Goertzel).
pub(super) fn purity(samples: &[i16], rate: u32, frequency: f64) -> f64 {
    let step = frequency / f64::from(rate) * std::f64::consts::TAU;
    let (mut real, mut imaginary, mut energy) = (0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let sample = f64::from(*sample);
        real += sample * (step * n as f64).cos();
        imaginary += sample * (step * n as f64).sin();
        energy += sample * sample;
    }
    2.0 * (real * real + imaginary * imaginary) / (energy * samples.len() as f64).max(1.0)
}
