//! What the API answers, field by field: the promise that programs rely on, and what our own client reads.
//!
//! The rooms below write these documents themselves; tests hold that what they write and what stands here are the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::conferences::SupervisorDocument;
use crate::switch::command::Problem;

/// Things that are all given at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// In a fixed order.
    pub data: Vec<T>,
}

/// Things in time, newest first, a page at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Paged<T> {
    /// Newest first.
    pub data: Vec<T>,
    /// Send it as `cursor` for the page that follows; null on the last page.
    pub next_cursor: Option<String>,
}

/// A call that is not over yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Call)]
#[serde(deny_unknown_fields)]
pub struct CallDocument {
    /// `call_…`
    pub id: String,
    /// `inbound`, `outbound` or `internal`.
    pub direction: String,
    /// `queued`, `ringing` or `in-progress`.
    pub status: String,
    /// E.164, an extension, or `anonymous`.
    pub from: String,
    /// E.164, or an extension.
    pub to: String,
    /// The number that was called in the first place; null where nobody sent the call on before it came to us.
    pub diverted_from: Option<String>,
    /// The trunk that it came from or went to.
    pub trunk: Option<String>,
    /// The flow of the dialplan that it walks.
    pub flow: Option<String>,
    /// The queue that it waits in, or was taken from.
    pub queue: Option<String>,
    /// The extension that the caller talks to.
    pub agent: Option<String>,
    /// The conference that the caller is in.
    pub conference: Option<String>,
    /// Who hears the two who talk, or is rung to.
    pub supervisor: Option<SupervisorDocument>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// When it was answered; null while it rings.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered: Option<Timestamp>,
    /// What it does now, as a person would say it: `waiting in vendas`.
    pub doing: String,
    /// How each party's audio goes at this moment; in `GET /v1/calls/{id}` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<LiveLegDocument>,
}

/// A call that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Record)]
#[serde(deny_unknown_fields)]
pub struct RecordDocument {
    /// `call_…`, as while it lasted.
    pub id: String,
    /// `inbound`, `outbound` or `internal`.
    pub direction: String,
    /// E.164, an extension, or `anonymous`.
    pub from: String,
    /// E.164, or an extension.
    pub to: String,
    /// The number that was called in the first place; null where nobody sent the call on before it came to us.
    pub diverted_from: Option<String>,
    /// `completed`, `busy`, `failed`, `no-answer` or `canceled`.
    pub status: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// When it was answered; null when it never was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered: Option<Timestamp>,
    /// When its last leg ended.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// Milliseconds from the first ring to the answer, or to the end.
    pub ring_ms: u64,
    /// Milliseconds in queues.
    pub wait_ms: u64,
    /// Milliseconds in which two people were connected.
    pub talk_ms: u64,
    /// The trunk that it came from or went to.
    pub trunk: Option<String>,
    /// The flow of the dialplan that it walked.
    pub flow: Option<String>,
    /// The queue that it waited in.
    pub queue: Option<String>,
    /// The extension that the caller talked to.
    pub agent: Option<String>,
    /// The last conference that the caller was in.
    pub conference: Option<String>,
    /// `caller`, `callee` or `system`.
    pub hung_up_by: String,
    /// ITU-T Q.850; 16 is an ordinary end.
    pub cause: u16,
    /// Channels that were down when it came.
    pub channels_down: Vec<String>,
    /// What the dialplan put on it.
    pub tags: BTreeMap<String, String>,
    /// Each party's part.
    pub legs: Vec<LegDocument>,
    /// What the dialplan did, in order.
    pub steps: Vec<StepDocument>,
    /// Its recordings, in order.
    pub recordings: Vec<TalkRecordingDocument>,
}

