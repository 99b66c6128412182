//! What a far side with Opus asks for: repetitions where packets are lost, and pauses that are not sent.

use std::time::Duration;
use std::time::Instant;

use super::bench::Bench;
use super::bench::Phone;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Stream;
use crate::media::fmtp::OpusTerms;
use crate::media::rtcp;
use crate::media::rtcp::ReportBlock;

const FRAME: Duration = Duration::from_millis(20);

/// A phone with G.711 that talks to one with Opus on these terms.
fn bridged(bench: &mut Bench, terms: OpusTerms) -> (Phone, Phone) {
    let (one, other) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Opus));
    bench.connect(&other, Stream { opus: terms, ..other.stream.clone() });
    bench.order(Command::Bridge { a: one.leg, b: other.leg });
    bench.is_obeyed(&one);
    (one, other)
}

/// RFC 6716 §4.2.3: of a frame of 20 ms in mono that is not CELT's, the second bit says that it repeats the one before.
fn repeats(payload: &[u8]) -> bool {
    matches!(payload, [toc, flags, ..] if toc & 0x80 == 0 && flags & 0x40 != 0)
}

/// Talks in real time, with a voice's changes of loudness; how many of the packets that came repeat.
fn talk(from: &mut Phone, to: &Phone, frames: u32) -> usize {
    let mut repeating = 0;
    for frame in 0..frames {
        from.say(if frame / 4 % 2 == 0 { 300.0 } else { 700.0 });
        std::thread::sleep(FRAME);
        if frame > 0 {
            repeating += usize::from(repeats(&to.get().unwrap().payload));
        }
    }
    repeating
}

#[test]
fn who_asks_for_repetitions_and_reports_losses_gets_them_and_nobody_else_does() {
    let mut bench = Bench::start();
    let asks = OpusTerms { in_band_fec: true, ..OpusTerms::default() };
    for (terms, expected) in [(asks, true), (OpusTerms::default(), false)] {
        let (mut ana, bruno) = bridged(&mut bench, terms);
        assert_eq!(talk(&mut ana, &bruno, 10), 0, "before anything was reported");
        let ssrc = {
            ana.say(300.0);
            bruno.get().unwrap().header.ssrc
        };
        let block = ReportBlock { ssrc, fraction_lost: 51, ..ReportBlock::default() };
        let mut out = [0; rtcp::MAX_LEN];
        let length = rtcp::write(4_711, None, Some(block), "phone", &mut out);
        let mut reports = bruno.server;
        reports.set_port(reports.port() + 1);
        bruno.socket.send_to(&out[..length], reports).unwrap();
        // Looked after once a second.
        let repeating = talk(&mut ana, &bruno, 75);
        assert_eq!(repeating > 5, expected, "{repeating}");
    }
}

#[test]
fn who_asks_for_pauses_gets_none_of_the_silence_and_all_of_the_voice_at_its_time() {
    let mut bench = Bench::start();
    let (mut ana, bruno) = bridged(&mut bench, OpusTerms { discontinuous: true, ..OpusTerms::default() });
    talk(&mut ana, &bruno, 10);
    let began = Instant::now();
    let last = {
        // What left before that is older.
        bruno.discard();
        ana.say(300.0);
        bruno.get().unwrap()
    };
    // As loud as G.711 says nothing.
    for _ in 0..50 {
        ana.send_payload(8, &[0xd5; 160]);
        ana.pass_time(1);
        std::thread::sleep(FRAME);
    }
    let frames_in = |span: Duration| (span.as_millis() / 20) as u32;
    let least = frames_in(last.at.elapsed());
    bruno.socket.set_read_timeout(Some(FRAME)).unwrap();
    let came = std::iter::from_fn(|| bruno.get()).count();
    assert!(came < 25, "{came} of 50 packets of silence");
    bruno.socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    ana.say(300.0);
    ana.say(300.0);
    let next = bruno.get().unwrap();
    assert!(next.payload.len() > 2, "a voice");
    let frames = next.header.timestamp.wrapping_sub(last.header.timestamp) / 960;
    // What it waits for late packets is as long as they were late.
    let most = frames_in(next.at - began);
    assert!((least.saturating_sub(4)..most + 15).contains(&frames), "{frames} frames for {least} to {most}");
    assert!(usize::from(next.header.sequence.wrapping_sub(last.header.sequence)) <= came + 2, "no number was left out");
}
