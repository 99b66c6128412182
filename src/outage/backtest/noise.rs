//! Months in which nothing is wrong with the channel, and much with everything around it. By rule and seed, never stored.
//!
//! Troubles come at random, each kind on its own: the times between them are exponential around the mean below, their
//! lengths even between the shortest and the longest. One probe in 200 is lost besides.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::backtest::rounds::Rounds;
use crate::outage::backtest::rounds::World;
use crate::outage::blame::Blame;
use crate::outage::config::Config;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoiseReport {
    pub hours: u64,
    /// Times that `down` was said.
    pub false_alarms: u32,
    /// When, in hours since the beginning, and why.
    pub alarms: Vec<(u64, Vec<String>)>,
    /// Troubles of our own line, of any kind, that there were.
    pub line_troubles: u32,
    /// Times that our own line was blamed.
    pub line_blamed: u32,
}

/// Runs so many hours of noise through the detector.
pub fn run(hours: u64, config: &Config, seed: u64, origin: Instant) -> NoiseReport {
    let rounds = Rounds {
        origin,
        begin: Timestamp::UNIX_EPOCH,
        lasts: Duration::from_secs(hours * 3600),
        every: Duration::from_secs(10),
        phase: Duration::ZERO,
    };
    let mut world = Noise::new(seed);
    let mut report = NoiseReport { hours, false_alarms: 0, alarms: Vec::new(), line_troubles: 0, line_blamed: 0 };
    let mut on_change = |after: Duration, change: Change| {
        report.line_blamed += u32::from(change.blame == Blame::OurLine);
        if change.to == ChannelState::Down && !change.from.is_down() {
            report.false_alarms += 1;
            report.alarms.push((after.as_secs() / 3600, change.reasons));
            report.alarms.truncate(20);
        }
    };
    rounds.run(&mut world, config, &mut on_change);
    report.line_troubles = world.line_troubles;
    report
}

/// What goes wrong around a channel that is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    LineDead,
    /// Dead and alive in turns of 5 to 40 s.
    LineFlaps,
    /// Between 5 % and 30 % of everything is lost.
    LineLossy,
    Portal,
    ResolverFails,
    ResolverSlow,
    PublicResolverFails,
    /// One of the two hosts, on all its layers.
    HostSick,
    ApiSick,
    ControlSick,
    TokenExpired,
    WebhookFails,
    SecondPathDead,
    FeedCries,
    ReceiptsLate,
    CustomersSilent,
    PartnerErrs,
}

/// Mean hours between two of a kind, shortest and longest in seconds.
const TROUBLES: &[(Trouble, f64, u64, u64)] = &[
    (Trouble::LineDead, 24.0, 5, 7200),
    (Trouble::LineFlaps, 100.0, 600, 3600),
    (Trouble::LineLossy, 50.0, 600, 7200),
    (Trouble::Portal, 200.0, 300, 3600),
    (Trouble::ResolverFails, 40.0, 10, 1200),
    (Trouble::ResolverSlow, 60.0, 300, 3600),
    (Trouble::PublicResolverFails, 24.0, 60, 1800),
    (Trouble::HostSick, 24.0, 10, 1800),
    (Trouble::ApiSick, 12.0, 5, 60),
    (Trouble::ControlSick, 24.0, 60, 7200),
    (Trouble::TokenExpired, 500.0, 600, 43_200),
    (Trouble::WebhookFails, 300.0, 3600, 14_400),
    (Trouble::SecondPathDead, 12.0, 60, 7200),
    (Trouble::FeedCries, 168.0, 3600, 14_400),
    (Trouble::ReceiptsLate, 168.0, 300, 1200),
    (Trouble::CustomersSilent, 48.0, 1800, 5400),
    (Trouble::PartnerErrs, 336.0, 60, 3600),
];

/// Words are repeated so often while their trouble lasts.
const WORD_EVERY: Duration = Duration::from_secs(60);

struct Noise {
    probes: Vec<Probe>,
    rng: fastrand::Rng,
    /// For each of [`TROUBLES`]: from when until when, the running or the next one.
    spans: Vec<(Duration, Duration)>,
    /// How much a lossy line loses, in percent; which host is sick; when a flapping line turns, and whether it is dead.
    loss: u8,
    sick: usize,
    turns_at: Duration,
    dead: bool,
    next_word: Duration,
    /// Which word was true when it was last told.
    told: [bool; WORDS.len()],
    due: Vec<Evidence>,
    line_troubles: u32,
}

