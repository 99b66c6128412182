//! What a codec costs by itself, without sockets: frames of many calls in turn, one after the other, and at a phone's pace.
//!
//! At its pace a frame finds the codec's tables gone from the caches, and somebody must wake for it: that is what a pump that
//! translates as many calls can be compared with.

use std::time::Instant;

use desvio::media::codec::Decoder;
use desvio::media::codec::Encoder;
use desvio::media::codec::MAX_PAYLOAD;
use desvio::media::codec::MAX_SAMPLES;

use crate::cpu::Cpu;
use crate::direct;
use crate::generator::FRAME;
use crate::options::Options;

/// One line of JSON.
pub(crate) fn run(options: &Options) -> Result<String, String> {
    let (codec, calls) = (options.codec, options.calls);
    let (tone, payload) = (direct::tone(codec), direct::frame(codec)?);
    let mut encoders: Vec<Encoder> = (0..calls).map(|_| Encoder::new(codec)).collect();
    let mut decoders: Vec<Decoder> = (0..calls).map(|_| Decoder::new(codec)).collect();
    let encode = measured(options, |call| {
        let mut room = [0; MAX_PAYLOAD];
        encoders[call].encode(&tone, &mut room).is_ok()
    })?;
    let decode = measured(options, |call| {
        let mut room = [0; MAX_SAMPLES];
        decoders[call].decode(&payload, &mut room).is_ok()
    })?;
    let paced = paced(options, |turn| {
        let (mut room, mut samples) = ([0; MAX_PAYLOAD], [0; MAX_SAMPLES]);
        match turn {
            Turn::Encode(call) => encoders[call].encode(&tone, &mut room).is_ok(),
            Turn::Decode(call) => decoders[call].decode(&payload, &mut samples).is_ok(),
        }
    })?;
    Ok(format!(
        "{{\"codec\":\"{}\",\"calls\":{calls},\"encode_us\":{encode:.2},\"decode_us\":{decode:.2},\
         \"paced_us_per_pkt\":{paced:.2}}}",
        codec.name()
    ))
}

/// What a bridge to another codec does with a packet of this call.
enum Turn {
    Encode(usize),
    Decode(usize),
}

/// Microseconds on a CPU of one packet, when every call has one in each direction every 20 ms, evenly spread.
fn paced(options: &Options, mut work: impl FnMut(Turn) -> bool) -> Result<f64, String> {
    let (cpu, start) = (Cpu::of("self", ""), Instant::now());
    let lines = options.calls.max(1) * 2;
    let packets = lines * (options.span.as_nanos() / FRAME.as_nanos()) as usize;
    for number in 0..packets {
        let due = start + FRAME.mul_f64(number as f64 / lines as f64);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let call = number % lines / 2;
        if !work(if number % 2 == 0 { Turn::Encode(call) } else { Turn::Decode(call) }) {
            return Err("the codec refused a frame".to_owned());
        }
    }
    Ok(cpu.spent().as_secs_f64() * 1e6 / packets.max(1) as f64)
}

/// Microseconds on a CPU of one frame.
fn measured(options: &Options, mut work: impl FnMut(usize) -> bool) -> Result<f64, String> {
    let (cpu, began, mut frames) = (Cpu::of("self", ""), Instant::now(), 0);
    while began.elapsed() < options.span {
        if !(0..options.calls).all(&mut work) {
            return Err("the codec refused a frame".to_owned());
        }
        frames += 1;
    }
    let done = (frames * options.calls).max(1);
    Ok(cpu.spent().as_secs_f64() * 1e6 / done as f64)
}
