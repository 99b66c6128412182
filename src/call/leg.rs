//! One leg: a SIP session on one side, a media leg of the pump on the other, and the SDP between them.
//!
//! A leg knows nothing about the other legs of its call. It turns SDP into a [`Stream`] and back, and keeps its part of the record.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;

use crate::call::effect::Around;
use crate::call::effect::Identity;
use crate::call::effect::Way;
use crate::call::failover::Heard;
use crate::call::media_record::MediaRecord;
use crate::call::record::LegRecord;
use crate::call::record::LegView;
use crate::media::codec::CodecKind;
use crate::media::command::LegId;
use crate::media::command::Stream;
use crate::media::config::Encryption;
use crate::media::figures::Figures;
use crate::media::negotiation;
use crate::media::negotiation::Local;
use crate::media::negotiation::fault::NegotiationError;
use crate::media::negotiation::formats;
use crate::media::negotiation::formats::Passed;
use crate::media::negotiation::protection::Form;
use crate::media::presses::Presses;
use crate::media::sdp::SdpError;
use crate::media::sdp::Session;
use crate::media::security::Security;
use crate::media::security::Suite;
use crate::sip::agent::SessionId;

/// How far a leg has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its ports are being opened.
    Opening,
    /// Not answered yet.
    Ringing,
    Up,
    /// Its session is over or about to be; the pump has been told to close it.
    Closing,
}

/// See the top of this file.
#[derive(Debug)]
pub struct Leg {
    pub(super) id: LegId,
    pub(super) session: Option<SessionId>,
    pub(super) stage: Stage,
    pub(super) record: LegRecord,
    /// The extension whose owner no queue may ring while this leg talks.
    pub(super) engages: Option<String>,
    codecs: Vec<CodecKind>,
    advertised: IpAddr,
    local: Option<SocketAddr>,
    /// `o=` of our SDP: RFC 4566 §5.2; the version rises with each change of it.
    sdp_version: u64,
    offered: Offered,
    /// Our last description.
    said: Bytes,
    /// What we cannot speak and the other leg can.
    passed: Vec<Passed>,
    identity: Identity,
    pub(super) encryption: Encryption,
    /// For whom our offers are.
    pub(super) form: Form,
    pub(super) stream: Option<Stream>,
    /// What its handshake has agreed on.
    secured: Option<Suite>,
    /// Whether the far side has been told our SDP in a provisional answer, which is then repeated word for word.
    early: Option<Bytes>,
    pub(super) up_since: Option<Instant>,
    /// How to reach the far side, until its INVITE is out.
    pub(super) way: Option<Box<Way>>,
    /// Further flows to the same device, while it has not answered. RFC 5626 §5.3.
    pub(super) spares: VecDeque<Way>,
    /// The codecs of its trunk, where that has its own: no others are offered or taken.
    pub(super) allowed: Option<Vec<CodecKind>>,
    pub(super) heard: Heard,
    /// It is not heard, and listeners were told so.
    pub(super) missed: bool,
    pub(super) presses: Presses,
}

impl Leg {
    pub(super) fn new(id: LegId, party: String, advertised: IpAddr, wall: Timestamp) -> Self {
        let record = LegRecord {
            party,
            trunk: None,
            started: wall,
            answered: None,
            ended: wall,
            sip_status: None,
            media: MediaRecord::default(),
        };
        Self {
            id,
            session: None,
            stage: Stage::Opening,
            record,
            engages: None,
            codecs: Vec::new(),
            advertised,
            local: None,
            sdp_version: 1,
            offered: Offered::Nothing,
            said: Bytes::new(),
            passed: Vec::new(),
            identity: Identity::default(),
            encryption: Encryption::Off,
            form: Form::Plain,
            stream: None,
            secured: None,
            early: None,
            up_since: None,
            way: None,
            spares: VecDeque::new(),
            allowed: None,
            presses: Presses::default(),
            heard: Heard::Nothing,
            missed: false,
        }
    }

    /// Its media leg, which keeps this number in whichever call it is.
    pub fn id(&self) -> LegId {
        self.id
    }

