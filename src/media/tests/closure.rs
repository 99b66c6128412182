//! Offers of any kind against answers of ours: every answer is one that its offerer may expect.

use proptest::prelude::*;

use super::formats::codec_of;
use super::tests::answer;
use super::tests::local;
use super::tests::offered;
use super::*;
use crate::media::command::LegId;
use crate::media::sdp::Format;
use crate::media::security::DtlsRole;
use crate::media::security::Security;

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const PRINT: &str =
    "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3A:6F:12:34:56:78:9A:BC:DE:F0:11:22";

fn line() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["audio", "audio", "audio", "video", "application"]);
    let protocol = prop::sample::select(vec![
        "RTP/AVP",
        "RTP/AVP",
        "RTP/AVPF",
        "RTP/SAVP",
        "RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "UDP/TLS/RTP/SAVPF",
        "TCP/RTP/AVP",
    ]);
    let formats =
        prop::sample::subsequence(vec!["0", "8", "9", "18", "111", "101", "100", "13", "3"], 1..9).prop_shuffle();
    let attributes = prop::sample::subsequence(ATTRIBUTES.to_vec(), 0..12).prop_shuffle();
    (kind, 0..3_u16, protocol, formats, attributes).prop_map(|(kind, port, protocol, formats, attributes)| {
        let attributes: String = attributes.iter().map(|text| format!("a={text}\r\n")).collect();
        let attributes = attributes.replace("KEY", KEY).replace("PRINT", PRINT);
        let maps =
            "a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:100 telephone-event/48000\r\n";
        format!("m={kind} {} {protocol} {}\r\n{maps}{attributes}", port * 2_000, formats.join(" "))
    })
}

const ATTRIBUTES: [&str; 22] = [
    "sendonly",
    "recvonly",
    "inactive",
    "ptime:40",
    "ptime:30",
    "maxptime:20",
    "rtcp-mux",
    "rtcp:99",
    "mid:0",
    "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^31",
    "crypto:7 AES_CM_128_HMAC_SHA1_32 inline:KEY",
    "crypto:2 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^31|1:1",
    "crypto:3 F8_128_HMAC_SHA1_80 inline:KEY",
    "fingerprint:PRINT",
    "setup:actpass",
    "setup:active",
    "setup:holdconn",
    "ice-ufrag:abcd",
    "ice-pwd:abcdefghijklmnopqrstuv",
    "ice-lite",
    "candidate:1 1 udp 1 198.51.100.5 4000 typ host",
    "ice-options:trickle",
];

fn policy() -> impl Strategy<Value = Local> {
    let encryption =
        prop::sample::select(vec![Encryption::Off, Encryption::Prefer, Encryption::Require, Encryption::Dtls]);
    let form = prop::sample::select(vec![Form::Plain, Form::Phone, Form::Browser]);
    let codecs = prop::sample::subsequence(CodecKind::ALL.to_vec(), 1..=4).prop_shuffle();
    (encryption, form, codecs, any::<[bool; 3]>()).prop_map(|(encryption, form, codecs, [dtls, ice, passed])| Local {
        encryption,
        form,
        codecs,
        secrets: Some(Secrets::of_leg(&[1; 32], LegId(1))),
        // Who can do no handshake cannot ask for one.
        fingerprint: (dtls || encryption == Encryption::Dtls).then(|| PRINT.parse().unwrap()),
        candidates: if ice { vec![local().address] } else { Vec::new() },
        passed: passed.then_some(Passed { codec: CodecKind::G729, parameters: None }).into_iter().collect(),
        ..local()
    })
}