/// Who tells of which trouble.
const WORDS: [(Trouble, Layer, &str, Fault); 6] = [
    (Trouble::FeedCries, Layer::Feed, "status feed", Fault::Reported),
    (Trouble::ReceiptsLate, Layer::Traffic, "receipts", Fault::ReceiptsLate),
    (Trouble::CustomersSilent, Layer::Traffic, "inbound", Fault::InboundSilent),
    (Trouble::PartnerErrs, Layer::Report, "partner", Fault::Reported),
    (Trouble::TokenExpired, Layer::Traffic, "sends", Fault::CredentialRefused),
    (Trouble::WebhookFails, Layer::Traffic, "webhook", Fault::WebhookFailing),
];

const HOSTS: [&str; 2] = ["graph.facebook.com", "web.whatsapp.com"];

impl Noise {
    fn new(seed: u64) -> Noise {
        let mut rng = fastrand::Rng::with_seed(seed);
        let spans = TROUBLES.iter().map(|trouble| next_span(&mut rng, *trouble, Duration::ZERO)).collect();
        Noise {
            probes: probes(),
            rng,
            spans,
            loss: 0,
            sick: 0,
            turns_at: Duration::ZERO,
            dead: false,
            next_word: Duration::ZERO,
            told: [false; WORDS.len()],
            due: Vec::new(),
            line_troubles: 0,
        }
    }

    fn has(&self, trouble: Trouble, now: Duration) -> bool {
        self.spans[trouble as usize].0 <= now
    }

    fn passes(&mut self, now: Duration) {
        for (place, trouble) in TROUBLES.iter().enumerate() {
            let (from, until) = self.spans[place];
            if until <= now {
                self.spans[place] = next_span(&mut self.rng, *trouble, until);
                self.line_troubles += u32::from(place <= Trouble::Portal as usize);
                self.loss = self.rng.u8(5..=30);
                self.sick = self.rng.usize(0..HOSTS.len());
            }
            debug_assert!(from <= until);
        }
        if self.turns_at <= now {
            self.dead = !self.dead;
            self.turns_at = now + Duration::from_secs(self.rng.u64(5..=40));
        }
    }

    fn line_is_dead(&self, now: Duration) -> bool {
        self.has(Trouble::LineDead, now) || self.has(Trouble::LineFlaps, now) && self.dead
    }

    /// What is wrong on the way, before the target is even asked.
    fn on_the_way(&mut self, probe: &Probe, now: Duration) -> Option<Fault> {
        let lost = self.rng.u8(0..200) == 0;
        let loss = self.has(Trouble::LineLossy, now) && self.rng.u8(0..100) < self.loss;
        let silence = if probe.layer == Layer::Dns { Fault::LookupTimeout } else { Fault::Timeout };
        match probe.vantage.is_here() {
            false => (lost || self.has(Trouble::SecondPathDead, now)).then_some(silence),
            true if self.line_is_dead(now) => Some(Fault::Unreachable),
            true if lost || loss => Some(silence),
            true if self.has(Trouble::Portal, now) => match probe.layer {
                Layer::Http | Layer::Api => Some(Fault::CaptivePortal),
                Layer::Tls => Some(Fault::NameMismatch),
                _ => None,
            },
            true => None,
        }
    }

    fn at_the_resolver(&mut self, probe: &Probe, now: Duration) -> Option<Fault> {
        let named = probe.vantage.is_here() && !probe.target.starts_with(|letter: char| letter.is_ascii_digit());
        let public = matches!(&probe.resolver, Some(Resolver::Other(name)) if name == "8.8.8.8");
        match probe.resolver {
            Some(_) if public && self.has(Trouble::PublicResolverFails, now) => Some(Fault::ServFail),
            None if named && self.has(Trouble::ResolverFails, now) => Some(Fault::ServFail),
            None if named && self.has(Trouble::ResolverSlow, now) && self.rng.bool() => Some(Fault::LookupTimeout),
            _ => None,
        }
    }

