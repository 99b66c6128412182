//! A bad line between one phone and the server: loses packets of audio, delays each by another time, so that some overtake others.
//!
//! It passes SIP on as it is, but for the ports of audio in the SDP, which become its own. What it does to the n-th packet of a
//! direction follows from the seed alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

const LOCALHOST: &str = "127.0.0.1";

/// What becomes of audio and its reports in either direction; signalling has a good line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) loss: f64,
    /// Each packet waits between nothing and this.
    pub(crate) jitter: Duration,
    pub(crate) seed: u64,
}

/// It ends with the test's process.
pub(crate) struct BadLine {
    /// What the phone takes for the server.
    pub(crate) address: SocketAddr,
    counts: Arc<Mutex<[Count; 2]>>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    came: u32,
    lost: u32,
}

impl BadLine {
    pub(crate) fn to(server: SocketAddr, weather: Weather) -> Self {
        let counts = Arc::new(Mutex::new([Count::default(); 2]));
        let (signalling, audio) = (Lane::new(), Lane::new());
        let reports = Lane::beside(&audio);
        let ends = Arc::new(Mutex::new(Ends { server: Some(server), ..Ends::default() }));
        let address = signalling.to_phone.local_addr().expect("an address");
        let ports = Ports { phones: port(&audio.to_phone), servers: port(&audio.to_server) };
        signalling.carry_sip(&ends, ports);
        let post = post();
        for (lane, further) in [(audio, 0), (reports, 1)] {
            for direction in [Direction::FromPhone, Direction::FromServer] {
                let dice = Dice(weather.seed * 4 + direction as u64 * 2 + u64::from(further));
                let way = Way { lane: lane.clone(), direction, further, ends: ends.clone(), counts: counts.clone() };
                let post = post.clone();
                thread::spawn(move || way.carry(weather, dice, &post));
            }
        }
        Self { address, counts }
    }

    /// Packets of audio that came from the phone and from the server, and how many of them were lost.
    pub(crate) fn told(&self) -> String {
        let [phone, server] = *locked(&self.counts);
        format!(
            "{} of {} packets from the phone lost, {} of {} to it",
            phone.lost, phone.came, server.lost, server.came
        )
    }
}

/// One socket that the phone knows, one that the server knows.
#[derive(Clone)]
struct Lane {
    to_phone: Arc<UdpSocket>,
    to_server: Arc<UdpSocket>,
}

#[derive(Clone, Copy)]
struct Ports {
    phones: u16,
    servers: u16,
}

/// Where audio goes, as far as it is known; `server` is for signalling.
#[derive(Default)]
struct Ends {
    server: Option<SocketAddr>,
    phone: Option<SocketAddr>,
    phones_audio: Option<u16>,
    servers_audio: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    FromPhone,
    FromServer,
}

impl Lane {
    /// On even ports, whose neighbours are free.
    fn new() -> Self {
        let even = || {
            let sockets = std::iter::repeat_with(|| UdpSocket::bind((LOCALHOST, 0)).expect("a socket"));
            let free = |socket: &UdpSocket| UdpSocket::bind((LOCALHOST, port(socket).saturating_add(1))).is_ok();
            let mut even = sockets.take(100).filter(|socket| port(socket).is_multiple_of(2) && free(socket));
            Arc::new(even.next().expect("an even port"))
        };
        Self { to_phone: even(), to_server: even() }
    }

    /// RTCP is one port above (RFC 3550 §11).
    fn beside(audio: &Self) -> Self {
        let next = |socket| Arc::new(UdpSocket::bind((LOCALHOST, port(socket) + 1)).expect("the next port"));
        Self { to_phone: next(&audio.to_phone), to_server: next(&audio.to_server) }
    }

    fn carry_sip(self, ends: &Arc<Mutex<Ends>>, ports: Ports) {
        let (there, back) = (self.clone(), self);
        let (ours, theirs) = (ends.clone(), ends.clone());
        thread::spawn(move || {
            receive(&there.to_phone, |datagram, from| {
                let mut ends = locked(&ours);
                ends.phone = Some(from);
                let (text, named) = with_port(datagram, ports.servers);
                ends.phones_audio = named.or(ends.phones_audio);
                send(&there.to_server, &text, ends.server);
            });
        });
        thread::spawn(move || {
            receive(&back.to_server, |datagram, _| {
                let mut ends = locked(&theirs);
                let (text, named) = with_port(datagram, ports.phones);
                ends.servers_audio = named.or(ends.servers_audio);
                send(&back.to_phone, &text, ends.phone);
            });
        });
    }
}

