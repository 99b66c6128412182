//! Who is in which conference, who may speak there, and when it ends.
//!
//! A conference exists while somebody is in it. Calls hear what becomes of their caller's part as [`ConferenceNews`];
//! where others are to hear something, or a tape is to run, the pump is told about the room as a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::call::effect::ConferenceNews;
use crate::call::record::CallId;
use crate::dialplan::attendance::AfterModerator;
use crate::dialplan::attendance::Attendance;
use crate::dialplan::attendance::BeforeModerator;
use crate::dialplan::attendance::Comings;
use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::attendance::Speech;
use crate::dialplan::attendance::Standing;
use crate::dialplan::attendance::Tape;
use crate::media::chime;
use crate::media::clip::Clip;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Role;
use crate::media::command::RoomId;
use crate::media::command::Sound;
use crate::media::recording::Format;
use crate::switch::command::ConferenceView;
use crate::switch::command::MemberView;

#[derive(Debug, Default)]
pub(super) struct Conferences {
    pub(super) by_name: BTreeMap<String, Conference>,
    /// Recordings that run or are being written: file → conference.
    pub(super) taped: BTreeMap<String, String>,
    format: Format,
    last_room: u64,
}

#[derive(Debug)]
pub(super) struct Conference {
    pub(super) room: RoomId,
    started: Timestamp,
    pub(super) members: Vec<Member>,
    pub(super) tape: Reel,
}

/// Whether a conference is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reel {
    Off,
    /// As soon as somebody is heard.
    Wanted,
    /// Relative to the folder of recordings.
    Runs {
        path: String,
    },
}

#[derive(Debug)]
pub(super) struct Member {
    /// The number of the call whose caller this is.
    pub(super) call: u64,
    pub(super) id: CallId,
    party: String,
    joined: Timestamp,
    moderator: bool,
    pub(super) muted: bool,
    /// For a moderator, with music.
    pub(super) waits: bool,
    after_moderator: AfterModerator,
    comings: Comings,
}

/// What is to be done, in this order.
#[derive(Debug)]
pub(super) enum Step {
    Tell { call: u64, news: ConferenceNews },
    Media(MediaCommand),
    Publish { kind: &'static str, data: Value },
}

/// Who comes: the call, as the others know it.
#[derive(Debug)]
pub(super) struct Comer {
    pub(super) call: u64,
    pub(super) id: CallId,
    pub(super) party: String,
}

/// A tape ends by itself after this: a conference that somebody forgot to leave must not fill a disk.
const LONGEST_TAPE: Duration = Duration::from_hours(12);

/// Who comes in and goes out.
impl Conferences {
    /// Recorded in this format.
    pub(super) fn new(format: Format) -> Conferences {
        Conferences { format, ..Conferences::default() }
    }

    pub(super) fn join(&mut self, comer: Comer, attendance: &Attendance, wall: Timestamp) -> Vec<Step> {
        let name = &attendance.conference;
        let there = self.by_name.get(name).map_or(0, |conference| conference.members.len());
        if there >= attendance.most {
            let news = ConferenceNews::Left(ConferenceOutcome::Full);
            return vec![Step::Tell { call: comer.call, news }];
        }
        if there == 0 {
            let room = self.next_room();
            let conference = Conference { room, started: wall, members: Vec::new(), tape: Reel::Off };
            self.by_name.insert(name.clone(), conference);
        }
        let Some(conference) = self.by_name.get_mut(name) else {
            return Vec::new();
        };
        if attendance.tape == Tape::Runs && conference.tape == Reel::Off {
            conference.tape = Reel::Wanted;
        }
        let member = conference.seat(comer, attendance, wall);
        let mut steps = vec![conference.told("conference.joined", name, member)];
        if conference.members[member].waits {
            let call = conference.members[member].call;
            steps.push(Step::Tell { call, news: ConferenceNews::Waits });
            return steps;
        }
        steps.push(self.enter(name, member, wall));
        steps.extend(self.open_to_those_who_wait(name));
        steps
    }

    /// The member hears and is heard from here on; a tape that was wanted runs with the first one.
    fn enter(&mut self, name: &str, member: usize, wall: Timestamp) -> Step {
        let conference = self.by_name.get_mut(name).expect("somebody has just taken a seat in it");
        let room = conference.room;
        let mut then = Vec::new();
        if conference.members[member].comings == Comings::Announced {
            then.push(announce(room, chime::joined()));
        }
        if conference.tape == Reel::Wanted {
            let (path, command) = conference.start_tape(name, self.format, wall);
            then.push(command);
            self.taped.insert(path, name.to_owned());
        }
        let member = &conference.members[member];
        Step::Tell { call: member.call, news: ConferenceNews::Hears { room, role: member.role(), then } }
    }

    /// A moderator is there: the music ends for all.
    fn open_to_those_who_wait(&mut self, name: &str) -> Vec<Step> {
        let Some(conference) = self.by_name.get_mut(name).filter(|conference| conference.is_moderated()) else {
            return Vec::new();
        };
        let room = conference.room;
        let waiting = conference.members.iter_mut().filter(|member| member.waits);
        let enter = |member: &mut Member| {
            member.waits = false;
            let news = ConferenceNews::Hears { room, role: member.role(), then: Vec::new() };
            Step::Tell { call: member.call, news }
        };
        waiting.map(enter).collect()
    }

