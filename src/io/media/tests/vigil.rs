use super::*;

const PATIENCE: Patience = Patience { quiet: Duration::from_secs(10), lifeless: Some(Duration::from_secs(60)) };

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn stranger() -> SocketAddr {
    "198.51.100.1:4000".parse().unwrap()
}

/// What is told of a leg that both sides should speak on.
fn look(vigil: &mut Vigil, reported: Option<Instant>, now: Instant) -> Vec<Finding> {
    std::iter::from_fn(|| vigil.find(Direction::SendRecv, reported, PATIENCE, now)).collect()
}

fn quiet(vigil: &mut Vigil, reported: Option<Instant>, now: Instant) -> Silence {
    match look(vigil, reported, now)[..] {
        [Finding::Quiet { silence, .. }] => silence,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_side_that_never_speaks_is_told_once() {
    let start = Instant::now();
    let mut vigil = Vigil::new(start);
    assert_eq!(look(&mut vigil, None, start + secs(9)), []);
    let told = Finding::Quiet { since: secs(10), silence: Silence::NeverCame };
    assert_eq!(look(&mut vigil, None, start + secs(10)), [told]);
    assert_eq!(look(&mut vigil, None, start + secs(30)), []);
}

#[test]
fn the_cause_is_what_came_instead() {
    let start = Instant::now();
    let late = start + secs(12);
    assert_eq!(quiet(&mut Vigil::new(start), Some(start + secs(8)), late), Silence::OnlyReports);
    let mut elsewhere = Vigil::new(start);
    elsewhere.on_refused(stranger(), Refusal::Source);
    assert_eq!(quiet(&mut elsewhere, None, late), Silence::Elsewhere { from: stranger() });
    let mut unusable = Vigil::new(start);
    unusable.on_refused(stranger(), Refusal::PayloadType);
    assert_eq!(quiet(&mut unusable, None, late), Silence::Unusable { why: Refusal::PayloadType });
    let mut stopped = Vigil::new(start);
    stopped.on_refused(stranger(), Refusal::Source);
    stopped.on_heard(start + secs(1));
    assert_eq!(quiet(&mut stopped, None, late), Silence::Stopped, "what was refused before it spoke is no cause");
}

#[test]
fn a_side_that_is_heard_again_is_told_and_may_fall_quiet_again() {
    let start = Instant::now();
    let mut vigil = Vigil::new(start);
    assert_eq!(quiet(&mut vigil, None, start + secs(10)), Silence::NeverCame);
    vigil.on_heard(start + secs(14));
    vigil.on_heard(start + secs(15));
    assert_eq!(look(&mut vigil, None, start + secs(15)), [Finding::HeardAgain { after: secs(14) }]);
    assert_eq!(quiet(&mut vigil, None, start + secs(26)), Silence::Stopped);
}

#[test]
fn a_silence_that_a_re_invite_ends_is_told_to_have_ended() {
    let start = Instant::now();
    let mut vigil = Vigil::new(start);
    vigil.on_heard(start + secs(1));
    quiet(&mut vigil, None, start + secs(11));
    vigil.on_agreed(start + secs(20));
    assert_eq!(vigil.unheard(start + secs(20)), secs(19), "no packet came with it");
    vigil.on_heard(start + secs(21));
    assert_eq!(look(&mut vigil, None, start + secs(21)), [Finding::HeardAgain { after: secs(20) }]);
}

#[test]
fn under_what_is_agreed_on_anew_a_silence_is_counted_and_told_anew() {
    let start = Instant::now();
    let mut vigil = Vigil::new(start);
    quiet(&mut vigil, None, start + secs(50));
    vigil.on_agreed(start + secs(50));
    assert_eq!(look(&mut vigil, None, start + secs(59)), []);
    let told = Finding::Quiet { since: secs(10), silence: Silence::NeverCame };
    assert_eq!(look(&mut vigil, None, start + secs(60)), [told]);
    assert_eq!(look(&mut vigil, None, start + secs(109)), [], "lifeless is counted from there too");
}

#[test]
fn what_opens_a_nat_is_no_trace_of_sound() {
    let start = Instant::now();
    let mut vigil = Vigil::new(start);
    vigil.on_refused("192.0.2.1:4000".parse().unwrap(), Refusal::Stun);
    assert_eq!(quiet(&mut vigil, None, start + secs(11)), Silence::NeverCame);
}

#[test]
fn nobody_is_missed_on_hold() {
    let start = Instant::now();
    let mut vigil = Vigil::new(start);
    for direction in [Direction::Inactive, Direction::SendOnly, Direction::RecvOnly] {
        assert_eq!(vigil.find(direction, None, PATIENCE, start + secs(600)), None);
    }
}

#[test]
fn a_call_is_lifeless_when_neither_audio_nor_reports_come() {
    let start = Instant::now();
    let mut vigil = Vigil::new(start);
    look(&mut vigil, None, start + secs(10));
    assert_eq!(look(&mut vigil, Some(start + secs(5)), start + secs(64)), []);
    let told = Finding::Lifeless { since: secs(60) };
    assert_eq!(look(&mut vigil, Some(start + secs(5)), start + secs(65)), [told]);
    assert_eq!(look(&mut vigil, None, start + secs(90)), [], "once");
    let never = Patience { lifeless: None, ..PATIENCE };
    let mut patient = Vigil::new(start);
    patient.find(Direction::SendRecv, None, never, start + secs(10));
    assert_eq!(patient.find(Direction::SendRecv, None, never, start + secs(86_400)), None);
}

#[test]
fn that_we_are_not_heard_is_told_once_until_we_are() {
    let start = Instant::now();
    let mut vigil = Vigil::new(start);
    let told = |silence| Finding::Quiet { since: Duration::ZERO, silence };
    vigil.on_withheld();
    assert_eq!(look(&mut vigil, None, start), [told(Silence::Withheld)]);
    vigil.on_withheld();
    assert_eq!(look(&mut vigil, None, start), []);
    vigil.on_sent();
    assert_eq!(look(&mut vigil, None, start), []);
    vigil.on_unsent();
    assert_eq!(look(&mut vigil, None, start), [told(Silence::Unsent)]);
}
