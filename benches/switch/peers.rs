//! A caller, a callee and a phone, as sipp's scenes in `tests/load.d` are.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use desvio::sip::hop::Transmit;
use md5::Digest;
use md5::Md5;

use crate::world::CALLEE;
use crate::world::CALLER;
use crate::world::PHONE;
use crate::world::World;

/// Forty calls a second, each lasts for a second.
const BETWEEN: Duration = Duration::from_millis(25);
const RUNNING: usize = 40;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.8\r\ns=-\r\nc=IN IP4 198.51.100.8\r\nt=0 0\r\n\
    m=audio 30000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\na=ptime:20\r\n";

#[derive(Default)]
pub(crate) struct Peers {
    running: VecDeque<Running>,
}

struct Running {
    number: usize,
    /// The To of our 200, and its Contact.
    to: String,
    target: String,
}

impl Peers {
    /// Call `number` begins; the oldest one ends.
    pub(crate) fn call(&mut self, number: usize, world: &mut World) {
        world.passes(BETWEEN);
        let sent = world.hears(CALLER, invite(number));
        let theirs = find(&sent, "INVITE ");
        world.hears(CALLEE, reply(&theirs, "180 Ringing", ""));
        let sent = world.hears(CALLEE, reply(&theirs, "200 OK", SDP));
        let ours = find(&sent, "SIP/2.0 200");
        let target = line(&ours, "Contact").trim_start_matches("Contact: <").split('>').next().unwrap_or_default();
        let call = Running { number, to: line(&ours, "To").to_owned(), target: target.to_owned() };
        world.hears(CALLER, inside(&call, "ACK", 1));
        self.running.push_back(call);
        if self.running.len() > RUNNING
            && let Some(call) = self.running.pop_front()
        {
            let sent = world.hears(CALLER, inside(&call, "BYE", 2));
            world.hears(CALLEE, reply(&find(&sent, "BYE "), "200 OK", ""));
        }
    }

    pub(crate) fn register(&mut self, number: usize, world: &mut World) {
        world.passes(Duration::from_millis(3));
        let sent = world.hears(PHONE, register(number, 1, ""));
        let refused = find(&sent, "SIP/2.0 401");
        let challenge = refused.lines().find(|line| line.contains("algorithm=MD5")).expect("a challenge");
        let nonce = challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce");
        let sent = world.hears(PHONE, register(number, 2, &authorization(nonce)));
        find(&sent, "SIP/2.0 200");
    }
}

fn invite(number: usize) -> String {
    let length = SDP.len();
    format!(
        "INVITE sip:+551140031234@10.0.0.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 198.51.100.8:5060;branch=z9hG4bK-1-{number}-0;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:+5511999998888@198.51.100.8:5060>;tag=c{number}\r\nTo: <sip:+551140031234@10.0.0.1:5060>\r\n\
         Call-ID: {number}-9@198.51.100.8\r\nCSeq: 1 INVITE\r\nContact: <sip:customer@198.51.100.8:5060>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{SDP}"
    )
}

fn inside(call: &Running, method: &str, cseq: u32) -> String {
    let Running { number, to, target } = call;
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.8:5060;branch=z9hG4bK-{cseq}-{number}-1;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:+5511999998888@198.51.100.8:5060>;tag=c{number}\r\n{to}\r\n\
         Call-ID: {number}-9@198.51.100.8\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn reply(request: &str, status: &str, body: &str) -> String {
    let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
        .map(|name| match (name, line(request, name)) {
            ("To", to) if !to.contains(";tag=") => format!("{to};tag=callee\r\n"),
            (_, line) => format!("{line}\r\n"),
        })
        .concat();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let length = body.len();
    format!(
        "SIP/2.0 {status}\r\n{copied}Contact: <sip:network@{CALLEE}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}"
    )
}

fn register(number: usize, cseq: u32, authorization: &str) -> String {
    format!(
        "REGISTER sip:desvio.test SIP/2.0\r\nVia: SIP/2.0/UDP {PHONE};branch=z9hG4bK-{cseq}-{number}-0;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:200@desvio.test>;tag={number}\r\nTo: <sip:200@desvio.test>\r\n\
         Call-ID: {number}-9@10.0.1.1\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:200@{PHONE}>\r\n{authorization}\
         User-Agent: bench\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
    )
}

fn authorization(nonce: &str) -> String {
    let user = hex("200:desvio.test:segredo");
    let what = hex("REGISTER:sip:desvio.test");
    let proof = hex(&format!("{user}:{nonce}:00000001:c0ffee:auth:{what}"));
    format!(
        "Authorization: Digest username=\"200\",realm=\"desvio.test\",cnonce=\"c0ffee\",nc=00000001,qop=auth,\
         uri=\"sip:desvio.test\",nonce=\"{nonce}\",response=\"{proof}\",algorithm=MD5\r\n"
    )
}

fn hex(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn find(sent: &[Transmit], start: &str) -> String {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let all: Vec<String> = sent.iter().map(|transmit| text(&transmit.bytes)).collect();
    all.iter().find(|message| message.starts_with(start)).unwrap_or_else(|| panic!("no {start} in {all:#?}")).clone()
}

fn line<'m>(message: &'m str, name: &str) -> &'m str {
    let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
    message.lines().find(is_it).unwrap_or_else(|| panic!("no {name} in {message}"))
}
