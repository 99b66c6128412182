//! Calls, while they last and when they are over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::conferences::SupervisorDocument;
use crate::api::documents::audio::FarDocument;
use crate::api::documents::recordings::TalkRecordingDocument;

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
    /// Who has answered, of a call that was placed with `detect`; null before that is known, and for all others.
    pub answered_by: Option<AnsweredByDocument>,
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

/// Who has answered, as far as the greeting tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AnsweredBy)]
#[serde(deny_unknown_fields)]
pub struct AnsweredByDocument {
    /// `human`, `machine` or `unknown`.
    pub by: String,
    /// How sure that is, in percent.
    pub confidence: u8,
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
    /// Who has answered, of a call that was placed with `detect`; null before that is known, and for all others.
    pub answered_by: Option<AnsweredByDocument>,
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
    /// What the caller said to being recorded: `given` or `refused`; null where he was not asked.
    pub consent: Option<String>,
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
    /// What was agreed on last: `none`, the suite of keys in the SDP (`AES_CM_128_HMAC_SHA1_80`), or `DTLS-SRTP` and, once its
    /// handshake is over, the suite of that (`DTLS-SRTP AEAD_AES_256_GCM`); null before.
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
    /// The same by reason: `source`, `ssrc`, `malformed`, `size`, `payload-type`, `control`, `hold`, `encryption`, `stun`.
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
    /// What was agreed on last: `none`, the suite of keys in the SDP (`AES_CM_128_HMAC_SHA1_80`), or `DTLS-SRTP` and, once its
    /// handshake is over, the suite of that (`DTLS-SRTP AEAD_AES_256_GCM`); null before.
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
    /// The same by reason: `source`, `ssrc`, `malformed`, `size`, `payload-type`, `control`, `hold`, `encryption`, `stun`.
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
    /// The flow that it stands in; empty for a step that no file orders.
    pub flow: String,
    /// Why the call went on as it did; empty where a step just happened.
    pub reason: String,
}

/// Why a call went where it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Explanation)]
#[serde(deny_unknown_fields)]
pub struct ExplanationDocument {
    /// Of the call.
    pub id: String,
    /// In the order of what happened.
    pub sentences: Vec<SentenceDocument>,
}

/// One thing that is said of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Sentence)]
#[serde(deny_unknown_fields)]
pub struct SentenceDocument {
    /// Milliseconds since the call began.
    pub after_ms: u64,
    /// File and line behind it; empty where there is none.
    pub place: String,
    /// The sentence.
    pub text: String,
}
