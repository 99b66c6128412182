//! A `dial` of the dialplan: phones ring together, whoever answers may hear first what the call is about, and the first who
//! takes the call has it.
//!
//! Each target is a [`Reach`] of its own, so that one person's refusal is told from another's; all of them have the same
//! purpose, and end together. The walk keeps the time of ringing, this file that of the announcement.
//!
//! [`Reach`]: crate::call::reach::Reach

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use crate::call::caller::CallerId;
use crate::call::clerk::Facts;
use crate::call::effect::Around;
use crate::call::effect::Destination;
use crate::call::effect::NoWay;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::reach::Purpose;
use crate::call::reach::Reach;
use crate::call::reach::Refused;
use crate::call::refusals::outcome_of;
use crate::call::verdict::Verdict;
use crate::dialplan::dial_order::Acceptance;
use crate::dialplan::dial_order::Announcement;
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::dial_order::Meanwhile;
use crate::dialplan::dial_order::ShownCaller;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::Happening;
use crate::dialplan::order::DialTarget;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::media::command::PlayId;
use crate::media::command::Repeat;
use crate::media::command::Sound;

/// From the order to dial until somebody has taken the call or nobody is left.
#[derive(Debug)]
pub(super) struct Dialling {
    order: Box<DialOrder>,
    /// Of all refusals the first in the order of outcomes.
    ended: Option<(DialOutcome, Option<Refused>)>,
    listeners: Vec<Listener>,
}

/// Somebody who has answered and hears the announcement.
#[derive(Debug)]
struct Listener {
    leg: LegId,
    stage: Stage,
    /// How often it was played to him.
    times: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Hears(PlayId),
    /// It is over, and the key is waited for.
    Thinks {
        until: Instant,
    },
}

/// How long a key is waited for.
const THINKS_FOR: Duration = Duration::from_secs(8);
/// How often it is asked for.
const ASKED: u8 = 2;

impl Call {
    pub(super) fn dial(&mut self, order: Box<DialOrder>, around: &dyn Around, now: Instant) {
        let targets = order.targets.clone();
        self.dialling = Some(Dialling { order, ended: None, listeners: Vec::new() });
        self.entertain_dialler(around);
        for target in targets {
            let whom = destination(&target);
            match around.ways_to(&whom, &self.facts_for(&Purpose::Dial), self.dice(), now) {
                Ok(ways) => self.reach(Purpose::Dial, ways, around, now),
                Err(why) => {
                    self.clerk.note(format!("no way to {}: {why}", target.text()), now);
                    self.weigh(outcome_without_way(why), None);
                }
            }
        }
        self.end_dial_if_nobody_is_left();
    }

    pub(super) fn stop_dialling(&mut self) {
        self.dialling = None;
        self.stop_reaching(&Purpose::Dial, cause::NORMAL);
        self.stop_playing();
    }

    /// The talk has lasted as long as it may.
    pub(super) fn end_talk_order(&mut self, now: Instant) {
        self.stop_reaching(&Purpose::Transfer, cause::NORMAL);
        self.abandon_transfer();
        let Some(talk) = self.talk else { return };
        self.clerk.note(format!("the talk with {} is ended", self.name_of(talk)), now);
        self.end_talk(now);
        self.hang_up_leg(talk, cause::NORMAL);
    }

    /// What the caller hears while phones ring: music also before he is answered, at no cost to him.
    pub(super) fn entertain_dialler(&mut self, around: &dyn Around) {
        let music = match self.dialling.as_ref().map(|dialling| &dialling.order.meanwhile) {
            Some(Meanwhile::Music(name)) => around.music(name),
            Some(Meanwhile::Ringback) | None => Vec::new(),
        };
        if !music.is_empty() && !self.is_audible() {
            self.early_media();
        }
        if self.is_audible() {
            self.entertain(if music.is_empty() { around.ringback() } else { music });
        }
    }

    /// Whether the caller may hear what a phone of this dial sends before its answer: with several phones, or with music,
    /// it would be the sound of one among others.
    pub(super) fn hears_early_media(&self) -> bool {
        self.dialling.as_ref().is_none_or(|dialling| {
            let order = &dialling.order;
            order.targets.len() == 1 && order.announcement.is_none() && order.meanwhile == Meanwhile::Ringback
        })
    }