/// One party's part in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Leg)]
#[serde(deny_unknown_fields)]
pub struct LegDocument {
    /// `caller`, an extension, or a number behind a trunk.
    pub party: String,
    /// The trunk that it went over.
    pub trunk: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// When it was answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// The final SIP status of a leg that was refused.
    pub sip_status: Option<u16>,
    /// `opus`, `g722`, `pcma` or `pcmu`; `g729`, `ilbc`, `gsm` or `l16` where it was handed on.
    pub codec: Option<String>,
    /// What was agreed on last: `none`, `DTLS-SRTP`, or the suite of keys in the SDP (`AES_CM_128_HMAC_SHA1_80`); null before.
    pub encryption: Option<String>,
    /// Address and port that its SDP named.
    pub negotiated: Option<String>,
    /// Address and port that its audio came from.
    pub source: Option<String>,
    /// RTP packets from this party.
    pub packets_received: u64,
    /// RTP packets to this party.
    pub packets_sent: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// Datagrams that were not RTP of this party.
    pub packets_dropped: u64,
    /// The same by reason: `source`, `ssrc`, `malformed`, `size`, `payload-type`, `control`, `hold`, `early`, `encryption`.
    pub dropped: BTreeMap<String, u32>,
    /// Packets that were not sent, because this party's address had proved nothing.
    pub packets_withheld: u64,
    /// Octets of audio from this party.
    pub octets_received: u64,
    /// Octets of audio to this party.
    pub octets_sent: u64,
    /// Share of its packets that never came, 0 to 1.
    pub loss: Option<f64>,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: Option<f32>,
    /// Round trip by RTCP in milliseconds; null where the party sends none.
    pub round_trip_ms: Option<f64>,
    /// How it sounds to us, 1 to 4.5, by ITU-T G.107; null before a second of audio.
    pub mos: Option<f64>,
    /// The rating behind it, 0 to 93.2.
    pub r_factor: Option<f64>,
    /// Milliseconds since its last packet of audio.
    pub silent_ms: Option<u64>,
    /// How we sound to it, by its own reports; null where it sends none.
    pub far: Option<FarDocument>,
}

/// One party's part in a call that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = LiveLeg)]
#[serde(deny_unknown_fields)]
pub struct LiveLegDocument {
    /// `caller`, an extension, or a number behind a trunk.
    pub party: String,
    /// The trunk that it goes over.
    pub trunk: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// When it was answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered: Option<Timestamp>,
    /// `opus`, `g722`, `pcma` or `pcmu`; `g729`, `ilbc`, `gsm` or `l16` where it was handed on.
    pub codec: Option<String>,
    /// What was agreed on last: `none`, `DTLS-SRTP`, or the suite of keys in the SDP (`AES_CM_128_HMAC_SHA1_80`); null before.
    pub encryption: Option<String>,
    /// Address and port that its SDP named.
    pub negotiated: Option<String>,
    /// Address and port that its audio came from.
    pub source: Option<String>,
    /// RTP packets from this party.
    pub packets_received: u64,
    /// RTP packets to this party.
    pub packets_sent: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// Datagrams that were not RTP of this party.
    pub packets_dropped: u64,
    /// The same by reason: `source`, `ssrc`, `malformed`, `size`, `payload-type`, `control`, `hold`, `early`, `encryption`.
    pub dropped: BTreeMap<String, u32>,
    /// Packets that were not sent, because this party's address had proved nothing.
    pub packets_withheld: u64,
    /// Octets of audio from this party.
    pub octets_received: u64,
    /// Octets of audio to this party.
    pub octets_sent: u64,
    /// Share of its packets that never came, 0 to 1.
    pub loss: Option<f64>,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: Option<f32>,
    /// Round trip by RTCP in milliseconds; null where the party sends none.
    pub round_trip_ms: Option<f64>,
    /// How it sounds to us, 1 to 4.5, by ITU-T G.107; null before a second of audio.
    pub mos: Option<f64>,
    /// The rating behind it, 0 to 93.2.
    pub r_factor: Option<f64>,
    /// Milliseconds since its last packet of audio.
    pub silent_ms: Option<u64>,
    /// How we sound to it, by its own reports; null where it sends none.
    pub far: Option<FarDocument>,
}

