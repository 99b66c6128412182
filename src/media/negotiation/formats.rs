//! Payload types: which codec is spoken, under which number, and what goes along with it.

use crate::media::codec::CodecKind;
use crate::media::command::HeardAs;
use crate::media::command::Stream;
use crate::media::fmtp::OpusTerms;
use crate::media::negotiation::Local;
use crate::media::negotiation::fault::NegotiationError;
use crate::media::sdp::Attribute;
use crate::media::sdp::Format;
use crate::media::sdp::Media;
use crate::media::sdp::Session;

/// A codec that we hand on as it comes, because the other leg speaks it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub codec: CodecKind,
    /// `a=fmtp` as one side wrote it for the other: `annexb=no`, `mode=20`.
    pub parameters: Option<String>,
}

/// What is spoken, under the far side's payload types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) codec: CodecKind,
    pub(super) payload_type: u8,
    pub(super) dtmf: Option<(u8, u32)>,
    pub(super) comfort_noise: Option<u8>,
    pub(super) parameters: Option<String>,
}

/// `prefer` where it is there, else the first that both know.
pub(super) fn choose(local: &Local, media: &Media, prefer: Option<CodecKind>) -> Result<Chosen, NegotiationError> {
    let formats: Vec<Format<'_>> = media.rtp_formats().collect();
    let common = || {
        let known = formats.iter().filter_map(|format| Some((codec_of(format)?, format)));
        known.filter(|(codec, _)| local.speaks(*codec))
    };
    let preferred = common().find(|(codec, _)| Some(*codec) == prefer);
    let (codec, format) = preferred.or_else(|| common().next()).ok_or_else(|| {
        let names: Vec<&str> = formats.iter().map(|format| format.name).collect();
        NegotiationError::NoCommonCodec { offered: names.join(", ") }
    })?;
    Ok(Chosen {
        codec,
        payload_type: format.payload_type,
        dtmf: events_for(codec, &formats),
        comfort_noise: noise_for(codec, &formats),
        parameters: format.parameters.map(str::to_owned),
    })
}

