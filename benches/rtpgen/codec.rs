//! What a codec costs by itself: frames of many calls in turn, as the pump meets them, without sockets.

use std::time::Instant;

use desvio::media::codec::Decoder;
use desvio::media::codec::Encoder;
use desvio::media::codec::MAX_PAYLOAD;
use desvio::media::codec::MAX_SAMPLES;

use crate::cpu::Cpu;
use crate::direct;
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
    Ok(format!(
        "{{\"codec\":\"{}\",\"calls\":{calls},\"encode_us\":{encode:.2},\"decode_us\":{decode:.2}}}",
        codec.name()
    ))
}

/// Microseconds on a CPU of one frame.
fn measured(options: &Options, mut work: impl FnMut(usize) -> bool) -> Result<f64, String> {
    let (cpu, began, mut frames) = (Cpu::of_process(std::process::id()), Instant::now(), 0);
    while began.elapsed() < options.span {
        if !(0..options.calls).all(&mut work) {
            return Err("the codec refused a frame".to_owned());
        }
        frames += 1;
    }
    let done = (frames * options.calls).max(1);
    Ok(cpu.spent().as_secs_f64() * 1e6 / done as f64)
}
