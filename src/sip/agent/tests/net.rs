//! A virtual network between user agents, for stories: it loses, repeats, delays and reorders, all from one seed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::Event;
use crate::sip::agent::Invitation;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::UserAgent;
use crate::sip::agent::tests::weather::Network;
use crate::sip::agent::tests::weather::Weather;
use crate::sip::config::Config;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;
use crate::sip::hop::Transport;
use crate::sip::name_addr::NameAddr;
use crate::sip::transaction::testing::first_line;
use crate::sip::transaction::testing::start;
use crate::sip::uri::Uri;

/// Two agents, 0 and 1, and what flies between them.
pub(super) struct Net {
    pub(super) agents: [UserAgent; 2],
    pub(super) events: [Vec<Event>; 2],
    pub(super) now: Instant,
    pub(super) start: Instant,
    pub(super) network: Network,
    flying: BinaryHeap<Reverse<(Instant, u64)>>,
    packets: BTreeMap<u64, (usize, Packet)>,
    last: u64,
    /// Everything that was sent, for the panic of a failing story.
    pub(super) trace: Vec<String>,
}

impl Net {
    pub(super) fn new(seed: u64, weather: Weather) -> Net {
        let agent = |seed| UserAgent::new(&Config::default(), fastrand::Rng::with_seed(seed));
        let start = start();
        Net {
            agents: [agent(seed * 2), agent(seed * 2 + 1)],
            events: [Vec::new(), Vec::new()],
            now: start,
            start,
            network: Network::new(seed, weather),
            flying: BinaryHeap::new(),
            packets: BTreeMap::new(),
            last: 0,
            trace: vec![format!("seed {seed}")],
        }
    }

    /// Agent `caller` calls the other one.
    pub(super) fn call(&mut self, caller: usize) -> SessionId {
        let hop =
            Hop { transport: Transport::Udp, local: address(caller), remote: address(1 - caller), connection: None };
        let party = |of: usize| NameAddr::new(Uri::sip(Some("party"), &address(of).ip().to_string(), None));
        let invitation = Invitation {
            target: Uri::sip(Some("party"), &hop.remote.ip().to_string(), Some(hop.remote.port())),
            hop,
            alternatives: Vec::new(),
            from: party(caller),
            to: party(1 - caller),
            sdp: Bytes::from_static(b"v=0 offer"),
            headers: Vec::new(),
            credentials: None,
        };
        let session = self.agents[caller].invite(invitation, self.now);
        self.collect();
        session
    }

    /// Lets an agent act now.
    pub(super) fn act<T>(&mut self, who: usize, act: impl FnOnce(&mut UserAgent, Instant) -> T) -> T {
        let result = act(&mut self.agents[who], self.now);
        self.collect();
        result
    }

    /// From now on nothing is lost.
    pub(super) fn calms_down(&mut self) {
        self.network.weather = Weather::FAIR;
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.step();
        }
        self.now = end;
    }

    /// The next thing that happens by itself.
    pub(super) fn next(&mut self) -> Option<Instant> {
        let packet = self.flying.peek().map(|Reverse((at, _))| *at);
        let alarms = self.agents.iter_mut().map(UserAgent::poll_timeout).collect::<Vec<_>>();
        alarms.into_iter().chain([packet]).flatten().min()
    }

    pub(super) fn step(&mut self) {
        for agent in &mut self.agents {
            agent.handle_timeout(self.now);
        }
        while let Some(Reverse((at, number))) = self.flying.peek().copied().filter(|Reverse((at, _))| *at <= self.now) {
            self.flying.pop();
            let (to, packet) = self.packets.remove(&number).expect("what flies was sent");
            self.agents[to].receive(packet, at.max(self.now));
        }
        self.collect();
    }

    fn collect(&mut self) {
        for who in 0..2 {
            while let Some(transmit) = self.agents[who].poll_transmit() {
                self.launch(who, transmit);
            }
            while let Some(event) = self.agents[who].poll_event() {
                self.note(who, &format!("hears {}", short(&event)));
                self.events[who].push(event);
            }
        }
    }

    fn launch(&mut self, who: usize, transmit: Transmit) {
        let fate = self.network.fate();
        self.note(who, &format!("sends {}x {}", fate.len(), first_line(&transmit.bytes)));
        assert_eq!(transmit.hop.remote, address(1 - who), "{:#?}", self.trace);
        for delay in fate {
            self.last += 1;
            self.flying.push(Reverse((self.now + delay, self.last)));
            let hop = Hop { local: transmit.hop.remote, remote: transmit.hop.local, ..transmit.hop };
            self.packets.insert(self.last, (1 - who, Packet { hop, bytes: transmit.bytes.clone() }));
        }
    }

    fn note(&mut self, who: usize, what: &str) {
        let at = (self.now - self.start).as_secs_f64();
        self.trace.push(format!("{at:9.3} {who} {what}"));
    }

    /// The events of one agent since the last look.
    pub(super) fn heard(&mut self, who: usize) -> Vec<Event> {
        std::mem::take(&mut self.events[who])
    }

    /// The same, of sessions only.
    pub(super) fn sessions_heard(&mut self, who: usize) -> Vec<SessionEvent> {
        let events = self.heard(who).into_iter();
        let session = |event| match event {
            Event::Session { event, .. } => Some(event),
            _ => None,
        };
        events.filter_map(session).collect()
    }

    /// The INVITE that just reached this agent.
    pub(super) fn invited(&mut self, who: usize) -> TransactionId {
        let invites = self.heard(who).into_iter().filter_map(|event| match event {
            Event::Invite { transaction, .. } => Some(transaction),
            _ => None,
        });
        let all: Vec<TransactionId> = invites.collect();
        assert_eq!(all.len(), 1, "{:#?}", self.trace);
        all[0]
    }

    /// Fails unless everything of every call is forgotten, at both ends.
    pub(super) fn nothing_is_left(&mut self) {
        self.advance(Duration::from_secs(200));
        for agent in &self.agents {
            assert!(agent.is_idle(), "{:?}\n{:#?}", agent.counts(), self.trace);
        }
        assert_eq!(self.next(), None, "{:#?}", self.trace);
    }
}

fn address(of: usize) -> SocketAddr {
    let last = u8::try_from(of).expect("two agents") + 1;
    SocketAddr::from(([192, 0, 2, last], 5060))
}

fn short(event: &Event) -> String {
    match event {
        Event::Session { session, event } => format!("{session:?} {event:?}"),
        Event::Invite { transaction, .. } => format!("INVITE {transaction:?}"),
        other => format!("{other:?}").chars().take(40).collect(),
    }
}

pub(super) const CALLER: usize = 0;
pub(super) const CALLEE: usize = 1;

pub(super) fn sdp(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

impl UserAgent {
    /// True if no call, transaction or index entry is left.
    pub(super) fn is_idle(&self) -> bool {
        let counts = self.counts();
        let indexed = self.session_by_tag.len() + self.core.invites.len();
        counts.transactions + counts.sessions + counts.requests + indexed == 0
    }
}
