//! What protects a media line: the profiles, and the safest that both sides can do.
//!
//! Of the safest: a handshake of their own (DTLS-SRTP) keeps keys from those who carry the signalling, so it comes before
//! keys that stand in the description (SDES), and any key before none.

use std::borrow::Cow;

use crate::media::config::Encryption;
use crate::media::negotiation::Local;
use crate::media::negotiation::crypto;
use crate::media::negotiation::crypto::Crypto;
use crate::media::negotiation::fault::NegotiationError;
use crate::media::negotiation::ice;
use crate::media::negotiation::secrets::Secrets;
use crate::media::sdp::Attribute;
use crate::media::sdp::Media;
use crate::media::sdp::Session;
use crate::media::security::Dtls;
use crate::media::security::DtlsRole;
use crate::media::security::Fingerprint;
use crate::media::security::HashKind;
use crate::media::security::IceKind;
use crate::media::security::Marks;
use crate::media::security::MasterKey;
use crate::media::security::SdesKeys;
use crate::media::security::Security;
use crate::media::security::Suite;

/// Whether the protocol of a media line itself asks for encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// `RTP/AVP`, `RTP/AVPF`: perhaps, if the far side adds keys (RFC 8643).
    Open,
    /// `RTP/SAVP`, `RTP/SAVPF`: yes, from whichever keys there are.
    Secure,
    /// `UDP/TLS/RTP/SAVP`, `UDP/TLS/RTP/SAVPF`: yes, from a handshake.
    Handshake,
}

impl Profile {
    fn of(media: &Media) -> Result<Profile, NegotiationError> {
        match media.protocol.to_ascii_uppercase().as_str() {
            "RTP/AVP" | "RTP/AVPF" => Ok(Profile::Open),
            "RTP/SAVP" | "RTP/SAVPF" => Ok(Profile::Secure),
            "UDP/TLS/RTP/SAVP" | "UDP/TLS/RTP/SAVPF" => Ok(Profile::Handshake),
            _ => Err(NegotiationError::UnknownProtocol { protocol: media.protocol.to_string() }),
        }
    }
}

/// What is agreed on, and the line of ours that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Protection {
    pub(super) security: Security,
    /// The number of the `a=crypto` line that was taken.
    tag: u32,
}

impl Protection {
    fn none() -> Protection {
        Protection { security: Security::Plain, tag: 0 }
    }

    /// The smaller, the safer.
    pub(super) fn rank(&self) -> usize {
        match &self.security {
            Security::Dtls(_) => 0,
            Security::Sdes(keys) => 1 + keys.suite as usize,
            Security::Plain => usize::MAX,
        }
    }

    /// Our half of the answer.
    pub(super) fn write(&self, local: &Local, media: &mut Media) {
        match &self.security {
            Security::Plain => {}
            Security::Sdes(keys) => {
                let (suite, key, mark) = (keys.suite, keys.ours, keys.marks.ours);
                let line = Crypto { tag: self.tag, suite, key, mark, more: Vec::new() };
                media.attributes.push(line.attribute());
            }
            Security::Dtls(dtls) => {
                let setup = match dtls.role {
                    DtlsRole::Active => "active",
                    DtlsRole::Passive => "passive",
                };
                write_fingerprint(local, setup, media);
            }
        }
    }
}

/// The safest protection of this line that the policy allows.
pub(super) fn answering(local: &Local, offer: &Session, theirs: &Media) -> Result<Protection, NegotiationError> {
    let profile = Profile::of(theirs)?;
    let protocol = || theirs.protocol.to_string();
    match (local.encryption, profile) {
        (Encryption::Off, Profile::Open) => return Ok(Protection::none()),
        (Encryption::Off, _) => return Err(NegotiationError::Encrypted { protocol: protocol() }),
        (Encryption::Prefer | Encryption::Require | Encryption::Dtls, _) => {}
    }
    if let Some(protection) = handshake(local, offer, theirs) {
        return Ok(protection);
    }
    let takes_keys = profile != Profile::Handshake && local.encryption != Encryption::Dtls;
    let keys = takes_keys.then(|| described_keys(local, theirs)).flatten();
    match (keys, profile, local.encryption) {
        (Some(protection), ..) => Ok(protection),
        (None, Profile::Open, Encryption::Prefer) => Ok(Protection::none()),
        (None, Profile::Open, Encryption::Off | Encryption::Require) => Err(NegotiationError::NotEncrypted),
        (None, Profile::Handshake, _) => {
            Err(NegotiationError::NoKeys { protocol: protocol(), missing: "a=fingerprint and a=setup" })
        }
        (None, _, Encryption::Dtls) => Err(NegotiationError::NoHandshake { protocol: protocol() }),
        (None, Profile::Secure, _) => {
            Err(NegotiationError::NoKeys { protocol: protocol(), missing: "no a=crypto line of a suite that we know" })
        }
    }
}

