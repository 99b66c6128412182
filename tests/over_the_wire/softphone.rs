//! What a person does with a softphone, whatever its make, and the sound that is expected in return.

use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use crate::baresip::Baresip;
use crate::linphone::Linphone;
use crate::pjsua::Pjsua;
use crate::server::Server;
use crate::sound::seconds_of;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    /// With a server of [`crate::server::with_tls`].
    Tls,
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    AtOnce,
    ByHand,
}

/// How a phone wants its audio protected; it takes nothing less.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Media {
    Plain,
    /// Keys in the SDP (RFC 4568).
    Sdes,
    /// A handshake on the media path (RFC 5764).
    Dtls,
    /// The same, with sound and reports on one port (RFC 5761).
    DtlsOnOnePort,
}

/// What a phone is to be.
pub(crate) struct Wish<'a> {
    pub(crate) user: &'a str,
    /// None: it does not register, as a carrier's gateway.
    pub(crate) password: Option<&'a str>,
    pub(crate) ip: &'a str,
    pub(crate) server: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) tone: f64,
    pub(crate) answers: Answers,
    pub(crate) media: Media,
}

/// A phone of an extension of [`crate::server::config`].
pub(crate) fn extension<'a>(server: &Server, number: &'a str, transport: Transport, answers: Answers) -> Wish<'a> {
    let address = match transport {
        Transport::Udp => server.sip,
        Transport::Tcp => server.tcp,
        Transport::Tls => server.tls.expect("a server that listens for TLS"),
    };
    Wish {
        user: number,
        password: Some("segredo"),
        ip: "127.0.0.1",
        server: address,
        transport,
        tone: tone_of(number),
        answers,
        media: Media::Plain,
    }
}

/// Each extension has a tone of its own, far enough from the others' and held longer than any prompt holds one.
pub(crate) fn tone_of(number: &str) -> f64 {
    match number {
        "200" => 700.0,
        "201" => 1100.0,
        _ => 1500.0,
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Make {
    Pjsua,
    Linphone,
    Baresip,
}

impl Make {
    pub(crate) fn start(self, wish: &Wish) -> Box<dyn Softphone> {
        match self {
            Self::Pjsua => Box::new(Pjsua::start(wish)),
            Self::Linphone => Box::new(Linphone::start(wish)),
            Self::Baresip => Box::new(Baresip::start(wish)),
        }
    }
}

/// Its make, and what it speaks SIP over.
pub(crate) type Kind = (Make, Transport);

pub(crate) fn phone(server: &Server, number: &str, (make, transport): Kind, answers: Answers) -> Box<dyn Softphone> {
    make.start(&extension(server, number, transport, answers))
}

/// One calls the other, who picks up.
pub(crate) fn connect(caller: &mut dyn Softphone, callee: &mut dyn Softphone, number: &str) {
    caller.dials(number);
    callee.rings();
    callee.picks_up();
    callee.talks();
    caller.talks();
}

/// Each of two recordings has the tone of the other, and none his own.
pub(crate) fn heard_each_other(recordings: [PathBuf; 2], numbers: [&str; 2]) {
    for (heard, [own, other]) in recordings.iter().zip([numbers, [numbers[1], numbers[0]]]) {
        assert!(seconds_of(heard, tone_of(other)) > 1.2, "{own} did not hear {other}: {}", heard.display());
        assert!(seconds_of(heard, tone_of(own)) < 0.1, "{own} heard himself: {}", heard.display());
    }
}

/// Every wait ends when it has happened; none ends by itself before [`PATIENCE`].
pub(crate) trait Softphone {
    fn dials(&mut self, number: &str);
    /// Waits until the phone rings.
    fn rings(&mut self);
    fn picks_up(&mut self);
    fn declines(&mut self);
    /// Waits until the phone's one call is up.
    fn talks(&mut self);
    fn holds(&mut self);
    fn resumes(&mut self);
    fn presses(&mut self, digits: &str);
    fn writes(&mut self, number: &str, text: &str);
    /// Waits for this text, as far as the phone shows it.
    fn reads(&mut self, text: &str);
    fn transfers_to(&mut self, number: &str);
    fn hangs_up(&mut self);
    /// Waits until the far side has ended the call.
    fn is_released(&mut self);
    /// Ends the phone, and what it heard.
    fn recording(self: Box<Self>) -> PathBuf;
}

/// Far longer than anything takes, on two cores that do other things as well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Sound takes its time; the phones go on by themselves.
pub(crate) fn sound_flows_for(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// A port of the kernel's choice, for phones that must be told one: free for UDP and TCP, and the next one too, where baresip
/// listens for TLS. Whoever comes between is not expected on this address.
pub(crate) fn free_port(ip: &str) -> u16 {
    let is_free = |port: u16| TcpListener::bind((ip, port)).is_ok();
    let chosen = || UdpSocket::bind((ip, 0)).and_then(|socket| socket.local_addr()).expect("a port").port();
    std::iter::repeat_with(chosen)
        .take(100)
        .find(|port| is_free(*port) && port.checked_add(1).is_some_and(is_free))
        .expect("a free port")
}

/// What a phone has said: each line is waited for from the start on, and counts once.
pub(crate) struct Sayings {
    lines: mpsc::Receiver<String>,
    fresh: Vec<String>,
    whole: Vec<String>,
}

impl Sayings {
    pub(crate) fn new(lines: mpsc::Receiver<String>) -> Self {
        Self { lines, fresh: Vec::new(), whole: Vec::new() }
    }

    /// Takes the first line of which `meant` makes something.
    pub(crate) fn wait<T>(&mut self, what: &str, meant: impl Fn(&str) -> Option<T>) -> T {
        match self.wait_until(Instant::now() + PATIENCE, &meant) {
            Some(found) => found,
            None => panic!("the phone never said `{what}`:\n{}", self.whole.join("\n")),
        }
    }

    pub(crate) fn wait_until<T>(&mut self, until: Instant, meant: &impl Fn(&str) -> Option<T>) -> Option<T> {
        loop {
            let found = self.fresh.iter().enumerate().find_map(|(at, line)| Some((at, meant(line)?)));
            if let Some((at, found)) = found {
                self.fresh.remove(at);
                return Some(found);
            }
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())).ok()?;
            self.whole.push(line.clone());
            self.fresh.push(line);
        }
    }

    /// Takes a line with these words.
    pub(crate) fn wait_for(&mut self, words: &str) {
        self.wait(words, |line| line.contains(words).then_some(()));
    }

    pub(crate) fn whole(&self) -> String {
        self.whole.join("\n")
    }
}
