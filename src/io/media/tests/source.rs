use super::*;

const PHONE: &str = "203.0.113.9:61000";
const NAMED: &str = "192.168.0.7:4000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn header(ssrc: u32, sequence: u16) -> Header {
    Header { payload_type: 8, marker: false, sequence, timestamp: 0, ssrc }
}

struct Line {
    source: Source,
    start: Instant,
}

impl Line {
    /// A phone that named `NAMED` and was heard from `PHONE` under SSRC 1.
    fn latched() -> Line {
        let mut line = Line { source: Source::new(address(NAMED)), start: Instant::now() };
        assert_eq!(line.hears(PHONE, 1, 0, 0), Ok(()));
        line
    }

    fn hears(&mut self, from: &str, ssrc: u32, sequence: u16, at: u64) -> Result<(), Refusal> {
        let from = address(from);
        if !self.source.may_hear(from) {
            return Err(Refusal::Source);
        }
        self.source.admit(from, &header(ssrc, sequence), self.start + ms(at))
    }
}

#[test]
fn the_first_source_is_kept_and_strangers_are_refused() {
    let mut line = Line::latched();
    assert_eq!(line.source.destination(), address(PHONE));
    assert_eq!(line.hears("198.51.100.1:4000", 1, 1, 20), Err(Refusal::Source));
    assert_eq!(line.hears(NAMED, 2, 0, 40), Ok(()), "the negotiated address may always claim its place");
    assert_eq!(line.hears(PHONE, 1, 2, 60), Err(Refusal::Source), "and keeps it");
}

#[test]
fn a_stranger_who_speaks_first_yields_to_the_host_that_signals() {
    let stranger = "198.51.100.1:4000";
    let line = || {
        let mut line = Line { source: Source::new(address(NAMED)), start: Instant::now() };
        line.source.vouch(address(PHONE).ip());
        assert_eq!(line.hears(stranger, 9, 0, 0), Ok(()));
        line
    };
    let mut phone = line();
    assert_eq!(phone.hears("198.51.100.2:4000", 8, 0, 10), Err(Refusal::Source), "another stranger");
    assert_eq!(phone.hears(PHONE, 1, 0, 20), Ok(()));
    assert_eq!(phone.source.destination(), address(PHONE));
    assert_eq!(phone.hears(stranger, 9, 1, 20), Err(Refusal::Source));
    assert_eq!(phone.hears("203.0.113.9:62000", 1, 1, 40), Err(Refusal::Source), "a neighbour behind the same NAT");
    assert_eq!(phone.hears(NAMED, 2, 0, 60), Ok(()), "the negotiated address comes first");
    assert_eq!(phone.hears(PHONE, 1, 2, 80), Err(Refusal::Source), "and keeps its place");
    let mut elsewhere = line();
    elsewhere.source.vouch(address("192.0.2.77:5060").ip());
    assert_eq!(elsewhere.hears(PHONE, 1, 0, 20), Err(Refusal::Source), "nobody has vouched for it");
}

#[test]
fn another_ssrc_is_refused_while_the_speaker_speaks() {
    let mut line = Line::latched();
    for turn in 0..50_u16 {
        let at = u64::from(turn) * 20;
        assert_eq!(line.hears(PHONE, 1, turn, at), Ok(()));
        assert_eq!(line.hears(PHONE, 2, turn, at + 10), Err(Refusal::Ssrc), "turn {turn}");
    }
}

#[test]
fn a_burst_does_not_squeeze_in_between_two_packets() {
    let mut line = Line::latched();
    assert!((0..40).all(|sequence| line.hears(PHONE, 2, sequence, 19) == Err(Refusal::Ssrc)));
    assert_eq!(line.hears(PHONE, 1, 1, 20), Ok(()));
}

#[test]
fn a_pbx_that_starts_its_stream_anew_is_heard_after_a_tenth_of_a_second() {
    let mut line = Line::latched();
    let heard: Vec<bool> = (0..8).map(|n: u16| line.hears(PHONE, 2, n, 20 * (u64::from(n) + 1)).is_ok()).collect();
    assert_eq!(heard, [false, false, false, false, true, true, true, true]);
    assert_eq!(line.hears(PHONE, 1, 9, 200), Err(Refusal::Ssrc), "the old one is a stranger now");
}

#[test]
fn packets_that_do_not_follow_each_other_are_no_stream() {
    let mut line = Line::latched();
    assert!((0..20).all(|n: u16| line.hears(PHONE, 2, n * 7, 1_000 + u64::from(n) * 20).is_err()));
}

#[test]
fn a_reinvite_with_the_same_address_lets_a_new_stream_in_at_once() {
    let mut line = Line::latched();
    line.source.reconnect(address(NAMED));
    assert_eq!(line.source.destination(), address(PHONE));
    assert_eq!(line.hears(PHONE, 2, 500, 20), Ok(()));
}

