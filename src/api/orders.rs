//! What programs send: the bodies of POST and PUT, and how they become commands.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::parties::party;
use crate::api::problem::problem;
use crate::call::machine::Detect;
use crate::call::record::SupervisorMode;
use crate::dialplan::order::RecordOrder;
use crate::media::both_sides::Channels;
use crate::number::Region;
use crate::outage::ChannelState;
use crate::outage::reports::Report;
use crate::outage::reports::Says;
use crate::queue::agent::Wish;
use crate::switch::command::DrillWish;
use crate::switch::command::Manner;
use crate::switch::command::OverrideWish;
use crate::switch::command::PlaceCall;
use crate::switch::command::Problem;
use crate::switch::command::SendMessage;
use crate::switch::command::Then;

/// A call to place. Exactly one of `flow`, `queue`, `say`, `play` and `connect` says what happens once it is answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    /// Whom to call: E.164, or an extension.
    #[schema(example = "+5511999998888")]
    pub to: String,
    /// The caller id that the far side sees: E.164, or an extension. Default: the trunk's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Walks this flow of the dialplan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Waits in this queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Hears these words, spoken; then it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<String>,
    /// Hears this prompt; then it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub play: Option<String>,
    /// Click to call: this second party, E.164 or an extension, is rung and connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<String>,
    /// Of `say` and `play`: `pt-BR`. Default: the dialplan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How long it rings at most: `30s`, from `1s` to `10m`. Default: `45s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_for: Option<String>,
    /// `machine`: listens whether a person or an answering machine answers; `answered_by` tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detect: Option<String>,
}

/// What is to become of the recording of a call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingOrder {
    /// `start`, `pause`, `resume` or `stop`.
    pub action: String,
    /// Of `start`: `mono` (both sides mixed) or `stereo` (one channel each). Default: `mono`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<String>,
    /// Of `start`: what the list of recordings calls it; at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl RecordingOrder {
    pub(super) fn read(self) -> Result<RecordOrder, Problem> {
        let channels = self.channels.as_deref().map(Channels::named);
        let name = self.name.map(|name| name.chars().take(LONGEST_NAME).collect());
        match (self.action.as_str(), channels, &name) {
            ("start", None, _) => Ok(RecordOrder::Start { name, channels: Channels::Mono }),
            ("start", Some(Some(channels)), _) => Ok(RecordOrder::Start { name, channels }),
            ("pause", None, None) => Ok(RecordOrder::Pause),
            ("resume", None, None) => Ok(RecordOrder::Resume),
            ("stop", None, None) => Ok(RecordOrder::Stop),
            (action, ..) => Err(problem(
                422,
                "bad-field",
                "The order cannot be read",
                format!("`action` is `{action}`."),
                "Write `start` (with `channels`, `mono` or `stereo`, and `name` if you like), `pause`, `resume` or `stop`.",
            )),
        }
    }
}

/// Letters of a recording's name that are kept.
const LONGEST_NAME: usize = 100;

/// What became of a voicemail.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoicemailMark {
    /// Whether somebody has listened to it.
    pub heard: bool,
}

impl NewCall {
    pub(super) fn read(self, home: &Region) -> Result<PlaceCall, Problem> {
        let ring_for = match self.ring_for.as_deref() {
            Some(text) => duration("ring_for", text, SHORTEST_RING, LONGEST_RING)?,
            None => USUAL_RING,
        };
        let detect = match self.detect.as_deref() {
            None => Detect::Nothing,
            Some("machine") => Detect::Machine,
            Some(other) => {
                return Err(unfit(format!("`detect` knows no `{other}`."), "Say `machine`, or leave it out."));
            }
        };
        Ok(PlaceCall {
            to: party("to", &self.to, home)?,
            from: self.from.as_deref().map(|from| party("from", from, home)).transpose()?,
            then: self.then(home)?,
            ring_for,
            detect,
        })
    }

