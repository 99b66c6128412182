//! The media pump alone: no signalling, its threads' CPU time, and every allocation while packets flow.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use desvio::io::media::pump::Pump;
use desvio::io::media::pump::Settings;
use desvio::media::clip::Clip;
use desvio::media::codec::CodecKind;
use desvio::media::codec::Encoder;
use desvio::media::codec::MAX_PAYLOAD;
use desvio::media::command::Command;
use desvio::media::command::Event;
use desvio::media::command::LegId;
use desvio::media::command::PlayId;
use desvio::media::command::Repeat;
use desvio::media::command::Sound;
use desvio::media::command::Stream;
use desvio::media::config::Config;
use desvio::media::security::Marks;
use desvio::media::security::MasterKey;
use desvio::media::security::SdesKeys;
use desvio::media::security::Security;
use desvio::media::security::Suite;
use desvio::media::srtp::sender::Sender;

use crate::WARM_UP;
use crate::cpu::Cpu;
use crate::generator::Generator;
use crate::generator::Line;
use crate::generator::Stamp;
use crate::options::Mode;
use crate::options::Options;
use crate::report;

pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) fn run(options: &Options) -> Result<String, String> {
    let settings = Settings { ports: (20_000, 59_999), threads: options.threads, ..Settings::new(&Config::default()) };
    let (mut pump, _events) = Pump::start(&settings, Vec::new()).map_err(|fault| fault.to_string())?;
    let lines = match options.mode {
        Mode::DirectListen => listeners(&mut pump, options)?,
        _ => bridges(&mut pump, options)?,
    };
    let mut generator = Generator::new(lines).map_err(|fault| fault.to_string())?;
    generator.run(WARM_UP).map_err(|fault| fault.to_string())?;
    let (cpu, before) = (Cpu::of("self", "desvio-media"), crate::ALLOCATIONS.stats().allocations);
    let outcome = generator.run(options.span).map_err(|fault| fault.to_string())?;
    let allocations = crate::ALLOCATIONS.stats().allocations - before;
    let spent = cpu.spent();
    eprintln!("{:?}", pump.totals());
    // The Opus encoder allocates by itself.
    if allocations > 100 && options.to != Some(CodecKind::Opus) {
        return Err(format!("{allocations} allocations while packets flowed; none belongs to a packet"));
    }
    Ok(report(options, options.calls, outcome, spent, Some(allocations)))
}

/// Both sides of each call, one after the other.
fn bridges(pump: &mut Pump, options: &Options) -> Result<Vec<Line>, String> {
    let stamp = if options.hands_on() { Stamp::Carried } else { Stamp::Absent };
    let mut lines = Vec::new();
    for call in 0..options.calls as u64 {
        let (a, b) = (LegId(call * 2), LegId(call * 2 + 1));
        lines.push(leg(pump, a, options.codec, stamp, options.suite)?);
        lines.push(leg(pump, b, options.to.unwrap_or(options.codec), stamp, options.suite)?);
        pump.carry_out(Command::Bridge { a, b });
    }
    Ok(lines)
}

fn listeners(pump: &mut Pump, options: &Options) -> Result<Vec<Line>, String> {
    let samples = (0..80_000).map(|n| ((f64::from(n) * 0.3).sin() * 9000.0) as i16).collect();
    let clip = Arc::new(Clip::from_pcm("announcement", samples, 8000));
    let mut lines = Vec::new();
    for call in 0..options.calls as u64 {
        lines.push(leg(pump, LegId(call), options.codec, Stamp::Absent, options.suite)?);
        let clips = vec![Sound::Clip(Arc::clone(&clip))];
        pump.carry_out(Command::Play { leg: LegId(call), play: PlayId(call), clips, repeat: Repeat::Forever });
    }
    Ok(lines)
}

fn leg(pump: &mut Pump, leg: LegId, codec: CodecKind, stamp: Stamp, suite: Option<Suite>) -> Result<Line, String> {
    let Some(Event::Opened { local, .. }) = pump.carry_out(Command::Open { leg, address: HERE }) else {
        return Err("no ports are left".to_owned());
    };
    let mut line = Line::bind(SocketAddr::new(HERE, 0), Some(local)).map_err(|fault| fault.to_string())?;
    line.payload_type = codec.static_payload_type().unwrap_or(111);
    line.ticks = codec.frame_ticks();
    line.payload = frame(codec)?;
    line.stamp = stamp;
    let keys = suite.map(|suite| keys(suite, leg)).transpose()?;
    line.sealer = keys.as_ref().map(|keys| Sender::new(keys.suite, &keys.theirs));
    let stream = Stream {
        remote_rtcp: Some(SocketAddr::new(HERE, 9)),
        payload_type: line.payload_type,
        dtmf: Some((101, codec.clock_rate())),
        security: keys.map_or(Security::Plain, |keys| Security::Sdes(Box::new(keys))),
        ..Stream::plain(line.socket.local_addr().map_err(|fault| fault.to_string())?, codec)
    };
    pump.carry_out(Command::Connect { leg, stream });
    Ok(line)
}

fn keys(suite: Suite, leg: LegId) -> Result<SdesKeys, String> {
    let key = |side: u8| {
        let material: Vec<u8> = (0..suite.master_octets() as u8).map(|octet| octet ^ side ^ leg.0 as u8).collect();
        MasterKey::new(suite, &material).ok_or("a key of the wrong length")
    };
    Ok(SdesKeys { suite, ours: key(0x5a)?, theirs: key(0xa5)?, marks: Marks::default() })
}

/// 20 ms of a tone.
pub(crate) fn frame(codec: CodecKind) -> Result<Vec<u8>, String> {
    let mut payload = [0; MAX_PAYLOAD];
    let length = Encoder::new(codec).encode(&tone(codec), &mut payload).map_err(|fault| fault.to_string())?;
    Ok(payload[..length].to_vec())
}

pub(crate) fn tone(codec: CodecKind) -> Vec<i16> {
    (0..codec.frame_samples()).map(|n| ((n as f64 * 0.1).sin() * 9000.0) as i16).collect()
}
