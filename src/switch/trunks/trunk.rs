//! One trunk at this moment: its addresses, its calls, and whether a call should go there.

use std::time::Duration;
use std::time::Instant;

use crate::number::Region;
use crate::number::dialling::Dialling;
use crate::sip::digest::Credentials;
use crate::sip::digest::Secret;
use crate::sip::hop::Hop;
use crate::sip::uri::Uri;
use crate::switch::command::TargetView;
use crate::switch::command::TrunkView;
use crate::switch::input::Resolved;
use crate::switch::trunk::Config;
use crate::switch::trunks::health::Health;
use crate::switch::trunks::health::Target;
use crate::switch::trunks::health::Turn;
use crate::switch::trunks::rate::Rate;
use crate::switch::trunks::registration::Registration;
use crate::switch::trunks::registration::Standing;
use crate::switch::trunks::state::Course;
use crate::switch::trunks::state::Full;
use crate::switch::trunks::state::TrunkState;

/// After a lookup that failed, doubled up to [`LOOKUP_PAUSE_LONGEST`].
const LOOKUP_PAUSE_FIRST: Duration = Duration::from_secs(5);
const LOOKUP_PAUSE_LONGEST: Duration = Duration::from_secs(60);
/// A lookup that never comes back is begun anew.
const LOOKUP_ENDS_WITHIN: Duration = Duration::from_secs(120);

/// See the top of this file.
#[derive(Debug)]
pub(in crate::switch) struct Trunk {
    pub(in crate::switch) config: Config,
    pub(in crate::switch) dialling: Dialling,
    /// Best first.
    pub(super) targets: Vec<Target>,
    pub(super) registration: Option<Registration>,
    pub(super) lookup_at: Instant,
    lookup_pause: Duration,
    /// Why there is no address.
    lookup_fault: Option<String>,
    incoming: u32,
    outgoing: u32,
    rate: Option<Rate>,
}

/// Whether a call should go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::switch) enum Fitness {
    Good,
    /// It does not look well: tried after all others.
    Doubtful,
}

impl Trunk {
    pub(super) fn new(config: Config, home: &Region, call_id: String, now: Instant) -> Trunk {
        Trunk {
            dialling: config.dialling(home),
            targets: Vec::new(),
            registration: config.register.then(|| Registration::new(call_id)),
            lookup_at: now,
            lookup_pause: LOOKUP_PAUSE_FIRST,
            lookup_fault: None,
            incoming: 0,
            outgoing: 0,
            rate: config.max_calls_per_second.map(|most| Rate::new(most.get(), now)),
            config,
        }
    }

    /// Where a call goes, best first: what answers before what does not. None: it must not or cannot go.
    pub(in crate::switch) fn hops_for_call(&self, now: Instant) -> Option<(Hop, Vec<Hop>)> {
        if !self.has_room() || self.rate.as_ref().is_some_and(|rate| !rate.has_room(now)) {
            return None;
        }
        let mut hops = self.hops_by_fitness(now).into_iter();
        Some((hops.next()?, hops.collect()))
    }

    /// Targets that are down are left out while another is up; if none is up, all of them are tried.
    pub(super) fn hops_by_fitness(&self, now: Instant) -> Vec<Hop> {
        let fit: Vec<Hop> =
            self.targets.iter().filter(|target| target.takes_calls(now)).map(|target| target.hop).collect();
        match fit.is_empty() {
            false => fit,
            true => self.targets.iter().map(|target| target.hop).collect(),
        }
    }

    pub(in crate::switch) fn fitness(&self, now: Instant) -> Fitness {
        let reachable = self.targets.iter().any(|target| target.takes_calls(now));
        match reachable && self.state(now) == TrunkState::Ready {
            true => Fitness::Good,
            false => Fitness::Doubtful,
        }
    }

    /// In both directions.
    pub(in crate::switch) fn calls_carried(&self) -> u32 {
        self.incoming + self.outgoing
    }

    fn has_room(&self) -> bool {
        self.config.max_calls.is_none_or(|most| self.calls_carried() < most)
    }

    /// One more call begins, unless it must not.
    pub(super) fn admit(&mut self, course: Course, now: Instant) -> Result<(), Full> {
        if !self.has_room() {
            return Err(Full::Calls);
        }
        if self.rate.as_mut().is_some_and(|rate| !rate.take(now)) {
            return Err(Full::Rate);
        }
        *self.calls_mut(course) += 1;
        Ok(())
    }

    pub(super) fn release(&mut self, course: Course) {
        let calls = self.calls_mut(course);
        *calls = calls.saturating_sub(1);
    }

    fn calls_mut(&mut self, course: Course) -> &mut u32 {
        match course {
            Course::In => &mut self.incoming,
            Course::Out => &mut self.outgoing,
        }
    }

    pub(super) fn calls(&self, course: Course) -> u32 {
        match course {
            Course::In => self.incoming,
            Course::Out => self.outgoing,
        }
    }

    /// Whether this URI names the trunk itself.
    pub(in crate::switch) fn is_host_of(&self, uri: &Uri) -> bool {
        let named = uri.host_text().eq_ignore_ascii_case(&self.config.host);
        named || uri.host.address().is_some_and(|ip| self.targets.iter().any(|target| target.hop.remote.ip() == ip))
    }

