//! Does our own line work? Unrelated control targets tell; while they fail, nothing is said of any channel.
//!
//! Doubt needs as many failures in a row as there are control targets (2 to 5), or a stranger's page twice: one lost packet
//! must not blind us. It ends when most have answered for `line_settles`, so that a flapping line is one doubt and not many.
//! While half of them fail without a doubt, or since a moment ago, no failure counts against the channel ([`OwnLine::works_since`]).

use std::time::Instant;

use jiff::Timestamp;

use crate::outage::Layer;
use crate::outage::Role;
use crate::outage::cause::Cause;
use crate::outage::config::Config;
use crate::outage::history::Moment;
use crate::outage::target::Target;

#[derive(Debug, Default)]
pub(super) struct OwnLine {
    doubt: Option<Doubt>,
    failed_in_a_row: u32,
    failing_since: Option<Instant>,
    /// Of a doubt: most control targets answer since then.
    good_since: Option<Instant>,
    working: Working,
    /// The newest answer that came without our resolver.
    independent_at: Option<Instant>,
    /// The last outcomes of all control targets; a set bit is a loss.
    losses: u64,
    lossy: bool,
    /// When it was lossy last.
    whole_since: Option<Instant>,
}

/// Whether fewer than half of the control targets fail, or a single one. That may end sooner than a doubt, and begin later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Working {
    #[default]
    Always,
    Since(Instant),
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) since: Timestamp,
    pub(super) why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    NoAnswers,
    /// Somebody on the way answers in the place of others.
    Stranger,
}

/// What judging the line has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Unchanged,
    Settled,
}

/// What the newest outcomes of the control targets say.
#[derive(Debug, Default)]
struct Controls {
    asked: u32,
    failing: u32,
    /// Of those failing: by a name that was not found.
    by_lookup: u32,
    /// Handshakes and pages, and those of them that failed twice in a row.
    pages: u32,
    pages_failing: u32,
    strangers: u32,
}

/// So many losses among so many of the newest outcomes of control targets make a line lossy. It is whole again when none of
/// the last 64 was lost: a line that loses a tenth has no such luck within a day.
const LOSSY: u32 = 4;
pub(super) const OBSERVED: u32 = 40;

/// So many are no reason for suspicion.
const HARDLY_ANY: u32 = 1;

impl OwnLine {
    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    /// It loses packets: only failures without a break count against a channel.
    pub(super) fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// It may be losing packets already: what fails now and then is not yet laid at the channel's door.
    pub(super) fn is_suspect(&self) -> bool {
        self.lossy || self.losses() > HARDLY_ANY
    }

    /// What failed now and then before this moment may have been our line's doing.
    pub(super) fn whole_since(&self) -> Option<Instant> {
        self.whole_since
    }

    /// Of a failure since `moment`: since when it cannot be our line's doing. None: it may be so now.
    pub(super) fn works_since(&self, moment: Instant) -> Option<Instant> {
        match self.working {
            Working::Always => Some(moment),
            Working::Since(since) => Some(since.max(moment)),
            Working::Not => None,
        }
    }

    pub(super) fn losses(&self) -> u32 {
        (self.losses & ((1 << OBSERVED) - 1)).count_ones()
    }

    /// An answer that needed no resolver of ours, by whatever target.
    pub(super) fn on_independent_answer(&mut self, now: Instant) {
        self.independent_at = Some(now);
    }

    pub(super) fn on_control(&mut self, target: &Target, now: Instant) {
        match target.last_fault() {
            None => {
                self.failed_in_a_row = 0;
                self.failing_since = None;
            }
            Some(_) => {
                self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
                self.failing_since.get_or_insert(now);
            }
        }
        // A target that is gone, and a name that is not found, say nothing of the packets of others.
        if target.last_fault().is_none() || target.lost_a_packet() {
            self.losses = self.losses << 1 | u64::from(target.failed_last());
        }
        let lossy = self.losses() >= LOSSY || self.lossy && self.losses != 0;
        if self.lossy && !lossy {
            self.whole_since = Some(now);
        }
        self.lossy = lossy;
    }

    pub(super) fn judge(&mut self, targets: &[Target], config: &Config, at: Moment) -> Turn {
        let controls = Controls::count(targets);
        self.working = match (controls.mostly_work(), self.working) {
            (false, _) => Working::Not,
            (true, Working::Not) => Working::Since(at.now),
            (true, before) => before,
        };
        let why = self.why_doubt(&controls);
        let Some(doubt) = self.doubt else {
            self.doubt = why.map(|why| Doubt { since: at.wall, why });
            self.good_since = None;
            return Turn::Unchanged;
        };
        if why.is_some() || controls.failing * 2 >= controls.asked || controls.strangers > 0 {
            self.doubt = Some(Doubt { why: why.unwrap_or(doubt.why), ..doubt });
            self.good_since = None;
            return Turn::Unchanged;
        }
        let good_since = *self.good_since.get_or_insert(at.now);
        if at.now.saturating_duration_since(good_since) < config.line_settles {
            return Turn::Unchanged;
        }
        *self = OwnLine::default();
        Turn::Settled
    }

    fn why_doubt(&self, controls: &Controls) -> Option<Why> {
        let strangers = controls.strangers > 0;
        let pages = controls.pages_failing >= 2 && controls.pages_failing * 2 > controls.pages;
        let in_a_row = controls.asked.clamp(2, 5);
        let silent = self.failed_in_a_row >= in_a_row && controls.failing * 2 > controls.asked;
        match () {
            () if strangers => Some(Why::Stranger),
            () if pages || silent && !self.only_our_resolver_fails(controls) => Some(Why::NoAnswers),
            () => None,
        }
    }

    /// Names are not found, but what needs no resolver of ours has answered meanwhile.
    fn only_our_resolver_fails(&self, controls: &Controls) -> bool {
        let answered_meanwhile = match (self.independent_at, self.failing_since) {
            (Some(answered), Some(failing)) => answered >= failing,
            _ => false,
        };
        controls.by_lookup > 0 && answered_meanwhile
    }
}

impl Controls {
    fn mostly_work(&self) -> bool {
        self.failing <= HARDLY_ANY || self.failing * 2 < self.asked
    }

    fn count(targets: &[Target]) -> Controls {
        let mut controls = Controls::default();
        for target in of_our_line(targets).filter(|target| target.was_asked()) {
            let failing = u32::from(target.failed_last());
            controls.asked += 1;
            controls.failing += failing;
            let cause = target.last_fault().map(|fault| Cause::of(target.layer, fault));
            controls.by_lookup += u32::from(cause == Some(Cause::Lookup));
            controls.strangers += u32::from(target.is_behind_a_portal());
            if matches!(target.layer, Layer::Tls | Layer::Http) {
                controls.pages += 1;
                controls.pages_failing += u32::from(target.failed_twice_running() && cause != Some(Cause::Lookup));
            }
        }
        controls
    }
}

/// Control targets that are asked over our own line.
pub(super) fn of_our_line(targets: &[Target]) -> impl Iterator<Item = &Target> {
    targets.iter().filter(|target| target.role == Role::Control && target.vantage.is_here())
}
