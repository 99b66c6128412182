//! Tests of what real devices offer and answer when they can encrypt. Their descriptions are written from what the RFCs
//! and the programs' own documents say, cut to the lines that matter.

use super::tests::answer;
use super::tests::local;
use super::tests::offered;
use super::*;
use crate::media::command::LegId;
use crate::media::security::CandidateKind;
use crate::media::security::DtlsRole;
use crate::media::security::HashKind;
use crate::media::security::IceRole;
use crate::media::security::Security;
use crate::media::security::Suite;

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const PRINT: &str =
    "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3A:6F:12:34:56:78:9A:BC:DE:F0:11:22";

/// Chromium 1xx: audio and video in one bundle, everything by trickle, its address hidden behind a name.
const CHROMIUM: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    a=extmap-allow-mixed\r\na=msid-semantic: WMS s1\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=candidate:1 1 udp 2113937151 8c1f6c5e-7a7f-4f0e-9c0b-0d9b3e7d5e3f.local 51234 typ host generation 0 network-cost 999\r\n\
    a=candidate:2 1 tcp 1518280447 192.0.2.77 9 typ host tcptype active generation 0\r\n\
    a=candidate:3 1 udp 1677729535 203.0.113.9 51234 typ srflx raddr 0.0.0.0 rport 0 generation 0\r\n\
    a=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\na=ice-options:trickle\r\na=fingerprint:FINGERPRINT\r\n\
    a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\na=rtcp-mux\r\n\
    a=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
    a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\na=ssrc:3735928559 cname:x\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\n\
    a=fingerprint:FINGERPRINT\r\na=setup:actpass\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";

fn able() -> Local {
    Local {
        encryption: Encryption::Prefer,
        form: Form::Phone,
        secrets: Some(Secrets::of_leg(&[9; 32], LegId(5))),
        fingerprint: Some(PRINT.parse().unwrap()),
        candidates: vec!["192.0.2.10:10000".parse().unwrap(), "10.0.0.10:10000".parse().unwrap()],
        ..local()
    }
}

fn answered(local: &Local, offer: &str) -> Result<(String, Stream), NegotiationError> {
    let offer = offer.replace("FINGERPRINT", PRINT).replace("KEY", KEY);
    let (answer, stream) = answer(local, offer.as_bytes(), None)?;
    Ok((String::from_utf8(answer.to_vec()).unwrap(), stream))
}