    pub(in crate::switch) fn credentials(&self) -> Option<Credentials> {
        let username = self.config.username.clone()?;
        let password = self.config.password.clone()?;
        Some(Credentials { username, secret: Secret::Password(password) })
    }

    /// RFC 3608: what calls must be routed by.
    pub(in crate::switch) fn service_routes(&self) -> &[String] {
        self.registration.as_ref().map_or(&[], Registration::service_routes)
    }

    pub(super) fn due(&self) -> Instant {
        let registration = self.registration.as_ref().and_then(Registration::due);
        let pings = self.targets.iter().filter_map(Target::due);
        pings.chain(registration).fold(self.lookup_at, Instant::min)
    }

    pub(super) fn on_lookup_begun(&mut self, now: Instant) {
        self.lookup_at = now + LOOKUP_ENDS_WITHIN;
    }

    pub(super) fn on_resolved(&mut self, result: Result<Resolved, String>, now: Instant) {
        match result {
            Ok(Resolved { hops, lasts }) if !hops.is_empty() => {
                self.lookup_at = now + lasts;
                self.lookup_pause = LOOKUP_PAUSE_FIRST;
                self.lookup_fault = None;
                self.take_over(hops, now);
                if let Some(registration) = &mut self.registration {
                    registration.begin(now);
                }
            }
            Ok(_) => self.on_lookup_failed("no address".to_owned(), now),
            Err(why) => self.on_lookup_failed(why, now),
        }
    }

    /// A target that was known before keeps what is known of it.
    fn take_over(&mut self, hops: Vec<Hop>, now: Instant) {
        let mut before = std::mem::take(&mut self.targets);
        for hop in hops {
            let known = before.iter().position(|target| is_same_place(&target.hop, &hop));
            self.targets.push(match known {
                Some(at) => before.swap_remove(at).reached_by(hop),
                None => Target::new(hop, self.config.options_every, now),
            });
        }
    }

    /// What was found before is kept: an old address is better than none.
    fn on_lookup_failed(&mut self, why: String, now: Instant) {
        self.lookup_fault = Some(why);
        self.lookup_at = now + self.lookup_pause;
        self.lookup_pause = (self.lookup_pause * 2).min(LOOKUP_PAUSE_LONGEST);
    }

    pub(super) fn target_mut(&mut self, hop: &Hop) -> Option<&mut Target> {
        self.targets.iter_mut().find(|target| is_same_place(&target.hop, hop))
    }

    pub(super) fn on_target_answered(&mut self, hop: &Hop, now: Instant) -> Option<Turn> {
        let every = self.config.options_every;
        self.target_mut(hop)?.on_answer(every, now)
    }

    pub(super) fn state(&self, now: Instant) -> TrunkState {
        if self.targets.is_empty() {
            return match self.lookup_fault {
                Some(_) => TrunkState::Unreachable,
                None => TrunkState::Resolving,
            };
        }
        let registered = match self.registration.as_ref().map(Registration::standing) {
            None => TrunkState::Ready,
            Some(Standing::Registered { until }) if now < *until => TrunkState::Ready,
            Some(Standing::Unknown | Standing::Registered { .. }) => TrunkState::Registering,
            Some(Standing::Refused(_)) => TrunkState::Refused,
            Some(Standing::Failed(_)) => TrunkState::Unreachable,
        };
        match registered {
            TrunkState::Ready if self.targets.iter().all(Target::is_down) => TrunkState::Unreachable,
            other => other,
        }
    }

    /// Why the trunk is not ready, if it is not and we know.
    pub(super) fn why(&self, now: Instant) -> Option<String> {
        match (self.state(now), self.registration.as_ref().map(Registration::standing)) {
            (TrunkState::Ready | TrunkState::Resolving | TrunkState::Registering, _) => None,
            (_, Some(Standing::Refused(why) | Standing::Failed(why))) => Some(why.clone()),
            _ if self.targets.is_empty() => self.lookup_fault.clone(),
            _ => Some("no target answers OPTIONS".to_owned()),
        }
    }

    pub(super) fn view(&self, now: Instant) -> TrunkView {
        let state = self.state(now);
        let target = |target: &Target| TargetView {
            address: target.hop.remote.to_string(),
            transport: target.hop.transport.uri_text(),
            state: target_state(target, now),
        };
        TrunkView {
            name: self.config.name.clone(),
            state: self.why(now).map_or_else(|| state.word().to_owned(), |why| format!("{}: {why}", state.word())),
            calls: self.incoming + self.outgoing,
            calls_in: self.incoming,
            calls_out: self.outgoing,
            max_calls: self.config.max_calls,
            targets: self.targets.iter().map(target).collect(),
        }
    }
}

fn is_same_place(one: &Hop, other: &Hop) -> bool {
    (one.transport, one.remote) == (other.transport, other.remote)
}

fn target_state(target: &Target, now: Instant) -> &'static str {
    match target.health() {
        Health::Down => "down",
        _ if !target.takes_calls(now) => "resting",
        Health::Up => "up",
        Health::Unknown | Health::Suspect { .. } => "unknown",
    }
}
