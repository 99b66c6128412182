//! Whose audio is encrypted with whose keys, and what becomes of those who cannot or must.

use desvio::media::codec::CodecKind;
use desvio::media::command::Event as MediaEvent;
use desvio::media::command::LegId;
use desvio::media::command::Stream;
use desvio::media::config::Encryption;
use desvio::media::negotiation::Local;
use desvio::media::negotiation::protection::Form;
use desvio::media::negotiation::secrets::Secrets;
use desvio::media::sdp::Direction;
use desvio::media::security::DtlsRole;
use desvio::media::security::Fingerprint;
use desvio::media::security::HashKind;
use desvio::media::security::SdesKeys;
use desvio::media::security::Security;
use desvio::media::security::Suite;
use desvio::sip::hop::Transport;
use desvio::switch::input::Input;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;

const CONFIG: &str = include_str!("../data/bench.toml");
const DESIGN: &str = include_str!("../data/design.kdl");

/// The bench's configuration with another line under `[media]`.
fn pbx_with(media: &str) -> Bench {
    let config = CONFIG.replace("[media]\n", &format!("[media]\n{media}\n"));
    let config = if media.contains("codecs") { config.replace("codecs = [\"pcma\", \"pcmu\"]\n", "") } else { config };
    Bench::build(&config, DESIGN)
}

/// From now on this phone has keys.
fn learns_keys(pbx: &mut Bench, phone: PhoneId, encryption: Encryption, form: Form) {
    let device = &mut pbx.phones[phone.0];
    let secrets = Some(Secrets::of_leg(&[phone.0 as u8; 32], LegId(1)));
    device.local = Local { encryption, form, secrets, ..device.local.clone() };
}

/// From now on these can do DTLS-SRTP, and want nothing else.
fn shake_hands(pbx: &mut Bench, phones: [PhoneId; 2]) {
    for phone in phones {
        learns_keys(pbx, phone, Encryption::Dtls, Form::Phone);
        pbx.phones[phone.0].local.fingerprint = Fingerprint::new(HashKind::Sha256, &[phone.0 as u8; 32]);
    }
}

fn stream(pbx: &Bench, phone: PhoneId) -> Stream {
    pbx.pump.legs[&pbx.leg(phone)].stream.clone().expect("a stream")
}

fn keys(stream: &Stream) -> &SdesKeys {
    match &stream.security {
        Security::Sdes(keys) => keys,
        other => panic!("no keys were agreed on: {other:?}"),
    }
}

fn call(pbx: &mut Bench, from: PhoneId, to: PhoneId, number: &str) {
    pbx.calls(from, None, number);
    pbx.picks_up(to);
    pbx.are_talking(from, to);
}

#[test]
fn two_phones_with_keys_have_two_secrets_that_neither_shares_with_the_other() {
    let mut pbx = Bench::new();
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    for phone in [ana, bruno] {
        learns_keys(&mut pbx, phone, Encryption::Prefer, Form::Phone);
    }
    call(&mut pbx, ana, bruno, "201");
    for phone in [ana, bruno] {
        let (ours, theirs) = (stream(&pbx, phone), pbx.phones[phone.0].stream.clone().expect("a stream"));
        assert_eq!(keys(&ours).suite.name(), "AEAD_AES_256_GCM");
        assert_eq!((keys(&ours).ours, keys(&ours).theirs), (keys(&theirs).theirs, keys(&theirs).ours));
    }
    assert_ne!(keys(&stream(&pbx, ana)).ours, keys(&stream(&pbx, bruno)).ours);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}

#[test]
fn a_phone_with_keys_talks_to_one_without() {
    let mut pbx = Bench::new();
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    learns_keys(&mut pbx, ana, Encryption::Require, Form::Phone);
    call(&mut pbx, ana, bruno, "201");
    assert!(!stream(&pbx, ana).security.is_plain());
    assert!(stream(&pbx, bruno).security.is_plain());
}

#[test]
fn where_encryption_is_off_no_key_is_told_and_none_is_taken() {
    let mut pbx = pbx_with("encryption = \"off\"");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    learns_keys(&mut pbx, ana, Encryption::Prefer, Form::Phone);
    call(&mut pbx, ana, bruno, "201");
    assert!(stream(&pbx, ana).security.is_plain());
    let invite = pbx.phones[bruno.0].invited.take().expect("an INVITE");
    assert!(!String::from_utf8_lossy(&invite.body).contains("crypto"));
    pbx.hangs_up(ana);
    pbx.advance(std::time::Duration::from_secs(1));
    learns_keys(&mut pbx, ana, Encryption::Require, Form::Phone);
    pbx.calls(ana, None, "201");
    pbx.ended(ana, "488");
    pbx.all_is_quiet();
}