fn text(octets: &Bytes) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn chromium_is_answered_with_a_handshake_and_as_a_lite_agent() {
    let (text, stream) = answered(&able(), CHROMIUM).unwrap();
    let (head, audio) = text.split_once("m=audio").unwrap();
    let (audio, video) = audio.split_once("m=video").unwrap();
    assert!(head.contains("a=group:BUNDLE 0\r\na=ice-lite\r\n"), "{text}");
    assert!(audio.starts_with(" 10000 UDP/TLS/RTP/SAVPF 111 110\r\n"), "{text}");
    for line in [
        &format!("a=fingerprint:{PRINT}"),
        "a=setup:passive",
        "a=rtcp-mux",
        "a=mid:0",
        "a=candidate:1 1 UDP 2130706431 192.0.2.10 10000 typ host",
        "a=candidate:2 1 UDP 2130706175 10.0.0.10 10000 typ host",
        "a=end-of-candidates",
    ] {
        assert!(audio.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert_eq!(video, " 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n");
    let Security::Dtls(dtls) = &stream.security else { panic!("{stream:?}") };
    assert_eq!((dtls.role, dtls.fingerprint.hash), (DtlsRole::Passive, HashKind::Sha256));
    let ice = stream.ice.as_ref().unwrap();
    assert_eq!((ice.role, ice.far, ice.end_of_candidates), (IceRole::Controlled, IceKind::Full, false));
    assert_eq!((ice.theirs.ufrag.as_str(), ice.candidates.len()), ("EsAw", 1), "names and TCP are left out");
    assert_eq!(ice.candidates[0].kind, CandidateKind::ServerReflexive);
    assert_eq!((stream.remote, stream.remote_rtcp), (ice.candidates[0].address, None));
    assert_eq!((stream.direction, stream.opus.in_band_fec), (Direction::SendRecv, true), "zeros are no hold with ICE");
}

#[test]
fn a_restart_of_ice_gets_new_credentials_and_a_mere_re_invite_the_same() {
    let (_, stream) = answered(&able(), CHROMIUM).unwrap();
    let first = stream.ice.clone().unwrap().ours;
    let later = Local { before: Some(Box::new(stream)), ..able() };
    let again = answered(&later, &CHROMIUM.replace("a=sendrecv", "a=sendonly")).unwrap().1;
    assert_eq!((&again.ice.as_ref().unwrap().ours, again.direction), (&first, Direction::RecvOnly));
    let restarted = answered(&later, &CHROMIUM.replace("EsAw", "Zzzz")).unwrap().1.ice.unwrap();
    assert_ne!(restarted.ours, first);
}

#[test]
fn the_role_of_a_handshake_outlives_a_re_invite() {
    let setup = |role: &str| CHROMIUM.replace("a=setup:actpass", &format!("a=setup:{role}"));
    let (_, stream) = answered(&able(), &setup("passive")).unwrap();
    let later = Local { before: Some(Box::new(stream)), ..able() };
    let role = |offer: &str| match answered(&later, offer).unwrap().1.security {
        Security::Dtls(dtls) => dtls.role,
        other => panic!("{other:?}"),
    };
    assert_eq!(role(CHROMIUM), DtlsRole::Active);
    assert_eq!(role(&setup("active")), DtlsRole::Passive);
    let renewed = CHROMIUM.replace("FINGERPRINT", &PRINT.replace("4A", "4B"));
    assert_eq!(role(&renewed), DtlsRole::Passive, "another certificate begins anew");
}

/// Firefox says what holds for all above the media lines, and writes its default address.
#[test]
fn firefox_is_understood() {
    let offer = format!(
        "v=0\r\no=mozilla...THIS_IS_SDPARTA-99.0 7 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=sendrecv\r\na=fingerprint:{}\r\n\
        a=group:BUNDLE 0\r\na=ice-options:trickle\r\na=msid-semantic:WMS *\r\n\
        m=audio 50123 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\nc=IN IP4 198.51.100.7\r\n\
        a=candidate:0 1 UDP 2122252543 198.51.100.7 50123 typ host\r\na=candidate:0 2 UDP 2122252542 198.51.100.7 50124 typ host\r\n\
        a=candidate:1 1 UDP 2122187007 2001:db8::7 50125 typ host\r\na=recvonly\r\na=end-of-candidates\r\n\
        a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\na=fmtp:101 0-15\r\na=ice-pwd:e3baa26dd2fa5030d881d385f1e36cce\r\n\
        a=ice-ufrag:58b99ead\r\na=mid:0\r\na=rtcp:50124 IN IP4 198.51.100.7\r\na=rtcp-mux\r\na=rtpmap:109 opus/48000/2\r\n\
        a=rtpmap:9 G722/8000/1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=setup:actpass\r\n",
        PRINT.to_ascii_lowercase().replace("sha-256", "SHA-256"),
    );
    let (text, stream) = answered(&able(), &offer).unwrap();
    assert_eq!(stream.security.name(), "DTLS-SRTP");
    assert_eq!((stream.remote.to_string(), stream.direction), ("198.51.100.7:50123".to_owned(), Direction::SendOnly));
    let ice = stream.ice.unwrap();
    assert_eq!((ice.candidates.len(), ice.end_of_candidates), (1, true), "another component, another family");
    assert!(text.contains("a=sendonly") && !text.contains(":58b99ead"));
}

/// WhatsApp's servers: a lite agent with one address, that leaves it to us to begin the handshake.
#[test]
fn a_lite_agent_is_checked_by_us() {
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 157.240.1.1\r\ns=-\r\nc=IN IP4 157.240.1.1\r\nt=0 0\r\na=ice-lite\r\na=fingerprint:{PRINT}\r\n\
        m=audio 3480 UDP/TLS/RTP/SAVPF 111 126\r\na=setup:actpass\r\na=rtcp-mux\r\na=ice-ufrag:wapp\r\na=ice-pwd:wawawawawawawawawawawawa\r\n\
        a=candidate:1 1 udp 2130706431 157.240.1.1 3480 typ host\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:126 telephone-event/8000\r\n\
        a=ptime:20\r\na=maxptime:20\r\n"
    );
    let (text, stream) = answered(&able(), &offer).unwrap();
    let ice = stream.ice.unwrap();
    assert_eq!((ice.role, ice.far), (IceRole::Controlling, IceKind::Lite));
    assert!(text.contains("a=setup:active") && !text.contains("ice-lite"), "{text}");
    let (text, _) = answered(&able(), &offer.replace("setup:actpass", "setup:active")).unwrap();
    assert!(text.contains("a=setup:passive"), "{text}");
}

/// Linphone and baresip with `srtp` offer keys beside plain RTP or in a profile of its own.
#[test]
fn phones_with_keys_get_the_safest_suite_they_name() {
    let long = "A".repeat(59) + "=";
    for protocol in ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"] {
        let lines = format!(
            "m=audio 7078 {protocol} 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\r\n\
            a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:KEY\r\na=crypto:3 AEAD_AES_256_GCM inline:{long}\r\na=crypto:4 AEAD_AES_512_GCM inline:KEY\r\n"
        );
        let (text, stream) = answered(&able(), &offered(&lines)).unwrap();
        let Security::Sdes(keys) = &stream.security else { panic!("{stream:?}") };
        assert_eq!((keys.suite, keys.theirs.key()), (Suite::AeadAes256Gcm, &[0; 32][..]));
        assert!(text.contains(&format!("m=audio 10000 {protocol} 8 101\r\n")), "{text}");
        let taken: Vec<&str> = text.lines().filter(|line| line.starts_with("a=crypto:")).collect();
        assert!(matches!(taken[..], [line] if line.starts_with("a=crypto:3 AEAD_AES_256_GCM inline:")), "{text}");
        assert_eq!((stream.ice, stream.remote_rtcp), (None, Some("198.51.100.5:7079".parse().unwrap())));
    }
}