/// What a party's RTCP says of the audio that it gets from us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Far)]
#[serde(deny_unknown_fields)]
pub struct FarDocument {
    /// Packets that it missed; below zero where it counts duplicates; null where it sends VoIP metrics only.
    pub packets_lost: Option<i64>,
    /// Share of our packets that it missed, 0 to 1.
    pub loss: Option<f64>,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: Option<f32>,
    /// How we sound to it, 1 to 4.5, by ITU-T G.107.
    pub mos: Option<f64>,
    /// The rating behind it.
    pub r_factor: Option<f64>,
    /// VoIP metrics of RFC 3611, from phones that send them.
    pub voip: Option<VoipDocument>,
}

/// A phone's own account of what its owner hears (RFC 3611 §4.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = VoipMetrics)]
#[serde(deny_unknown_fields)]
pub struct VoipDocument {
    /// Lost, 0 to 1.
    pub loss: f64,
    /// Too late for its jitter buffer, 0 to 1.
    pub discarded: f64,
    /// Lost or discarded within bursts, 0 to 1.
    pub burst_loss: f64,
    /// Mean length of bursts in milliseconds.
    pub burst_ms: u64,
    /// Lost or discarded between bursts, 0 to 1.
    pub gap_loss: f64,
    /// Mean length of gaps in milliseconds.
    pub gap_ms: u64,
    /// Milliseconds.
    pub round_trip_ms: u64,
    /// Milliseconds that the phone itself adds.
    pub end_system_delay_ms: u64,
    /// Milliseconds.
    pub jitter_buffer_ms: u64,
    /// Level of speech.
    pub signal_dbm: Option<i8>,
    /// Level of noise.
    pub noise_dbm: Option<i8>,
    /// Its own rating, 0 to 100.
    pub r_factor: Option<u8>,
    /// Its own opinion as a listener, 1 to 5.
    pub mos_listening: Option<f64>,
    /// Its own opinion of the conversation, 1 to 5.
    pub mos_conversation: Option<f64>,
}

/// One thing that the dialplan did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Step)]
#[serde(deny_unknown_fields)]
pub struct StepDocument {
    /// Milliseconds since the call began.
    pub after_ms: u64,
    /// File and line that ordered it.
    pub place: String,
    /// What it was.
    pub what: String,
}

/// A text, in either direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageDocument {
    /// `msg_…`
    pub id: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// E.164, an extension, or `anonymous`.
    pub from: String,
    /// E.164, or an extension.
    pub to: String,
    /// The words.
    pub text: String,
    /// The channel that carries it.
    pub channel: String,
    /// `queued`, `sending`, `sent`, `delivered`, `failed` or `received`.
    pub status: String,
    /// The provider's own name for it.
    pub provider_id: Option<String>,
    /// How often it was handed to the provider.
    pub attempts: u32,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When its status last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
    /// Why it failed, or why it has to be sent again.
    pub error: Option<String>,
    /// It was sent again although the first try may have arrived.
    pub maybe_twice: bool,
}

/// A chat or text channel that is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Channel)]
#[serde(deny_unknown_fields)]
pub struct ChannelDocument {
    /// As in `[[channel]]`.
    pub name: String,
    /// `whatsapp`, …
    pub kind: String,
    /// `up`, `degraded`, `down` or `recovering`; the dialplan counts the last two as down.
    pub state: String,
    /// Since when; absent where it has not changed since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Sentences, most telling first.
    pub reasons: Vec<String>,
    /// What the probes say, whatever a person says.
    pub probed: String,
    /// Our own line is in doubt, and the state stands still.
    pub frozen: bool,
    /// What a person declared; absent when the probes decide.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub overriding: Option<OverrideDocument>,
    /// Each target that is probed.
    pub evidence: Vec<EvidenceDocument>,
}

