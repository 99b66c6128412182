use super::*;
use crate::media::codec::Encoder;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::conceal::tests::voice;
use crate::media::fmtp::OpusTerms;

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

/// A far side that speaks a tone, by its own clock.
struct Speaker {
    encoder: Encoder,
    n: u32,
    phase: f64,
}

const FREQUENCY: f64 = 440.0;

impl Speaker {
    fn new(codec: CodecKind) -> Speaker {
        Speaker { encoder: Encoder::new(codec), n: 0, phase: 0.0 }
    }

    fn say(&mut self) -> (Header, Vec<u8>) {
        let codec = self.encoder.kind();
        let step = FREQUENCY * std::f64::consts::TAU / f64::from(codec.sample_rate());
        let samples: Vec<i16> = (0..codec.frame_samples())
            .map(|_| {
                self.phase += step;
                (self.phase.sin() * 8_000.0) as i16
            })
            .collect();
        let mut payload = [0; MAX_PAYLOAD];
        let length = self.encoder.encode(&samples, &mut payload).unwrap();
        let sequence = 65_500_u16.wrapping_add(self.n as u16);
        let timestamp = (u32::MAX - 4_000).wrapping_add(self.n * codec.frame_ticks());
        self.n += 1;
        (Header { payload_type: 8, marker: false, sequence, timestamp, ssrc: 1 }, payload[..length].to_vec())
    }
}

/// Runs a line for `frames` packets: `arrival` says when the n-th comes, in microseconds, or that it never does. What was heard.
fn run(codec: CodecKind, frames: u64, arrival: impl Fn(u64) -> Option<u64>) -> (Playout, Vec<i16>) {
    hear(Speaker::new(codec), frames, arrival)
}

fn hear(mut speaker: Speaker, frames: u64, arrival: impl Fn(u64) -> Option<u64>) -> (Playout, Vec<i16>) {
    let (origin, codec) = (start(), speaker.encoder.kind());
    let mut playout = Playout::new(codec, origin);
    let mut packets: Vec<(u64, (Header, Vec<u8>))> = Vec::new();
    for n in 0..frames {
        let packet = speaker.say();
        packets.extend(arrival(n).map(|at| (at, packet)));
    }
    packets.sort_by_key(|(at, _)| *at);
    let mut packets = packets.into_iter().peekable();
    let (mut heard, mut out) = (Vec::new(), [0; MAX_SAMPLES]);
    for tick in 0..frames {
        let now = tick * 20_000 + 5_000;
        while let Some((at, (header, payload))) = packets.next_if(|(at, _)| *at <= now) {
            playout.on_audio(&header, &payload, origin + Duration::from_micros(at));
        }
        let count = playout.listen(&mut out, origin + Duration::from_micros(now));
        assert!(count == 0 || count == codec.frame_samples());
        heard.extend_from_slice(&out[..count]);
    }
    (playout, heard)
}

/// dB by which what is no part of the tone lies below it, in pieces of 50 ms of which the `worst` in a hundred are left out: a
/// period that was left out or put in shifts its phase, and is not heard.
fn clarity(samples: &[i16], codec: CodecKind, worst: usize) -> f64 {
    let rate = f64::from(codec.sample_rate());
    let step = FREQUENCY * std::f64::consts::TAU / rate;
    let mut pieces: Vec<f64> = samples
        .chunks_exact(codec.frame_samples() * 5 / 2)
        .map(|piece| {
            let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
            for (index, sample) in piece.iter().enumerate() {
                let (angle, sample) = (index as f64 * step, f64::from(*sample));
                sine += angle.sin() * sample;
                cosine += angle.cos() * sample;
                power += sample * sample;
            }
            let tone = 2.0 * (sine * sine + cosine * cosine) / piece.len() as f64;
            10.0 * (tone / (power - tone).max(1.0)).log10()
        })
        .collect();
    pieces.sort_by(f64::total_cmp);
    pieces[pieces.len() * worst / 100]
}

#[test]
fn on_a_quiet_line_nothing_is_changed() {
    for codec in CodecKind::ALL {
        let (playout, heard) = run(codec, 300, |n| Some(n * 20_000));
        assert_eq!(playout.counts().lost, 0, "{codec}");
        assert_eq!(playout.stretched().longer, 0, "{codec}");
        assert!(playout.stretched().shorter <= 3, "{codec}: {:?}", playout.stretched());
        let clarity = clarity(&heard[codec.frame_samples() * 5..], codec, 5);
        assert!(clarity > 28.0, "{codec}: {clarity:.1} dB");
    }
}

