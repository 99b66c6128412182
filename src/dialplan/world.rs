//! The world of a rehearsal: prompts last as long as they last, phones ring, people answer or not, on a virtual clock.
//!
//! It carries out the orders of one real [`Walk`] and tells it what came of them. Nothing in it is random, so the same
//! script always runs the same way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::dialplan::around::Around;
use crate::dialplan::happening::BookingOutcome;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::Happening;
use crate::dialplan::line::Line;
use crate::dialplan::manner::Manner;
use crate::dialplan::names::Names;
use crate::dialplan::order::Consent;
use crate::dialplan::order::DialTarget;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::order::RecordOrder;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::ringers::Move;
use crate::dialplan::ringers::Ringers;
use crate::dialplan::ringers::Slot;
use crate::dialplan::routes::Route;
use crate::dialplan::script::ChannelChange;
use crate::dialplan::setting::Setting;
use crate::dialplan::stand_in::StandIn;
use crate::dialplan::trail::Entry;
use crate::dialplan::walk::Caller;
use crate::dialplan::walk::Walk;
use crate::media::tone::Signal;

/// Something that the caller, or somebody else, noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Heard(String),
    /// Whoever answered hears what is announced to him.
    Announced {
        to: String,
        prompt: String,
    },
    Said(String),
    /// Prompts of a `say`, which are digits or a number.
    Counted {
        prompts: Vec<String>,
        language: String,
    },
    Reached(FlowId),
    Rang(String),
    Texted {
        to: String,
        text: String,
    },
    Recorded(String),
    Parked,
    HandedOn(String),
    Consented(Consent),
    Joined(String),
    Emitted {
        name: String,
        /// `name=value`, one behind the other.
        fields: String,
    },
    Booked {
        queue: String,
        number: String,
    },
    Asked {
        method: &'static str,
        url: String,
        body: String,
    },
    Ended(HangupCause),
}

pub(super) struct World<'n> {
    pub(super) names: &'n Names,
    program: Arc<Program>,
    pub(super) origin: Instant,
    now: Instant,
    pub(super) around: Around<'n>,
    walk: Walk,
    agenda: BTreeMap<(Instant, u64), Cue>,
    cues: u64,
    /// Cues of what was stopped carry an older ticket.
    play: u64,
    pub(super) link: u64,
    pub(super) waiting: Option<Line>,
    pub(super) stand_ins: Vec<StandIn>,
    pub(super) ringers: Option<Ringers>,
    /// What every wish to be called back comes to.
    pub(super) callbacks: BookingOutcome,
    /// Slots in which somebody else is parked.
    pub(super) parked: Vec<String>,
    /// Whether the caller is.
    pub(super) slot: Slot,
    pub(super) events: Vec<Event>,
    /// Every entry of the trail, unbounded: a rehearsal is short.
    pub(super) story: Vec<Entry>,
    /// Entry of the story → the trunks that carry its call to a number outside.
    pub(super) routes: BTreeMap<usize, String>,
    told: u64,
    flow: Option<FlowId>,
}

/// Something that will happen.
#[derive(Debug, Clone)]
pub(super) enum Cue {
    Tell(Happening),
    Finished {
        play: u64,
    },
    Hear {
        prompt: String,
        play: u64,
    },
    /// The queue rings the next agent.
    RingNext {
        link: u64,
    },
    Linked {
        link: u64,
        happening: Happening,
    },
    Talk {
        link: u64,
        lasts: Duration,
    },
    /// Of somebody who was dialled.
    Dialled {
        link: u64,
        who: String,
        what: Move,
    },
    Change(ChannelChange),
}

/// How long a caller speaks to a voicemail box.
const LEAVES_MESSAGE: Duration = Duration::from_secs(10);
/// How long somebody listens to a mailbox.
const LISTENS: Duration = Duration::from_secs(30);
/// How long a beep lasts.
const BEEP: Duration = Duration::from_millis(400);
/// How long speech takes for each letter.
const LETTER: Duration = Duration::from_millis(70);