/// A state that a person declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Override)]
#[serde(deny_unknown_fields)]
pub struct OverrideDocument {
    /// `up`, `degraded` or `down`.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub author: String,
    /// When the probes decide again; null until it is lifted by hand.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// What one target of the probes is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Evidence)]
#[serde(deny_unknown_fields)]
pub struct EvidenceDocument {
    /// `dns`, `tcp`, `tls` or `http`.
    pub layer: String,
    /// What is asked.
    pub target: String,
    /// `channel`, or `control`: something else on the network, to tell our own line from theirs.
    pub role: String,
    /// `unknown`, `good` or `bad`.
    pub verdict: String,
    /// When it was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub asked: Option<Timestamp>,
    /// How long the last answer took; absent when the last probe failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_seconds: Option<f64>,
    /// Why the last probe failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Callers who wait for the same group of agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Queue)]
pub struct QueueDocument {
    /// As in `[[queue]]`.
    pub name: String,
    /// Who is rung next: `ring-all`, `longest-idle`, `round-robin`, `fewest-calls` or `in-order`.
    pub strategy: String,
    /// Callers in it now.
    pub waiting: u64,
    /// How long the first of them has waited.
    pub longest_wait_seconds: u64,
    /// Extensions that serve it.
    pub agents: Vec<String>,
    /// Agents whom a caller may wait for.
    pub signed_in: u64,
    /// Agents who would be rung at once.
    pub free: u64,
    /// Agents in a call from this queue.
    pub talking: u64,
    /// Callers who reached an agent, since the start.
    pub answered: u64,
    /// Callers who hung up, timed out or were sent elsewhere, since the start.
    pub left: u64,
}

/// Somebody who takes calls from queues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Agent)]
pub struct AgentDocument {
    /// The extension.
    pub number: String,
    /// `available`, `ringing`, `talking`, `wrap-up`, `resting`, `engaged`, `paused`, `signed-out` or `unreachable`.
    pub state: String,
    /// Of a pause; absent otherwise.
    pub reason: Option<String>,
    /// Queues that this agent serves.
    pub queues: Vec<String>,
    /// Calls taken since the start.
    pub calls: u64,
    /// Since the last call or refusal; absent before the first.
    pub idle_seconds: Option<u64>,
}

/// A recording that somebody left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Voicemail)]
#[serde(deny_unknown_fields)]
pub struct VoicemailDocument {
    /// `vm_…`
    pub id: String,
    /// As the dialplan names it.
    pub mailbox: String,
    /// The call that left it.
    pub call: String,
    /// The caller's number.
    pub from: String,
    /// When it was left.
    #[schema(value_type = String, format = DateTime)]
    pub left: Timestamp,
    /// Its length in milliseconds.
    pub length_ms: u64,
    /// When somebody said that it was listened to; null for a new one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub heard: Option<Timestamp>,
    /// What the command of `[voicemail]` came to: `sent`, or `failed: …`; null without one.
    pub notified: Option<String>,
    /// Where its WAV can be fetched, with the same token.
    pub audio: String,
}

/// A recording of a call, as it stands in a call's record and in events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = TalkRecording)]
#[serde(deny_unknown_fields)]
pub struct TalkRecordingDocument {
    /// `rec_…`; `GET /v1/recordings/{id}/audio` is its WAV.
    pub id: String,
    /// The call that it belongs to.
    pub call: String,
    /// What the dialplan or the API calls it.
    pub name: Option<String>,
    /// `mono` (mixed) or `stereo` (the caller left, what he heard right).
    pub channels: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Its length in milliseconds, without pauses; 0 while it runs.
    pub length_ms: u64,
    /// `recording`, `paused`, `completed`, `failed` or `interrupted`.
    pub state: String,
    /// Why it ended, where that was not asked for.
    pub why: Option<String>,
    /// Below `data/recordings/`.
    pub path: String,
}

/// A recording of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Recording)]
#[serde(deny_unknown_fields)]
pub struct RecordingDocument {
    /// `rec_…`
    pub id: String,
    /// The call that it belongs to.
    pub call: String,
    /// What the dialplan or the API calls it.
    pub name: Option<String>,
    /// `mono` (mixed) or `stereo` (the caller left, what he heard right).
    pub channels: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Its length in milliseconds, without pauses; 0 while it runs.
    pub length_ms: u64,
    /// `recording`, `paused`, `completed`, `failed` or `interrupted`.
    pub state: String,
    /// Why it ended, where that was not asked for.
    pub why: Option<String>,
    /// Where its WAV can be fetched, with the same token.
    pub audio: String,
}

/// The server at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Status)]
#[serde(deny_unknown_fields)]
pub struct StatusDocument {
    /// Of the program.
    pub version: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// It is ending and takes no new calls.
    pub draining: bool,
    /// Calls now.
    pub calls: u64,
    /// Calls since the start.
    pub calls_total: u64,
    /// Phones that are registered.
    pub registrations: u64,
    /// Sources of too many wrong passwords, not listened to at this moment.
    pub blocked_sources: u64,
    /// Callers in queues.
    pub waiting: u64,
    /// Channels that the dialplan counts as down.
    pub channels_down: Vec<String>,
    /// Lines to the telephone network.
    pub trunks: Vec<TrunkDocument>,
}

/// A line to the telephone network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Trunk)]
#[serde(deny_unknown_fields)]
pub struct TrunkDocument {
    /// As in `[[trunk]]`.
    pub name: String,
    /// `ready`, `resolving`, `registering`, `refused: …`, `unreachable: …`.
    pub state: String,
    /// Calls over it now.
    pub calls: u32,
    /// Of these, calls that came to us.
    pub calls_in: u32,
    /// Of these, calls that we sent.
    pub calls_out: u32,
    /// How many it may carry; null where nothing limits it.
    pub max_calls: Option<u32>,
    /// Its addresses, in the order in which calls try them.
    pub targets: Vec<TargetDocument>,
}

/// One address of a trunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Target)]
#[serde(deny_unknown_fields)]
pub struct TargetDocument {
    /// Address and port.
    pub address: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// `up`, `down`, `resting` (it asked to be left alone), `unknown`.
    pub state: String,
}

/// One line of the event stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventDocument {
    /// `evt_…`, ascending in time.
    pub id: String,
    /// `call.ringing`, `message.received`, `channel.changed`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The thing that changed, as the API would show it.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// Whether new calls should be sent here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthDocument {
    /// `live` or `ready`.
    pub status: String,
}

/// A refusal; RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:desvio:problem:RULE`
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong, the same for every case of it.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// Short and stable, for programs: `unknown-flow`.
    pub rule: String,
    /// What to do next.
    pub hint: String,
}