#[test]
fn a_phone_that_moved_is_heard_from_there_but_a_stranger_does_not_overtake_it() {
    let mut line = Line::latched();
    line.source.reconnect(address(NAMED));
    let moved = "203.0.113.9:62000";
    assert_eq!(line.hears(moved, 1, 1, 20), Err(Refusal::Source));
    assert_eq!(line.hears(PHONE, 1, 2, 40), Ok(()), "it did not move: the session was only refreshed");
    assert_eq!(line.hears(moved, 1, 3, 60), Err(Refusal::Source));
    line.source.reconnect(address(NAMED));
    assert!((4..9).map(|n| line.hears(moved, 1, n, u64::from(n) * 20 + 40)).any(|heard| heard.is_ok()));
    assert_eq!(line.source.destination(), address(moved));
}

#[test]
fn a_signed_packet_that_was_held_back_is_heard_and_draws_nothing_after_it() {
    let mut line = Line::latched();
    let start = line.start;
    let signs = |source: &mut Source, from: &str, ssrc, sequence| {
        let counts_as = source.on_signed(address(from), &header(ssrc, sequence), start);
        (counts_as, source.destination())
    };
    let (phone, thief, moved) = (address(PHONE), "198.51.100.1:4000", "203.0.113.9:62000");
    assert_eq!(signs(&mut line.source, PHONE, 1, 65_534), (phone, phone));
    assert_eq!(signs(&mut line.source, PHONE, 1, 1), (phone, phone), "the numbers begin anew");
    assert_eq!(signs(&mut line.source, thief, 1, 65_535), (phone, phone), "heard as the far side's, and no more");
    assert_eq!(signs(&mut line.source, moved, 1, 2), (address(moved), address(moved)), "it has moved");
    assert_eq!(signs(&mut line.source, PHONE, 1, 0), (address(moved), address(moved)), "this one was under way");
    assert_eq!(signs(&mut line.source, PHONE, 2, 0), (phone, phone), "another stream is as far as it is");
    assert_eq!(signs(&mut line.source, moved, 2, 40_000), (address(moved), address(moved)), "another count");
    line.source.reconnect(address(NAMED));
    line.source.on_signed(address(moved), &header(2, 100), start);
    line.source.reconnect(address(NAMED));
    assert_eq!(signs(&mut line.source, PHONE, 2, 3), (phone, phone), "new keys may count from anywhere");
}

#[test]
fn a_reinvite_to_another_address_sends_there_at_once() {
    let mut line = Line::latched();
    line.source.reconnect(address("198.51.100.4:9000"));
    assert_eq!(line.source.destination(), address("198.51.100.4:9000"));
    assert_eq!(line.source.proven(), None);
}

#[test]
fn an_address_that_never_answers_gets_a_bounded_amount() {
    let mut source = Source::new(address(NAMED));
    source.allow(ms(2_000));
    let sent = (0..1_000).filter(|_| source.may_send(172)).count();
    assert_eq!(sent, 120, "24,000 octets in packets of 200");
}

#[test]
fn it_gets_no_more_time_than_octets() {
    let (mut source, start) = (Source::new(address(NAMED)), Instant::now());
    source.allow(ms(2_000));
    assert!(source.may_send(30));
    source.watch_allowance(start);
    source.watch_allowance(start + ms(1_900));
    assert!(source.may_send(30));
    source.watch_allowance(start + ms(2_000));
    assert!(!source.may_send(30));
}

#[test]
fn audio_reports_and_signalling_each_prove_an_address() {
    let start = Instant::now();
    let used_up = || {
        let mut source = Source::new(address(NAMED));
        source.allow(ms(1_000));
        while source.may_send(172) {}
        source
    };
    let mut heard = used_up();
    heard.admit(address(PHONE), &header(1, 1), start).unwrap();
    let mut answered = used_up();
    answered.on_answer();
    let mut vouched = used_up();
    vouched.vouch(address(NAMED).ip());
    for mut source in [heard, answered, vouched] {
        assert!((0..1_000).all(|_| source.may_send(172)));
    }
    let mut other = used_up();
    other.vouch(address(PHONE).ip());
    assert!(!other.may_send(172), "signalling from elsewhere proves nothing of this address");
}

#[test]
fn reinvites_to_ever_new_addresses_bring_no_new_allowance() {
    let mut source = Source::new(address(NAMED));
    source.allow(ms(1_000));
    let mut sent = 0;
    for host in 1..100_u8 {
        source.reconnect(SocketAddr::from(([198, 51, 100, host], 4_000)));
        sent += (0..100).filter(|_| source.may_send(172)).count();
    }
    assert_eq!(sent, 60);
}