#[test]
fn ten_percent_of_loss_and_sixty_milliseconds_of_jitter_leave_a_clear_tone() {
    for codec in CodecKind::ALL {
        let mut random = fastrand::Rng::with_seed(11);
        let fate: Vec<Option<u64>> =
            (0..1_500_u64).map(|n| (random.u8(..100) >= 10).then(|| n * 20_000 + random.u64(..60_000))).collect();
        let (playout, heard) = run(codec, 1_500, |n| fate[n as usize]);
        let counts = playout.counts();
        assert!(counts.late < 60, "{codec}: {counts:?}");
        assert!(heard.len() > codec.frame_samples() * 1_480, "{codec}");
        let median = clarity(&heard, codec, 50);
        let bad = clarity(&heard, codec, 15);
        // Opus invents a worse tone than a repetition does, and a better voice.
        let enough = if codec == CodecKind::Opus { 0.0 } else { 6.0 };
        assert!(
            median > 20.0 && bad > enough,
            "{codec}: median {median:.1} dB, of the worst 15 % the best {bad:.1} dB"
        );
    }
}

#[test]
fn a_clock_that_drifts_is_followed_without_a_hole() {
    for ppm in [-300_i64, 300] {
        let at = move |n: u64| Some((n as i64 * 20_000 - n as i64 * 20_000 * ppm / 1_000_000) as u64);
        let (playout, heard) = run(CodecKind::Pcma, 9_000, at);
        let stretched = playout.stretched();
        // 54 ms in three minutes, at 2.5 to 10 ms a time.
        let corrections = if ppm > 0 { stretched.shorter } else { stretched.longer };
        assert!((2..=24).contains(&corrections), "{ppm}: {stretched:?}");
        assert!(playout.counts().lost <= 2, "{ppm}: {:?}", playout.counts());
        assert!(playout.jitter.depth() <= 3, "{ppm}: {}", playout.jitter.depth());
        let clarity = clarity(&heard[1_000..], CodecKind::Pcma, 1);
        assert!(clarity > 25.0, "{ppm}: {clarity:.1} dB");
        assert!((i64::from(playout.drift_ppm().unwrap()) - ppm).abs() < 40);
    }
}

#[test]
fn packets_of_any_length_come_out_in_frames() {
    for (length, every) in [(80, 10_000), (240, 30_000), (480, 60_000), (800, 100_000)] {
        let origin = start();
        let mut playout = Playout::new(CodecKind::Pcmu, origin);
        let (mut count, mut sent, mut out) = (0, 0_u64, [0; 160]);
        for tick in 1..200_u64 {
            let now = tick * 20_000;
            while sent * every <= now {
                let header = Header {
                    payload_type: 0,
                    marker: false,
                    sequence: sent as u16,
                    timestamp: (sent * length) as u32,
                    ssrc: 1,
                };
                let at = origin + Duration::from_micros(sent * every);
                playout.on_audio(&header, &vec![0xa0; length as usize], at);
                sent += 1;
            }
            count += usize::from(playout.listen(&mut out, origin + Duration::from_micros(now)) == 160);
        }
        assert_eq!(playout.counts().lost, 0, "{length}");
        assert!(count >= 196, "{length}: {count}");
    }
}

#[test]
fn a_pause_sounds_as_the_far_side_says() {
    let origin = start();
    let mut playout = Playout::new(CodecKind::Pcma, origin);
    let mut speaker = Speaker::new(CodecKind::Pcma);
    let mut out = [0; 160];
    let at = |n: u64| origin + Duration::from_millis(n * 20);
    for n in 0..50 {
        let (header, payload) = speaker.say();
        playout.on_audio(&header, &payload, at(n));
        playout.listen(&mut out, at(n));
    }
    let (header, _) = speaker.say();
    playout.on_noise(&header, &[40], at(50));
    for n in 50..400 {
        assert_eq!(playout.listen(&mut out, at(n)), 160, "{n}");
    }
    let rms = (out.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 160.0).sqrt();
    assert!((200.0..460.0).contains(&rms), "-40 dBov is 328: {rms}");
    assert!(playout.counts().lost <= 1, "{:?}", playout.counts());
}

#[test]
fn a_line_that_loses_opus_packets_is_heard_later_so_that_the_packet_behind_is_there() {
    let (playout, heard) = run(CodecKind::Opus, 500, |n| (n % 10 != 5).then_some(n * 20_000));
    assert!(playout.counts().lost >= 45);
    assert!(playout.delay() >= Duration::from_millis(30), "{:?}", playout.delay());
    assert!(heard.len() > 480 * 960);
}

