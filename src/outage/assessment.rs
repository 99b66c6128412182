//! What all targets of a channel add up to at one moment: which layers fail, since when, and what is only our own fault.
//!
//! Two rounds over the targets and no allocation: this runs for every piece of evidence.

use std::time::Instant;

use crate::outage::Layer;
use crate::outage::Role;
use crate::outage::cause::Cause;
use crate::outage::config::Config;
use crate::outage::fault::Fault;
use crate::outage::line::of_our_line;
use crate::outage::reports::Says;
use crate::outage::resolving::Lookups;
use crate::outage::resolving::Resolving;
use crate::outage::target::Target;
use crate::outage::vantage::Vantage;
use crate::outage::weight::Weight;

#[derive(Debug)]
pub(super) struct Assessment {
    layers: [Tally; Layer::ALL.len()],
    /// In thousandths; at [`FAILED`] the channel fails.
    pub(super) score: u32,
    /// Of the score: what we saw ourselves, by probes and by our own traffic.
    seen: u32,
    /// The score has been reached, since then.
    pub(super) failing: Option<Instant>,
    /// The same, counting only targets that fail without a break.
    pub(super) failing_without_break: Option<Instant>,
    /// A single target fails and others answer, and hardly anybody else complains.
    pub(super) alone: bool,
    pub(super) resolving: Resolving,
    /// Targets that are bad because of our account, or our webhook, or because their name was not found by us only.
    pub(super) credential: u32,
    pub(super) webhook: u32,
    pub(super) unresolved: u32,
    /// Targets that answer and will not for long.
    warnings: u32,
    /// Targets that are bad for a reason of their own, and those of them that a stranger answers for.
    pub(super) bad: u32,
    pub(super) strangers: u32,
}

/// One layer of one channel.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    /// Weights of all targets, of the good ones (or alive, at least), of the bad ones, and of those bad without a break.
    all: u32,
    alive: u32,
    bad: Failing,
    without_break: Failing,
}

#[derive(Debug, Default, Clone, Copy)]
struct Failing {
    weight: u32,
    targets: u32,
    /// When the newest of them began to fail.
    since: Option<Instant>,
}

/// What is seen by those who do not use our line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Elsewhere {
    pub(super) watched: u32,
    /// Heard since the failure began.
    pub(super) heard: u32,
    /// Of these: seen up.
    pub(super) up: u32,
}

pub(super) const FAILED: u32 = 1000;

/// Reporters and people count up to so many.
const VOICES: u32 = 2;

impl Assessment {
    pub(super) fn of(targets: &[Target], config: &Config, lossy: bool, now: Instant) -> Assessment {
        let lookups = Lookups::count(targets);
        let resolving = lookups.judge(of_our_line(targets));
        let mut assessment = Assessment {
            layers: [Tally::default(); Layer::ALL.len()],
            score: 0,
            seen: 0,
            failing: None,
            failing_without_break: None,
            alone: false,
            resolving,
            credential: 0,
            webhook: 0,
            unresolved: 0,
            warnings: 0,
            bad: 0,
            strangers: 0,
        };
        let round = Round { config, lossy, now, names_fail: lookups.names_fail(resolving, config) };
        for target in targets.iter().filter(|target| speaks_of_the_channel(target)) {
            assessment.take_in(target, &round);
        }
        assessment.add_up(config);
        assessment
    }

