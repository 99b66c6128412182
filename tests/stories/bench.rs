//! The bench that the stories play on: a switch, its surroundings, and a clock that only the story moves.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use desvio::channel::HttpAnswer;
use desvio::channel::HttpRequest;
use desvio::channel::message::MessageStatus;
use desvio::dialplan::lookup;
use desvio::dialplan::lookup::Query;
use desvio::media::answering::Verdict;
use desvio::media::command::Event as MediaEvent;
use desvio::media::prompts::Prompts;
use desvio::outage::reports::Says;
use desvio::sip::hop::Packet;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::Problem;
use desvio::switch::effect::Effect;
use desvio::switch::effect::PublicEvent;
use desvio::switch::input::Input;
use desvio::switch::input::Ticket;
use desvio::switch::machine::KeptState;
use desvio::switch::machine::Switch;

use crate::phone::Phone;
use crate::pump::Pump;
use crate::store::Store;
use crate::switch::switch;
use crate::switch::wall;
use crate::weather::Network;
use crate::world::Ill;

pub(crate) const SERVER: &str = "10.0.0.1:5060";
pub(crate) const CARRIER: &str = "198.51.100.9:5060";
pub(crate) const BUSINESS: &str = "+551140031234";
pub(crate) const CUSTOMER: &str = "+5511999998888";

