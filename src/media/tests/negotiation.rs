//! Tests of offers and answers.

use super::*;
use crate::media::command::HeardAs;

pub(super) fn local() -> Local {
    let plain = Local::plain("192.0.2.10:10000".parse().unwrap(), CodecKind::ALL.to_vec());
    Local { session: 77, version: 3, ..plain }
}

pub(super) fn offered(lines: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 198.51.100.5\r\ns=-\r\nc=IN IP4 198.51.100.5\r\nt=0 0\r\n{lines}")
}

/// As [`super::answer`], to an offer as it is written.
pub(super) fn answer(
    local: &Local,
    offer: &[u8],
    prefer: Option<CodecKind>,
) -> Result<(Bytes, Stream), NegotiationError> {
    super::answer(local, &Session::read(offer)?, prefer)
}

fn read(lines: &str) -> Session {
    Session::read(offered(lines).as_bytes()).unwrap()
}

fn answered(lines: &str) -> Result<(String, Stream), NegotiationError> {
    let (answer, stream) = answer(&local(), offered(lines).as_bytes(), None)?;
    Ok((String::from_utf8(answer.to_vec()).unwrap(), stream))
}

#[test]
fn an_offer_names_all_our_codecs_and_both_clocks_of_events() {
    let expected = "v=0\r\no=- 77 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 10000 RTP/AVP 96 9 8 0 13 101 102\r\n\
        a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;stereo=0\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\n\
        a=rtpmap:0 PCMU/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-15\r\n\
        a=ptime:20\r\na=sendrecv\r\n";
    assert_eq!(offer(&local()), expected);
}

#[test]
fn an_answer_names_one_codec_under_the_number_of_the_offer() {
    let lines = "m=audio 4000 RTP/AVP 18 111 8 100 97\r\na=rtpmap:111 OPUS/48000/2\r\na=rtpmap:100 telephone-event/48000\r\na=rtpmap:97 telephone-event/8000\r\n";
    let (text, stream) = answered(lines).unwrap();
    assert!(text.ends_with(
        "m=audio 10000 RTP/AVP 111 100\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1;stereo=0\r\na=rtpmap:100 telephone-event/48000\r\na=fmtp:100 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    ));
    let expected = Stream {
        remote_rtcp: Some("198.51.100.5:4001".parse().unwrap()),
        payload_type: 111,
        dtmf: Some((100, 48_000)),
        ..Stream::plain("198.51.100.5:4000".parse().unwrap(), CodecKind::Opus)
    };
    assert_eq!(stream, expected);
}

#[test]
fn the_codec_of_the_other_leg_is_preferred_where_it_is_offered() {
    let offer = offered("m=audio 4000 RTP/AVP 0 8\r\n");
    let codec = |prefer| answer(&local(), offer.as_bytes(), prefer).unwrap().1.codec;
    assert_eq!(codec(None), CodecKind::Pcmu);
    assert_eq!(codec(Some(CodecKind::Pcma)), CodecKind::Pcma);
    assert_eq!(codec(Some(CodecKind::Opus)), CodecKind::Pcmu);
}

#[test]
fn events_at_another_clock_are_better_than_none() {
    let lines = "m=audio 4000 RTP/AVP 111 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
    assert_eq!(answered(lines).unwrap().1.dtmf, Some((101, 8_000)));
    assert_eq!(answered("m=audio 4000 RTP/AVP 8\r\n").unwrap().1.dtmf, None);
}

#[test]
fn media_that_are_not_served_stay_in_their_places_with_port_0() {
    let lines = "m=video 6000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\nm=audio 4000 RTP/AVP 8\r\nm=audio 5000 RTP/AVP 8\r\nm=image 7000 udptl t38\r\n";
    let (text, stream) = answered(lines).unwrap();
    let media: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        media,
        ["m=video 0 RTP/AVP 96", "m=audio 10000 RTP/AVP 8", "m=audio 0 RTP/AVP 8", "m=image 0 udptl t38"]
    );
    assert_eq!(stream.remote.port(), 4_000);
}

#[test]
fn where_encryption_is_off_it_is_refused_by_name_unless_there_is_a_plain_line_too() {
    let secure = "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n";
    let refusal = answered(secure).unwrap_err();
    assert_eq!(refusal, NegotiationError::Encrypted { protocol: "RTP/SAVP".to_owned() });
    assert_eq!(refusal.status(), 488);
    let both = format!("{secure}m=audio 5000 RTP/AVPF 8\r\n");
    let (text, stream) = answered(&both).unwrap();
    assert_eq!(stream.remote.port(), 5_000);
    assert!(text.contains("m=audio 0 RTP/SAVP 8\r\nm=audio 10000 RTP/AVPF 8\r\n"));
}

#[test]
fn refusals_say_why() {
    let refusal = |lines: &str| answered(lines).unwrap_err();
    assert_eq!(refusal("m=video 4000 RTP/AVP 96\r\n"), NegotiationError::NoAudio);
    assert_eq!(refusal("m=audio 0 RTP/AVP 8\r\n"), NegotiationError::NoAudio);
    assert_eq!(
        refusal("m=audio 4000 RTP/AVP 18 3\r\n"),
        NegotiationError::NoCommonCodec { offered: "G729, GSM".to_owned() }
    );
    assert_eq!(
        refusal("m=audio 4000 TCP/RTP/AVP 8\r\n"),
        NegotiationError::UnknownProtocol { protocol: "TCP/RTP/AVP".to_owned() }
    );
    let unreachable = refusal("m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::1\r\n");
    assert_eq!(unreachable.to_string(), "audio is expected at `2001:db8::1`, which cannot be reached from 192.0.2.10");
    assert_eq!(answer(&local(), b"hello", None).unwrap_err().status(), 400);
}

#[test]
fn hold_is_heard_in_its_three_forms() {
    for (lines, ours) in [
        ("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n", Direction::RecvOnly),
        ("m=audio 4000 RTP/AVP 8\r\na=recvonly\r\n", Direction::SendOnly),
        ("m=audio 4000 RTP/AVP 8\r\na=inactive\r\n", Direction::Inactive),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n", Direction::RecvOnly),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\n", Direction::Inactive),
    ] {
        let (text, stream) = answered(lines).unwrap();
        assert_eq!(stream.direction, ours, "{lines}");
        assert!(text.ends_with(&format!("a={}\r\n", ours.name())));
    }
}

