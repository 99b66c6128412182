//! Offer and answer (RFC 3264) for one audio stream, as functions of what each side said.
//!
//! An answer keeps the offer's media lines in their order and takes one of them: of those that can be served the one that
//! is protected best. It names one codec, what goes along with it, and telephone-event, under the offer's payload types.
//! All others get port 0. Nothing is remembered here: what holds from before comes along in [`Local`].

mod crypto;
pub mod fault;
pub mod formats;
mod ice;
mod path;
pub mod protection;
pub mod secrets;

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::media::codec::CodecKind;
use crate::media::codec::FRAME_MS;
use crate::media::command::Stream;
use crate::media::config::Encryption;
use crate::media::negotiation::fault::NegotiationError;
use crate::media::negotiation::formats::Chosen;
use crate::media::negotiation::formats::Passed;
use crate::media::negotiation::path::Path;
use crate::media::negotiation::protection::Form;
use crate::media::negotiation::protection::Offered;
use crate::media::negotiation::protection::Protection;
use crate::media::negotiation::secrets::Secrets;
use crate::media::sdp::Attribute;
use crate::media::sdp::Connection;
use crate::media::sdp::Direction;
use crate::media::sdp::Media;
use crate::media::sdp::Origin;
use crate::media::sdp::Session;
use crate::media::security::Fingerprint;
use crate::media::security::Ice;
use crate::media::security::IceKind;

/// Our side of a negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Where we take RTP: what the far side can reach. RTCP is one port above.
    pub address: SocketAddr,
    /// In the order of preference.
    pub codecs: Vec<CodecKind>,
    /// Codecs that we cannot speak, but whom we would hand this stream to can. After the others.
    pub passed: Vec<Passed>,
    /// `o=`: the same through all offers and answers of a dialog (RFC 3264 §8).
    pub session: u64,
    /// `o=`: one more with every description that differs from the last.
    pub version: u64,
    pub encryption: Encryption,
    /// For whom our offers are.
    pub form: Form,
    /// `None`: nothing can be kept secret, so neither keys of ours nor ICE are described.
    pub secrets: Option<Secrets>,
    /// Of our certificate. `None`: no DTLS-SRTP.
    pub fingerprint: Option<Fingerprint>,
    /// Our addresses for ICE, the best first. None: no ICE.
    pub candidates: Vec<SocketAddr>,
    /// What was agreed on before, when this is not the first exchange.
    pub before: Option<Box<Stream>>,
    /// Our last description, whose media lines a further offer keeps in their places (RFC 3264 §8). Empty: there is none.
    pub said: Bytes,
}

impl Local {
    /// Plain RTP at `address`, as the first that is said.
    pub fn plain(address: SocketAddr, codecs: Vec<CodecKind>) -> Local {
        Local {
            address,
            codecs,
            passed: Vec::new(),
            session: 1,
            version: 1,
            encryption: Encryption::Off,
            form: Form::Plain,
            secrets: None,
            fingerprint: None,
            candidates: Vec::new(),
            before: None,
            said: Bytes::new(),
        }
    }

    fn speaks(&self, codec: CodecKind) -> bool {
        self.codecs.contains(&codec) || self.passed.iter().any(|passed| passed.codec == codec)
    }

    /// The media line of our last description that is served.
    fn spoken_line(&self) -> Option<Media> {
        Session::read(&self.said).ok()?.media.into_iter().find(|media| media.port != 0)
    }
}

/// All our codecs and telephone-event, both ways, 20 ms.
pub fn offer(local: &Local) -> Bytes {
    let said = Session::read(&local.said).map(|session| session.media).unwrap_or_default();
    let at = said.iter().position(|media| media.port != 0);
    let ours = offered_line(local, at.map(|at| &said[at]));
    let far = local.before.as_ref().and_then(|before| before.ice.as_ref()).map_or(IceKind::Full, |ice| ice.far);
    let mut session = describe(local, said);
    session.attributes = head(offers_ice(local).then_some(far), ours.attribute("mid"));
    // RFC 3264 §8: a line that was refused stays refused, and ours is where it was.
    match at {
        Some(at) => session.media[at] = ours,
        None => session.media = vec![ours],
    }
    session.write()
}