    fn then(self, home: &Region) -> Result<Then, Problem> {
        let connect = self.connect.as_deref().map(|to| party("connect", to, home));
        let (language, speaks) = (self.language, self.say.is_some() || self.play.is_some());
        if language.is_some() && !speaks {
            return Err(unfit(
                "`language` goes with `say` or `play`.",
                "Leave it out; a flow and a queue have their own.",
            ));
        }
        if self.say.as_deref().is_some_and(|text| text.trim().is_empty()) {
            return Err(unfit("`say` is empty.", "Say something."));
        }
        let wishes = [
            self.flow.map(Then::Flow),
            self.queue.map(Then::Queue),
            self.say.map(|text| Then::Say { text, language: language.clone() }),
            self.play.map(|prompt| Then::Play { prompt, language }),
            connect.transpose()?.map(Then::Connect),
        ];
        let mut wishes = wishes.into_iter().flatten();
        match (wishes.next(), wishes.next()) {
            (Some(then), None) => Ok(then),
            (None, _) => Err(unfit(
                "Nothing says what happens once it is answered.",
                "Add one of `flow`, `queue`, `say`, `play`, `connect`.",
            )),
            (Some(_), Some(_)) => Err(unfit(
                "Two things cannot happen at once.",
                "Keep one of `flow`, `queue`, `say`, `play`, `connect`.",
            )),
        }
    }
}

/// A text to send.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Whom to write to: E.164, or an extension.
    #[schema(example = "+5511999998888")]
    pub to: String,
    /// The words; at most 10 KiB, though a channel may carry less.
    pub text: String,
    /// The sender. Default: the channel's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Which channel carries it. Default: the extension's phone, or the first channel that writes to phone numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

impl NewMessage {
    pub(super) fn read(self, home: &Region) -> Result<SendMessage, Problem> {
        if self.text.trim().is_empty() {
            return Err(unfit("`text` is empty.", "Say something."));
        }
        if self.text.len() > LONGEST_TEXT {
            return Err(unfit("`text` is longer than 10 KiB.", "Shorten it, or send it in parts."));
        }
        Ok(SendMessage { to: party("to", &self.to, home)?, from: self.from, text: self.text, channel: self.channel })
    }
}

/// A channel's state, declared by a person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOverride {
    /// What the dialplan shall go by.
    pub state: DeclaredState,
    /// Why; everybody who looks at the channel reads it. Default: `set by hand`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who. Default: `api`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// For how long: `2h`. Default: until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<String>,
}

/// What a person can declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeclaredState {
    Up,
    Degraded,
    Down,
}

impl NewOverride {
    pub(super) fn read(self) -> Result<OverrideWish, Problem> {
        let lasts = self.lasts.as_deref();
        Ok(OverrideWish {
            state: match self.state {
                DeclaredState::Up => ChannelState::Up,
                DeclaredState::Degraded => ChannelState::Degraded,
                DeclaredState::Down => ChannelState::Down,
            },
            reason: self.reason.unwrap_or_else(|| "set by hand".into()),
            author: self.author.unwrap_or_else(|| "api".into()),
            lasts: lasts.map(|text| duration("lasts", text, Duration::from_secs(1), LONGEST_OVERRIDE)).transpose()?,
        })
    }
}

/// What a peer sees of a channel: another node, a branch, a program that watches from elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReport {
    /// Who reports, in at most 64 characters; each is a vantage of its own.
    #[schema(example = "filial-recife")]
    pub from: String,
    /// `up` or `down`.
    #[schema(value_type = String, example = "down")]
    pub state: ReportedState,
    /// Why, in words. Default: `reported`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a peer can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportedState {
    Up,
    Down,
}

impl NewReport {
    pub(super) fn read(self) -> Report {
        Report {
            from: self.from,
            says: match self.state {
                ReportedState::Up => Says::Up,
                ReportedState::Down => Says::Down,
            },
            reason: self.reason.unwrap_or_else(|| "reported".into()),
        }
    }
}

/// A drill to begin: a channel is treated as down.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDrill {
    /// As in `[[channel]]`.
    pub channel: String,
    /// How long: `10m`, from `10s` to `4h`. It ends by itself.
    #[serde(rename = "for")]
    pub lasts: String,
    /// Changes no call and tells nobody: reports what would have happened.
    #[serde(default)]
    pub shadow: bool,
    /// Who. Default: `api`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

impl NewDrill {
    pub(super) fn read(self) -> Result<DrillWish, Problem> {
        Ok(DrillWish {
            channel: self.channel,
            manner: if self.shadow { Manner::Shadow } else { Manner::Full },
            author: self.author.map_or_else(|| "api".into(), |author| author.chars().take(LONGEST_AUTHOR).collect()),
            lasts: duration("for", &self.lasts, SHORTEST_DRILL, LONGEST_DRILL)?,
        })
    }
}

/// Letters of a drill's author that are kept.
const LONGEST_AUTHOR: usize = 100;
const SHORTEST_DRILL: Duration = Duration::from_secs(10);
const LONGEST_DRILL: Duration = Duration::from_secs(4 * 3600);

