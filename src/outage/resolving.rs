//! Who is to blame when a name is not found: the zone, our resolver, or somebody who has it lie to us.

use crate::outage::Layer;
use crate::outage::Role;
use crate::outage::config::Config;
use crate::outage::fault::Fault;
use crate::outage::target::Target;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolving {
    /// Our resolver does as well as others do.
    Works,
    /// It fails where others answer.
    Fails,
    /// It finds every name but this channel's, and says that there is none: an order of a court, mostly.
    Lies,
    /// No name is found, not even unrelated ones, whoever is asked, while addresses answer: our way to all name servers.
    Lost,
}

/// Lookups that were made over our line, by whom they asked.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    ours: Count,
    others: Count,
    /// By our resolver, of control targets.
    controls: Count,
    /// The same by all the others.
    controls_by_others: Count,
    /// Of `ours`: bad, and the newest answer was a refusal or another address rather than a failure.
    denied: u32,
}

#[derive(Debug, Default)]
struct Count {
    all: u32,
    good: u32,
    bad: u32,
}

impl Lookups {
    pub(super) fn count(targets: &[Target]) -> Lookups {
        let mut lookups = Lookups::default();
        let of_names = targets.iter().filter(|target| target.layer == Layer::Dns && target.vantage.is_here());
        for target in of_names {
            let ours = target.resolver.as_ref().is_none_or(|resolver| resolver.is_ours());
            let bad = target.bad_since().is_some();
            let count = match (target.role, ours) {
                (Role::Channel, true) => &mut lookups.ours,
                (Role::Channel, false) => &mut lookups.others,
                (Role::Control, true) => &mut lookups.controls,
                (Role::Control, false) => &mut lookups.controls_by_others,
            };
            // Of unrelated names two failures are a sign: blame must not change with every name that turns bad.
            let fails = bad || target.role == Role::Control && target.failed_twice_running();
            count.all += 1;
            count.good += u32::from(target.is_good() && !fails);
            count.bad += u32::from(fails);
            if target.role == Role::Channel && ours && bad {
                lookups.denied += u32::from(target.last_fault().is_some_and(is_a_denial));
            }
        }
        lookups
    }

    pub(super) fn judge<'a>(&self, mut controls: impl Iterator<Item = &'a Target>) -> Resolving {
        let ours_fail = self.ours.mostly_bad();
        let others_answer = self.others.mostly_good();
        let denied = self.denied * 2 > self.ours.bad;
        let for_all_names = self.controls.mostly_bad();
        match () {
            () if !ours_fail => Resolving::Works,
            () if others_answer && denied && self.controls.mostly_good() => Resolving::Lies,
            () if others_answer => Resolving::Fails,
            () if for_all_names
                && self.others.all == 0
                && controls.any(|target| target.by_address && target.is_good()) =>
            {
                Resolving::Fails
            }
            () if for_all_names
                && self.controls_by_others.mostly_bad()
                && controls.any(|target| target.by_address && target.is_good()) =>
            {
                Resolving::Lost
            }
            () => Resolving::Works,
        }
    }

    /// The names are lost to all who count. Where no name is watched, nobody can say otherwise.
    pub(super) fn names_fail(&self, resolving: Resolving, config: &Config) -> bool {
        let (all, bad) = match resolving {
            Resolving::Works => (self.ours.all + self.others.all, self.ours.bad + self.others.bad),
            Resolving::Fails | Resolving::Lies => (self.others.all, self.others.bad),
            Resolving::Lost => return false,
        };
        let watched = self.ours.all + self.others.all;
        watched == 0 || bad * 1000 > config.quorum.in_thousandths() * all
    }
}

impl Count {
    fn mostly_bad(&self) -> bool {
        self.bad * 2 > self.all
    }

    fn mostly_good(&self) -> bool {
        self.good * 2 > self.all
    }
}

/// A word that a resolver says when it is told to, and hardly ever when it is broken.
fn is_a_denial(fault: Fault) -> bool {
    matches!(fault, Fault::NxDomain | Fault::NoAddress | Fault::LookupRefused | Fault::ChangedAnswer)
}
