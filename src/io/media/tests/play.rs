//! What a caller hears from us.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use super::bench::Bench;
use super::bench::Got;
use super::bench::HERE;
use super::bench::Phone;
use super::bench::purity;
use super::bench::stream;
use super::bench::tone;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::codec::Decoder;
use crate::media::codec::MAX_SAMPLES;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::PlayId;
use crate::media::command::Repeat;
use crate::media::command::Sound;

const FREQUENCY: f64 = 440.0;

#[test]
fn a_clip_arrives_whole_in_step_with_the_grid() {
    let mut bench = Bench::start();
    let phone = bench.phone(CodecKind::Pcma);
    let began = Instant::now();
    play(&mut bench, &phone, &[clip(400), clip(100)], Repeat::Once);
    let packets: Vec<Got> = (0..25).map(|_| phone.get().unwrap()).collect();
    assert_eq!(bench.event(), Event::Finished { leg: phone.leg, play: PlayId(1) });
    assert_unbroken(&packets, 160);
    assert!(packets[0].header.marker);
    assert!(packets.iter().all(|packet| packet.header.payload_type == 8 && packet.payload.len() == 160));
    let took = packets[24].at - began;
    assert!(took >= Duration::from_millis(480), "none leaves before its time: 24 gaps of 20 ms took {took:?}");
    phone.hears_nothing_for(Duration::from_millis(60));
    let figures = bench.close(&phone);
    assert_eq!((figures.sent, figures.codec.as_str()), (25, "pcma"));
}

#[test]
fn every_codec_carries_the_sound() {
    let mut bench = Bench::start();
    for codec in CodecKind::ALL {
        let phone = bench.phone(codec);
        play(&mut bench, &phone, &[clip(400)], Repeat::Once);
        let packets: Vec<Got> = (0..20).map(|_| phone.get().unwrap()).collect();
        assert_unbroken(&packets, codec.frame_ticks());
        let heard = decode(&packets, codec);
        let purity = purity(&heard[heard.len() / 2..], codec.sample_rate(), FREQUENCY);
        assert!(purity > 0.9, "{codec}: {purity}");
        bench.close(&phone);
    }
}

#[test]
fn a_stopped_clip_is_not_finished_and_music_goes_on() {
    let mut bench = Bench::start();
    let phone = bench.phone(CodecKind::Pcmu);
    play(&mut bench, &phone, &[clip(60)], Repeat::Forever);
    let packets: Vec<Got> = (0..10).map(|_| phone.get().unwrap()).collect();
    assert_unbroken(&packets, 160);
    bench.order(Command::Stop { leg: phone.leg });
    let figures = bench.close(&phone);
    assert!(figures.sent >= 10);
    bench.nothing_happened();
}

#[test]
fn an_order_to_play_that_comes_before_the_answer_waits_for_it() {
    let mut bench = Bench::start();
    let socket = std::net::UdpSocket::bind((HERE, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let negotiated = stream(socket.local_addr().unwrap(), CodecKind::Pcma);
    let phone = bench.open(socket, negotiated.clone());
    play(&mut bench, &phone, &[clip(40)], Repeat::Once);
    phone.hears_nothing_for(Duration::from_millis(60));
    bench.connect(&phone, negotiated);
    assert!(phone.get().is_some());
    assert!(phone.get().is_some());
    assert_eq!(bench.event(), Event::Finished { leg: phone.leg, play: PlayId(1) });
}

#[test]
fn a_new_codec_in_mid_prompt_goes_on_without_a_gap_in_the_numbers() {
    let mut bench = Bench::start();
    let phone = bench.phone(CodecKind::Pcma);
    play(&mut bench, &phone, &[clip(1000)], Repeat::Once);
    let first: Vec<Got> = (0..10).map(|_| phone.get().unwrap()).collect();
    let remote = phone.socket.local_addr().unwrap();
    bench.connect(&phone, stream(remote, CodecKind::Pcmu));
    let rest: Vec<Got> = (0..40).map(|_| phone.get().unwrap()).collect();
    let all: Vec<Got> = first.into_iter().chain(rest).collect();
    assert_unbroken(&all, 160);
    assert_eq!(all[49].header.payload_type, 0);
    assert_eq!(bench.event(), Event::Finished { leg: phone.leg, play: PlayId(1) });
}

#[test]
fn keys_are_pressed_towards_the_far_side_each_with_three_ends() {
    let mut bench = Bench::start();
    let phone = bench.phone(CodecKind::Pcma);
    bench.order(Command::SendDigits { leg: phone.leg, digits: "5#".to_owned() });
    let packets: Vec<Got> = (0..16).map(|_| phone.get().unwrap()).collect();
    assert!(packets.iter().all(|packet| packet.header.payload_type == 101));
    let ends =
        |event: u8| packets.iter().filter(|packet| packet.payload[0] == event && packet.payload[1] & 0x80 != 0).count();
    assert_eq!((ends(5), ends(11)), (3, 3));
    let stamps: std::collections::BTreeSet<u32> = packets.iter().map(|packet| packet.header.timestamp).collect();
    assert_eq!(stamps.len(), 2, "one timestamp for each press");
    phone.hears_nothing_for(Duration::from_millis(100));
}

/// Sequence numbers without a gap, timestamps a frame apart, one source.
fn assert_unbroken(packets: &[Got], ticks: u32) {
    for pair in packets.windows(2) {
        let [before, after] = [pair[0].header, pair[1].header];
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(ticks), "{before:?} {after:?}");
        assert_eq!(after.ssrc, before.ssrc);
    }
}

pub(super) fn decode(packets: &[Got], codec: CodecKind) -> Vec<i16> {
    let mut decoder = Decoder::new(codec);
    let mut samples = vec![0; MAX_SAMPLES];
    let mut heard = Vec::new();
    for packet in packets {
        let count = decoder.decode(&packet.payload, &mut samples).unwrap();
        heard.extend_from_slice(&samples[..count]);
    }
    heard
}

pub(super) fn clip(ms: usize) -> Sound {
    let samples = tone(FREQUENCY, CodecKind::Pcma, &mut 0, ms * 8);
    Sound::Clip(Arc::new(Clip::from_pcm("tone", samples, 8000)))
}

pub(super) fn play(bench: &mut Bench, phone: &Phone, clips: &[Sound], repeat: Repeat) {
    bench.order(Command::Play { leg: phone.leg, play: PlayId(1), clips: clips.to_vec(), repeat });
}