    /// What those who are rung for this purpose may know of the caller.
    pub(super) fn facts_for(&self, purpose: &Purpose) -> Cow<'_, Facts> {
        let facts = self.facts_of(self.caller_name(), self.caller);
        match &self.dialling {
            Some(dialling) if *purpose == Purpose::Dial => shown_as(&dialling.order.shown, facts),
            _ => facts,
        }
    }

    /// Whom the caller waits for, in a few words.
    pub(super) fn dialled(&self) -> Option<String> {
        let dialling = self.dialling.as_ref()?;
        if let Some(listener) = dialling.listeners.first() {
            return Some(format!("announced to {}", self.party(listener.leg)));
        }
        let targets: Vec<&str> = dialling.order.targets.iter().map(DialTarget::text).collect();
        Some(format!("ringing {}", targets.join(", ")))
    }

    /// A phone was picked up: its owner has the call, or hears first what it is about.
    pub(super) fn on_dialled_answered(&mut self, id: LegId, around: &dyn Around, now: Instant) {
        let announcement = self.dialling.as_ref().and_then(|dialling| dialling.order.announcement.clone());
        let Some(Announcement { prompt, language, acceptance }) = announcement else {
            return self.take_dialled(id, around, now);
        };
        if acceptance == Acceptance::ByAnswer {
            self.part_winner(id);
            let legs = vec![id];
            let reach = Reach { purpose: Purpose::Dial, legs, then: VecDeque::new(), redirected: 0, refusal: None };
            self.reaches.push(reach);
        }
        let Some(clip) = around.prompt(&prompt, &language) else {
            self.clerk.note(format!("no prompt `{prompt}` in {language}"), now);
            return self.take_dialled(id, around, now);
        };
        self.clerk.note(format!("{} answers and hears `{prompt}`", self.party(id)), now);
        self.announce_to(id, Sound::Clip(clip), 1);
        self.happenings.push_back(Happening::CalleeListens);
    }

    fn announce_to(&mut self, leg: LegId, sound: Sound, times: u8) {
        let play = self.next_play();
        self.media(MediaCommand::Play { leg, play, clips: vec![sound], repeat: Repeat::Once });
        if let Some(dialling) = &mut self.dialling {
            dialling.listeners.retain(|listener| listener.leg != leg);
            dialling.listeners.push(Listener { leg, stage: Stage::Hears(play), times });
        }
    }

    /// The other phones fall silent, and show no missed call.
    pub(super) fn take_dialled(&mut self, id: LegId, around: &dyn Around, now: Instant) {
        self.part_winner(id);
        self.dialling = None;
        self.talk_to(id, None, around, now);
    }

    /// False: nothing was announced by this.
    pub(super) fn on_announced(&mut self, leg: LegId, play: PlayId, around: &dyn Around, now: Instant) -> bool {
        let Some(dialling) = &mut self.dialling else {
            return false;
        };
        let hears = |listener: &&mut Listener| listener.leg == leg && listener.stage == Stage::Hears(play);
        let Some(listener) = dialling.listeners.iter_mut().find(hears) else {
            return false;
        };
        listener.stage = Stage::Thinks { until: now + THINKS_FOR };
        let acceptance = dialling.order.announcement.as_ref().map(|announcement| announcement.acceptance);
        if acceptance != Some(Acceptance::ByAnswer) {
            return true;
        }
        self.take_dialled(leg, around, now);
        true
    }

    /// False: this is nobody who hears an announcement.
    pub(super) fn on_listeners_key(&mut self, leg: LegId, key: char, around: &dyn Around, now: Instant) -> bool {
        let Some(dialling) = self.dialling.as_ref().filter(|dialling| dialling.hears(leg)) else {
            return false;
        };
        let party = self.party(leg);
        match dialling.order.announcement.as_ref().map(|announcement| announcement.acceptance) {
            Some(Acceptance::ByKey(wanted)) if wanted == key => {
                self.clerk.note(format!("{party} takes the call by pressing {key}"), now);
                self.take_dialled(leg, around, now);
            }
            Some(Acceptance::ByKey(_)) => {
                self.clerk.note(format!("{party} declines by pressing {key}"), now);
                self.dismiss_listener(leg, 603, around, now);
            }
            Some(Acceptance::ByAnswer) | None => {}
        }
        true
    }

    pub(super) fn listener_thinks_until(&self) -> Option<Instant> {
        let listeners = self.dialling.iter().flat_map(|dialling| &dialling.listeners);
        listeners.filter_map(Listener::thinks_until).min()
    }

    pub(super) fn on_listeners_silence(&mut self, around: &dyn Around, now: Instant) {
        let listeners = self.dialling.iter().flat_map(|dialling| &dialling.listeners);
        let due = listeners.filter(|listener| listener.thinks_until().is_some_and(|until| until <= now));
        let due: Vec<(LegId, u8)> = due.map(|listener| (listener.leg, listener.times)).collect();
        for (leg, times) in due {
            let announcement = self.dialling.as_ref().and_then(|dialling| dialling.order.announcement.as_ref());
            let clip = announcement.and_then(|it| around.prompt(&it.prompt, &it.language));
            match clip.filter(|_| times < ASKED) {
                Some(clip) => self.announce_to(leg, Sound::Clip(clip), times + 1),
                None => {
                    self.clerk.note(format!("{} does not take the call", self.party(leg)), now);
                    self.dismiss_listener(leg, 480, around, now);
                }
            }
        }
    }

    fn dismiss_listener(&mut self, leg: LegId, status: u16, around: &dyn Around, now: Instant) {
        self.hang_up_leg(leg, cause::NORMAL);
        self.on_leg_refused(leg, Refused::with(status), around, now);
    }

    /// Who hung up on the announcement has declined. None: this is somebody else.
    pub(super) fn status_of_listener(&mut self, leg: LegId, now: Instant) -> Option<u16> {
        let hears = self.dialling.as_ref().is_some_and(|dialling| dialling.hears(leg));
        hears.then(|| {
            self.clerk.note(format!("{} hangs up on the announcement", self.party(leg)), now);
            603
        })
    }

    /// A leg of this dial is out, of a person who may have others.
    pub(super) fn on_dialled_leg_out(&mut self, leg: LegId) {
        let Some(dialling) = &mut self.dialling else {
            return;
        };
        let before = dialling.listeners.len();
        dialling.listeners.retain(|listener| listener.leg != leg);
        if dialling.listeners.len() < before && self.reaches.iter().any(|reach| reach.is_for(&Purpose::Dial)) {
            self.happenings.push_back(Happening::CalleeLeft);
        }
    }

    /// One of those who were dialled cannot be had.
    pub(super) fn on_dialled_refused(&mut self, refused: Refused) {
        self.weigh(outcome_of(refused.status), Some(refused));
        self.end_dial_if_nobody_is_left();
    }

    fn weigh(&mut self, outcome: DialOutcome, refused: Option<Refused>) {
        if let Some(dialling) = &mut self.dialling
            && dialling.ended.is_none_or(|(before, _)| outcome < before)
        {
            dialling.ended = Some((outcome, refused));
        }
    }

    fn end_dial_if_nobody_is_left(&mut self) {
        if self.reaches.iter().any(|reach| reach.is_for(&Purpose::Dial)) {
            return;
        }
        let Some((outcome, refused)) = self.dialling.take().and_then(|dialling| dialling.ended) else {
            return;
        };
        self.verdict = refused.map(|Refused { status, cause }| Verdict { status: Some(status), cause });
        self.stop_playing();
        self.happenings.push_back(Happening::DialEnded(outcome));
    }
}

