//! Tests of the reader and writer of session descriptions.

use proptest::prelude::*;

use super::*;

const BROWSER: &str = "v=0\r\no=- 46117317 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n\
    c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
    m=video 0 RTP/AVP 96\r\n";

const TRUNK: &str = "v=0\no=root 5 6 IN IP6 2001:db8::7\ns=call\nc=IN IP6 2001:db8::7\nt=0 0\nm=audio 4000/2 RTP/AVP 8 18 101 77\n\
    a=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=PTIME:20.0\na=maxptime:150\na=sendonly\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\na=rtcp:4009\n";

#[test]
fn a_browser_is_understood() {
    let session = Session::read(BROWSER.as_bytes()).unwrap();
    assert_eq!((session.media.len(), session.origin.session, session.origin.version), (2, 46_117_317, 2));
    let audio = &session.media[0];
    assert!(audio.is_audio() && audio.protocol == "UDP/TLS/RTP/SAVPF" && audio.shares_rtcp());
    let formats: Vec<Format<'_>> = audio.rtp_formats().collect();
    let opus = Format {
        payload_type: 111,
        name: "opus",
        clock_rate: 48_000,
        channels: Some(2),
        parameters: Some("minptime=10;useinbandfec=1"),
    };
    assert_eq!(formats[0], opus);
    assert_eq!((formats[1].name, formats[1].clock_rate), ("PCMU", 8_000), "by RFC 3551's table");
    assert_eq!(session.connection_of(audio).unwrap().address().map(is_hold), Some(true));
    assert_eq!(session.attribute("group").unwrap().value.as_deref(), Some("BUNDLE 0 1"));
}

#[test]
fn a_trunk_with_bare_line_feeds_and_ipv6_is_understood() {
    let session = Session::read(TRUNK.as_bytes()).unwrap();
    let audio = &session.media[0];
    assert_eq!(session.connection_of(audio), Some(&Connection::Address("2001:db8::7".parse().unwrap())));
    assert_eq!((audio.port, audio.ptime(), audio.maxptime()), (4_000, Some(20), Some(150)));
    assert_eq!(session.direction_of(audio), Direction::SendOnly);
    assert_eq!(audio.rtcp(), Some((4_009, None)));
    assert_eq!(audio.crypto().collect::<Vec<_>>(), ["1 AES_CM_128_HMAC_SHA1_80 inline:abc"]);
    let names: Vec<&str> = audio.rtp_formats().map(|format| format.name).collect();
    assert_eq!(names, ["PCMA", "G729", "telephone-event"], "77 is mapped to nothing");
}

#[test]
fn the_session_speaks_for_media_that_say_nothing() {
    let text = "v=0\nc=IN IP4 192.0.2.1\na=inactive\nm=audio 4 RTP/AVP 0\nm=audio 6 RTP/AVP 0\nc=IN IP4 host.example\na=sendrecv\n";
    let session = Session::read(text.as_bytes()).unwrap();
    assert_eq!(session.direction_of(&session.media[0]), Direction::Inactive);
    assert_eq!(session.direction_of(&session.media[1]), Direction::SendRecv);
    assert_eq!(session.connection_of(&session.media[0]).unwrap().address(), Some("192.0.2.1".parse().unwrap()));
    assert_eq!(session.connection_of(&session.media[1]).unwrap().address(), None);
}

#[test]
fn sizes_are_bounded() {
    let many = |line: &str, count: usize| Session::read(format!("v=0\n{}", line.repeat(count)).as_bytes());
    assert_eq!(many("m=audio 1 RTP/AVP 0\n", MAX_MEDIA + 1), Err(SdpError::TooManyMedia));
    assert_eq!(many("a=x\n", MAX_ATTRIBUTES + 1), Err(SdpError::TooManyAttributes));
    assert!(matches!(many("b=AS:64\n", 9_000), Err(SdpError::TooLong { .. })));
}

#[test]
fn what_is_no_description_is_refused() {
    assert_eq!(Session::read(b""), Err(SdpError::NoVersion));
    assert_eq!(Session::read(b"<xml/>"), Err(SdpError::NoVersion));
    assert!(matches!(Session::read(b"v=0\nm=audio http RTP/AVP 0\n"), Err(SdpError::BadMedia { .. })));
    assert!(matches!(Session::read(b"v=0\nm=audio 99999 RTP/AVP 0\n"), Err(SdpError::BadMedia { .. })));
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(text in prop::sample::select(vec![BROWSER, TRUNK])) {
        let session = Session::read(text.as_bytes()).unwrap();
        prop_assert_eq!(Session::read(&session.write()), Ok(session));
    }

    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Session::read(&octets));
    }

    #[test]
    fn no_damaged_description_panics(at in 0..300_usize, octet: u8, text in prop::sample::select(vec![BROWSER, TRUNK])) {
        let mut octets = text.as_bytes().to_vec();
        if let Some(place) = octets.get_mut(at) {
            *place = octet;
        }
        if let Ok(session) = Session::read(&octets) {
            for media in &session.media {
                media.rtp_formats().for_each(drop);
                let _ = (media.ptime(), media.rtcp(), session.direction_of(media));
            }
            prop_assert!(Session::read(&session.write()).is_ok());
        }
    }
}