    /// The far side wants to hear nothing of us: RFC 3264 §8.4.
    pub(super) fn holds(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| !stream.direction.may_send())
    }

    /// The ports are open.
    pub(super) fn on_opened(&mut self, bound: SocketAddr, around: &dyn Around) {
        let advertised = SocketAddr::new(self.advertised, bound.port());
        self.local = Some(advertised);
        self.codecs = self.allowed.clone().unwrap_or_else(|| around.codecs().to_vec());
        self.identity = around.identity(self.id, advertised, bound);
        self.stage = Stage::Ringing;
    }

    pub(super) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// The far side has our SDP from a provisional answer and hears what we send.
    pub(super) fn is_early(&self) -> bool {
        self.early.is_some()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.stage == Stage::Closing
    }

    pub(super) fn set_up(&mut self, now: Instant, wall: Timestamp) {
        self.stage = Stage::Up;
        self.up_since = Some(now);
        self.record.answered = Some(wall);
    }

    /// The peer's first offer, as it stood in the INVITE.
    pub(super) fn take_offer(&mut self, sdp: &[u8]) {
        self.offered = match sdp.is_empty() {
            true => Offered::Nothing,
            false => Session::read(sdp).map_or_else(Offered::Unreadable, |offer| Offered::Open(Box::new(offer))),
        };
    }

    /// Whether an answer to the peer's offer exists, now or once somebody has answered who speaks what we cannot; asked
    /// before anybody is rung.
    pub(super) fn can_answer(&self) -> Result<(), NegotiationError> {
        match &self.offered {
            Offered::Nothing | Offered::Answered => Ok(()),
            Offered::Unreadable(fault) => Err(fault.clone().into()),
            Offered::Open(offer) => {
                let local = Local { passed: self.passable().passed, ..self.local(None) };
                negotiation::can_answer(&local, offer)
            }
        }
    }

    /// Our answer to the offer, and the stream that it makes; `prefer` is what the other leg speaks, which saves transcoding.
    pub(super) fn answer(&mut self, prefer: Option<Passed>) -> Result<Bytes, NegotiationError> {
        if let Some(sdp) = &self.early {
            return Ok(sdp.clone());
        }
        let codec = prefer.as_ref().map(|prefer| prefer.codec);
        self.passed = prefer.into_iter().filter(|prefer| self.hands_on(prefer)).collect();
        let (sdp, stream) = match &self.offered {
            Offered::Nothing => return Ok(self.describe(codec)),
            Offered::Answered => return Ok(self.said.clone()),
            Offered::Unreadable(fault) => return Err(fault.clone().into()),
            Offered::Open(offer) => negotiation::answer(&self.local(None), offer, codec)?,
        };
        self.offered = Offered::Answered;
        self.said = sdp.clone();
        self.on_stream(stream);
        Ok(sdp)
    }

    /// As [`Leg::answer`], in a 183: a later 200 repeats it (RFC 3261 §13.2.1).
    pub(super) fn early_answer(&mut self, prefer: Option<Passed>) -> Result<Bytes, NegotiationError> {
        let sdp = self.answer(prefer)?;
        self.early = Some(sdp.clone());
        Ok(sdp)
    }

    /// Our offer, with the codec of the other leg first, and with what that leg speaks and we do not.
    pub(super) fn offer(&mut self, prefer: Option<CodecKind>, other: Passable) -> Bytes {
        let Passable { passed, beside } = other;
        self.passed = passed.into_iter().filter(|passed| self.hands_on(passed)).collect();
        if beside == Beside::Nothing && !self.passed.is_empty() {
            self.codecs.clear();
        }
        self.describe(prefer)
    }

    fn describe(&mut self, first: Option<CodecKind>) -> Bytes {
        self.said = negotiation::offer(&self.local(first));
        self.said.clone()
    }

    /// What our description holds that may not suit, in words.
    pub(super) fn offer_in_words(&self) -> Option<String> {
        let session = Session::read(&self.said).ok()?;
        let media = session.media.iter().find(|media| media.port != 0)?;
        let keys = if media.crypto().next().is_some() { " with a=crypto" } else { "" };
        let beside = |name: &str| name.eq_ignore_ascii_case("telephone-event") || name.eq_ignore_ascii_case("CN");
        let codecs: Vec<&str> = media.rtp_formats().map(|format| format.name).filter(|name| !beside(name)).collect();
        Some(format!("{}{keys} (see `encryption`) and {}", media.protocol, codecs.join(", ")))
    }

    /// A trunk that lists its codecs is to get no others.
    fn hands_on(&self, passed: &Passed) -> bool {
        self.allowed.is_none() && !passed.codec.is_spoken()
    }

    /// What another leg must speak, or may, to be heard here though we do not understand it.
    pub(super) fn passable(&self) -> Passable {
        let (passed, spoken) = match (&self.stream, self.speaks()) {
            (Some(stream), Some(speaks)) if !stream.codec.is_spoken() => (vec![speaks], Vec::new()),
            (Some(_), _) => return Passable::default(),
            (None, _) => self.offered.open().map(formats::passable).unwrap_or_default(),
        };
        let passed = passed.into_iter().filter(|passed| self.hands_on(passed)).collect();
        let common = spoken.iter().any(|codec| self.codecs.contains(codec));
        Passable { passed, beside: if common { Beside::OurCodecs } else { Beside::Nothing } }
    }

    pub(super) fn on_answer(&mut self, sdp: &[u8]) -> Result<(), NegotiationError> {
        let stream = negotiation::accept_answer(&self.local(None), sdp)?;
        self.on_stream(stream);
        Ok(())
    }

    /// A re-INVITE: our answer to it. The codec stays if the peer still has it.
    pub(super) fn on_new_offer(&mut self, sdp: &[u8]) -> Result<Bytes, NegotiationError> {
        let (early, offered) = (self.early.take(), std::mem::take(&mut self.offered));
        self.take_offer(sdp);
        self.sdp_version += 1;
        match self.answer(self.speaks()) {
            Ok(answer) => {
                // Before the call is answered: what was said last holds, and is not chosen anew by the answer.
                self.early = early.map(|_| answer.clone());
                Ok(answer)
            }
            Err(fault) => {
                // RFC 3311 §5.2, RFC 3261 §14.2: what is refused changes nothing.
                (self.early, self.offered) = (early, offered);
                self.sdp_version -= 1;
                Err(fault)
            }
        }
    }

    /// The codec of the stream, with the parameters that another leg needs to speak it too.
    pub(super) fn speaks(&self) -> Option<Passed> {
        let stream = self.stream.as_ref()?;
        Some(Passed { codec: stream.codec, parameters: stream.passed.clone() })
    }

    pub(super) fn codec(&self) -> Option<CodecKind> {
        self.stream.as_ref().map(|stream| stream.codec)
    }

    pub(super) fn on_closed(&mut self, figures: &Figures) {
        self.record.media.measure(figures);
    }

    /// As it goes now.
    pub(super) fn view(&self, figures: Option<&Figures>) -> LegView {
        let LegRecord { party, trunk, started, answered, media, .. } = self.record.clone();
        let mut view = LegView { party, trunk, started, answered, media };
        figures.into_iter().for_each(|figures| view.media.measure(figures));
        view
    }

    fn on_stream(&mut self, stream: Stream) {
        self.record.media.codec = Some(stream.codec.to_string());
        self.record.media.encryption = Some(stream.security.name().to_owned());
        // Until another handshake is over, the keys of the last one hold (RFC 8842 §4).
        let secured = self.secured.take();
        self.stream = Some(stream);
        secured.into_iter().for_each(|suite| self.on_secured(suite));
    }

    pub(super) fn on_secured(&mut self, suite: Suite) {
        if let Some(Stream { security: security @ Security::Dtls(_), .. }) = &self.stream {
            self.record.media.encryption = Some(format!("{} {}", security.name(), suite.name()));
            self.secured = Some(suite);
        }
    }

    fn local(&self, first: Option<CodecKind>) -> Local {
        let mut codecs = self.codecs.clone();
        if let Some(first) = first.filter(|first| codecs.contains(first)) {
            codecs.retain(|codec| *codec != first);
            codecs.insert(0, first);
        }
        Local {
            address: self.local.unwrap_or_else(|| SocketAddr::new(self.advertised, 9)),
            codecs,
            passed: self.passed.clone(),
            session: self.id.0,
            version: self.sdp_version,
            encryption: self.encryption,
            form: self.form,
            secrets: self.identity.secrets.clone(),
            fingerprint: self.identity.fingerprint,
            candidates: self.identity.candidates.clone(),
            before: self.stream.clone().map(Box::new),
            said: self.said.clone(),
        }
    }
}