#[test]
fn packet_times_are_honoured_in_whole_frames() {
    let ptime = |attributes: &str| answered(&format!("m=audio 4000 RTP/AVP 8\r\n{attributes}")).unwrap().1.ptime_ms;
    assert_eq!(ptime(""), 20);
    assert_eq!(ptime("a=ptime:10\r\n"), 20);
    assert_eq!(ptime("a=ptime:30\r\n"), 20);
    assert_eq!(ptime("a=ptime:40\r\n"), 40);
    assert_eq!(ptime("a=ptime:60\r\na=maxptime:40\r\n"), 40);
    assert_eq!(ptime("a=ptime:200\r\n"), 60);
}

#[test]
fn rtcp_goes_where_the_offer_says() {
    let rtcp = |attributes: &str| answered(&format!("m=audio 4000 RTP/AVP 8\r\n{attributes}")).unwrap();
    assert_eq!(rtcp("a=rtcp:4009\r\n").1.remote_rtcp, Some("198.51.100.5:4009".parse().unwrap()));
    assert_eq!(rtcp("a=rtcp:4009 IN IP4 198.51.100.6\r\n").1.remote_rtcp, Some("198.51.100.6:4009".parse().unwrap()));
    let (text, stream) = rtcp("a=rtcp-mux\r\n");
    assert_eq!(stream.remote_rtcp, None);
    assert!(text.contains("a=rtcp-mux\r\n"));
}

#[test]
fn our_own_offer_is_answered_and_the_answer_understood() {
    let caller = local();
    let callee = Local::plain("192.0.2.20:20000".parse().unwrap(), vec![CodecKind::Pcma, CodecKind::G722]);
    let (text, theirs) = answer(&callee, &offer(&caller), None).unwrap();
    let ours = accept_answer(&caller, &text).unwrap();
    assert_eq!((ours.codec, theirs.codec), (CodecKind::G722, CodecKind::G722));
    assert_eq!((ours.remote, theirs.remote), (callee.address, caller.address));
    assert_eq!((ours.dtmf, theirs.dtmf), (Some((101, 8_000)), Some((101, 8_000))));
}

