//! How long a caller waits for the ringing tone, and what a datagram costs that nobody reads.
//!
//! ```text
//! cargo bench --bench sipgen -- SERVER CALLER CALLEE NUMBER RATE CALLS
//! cargo bench --bench sipgen -- forward NEAR FAR TARGET
//! ```
//!
//! A caller and a callee in one process, each woken by its own socket alone: sipp looks at the clock every few milliseconds,
//! which is more than is to be measured. The callee rings and answers at once; the caller hangs up after a second. Prints one
//! line: calls, failures, and from the INVITE sent until the kernel had the 180 and the 200, in milliseconds. The time that
//! the callee takes to ring, from the INVITE that the kernel had to the 180 sent, is not the server's and is said by itself.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a generator has sockets and a clock")]

#[path = "../measure/arrival.rs"]
mod arrival;
#[path = "../measure/cpu.rs"]
mod cpu;
mod forward;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::arrival::Reader;

const USAGE: &str = "sipgen SERVER CALLER CALLEE NUMBER RATE CALLS, as 127.0.0.1:5060 127.0.0.2:6000 127.0.0.4:6000 +55… 40 400\n\
     sipgen forward NEAR FAR TARGET";
const TALK: Duration = Duration::from_secs(1);
/// Nothing has come for so long: it is over.
const PATIENCE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match run(&words) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("sipgen: {why}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<String, String> {
    let (server, caller, callee, number, rate, calls) = match words {
        [forward, near, far, target] if forward == "forward" => return forward::run(near, far, target),
        [server, caller, callee, number, rate, calls] => (server, caller, callee, number, rate, calls),
        _ => return Err("six words are needed, or four".to_owned()),
    };
    let count = |text: &str| text.parse::<u32>().map_err(|fault| format!("{text}: {fault}"));
    let (server, caller, callee) = (read("server", server)?, read("caller", caller)?, read("callee", callee)?);
    let rings = Arc::<Mutex<Rings>>::default();
    let (callee, rung) = (stamped(callee)?, Arc::clone(&rings));
    thread::spawn(move || answer_calls(&callee, &rung));
    let caller = Arc::new(Caller::new(stamped(caller)?, server, number));
    let listener = Arc::clone(&caller);
    let listening = thread::spawn(move || listener.listen());
    caller.place(count(rate)?, count(calls)?);
    listening.join().map_err(|_| "the caller's ear failed".to_owned())?;
    let rings = rings.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(caller.report(count(calls)?, &rings))
}

fn read(what: &str, text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|fault| format!("{what} {text}: {fault}"))
}

fn socket(address: SocketAddr) -> Result<UdpSocket, String> {
    let socket = UdpSocket::bind(address).map_err(|fault| format!("{address}: {fault}"))?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(|fault| fault.to_string())?;
    Ok(socket)
}

/// The kernel says when each datagram came.
fn stamped(address: SocketAddr) -> Result<UdpSocket, String> {
    let socket = socket(address)?;
    arrival::stamp(&socket).map_err(|fault| fault.to_string())?;
    Ok(socket)
}

/// How long the callee took to ring, by the number that calls.
type Rings = HashMap<String, Duration>;

struct Caller {
    socket: UdpSocket,
    us: SocketAddr,
    server: SocketAddr,
    number: String,
    calls: Mutex<HashMap<u32, Timed>>,
}

struct Timed {
    /// As [`arrival::now`].
    sent: Duration,
    rang: Option<Duration>,
    answered: Option<Duration>,
    /// The server's, once it has answered.
    tag: String,
    ended: bool,
}

impl Caller {
    fn new(socket: UdpSocket, server: SocketAddr, number: &str) -> Caller {
        let us = socket.local_addr().unwrap_or(server);
        Caller { socket, us, server, number: number.to_owned(), calls: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<u32, Timed>) -> T) -> T {
        work(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// In the order of time: the next call begins, or the oldest one ends.
    fn place(&self, rate: u32, calls: u32) {
        let began = Instant::now();
        let begins = |call: u32| began + Duration::from_secs(1) * call / rate.max(1);
        let (mut next, mut oldest) = (0, 0);
        while oldest < calls {
            let ends = begins(oldest) + TALK;
            let call_first = next < calls && begins(next) <= ends;
            let due = if call_first { begins(next) } else { ends };
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if call_first {
                self.invite(next);
                next += 1;
            } else {
                self.hang_up(oldest);
                oldest += 1;
            }
        }
    }

    fn invite(&self, call: u32) {
        let (us, number, server) = (self.us, &self.number, self.server);
        let sdp = sdp(us);
        let text = format!(
            "INVITE sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bKi{call};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{}@{us}>;tag=c{call}\r\nTo: <sip:{number}@{server}>\r\n\
             Call-ID: {call}@{us}\r\nCSeq: 1 INVITE\r\nContact: <sip:customer@{us}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            number_of(call),
            sdp.len(),
        );
        let timed = Timed { sent: arrival::now(), rang: None, answered: None, tag: String::new(), ended: false };
        self.with(|calls| calls.insert(call, timed));
        self.send(&text);
    }

    fn hang_up(&self, call: u32) {
        let tag = self.with(|calls| calls.get(&call).map(|timed| timed.tag.clone())).unwrap_or_default();
        self.send(&self.inside(call, &tag, "BYE", 2));
    }

    fn inside(&self, call: u32, tag: &str, method: &str, cseq: u32) -> String {
        let (us, number, server) = (self.us, &self.number, self.server);
        format!(
            "{method} sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bK{method}{call};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{}@{us}>;tag=c{call}\r\nTo: <sip:{number}@{server}>;tag={tag}\r\n\
             Call-ID: {call}@{us}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
            number_of(call),
        )
    }

    fn send(&self, text: &str) {
        // What the kernel does not take shows as a call that failed.
        let _ = self.socket.send_to(text.as_bytes(), self.server);
    }

    fn listen(&self) {
        let (mut reader, mut buffer) = (Reader::new(), [0; 4_096]);
        while let Some(arrival) = reader.read(&self.socket, &mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..arrival.length]);
            let call = line(&text, "Call-ID").split([' ', '@']).nth(1).and_then(|call| call.parse().ok());
            if let Some(call) = call {
                self.hear(call, &text, arrival.at);
            }
        }
    }

