//! Where the trunks are at this moment: addresses and their health, calls carried, and our registrations.
//!
//! | file | decides |
//! |---|---|
//! | `trunk` | whether a call should go over a trunk, and where |
//! | `errands` | what is asked of a trunk, and when |
//! | `health` | whether one address answers |
//! | `registration` | when we register, and what follows from the answer |
//! | `rate` | how many calls may begin |
//! | `state` | the words for all of it |

pub(super) mod errands;
pub(super) mod health;
mod rate;
mod registration;
pub mod state;
pub(super) mod trunk;

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::number::Region;
use crate::sip::agent::RequestId;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Response;
use crate::sip::network::Network;
use crate::switch::command::TrunkView;
use crate::switch::input::Resolved;
use crate::switch::trunk::Config;
use crate::switch::trunks::errands::Errand;
use crate::switch::trunks::errands::Question;
use crate::switch::trunks::health::Turn;
use crate::switch::trunks::state::Course;
use crate::switch::trunks::state::Full;
use crate::switch::trunks::state::TrunkGauge;
use crate::switch::trunks::state::TrunkState;
use crate::switch::trunks::trunk::Trunk;

/// What listeners of events want to hear.
#[derive(Debug)]
pub(super) enum Change {
    Trunk { name: String, state: TrunkState, why: Option<String> },
    Target { name: String, hop: Hop, turn: Turn },
}

#[derive(Debug)]
pub(super) struct Trunks {
    by_name: BTreeMap<String, Trunk>,
    asked: BTreeMap<RequestId, Asked>,
    /// The state that was told last.
    told: BTreeMap<String, TrunkState>,
    changes: VecDeque<Change>,
    phase: Phase,
    due: Option<Instant>,
    rng: fastrand::Rng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The server ends.
    Leaving,
}

#[derive(Debug)]
struct Asked {
    trunk: String,
    question: Question,
    hop: Hop,
}

impl Trunks {
    pub(super) fn new(configs: Vec<Config>, home: &Region, mut rng: fastrand::Rng, now: Instant) -> Self {
        let trunk = |config: Config| {
            let call_id = format!("{:032x}", rng.u128(..));
            (config.name.clone(), Trunk::new(config, home, call_id, now))
        };
        let by_name: BTreeMap<String, Trunk> = configs.into_iter().map(trunk).collect();
        let told = by_name.keys().map(|name| (name.clone(), TrunkState::Resolving)).collect();
        let mut trunks = Self {
            by_name,
            asked: BTreeMap::new(),
            told,
            changes: VecDeque::new(),
            phase: Phase::Running,
            due: None,
            rng,
        };
        trunks.schedule();
        trunks
    }

    /// The trunk that may send us calls from this address: its `from`, or where we are registered. Of several that stand
    /// there, the one whose user the request is for.
    pub(super) fn of_source(&self, source: IpAddr, called: Option<&str>) -> Option<&str> {
        let mut at_source = self.by_name.values().filter(|trunk| trunk.is_at(source));
        let first = at_source.next()?;
        let is_meant = |trunk: &&Trunk| called.is_some() && trunk.config.username.as_deref() == called;
        let meant = Some(first).filter(is_meant).or_else(|| at_source.find(is_meant));
        Some(&meant.unwrap_or(first).config.name)
    }

    /// Where all of them send from.
    pub(super) fn sources(&self) -> Vec<Network> {
        let networks = self.by_name.values().flat_map(|trunk| &trunk.config.from);
        networks.copied().collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Trunk> {
        self.by_name.get(name)
    }

    pub(super) fn may_transfer(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|trunk| trunk.config.transfer)
    }

    /// One more call begins over this trunk, unless it must not.
    pub(super) fn admit(&mut self, name: &str, course: Course, now: Instant) -> Result<(), Full> {
        self.by_name.get_mut(name).map_or(Ok(()), |trunk| trunk.admit(course, now))
    }

    pub(super) fn on_call_ended(&mut self, name: &str, course: Course) {
        if let Some(trunk) = self.by_name.get_mut(name) {
            trunk.release(course);
        }
    }

    pub(super) fn on_resolved(&mut self, name: &str, result: Result<Resolved, String>, now: Instant) {
        if let Some(trunk) = self.by_name.get_mut(name) {
            trunk.on_resolved(result, now);
        }
        self.schedule();
        self.notice(name, now);
    }

    /// A call came to an answer there, whatever the answer was.
    pub(super) fn on_target_answered(&mut self, name: &str, hop: &Hop, now: Instant) {
        let turn = self.by_name.get_mut(name).and_then(|trunk| trunk.on_target_answered(hop, now));
        self.turned(name, hop, turn, now);
    }

    /// It answered a call with 503 and Retry-After.
    pub(super) fn on_target_resting(&mut self, name: &str, hop: &Hop, wish: Duration, now: Instant) {
        if let Some(target) = self.by_name.get_mut(name).and_then(|trunk| trunk.target_mut(hop)) {
            target.rest(wish, now);
        }
    }