fn offered_line(local: &Local, said: Option<&Media>) -> Media {
    let offered = Offered::by(local);
    let mut media = audio(local.address.port(), offered.protocol(local, said));
    formats::write_offered(local, said, &mut media);
    media.attributes.push(Attribute::with_value("ptime", FRAME_MS));
    media.attributes.push(Attribute::flag(Direction::SendRecv.name()));
    offered.write(local, &mut media);
    let shares_rtcp = |before: &Stream| before.remote_rtcp.is_none();
    if local.before.as_deref().map_or(offered == Offered::Handshake, shares_rtcp) {
        media.attributes.push(Attribute::flag("rtcp-mux"));
    }
    match said.and_then(|said| said.attribute("mid")) {
        Some(mid) => media.attributes.push(mid.clone()),
        None if offers_ice(local) => media.attributes.push(Attribute::with_value("mid", "0")),
        None => {}
    }
    if let Some(ours) = ice::offered(local).filter(|_| offers_ice(local)) {
        ice::write(local, &ours, &mut media);
    }
    media
}

/// Phones are not told of it; who has found us by it before is.
fn offers_ice(local: &Local) -> bool {
    match &local.before {
        Some(before) => before.ice.is_some(),
        None => {
            let for_browser = local.form == Form::Browser && Offered::by(local) == Offered::Handshake;
            for_browser && ice::offered(local).is_some()
        }
    }
}

/// Answers an offer. `prefer` is taken where the offer has it, so that two legs need no transcoding; else the offerer's own order decides
/// (RFC 3264 §6.1).
pub fn answer(local: &Local, offer: &Session, prefer: Option<CodecKind>) -> Result<(Bytes, Stream), NegotiationError> {
    let (index, served) = choose(local, offer, prefer)?;
    let theirs = &offer.media[index];
    let stream = served.stream(offer, theirs);
    let attributes = head(served.ice.as_ref().map(|ice| ice.far), bundled(offer, theirs));
    let mut media: Vec<Media> = offer.media[..index].iter().map(refused).collect();
    media.push(taken(local, theirs, &served, &stream));
    media.extend(offer.media[index + 1..].iter().map(refused));
    let answer = Session { attributes, ..describe(local, media) };
    Ok((answer.write(), stream))
}

/// Whether [`answer`] will find something to answer with.
pub fn can_answer(local: &Local, offer: &Session) -> Result<(), NegotiationError> {
    choose(local, offer, None).map(drop)
}

/// Reads the answer to [`offer`].
pub fn accept_answer(local: &Local, answer: &[u8]) -> Result<Stream, NegotiationError> {
    let answer = Session::read(answer)?;
    let audio = || answer.media.iter().filter(|media| media.is_audio());
    let refused = if audio().next().is_some() { NegotiationError::Refused } else { NegotiationError::NoAudio };
    let theirs = audio().find(|media| media.port != 0).ok_or(refused)?;
    let protection = protection::answered(local, &answer, theirs)?;
    let chosen = formats::choose(local, theirs, None)?;
    let ice = if offers_ice(local) { ice::answered(local, &answer, theirs) } else { None };
    let path = Path::find(local, &answer, theirs, ice.as_ref())?;
    let heard_as = local.spoken_line().map(|said| formats::heard_as(&said, &chosen)).unwrap_or_default();
    Ok(Stream { heard_as, ..Served { chosen, protection, path, ice }.stream(&answer, theirs) })
}

/// What one media line of the far side comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Served {
    chosen: Chosen,
    protection: Protection,
    path: Path,
    ice: Option<Ice>,
}

impl Served {
    fn by(
        local: &Local,
        offer: &Session,
        theirs: &Media,
        prefer: Option<CodecKind>,
    ) -> Result<Served, NegotiationError> {
        let protection = protection::answering(local, offer, theirs)?;
        let ice = ice::answering(local, offer, theirs);
        let path = Path::find(local, offer, theirs, ice.as_ref())?;
        Ok(Served { chosen: formats::choose(local, theirs, prefer)?, protection, path, ice })
    }

