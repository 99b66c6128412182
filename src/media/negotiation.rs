//! Offer and answer (RFC 3264) for one audio stream, as functions of what each side said.
//!
//! An answer keeps the offer's media lines in their order and takes one of them: plain RTP audio with a codec that both
//! know. It names one codec and telephone-event, under the offer's payload types. All others get port 0.
//! Encrypted profiles are refused until we speak them; both ends would otherwise believe what is not so.

use std::net::IpAddr;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::media::codec::CodecKind;
use crate::media::codec::FRAME_MS;
use crate::media::command::Stream;
use crate::media::sdp;
use crate::media::sdp::Attribute;
use crate::media::sdp::Connection;
use crate::media::sdp::Direction;
use crate::media::sdp::Format;
use crate::media::sdp::Media;
use crate::media::sdp::Origin;
use crate::media::sdp::SdpError;
use crate::media::sdp::Session;

/// Our side of a negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Where we take RTP: what the far side can reach. RTCP is one port above.
    pub address: SocketAddr,
    /// In the order of preference.
    pub codecs: Vec<CodecKind>,
    /// `o=`: the same through all offers and answers of a dialog (RFC 3264 §8).
    pub session: u64,
    /// `o=`: one more with every description that differs from the last.
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    #[error(transparent)]
    NotSdp(#[from] SdpError),
    #[error("no audio is offered")]
    NoAudio,
    #[error("no codec in common: offered are {offered}")]
    NoCommonCodec { offered: String },
    #[error("encrypted audio ({protocol}) is not supported yet: offer RTP/AVP")]
    Encrypted { protocol: String },
    #[error("audio transport `{protocol}` is not supported: offer RTP/AVP")]
    UnknownProtocol { protocol: String },
    #[error("audio is expected at `{address}`, which cannot be reached from {local}")]
    Unreachable { address: String, local: IpAddr },
    #[error("the audio stream was refused")]
    Refused,
}

impl NegotiationError {
    /// The status that tells the offerer: 400 for what is no SDP, 488 for what cannot be agreed on (RFC 3261 §21.4.26).
    pub fn status(&self) -> u16 {
        match self {
            NegotiationError::NotSdp(_) => 400,
            _ => 488,
        }
    }

    /// The code of the `Warning` that goes with it. RFC 3261 §20.43.
    pub fn warning(&self) -> u16 {
        match self {
            NegotiationError::Unreachable { .. } => 302,
            NegotiationError::Encrypted { .. } | NegotiationError::UnknownProtocol { .. } => 303,
            NegotiationError::NoAudio | NegotiationError::Refused => 304,
            NegotiationError::NoCommonCodec { .. } => 305,
            NegotiationError::NotSdp(_) => 399,
        }
    }
}

/// All our codecs and telephone-event, both ways, 20 ms.
pub fn offer(local: &Local) -> Bytes {
    let mut media = audio(local.address.port(), "RTP/AVP");
    for codec in &local.codecs {
        add_codec(&mut media, *codec, codec.static_payload_type().unwrap_or(OPUS));
    }
    for (payload_type, clock_rate) in EVENTS {
        if local.codecs.iter().any(|codec| codec.clock_rate() == clock_rate) {
            add_events(&mut media, payload_type, clock_rate);
        }
    }
    media.attributes.push(Attribute::with_value("ptime", FRAME_MS));
    media.attributes.push(Attribute::flag(Direction::SendRecv.name()));
    describe(local, vec![media]).write()
}

/// Answers an offer. `prefer` is taken where the offer has it, so that two legs need no transcoding; else the offerer's own order decides
/// (RFC 3264 §6.1).
pub fn answer(local: &Local, offer: &[u8], prefer: Option<CodecKind>) -> Result<(Bytes, Stream), NegotiationError> {
    let offer = Session::read(offer)?;
    let (index, chosen) = choose(local, &offer, prefer)?;
    let stream = stream(local, &offer, &offer.media[index], &chosen)?;
    let media = offer.media.iter().enumerate().map(|(at, media)| match at == index {
        true => taken(local, media, &chosen, &stream),
        false => refused(media),
    });
    let answer = describe(local, media.collect());
    Ok((answer.write(), stream))
}

/// Whether [`answer`] will find something to answer with.
pub fn can_answer(local: &Local, offer: &[u8]) -> Result<(), NegotiationError> {
    choose(local, &Session::read(offer)?, None).map(drop)
}