    fn at_the_target(&self, probe: &Probe, now: Duration) -> Option<Fault> {
        let sick_host = self.has(Trouble::HostSick, now) && probe.target.contains(HOSTS[self.sick]);
        match (probe.role(), probe.layer) {
            (Role::Control, Layer::Http) => self.has(Trouble::ControlSick, now).then_some(Fault::Status(503)),
            (Role::Control, _) | (_, Layer::Dns) => None,
            (_, Layer::Api) if self.has(Trouble::TokenExpired, now) => Some(Fault::CredentialRefused),
            // With its host it would be an outage, and no noise.
            (_, Layer::Api) if self.has(Trouble::ApiSick, now) && !self.has(Trouble::HostSick, now) => {
                Some(Fault::Status(500))
            }
            (_, Layer::Api) => None,
            (_, Layer::Http) if sick_host => Some(Fault::Status(502)),
            _ => sick_host.then_some(Fault::Timeout),
        }
    }

    fn tell(&mut self, now: Duration) {
        let at = Timestamp::UNIX_EPOCH.checked_add(now).unwrap_or(Timestamp::MAX);
        for (place, (trouble, layer, who, fault)) in WORDS.iter().enumerate() {
            let is = self.has(*trouble, now);
            if is || self.told[place] {
                let outcome = match is {
                    true => Outcome::failed(*fault, fault.to_string()),
                    false => Outcome::Answered { took: Duration::ZERO },
                };
                self.due.push(Probe::new(*layer, who, Role::Channel).evidence(outcome, at));
            }
            self.told[place] = is;
        }
    }
}

impl World for Noise {
    fn probes(&self) -> &[Probe] {
        &self.probes
    }

    fn ask(&mut self, probe: usize, now: Duration) -> (Outcome, Duration) {
        self.passes(now);
        let probe = self.probes[probe].clone();
        let fault = self.on_the_way(&probe, now);
        let fault = fault.or_else(|| self.at_the_resolver(&probe, now)).or_else(|| self.at_the_target(&probe, now));
        match fault {
            Some(fault @ (Fault::Timeout | Fault::LookupTimeout)) => {
                (Outcome::failed(fault, "timed out"), Duration::from_secs(5))
            }
            Some(fault) => (Outcome::failed(fault, fault.to_string()), Duration::from_millis(40)),
            None => (Outcome::Answered { took: Duration::from_millis(30) }, Duration::from_millis(30)),
        }
    }

    fn next_word(&mut self, until: Duration) -> Option<(Duration, Evidence)> {
        if self.due.is_empty() && self.next_word <= until {
            self.next_word = until + WORD_EVERY;
            self.tell(until);
        }
        self.due.pop().map(|word| (until, word))
    }
}

fn next_span(rng: &mut fastrand::Rng, kind: (Trouble, f64, u64, u64), after: Duration) -> (Duration, Duration) {
    let (_, mean_hours, shortest, longest) = kind;
    let gap = -(1.0 - rng.f64()).ln() * mean_hours * 3600.0;
    let from = after + Duration::from_secs_f64(gap.clamp(1.0, 1e8));
    (from, from + Duration::from_secs(rng.u64(shortest..=longest)))
}

/// Two hosts on every layer, four resolvers, an API, a second path, and control targets of four owners.
fn probes() -> Vec<Probe> {
    let channel = |layer, target: &str| Probe::new(layer, target, Role::Channel);
    let control = |layer, target: &str| Probe::new(layer, target, Role::Control);
    let mut probes = vec![
        control(Layer::Dns, "cloudflare.com"),
        control(Layer::Tcp, "1.1.1.1:443"),
        control(Layer::Tcp, "registro.br:443"),
        control(Layer::Http, "https://www.google.com/generate_204"),
        channel(Layer::Api, "https://graph.facebook.com/v26.0/health_status"),
    ];
    for resolver in ["ours", "other:1.1.1.1", "other:8.8.8.8", "authoritative"] {
        let resolver = resolver.parse::<Resolver>().ok().filter(|resolver| !resolver.is_ours());
        probes.push(Probe { resolver, ..channel(Layer::Dns, HOSTS[0]) });
    }
    for host in HOSTS {
        probes.push(channel(Layer::Tcp, &format!("{host}:443")));
        probes.push(channel(Layer::Tls, &format!("{host}:443")));
        probes.push(channel(Layer::Http, &format!("https://{host}/")));
    }
    let second =
        Probe { vantage: Vantage::Path("lte".to_owned()), ..channel(Layer::Http, "https://graph.facebook.com/") };
    probes.push(second);
    probes
}