#[test]
fn the_key_of_ours_stays_when_theirs_changes() {
    let lines = "m=audio 7078 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\r\n";
    let (_, first) = answered(&able(), &offered(lines)).unwrap();
    let later = Local { before: Some(Box::new(first.clone())), ..able() };
    let (_, second) = answered(&later, &offered(&lines.replace("KEY", &"B".repeat(40)))).unwrap();
    let (Security::Sdes(first), Security::Sdes(second)) = (first.security, second.security) else { panic!() };
    assert_eq!(first.ours, second.ours);
    assert_ne!(first.theirs, second.theirs);
}

#[test]
fn an_answer_that_is_repeated_as_an_offer_keeps_its_key_and_its_mark() {
    for (line, mark) in [
        ("1 AES_CM_128_HMAC_SHA1_80", ""),
        ("7 AES_CM_128_HMAC_SHA1_32", ""),
        ("2 AES_CM_128_HMAC_SHA1_80", "|2^20|1:4"),
    ] {
        let theirs = format!("m=audio 7078 RTP/SAVP 8\r\na=crypto:{line} inline:KEY{mark}\r\n");
        let (said, first) = answered(&able(), &offered(&theirs)).unwrap();
        let later = Local { said: Bytes::from(said), before: Some(Box::new(first.clone())), ..able() };
        let again = accept_answer(&later, offered(&theirs).replace("KEY", KEY).as_bytes()).unwrap();
        assert_eq!(again.security, first.security, "{line}{mark}");
        let other = theirs.replace("a=crypto:", "a=crypto:1");
        assert!(accept_answer(&later, offered(&other).replace("KEY", KEY).as_bytes()).is_err(), "{line}: never said");
    }
}