#[test]
fn an_answer_with_numbers_of_its_own_is_heard_under_those_of_our_offer_too() {
    let caller = Local { said: offer(&local()), ..local() };
    let heard = |lines: &str| accept_answer(&caller, offered(lines).as_bytes()).unwrap();
    let keys = heard("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n");
    assert_eq!((keys.dtmf, keys.heard_as), (Some((97, 8_000)), HeardAs { audio: None, events: Some(101) }));
    let swapped = "m=audio 4000 RTP/AVP 102 96\r\na=rtpmap:102 opus/48000/2\r\na=rtpmap:96 telephone-event/48000\r\n";
    let swapped = heard(swapped);
    assert_eq!(swapped.heard_as, HeardAs { audio: Some(96), events: Some(102) });
    assert!(swapped.is_audio(96) && !swapped.is_event(96), "what our offer says goes before");
    assert!(swapped.is_event(102) && !swapped.is_audio(102));
    let wide = heard("m=audio 4000 RTP/AVP 120\r\na=rtpmap:120 opus/48000/2\r\n");
    assert_eq!((wide.payload_type, wide.heard_as.audio, wide.heard_as.events), (120, Some(96), None));
    assert!(wide.is_audio(96) && wide.is_audio(120) && !wide.is_audio(101));
    assert_eq!(
        heard("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n").heard_as,
        HeardAs::default()
    );
}

#[test]
fn an_answer_that_refuses_is_a_refusal() {
    assert_eq!(accept_answer(&local(), offered("m=audio 0 RTP/AVP 8\r\n").as_bytes()), Err(NegotiationError::Refused));
    assert_eq!(accept_answer(&local(), offered("").as_bytes()), Err(NegotiationError::NoAudio));
}

#[test]
fn what_the_far_side_asks_of_opus_reaches_the_encoder() {
    let lines = "m=audio 4000 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;maxplaybackrate=16000\r\n";
    let opus = answered(lines).unwrap().1.opus;
    assert!(opus.in_band_fec && opus.discontinuous);
    assert_eq!(opus.max_playback_rate, 16_000);
    let other = "m=audio 4000 RTP/AVP 8 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n";
    assert!(!answered(other).unwrap().1.opus.in_band_fec);
}

#[test]
fn comfort_noise_is_answered_where_the_clock_is_its_own() {
    let (text, stream) = answered("m=audio 4000 RTP/AVP 8 13\r\n").unwrap();
    assert_eq!(stream.comfort_noise, Some(13));
    assert!(text.contains("m=audio 10000 RTP/AVP 8 13\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\n"));
    let opus = "m=audio 4000 RTP/AVP 111 13\r\na=rtpmap:111 opus/48000/2\r\n";
    assert_eq!(answered(opus).unwrap().1.comfort_noise, None);
    let wide = "m=audio 4000 RTP/AVP 8 98\r\na=rtpmap:98 CN/16000\r\n";
    assert_eq!(answered(wide).unwrap().1.comfort_noise, None);
}

fn g729(parameters: &str) -> Passed {
    Passed { codec: CodecKind::G729, parameters: Some(parameters.to_owned()) }
}

#[test]
fn a_codec_that_we_only_hand_on_is_answered_when_the_other_leg_has_it() {
    let lines = "m=audio 4000 RTP/AVP 18 101\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\n";
    assert!(matches!(answered(lines), Err(NegotiationError::NoCommonCodec { .. })));
    assert_eq!(formats::passable(&read(lines)), (vec![g729("annexb=no")], vec![]));
    let local = Local { passed: vec![g729("annexb=no")], ..local() };
    let (text, stream) = answer(&local, offered(lines).as_bytes(), Some(CodecKind::G729)).unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(
        text.contains("m=audio 10000 RTP/AVP 18 101\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n"),
        "{text}"
    );
    assert_eq!((stream.codec, stream.passed.as_deref()), (CodecKind::G729, Some("annexb=no")));
}

#[test]
fn a_codec_that_we_only_hand_on_is_offered_after_ours() {
    let ilbc = Passed { codec: CodecKind::Ilbc, parameters: Some("mode=20".to_owned()) };
    let wide = Passed { codec: CodecKind::L16, parameters: None };
    let caller = Local { passed: vec![g729("annexb=yes"), ilbc, wide], ..local() };
    let text = String::from_utf8(offer(&caller).to_vec()).unwrap();
    assert!(text.contains("m=audio 10000 RTP/AVP 96 9 8 0 18 97 98 13 101 102 103\r\n"), "{text}");
    assert!(text.contains("a=rtpmap:97 iLBC/8000\r\na=fmtp:97 mode=20\r\na=rtpmap:98 L16/16000\r\n"), "{text}");
    let callee =
        offered("m=audio 4000 RTP/AVP 98 103\r\na=rtpmap:98 L16/16000\r\na=rtpmap:103 telephone-event/16000\r\n");
    let stream = accept_answer(&caller, callee.as_bytes()).unwrap();
    assert_eq!((stream.codec, stream.dtmf), (CodecKind::L16, Some((103, 16_000))));
}

