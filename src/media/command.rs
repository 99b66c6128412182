//! What the switch tells the media pump, and what it hears back.
//!
//! Orders and reports only: no audio ever passes the switch. A leg is one RTP session with one far side; it exists from
//! [`Command::Open`] to [`Event::Closed`], whatever becomes of the dialog that asked for it.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::media::answering;
use crate::media::both_sides::Channels;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::codec::FRAME_MS;
use crate::media::figures::Figures;
use crate::media::fmtp::OpusTerms;
use crate::media::sdp::Direction;
use crate::media::security::Ice;
use crate::media::security::Security;
use crate::media::security::Suite;
use crate::media::silence::Silence;
use crate::media::tone::Tone;

/// One RTP session of ours. The switch chooses the number and never uses it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

/// One order to play; it comes back in [`Event::Finished`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayId(pub u64);

/// Legs that are mixed: a conference, or a conversation with a supervisor. The switch never uses a number twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u64);

/// What a leg may do in its room. Everybody hears all speakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Speaker,
    /// Nobody hears him: muted, or a supervisor who listens.
    Listener,
    /// This leg alone hears him.
    Whisperer {
        to: LegId,
    },
}

/// Whether what is not speech is heard in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    Heard,
    /// Kept out: the offices of many would add up.
    Gated,
}

/// An order from the switch.
#[derive(Debug, Clone)]
pub enum Command {
    /// Binds a pair of ports (RTP even, RTCP the next) on `address`; answered by `Opened` or `OpenFailed`.
    Open {
        leg: LegId,
        address: IpAddr,
    },
    /// Says what was negotiated. Comes again after a re-INVITE, and may then change everything but the sockets.
    Connect {
        leg: LegId,
        stream: Stream,
    },
    /// Plays `clips` one after another in place of whatever is playing. `Finished` follows when the last one has ended,
    /// not when it was replaced or stopped.
    Play {
        leg: LegId,
        play: PlayId,
        clips: Vec<Sound>,
        repeat: Repeat,
    },
    /// Ends what is playing, in silence.
    Stop {
        leg: LegId,
    },
    /// Each leg hears the other from now on; what was playing on either is stopped.
    Bridge {
        a: LegId,
        b: LegId,
    },
    /// Parts this leg from the one it was bridged to. Either may play again.
    Unbridge {
        leg: LegId,
    },
    /// Writes what the far side of this leg says to a WAV file; ends with `Recorded`.
    Record {
        leg: LegId,
        path: PathBuf,
        limits: RecordLimits,
    },
    /// Ends the recording as if its time were up.
    StopRecording {
        leg: LegId,
    },
    /// Writes both sides of what happens on this leg to a WAV file, whoever it is bridged to; ends with `Recorded`.
    RecordTalk {
        leg: LegId,
        path: PathBuf,
        channels: Channels,
        longest: Duration,
    },
    /// To a recording of both sides.
    Steer {
        leg: LegId,
        order: Steer,
    },
    /// The far side hears itself until something else is ordered.
    Echo {
        leg: LegId,
    },
    /// Presses keys towards the far side (RFC 4733); characters that are no keys are left out.
    SendDigits {
        leg: LegId,
        digits: String,
    },
    /// This leg hears its room from now on, and is heard as its role says; a bridge is parted, what was playing is
    /// stopped. The first to join opens the room. Comes again to change the role.
    Join {
        leg: LegId,
        room: RoomId,
        role: Role,
        background: Background,
    },
    /// Takes this leg out of its room; with the last one the room ends, and its recording.
    Leave {
        leg: LegId,
    },
    /// Everybody in the room hears these sounds among the voices, after what was announced before.
    Announce {
        room: RoomId,
        sounds: Vec<Sound>,
    },
    /// Writes what everybody hears to a WAV file; ends with `RoomRecorded`.
    RecordRoom {
        room: RoomId,
        path: PathBuf,
        longest: Duration,
    },
    StopRecordingRoom {
        room: RoomId,
    },
    /// Whoever answers at this address takes part in the call, as signalling has shown: audio may go there though none has
    /// come from there.
    Vouch {
        leg: LegId,
        address: IpAddr,
    },
    /// Says how the session goes; answered by `Measured`, by an unknown leg too.
    Measure {
        leg: LegId,
    },
    /// Listens whether a person or a machine speaks on the far side; answered by `Greeted`, and by `Beeped` when a machine
    /// waits for a message.
    Detect {
        leg: LegId,
    },
    /// Gives the sockets back; answered by `Closed`. A recording is ended first.
    Close {
        leg: LegId,
    },
}