/// What an agent wants.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgentState {
    /// Whether calls from queues may come.
    pub state: WishedState,
    /// Of a pause: `lunch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an agent can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WishedState {
    Available,
    Paused,
    SignedOut,
}

impl NewAgentState {
    pub(super) fn read(self) -> Result<Wish, Problem> {
        match (self.state, self.reason) {
            (WishedState::Paused, reason) => Ok(Wish::Paused { reason: reason.unwrap_or_default() }),
            (_, Some(_)) => Err(unfit("Only a pause has a reason.", "Leave `reason` out.")),
            (WishedState::Available, None) => Ok(Wish::Available),
            (WishedState::SignedOut, None) => Ok(Wish::SignedOut),
        }
    }
}

/// A supervisor to bring into a talk.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSupervision {
    /// Whose phone rings.
    #[schema(example = "200")]
    pub extension: String,
    /// What he is heard by.
    pub mode: WishedSupervision,
}

/// `listen`: by nobody. `whisper`: by the agent alone. `barge`: by both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WishedSupervision {
    Listen,
    Whisper,
    Barge,
}

impl NewSupervision {
    pub(super) fn read(self) -> (String, SupervisorMode) {
        let mode = match self.mode {
            WishedSupervision::Listen => SupervisorMode::Listen,
            WishedSupervision::Whisper => SupervisorMode::Whisper,
            WishedSupervision::Barge => SupervisorMode::Barge,
        };
        (self.extension, mode)
    }
}

fn duration(field: &str, text: &str, shortest: Duration, longest: Duration) -> Result<Duration, Problem> {
    let hint = format!(
        "Write a number and a unit, such as `45s` or `2h30m`; from {} to {}.",
        humantime::format_duration(shortest),
        humantime::format_duration(longest)
    );
    match humantime::parse_duration(text) {
        Ok(length) if (shortest..=longest).contains(&length) => Ok(length),
        Ok(_) => Err(unfit(format!("`{field}`: `{text}` is out of bounds."), hint)),
        Err(_) => Err(unfit(format!("`{field}`: `{text}` is no length of time."), hint)),
    }
}

fn unfit(detail: impl Into<String>, hint: impl Into<String>) -> Problem {
    problem(422, "bad-field", "A field does not fit", detail, hint)
}

const USUAL_RING: Duration = Duration::from_secs(45);
const SHORTEST_RING: Duration = Duration::from_secs(1);
const LONGEST_RING: Duration = Duration::from_mins(10);
/// A week; a longer outage deserves a second thought.
const LONGEST_OVERRIDE: Duration = Duration::from_hours(7 * 24);
/// Bytes.
const LONGEST_TEXT: usize = 10 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn brazil() -> Region {
        Region { country_code: "55".into(), area_code: None }
    }

    fn call(then: impl FnOnce(&mut NewCall)) -> Result<PlaceCall, Problem> {
        let mut call = NewCall { to: "+5511999998888".into(), ..NewCall::default() };
        then(&mut call);
        call.read(&brazil())
    }

    #[test]
    fn exactly_one_thing_happens_when_it_is_answered() {
        let flow = call(|call| call.flow = Some("entrada".into())).unwrap();
        assert_eq!(flow.then, Then::Flow("entrada".into()));
        assert_eq!(flow.ring_for, USUAL_RING);
        assert_eq!(call(|_| {}).unwrap_err().rule, "bad-field");
        let both = call(|call| {
            call.flow = Some("entrada".into());
            call.queue = Some("vendas".into());
        });
        assert!(both.unwrap_err().detail.contains("Two things"));
    }

    #[test]
    fn the_second_party_of_a_click_to_call_is_checked_as_well() {
        let refused = call(|call| call.connect = Some("11 4003-1234".into())).unwrap_err();
        assert!(refused.detail.starts_with("connect:"), "{refused}");
    }

    #[test]
    fn lengths_of_time_have_units_and_bounds() {
        for text in ["45", "an hour", "0s", "11m"] {
            let refused = call(|call| {
                call.queue = Some("vendas".into());
                call.ring_for = Some(text.into());
            });
            assert_eq!(refused.unwrap_err().status, 422, "{text}");
        }
    }

    #[test]
    fn only_a_pause_has_a_reason() {
        let wish = |text: &str| serde_json::from_str::<NewAgentState>(text).unwrap().read();
        let lunch = Wish::Paused { reason: "lunch".into() };
        assert_eq!(wish(r#"{"state":"paused","reason":"lunch"}"#).unwrap(), lunch);
        assert!(wish(r#"{"state":"available","reason":"lunch"}"#).is_err());
    }
}