/// RFC 3264 §6 and its kin: what an offerer may expect of an answer.
fn check_acceptable(offer: &Session, answer: &Session) -> Result<(), TestCaseError> {
    prop_assert_eq!(answer.media.len(), offer.media.len());
    prop_assert_eq!(answer.media.iter().filter(|media| media.port != 0).count(), 1);
    for (theirs, ours) in offer.media.iter().zip(&answer.media) {
        prop_assert_eq!((&ours.kind, &ours.protocol), (&theirs.kind, &theirs.protocol));
        prop_assert!(!ours.formats.is_empty() && ours.formats.iter().all(|format| theirs.formats.contains(format)));
        // RFC 5888 §9.1.
        prop_assert_eq!(ours.attribute("mid"), theirs.attribute("mid"));
        if ours.port != 0 {
            check_stream(offer.direction_of(theirs), answer.direction_of(ours), theirs, ours)?;
            check_protection(theirs, ours)?;
            check_ice(theirs, ours)?;
        }
    }
    // RFC 9143 §7.3: a group of the answer is part of one of the offer, and names no refused line.
    for group in answer.values("group") {
        let alive =
            |mid: &str| answer.media.iter().any(|media| media.port != 0 && media.values("mid").any(|it| it == mid));
        let theirs: Vec<&str> = offer.values("group").flat_map(str::split_whitespace).collect();
        prop_assert!(group.split_whitespace().skip(1).all(|mid| alive(mid) && theirs.contains(&mid)));
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
            |other: &Format| other.payload_type == format.payload_type && other.name.eq_ignore_ascii_case(format.name);
        prop_assert!(theirs.rtp_formats().any(|other| same(&other) && other.clock_rate == format.clock_rate));
    }
    let beside = ["telephone-event", "CN"];
    let audio = ours.rtp_formats().filter(|format| !beside.contains(&format.name)).count();
    prop_assert_eq!(audio, 1);
    Ok(())
}

/// RFC 4568 §5.1.2: one line, a tag and suite of the offer. RFC 5763 §5: a role that fits. RFC 8643: either may be left out on an AVP line only.
fn check_protection(theirs: &Media, ours: &Media) -> Result<(), TestCaseError> {
    let head = |line: &str| line.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<&str> = ours.crypto().collect();
    prop_assert!(lines.len() <= 1);
    prop_assert!(lines.iter().all(|line| theirs.crypto().any(|other| head(other) == head(line))));
    let shakes = ours.attribute("fingerprint").is_some();
    prop_assert!(lines.is_empty() || !shakes);
    if ours.protocol.contains("SAVP") {
        prop_assert!(shakes || !lines.is_empty());
    }
    if ours.protocol.starts_with("UDP/TLS") {
        prop_assert!(shakes);
    }
    if shakes {
        prop_assert!(theirs.attribute("fingerprint").is_some() && ours.shares_rtcp() == theirs.shares_rtcp());
        let said = |media: &Media| media.attribute("setup").and_then(|setup| setup.value.clone());
        let fits: &[&str] = match said(theirs).as_deref() {
            Some("actpass") => &["active", "passive"],
            Some("active") | None => &["passive"],
            Some("passive") => &["active"],
            _ => &[],
        };
        prop_assert!(fits.contains(&said(ours).unwrap().as_str()));
    }
    Ok(())
}

/// RFC 8839 §4.2.2: ICE only towards who does ICE, with credentials of the right size.
fn check_ice(theirs: &Media, ours: &Media) -> Result<(), TestCaseError> {
    let length = |media: &Media, name: &str| media.values(name).map(str::len).next();
    let (ufrag, password) = (length(ours, "ice-ufrag"), length(ours, "ice-pwd"));
    prop_assert_eq!(ufrag.is_some(), ours.values("candidate").next().is_some());
    if ufrag.is_some() {
        prop_assert!(length(theirs, "ice-ufrag").is_some() && length(theirs, "ice-pwd").is_some());
        prop_assert!(ufrag >= Some(4) && password >= Some(22) && ours.shares_rtcp());
    }
    Ok(())
}