    fn hear(&self, call: u32, text: &str, heard: Duration) {
        let is_of_invite = line(text, "CSeq").ends_with("INVITE");
        let tag = line(text, "To").split(";tag=").nth(1).unwrap_or_default().to_owned();
        let acknowledge = self.with(|calls| {
            let timed = calls.get_mut(&call)?;
            let passed = heard.saturating_sub(timed.sent);
            match (text.get(8..11), is_of_invite) {
                (Some("180"), true) => timed.rang = timed.rang.or(Some(passed)),
                (Some("200"), true) => {
                    timed.answered = timed.answered.or(Some(passed));
                    timed.tag.clone_from(&tag);
                    return Some(());
                }
                (Some("200"), false) => timed.ended = true,
                _ => {}
            }
            None
        });
        if acknowledge.is_some() {
            self.send(&self.inside(call, &tag, "ACK", 1));
        }
    }

    fn report(&self, placed: u32, rings: &Rings) -> String {
        self.with(|calls| {
            let good = || calls.iter().filter(|(_, timed)| timed.ended);
            let failed = placed as usize - good().count();
            let rang = spread(good().filter_map(|(_, timed)| timed.rang).collect());
            let answered = spread(good().filter_map(|(_, timed)| timed.answered).collect());
            let without =
                good().filter_map(|(call, timed)| Some(timed.rang?.saturating_sub(*rings.get(&number_of(*call))?)));
            let without = spread(without.collect());
            format!(
                "{placed} calls, {failed} failed, INVITE to 180 {rang}, without the callee {without}; to 200 {answered}"
            )
        })
    }
}

/// A mobile number of its own for each call, by which the callee knows it.
fn number_of(call: u32) -> String {
    format!("+55119{call:08}")
}

/// `p50 0.71 ms p99 2.30 ms`.
fn spread(mut spans: Vec<Duration>) -> String {
    spans.sort();
    let at = |part: usize| spans.get((spans.len() * part / 100).min(spans.len().saturating_sub(1)));
    let ms = |part| at(part).map_or(f64::NAN, |span| span.as_secs_f64() * 1e3);
    format!("p50 {:.2} ms p99 {:.2} ms", ms(50), ms(99))
}

/// Rings and answers every INVITE at once, and says 200 to whatever else comes.
fn answer_calls(socket: &UdpSocket, rings: &Mutex<Rings>) {
    let (mut reader, mut buffer) = (Reader::new(), [0; 4_096]);
    loop {
        let Some(arrival) = reader.read(socket, &mut buffer) else {
            continue;
        };
        let (text, from) = (String::from_utf8_lossy(&buffer[..arrival.length]), arrival.from);
        if text.starts_with("INVITE ") {
            let (ringing, caller) = (reply(&text, "180 Ringing", ""), caller_of(&text));
            let took = arrival::now().saturating_sub(arrival.at);
            let _ = socket.send_to(ringing.as_bytes(), from);
            let us = socket.local_addr().unwrap_or(from);
            let _ = socket.send_to(reply(&text, "200 OK", &sdp(us)).as_bytes(), from);
            rings.lock().unwrap_or_else(PoisonError::into_inner).entry(caller).or_insert(took);
        } else if !text.starts_with("ACK ") && !text.starts_with("SIP/2.0 ") {
            let _ = socket.send_to(reply(&text, "200 OK", "").as_bytes(), from);
        }
    }
}

/// The user part of From.
fn caller_of(request: &str) -> String {
    let user = line(request, "From").split("sip:").nth(1).and_then(|rest| rest.split('@').next());
    user.unwrap_or_default().to_owned()
}

fn reply(request: &str, status: &str, body: &str) -> String {
    let copied = ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| line(request, name));
    let [via, from, mut to, call_id, cseq] = copied.map(str::to_owned);
    if !to.contains(";tag=") {
        to.push_str(";tag=callee");
    }
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\n{via}\r\n{from}\r\n{to}\r\n{call_id}\r\n{cseq}\r\nContact: <sip:network@127.0.0.4>\r\n\
         {kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn line<'m>(message: &'m str, name: &str) -> &'m str {
    let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
    message.lines().find(is_it).unwrap_or_default()
}

fn sdp(us: SocketAddr) -> String {
    let address = us.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
    )
}