    /// It said nothing at all to a call. Without OPTIONS that does not count: nothing would bring it up again.
    pub(super) fn on_target_silent(&mut self, name: &str, hop: &Hop, now: Instant) {
        let Some(trunk) = self.by_name.get_mut(name).filter(|trunk| !trunk.config.options_every.is_zero()) else {
            return;
        };
        let every = trunk.config.options_every;
        let turn = trunk.target_mut(hop).and_then(|target| target.on_failure(every, now));
        self.schedule();
        self.turned(name, hop, turn, now);
    }

    pub(super) fn on_asked(&mut self, request: RequestId, name: String, question: Question, hop: Hop, now: Instant) {
        if question == Question::Alive
            && let Some(target) = self.by_name.get_mut(&name).and_then(|trunk| trunk.target_mut(&hop))
        {
            target.on_pinged(request, now);
        }
        self.asked.insert(request, Asked { trunk: name, question, hop });
        self.schedule();
    }

    /// The answer to a request of ours; none: it was not answered. False: it was not ours.
    pub(super) fn on_answer(&mut self, request: RequestId, response: Option<&Response>, now: Instant) -> bool {
        let Some(Asked { trunk: name, question, hop }) = self.asked.remove(&request) else {
            return false;
        };
        match question {
            Question::Register => self.on_registered(&name, response, now),
            Question::Unregister => {}
            Question::Alive => self.on_alive(&name, &hop, request, response, now),
        }
        self.schedule();
        self.notice(&name, now);
        true
    }

    fn on_registered(&mut self, name: &str, response: Option<&Response>, now: Instant) {
        let dice = self.rng.u64(..);
        if let Some(registration) = self.by_name.get_mut(name).and_then(|trunk| trunk.registration.as_mut()) {
            registration.on_answer(response, dice, now);
        }
    }

    fn on_alive(&mut self, name: &str, hop: &Hop, request: RequestId, response: Option<&Response>, now: Instant) {
        let Some(trunk) = self.by_name.get_mut(name) else {
            return;
        };
        let every = trunk.config.options_every;
        let Some(target) = trunk.target_mut(hop) else {
            return;
        };
        let turn = match response {
            // Any answer is one of somebody who is there; only 503 says that calls are not welcome.
            Some(response) if response.status != 503 => target.on_answer(every, now),
            Some(response) => {
                if let Some(seconds) = response.headers.number(&Name::RetryAfter) {
                    target.rest(Duration::from_secs(u64::from(seconds)), now);
                }
                target.on_ping_failed(request, every, now)
            }
            None => target.on_ping_failed(request, every, now),
        };
        self.turned(name, hop, turn, now);
    }

    fn turned(&mut self, name: &str, hop: &Hop, turn: Option<Turn>, now: Instant) {
        if let Some(turn) = turn {
            self.changes.push_back(Change::Target { name: name.to_owned(), hop: *hop, turn });
            self.schedule();
            self.notice(name, now);
        }
    }

    pub(super) fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// What is due; `us` says at which address a peer reaches us.
    pub(super) fn handle_timeout(&mut self, us: impl Fn(Hop) -> SocketAddr, now: Instant) -> Vec<Errand> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut errands = Vec::new();
        let mut turns = Vec::new();
        for trunk in self.by_name.values_mut().filter(|trunk| trunk.due() <= now) {
            trunk.errands(&us, now, &mut errands);
            trunk.expire_pings(now, &mut turns);
        }
        for (name, hop, turn) in turns {
            self.turned(&name, &hop, Some(turn), now);
        }
        let names: Vec<String> = self.by_name.keys().cloned().collect();
        for name in names {
            self.notice(&name, now);
        }
        self.schedule();
        errands
    }

    /// The server ends: nothing is asked any more but to be taken out of the registrars.
    pub(super) fn leave(&mut self, us: impl Fn(Hop) -> SocketAddr, now: Instant) -> Vec<Errand> {
        self.phase = Phase::Leaving;
        self.due = None;
        self.by_name.values_mut().filter_map(|trunk| trunk.leave(&us, now)).collect()
    }

    /// Whether a registrar has not yet confirmed that we are gone.
    pub(super) fn is_leaving(&self) -> bool {
        self.asked.values().any(|asked| asked.question == Question::Unregister)
    }

    fn schedule(&mut self) {
        self.due = match self.phase {
            Phase::Running => self.by_name.values().map(Trunk::due).min(),
            Phase::Leaving => None,
        };
    }

    /// Tells what has become of a trunk, if that is new.
    fn notice(&mut self, name: &str, now: Instant) {
        let Some(trunk) = self.by_name.get(name) else {
            return;
        };
        let state = trunk.state(now);
        if self.told.insert(name.to_owned(), state) != Some(state) {
            let why = trunk.why(now);
            self.changes.push_back(Change::Trunk { name: name.to_owned(), state, why });
        }
    }

    pub(super) fn view(&self, now: Instant) -> Vec<TrunkView> {
        self.by_name.values().map(|trunk| trunk.view(now)).collect()
    }

    pub(super) fn gauges(&self, now: Instant) -> Vec<TrunkGauge> {
        let gauge = |trunk: &Trunk| TrunkGauge {
            name: trunk.config.name.clone(),
            state: trunk.state(now),
            calls_in: trunk.calls(Course::In),
            calls_out: trunk.calls(Course::Out),
        };
        self.by_name.values().map(gauge).collect()
    }
}