fn can_be_served(local: &Local, line: &str) -> bool {
    let session = Session::read(offered(line).as_bytes()).unwrap();
    let media = &session.media[0];
    let plain = ["RTP/AVP", "RTP/AVPF"].contains(&&*media.protocol)
        && matches!(local.encryption, Encryption::Off | Encryption::Prefer);
    let keys = media.crypto().any(|line| ["1 ", "2 ", "7 "].iter().any(|tag| line.starts_with(tag)));
    let keyed = keys
        && media.protocol.starts_with("RTP/")
        && matches!(local.encryption, Encryption::Prefer | Encryption::Require);
    let roles = ["actpass", "active", "passive"];
    let setup = media.values("setup").next().is_none_or(|setup| roles.contains(&setup));
    let shaken = media.attribute("fingerprint").is_some()
        && setup
        && !media.protocol.starts_with("TCP")
        && local.fingerprint.is_some()
        && local.encryption != Encryption::Off;
    let spoken = media.rtp_formats().any(|format| codec_of(&format).is_some_and(|codec| local.codecs.contains(&codec)));
    media.is_audio() && media.port != 0 && spoken && (plain || keyed || shaken)
}

proptest! {
    #[test]
    fn every_answer_is_acceptable_to_its_offer(
        lines in prop::collection::vec(line(), 0..5),
        bundle in any::<bool>(),
        local in policy(),
        prefer in prop::option::of(prop::sample::select(CodecKind::ALL.to_vec())),
    ) {
        let group = if bundle { "a=group:BUNDLE 0\r\n" } else { "" };
        let offer = offered(&format!("{group}{}", lines.concat()));
        let served = lines.iter().any(|line| can_be_served(&local, line));
        match answer(&local, offer.as_bytes(), prefer) {
            Ok((answer, stream)) => {
                prop_assert!(stream.remote.port() != 0 && answer.len() < offer.len() + 2_000);
                prop_assert!(local.encryption != Encryption::Off || stream.security.is_plain());
                prop_assert!(local.encryption != Encryption::Require || !stream.security.is_plain());
                prop_assert!(local.encryption != Encryption::Dtls || matches!(stream.security, Security::Dtls(_)));
                check_acceptable(&Session::read(offer.as_bytes()).unwrap(), &Session::read(&answer).unwrap())?;
            }
            Err(fault) => prop_assert!(!served, "an offer that can be served was refused: {fault}"),
        }
    }

    #[test]
    fn two_of_us_always_agree(caller in policy(), callee in policy()) {
        let callee = Local {
            address: "192.0.2.20:20000".parse().unwrap(),
            secrets: Some(Secrets::of_leg(&[2; 32], LegId(2))),
            candidates: callee.candidates.iter().map(|_| "192.0.2.20:20000".parse().unwrap()).collect(),
            codecs: CodecKind::ALL.to_vec(),
            ..callee
        };
        let first = offer(&caller);
        let Ok((answer, theirs)) = answer(&callee, &first, None) else {
            let plain = |local: &Local| local.encryption == Encryption::Off;
            let strict = |local: &Local| local.encryption == Encryption::Require;
            let shy = |local: &Local| plain(local) || local.form == Form::Plain;
            let apart = strict(&caller) && plain(&callee) || shy(&caller) && strict(&callee) && !strict(&caller);
            let begins = String::from_utf8_lossy(&first).contains(" UDP/TLS/");
            let unable = begins && (plain(&callee) || callee.fingerprint.is_none());
            let unwilling = !begins && callee.encryption == Encryption::Dtls;
            prop_assert!(apart || unable || unwilling, "{:?} {:?}", caller.encryption, callee.encryption);
            return Ok(());
        };
        check_acceptable(&Session::read(&first).unwrap(), &Session::read(&answer).unwrap())?;
        let ours = accept_answer(&caller, &answer).unwrap();
        prop_assert_eq!((ours.remote, theirs.remote), (callee.address, caller.address));
        prop_assert_eq!((ours.codec, ours.payload_type, ours.dtmf), (theirs.codec, theirs.payload_type, theirs.dtmf));
        prop_assert_eq!((ours.comfort_noise, ours.ptime_ms), (theirs.comfort_noise, theirs.ptime_ms));
        prop_assert_eq!(ours.remote_rtcp.is_none(), theirs.remote_rtcp.is_none());
        match (&ours.security, &theirs.security) {
            (Security::Plain, Security::Plain) => {}
            (Security::Sdes(ours), Security::Sdes(theirs)) => {
                prop_assert_eq!((ours.suite, ours.ours, ours.theirs), (theirs.suite, theirs.theirs, theirs.ours));
            }
            (Security::Dtls(ours), Security::Dtls(theirs)) => {
                prop_assert!((ours.role == DtlsRole::Active) != (theirs.role == DtlsRole::Active));
            }
            other => prop_assert!(false, "{other:?}"),
        }
        match (&ours.ice, &theirs.ice) {
            (Some(ours), Some(theirs)) => {
                prop_assert_eq!((&ours.ours, &ours.theirs), (&theirs.theirs, &theirs.ours));
                prop_assert_eq!((ours.candidates.len(), theirs.candidates.len()), (1, 1));
            }
            (None, None) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn nothing_that_is_said_panics(
        octets in prop::collection::vec(any::<u8>(), 0..600),
        words in prop::collection::vec(prop::sample::select(vec![
            "v=0\r\n", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "m=audio 1 RTP/AVP 8\r\n", "c=IN IP4 0.0.0.0\r\n", "a=crypto:", "a=fingerprint:",
            "sha-256 ", "AA:", "inline:", "1 AES_CM_128_HMAC_SHA1_80 ", "|", ";", "a=setup:", "a=mid:", "a=group:BUNDLE ", "a=candidate:",
            "1 1 udp 1 ::1 ", "a=ice-ufrag:", "a=ice-pwd:", "a=rtcp-mux\r\n", "\r\n", "9999999999", "é", "typ host", "a=fmtp:111 ", "a=rtpmap:111 opus/48000/2\r\n",
        ]), 0..60),
        local in policy(),
    ) {
        let text = format!("v=0\r\n{}{}", words.concat(), String::from_utf8_lossy(&octets));
        let mixed = format!("v=0\r\nm=audio 9 RTP/AVP 8\r\nc=IN IP4 1.2.3.4\r\n{}", words.concat());
        for sdp in [octets.as_slice(), text.as_bytes(), mixed.as_bytes()] {
            let _ = answer(&local, sdp, None);
            let _ = accept_answer(&local, sdp);
            let _ = Session::read(sdp).map(|session| formats::passable(&session));
            let said = Local { said: Bytes::copy_from_slice(sdp), ..local.clone() };
            prop_assert!(offer(&said).len() < sdp.len() + 3_000);
        }
    }
}

#[test]
fn the_most_that_a_far_side_can_say_is_kept_within_bounds() {
    let candidate = |n: u32| format!("a=candidate:{n} 1 udp {n} 198.51.100.{} {} typ host\r\n", n % 250 + 1, 1000 + n);
    let lines = format!(
        "m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n{}",
        "u".repeat(256),
        "p".repeat(256),
        (0..400).map(candidate).collect::<String>()
    );
    let able = Local {
        encryption: Encryption::Prefer,
        secrets: Some(Secrets::of_leg(&[1; 32], LegId(1))),
        fingerprint: Some(PRINT.parse().unwrap()),
        candidates: vec![local().address],
        ..local()
    };
    let (_, stream) = answer(&able, offered(&lines).as_bytes(), None).unwrap();
    assert_eq!(stream.ice.unwrap().candidates.len(), crate::media::security::MAX_CANDIDATES);
    let long = lines.replace(&"u".repeat(256), &"u".repeat(257));
    assert_eq!(answer(&able, offered(&long).as_bytes(), None).unwrap().1.ice, None);
}