    fn take_in(&mut self, target: &Target, round: &Round<'_>) {
        let is_ours = || target.resolver.as_ref().is_none_or(|resolver| resolver.is_ours());
        let proves_nothing = target.layer == Layer::Dns
            && match self.resolving {
                Resolving::Works => false,
                Resolving::Fails | Resolving::Lies => is_ours(),
                Resolving::Lost => true,
            };
        if proves_nothing || target.is_stale(round.config, round.now) {
            return;
        }
        let tally = &mut self.layers[target.layer as usize];
        let weight = target.weight.in_thousandths();
        tally.all += weight;
        let Some(cause) = target.cause(round.config) else {
            tally.alive += if target.is_good() { weight } else { 0 };
            return;
        };
        match cause {
            Cause::Credential => self.credential += 1,
            Cause::Webhook => self.webhook += 1,
            Cause::Warning => self.warnings += 1,
            Cause::Lookup if target.layer != Layer::Dns && !round.names_fail => self.unresolved += 1,
            Cause::Lookup | Cause::Service | Cause::Stranger => {
                self.bad += 1;
                self.strangers += u32::from(cause == Cause::Stranger);
                round.count(tally, target, weight);
            }
        }
        if cause.is_ours() {
            tally.alive += weight;
        }
    }

    fn add_up(&mut self, config: &Config) {
        let (mut bad, mut without_break) = (Sum::default(), Sum::default());
        for (layer, tally) in Layer::ALL.into_iter().zip(&self.layers) {
            let adds = tally.adds(layer, tally.bad, config);
            self.seen += if layer.is_probed() || layer == Layer::Traffic { adds } else { 0 };
            bad.add(layer, adds, tally.bad);
            without_break.add(layer, tally.adds(layer, tally.without_break, config), tally.without_break);
        }
        self.score = bad.score();
        let watched = self.layers.iter().take(Layer::PROBED).map(|tally| tally.all).sum::<u32>();
        let failing = |tallies: &[Tally]| tallies.iter().map(|tally| tally.bad.targets).sum::<u32>();
        let (probed, all) = (failing(&self.layers[..Layer::PROBED]), failing(&self.layers));
        let hardly_any = all == 1 || probed <= 1 && bad.words * 2 < FAILED;
        self.alone = hardly_any && watched > Weight::ONE.in_thousandths();
        self.failing = bad.reached();
        self.failing_without_break = without_break.reached();
    }

    /// What we can say of it to others: by what we saw ourselves, so that no word comes back as its own witness.
    pub(super) fn own_word(&self) -> Option<Says> {
        let probed = &self.layers[..Layer::PROBED];
        let is_looked_at = probed.iter().any(|tally| tally.alive + tally.bad.weight > 0);
        let is_alive = probed.iter().all(|tally| tally.all == 0 || tally.alive * 2 > tally.all);
        match () {
            () if !is_looked_at => None,
            () if self.seen >= FAILED => Some(Says::Down),
            () if self.seen == 0 && is_alive => Some(Says::Up),
            () => None,
        }
    }

    /// Something is wrong, not enough or not for long enough to be an outage.
    pub(super) fn has_trouble(&self) -> bool {
        let ours = self.credential + self.webhook + self.unresolved;
        self.score > 0 || self.bad + ours + self.warnings > 0 || self.resolving != Resolving::Works
    }

    /// In every layer that is probed most targets are good, and hardly anybody else complains.
    pub(super) fn is_well(&self) -> bool {
        let probed = self.layers.iter().take(Layer::PROBED);
        self.score * 2 <= FAILED && probed.clone().all(|tally| tally.all == 0 || tally.alive * 2 > tally.all)
    }
}

/// What holds for one round over all targets.
struct Round<'a> {
    config: &'a Config,
    lossy: bool,
    now: Instant,
    /// The zone's names are lost for everybody: whoever needs them fails because of the channel.
    names_fail: bool,
}

impl Round<'_> {
    fn count(&self, tally: &mut Tally, target: &Target, weight: u32) {
        let weight = match target.layer {
            Layer::Traffic => weight * share_of_traffic(target.last_fault()) / 1000,
            _ => weight,
        };
        let without_break = target.failing_without_break(self.config.failures.count());
        if self.lossy && target.layer.is_probed() && !target.fails_solidly() {
            return;
        }
        if let Some(since) = target.failing_since(self.config) {
            tally.bad.add(weight, since.now);
        }
        if let Some(since) = without_break {
            tally.without_break.add(weight, since.now);
        }
    }
}