/// Reads the answer to [`offer`].
pub fn accept_answer(local: &Local, answer: &[u8]) -> Result<Stream, NegotiationError> {
    let answer = Session::read(answer)?;
    let media = answer.media.iter().find(|media| media.is_audio()).ok_or(NegotiationError::NoAudio)?;
    if media.port == 0 {
        return Err(NegotiationError::Refused);
    }
    check_protocol(media)?;
    let chosen = choose_format(local, media, None)?;
    stream(local, &answer, media, &chosen)
}

/// The first media line that can be served, and what is spoken on it. When there is none: why the first audio line cannot.
fn choose(local: &Local, offer: &Session, prefer: Option<CodecKind>) -> Result<(usize, Chosen), NegotiationError> {
    let mut why = NegotiationError::NoAudio;
    for (index, media) in offer.media.iter().enumerate().filter(|(_, media)| media.is_audio() && media.port != 0) {
        match serve(local, offer, media, prefer) {
            Ok(chosen) => return Ok((index, chosen)),
            Err(fault) if why == NegotiationError::NoAudio => why = fault,
            Err(_) => {}
        }
    }
    Err(why)
}

fn serve(local: &Local, offer: &Session, media: &Media, prefer: Option<CodecKind>) -> Result<Chosen, NegotiationError> {
    check_protocol(media)?;
    remote_address(local, offer, media)?;
    choose_format(local, media, prefer)
}

fn check_protocol(media: &Media) -> Result<(), NegotiationError> {
    let protocol = media.protocol.clone();
    match (media.is_plain_rtp(), media.is_secure_rtp()) {
        (true, _) => Ok(()),
        (_, true) => Err(NegotiationError::Encrypted { protocol }),
        _ => Err(NegotiationError::UnknownProtocol { protocol }),
    }
}

/// What is spoken, under the far side's payload types.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chosen {
    codec: CodecKind,
    payload_type: u8,
    dtmf: Option<(u8, u32)>,
}

fn choose_format(local: &Local, media: &Media, prefer: Option<CodecKind>) -> Result<Chosen, NegotiationError> {
    let formats: Vec<Format> = media.rtp_formats().collect();
    let common = || {
        formats
            .iter()
            .filter_map(|format| Some((codec_of(format)?, format.payload_type)))
            .filter(|(codec, _)| local.codecs.contains(codec))
    };
    let (codec, payload_type) =
        common().find(|(codec, _)| Some(*codec) == prefer).or_else(|| common().next()).ok_or_else(|| {
            let names: Vec<&str> = formats.iter().map(|format| format.name.as_str()).collect();
            NegotiationError::NoCommonCodec { offered: names.join(", ") }
        })?;
    Ok(Chosen { codec, payload_type, dtmf: events_for(codec, &formats) })
}

/// telephone-event at the codec's clock rate (RFC 4733 §2.1 wants one clock for one stream).
// Not as RFC 4733 §2.1: without a match another rate is taken. Softphones (baresip, Linphone) offer 8000 beside Opus and mean it.
fn events_for(codec: CodecKind, formats: &[Format]) -> Option<(u8, u32)> {
    let events = || formats.iter().filter(|format| format.name.eq_ignore_ascii_case("telephone-event"));
    let matching = events().find(|format| format.clock_rate == codec.clock_rate());
    matching.or_else(|| events().next()).map(|format| (format.payload_type, format.clock_rate))
}

fn codec_of(format: &Format) -> Option<CodecKind> {
    let codec = CodecKind::ALL.into_iter().find(|codec| codec.encoding_name().eq_ignore_ascii_case(&format.name))?;
    match (codec, format.clock_rate, format.channels) {
        // Some devices write the rate at which G.722 samples instead of RFC 3551's 8000.
        (CodecKind::G722, 8_000 | 16_000, None | Some(1)) => Some(codec),
        // RFC 7587 §7: always 48000/2, whatever is sent.
        (CodecKind::Opus, 48_000, _) => Some(codec),
        (CodecKind::Pcma | CodecKind::Pcmu, 8_000, None | Some(1)) => Some(codec),
        _ => None,
    }
}

/// What the pump is told: `theirs` is the media line of the far side.
fn stream(local: &Local, session: &Session, theirs: &Media, chosen: &Chosen) -> Result<Stream, NegotiationError> {
    let address = remote_address(local, session, theirs)?;
    let direction = session.direction_of(theirs).reversed();
    Ok(Stream {
        remote_rtcp: remote_rtcp(theirs, address),
        payload_type: chosen.payload_type,
        dtmf: chosen.dtmf,
        ptime_ms: packet_time(theirs, chosen.codec),
        direction: if sdp::is_hold(address) { direction.without_sending() } else { direction },
        ..Stream::plain(SocketAddr::new(address, theirs.port), chosen.codec)
    })
}