    pub(super) fn leave(&mut self, call: u64) -> Vec<Step> {
        let Some(name) = self.conference_of(call) else {
            return Vec::new();
        };
        let Some(conference) = self.by_name.get_mut(&name) else {
            return Vec::new();
        };
        let was_moderator = conference.members.iter().any(|member| member.call == call && member.moderator);
        let mut steps = conference.take_out(&name, |member| member.call == call);
        if was_moderator && !conference.is_moderated() {
            let calls: Vec<u64> = conference.who_leaves_with_moderator();
            for call in calls {
                steps.push(Step::Tell { call, news: ConferenceNews::Left(ConferenceOutcome::Ended) });
                steps.extend(conference.take_out(&name, |member| member.call == call));
            }
        }
        steps.extend(self.end_if_empty(&name));
        steps
    }

    fn end_if_empty(&mut self, name: &str) -> Option<Step> {
        let ended = self.by_name.get(name).is_some_and(|conference| conference.members.is_empty());
        let conference = ended.then(|| self.by_name.remove(name)).flatten()?;
        let data = json!({ "conference": name, "started": conference.started });
        Some(Step::Publish { kind: "conference.ended", data })
    }

    pub(super) fn conference_of(&self, call: u64) -> Option<String> {
        let has = |conference: &Conference| conference.members.iter().any(|member| member.call == call);
        self.by_name.iter().find(|(_, conference)| has(conference)).map(|(name, _)| name.clone())
    }

    /// The calls of all who are in it.
    pub(super) fn members_of(&self, name: &str) -> impl Iterator<Item = u64> {
        self.by_name.get(name).into_iter().flat_map(|conference| &conference.members).map(|member| member.call)
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn members(&self) -> usize {
        self.by_name.values().map(|conference| conference.members.len()).sum()
    }

    /// For a conference or a supervised talk.
    pub(super) fn next_room(&mut self) -> RoomId {
        self.last_room += 1;
        RoomId(self.last_room)
    }

    pub(super) fn view(&self, name: &str) -> Option<ConferenceView> {
        self.by_name.get(name).map(|conference| conference.view(name))
    }
}

impl Member {
    pub(super) fn role(&self) -> Role {
        if self.muted { Role::Listener } else { Role::Speaker }
    }
}

impl Conference {
    /// The number of the new member's place.
    fn seat(&mut self, comer: Comer, attendance: &Attendance, wall: Timestamp) -> usize {
        let moderator = attendance.standing == Standing::Moderator;
        let waits = attendance.before_moderator == BeforeModerator::Waits && !moderator && !self.is_moderated();
        self.members.push(Member {
            call: comer.call,
            id: comer.id,
            party: comer.party,
            joined: wall,
            moderator,
            muted: attendance.speech == Speech::Muted,
            waits,
            after_moderator: attendance.after_moderator,
            comings: attendance.comings,
        });
        self.members.len() - 1
    }

    fn is_moderated(&self) -> bool {
        self.members.iter().any(|member| member.moderator)
    }

    /// Whoever is meant has left; what the others and the listeners of events hear of it.
    fn take_out(&mut self, name: &str, meant: impl Fn(&Member) -> bool) -> Vec<Step> {
        let Some(place) = self.members.iter().position(meant) else {
            return Vec::new();
        };
        let told = self.told("conference.left", name, place);
        let member = self.members.remove(place);
        let heard = member.comings == Comings::Announced && !member.waits && !self.members.is_empty();
        let announced = heard.then(|| Step::Media(announce(self.room, chime::left())));
        [Some(told), announced].into_iter().flatten().collect()
    }

    fn who_leaves_with_moderator(&self) -> Vec<u64> {
        let leaves = self.members.iter().filter(|member| member.after_moderator == AfterModerator::Leaves);
        leaves.map(|member| member.call).collect()
    }

    pub(super) fn start_tape(&mut self, name: &str, format: Format, wall: Timestamp) -> (String, MediaCommand) {
        let path = format!("conferences/{}-{}.{}", file_name(name), wall.as_millisecond(), format.extension());
        self.tape = Reel::Runs { path: path.clone() };
        let command = MediaCommand::RecordRoom { room: self.room, path: PathBuf::from(&path), longest: LONGEST_TAPE };
        (path, command)
    }

    /// Whether anybody is in the room itself.
    pub(super) fn is_heard(&self) -> bool {
        self.members.iter().any(|member| !member.waits)
    }

    pub(super) fn told(&self, kind: &'static str, name: &str, place: usize) -> Step {
        let member = &self.members[place];
        let data = json!({
            "conference": name,
            "call": member.id,
            "party": member.party,
            "moderator": member.moderator,
            "muted": member.muted,
            "waiting": member.waits,
        });
        Step::Publish { kind, data }
    }

    pub(super) fn view(&self, name: &str) -> ConferenceView {
        let member = |member: &Member| MemberView {
            call: member.id.clone(),
            party: member.party.clone(),
            moderator: member.moderator,
            muted: member.muted,
            waiting: member.waits,
            joined: member.joined,
        };
        ConferenceView {
            name: name.to_owned(),
            started: self.started,
            recording: match &self.tape {
                Reel::Runs { path } => Some(path.clone()),
                Reel::Off | Reel::Wanted => None,
            },
            members: self.members.iter().map(member).collect(),
        }
    }
}

fn announce(room: RoomId, clip: Arc<Clip>) -> MediaCommand {
    MediaCommand::Announce { room, sounds: vec![Sound::Clip(clip)] }
}

/// A name of the owner's choice as a part of a path: nothing in it leads elsewhere.
fn file_name(name: &str) -> String {
    let kept = |letter: char| if letter.is_alphanumeric() || letter == '-' || letter == '_' { letter } else { '-' };
    name.chars().map(kept).collect()
}