#[test]
fn a_key_that_was_left_is_never_taken_up_again() {
    let lines = "m=audio 7078 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\r\n";
    let key = |before: Option<Stream>, version| {
        let later = Local { before: before.map(Box::new), version, ..able() };
        match answered(&later, &offered(lines)).unwrap().1.security {
            Security::Sdes(keys) => keys.ours,
            other => panic!("{other:?}"),
        }
    };
    let plain = answered(&able(), &offered("m=audio 7078 RTP/AVP 8\r\n")).unwrap().1;
    assert_ne!(key(None, 3), key(Some(plain), 5));
}

#[test]
fn a_handshake_beside_plain_rtp_comes_before_keys() {
    let lines = "m=audio 7078 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\r\na=fingerprint:FINGERPRINT\r\na=setup:actpass\r\na=rtcp-mux\r\n";
    let (text, stream) = answered(&able(), &offered(lines)).unwrap();
    assert_eq!(stream.security.name(), "DTLS-SRTP");
    assert!(!text.contains("a=crypto"));
    assert!(text.contains("a=setup:passive\r\n"), "what is behind NAT must begin: {text}");
}

#[test]
fn a_handshake_is_taken_on_two_ports_and_they_stay_two() {
    let lines = "m=audio 7078 UDP/TLS/RTP/SAVP 8\r\na=fingerprint:FINGERPRINT\r\na=setup:actpass\r\n";
    let (text, stream) = answered(&able(), &offered(lines)).unwrap();
    assert_eq!(stream.security.name(), "DTLS-SRTP");
    assert_eq!(stream.remote_rtcp.map(|address| address.port()), Some(7_079));
    assert!(!text.contains("rtcp-mux"), "{text}");
    let further = Local { before: Some(Box::new(stream)), ..able() };
    let said = self::text(&offer(&further));
    assert!(said.contains("m=audio 10000 UDP/TLS/RTP/SAVP 96 ") && !said.contains("rtcp-mux"), "{said}");
    let with_feedback = Bytes::from(text.replace("RTP/SAVP", "RTP/SAVPF"));
    let said = self::text(&offer(&Local { said: with_feedback, ..further }));
    assert!(said.contains("m=audio 10000 UDP/TLS/RTP/SAVPF 96 "), "as it was agreed on: {said}");
    let to_browser = Local { form: Form::Browser, ..able() };
    let answer = offered(&lines.replace("actpass", "active")).replace("FINGERPRINT", PRINT);
    let stream = accept_answer(&to_browser, answer.as_bytes()).unwrap();
    assert_eq!((stream.security.name(), stream.remote_rtcp.is_some()), ("DTLS-SRTP", true));
}

#[test]
fn of_two_lines_the_encrypted_one_is_taken_wherever_it_stands() {
    let lines =
        "m=audio 7078 RTP/AVP 8\r\nm=audio 7080 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\r\n";
    let (text, stream) = answered(&able(), &offered(lines)).unwrap();
    assert_eq!(stream.remote.port(), 7_080);
    assert!(text.contains("m=audio 0 RTP/AVP 8\r\nm=audio 10000 RTP/SAVP 8\r\n"));
}

#[test]
fn require_refuses_what_is_plain_and_says_so() {
    let strict = Local { encryption: Encryption::Require, ..able() };
    let fault = answered(&strict, &offered("m=audio 7078 RTP/AVP 8\r\n")).unwrap_err();
    assert_eq!((fault.clone(), fault.status(), fault.warning()), (NegotiationError::NotEncrypted, 488, 303));
    assert!(
        answered(&strict, &offered("m=audio 7078 RTP/AVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\r\n"))
            .is_ok()
    );
    let unknown = "m=audio 7078 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20 KDR=1\r\n";
    assert_eq!(answered(&able(), &offered(unknown)).unwrap_err().warning(), 306);
    let plain_answer = offered("m=audio 7078 RTP/AVP 8\r\n");
    assert_eq!(accept_answer(&strict, plain_answer.as_bytes()), Err(NegotiationError::NotEncrypted));
}