fn remote_address(local: &Local, session: &Session, theirs: &Media) -> Result<IpAddr, NegotiationError> {
    let local = local.address.ip();
    let unreachable = |address: String| NegotiationError::Unreachable { address, local };
    match session.connection_of(theirs) {
        Some(Connection::Address(address)) if address.is_ipv4() == local.is_ipv4() => Ok(*address),
        Some(Connection::Address(address)) if sdp::is_hold(*address) => Ok(*address),
        Some(Connection::Address(address)) => Err(unreachable(address.to_string())),
        Some(Connection::Name(name)) => Err(unreachable(name.clone())),
        None => Err(unreachable("no c= line".to_owned())),
    }
}

fn remote_rtcp(theirs: &Media, address: IpAddr) -> Option<SocketAddr> {
    if theirs.shares_rtcp() {
        return None;
    }
    match theirs.rtcp() {
        Some((port, elsewhere)) => Some(SocketAddr::new(elsewhere.unwrap_or(address), port)),
        None => Some(SocketAddr::new(address, theirs.port.saturating_add(1))),
    }
}

/// What the far side asks for, in whole frames of 20 ms and at most three; one for Opus, whose packets we do not string together.
fn packet_time(theirs: &Media, codec: CodecKind) -> u8 {
    let wanted = theirs.ptime().unwrap_or(FRAME_MS).min(theirs.maxptime().unwrap_or(u32::MAX));
    match (codec, wanted) {
        (CodecKind::Opus, _) | (_, ..40) => 20,
        (_, 40..60) => 40,
        (_, 60..) => 60,
    }
}

fn describe(local: &Local, media: Vec<Media>) -> Session {
    let address = local.address.ip();
    let origin = Origin { address: Some(address), session: local.session, version: local.version };
    Session { origin, connection: Some(Connection::Address(address)), attributes: Vec::new(), media }
}

/// Our half of the media line that is served.
fn taken(local: &Local, offered: &Media, chosen: &Chosen, stream: &Stream) -> Media {
    let mut media = audio(local.address.port(), &offered.protocol);
    add_codec(&mut media, chosen.codec, chosen.payload_type);
    if let Some((payload_type, clock_rate)) = chosen.dtmf {
        add_events(&mut media, payload_type, clock_rate);
    }
    media.attributes.push(Attribute::with_value("ptime", stream.ptime_ms));
    media.attributes.push(Attribute::flag(stream.direction.name()));
    if offered.shares_rtcp() {
        media.attributes.push(Attribute::flag("rtcp-mux"));
    }
    media
}

/// RFC 3264 §6: port 0, and formats as offered, for there must be one.
fn refused(offered: &Media) -> Media {
    Media { port: 0, connection: None, attributes: Vec::new(), ..offered.clone() }
}

fn audio(port: u16, protocol: &str) -> Media {
    Media {
        kind: "audio".to_owned(),
        port,
        protocol: protocol.to_owned(),
        formats: Vec::new(),
        connection: None,
        attributes: Vec::new(),
    }
}

fn add_codec(media: &mut Media, codec: CodecKind, payload_type: u8) {
    let channels = if codec == CodecKind::Opus { "/2" } else { "" };
    let map = format!("{payload_type} {}/{}{channels}", codec.encoding_name(), codec.clock_rate());
    media.formats.push(payload_type.to_string());
    media.attributes.push(Attribute::with_value("rtpmap", map));
}

/// Keys 0-9, *, #, A-D: what we send and hear.
fn add_events(media: &mut Media, payload_type: u8, clock_rate: u32) {
    media.formats.push(payload_type.to_string());
    media.attributes.push(Attribute::with_value("rtpmap", format!("{payload_type} telephone-event/{clock_rate}")));
    media.attributes.push(Attribute::with_value("fmtp", format!("{payload_type} 0-15")));
}

/// Our payload types where RFC 3551 fixes none.
const OPUS: u8 = 96;
const EVENTS: [(u8, u32); 2] = [(101, 8_000), (102, 48_000)];

#[cfg(test)]
#[path = "tests/negotiation.rs"]
mod tests;