impl From<Problem> for ProblemDocument {
    fn from(problem: Problem) -> Self {
        Self {
            kind: format!("urn:desvio:problem:{}", problem.rule),
            title: problem.title,
            status: problem.status,
            detail: problem.detail,
            rule: problem.rule.to_owned(),
            hint: problem.hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench;

    /// Fields that are left out where they are empty are no difference.
    fn same<T: Serialize>(written: &impl Serialize, read: &T) {
        let written = serde_json::to_value(written).unwrap();
        assert_eq!(written, serde_json::to_value(read).unwrap());
    }

    #[test]
    fn what_the_rooms_below_write_is_what_stands_here() {
        let call = bench::call("call_1");
        let document: CallDocument = read(&call);
        same(&call, &document);
        let record = bench::record("call_1");
        let document: RecordDocument = read(&record);
        same(&record, &document);
        let channel = bench::channel("whatsapp");
        let document: ChannelDocument = read(&channel);
        same(&channel, &document);
        let status = bench::status();
        let document: StatusDocument = read(&status);
        same(&status, &document);
        let message = bench::message("msg_1");
        let document: MessageDocument = read(&message);
        same(&message, &document);
    }

    fn read<T: serde::de::DeserializeOwned>(written: &impl Serialize) -> T {
        serde_json::from_value(serde_json::to_value(written).unwrap()).unwrap()
    }
}