#[test]
fn where_encryption_is_required_a_plain_caller_is_refused_and_told_why() {
    let mut pbx = pbx_with("encryption = \"require\"");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    pbx.calls(ana, None, "201");
    pbx.ended(ana, "488");
    pbx.is_silent(bruno);
    pbx.all_is_quiet();
    let steps = &pbx.only_record().steps;
    assert!(steps.iter().any(|step| step.what.contains("audio must be encrypted here")), "{steps:?}");
}

#[test]
fn where_encryption_is_required_phones_are_offered_nothing_else() {
    let mut pbx = pbx_with("encryption = \"require\"");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    for phone in [ana, bruno] {
        learns_keys(&mut pbx, phone, Encryption::Require, Form::Phone);
    }
    call(&mut pbx, ana, bruno, "201");
    let invite = pbx.phones[bruno.0].invited.take().expect("an INVITE");
    assert!(String::from_utf8_lossy(&invite.body).contains("RTP/SAVP "));
    assert!(!stream(&pbx, bruno).security.is_plain());
}

#[test]
fn an_invite_with_all_codecs_and_keys_still_fits_into_a_datagram() {
    let mut pbx = pbx_with("encryption = \"prefer\"\ncodecs = [\"opus\", \"g722\", \"pcma\", \"pcmu\"]");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    pbx.calls(ana, None, "201");
    let invite = pbx.phones[bruno.0].invited.take().expect("an INVITE");
    // RFC 3261 §18.1.1; longer names of hosts and people need some room too.
    assert!(invite.write().len() <= 1_250, "{} octets", invite.write().len());
}

#[test]
fn an_extension_may_have_a_rule_of_its_own() {
    let config = CONFIG.replace("number = \"201\"\n", "number = \"201\"\nencryption = \"require\"\n");
    let mut pbx = Bench::build(&config, DESIGN);
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    pbx.calls(bruno, None, "200");
    pbx.ended(bruno, "488");
    learns_keys(&mut pbx, bruno, Encryption::Prefer, Form::Phone);
    call(&mut pbx, ana, bruno, "201");
    assert!(stream(&pbx, ana).security.is_plain() && !stream(&pbx, bruno).security.is_plain());
}

#[test]
fn where_a_handshake_is_required_keys_are_refused_and_phones_are_offered_one() {
    let mut pbx = pbx_with("encryption = \"dtls\"");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    learns_keys(&mut pbx, ana, Encryption::Require, Form::Phone);
    pbx.calls(ana, None, "201");
    pbx.ended(ana, "488");
    pbx.is_silent(bruno);
    pbx.all_is_quiet();
    let steps = &pbx.only_record().steps;
    assert!(steps.iter().any(|step| step.what.contains("encrypted by DTLS here: offer UDP/TLS")), "{steps:?}");
    shake_hands(&mut pbx, [ana, bruno]);
    call(&mut pbx, ana, bruno, "201");
    let invite = pbx.phones[bruno.0].invited.take().expect("an INVITE");
    assert!(String::from_utf8_lossy(&invite.body).contains(" UDP/TLS/RTP/SAVP "));
    let role = |phone| match stream(&pbx, phone).security {
        Security::Dtls(dtls) => dtls.role,
        other => panic!("no handshake: {other:?}"),
    };
    assert_eq!([ana, bruno].map(role), [DtlsRole::Passive, DtlsRole::Active], "each caller begins");
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}

#[test]
fn a_record_names_the_suite_of_a_handshake_and_one_with_a_stranger_ends_the_call() {
    let mut pbx = pbx_with("encryption = \"dtls\"");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    shake_hands(&mut pbx, [ana, bruno]);
    call(&mut pbx, ana, bruno, "201");
    let (safe, fooled) = (pbx.leg(ana), pbx.leg(bruno));
    pbx.input(Input::Media(MediaEvent::Secured { leg: safe, suite: Suite::AeadAes128Gcm }));
    pbx.input(Input::Media(MediaEvent::NotSecured { leg: fooled, why: "another's certificate".to_owned() }));
    pbx.all_is_quiet();
    let record = pbx.only_record();
    let words: Vec<Option<&str>> = record.legs.iter().map(|leg| leg.media.encryption.as_deref()).collect();
    assert!(words.contains(&Some("DTLS-SRTP AEAD_AES_128_GCM")) && words.contains(&Some("DTLS-SRTP")), "{words:?}");
    assert!(record.steps.iter().any(|step| step.what.contains("another's certificate")), "{:?}", record.steps);
}

