//! One agent and a peer that is written out by hand: exact answers to odd messages.

use crate::sip::agent::Counts;
use crate::sip::agent::Event;
use crate::sip::agent::Invitation;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::UserAgent;
use crate::sip::config::Config;
use crate::sip::digest::Credentials;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;
use crate::sip::name_addr::NameAddr;
use crate::sip::transaction::testing::first_line;
use crate::sip::transaction::testing::secs;
use crate::sip::transaction::testing::start;
use crate::sip::transaction::testing::udp;
use crate::sip::uri::Uri;
use bytes::Bytes;
use std::time::Instant;

pub(super) struct Bench {
    pub(super) agent: UserAgent,
    pub(super) now: Instant,
    pub(super) hop: Hop,
}

impl Bench {
    pub(super) fn new() -> Bench {
        Bench::with(Config::default())
    }

    pub(super) fn with(config: Config) -> Bench {
        Bench { agent: UserAgent::new(&config, fastrand::Rng::with_seed(7)), now: start(), hop: udp() }
    }

    pub(super) fn receive(&mut self, text: &str) {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.agent.receive(Packet { hop: self.hop, bytes }, self.now);
    }

    /// Receives a message without body and returns the first lines of the answers.
    pub(super) fn ask(&mut self, text: &str) -> Vec<String> {
        self.receive(text);
        self.lines()
    }

    pub(super) fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.agent.poll_transmit()).collect()
    }

    pub(super) fn texts(&mut self) -> Vec<String> {
        self.sent().iter().map(|sent| String::from_utf8_lossy(&sent.bytes).into_owned()).collect()
    }

    pub(super) fn lines(&mut self) -> Vec<String> {
        self.sent().iter().map(|sent| first_line(&sent.bytes)).collect()
    }

    /// Lets time pass; returns the first lines of what was sent meanwhile.
    pub(super) fn advance(&mut self, length: std::time::Duration) -> Vec<String> {
        let end = self.now + length;
        let mut lines = Vec::new();
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.agent.handle_timeout(at);
            lines.extend(self.lines());
        }
        self.now = end;
        lines
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }

    pub(super) fn session_events(&mut self) -> Vec<SessionEvent> {
        let session = |event| match event {
            Event::Session { event, .. } => Some(event),
            other => panic!("{other:?}"),
        };
        self.events().into_iter().filter_map(session).collect()
    }

    pub(super) fn invited(&mut self) -> TransactionId {
        match self.events().as_slice() {
            [Event::Invite { transaction, .. }] => *transaction,
            other => panic!("{other:?}"),
        }
    }

    /// A call of the peer that was taken and accepted; its 200 as sent.
    pub(super) fn accepted(&mut self, invite: &str) -> (SessionId, String) {
        assert_eq!(self.ask(invite), ["SIP/2.0 100 Trying"]);
        let transaction = self.invited();
        let session = self.agent.take(transaction, self.now).unwrap();
        self.agent.accept(session, Bytes::from_static(b"v=0 ours"), self.now);
        let mut sent = self.texts();
        assert_eq!(sent.len(), 1);
        (session, sent.remove(0))
    }

    /// The same, with its ACK.
    pub(super) fn talking(&mut self) -> (SessionId, String) {
        let (session, answer) = self.accepted(&invite("1", ""));
        let tag = to_tag(&answer);
        assert!(self.ask(&inside("ACK", 1, "ack", &tag, "")).is_empty());
        assert_eq!(self.session_events(), [SessionEvent::Confirmed { sdp: None }]);
        (session, tag)
    }

    pub(super) fn calls(&mut self, credentials: Option<Credentials>) -> SessionId {
        self.calls_any(credentials, Vec::new())
    }

    /// The same, with further targets for the call.
    pub(super) fn calls_any(&mut self, credentials: Option<Credentials>, alternatives: Vec<Hop>) -> SessionId {
        self.calls_with(credentials, alternatives, Bytes::from_static(b"v=0 offer"))
    }

    /// The same, with this offer; none if it is empty.
    pub(super) fn calls_with(
        &mut self,
        credentials: Option<Credentials>,
        alternatives: Vec<Hop>,
        sdp: Bytes,
    ) -> SessionId {
        let party = |user| NameAddr::new(Uri::sip(Some(user), "desvio.local", None));
        let invitation = Invitation {
            target: Uri::sip(Some("200"), "192.0.2.2", Some(5060)),
            hop: self.hop,
            alternatives,
            from: party("100"),
            to: party("200"),
            sdp,
            headers: Vec::new(),
            credentials,
        };
        self.agent.invite(invitation, self.now)
    }

    pub(super) fn counts(&self) -> Counts {
        self.agent.counts()
    }

    pub(super) fn nothing_is_left(&mut self) {
        self.advance(secs(200));
        assert!(self.agent.is_idle(), "{:?}", self.counts());
        assert_eq!(self.agent.poll_timeout(), None);
    }
}

/// A request of the peer outside of any dialog.
pub(super) fn outside(method: &str, branch: &str, more: &str) -> String {
    format!(
        "{method} sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:200@192.0.2.2>;tag=peer\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: one\r\n\
         CSeq: 1 {method}\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

pub(super) const CONTACT: &str = "Contact: <sip:200@192.0.2.2:5060>\r\n";

/// An INVITE of the peer with an offer.
pub(super) fn invite(branch: &str, more: &str) -> String {
    let head = outside("INVITE", branch, &format!("{CONTACT}{more}Content-Type: application/sdp\r\n"));
    with_body(&head, "v=0 theirs")
}

pub(super) fn with_body(head: &str, body: &str) -> String {
    head.replace("Content-Length: 0\r\n\r\n", &format!("Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// A request of the peer inside the dialog that its INVITE began.
pub(super) fn inside(method: &str, number: u32, branch: &str, tag: &str, more: &str) -> String {
    outside(method, branch, more)
        .replace("To: <sip:100@192.0.2.1>", &format!("To: <sip:100@192.0.2.1>;tag={tag}"))
        .replace(&format!("CSeq: 1 {method}"), &format!("CSeq: {number} {method}"))
}

/// The peer's response to a request of ours.
pub(super) fn response(request: &str, status: &str, tag: &str, more: &str) -> String {
    let copied = |name: &str| request.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let [via, from, to, call_id, cseq] = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].map(copied);
    let to = if to.contains(";tag=") || tag.is_empty() { to } else { format!("{to};tag={tag}") };
    format!("SIP/2.0 {status}\r\n{via}\r\n{from}\r\n{to}\r\n{call_id}\r\n{cseq}\r\n{more}Content-Length: 0\r\n\r\n")
}

pub(super) fn accepting(request: &str, tag: &str) -> String {
    let head = response(request, "200 OK", tag, &format!("{CONTACT}Content-Type: application/sdp\r\n"));
    with_body(&head, "v=0 answer")
}

pub(super) fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(&format!("{name}: ")));
    line.map_or("", |line| &line[name.len() + 2..])
}

pub(super) fn to_tag(text: &str) -> String {
    header(text, "To").split(";tag=").nth(1).unwrap().to_owned()
}