/// Whom a message on the network is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    Switch,
    Phone(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PhoneId(pub usize);

pub(crate) struct Bench {
    pub(crate) switch: Switch,
    pub(crate) now: Instant,
    pub(crate) started: Instant,
    pub(crate) phones: Vec<Phone>,
    pub(crate) pump: Pump,
    pub(crate) store: Store,
    pub(crate) events: Vec<PublicEvent>,
    pub(crate) http: Vec<(Ticket, HttpRequest)>,
    /// What dialplans ask other programs and nobody has answered or called off.
    pub(crate) questions: Vec<(Ticket, Box<Query>)>,
    pub(crate) answers: VecDeque<(Ticket, Result<Answer, Problem>)>,
    /// What other servers were told.
    pub(crate) told_to_peers: Vec<(String, Says)>,
    /// Probes of channels in this list fail.
    pub(crate) fallen: Vec<String>,
    /// Probes of `whatsapp` so far that have no time of their own.
    pub(crate) probed: u32,
    /// What else fails.
    pub(crate) ills: Vec<Ill>,
    pub(crate) trace: String,
    /// So many of a hundred messages are lost, in both directions.
    pub(crate) loss: u32,
    /// What the name server knows: host → its addresses. Hosts that are addresses need nobody to be asked.
    pub(crate) names: BTreeMap<String, Vec<SocketAddr>>,
    /// Files that were removed.
    pub(crate) removed: Vec<PathBuf>,
    /// Why the command that tells of messages fails, while it does.
    pub(crate) mail_fails: Option<String>,
    /// What a slow disk and a slow store were asked; none: they answer at once.
    pub(crate) held: Option<Vec<Effect>>,
    /// The dialplan that stands in the files now, and that which ran before.
    pub(crate) on_disk: String,
    /// The recordings that stand there, where they are not those that run.
    pub(crate) prompts_on_disk: Option<Prompts>,
    pub(crate) earlier: Option<String>,
    pub(crate) luck: fastrand::Rng,
    /// Where messages are late, twice or out of order as well; none: each arrives at once.
    pub(crate) network: Option<Network>,
    flying: BTreeMap<(Instant, u64), (To, Packet)>,
    sent: u64,
    /// What was sent to addresses that no phone has.
    pub(crate) unclaimed: Vec<String>,
    next_ticket: u64,
    pub(crate) config: String,
    seed: u64,
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}

const CONFIG: &str = include_str!("../data/bench.toml");
const DESIGN: &str = include_str!("../data/design.kdl");

impl Bench {
    /// The dialplan of the contract, extensions 200 and 201, queue `vendas`, trunk `operadora`, channels `whatsapp` and `sms`.
    pub(crate) fn new() -> Self {
        Self::with_dialplan(DESIGN)
    }

    pub(crate) fn with_dialplan(plan: &str) -> Self {
        Self::build(CONFIG, plan)
    }

    pub(crate) fn build(config: &str, plan: &str) -> Self {
        Self::build_among(config, plan, &[])
    }

    pub(crate) fn build_among(config: &str, plan: &str, names: &[(&str, &[&str])]) -> Self {
        let addresses = |all: &[&str]| all.iter().map(|text| text.parse().expect("an address")).collect();
        let names = names.iter().map(|(name, all)| ((*name).to_owned(), addresses(all))).collect();
        let now = origin();
        let seed = 7;
        let switch = switch(config, plan, KeptState::default(), seed, now, wall());
        let mut bench = Self {
            switch,
            now,
            started: now,
            phones: Vec::new(),
            pump: Pump::default(),
            store: Store::default(),
            events: Vec::new(),
            http: Vec::new(),
            questions: Vec::new(),
            answers: VecDeque::new(),
            told_to_peers: Vec::new(),
            fallen: Vec::new(),
            probed: 0,
            ills: Vec::new(),
            trace: String::new(),
            loss: 0,
            removed: Vec::new(),
            mail_fails: None,
            held: None,
            on_disk: plan.to_owned(),
            prompts_on_disk: None,
            earlier: None,
            network: None,
            flying: BTreeMap::new(),
            sent: 0,
            unclaimed: Vec::new(),
            names,
            luck: fastrand::Rng::with_seed(seed),
            next_ticket: 0,
            config: config.to_owned(),
            seed,
        };
        bench.note(plan.lines().next().unwrap_or_default());
        bench.advance(Duration::ZERO);
        bench
    }

    /// The process ends without a word and starts again on what the store kept.
    pub(crate) fn restarts(&mut self, plan: &str) {
        let kept = KeptState {
            bindings: self.store.bindings.values().cloned().collect(),
            messages: self
                .store
                .messages
                .values()
                .filter(|message| matches!(message.status, MessageStatus::Queued | MessageStatus::Sending))
                .cloned()
                .collect(),
            channels: self.store.channels.clone(),
            mailboxes: self.store.mailboxes(),
            recordings: Vec::new(),
            incidents: self.store.unfinished_incidents(),
            greetings: Default::default(),
            callbacks: self.store.callbacks.values().cloned().collect(),
        };
        self.seed += 1;
        let wall = self.wall();
        self.switch = switch(&self.config, plan, kept, self.seed, self.now, wall);
        self.pump = Pump::default();
        self.http.clear();
        self.questions.clear();
        self.note("the server restarts");
        self.advance(Duration::ZERO);
    }

    /// What the clock on the wall says: it runs on over a restart.
    pub(crate) fn wall(&self) -> jiff::Timestamp {
        wall().checked_add(self.now - self.started).expect("a time")
    }

    pub(crate) fn phone(&mut self, number: &str) -> PhoneId {
        let index = self.phones.len();
        let address = SocketAddr::from(([10, 0, 1, index as u8 + 1], 5060));
        self.add(number, address, Some("segredo"))
    }

    pub(crate) fn add(&mut self, name: &str, address: SocketAddr, password: Option<&str>) -> PhoneId {
        let seed = 100 + self.phones.len() as u64;
        let server = SERVER.parse().expect("an address");
        self.phones.push(Phone::new(name, address, server, password, seed));
        PhoneId(self.phones.len() - 1)
    }

    pub(crate) fn registered(&mut self, number: &str) -> PhoneId {
        let phone = self.phone(number);
        self.registers(phone);
        phone
    }

    pub(crate) fn registers(&mut self, phone: PhoneId) {
        let now = self.now;
        self.phones[phone.0].register(3600, now);
        self.settle();
        let answer = self.phones[phone.0].answers.pop_back().map(|(_, status)| status);
        assert_eq!(answer, Some(200), "REGISTER of {}\n{}", self.phones[phone.0].name, self.trace);
    }

    /// The carrier's gateway, known by its address.
    pub(crate) fn trunk(&mut self) -> PhoneId {
        self.add("operadora", CARRIER.parse().expect("an address"), None)
    }

    pub(crate) fn calls(&mut self, phone: PhoneId, from: Option<&str>, to: &str) {
        self.note(&format!("{} calls {to}", from.unwrap_or(&self.phones[phone.0].name)));
        let now = self.now;
        self.phones[phone.0].call(to, from, now);
        self.settle();
    }

    /// A customer calls the business through the carrier.
    pub(crate) fn customer_calls(&mut self) -> PhoneId {
        let carrier = self.trunk();
        self.calls(carrier, Some(CUSTOMER), BUSINESS);
        carrier
    }

    pub(crate) fn presses(&mut self, phone: PhoneId, digits: &str) {
        self.note(&format!("{} presses {digits}", self.phones[phone.0].name));
        let leg = self.leg(phone);
        for digit in digits.chars() {
            self.input(Input::Media(MediaEvent::Digit { leg, digit }));
        }
    }

    /// The pump tells who has answered, where it was asked.
    pub(crate) fn is_found_to_be(&mut self, phone: PhoneId, verdict: Verdict) {
        let leg = self.leg(phone);
        assert!(self.pump.legs[&leg].detects, "nobody asked\n{}", self.trace);
        self.input(Input::Media(MediaEvent::Greeted { leg, verdict }));
    }

    pub(crate) fn picks_up(&mut self, phone: PhoneId) {
        self.note(&format!("{} picks up", self.phones[phone.0].name));
        assert!(self.phones[phone.0].ringing.is_some(), "{} does not ring\n{}", self.phones[phone.0].name, self.trace);
        let now = self.now;
        self.phones[phone.0].picks_up(now);
        self.settle();
    }

    pub(crate) fn declines(&mut self, phone: PhoneId, status: u16) {
        self.note(&format!("{} declines with {status}", self.phones[phone.0].name));
        let now = self.now;
        self.phones[phone.0].declines(status, now);
        self.settle();
    }

    pub(crate) fn hangs_up(&mut self, phone: PhoneId) {
        self.note(&format!("{} hangs up", self.phones[phone.0].name));
        let now = self.now;
        self.phones[phone.0].hangs_up(now);
        self.settle();
    }

    /// `down`, `up`: by hand, as the owner would.
    pub(crate) fn whatsapp_is_set(&mut self, state: &str) {
        let wish = desvio::switch::command::OverrideWish {
            state: serde_json::from_str(&format!("\"{state}\"")).expect("a state"),
            reason: "said so".to_owned(),
            author: "the owner".to_owned(),
            lasts: None,
        };
        self.asks(Command::Override { channel: "whatsapp".to_owned(), wish }).expect("a channel of this name");
    }

    /// The caller has said what he had to say.
    pub(crate) fn recording_ends(&mut self, leg: desvio::media::command::LegId) {
        for event in self.pump.stop_recording(leg, self.now, desvio::media::command::RecordEnd::Silence) {
            self.input(Input::Media(event));
        }
    }

    /// Asks the API for something and returns the answer.
    pub(crate) fn asks(&mut self, command: Command) -> Result<Answer, Problem> {
        let ticket = self.sends(command);
        let at = self.answers.iter().position(|(answered, _)| *answered == ticket);
        let at = at.unwrap_or_else(|| panic!("the command was not answered\n{}", self.trace));
        self.answers.remove(at).expect("it is there").1
    }

    pub(crate) fn sends(&mut self, command: Command) -> Ticket {
        self.next_ticket += 2;
        let ticket = Ticket(self.next_ticket - 1);
        self.note(&format!("API: {command:?}"));
        self.input(Input::Command { ticket, command });
        ticket
    }

    pub(crate) fn http_answers(&mut self, status: u16, body: &str) -> HttpRequest {
        assert!(!self.http.is_empty(), "nobody asked over HTTP\n{}", self.trace);
        let (ticket, request) = self.http.remove(0);
        let answer = HttpAnswer { status, retry_after: None, body: body.as_bytes().to_vec().into() };
        self.input(Input::HttpAnswered { ticket, result: Ok(answer) });
        request
    }

    /// What the other program was asked first, and it answers with this body.
    pub(crate) fn looked_up(&mut self, body: &str) -> Query {
        let (ticket, query) = self.question();
        let findings = lookup::read(body.as_bytes(), &query.wanted);
        self.input(Input::LookedUp { ticket, findings });
        *query
    }

    pub(crate) fn question(&mut self) -> (Ticket, Box<Query>) {
        assert!(!self.questions.is_empty(), "no dialplan asks anything\n{}", self.trace);
        self.questions.remove(0)
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.switch.handle(input, self.now);
        self.settle();
    }

    /// The slow disk and the slow store answer at last.
    pub(crate) fn disk_answers(&mut self) {
        for effect in self.held.take().unwrap_or_default() {
            self.carry_out(effect);
        }
        self.settle();
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        loop {
            let mut wakes: Vec<Instant> = self
                .phones
                .iter_mut()
                .filter(|phone| !phone.vanished)
                .filter_map(|phone| phone.agent.poll_timeout())
                .collect();
            wakes.extend(self.switch.poll_timeout());
            wakes.extend(self.pump.next_end());
            wakes.extend(self.flying.keys().next().map(|(at, _)| *at));
            let next = wakes.into_iter().min().unwrap_or(until).max(self.now);
            if next > until {
                break;
            }
            self.now = next;
            self.wake();
            if next == until {
                break;
            }
        }
        self.now = until;
        self.settle();
    }

    fn wake(&mut self) {
        let now = self.now;
        self.land_packets();
        for phone in self.phones.iter_mut().filter(|phone| !phone.vanished) {
            phone.agent.handle_timeout(now);
        }
        for event in self.pump.finished(now) {
            self.switch.handle(Input::Media(event), now);
        }
        self.switch.handle_timeout(now);
        self.settle();
    }

    pub(crate) fn settle(&mut self) {
        loop {
            let mut moved = false;
            while let Some(effect) = self.switch.poll_effect() {
                moved = true;
                self.carry_out(effect);
            }
            for index in 0..self.phones.len() {
                if self.phones[index].vanished {
                    continue;
                }
                let now = self.now;
                self.phones[index].work(now);
                while let Some(transmit) = self.phones[index].agent.poll_transmit() {
                    moved = true;
                    self.trace_message(index, "→", &transmit.bytes);
                    self.carry(To::Switch, transmit);
                }
            }
            if !moved {
                return;
            }
        }
    }

    pub(crate) fn deliver(&mut self, transmit: desvio::sip::hop::Transmit) {
        let to = transmit.hop.remote;
        let Some(index) = self.phones.iter().rposition(|phone| phone.address == to && !phone.vanished) else {
            self.unclaimed.push(String::from_utf8_lossy(&transmit.bytes).into_owned());
            return self.note(&format!("a message for {to}, where nobody listens"));
        };
        self.trace_message(index, "←", &transmit.bytes);
        self.carry(To::Phone(index), transmit);
    }

    /// Hands a message over, now or later, as often as the network wills.
    pub(crate) fn carry(&mut self, to: To, transmit: desvio::sip::hop::Transmit) {
        let mut hop = transmit.hop;
        std::mem::swap(&mut hop.local, &mut hop.remote);
        let packet = Packet { hop, bytes: transmit.bytes };
        let Some(network) = &mut self.network else {
            if !self.is_lost() {
                self.hand_over(to, packet);
            }
            return;
        };
        for delay in network.fate() {
            self.sent += 1;
            self.flying.insert((self.now + delay, self.sent), (to, packet.clone()));
        }
    }

    fn hand_over(&mut self, to: To, packet: Packet) {
        match to {
            To::Switch => self.switch.handle(Input::Packet(packet), self.now),
            To::Phone(index) if self.takes_notice(index, &packet) => {}
            To::Phone(index) => self.phones[index].agent.receive(packet, self.now),
        }
    }

    fn land_packets(&mut self) {
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, packet) = entry.remove();
            self.hand_over(to, packet);
        }
    }

    pub(crate) fn is_lost(&mut self) -> bool {
        self.loss > 0 && self.luck.u32(..100) < self.loss
    }

    pub(crate) fn note(&mut self, what: &str) {
        let at = (self.now - self.started).as_secs_f64();
        let _ = writeln!(self.trace, "{at:9.3} {what}");
    }

    fn trace_message(&mut self, phone: usize, arrow: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let first = text.lines().next().unwrap_or_default().to_owned();
        let all = |word: &str, header: &str| -> String {
            text.lines().filter_map(|line| Some(format!(" {word} {}", line.strip_prefix(header)?))).collect()
        };
        let (routes, reasons) = (all("by", "Route: "), all("because", "Reason: "));
        let name = self.phones[phone].name.clone();
        self.note(&format!("{name} {arrow} {first}{routes}{reasons}"));
    }
}