#[test]
fn what_was_offered_to_a_phone_that_refuses_it_stands_in_the_record() {
    let mut pbx = pbx_with("encryption = \"require\"");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    learns_keys(&mut pbx, ana, Encryption::Require, Form::Phone);
    pbx.calls(ana, None, "201");
    pbx.declines(bruno, 488);
    pbx.ended(ana, "488");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!(record.cause, 88, "incompatible destination");
    let said = "it was offered RTP/SAVP with a=crypto (see `encryption`) and PCMA, PCMU";
    assert!(record.steps.iter().any(|step| step.what.contains(said)), "{:?}", record.steps);
}

#[test]
fn new_keys_another_address_and_hold_in_one_re_invite_are_followed() {
    let mut pbx = Bench::new();
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    for phone in [ana, bruno] {
        learns_keys(&mut pbx, phone, Encryption::Prefer, Form::Phone);
    }
    call(&mut pbx, ana, bruno, "201");
    let (before, other) = (stream(&pbx, bruno), stream(&pbx, ana));
    let device = &mut pbx.phones[bruno.0];
    device.local.secrets = Some(Secrets::of_leg(&[0x77; 32], LegId(1)));
    device.local.address.set_port(45_678);
    let now = pbx.now;
    pbx.phones[bruno.0].offers_as(vec![CodecKind::Pcmu], |sdp| sdp.replace("a=sendrecv", "a=sendonly"), now);
    pbx.settle();
    let after = stream(&pbx, bruno);
    assert_eq!(keys(&before).ours, keys(&after).ours);
    assert_ne!(keys(&before).theirs, keys(&after).theirs);
    assert_eq!((after.remote.port(), after.codec, after.direction), (45_678, CodecKind::Pcmu, Direction::RecvOnly));
    assert_eq!(stream(&pbx, ana), other, "the other leg is as it was");
    assert!(pbx.is_played_to(ana));
}

#[test]
fn a_call_that_loses_its_keys_goes_on_in_the_open_unless_it_must_not() {
    for (policy, stays) in [("prefer", false), ("require", true)] {
        let mut pbx = pbx_with(&format!("encryption = \"{policy}\""));
        let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
        for phone in [ana, bruno] {
            learns_keys(&mut pbx, phone, Encryption::Prefer, Form::Phone);
        }
        call(&mut pbx, ana, bruno, "201");
        pbx.phones[bruno.0].local.encryption = Encryption::Off;
        let now = pbx.now;
        pbx.phones[bruno.0].offers("sendrecv", now);
        pbx.settle();
        assert_eq!(!stream(&pbx, bruno).security.is_plain(), stays, "{policy}");
        pbx.are_talking(ana, bruno);
    }
}

#[test]
fn a_browser_is_rung_with_what_browsers_speak() {
    let mut pbx = Bench::new();
    let (ana, bruno) = (pbx.registered("200"), pbx.phone("201"));
    pbx.phones[bruno.0].transport = Transport::Wss;
    pbx.registers(bruno);
    learns_keys(&mut pbx, bruno, Encryption::Require, Form::Browser);
    let device = &mut pbx.phones[bruno.0];
    device.local.fingerprint = Fingerprint::new(HashKind::Sha256, &[1; 32]);
    device.local.candidates = vec![device.local.address];
    call(&mut pbx, ana, bruno, "201");
    let browser = stream(&pbx, bruno);
    let Security::Dtls(dtls) = &browser.security else { panic!("{browser:?}") };
    assert_eq!((dtls.role, dtls.fingerprint.octets()), (DtlsRole::Passive, &[1; 32][..]));
    assert_eq!(browser.ice.as_ref().map(|ice| ice.candidates.len()), Some(1));
    assert!(stream(&pbx, ana).security.is_plain() && stream(&pbx, ana).ice.is_none());
}

#[test]
fn a_trunk_hears_of_keys_where_its_section_says_so() {
    for (line, told) in [("", false), ("encryption = \"prefer\"", true)] {
        let config = CONFIG.replace("[[trunk]]\n", &format!("[[trunk]]\n{line}\n"));
        let mut pbx = Bench::build(&config, DESIGN);
        let ana = pbx.registered("200");
        let carrier = pbx.trunk();
        pbx.calls(ana, None, "+5511988887777");
        pbx.rings(carrier);
        let invite = pbx.phones[carrier.0].invited.take().expect("an INVITE");
        assert_eq!(String::from_utf8_lossy(&invite.body).contains("a=crypto"), told);
        // What the trunk offers by itself is taken in any case.
        pbx.declines(carrier, 486);
        pbx.advance(std::time::Duration::from_secs(40));
        learns_keys(&mut pbx, carrier, Encryption::Prefer, Form::Phone);
        pbx.calls(carrier, Some(CUSTOMER), BUSINESS);
        assert!(!stream(&pbx, carrier).security.is_plain(), "{}", pbx.trace);
    }
}
