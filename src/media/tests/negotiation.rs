//! Tests of offers and answers.

use proptest::prelude::*;

use super::*;

fn local() -> Local {
    Local { address: "192.0.2.10:10000".parse().unwrap(), codecs: CodecKind::ALL.to_vec(), session: 77, version: 3 }
}

fn offered(lines: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 198.51.100.5\r\ns=-\r\nc=IN IP4 198.51.100.5\r\nt=0 0\r\n{lines}")
}

fn answered(lines: &str) -> Result<(String, Stream), NegotiationError> {
    let (answer, stream) = answer(&local(), offered(lines).as_bytes(), None)?;
    Ok((String::from_utf8(answer.to_vec()).unwrap(), stream))
}

#[test]
fn an_offer_names_all_our_codecs_and_both_clocks_of_events() {
    let expected = "v=0\r\no=- 77 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 10000 RTP/AVP 96 9 8 0 101 102\r\n\
        a=rtpmap:96 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-15\r\n\
        a=ptime:20\r\na=sendrecv\r\n";
    assert_eq!(offer(&local()), expected);
}

#[test]
fn an_answer_names_one_codec_under_the_number_of_the_offer() {
    let lines = "m=audio 4000 RTP/AVP 18 111 8 100 97\r\na=rtpmap:111 OPUS/48000/2\r\na=rtpmap:100 telephone-event/48000\r\na=rtpmap:97 telephone-event/8000\r\n";
    let (text, stream) = answered(lines).unwrap();
    assert!(text.ends_with(
        "m=audio 10000 RTP/AVP 111 100\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:100 telephone-event/48000\r\na=fmtp:100 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
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
fn encryption_is_refused_by_name_unless_there_is_a_plain_line_too() {
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
    let callee = Local {
        address: "192.0.2.20:20000".parse().unwrap(),
        codecs: vec![CodecKind::Pcma, CodecKind::G722],
        session: 5,
        version: 5,
    };
    let (text, theirs) = answer(&callee, &offer(&caller), None).unwrap();
    let ours = accept_answer(&caller, &text).unwrap();
    assert_eq!((ours.codec, theirs.codec), (CodecKind::G722, CodecKind::G722));
    assert_eq!((ours.remote, theirs.remote), (callee.address, caller.address));
    assert_eq!((ours.dtmf, theirs.dtmf), (Some((101, 8_000)), Some((101, 8_000))));
}

#[test]
fn an_answer_that_refuses_is_a_refusal() {
    assert_eq!(accept_answer(&local(), offered("m=audio 0 RTP/AVP 8\r\n").as_bytes()), Err(NegotiationError::Refused));
    assert_eq!(accept_answer(&local(), offered("").as_bytes()), Err(NegotiationError::NoAudio));
}

fn line() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["audio", "audio", "video", "application"]);
    let protocol = prop::sample::select(vec!["RTP/AVP", "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "UDP/TLS/RTP/SAVPF"]);
    let formats = prop::sample::subsequence(vec!["0", "8", "9", "18", "111", "101", "100"], 1..7).prop_shuffle();
    let attributes = prop::sample::subsequence(
        vec!["sendonly", "ptime:40", "ptime:30", "maxptime:20", "rtcp-mux", "recvonly", "inactive", "rtcp:99", "mid:0"],
        0..4,
    );
    (kind, 0..3_u16, protocol, formats, attributes).prop_map(|(kind, port, protocol, formats, attributes)| {
        let attributes: String = attributes.iter().map(|text| format!("a={text}\r\n")).collect();
        let maps =
            "a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:100 telephone-event/48000\r\n";
        format!("m={kind} {} {protocol} {}\r\n{maps}{attributes}", port * 2_000, formats.join(" "))
    })
}

/// RFC 3264 §6: what an offerer may expect of an answer.
fn check_acceptable(offer: &Session, answer: &Session) -> Result<(), TestCaseError> {
    prop_assert_eq!(answer.media.len(), offer.media.len());
    prop_assert_eq!(answer.media.iter().filter(|media| media.port != 0).count(), 1);
    for (theirs, ours) in offer.media.iter().zip(&answer.media) {
        prop_assert_eq!((&ours.kind, &ours.protocol), (&theirs.kind, &theirs.protocol));
        prop_assert!(!ours.formats.is_empty() && ours.formats.iter().all(|format| theirs.formats.contains(format)));
        if ours.port != 0 {
            check_stream(offer.direction_of(theirs), answer.direction_of(ours), theirs, ours)?;
        }
    }
    Ok(())
}

fn check_stream(
    theirs_flows: Direction,
    ours_flows: Direction,
    theirs: &Media,
    ours: &Media,
) -> Result<(), TestCaseError> {
    let allowed: &[Direction] = match theirs_flows {
        Direction::SendRecv => &[Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive],
        Direction::SendOnly => &[Direction::RecvOnly, Direction::Inactive],
        Direction::RecvOnly => &[Direction::SendOnly, Direction::Inactive],
        Direction::Inactive => &[Direction::Inactive],
    };
    prop_assert!(theirs.port != 0 && allowed.contains(&ours_flows));
    prop_assert!(theirs.maxptime().is_none_or(|most| ours.ptime().unwrap() <= most));
    prop_assert!(theirs.shares_rtcp() || !ours.shares_rtcp());
    for format in ours.rtp_formats() {
        let same =
            |other: &Format| other.payload_type == format.payload_type && other.name.eq_ignore_ascii_case(&format.name);
        prop_assert!(theirs.rtp_formats().any(|other| same(&other) && other.clock_rate == format.clock_rate));
    }
    let audio = ours.rtp_formats().filter(|format| format.name != "telephone-event").count();
    prop_assert_eq!(audio, 1);
    Ok(())
}

proptest! {
    #[test]
    fn every_answer_is_acceptable_to_its_offer(lines in prop::collection::vec(line(), 0..5), prefer in prop::option::of(prop::sample::select(CodecKind::ALL.to_vec()))) {
        let offer = offered(&lines.concat());
        if let Ok((answer, stream)) = answer(&local(), offer.as_bytes(), prefer) {
            check_acceptable(&Session::read(offer.as_bytes()).unwrap(), &Session::read(&answer).unwrap())?;
            prop_assert!(stream.remote.port() != 0);
        } else {
            let plain = |line: &&String| line.contains("m=audio") && !line.contains("audio 0 ") && line.contains("RTP/AVP");
            let served = lines.iter().filter(plain).any(|line| Session::read(offered(line).as_bytes()).unwrap().media[0].rtp_formats().any(|format| codec_of(&format).is_some()));
            prop_assert!(!served, "an offer that can be served was refused");
        }
    }
}