impl<'n> World<'n> {
    pub(super) fn new(
        program: &Arc<Program>,
        names: &'n Names,
        flow: FlowId,
        caller: Caller,
        wall: Timestamp,
        origin: Instant,
    ) -> World<'n> {
        let language = program.language.clone();
        let mut walk = Walk::new(Arc::clone(program), flow, caller, &language, 0);
        walk.keep_whole_trail();
        World {
            names,
            program: Arc::clone(program),
            origin,
            now: origin,
            around: Around::ordinary(names, origin, wall),
            walk,
            agenda: BTreeMap::new(),
            cues: 0,
            play: 0,
            link: 0,
            waiting: None,
            stand_ins: Vec::new(),
            ringers: None,
            callbacks: BookingOutcome::Booked,
            parked: Vec::new(),
            slot: Slot::None,
            events: Vec::new(),
            story: Vec::new(),
            routes: BTreeMap::new(),
            told: 0,
            flow: None,
        }
    }

    pub(super) fn set_manners(&mut self, manners: BTreeMap<String, Manner>) {
        self.around.manners = manners;
    }

    pub(super) fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Queue { queue, looks } => {
                self.around.queues.insert(queue, looks);
            }
            Setting::Calls { over: None, calls } => self.around.calls = calls,
            Setting::Calls { over: Some(trunk), calls } => {
                self.around.calls_by_trunk.insert(trunk, calls);
            }
            Setting::Seed(seed) => self.walk.draw_by(seed),
        }
    }

    /// The channel changes after this time, or at once.
    pub(super) fn change(&mut self, change: ChannelChange) {
        match change.after.is_zero() {
            true => self.around.change(change, self.now),
            false => self.cue(change.after, Cue::Change(change)),
        }
    }

    /// From here on, a question that fits is answered so; the stand-in that was set last counts.
    pub(super) fn stand_in(&mut self, stand_in: StandIn) {
        self.stand_ins.push(stand_in);
    }

    pub(super) fn begin(&mut self) {
        self.tell(Happening::Started);
        self.settle();
    }

    pub(super) fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.tell(Happening::Digit(key));
            self.settle();
        }
    }

    pub(super) fn hang_up(&mut self) {
        if !self.walk.is_over() {
            self.end(HangupCause::Normal);
            self.tell(Happening::CallerHungUp);
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.advance(until) {}
        self.now = until;
    }

    /// Goes to the next thing that happens by then; false if there is none.
    pub(super) fn advance(&mut self, until: Instant) -> bool {
        let cue = self.agenda.keys().next().map(|(at, _)| *at);
        let deadline = self.walk.poll_timeout().map(|deadline| deadline.at);
        let Some(at) = cue.into_iter().chain(deadline).min().filter(|at| *at <= until) else {
            return false;
        };
        self.now = self.now.max(at);
        // What was under way before counts before the walk's patience ends.
        match self.agenda.first_entry().filter(|first| first.key().0 <= at) {
            Some(first) => {
                let cue = first.remove();
                self.carry_on(cue);
            }
            None => {
                self.walk.handle_timeout(&self.around, self.now);
                self.after_walk();
            }
        }
        true
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn is_over(&self) -> bool {
        self.walk.is_over()
    }

    /// The verb at which the walk stands.
    pub(super) fn verb(&self) -> Option<&'static str> {
        self.walk.verb()
    }

    /// Time since the call began.
    pub(super) fn since_start(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.origin)
    }

    /// Lets happen what happens at this very moment.
    fn settle(&mut self) {
        while self.advance(self.now) {}
    }

    pub(super) fn tell(&mut self, happening: Happening) {
        self.walk.handle(happening, &self.around, self.now);
        self.after_walk();
    }

    fn after_walk(&mut self) {
        // The last entry that was told may have been given its reason since.
        let again = u64::from(self.story.pop().is_some());
        let entries = self.walk.trail_since(self.told - again);
        for entry in entries {
            let flow = self.program.step(entry.step).flow;
            if self.flow != Some(flow) {
                self.flow = Some(flow);
                self.events.push(Event::Reached(flow));
            }
        }
        self.story.extend_from_slice(entries);
        self.told = self.walk.trail_count();
        while let Some(order) = self.walk.poll_order() {
            self.carry_out(order);
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Answer => self.cue(Duration::ZERO, Cue::Tell(Happening::Answered)),
            Order::Play { prompts, language } => self.play(prompts, language),
            Order::Speak { text, .. } => {
                let lasts = LETTER * u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                self.events.push(Event::Said(text));
                self.play += 1;
                self.cue(lasts, Cue::Finished { play: self.play });
            }
            Order::Tone { signal } => {
                self.play += 1;
                if signal == Signal::Beep {
                    self.cue(BEEP, Cue::Finished { play: self.play });
                }
            }
            Order::Record(RecordOrder::Start { name, .. }) => {
                self.events.push(Event::Recorded(name.unwrap_or_else(|| "call".to_owned())));
            }
            Order::StopPlaying | Order::Music { .. } | Order::HoldMusic { .. } => self.play += 1,
            Order::Ask(query) => self.ask(*query),
            Order::StopAsking => {}
            Order::Book(booking) => self.book(*booking),
            Order::Emit { name, fields } => self.events.push(Event::Emitted { name, fields: written(&fields) }),
            Order::AskPosition => self.tell_position(),
            Order::JoinQueue { queue } => self.join(&queue),
            Order::LeaveQueue | Order::StopDialling | Order::EndTalk => self.unlink(),
            Order::Dial(order) => self.dial(*order),
            Order::Refer { to } => self.refer(to),
            Order::Park(_) => self.park(),
            Order::Unpark => self.unlink(),
            // Nobody of the house has parked him.
            Order::RingBackParker { .. } => self.tell_soon(Happening::DialEnded(DialOutcome::Unreachable)),
            Order::PickUp { slot } => self.pick_up(&slot),
            Order::Consent(answer) => self.events.push(Event::Consented(answer)),
            Order::Voicemail { mailbox, .. } => self.take_message(mailbox),
            Order::Mailbox { .. } => self.listen(),
            Order::Message { to, text } => self.events.push(Event::Texted { to, text }),
            // Others are there, a moderator among them, and stay.
            Order::JoinConference(attendance) => self.events.push(Event::Joined(attendance.conference)),
            Order::LeaveConference | Order::WrongPin { .. } => {}
            Order::Hangup { cause } => self.end(cause),
            Order::Ringing | Order::Progress | Order::Tag { .. } | Order::Echo | Order::Record(_) => {}
        }
    }

    fn play(&mut self, prompts: Vec<String>, language: String) {
        self.play += 1;
        let play = self.play;
        let mut begins = Duration::ZERO;
        for (at, prompt) in prompts.iter().cloned().enumerate() {
            let lasts = self.names.duration_of(&prompt);
            match at {
                0 => self.events.push(Event::Heard(prompt)),
                _ => self.cue(begins, Cue::Hear { prompt, play }),
            }
            begins += lasts;
        }
        self.cue(begins, Cue::Finished { play });
        if self.walk.verb() == Some("say") {
            self.events.push(Event::Counted { prompts, language });
        }
    }

    pub(super) fn note_way(&mut self, whom: &DialTarget) {
        let way = match whom {
            DialTarget::Address { trunks, .. } => Some(trunks.join(", then ")),
            _ => self.program.route_for(whom.text()).map(Route::describe),
        };
        if let (Some(way), Some(entry)) = (way, self.story.len().checked_sub(1)) {
            let ways = self.routes.entry(entry).or_default();
            let and = if ways.is_empty() { "" } else { ", and over " };
            ways.push_str(and);
            ways.push_str(&way);
        }
    }

    fn take_message(&mut self, mailbox: String) {
        self.unlink();
        self.events.push(Event::Heard("voicemail".to_owned()));
        self.events.push(Event::Recorded(mailbox));
        let lasts = self.names.duration_of("voicemail") + LEAVES_MESSAGE;
        let happening = Happening::VoicemailDone;
        self.cue(lasts, Cue::Linked { link: self.link, happening });
    }

    /// Nobody's messages are known here: the menu is heard, and left.
    fn listen(&mut self) {
        self.unlink();
        self.events.push(Event::Heard("mailbox-menu".to_owned()));
        let happening = Happening::MailboxLeft;
        self.cue(LISTENS, Cue::Linked { link: self.link, happening });
    }

    fn end(&mut self, cause: HangupCause) {
        self.events.push(Event::Ended(cause));
        self.play += 1;
        self.unlink();
    }

    pub(super) fn unlink(&mut self) {
        self.waiting = None;
        self.ringers = None;
        self.slot = Slot::None;
        self.link += 1;
    }

    pub(super) fn tell_soon(&mut self, happening: Happening) {
        self.cue(Duration::ZERO, Cue::Linked { link: self.link, happening });
    }

    pub(super) fn cue(&mut self, after: Duration, cue: Cue) {
        self.cues += 1;
        self.agenda.insert((self.now + after, self.cues), cue);
    }

    fn carry_on(&mut self, cue: Cue) {
        match cue {
            Cue::Tell(happening) => self.tell(happening),
            Cue::Finished { play } if play == self.play => self.tell(Happening::PlayFinished),
            Cue::Hear { prompt, play } if play == self.play => {
                self.events.push(Event::Heard(prompt));
            }
            Cue::RingNext { link } if link == self.link => self.ring_next(),
            Cue::Linked { link, happening } if link == self.link => self.tell(happening),
            Cue::Talk { link, lasts } if link == self.link => self.talk(lasts),
            Cue::Dialled { link, who, what } if link == self.link => self.on_dialled(who, what),
            Cue::Change(change) => self.around.change(change, self.now),
            Cue::Finished { .. } | Cue::Hear { .. } | Cue::RingNext { .. } => {}
            Cue::Linked { .. } | Cue::Talk { .. } | Cue::Dialled { .. } => {}
        }
    }

    pub(super) fn talk(&mut self, lasts: Duration) {
        self.unlink();
        self.cue(lasts, Cue::Linked { link: self.link, happening: Happening::TalkEnded });
        self.tell(Happening::TalkStarted);
    }
}

fn written(fields: &[(String, String)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}