    /// What the pump is told.
    fn stream(&self, session: &Session, theirs: &Media) -> Stream {
        let mut stream = Stream {
            remote_rtcp: self.path.remote_rtcp,
            ptime_ms: path::packet_time(theirs, self.chosen.codec),
            direction: self.path.direction(session, theirs),
            security: self.protection.security.clone(),
            ice: self.ice.clone().map(Box::new),
            ..Stream::plain(self.path.remote, self.chosen.codec)
        };
        formats::write_stream(&self.chosen, &mut stream);
        stream
    }
}

/// Of the media lines that can be served the one that is protected best, of equals the first. When there is none: why the
/// first audio line cannot.
fn choose(local: &Local, offer: &Session, prefer: Option<CodecKind>) -> Result<(usize, Served), NegotiationError> {
    let mut why = NegotiationError::NoAudio;
    let mut best: Option<(usize, Served)> = None;
    for (index, media) in offer.media.iter().enumerate().filter(|(_, media)| media.is_audio() && media.port != 0) {
        match Served::by(local, offer, media, prefer) {
            Ok(served) if best.as_ref().is_none_or(|(_, best)| served.protection.rank() < best.protection.rank()) => {
                best = Some((index, served));
            }
            Err(fault) if why == NegotiationError::NoAudio => why = fault,
            Ok(_) | Err(_) => {}
        }
    }
    best.ok_or(why)
}

fn describe(local: &Local, media: Vec<Media>) -> Session {
    let address = local.address.ip();
    let origin = Origin { address: Some(address), session: local.session, version: local.version };
    Session { origin, connection: Some(Connection::Address(address)), attributes: Vec::new(), media }
}

/// Our half of the media line that is served.
fn taken(local: &Local, offered: &Media, served: &Served, stream: &Stream) -> Media {
    let mut media = audio(local.address.port(), offered.protocol.clone());
    formats::write_chosen(local, &served.chosen, &mut media);
    media.attributes.push(Attribute::with_value("ptime", stream.ptime_ms));
    media.attributes.push(Attribute::flag(stream.direction.name()));
    served.protection.write(local, &mut media);
    if offered.shares_rtcp() {
        media.attributes.push(Attribute::flag("rtcp-mux"));
    }
    media.attributes.extend(offered.attribute("mid").cloned());
    if let Some(ice) = &served.ice {
        ice::write(local, &ice.ours, &mut media);
    }
    media
}

/// RFC 3264 §6: port 0, and formats as offered, for there must be one. Its name stays (RFC 5888 §9.1).
fn refused(offered: &Media) -> Media {
    let attributes = offered.attribute("mid").cloned().into_iter().collect();
    Media { port: 0, connection: None, attributes, ..offered.clone() }
}

/// The name of this line when the offer would send it and others over one port. RFC 9143 §7.3.
fn bundled<'a>(offer: &Session, media: &'a Media) -> Option<&'a Attribute> {
    let mid = media.attribute("mid").filter(|mid| mid.value.is_some())?;
    let holds_it = offer.values("group").any(|group| {
        let mut words = group.split_whitespace();
        words.next().is_some_and(|kind| kind.eq_ignore_ascii_case("BUNDLE"))
            && words.any(|word| mid.value.as_deref() == Some(word))
    });
    holds_it.then_some(mid)
}

/// What stands above the media lines: that ours is alone on its port, and that we only answer checks.
fn head(far: Option<IceKind>, bundled: Option<&Attribute>) -> Vec<Attribute> {
    let mid = bundled.and_then(|mid| mid.value.as_deref());
    let group = mid.map(|mid| Attribute::with_value("group", format_args!("BUNDLE {mid}")));
    let lite = far.filter(|far| *far == IceKind::Full).map(|_| Attribute::flag("ice-lite"));
    group.into_iter().chain(lite).collect()
}

fn audio(port: u16, protocol: Cow<'static, str>) -> Media {
    Media {
        kind: Cow::Borrowed("audio"),
        port,
        protocol,
        formats: Vec::new(),
        connection: None,
        attributes: Vec::new(),
    }
}

#[cfg(test)]
#[path = "../tests/negotiation.rs"]
mod tests;

#[cfg(test)]
#[path = "../tests/devices.rs"]
mod devices;

#[cfg(test)]
#[path = "../tests/closure.rs"]
mod closure;