fn described_keys(local: &Local, theirs: &Media) -> Option<Protection> {
    let line = crypto::safest(theirs)?;
    let ours = our_key(local, local.secrets.as_ref()?, line.suite);
    // Who marks his packets expects marks in ours: FreeSWITCH, Lync and Polycom answer so, and RFC 4568 leaves it open.
    let marks = Marks { ours: line.mark, theirs: line.mark, more: line.more };
    let keys = SdesKeys { suite: line.suite, ours, theirs: line.key, marks };
    Some(Protection { security: Security::Sdes(Box::new(keys)), tag: line.tag })
}

/// That in use, as long as its suite is.
fn our_key(local: &Local, secrets: &Secrets, suite: Suite) -> MasterKey {
    match local.before.as_ref().map(|stream| &stream.security) {
        Some(Security::Sdes(before)) if before.suite == suite => before.ours,
        _ => secrets.master_key(suite, local.version),
    }
}

fn handshake(local: &Local, session: &Session, theirs: &Media) -> Option<Protection> {
    local.fingerprint.as_ref()?;
    let fingerprint = fingerprint(session, theirs)?;
    let role = match setup(session, theirs).as_deref() {
        Some("actpass") => role_before(local, &fingerprint).unwrap_or_else(|| first_role(local, session, theirs)),
        Some("passive") => DtlsRole::Active,
        // RFC 4145 §4.1: without the attribute the offerer is active.
        Some("active") | None => DtlsRole::Passive,
        Some(_) => return None,
    };
    Some(Protection { security: Security::Dtls(Box::new(Dtls { role, fingerprint })), tag: 0 })
}

// Not as RFC 5763 §5, which recommends `active`: the suite is the choice of who is passive, and we take the safest. Where no
// checks find a path, only its own packets open the way to a far side behind NAT, so that must begin too. A lite agent has
// an address that can be reached, and WhatsApp's waits for us to begin.
fn first_role(local: &Local, session: &Session, theirs: &Media) -> DtlsRole {
    match ice::offerer(local, session, theirs) {
        Some(IceKind::Lite) => DtlsRole::Active,
        Some(IceKind::Full) | None => DtlsRole::Passive,
    }
}

/// A new offer of the same certificate goes on with the same handshake. RFC 8842 §5.3.
fn role_before(local: &Local, fingerprint: &Fingerprint) -> Option<DtlsRole> {
    match &local.before.as_ref()?.security {
        Security::Dtls(before) if before.fingerprint == *fingerprint => Some(before.role),
        _ => None,
    }
}

/// How our offer says what we can and want to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offered {
    Nothing,
    /// Keys beside a protocol that does not insist on them. RFC 8643.
    KeysIfYouLike,
    Keys,
    Handshake,
}

impl Offered {
    pub(super) fn by(local: &Local) -> Offered {
        let before = local.before.as_ref().map(|stream| &stream.security);
        let can_shake_hands = local.fingerprint.is_some() && ice::offered(local).is_some();
        match (local.encryption, before, local.form) {
            (Encryption::Off, ..) => Offered::Nothing,
            (_, Some(Security::Dtls(_)), _) => Offered::Handshake,
            (_, None, Form::Browser) if can_shake_hands => Offered::Handshake,
            (Encryption::Dtls, ..) => Offered::Handshake,
            _ if local.secrets.is_none() => Offered::Nothing,
            // What is encrypted is not offered in the open again.
            (_, Some(Security::Sdes(_)), _) | (Encryption::Require, ..) => Offered::Keys,
            (Encryption::Prefer, _, Form::Plain) => Offered::Nothing,
            (Encryption::Prefer, ..) => Offered::KeysIfYouLike,
        }
    }

    /// That of `said`, our last description, where it does. Browsers alone speak the one with feedback (RFC 5124), which
    /// phones need not know.
    pub(super) fn protocol(self, local: &Local, said: Option<&Media>) -> Cow<'static, str> {
        let protocol = match self {
            Offered::Nothing | Offered::KeysIfYouLike => "RTP/AVP",
            Offered::Keys => "RTP/SAVP",
            Offered::Handshake if super::offers_ice(local) => "UDP/TLS/RTP/SAVPF",
            Offered::Handshake => "UDP/TLS/RTP/SAVP",
        };
        let before = said.filter(|said| self == Offered::Handshake && Profile::of(said) == Ok(Profile::Handshake));
        before.map_or(Cow::Borrowed(protocol), |said| said.protocol.clone())
    }

    pub(super) fn write(self, local: &Local, media: &mut Media) {
        match self {
            Offered::Nothing => {}
            Offered::Handshake => write_fingerprint(local, "actpass", media),
            Offered::Keys | Offered::KeysIfYouLike => {
                media.attributes.extend(offered_keys(local).map(|line| line.attribute()));
            }
        }
    }
}