#[test]
fn a_phone_is_offered_keys_beside_plain_rtp_and_may_pass_them_over() {
    let sdp = text(&offer(&able()));
    assert!(sdp.contains("m=audio 10000 RTP/AVP 96"), "{sdp}");
    let suites: Vec<&str> = sdp.lines().filter_map(|line| line.strip_prefix("a=crypto:")?.split(' ').nth(1)).collect();
    assert_eq!(suites, ["AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"]);
    let plain = accept_answer(&able(), offered("m=audio 7078 RTP/AVP 8\r\n").as_bytes()).unwrap();
    assert!(plain.security.is_plain());
    let line = format!("m=audio 7078 RTP/AVP 8\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n");
    let stream = accept_answer(&able(), offered(&line).as_bytes()).unwrap();
    assert_eq!(stream.security.name(), "AES_CM_128_HMAC_SHA1_80");
    let wrong = line.replace("crypto:2", "crypto:1");
    let fault = accept_answer(&able(), offered(&wrong).as_bytes()).unwrap_err();
    assert!(matches!(fault, NegotiationError::NoKeys { .. }), "whoever sends encrypted is not taken as plain: {fault}");
    let silent = Local { encryption: Encryption::Off, ..able() };
    let unasked = accept_answer(&silent, offered(&line).as_bytes()).unwrap();
    assert!(unasked.security.is_plain(), "nobody answers keys that were not offered");
    let further = Local { before: Some(Box::new(stream)), ..able() };
    assert!(text(&offer(&further)).contains("m=audio 10000 RTP/SAVP"), "what is encrypted stays so");
}

#[test]
fn a_browser_is_offered_what_browsers_speak() {
    let sdp = text(&offer(&Local { form: Form::Browser, ..able() }));
    for line in ["a=group:BUNDLE 0", "a=ice-lite", "a=setup:actpass", "a=rtcp-mux", "a=mid:0", "a=end-of-candidates"] {
        assert!(sdp.lines().any(|other| other == line), "{line}\n{sdp}");
    }
    assert!(sdp.contains("m=audio 10000 UDP/TLS/RTP/SAVPF") && !sdp.contains("a=crypto"), "{sdp}");
}

#[test]
fn a_trunk_that_was_not_told_to_hears_of_no_key() {
    let quiet = Local { form: Form::Plain, ..able() };
    assert!(!text(&offer(&quiet)).contains("crypto"));
    let strict = Local { encryption: Encryption::Require, ..quiet };
    assert!(text(&offer(&strict)).contains("m=audio 10000 RTP/SAVP "));
}

#[test]
fn a_phone_that_takes_nothing_but_a_handshake_is_offered_one_and_may_answer_with_nothing_else() {
    let strict = Local { encryption: Encryption::Dtls, ..able() };
    let sdp = text(&offer(&strict));
    assert!(sdp.contains("m=audio 10000 UDP/TLS/RTP/SAVP 96 "), "{sdp}");
    for line in [&format!("a=fingerprint:{PRINT}"), "a=setup:actpass", "a=rtcp-mux"] {
        assert!(sdp.lines().any(|other| other == line), "{line}\n{sdp}");
    }
    for unknown_to_phones in ["a=crypto", "a=ice-", "a=candidate", "a=mid"] {
        assert!(!sdp.contains(unknown_to_phones), "{unknown_to_phones}\n{sdp}");
    }
    let keys = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n");
    let shaken = format!("m=audio 7078 UDP/TLS/RTP/SAVP 8\r\na=fingerprint:{PRINT}\r\na=setup:active\r\n");
    for (lines, taken) in [
        ("m=audio 7078 RTP/AVP 8\r\n".to_owned(), false),
        (format!("m=audio 7078 RTP/SAVP 8\r\n{keys}"), false),
        (format!("m=audio 7078 RTP/AVP 8\r\n{keys}"), false),
        (shaken, true),
    ] {
        let answer = accept_answer(&strict, offered(&lines).as_bytes());
        assert_eq!(answer.as_ref().map(|stream| stream.security.name()).ok(), taken.then_some("DTLS-SRTP"), "{lines}");
        let answer = answered(&strict, &offered(&lines)).map(|(_, stream)| stream.security.name());
        match taken {
            true => assert_eq!(answer, Ok("DTLS-SRTP")),
            false => assert!(answer.unwrap_err().to_string().contains("a=fingerprint"), "{lines}"),
        }
    }
}