/// Those codecs of an offer's first audio line that could be passed on, when its maker and somebody else speak to each other.
/// Each once, as its maker likes it best: an offer of ours has one number for a codec. The second is what else there is.
pub fn passable(offer: &Session) -> (Vec<Passed>, Vec<CodecKind>) {
    let line = offer.media.iter().find(|media| media.is_audio() && media.port != 0);
    let formats = line.into_iter().flat_map(Media::rtp_formats);
    let known: Vec<(CodecKind, Format<'_>)> = formats.filter_map(|format| Some((codec_of(&format)?, format))).collect();
    let mut passed: Vec<Passed> = Vec::new();
    for (codec, format) in known.iter().filter(|(codec, _)| !codec.is_spoken()) {
        if passed.iter().all(|before| before.codec != *codec) {
            passed.push(Passed { codec: *codec, parameters: format.parameters.map(str::to_owned) });
        }
    }
    (passed, known.iter().map(|(codec, _)| *codec).filter(|codec| codec.is_spoken()).collect())
}

/// telephone-event at the codec's clock rate (RFC 4733 §2.1 wants one clock for one stream).
// Not as RFC 4733 §2.1: without a match another rate is taken. Softphones (baresip, Linphone) offer 8000 beside Opus and mean it.
fn events_for(codec: CodecKind, formats: &[Format<'_>]) -> Option<(u8, u32)> {
    let events = || formats.iter().filter(|format| format.name.eq_ignore_ascii_case("telephone-event"));
    let matching = events().find(|format| format.clock_rate == codec.clock_rate());
    matching.or_else(|| events().next()).map(|format| (format.payload_type, format.clock_rate))
}

/// Comfort noise at the codec's clock rate; Opus makes its own. RFC 3389 §4.
fn noise_for(codec: CodecKind, formats: &[Format<'_>]) -> Option<u8> {
    let is_noise = |format: &&Format<'_>| format.name.eq_ignore_ascii_case("CN");
    let mut noise = formats.iter().filter(is_noise).filter(|format| format.clock_rate == codec.clock_rate());
    noise.next().filter(|_| codec.takes_comfort_noise()).map(|format| format.payload_type)
}

pub(super) fn codec_of(format: &Format<'_>) -> Option<CodecKind> {
    let codec = CodecKind::of_encoding(format.name)?;
    let fits = match codec {
        // Some devices write the rate at which G.722 samples instead of RFC 3551's 8000.
        CodecKind::G722 => matches!(format.clock_rate, 8_000 | 16_000) && is_mono(format),
        // RFC 7587 §7: always 48000/2, whatever is sent.
        CodecKind::Opus => format.clock_rate == 48_000,
        _ => format.clock_rate == codec.clock_rate() && is_mono(format),
    };
    fits.then_some(codec)
}

fn is_mono(format: &Format<'_>) -> bool {
    matches!(format.channels, None | Some(1))
}

/// What the far side asks of the codec that is spoken.
fn opus_terms(chosen: &Chosen) -> OpusTerms {
    let said = chosen.parameters.as_deref().filter(|_| chosen.codec == CodecKind::Opus);
    said.map(OpusTerms::read).unwrap_or_default()
}

/// Everything we can take, in our offer. `said` is our last description.
pub(super) fn write_offered(local: &Local, said: Option<&Media>, media: &mut Media) {
    let mut numbers = Numbers::after(said);
    for codec in &local.codecs {
        add_codec(media, *codec, numbers.of_codec(*codec), parameters_of(*codec, None));
    }
    for passed in &local.passed {
        add_codec(media, passed.codec, numbers.of_codec(passed.codec), passed.parameters.as_deref());
    }
    let spoken = || local.codecs.iter().copied().chain(local.passed.iter().map(|passed| passed.codec));
    if spoken().any(CodecKind::takes_comfort_noise) {
        let number =
            numbers.of(Some(NOISE), |format| format.name.eq_ignore_ascii_case("CN") && format.clock_rate == 8_000);
        number.into_iter().for_each(|payload_type| add_noise(media, payload_type));
    }
    for (usual, clock_rate) in EVENTS {
        if spoken().any(|codec| codec.clock_rate() == clock_rate) {
            let number = numbers.of(Some(usual), |format| is_events(format, clock_rate));
            number.into_iter().for_each(|payload_type| add_events(media, payload_type, clock_rate));
        }
    }
}

/// Which number a format of our offer has: that of before, for none may mean another format within a session (RFC 3264
/// §8.3.2), else the usual one, else one that means nothing yet.
struct Numbers<'a> {
    said: Vec<Format<'a>>,
    free: std::ops::RangeInclusive<u8>,
}

impl<'a> Numbers<'a> {
    fn after(said: Option<&'a Media>) -> Numbers<'a> {
        Numbers { said: said.into_iter().flat_map(Media::rtp_formats).collect(), free: DYNAMIC }
    }

    fn of_codec(&mut self, codec: CodecKind) -> Option<u8> {
        self.of(codec.static_payload_type(), |format| codec_of(format) == Some(codec))
    }

    fn of(&mut self, usual: Option<u8>, is_wanted: impl Fn(&Format<'_>) -> bool) -> Option<u8> {
        let means = |number: u8| self.said.iter().any(|format| format.payload_type == number);
        let kept = self.said.iter().find(|format| is_wanted(format)).map(|format| format.payload_type);
        let is_usual = |number: u8| EVENTS.iter().any(|(usual, _)| *usual == number);
        kept.or(usual.filter(|number| !means(*number)))
            .or_else(|| self.free.find(|number| !means(*number) && !is_usual(*number)))
    }
}

/// The one codec that is spoken, and what goes along, in our answer.
pub(super) fn write_chosen(local: &Local, chosen: &Chosen, media: &mut Media) {
    let passed = local.passed.iter().find(|passed| passed.codec == chosen.codec);
    let parameters = parameters_of(chosen.codec, passed.and_then(|passed| passed.parameters.as_deref()));
    add_codec(media, chosen.codec, Some(chosen.payload_type), parameters);
    if let Some(payload_type) = chosen.comfort_noise {
        add_noise(media, payload_type);
    }
    if let Some((payload_type, clock_rate)) = chosen.dtmf {
        add_events(media, payload_type, clock_rate);
    }
}

/// Under which numbers of `said`, our offer, the answer lets itself be heard. RFC 3264 §5.1.
pub(super) fn heard_as(said: &Media, chosen: &Chosen) -> HeardAs {
    let audio = said.rtp_formats().find(|format| codec_of(format) == Some(chosen.codec));
    let events = chosen.dtmf.and_then(|(_, clock_rate)| said.rtp_formats().find(|it| is_events(it, clock_rate)));
    let answered = chosen.dtmf.map(|(payload_type, _)| payload_type);
    HeardAs {
        audio: audio.map(|it| it.payload_type).filter(|number| *number != chosen.payload_type),
        events: events.map(|it| it.payload_type).filter(|number| Some(*number) != answered),
    }
}

fn is_events(format: &Format<'_>, clock_rate: u32) -> bool {
    format.name.eq_ignore_ascii_case("telephone-event") && format.clock_rate == clock_rate
}

/// The formats that the pump is told of.
pub(super) fn write_stream(chosen: &Chosen, stream: &mut Stream) {
    stream.opus = opus_terms(chosen);
    stream.payload_type = chosen.payload_type;
    stream.dtmf = chosen.dtmf;
    stream.comfort_noise = chosen.comfort_noise;
    stream.passed = chosen.parameters.clone().filter(|_| !chosen.codec.is_spoken());
}

/// What we would like to get: of Opus one channel, and what mends lost packets. RFC 7587 §6.1.
fn parameters_of(codec: CodecKind, passed: Option<&str>) -> Option<&str> {
    if codec == CodecKind::Opus { Some("useinbandfec=1;stereo=0") } else { passed }
}

fn add_codec(media: &mut Media, codec: CodecKind, payload_type: Option<u8>, parameters: Option<&str>) {
    let Some(payload_type) = payload_type else {
        return;
    };
    let channels = if codec == CodecKind::Opus { "/2" } else { "" };
    let (name, clock_rate) = (codec.encoding_name(), codec.clock_rate());
    let map = format_args!("{payload_type} {name}/{clock_rate}{channels}");
    media.formats.push(payload_type.to_string());
    media.attributes.push(Attribute::with_value("rtpmap", map));
    if let Some(parameters) = parameters {
        media.attributes.push(Attribute::with_value("fmtp", format_args!("{payload_type} {parameters}")));
    }
}

/// Keys 0-9, *, #, A-D: what we send and hear.
fn add_events(media: &mut Media, payload_type: u8, clock_rate: u32) {
    media.formats.push(payload_type.to_string());
    let map = format_args!("{payload_type} telephone-event/{clock_rate}");
    media.attributes.push(Attribute::with_value("rtpmap", map));
    media.attributes.push(Attribute::with_value("fmtp", format_args!("{payload_type} 0-15")));
}

fn add_noise(media: &mut Media, payload_type: u8) {
    media.formats.push(payload_type.to_string());
    media.attributes.push(Attribute::with_value("rtpmap", format_args!("{payload_type} CN/8000")));
}

/// Our payload types where RFC 3551 fixes none, but for those of events; the first is that of Opus.
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;
const EVENTS: [(u8, u32); 3] = [(101, 8_000), (102, 48_000), (103, 16_000)];
/// RFC 3551 §6.
const NOISE: u8 = 13;