/// For whom our offers are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A device that shall hear of no key unless encryption is required.
    #[default]
    Plain,
    /// A telephone: keys beside plain RTP.
    Phone,
    /// A browser: DTLS-SRTP with ICE, and nothing else.
    Browser,
}

fn offered_keys(local: &Local) -> impl Iterator<Item = Crypto> {
    let secrets = local.secrets.iter();
    secrets.flat_map(|secrets| {
        (1..).zip(crypto::OFFERED).map(|(tag, suite)| {
            let key = our_key(local, secrets, suite);
            Crypto { tag, suite, key, mark: None, more: Vec::new() }
        })
    })
}

/// What the answer made of our offer.
pub(super) fn answered(local: &Local, answer: &Session, theirs: &Media) -> Result<Protection, NegotiationError> {
    let profile = Profile::of(theirs)?;
    let protocol = theirs.protocol.clone();
    let found = match Offered::by(local) {
        Offered::Nothing => None,
        Offered::Handshake => handshake_answered(answer, theirs),
        Offered::Keys | Offered::KeysIfYouLike => keys_answered(local, theirs),
    };
    match (found, profile) {
        (Some(protection), _) => Ok(protection),
        (None, Profile::Open) if local.encryption == Encryption::Require => Err(NegotiationError::NotEncrypted),
        // RFC 8643 §3.2: whoever answers with keys will use them, and be noise to us if they are not those of our offer.
        (None, Profile::Open)
            if local.encryption != Encryption::Dtls
                && (Offered::by(local) == Offered::Nothing || theirs.crypto().next().is_none()) =>
        {
            Ok(Protection::none())
        }
        (None, _) => Err(NegotiationError::NoKeys {
            protocol: protocol.into_owned(),
            missing: "nothing of what was offered is answered",
        }),
    }
}

/// Under the key and the mark of the line that was said: a refresh repeats an answer of ours, with tags that were theirs.
fn keys_answered(local: &Local, theirs: &Media) -> Option<Protection> {
    let taken = crypto::lines(theirs).next()?;
    let is_taken = |ours: &Crypto| ours.tag == taken.tag && ours.suite == taken.suite;
    let ours = match local.spoken_line() {
        Some(said) => crypto::lines(&said).find(is_taken),
        None => offered_keys(local).find(is_taken),
    }?;
    let marks = Marks { ours: ours.mark, theirs: taken.mark, more: taken.more };
    let keys = SdesKeys { suite: taken.suite, ours: ours.key, theirs: taken.key, marks };
    Some(Protection { security: Security::Sdes(Box::new(keys)), tag: taken.tag })
}

fn handshake_answered(answer: &Session, theirs: &Media) -> Option<Protection> {
    let fingerprint = fingerprint(answer, theirs)?;
    let role = match setup(answer, theirs).as_deref() {
        // RFC 4145 §4.1: who answers without the attribute is passive.
        Some("passive") | None => DtlsRole::Active,
        Some("holdconn") => return None,
        // RFC 5763 §5 allows no `actpass` here; who writes it begins.
        Some(_) => DtlsRole::Passive,
    };
    Some(Protection { security: Security::Dtls(Box::new(Dtls { role, fingerprint })), tag: 0 })
}

/// Of several hashes of the same certificate the best. RFC 8122 §5.
fn fingerprint(session: &Session, media: &Media) -> Option<Fingerprint> {
    let read = |text: &str| text.parse::<Fingerprint>().ok();
    let of_media: Vec<Fingerprint> = media.values("fingerprint").filter_map(read).collect();
    let all = if of_media.is_empty() { session.values("fingerprint").filter_map(read).collect() } else { of_media };
    HashKind::ALL.into_iter().find_map(|hash| all.iter().copied().find(|fingerprint| fingerprint.hash == hash))
}

fn setup(session: &Session, media: &Media) -> Option<String> {
    let said = media.attribute("setup").or_else(|| session.attribute("setup"))?;
    Some(said.value.as_deref().unwrap_or_default().to_ascii_lowercase())
}

fn write_fingerprint(local: &Local, setup: &str, media: &mut Media) {
    if let Some(fingerprint) = &local.fingerprint {
        media.attributes.push(Attribute::with_value("fingerprint", fingerprint));
        media.attributes.push(Attribute::with_value("setup", setup));
    }
}