/// A voice in Opus that grows loud in every sixth packet of `length` samples and soft three later; each says again what the one
/// before held.
fn repeating_voice(length: usize, count: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(CodecKind::Opus);
    let Encoder::Opus(opus) = &mut encoder else { panic!("not Opus") };
    opus.set_terms(OpusTerms { in_band_fec: true, ..OpusTerms::default() });
    opus.expect_loss(20);
    let mut payload = [0; MAX_PAYLOAD];
    let voice = voice(48_000, length * count);
    let packets = voice.chunks(length).enumerate().map(|(n, chunk)| {
        let loudness = if n % 6 < 3 { 1 } else { 16 };
        let chunk: Vec<i16> = chunk.iter().map(|sample| sample / loudness).collect();
        let length = encoder.encode(&chunk, &mut payload).unwrap();
        payload[..length].to_vec()
    });
    packets.collect()
}

#[test]
fn what_an_opus_packet_says_again_is_nearer_to_what_was_lost_than_what_is_invented() {
    let packets = repeating_voice(960, 120);
    let (mut invented, mut recovered) = (0.0, 0.0);
    let [mut whole, mut one, mut other] = [(); 3].map(|()| Decoder::new(CodecKind::Opus));
    let mut samples = [[0; MAX_SAMPLES]; 3];
    for (n, packet) in packets.iter().enumerate().take(119) {
        whole.decode(packet, &mut samples[0]).unwrap();
        if n % 6 != 0 || n < 12 {
            one.decode(packet, &mut samples[1]).unwrap();
            other.decode(packet, &mut samples[2]).unwrap();
            continue;
        }
        assert_eq!(one.conceal(&mut samples[1]), Ok(960));
        assert_eq!(other.recover(&packets[n + 1], 960, &mut samples[2]), Ok(960));
        invented += distance(&samples[0][..960], &samples[1][..960]);
        recovered += distance(&samples[0][..960], &samples[2][..960]);
    }
    assert!(recovered < invented / 4.0, "{recovered} instead of {invented}");
}

/// Power of the difference.
fn distance(one: &[i16], other: &[i16]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (f64::from(*one) - f64::from(*other)).powi(2)).sum()
}

#[test]
fn what_a_lost_opus_packet_held_is_heard_from_the_packet_behind_it() {
    let (origin, packets) = (start(), repeating_voice(960, 20));
    let at = |n: usize| origin + Duration::from_millis(n as u64 * 20);
    let (mut playout, mut decoder) = (Playout::new(CodecKind::Opus, origin), Decoder::new(CodecKind::Opus));
    let (mut out, mut expected) = ([0; MAX_SAMPLES], [0; MAX_SAMPLES]);
    for n in 0..14 {
        let header = Header { payload_type: 96, marker: false, sequence: n as u16, timestamp: n as u32 * 960, ssrc: 1 };
        if n != 12 {
            playout.on_audio(&header, &packets[n], at(n));
        }
        let count = playout.listen(&mut out, at(n));
        match n {
            0 => assert_eq!(count, 0),
            13 => assert_eq!(decoder.recover(&packets[13], 960, &mut expected), Ok(960)),
            _ => assert_eq!(decoder.decode(&packets[n - 1], &mut expected), Ok(960)),
        }
        assert!(n == 0 || out[..960] == expected[..960], "frame {n}");
    }
}

#[test]
fn an_opus_packet_in_stereo_or_of_another_length_is_not_taken_for_a_repetition() {
    let mut stereo = repeating_voice(960, 20);
    stereo.iter_mut().for_each(|packet| packet[0] |= 0x04);
    for following in [&repeating_voice(2_880, 8)[7], &repeating_voice(480, 40)[39], &stereo[12]] {
        let [mut one, mut other] = [(); 2].map(|()| Decoder::new(CodecKind::Opus));
        let mut samples = [[0; MAX_SAMPLES]; 2];
        for packet in &repeating_voice(960, 12) {
            one.decode(packet, &mut samples[0]).unwrap();
            other.decode(packet, &mut samples[1]).unwrap();
        }
        assert_eq!(one.conceal(&mut samples[0]), Ok(960));
        assert_eq!(other.recover(following, 960, &mut samples[1]), Ok(960));
        assert!(samples[0] == samples[1], "a packet that begins with {:#x}", following[0]);
    }
}

#[test]
fn nobody_is_heard_before_he_speaks_nor_after_he_has_gone() {
    let (mut playout, heard) = run(CodecKind::Pcma, 200, |n| (n < 20).then_some(n * 20_000));
    // A second of silence ends it.
    assert!((70 * 160..=74 * 160).contains(&heard.len()), "{}", heard.len() / 160);
    assert_eq!(Playout::new(CodecKind::Opus, start()).listen(&mut [0; 960], start()), 0);
    assert_eq!(playout.listen(&mut [0; 10], start()), 0, "no room");
}

#[test]
fn a_playout_is_small() {
    let octets = size_of::<Playout>() + 48 * 160 + 1_600 + 2 * longest_packet(CodecKind::Pcma) + 2 * 240;
    assert!(octets < 15_000, "{octets}");
}
