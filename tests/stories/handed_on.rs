//! Codecs that we do not speak: handed on between two who do, and to nobody else.

use desvio::media::codec::CodecKind;
use desvio::media::negotiation::formats::Passed;

use crate::bench::Bench;
use crate::bench::PhoneId;

/// This phone speaks G.729 and `more`.
fn speaks_g729(pbx: &mut Bench, phone: PhoneId, parameters: &str, more: &[CodecKind]) {
    let local = &mut pbx.phones[phone.0].local;
    local.codecs = more.to_vec();
    local.passed = vec![Passed { codec: CodecKind::G729, parameters: Some(parameters.to_owned()) }];
}

fn codec(pbx: &Bench, phone: PhoneId) -> CodecKind {
    pbx.pump.legs[&pbx.leg(phone)].stream.as_ref().expect("a stream").codec
}

#[test]
fn two_phones_that_speak_nothing_else_talk_in_it() {
    let mut pbx = Bench::new();
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    speaks_g729(&mut pbx, ana, "annexb=no", &[]);
    speaks_g729(&mut pbx, bruno, "annexb=no", &[]);
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    pbx.are_talking(ana, bruno);
    assert_eq!((codec(&pbx, ana), codec(&pbx, bruno)), (CodecKind::G729, CodecKind::G729));
    let parameters = |phone: PhoneId| pbx.phones[phone.0].stream.as_ref().and_then(|stream| stream.passed.clone());
    assert_eq!((parameters(ana), parameters(bruno)), (Some("annexb=no".to_owned()), Some("annexb=no".to_owned())));
    pbx.hangs_up(bruno);
    pbx.all_is_quiet();
}

#[test]
fn a_caller_who_speaks_nothing_else_brings_a_callee_with_a_choice_to_it() {
    let mut pbx = Bench::new();
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    speaks_g729(&mut pbx, ana, "annexb=no", &[]);
    speaks_g729(&mut pbx, bruno, "annexb=no", &[CodecKind::Pcma]);
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    assert_eq!((codec(&pbx, ana), codec(&pbx, bruno)), (CodecKind::G729, CodecKind::G729));
}

#[test]
fn a_codec_of_ours_comes_first_where_both_have_one() {
    let mut pbx = Bench::new();
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    speaks_g729(&mut pbx, ana, "annexb=no", &[CodecKind::Pcma]);
    speaks_g729(&mut pbx, bruno, "annexb=no", &[CodecKind::Pcma]);
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    assert_eq!((codec(&pbx, ana), codec(&pbx, bruno)), (CodecKind::Pcma, CodecKind::Pcma));
}

#[test]
fn a_callee_without_it_ends_the_call_of_a_caller_who_has_nothing_else() {
    let mut pbx = Bench::new();
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    speaks_g729(&mut pbx, ana, "annexb=no", &[]);
    pbx.phones[bruno.0].will_answer(desvio::sip::method::Method::Invite, 488, &[]);
    pbx.calls(ana, None, "201");
    assert!(pbx.phones[ana.0].ended.is_some(), "{}", pbx.trace);
    let invite = pbx.phones[bruno.0].last(&desvio::sip::method::Method::Invite);
    let sdp = String::from_utf8_lossy(&invite.body).into_owned();
    assert!(sdp.contains("RTP/AVP 18 101\r\n"), "{sdp}");
    pbx.all_is_quiet();
}

#[test]
fn who_speaks_nothing_that_we_do_cannot_hear_our_prompts_and_is_refused() {
    let mut pbx = Bench::new();
    let customer = pbx.trunk();
    speaks_g729(&mut pbx, customer, "annexb=no", &[]);
    pbx.calls(customer, Some(crate::bench::CUSTOMER), crate::bench::BUSINESS);
    pbx.ended(customer, "488");
    pbx.all_is_quiet();
}