impl Dialling {
    fn hears(&self, leg: LegId) -> bool {
        self.listeners.iter().any(|listener| listener.leg == leg)
    }
}

impl Listener {
    fn thinks_until(&self) -> Option<Instant> {
        match self.stage {
            Stage::Thinks { until } => Some(until),
            Stage::Hears(_) => None,
        }
    }
}

fn destination(target: &DialTarget) -> Destination {
    match target.clone() {
        DialTarget::Extension(number) => Destination::Extension(number),
        DialTarget::Device { extension, instance } => Destination::Device { extension, instance },
        DialTarget::Number(number) => Destination::Number(number),
        DialTarget::Address { uri, trunks } => Destination::Address { uri, trunks },
    }
}

/// A number of ours in the caller's place is shown whatever he wished for himself.
fn shown_as<'f>(shown: &ShownCaller, facts: Cow<'f, Facts>) -> Cow<'f, Facts> {
    if *shown == ShownCaller::default() {
        return facts;
    }
    let mut facts = facts.into_owned();
    if let Some(number) = &shown.number {
        facts.from.clone_from(number);
        facts.caller = CallerId { diversions: facts.caller.diversions, ..CallerId::default() };
    }
    if let Some(name) = &shown.name {
        facts.caller.name = Some(name.clone());
    }
    Cow::Owned(facts)
}

fn outcome_without_way(why: NoWay) -> DialOutcome {
    match why {
        NoWay::NotRegistered => DialOutcome::Unreachable,
        NoWay::Unknown | NoWay::TrunkUnavailable | NoWay::KeptApart => DialOutcome::Failed,
    }
}