/// The peer's last offer, read once and let go with its answer: one of many short lines takes far more room than its text.
#[derive(Debug, Default)]
enum Offered {
    /// The peer wants ours: RFC 3261 §13.2.1.
    #[default]
    Nothing,
    Open(Box<Session>),
    Unreadable(SdpError),
    Answered,
}

impl Offered {
    fn open(&self) -> Option<&Session> {
        match self {
            Offered::Open(offer) => Some(offer),
            Offered::Nothing | Offered::Unreadable(_) | Offered::Answered => None,
        }
    }
}

/// Codecs of a leg that we can only hand on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Passable {
    pub(super) passed: Vec<Passed>,
    pub(super) beside: Beside,
}

/// What a leg has besides those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Beside {
    #[default]
    OurCodecs,
    /// Nothing that we speak: whoever talks to it must have one of the others.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::negotiation::secrets::Secrets;
    use crate::media::security::Fingerprint;
    use crate::media::security::HashKind;

    const HEAD: &str = "v=0\r\nc=IN IP4 198.51.100.5\r\n";
    const KEYS: &str = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n";

    fn offered(lines: &str) -> Bytes {
        Bytes::from(format!("{HEAD}{lines}"))
    }

    /// It has said how it hears, and is not answered yet.
    fn early(encryption: Encryption) -> (Leg, Bytes) {
        let mut leg = Leg::new(LegId(1), "caller".into(), "192.0.2.10".parse().unwrap(), Timestamp::UNIX_EPOCH);
        leg.codecs = vec![CodecKind::Pcma];
        leg.encryption = encryption;
        leg.identity.secrets = Some(Secrets::of_leg(&[3; 32], LegId(1)));
        leg.take_offer(&offered(&format!("m=audio 4000 RTP/AVP 8\r\n{KEYS}")));
        let said = leg.early_answer(None).unwrap();
        (leg, said)
    }

    #[test]
    fn an_offer_that_is_refused_before_the_answer_changes_nothing() {
        let (mut leg, said) = early(Encryption::Off);
        let stream = leg.stream.clone();
        let refused = leg.on_new_offer(&offered("m=video 4000 RTP/AVP 96\r\n"));
        assert_eq!(refused, Err(NegotiationError::NoAudio));
        assert!(leg.is_early() && leg.stream == stream);
        assert_eq!(leg.answer(None), Ok(said));
        let next = leg.on_new_offer(&offered("m=audio 4002 RTP/AVP 8\r\n")).unwrap();
        assert!(String::from_utf8_lossy(&next).contains("o=- 1 2 "), "RFC 3264 §8: one more than the last");
        assert_eq!(leg.answer(None), Ok(next), "what was said last holds");
    }

    #[test]
    fn an_offer_is_let_go_with_its_answer_which_holds_until_the_next() {
        let (mut leg, said) = early(Encryption::Off);
        leg.early = None;
        assert!(leg.offered.open().is_none());
        assert_eq!(leg.answer(None), Ok(said.clone()));
        assert!(leg.on_new_offer(b"no description").is_err());
        assert_eq!(leg.answer(None), Ok(said));
    }

    #[test]
    fn the_record_says_how_the_audio_was_protected_last() {
        let (mut leg, _) = early(Encryption::Prefer);
        assert_eq!(leg.record.media.encryption.as_deref(), Some("AES_CM_128_HMAC_SHA1_80"));
        leg.on_new_offer(&offered("m=audio 4000 RTP/AVP 8\r\n")).unwrap();
        assert_eq!(leg.view(Some(&Figures::default())).media.encryption.as_deref(), Some("none"));
        leg.on_closed(&Figures::default());
        assert_eq!(leg.record.media.encryption.as_deref(), Some("none"));
    }

    #[test]
    fn the_record_names_the_suite_that_a_handshake_agreed_on_until_there_is_none() {
        let fingerprint = Fingerprint::new(HashKind::Sha256, &[171; 32]).unwrap();
        let shaken = format!("m=audio 4000 UDP/TLS/RTP/SAVP 8\r\na=setup:actpass\r\na=fingerprint:{fingerprint}\r\n");
        let (mut leg, _) = early(Encryption::Prefer);
        leg.identity.fingerprint = Some(fingerprint);
        leg.on_secured(Suite::AeadAes256Gcm);
        assert_eq!(leg.record.media.encryption.as_deref(), Some("AES_CM_128_HMAC_SHA1_80"), "of before, and late");
        leg.on_new_offer(&offered(&shaken)).unwrap();
        assert_eq!(leg.record.media.encryption.as_deref(), Some("DTLS-SRTP"));
        leg.on_secured(Suite::AeadAes128Gcm);
        leg.on_new_offer(&offered(&format!("{shaken}a=sendonly\r\n"))).unwrap();
        assert_eq!(leg.record.media.encryption.as_deref(), Some("DTLS-SRTP AEAD_AES_128_GCM"), "held under the same");
        leg.on_new_offer(&offered("m=audio 4000 RTP/AVP 8\r\n")).unwrap();
        leg.on_new_offer(&offered(&shaken)).unwrap();
        assert_eq!(leg.record.media.encryption.as_deref(), Some("DTLS-SRTP"), "another is to be made");
    }
}