/// What the pump reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The sockets stand; `local` is the RTP address to name in the SDP.
    Opened {
        leg: LegId,
        local: SocketAddr,
    },
    OpenFailed {
        leg: LegId,
        why: String,
    },
    /// The last clip of `play` has been sent.
    Finished {
        leg: LegId,
        play: PlayId,
    },
    /// Who has answered, as far as the greeting tells. Once for each `Detect`.
    Greeted {
        leg: LegId,
        verdict: answering::Verdict,
    },
    /// The machine on the far side has beeped. Once, after `Greeted` or with it.
    Beeped {
        leg: LegId,
    },
    /// The far side pressed a key: `0`-`9`, `*`, `#`, `A`-`D`. Once for each press.
    Digit {
        leg: LegId,
        digit: char,
    },
    Recorded {
        leg: LegId,
        path: PathBuf,
        length: Duration,
        ended: RecordEnd,
        /// How much of it is silence because the disk did not keep up.
        cut: Duration,
    },
    RoomRecorded {
        room: RoomId,
        path: PathBuf,
        length: Duration,
        ended: RecordEnd,
        /// How much of it is silence because the disk did not keep up.
        cut: Duration,
    },
    /// One side has not been heard for this long though it should be. Reported once until it is heard again.
    Quiet {
        leg: LegId,
        since: Duration,
        silence: Silence,
    },
    /// The far side, which was reported as `Quiet`, is heard again after so long.
    HeardAgain {
        leg: LegId,
        after: Duration,
    },
    /// Neither RTP nor RTCP has come for as long as `end_silent_calls_after` says.
    Lifeless {
        leg: LegId,
        since: Duration,
    },
    Measured {
        leg: LegId,
        figures: Box<Figures>,
    },
    /// The far side proved to be who its description says, and packets flow encrypted.
    Secured {
        leg: LegId,
        suite: Suite,
    },
    /// The far side, whose RTCP has a port of its own, made no handshake there: no reports are sent or taken.
    NoReports {
        leg: LegId,
        why: String,
    },
    /// No keys were agreed on, or with somebody else than the description names. Nothing is heard and nothing sent.
    NotSecured {
        leg: LegId,
        why: String,
    },
    Closed {
        leg: LegId,
        figures: Box<Figures>,
    },
}

/// Something that can be heard.
#[derive(Debug, Clone)]
pub enum Sound {
    /// A prompt or music: decoded once, encoded once for each codec, shared by every call.
    Clip(Arc<Clip>),
    Tone(Tone),
    Silence(Duration),
}

impl Sound {
    /// What is played.
    pub fn clip(&self) -> Arc<Clip> {
        match self {
            Sound::Clip(clip) => Arc::clone(clip),
            Sound::Tone(tone) => tone.clip(),
            Sound::Silence(length) => Arc::new(Clip::from_pcm("silence", silence(*length), 8000)),
        }
    }
}

fn silence(length: Duration) -> Vec<i16> {
    let samples = length.min(LONGEST_SILENCE).as_millis() as usize * 8;
    vec![0; samples]
}

/// A silence beyond this is a mistake in a dialplan.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// How often a list of sounds is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Once,
    /// Until it is stopped or replaced: hold music, ringback.
    Forever,
}

/// What ends a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLimits {
    pub longest: Duration,
    /// Nothing said for this long ends it.
    pub silence: Duration,
    /// This key ends it; it is reported as `RecordEnd::Key` and not as a digit.
    pub stop_key: Option<char>,
}

/// What is ordered of a recording that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steer {
    /// Nothing is recorded until `Resume`; the file goes on there as if no time had passed.
    Pause,
    Resume,
    End,
}