/// One direction of audio or of its reports.
struct Way {
    lane: Lane,
    direction: Direction,
    /// Above the port of audio.
    further: u16,
    ends: Arc<Mutex<Ends>>,
    counts: Arc<Mutex<[Count; 2]>>,
}

impl Way {
    fn carry(&self, weather: Weather, mut dice: Dice, post: &mpsc::Sender<Parcel>) {
        let (from, by) = match self.direction {
            Direction::FromPhone => (&self.lane.to_phone, &self.lane.to_server),
            Direction::FromServer => (&self.lane.to_server, &self.lane.to_phone),
        };
        receive(from, |datagram, _| {
            let lost = dice.throw() < weather.loss;
            let wait = weather.jitter.mul_f64(dice.throw());
            if self.further == 0 {
                let count = &mut locked(&self.counts)[self.direction as usize];
                count.came += 1;
                count.lost += u32::from(lost);
            }
            if let Some(to) = self.far_end().filter(|_| !lost) {
                let parcel = Parcel { due: Instant::now() + wait, by: by.clone(), to, octets: datagram.to_vec() };
                let _ = post.send(parcel);
            }
        });
    }

    fn far_end(&self) -> Option<SocketAddr> {
        let ends = locked(&self.ends);
        let port = match self.direction {
            Direction::FromPhone => ends.servers_audio,
            Direction::FromServer => ends.phones_audio,
        };
        Some(SocketAddr::from(([127, 0, 0, 1], port? + self.further)))
    }
}

struct Parcel {
    due: Instant,
    by: Arc<UdpSocket>,
    to: SocketAddr,
    octets: Vec<u8>,
}

/// Sends each parcel when it is due.
fn post() -> mpsc::Sender<Parcel> {
    let (sender, parcels) = mpsc::channel::<Parcel>();
    thread::spawn(move || {
        let mut waiting: BinaryHeap<(Reverse<Instant>, Reverse<u64>)> = BinaryHeap::new();
        let mut kept = std::collections::BTreeMap::new();
        for number in 0.. {
            let next = waiting.peek().map(|(due, _)| due.0);
            let wait = next.map_or(Duration::from_secs(3600), |due| due.saturating_duration_since(Instant::now()));
            match parcels.recv_timeout(wait) {
                Ok(parcel) => {
                    waiting.push((Reverse(parcel.due), Reverse(number)));
                    kept.insert(number, parcel);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            while waiting.peek().is_some_and(|(due, _)| due.0 <= Instant::now()) {
                if let Some(parcel) = waiting.pop().and_then(|(_, number)| kept.remove(&number.0)) {
                    send(&parcel.by, &parcel.octets, Some(parcel.to));
                }
            }
        }
    });
    sender
}

/// Numbers of SplitMix64, from 0 to 1.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The message with this port for audio, and RTCP above it, and the port that stood there.
fn with_port(datagram: &[u8], port: u16) -> (Vec<u8>, Option<u16>) {
    let text = String::from_utf8_lossy(datagram);
    let Some((head, body)) = text.split_once("\r\n\r\n").filter(|(_, body)| body.starts_with("v=0")) else {
        return (datagram.to_vec(), None);
    };
    let mut named = None;
    let line = |line: &str| match line.strip_prefix("m=audio ").and_then(|rest| rest.split_once(' ')) {
        Some((said, rest)) => {
            named = said.parse().ok();
            format!("m=audio {port} {rest}")
        }
        None if line.starts_with("a=rtcp:") => format!("a=rtcp:{}", port + 1),
        None => line.to_owned(),
    };
    let body: Vec<String> = body.split("\r\n").map(line).collect();
    let body = body.join("\r\n");
    let header = |line: &str| match line.split_once(':') {
        Some((name, _)) if name.eq_ignore_ascii_case("Content-Length") => format!("{name}: {}", body.len()),
        _ => line.to_owned(),
    };
    let head: Vec<String> = head.split("\r\n").map(header).collect();
    (format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes(), named)
}

fn receive(socket: &UdpSocket, mut each: impl FnMut(&[u8], SocketAddr)) {
    let mut buffer = [0; 65_536];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => each(&buffer[..length], from),
            // An earlier datagram met a closed port.
            Err(fault) if fault.kind() == std::io::ErrorKind::ConnectionRefused => {}
            Err(_) => return,
        }
    }
}

fn send(by: &UdpSocket, octets: &[u8], to: Option<SocketAddr>) {
    if let Some(to) = to {
        let _ = by.send_to(octets, to);
    }
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().expect("an address").port()
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().expect("nobody has failed with it in his hands")
}