#[test]
fn a_codec_that_is_handed_on_is_offered_once_however_often_its_maker_names_it() {
    let lines = "m=audio 4000 RTP/AVP 97 18 8 98 18\r\na=rtpmap:97 G729/8000\r\na=fmtp:97 annexb=no\r\na=rtpmap:98 iLBC/8000\r\n";
    let (passed, spoken) = formats::passable(&read(lines));
    let ilbc = Passed { codec: CodecKind::Ilbc, parameters: None };
    assert_eq!((&passed, spoken), (&vec![g729("annexb=no"), ilbc], vec![CodecKind::Pcma]));
    let text = String::from_utf8(offer(&Local { passed, ..local() }).to_vec()).unwrap();
    assert!(text.contains("m=audio 10000 RTP/AVP 96 9 8 0 18 97 13 101 102\r\n"), "{text}");
}

#[test]
fn a_further_offer_keeps_the_lines_of_the_first_in_their_places() {
    let lines = "m=video 6000 RTP/AVP 96\r\na=mid:v\r\nm=audio 4000 RTP/AVP 8\r\na=mid:a\r\na=rtcp-mux\r\nm=image 7000 udptl t38\r\n";
    let (said, stream) = answer(&local(), offered(lines).as_bytes(), None).unwrap();
    let again = Local { said, version: 4, before: Some(Box::new(stream)), ..local() };
    let text = String::from_utf8(offer(&again).to_vec()).unwrap();
    let media: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(media, ["m=video 0 RTP/AVP 96", "m=audio 10000 RTP/AVP 96 9 8 0 13 101 102", "m=image 0 udptl t38"]);
    assert!(text.contains("a=rtcp-mux\r\na=mid:a\r\n"), "{text}");
}

#[test]
fn a_further_offer_keeps_each_number_for_what_it_has_meant() {
    let maps = "a=rtpmap:96 telephone-event/8000\r\na=rtpmap:97 CN/8000\r\na=rtpmap:101 opus/48000/2\r\n";
    let (said, stream) =
        answer(&local(), offered(&format!("m=audio 4000 RTP/AVP 0 96 97\r\n{maps}")).as_bytes(), None).unwrap();
    let again = Local { said, version: 4, before: Some(Box::new(stream)), ..local() };
    let text = String::from_utf8(offer(&again).to_vec()).unwrap();
    assert!(text.contains("m=audio 10000 RTP/AVP 98 9 8 0 97 96 102\r\na=rtpmap:98 opus/48000/2\r\n"), "{text}");
    assert!(text.contains("a=rtpmap:97 CN/8000\r\na=rtpmap:96 telephone-event/8000\r\n"), "{text}");
    let third = Local { said: Bytes::from(text.clone()), ..again };
    assert_eq!(offer(&third), text, "and so on");
    let wide = format!("m=audio 4000 RTP/AVP 101\r\n{maps}");
    let (said, stream) = answer(&local(), offered(&wide).as_bytes(), None).unwrap();
    let again = Local { said, version: 4, before: Some(Box::new(stream)), ..local() };
    let text = String::from_utf8(offer(&again).to_vec()).unwrap();
    assert!(text.contains("m=audio 10000 RTP/AVP 101 9 8 0 13 96 102\r\n"), "{text}");
}

#[test]
fn over_ipv6_everything_is_as_over_ipv4() {
    let local = Local { address: "[2001:db8::1]:10000".parse().unwrap(), ..local() };
    let lines = "v=0\r\nc=IN IP6 2001:db8::5\r\nm=audio 4000 RTP/AVP 8\r\na=rtcp:4007 IN IP6 2001:db8::6\r\n";
    let (text, stream) = answer(&local, lines.as_bytes(), None).unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("o=- 77 3 IN IP6 2001:db8::1\r\n") && text.contains("c=IN IP6 2001:db8::1\r\n"));
    assert_eq!(stream.remote.to_string(), "[2001:db8::5]:4000");
    assert_eq!(stream.remote_rtcp, Some("[2001:db8::6]:4007".parse().unwrap()));
}