/// Why a recording ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordEnd {
    Silence,
    Longest,
    Key(char),
    /// `StopRecording` or `Close`.
    Asked,
    /// The file could not be written, and why.
    Failed(String),
}

/// What an offer and its answer agreed on, seen from our side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Where we send RTP.
    pub remote: SocketAddr,
    /// Where we send RTCP: from `a=rtcp`, else the next port. `None` when both share one port (`a=rtcp-mux`).
    pub remote_rtcp: Option<SocketAddr>,
    pub codec: CodecKind,
    /// The number that the audio carries in both directions.
    pub payload_type: u8,
    /// Where our offer and the answer to it number alike formats differently.
    pub heard_as: HeardAs,
    /// telephone-event (RFC 4733): payload type and clock rate. `None`: the far side cannot take key presses.
    pub dtmf: Option<(u8, u32)>,
    /// Audio in one packet that we send, in milliseconds.
    pub ptime_ms: u8,
    /// What *we* may do.
    pub direction: Direction,
    /// Comfort noise (RFC 3389): the payload type under which either side may send it.
    pub comfort_noise: Option<u8>,
    /// What the far side asks of Opus; says nothing where another codec is spoken.
    pub opus: OpusTerms,
    /// `a=fmtp` of a codec that is handed on, for the leg that it is handed on to.
    pub passed: Option<String>,
    pub security: Security,
    /// `None`: the addresses above are where packets go.
    pub ice: Option<Box<Ice>>,
}

/// The numbers of our offer, under which the far side is to send (RFC 3264 §5.1), though its answer has others for what it
/// gets. Many send under their own all the same, so both are heard. `None`: both have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeardAs {
    pub audio: Option<u8>,
    pub events: Option<u8>,
}

impl Stream {
    /// Whether the far side sends audio under this number.
    pub fn is_audio(&self, payload_type: u8) -> bool {
        let (heard_as, number) = (self.heard_as, Some(payload_type));
        heard_as.audio == number || self.payload_type == payload_type && heard_as.events != number
    }

    /// Whether the far side sends telephone events under this number.
    pub fn is_event(&self, payload_type: u8) -> bool {
        let (heard_as, number) = (self.heard_as, Some(payload_type));
        let answered = self.dtmf.map(|(number, _)| number);
        heard_as.events == number || answered == number && heard_as.audio != number
    }

    /// Whether a handshake or checks come before any packet.
    pub fn shakes_hands(&self) -> bool {
        self.ice.is_some() || matches!(self.security, Security::Dtls(_))
    }

    /// Both ways, unencrypted, 20 ms, without keys: what the simplest phone agrees to.
    pub fn plain(remote: SocketAddr, codec: CodecKind) -> Stream {
        Stream {
            remote,
            remote_rtcp: None,
            codec,
            payload_type: codec.static_payload_type().unwrap_or(96),
            heard_as: HeardAs::default(),
            dtmf: None,
            ptime_ms: FRAME_MS as u8,
            direction: Direction::SendRecv,
            comfort_noise: None,
            opus: OpusTerms::default(),
            passed: None,
            security: Security::Plain,
            ice: None,
        }
    }
}

impl Event {
    /// The leg that it is about; `None` when it is about a room.
    pub fn leg(&self) -> Option<LegId> {
        match self {
            Event::Opened { leg, .. }
            | Event::OpenFailed { leg, .. }
            | Event::Finished { leg, .. }
            | Event::Digit { leg, .. }
            | Event::Greeted { leg, .. }
            | Event::Beeped { leg }
            | Event::Recorded { leg, .. }
            | Event::Secured { leg, .. }
            | Event::NotSecured { leg, .. }
            | Event::NoReports { leg, .. }
            | Event::Quiet { leg, .. }
            | Event::HeardAgain { leg, .. }
            | Event::Lifeless { leg, .. }
            | Event::Measured { leg, .. }
            | Event::Closed { leg, .. } => Some(*leg),
            Event::RoomRecorded { .. } => None,
        }
    }
}