impl Tally {
    /// What this layer adds to the score, in thousandths.
    fn adds(&self, layer: Layer, failing: Failing, config: &Config) -> u32 {
        let weight = config.weights.of(layer);
        match layer {
            Layer::Dns | Layer::Tcp | Layer::Tls | Layer::Http | Layer::Api => {
                match failing.weight * FAILED > config.quorum.in_thousandths() * self.all {
                    true => weight.in_thousandths(),
                    false => 0,
                }
            }
            Layer::Feed => weight.in_thousandths() * failing.targets.min(1),
            Layer::Traffic => weight.times(Weight::thousandths(failing.weight.min(FAILED))),
            Layer::Report | Layer::Person => weight.in_thousandths() * failing.targets.min(VOICES),
        }
    }
}

impl Failing {
    fn add(&mut self, weight: u32, since: Instant) {
        self.weight += weight;
        self.targets += 1;
        self.since = self.since.max(Some(since));
    }
}

/// Adds up layers in the order in which they began to fail.
#[derive(Debug, Default)]
struct Sum {
    parts: [Option<(Instant, u32)>; Layer::ALL.len()],
    count: usize,
    /// Of the score: what is told and not probed.
    words: u32,
}

impl Sum {
    fn add(&mut self, layer: Layer, score: u32, failing: Failing) {
        if let (Some(since), 1..) = (failing.since, score) {
            self.parts[self.count] = Some((since, score));
            self.count += 1;
            self.words += if layer.is_probed() { 0 } else { score };
        }
    }

    fn score(&self) -> u32 {
        self.parts.iter().flatten().map(|(_, score)| score).sum()
    }

    /// When the sum came to [`FAILED`].
    fn reached(mut self) -> Option<Instant> {
        let parts = &mut self.parts[..self.count];
        parts.sort_unstable();
        let mut sum = 0;
        let reached = parts.iter().flatten().find(|(_, score)| {
            sum += score;
            sum >= FAILED
        });
        reached.map(|(since, _)| *since)
    }
}

/// Sends that fail say more than receipts that are late, and these more than customers who may only be at lunch.
fn share_of_traffic(fault: Option<Fault>) -> u32 {
    match fault {
        Some(Fault::ReceiptsLate) => 400,
        Some(Fault::InboundSilent) => 300,
        _ => 1000,
    }
}

/// What others see is weighed apart; what is seen here, and what is told, speaks of the channel.
fn speaks_of_the_channel(target: &Target) -> bool {
    target.role == Role::Channel && (target.vantage.is_here() || !target.layer.is_probed())
}

impl Elsewhere {
    /// Of feeds no good word counts: they said all was well on the worst of days.
    pub(super) fn since(targets: &[Target], since: Instant, config: &Config, now: Instant) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        let of_the_channel = targets.iter().filter(|target| target.role == Role::Channel);
        for target in of_the_channel.filter(|target| !target.is_stale(config, now)) {
            let looks = match (&target.vantage, target.layer) {
                (_, Layer::Feed | Layer::Traffic) => false,
                (_, Layer::Report | Layer::Person) => !target.failed_last(),
                (Vantage::Here, _) => false,
                (Vantage::Path(_) | Vantage::Outside(_), _) => true,
            };
            if looks {
                elsewhere.watched += u32::from(target.layer.is_probed());
                elsewhere.heard += u32::from(target.heard_after(since));
                elsewhere.up += u32::from(!target.failed_last() && target.answered_after(since));
            }
        }
        elsewhere
    }

    /// Most of those who looked since then see it up.
    pub(super) fn sees_it_up(&self) -> bool {
        self.up * 2 > self.heard
    }

    /// Those who could contradict have not spoken yet.
    pub(super) fn is_awaited(&self) -> bool {
        self.heard * 2 < self.watched
    }
}
