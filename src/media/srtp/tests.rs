//! Against `rtc-srtp`, which others wrote, and against everything that a network may do to a packet.

use proptest::prelude::*;
use rtc_srtp::context::Context;
use rtc_srtp::crypto::default_provider;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::*;
use crate::media::rtp::Header;
use crate::media::security::MasterKey;
use crate::media::security::Suite;
use crate::media::srtp::receiver::Receiver;
use crate::media::srtp::sender::Sender;

const SSRC: u32 = 0xCAFE_BABE;

fn master(suite: Suite, seed: u8) -> MasterKey {
    let material: Vec<u8> = (0..suite.master_octets() as u8).map(|octet| octet.wrapping_mul(31) ^ seed).collect();
    MasterKey::new(suite, &material).unwrap()
}

fn pair(suite: Suite) -> (Sender, Receiver) {
    (Sender::new(suite, &master(suite, 7)), Receiver::new(suite, &master(suite, 7)))
}

/// The same key with the independent implementation.
fn independent(suite: Suite) -> Context {
    let profile = match suite {
        Suite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        Suite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Suite::AesCm256HmacSha1Tag80 => ProtectionProfile::Aes256CmHmacSha1_80,
        Suite::AesCm128HmacSha1Tag80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::AesCm128HmacSha1Tag32 => ProtectionProfile::Aes128CmHmacSha1_32,
    };
    let (master, provider) = (master(suite, 7), default_provider().unwrap());
    Context::new(master.key(), master.salt(), profile, None, None, provider.crypto()).unwrap()
}

fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let header = Header { payload_type: 8, marker: false, sequence, timestamp: u32::from(sequence) * 160, ssrc: SSRC };
    let mut fixed = [0; 12];
    header.write(&mut fixed);
    [&fixed, payload].concat()
}

/// With two CSRC and an extension of one word.
fn ornate(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = packet(sequence, &[]);
    packet[0] |= 0x12;
    packet.extend([0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 0x10, 9, 0, 0]);
    [&packet, payload].concat()
}

fn report(body: &[u8]) -> Vec<u8> {
    let words = (1 + body.len() / 4) as u16;
    [&[0x80, 201][..], &words.to_be_bytes(), &SSRC.to_be_bytes(), &body[..body.len() / 4 * 4]].concat()
}

fn sealed(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [packet, &[0; OVERHEAD]].concat();
    let length = sender.seal(&mut buffer, packet.len()).unwrap();
    buffer[..length].to_vec()
}

fn sealed_report(sender: &mut Sender, report: &[u8]) -> Vec<u8> {
    let mut buffer = [report, &[0; OVERHEAD]].concat();
    let length = sender.seal_report(&mut buffer, report.len()).unwrap();
    buffer[..length].to_vec()
}

fn opened(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut copy = packet.to_vec();
    let length = receiver.open(&mut copy)?;
    Ok(copy[..length].to_vec())
}

fn opened_report(receiver: &mut Receiver, report: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut copy = report.to_vec();
    let length = receiver.open_report(&mut copy)?;
    Ok(copy[..length].to_vec())
}

#[test]
fn counter_mode_makes_the_keystream_of_rfc_3711() {
    // RFC 3711 B.2: session key and salt are given, SSRC and index are 0.
    let key: Vec<u8> = u128::to_be_bytes(0x2B7E_1516_28AE_D2A6_ABF7_1588_09CF_4F3C).to_vec();
    let mut vector = [0; 16];
    vector[..14].copy_from_slice(&u128::to_be_bytes(0xF0F1_F2F3_F4F5_F6F7_F8F9_FAFB_FCFD)[2..]);
    let mut octets = [0; 32];
    counter::Keystream::new(&key).apply(&vector, &mut octets);
    let expected = [0xE03E_AD09_35C9_5E80_E166_B16D_D92B_4EB4_u128, 0xD235_1316_2B02_D0F7_2A43_A2FE_4A5F_97AB];
    assert_eq!(octets[..], expected.map(u128::to_be_bytes).concat());
}

#[test]
fn each_suite_adds_what_it_must_and_hides_the_payload() {
    for (suite, tag, report_tag) in [
        (Suite::AeadAes256Gcm, 16, 16),
        (Suite::AeadAes128Gcm, 16, 16),
        (Suite::AesCm256HmacSha1Tag80, 10, 10),
        (Suite::AesCm128HmacSha1Tag80, 10, 10),
        (Suite::AesCm128HmacSha1Tag32, 4, 10),
    ] {
        let (mut sender, _) = pair(suite);
        let plain = packet(1, &[0x55; 160]);
        let secured = sealed(&mut sender, &plain);
        assert_eq!(secured.len(), plain.len() + tag);
        assert_eq!(secured[..12], plain[..12]);
        assert!(!secured.windows(8).any(|window| window == [0x55; 8]));
        assert_eq!(sealed_report(&mut sender, &report(&[0x55; 20])).len(), 28 + report_tag + 4);
    }
}

#[test]
fn a_packet_passes_once_and_not_after_it_was_bent() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let (plain, plain_report) = (ornate(77, b"speech"), report(&[3; 24]));
        let (secured, secured_report) = (sealed(&mut sender, &plain), sealed_report(&mut sender, &plain_report));
        for at in 0..secured.len() * 8 {
            let mut bent = secured.clone();
            bent[at / 8] ^= 1 << (at % 8);
            assert!(opened(&mut receiver, &bent).is_err(), "{suite:?} {at}");
        }
        for at in 0..secured_report.len() * 8 {
            let mut bent = secured_report.clone();
            bent[at / 8] ^= 1 << (at % 8);
            assert!(opened_report(&mut receiver, &bent).is_err(), "{suite:?} {at}");
        }
        for end in 0..secured.len() {
            assert!(opened(&mut receiver, &secured[..end]).is_err());
        }
        for end in 0..secured_report.len() {
            assert!(opened_report(&mut receiver, &secured_report[..end]).is_err());
        }
        assert_eq!(opened(&mut receiver, &secured), Ok(plain.clone()));
        assert_eq!(opened(&mut receiver, &secured), Err(Refusal::Replayed));
        assert_eq!(opened_report(&mut receiver, &secured_report), Ok(plain_report));
        assert_eq!(opened_report(&mut receiver, &secured_report), Err(Refusal::Replayed));
        assert!(opened(&mut receiver, &plain).is_err(), "a plain packet is none");
        assert_eq!(receiver.opened(), 2);
    }
}

#[test]
fn no_index_is_used_twice_for_two_packets() {
    let (mut sender, _) = pair(Suite::AeadAes128Gcm);
    sealed(&mut sender, &packet(9, b"one"));
    let mut buffer = [packet(9, b"two"), vec![0; OVERHEAD]].concat();
    assert_eq!(sender.seal(&mut buffer, 15), Err(Refusal::Replayed));
    assert_eq!(sender.seal(&mut buffer[..20], 15), Err(Refusal::Replayed));
    let mut tight = packet(10, b"two");
    assert_eq!(sender.seal(&mut tight, 15), Err(Refusal::NoRoom));
}

#[test]
fn another_source_under_the_same_key_is_heard_and_the_number_of_sources_is_bounded() {
    let suite = Suite::AesCm128HmacSha1Tag80;
    let (_, mut receiver) = pair(suite);
    for ssrc in 0..100_u32 {
        let mut sender = Sender::new(suite, &master(suite, 7));
        let mut plain = packet(1, b"speech");
        plain[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let secured = sealed(&mut sender, &plain);
        assert_eq!(opened(&mut receiver, &secured), Ok(plain));
        assert_eq!(opened(&mut receiver, &secured), Err(Refusal::Replayed));
    }
}

#[test]
fn after_a_change_of_keys_both_kinds_of_far_sides_are_understood() {
    let suite = Suite::AesCm128HmacSha1Tag80;
    let (mut old_sender, mut old) = pair(suite);
    for sequence in [65_535, 0, 1] {
        let secured = sealed(&mut old_sender, &packet(sequence, b"old"));
        opened(&mut old, &secured).unwrap();
    }
    // One that goes on counting turns, as RFC 3711 has it.
    let mut goes_on = Sender::new(suite, &master(suite, 9));
    sealed(&mut goes_on, &packet(65_535, b"not sent"));
    let mut receiver = Receiver::new(suite, &master(suite, 9)).after(&old);
    let (plain, next) = (packet(2, b"new"), packet(3, b"new"));
    assert_eq!(opened(&mut receiver, &sealed(&mut goes_on, &plain)), Ok(plain.clone()));
    assert_eq!(opened(&mut receiver, &sealed(&mut goes_on, &next)), Ok(next.clone()));
    // And one that begins anew.
    let mut anew = Sender::new(suite, &master(suite, 9));
    let mut receiver = Receiver::new(suite, &master(suite, 9)).after(&old);
    assert_eq!(opened(&mut receiver, &sealed(&mut anew, &plain)), Ok(plain));
    assert_eq!(opened(&mut receiver, &sealed(&mut anew, &next)), Ok(next));
}

#[test]
fn keys_may_be_changed_exactly_where_the_sequence_turns() {
    let suite = Suite::AesCm128HmacSha1Tag80;
    for (last, first) in [(65_535, 0), (65_534, 0), (65_535, 1), (65_533, 65_535)] {
        let (mut old_sender, mut old) = pair(suite);
        opened(&mut old, &sealed(&mut old_sender, &packet(last, b"old"))).unwrap();
        let new = || Receiver::new(suite, &master(suite, 9)).after(&old);
        // One that goes on counting turns.
        let mut goes_on = Sender::new(suite, &master(suite, 9));
        sealed(&mut goes_on, &packet(last, b"not sent"));
        let mut receiver = new();
        for step in 0..3_u16 {
            let plain = packet(u16::wrapping_add(first, step), b"new");
            assert_eq!(opened(&mut receiver, &sealed(&mut goes_on, &plain)), Ok(plain), "{last} {first} {step}");
        }
        // And one that begins anew.
        let mut anew = Sender::new(suite, &master(suite, 9));
        let mut receiver = new();
        for step in 0..3_u16 {
            let plain = packet(u16::wrapping_add(first, step), b"new");
            assert_eq!(opened(&mut receiver, &sealed(&mut anew, &plain)), Ok(plain), "{last} {first} {step}");
        }
        // What came late from before the turn is the old key's.
        let late = sealed(&mut old_sender, &packet(last - 1, b"late"));
        assert!(opened(&mut receiver, &late).is_err());
        assert_eq!(opened(&mut old, &late), Ok(packet(last - 1, b"late")));
    }
}

#[test]
fn a_mark_stands_where_the_rfcs_put_it_and_another_mark_is_another_keys() {
    let mark = Mark::new(0x0102_0304, 4);
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let (mut unmarked, _) = pair(suite);
        let (plain, plain_report) = (packet(5, b"speech"), report(&[3; 24]));
        let (bare, bare_report) = (sealed(&mut unmarked, &plain), sealed_report(&mut unmarked, &plain_report));
        sender.set_mark(mark);
        let (marked, marked_report) = (sealed(&mut sender, &plain), sealed_report(&mut sender, &plain_report));
        // Before the tag of counter mode, behind everything of AES-GCM: RFC 3711 §3.1 and §3.4, RFC 7714 §7.1 and §9.
        let tail = |tag: usize| if matches!(suite, Suite::AeadAes256Gcm | Suite::AeadAes128Gcm) { 0 } else { tag };
        let tag = if suite == Suite::AesCm128HmacSha1Tag32 { 4 } else { 10 };
        for (bare, marked, tail) in [(bare, &marked, tail(tag)), (bare_report, &marked_report, tail(10))] {
            let at = bare.len() - tail;
            assert_eq!(*marked, [&bare[..at], &[1, 2, 3, 4], &bare[at..]].concat(), "{suite:?}");
        }
        receiver.set_mark(Mark::new(9, 4));
        assert_eq!(opened(&mut receiver, &marked), Err(Refusal::Forged));
        receiver.set_mark(mark);
        for end in 0..marked.len() {
            assert!(opened(&mut receiver, &marked[..end]).is_err());
        }
        assert_eq!(opened(&mut receiver, &marked), Ok(plain));
        assert_eq!(opened(&mut receiver, &marked), Err(Refusal::Replayed));
        assert_eq!(opened_report(&mut receiver, &marked_report), Ok(plain_report));
    }
}

fn suites() -> impl Strategy<Value = Suite> {
    proptest::sample::select(Suite::ALL.to_vec())
}

proptest! {
    // AES without optimisation is slow.
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Over two turns of the sequence numbers, with losses, in both directions.
    #[test]
    fn what_one_seals_the_other_opens(
        suite in suites(),
        start in 0_u16..0x8000,
        steps in proptest::collection::vec((1_u16..900, proptest::collection::vec(any::<u8>(), 1..200)), 1..260),
    ) {
        let (mut sender, mut receiver) = pair(suite);
        let (mut their_sender, mut their_receiver) = (independent(suite), independent(suite));
        let mut sequence = start;
        for (step, payload) in steps {
            let plain = if step % 2 == 0 { ornate(sequence, &payload) } else { packet(sequence, &payload) };
            let ours = sealed(&mut sender, &plain);
            let theirs = their_sender.encrypt_rtp(&plain).unwrap();
            prop_assert_eq!(&ours[..], &theirs[..]);
            prop_assert_eq!(&their_receiver.decrypt_rtp(&ours).unwrap()[..], &plain[..]);
            prop_assert_eq!(opened(&mut receiver, &theirs), Ok(plain));
            sequence = sequence.wrapping_add(step);

            let plain = report(&payload);
            let ours = sealed_report(&mut sender, &plain);
            prop_assert_eq!(&their_receiver.decrypt_rtcp(&ours).unwrap()[..], &plain[..]);
            let theirs = their_sender.encrypt_rtcp(&plain).unwrap();
            prop_assert_eq!(opened_report(&mut receiver, &theirs), Ok(plain));
        }
    }

    /// Each packet is heard exactly once however the network shuffles and repeats within the window.
    #[test]
    fn order_does_not_matter_and_repetition_is_refused(
        suite in suites(),
        start in any::<u16>(),
        order in proptest::collection::vec(0_u16..100, 1..300),
    ) {
        let (mut sender, mut receiver) = pair(suite);
        let secured: Vec<Vec<u8>> =
            (0..100).map(|n| sealed(&mut sender, &packet(start.wrapping_add(n), &n.to_be_bytes()))).collect();
        let mut known = std::collections::BTreeSet::new();
        // The first must have come: nobody can know how often the numbers had begun anew before.
        opened(&mut receiver, &secured[0]).unwrap();
        known.insert(0);
        for n in order {
            let result = opened(&mut receiver, &secured[usize::from(n)]);
            prop_assert_eq!(result.is_ok(), known.insert(n), "{:?}", result);
        }
    }

    #[test]
    fn no_octets_make_it_panic(suite in suites(), octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        let (mut sender, mut receiver) = pair(suite);
        let mut copy = octets.clone();
        prop_assert!(receiver.open(&mut copy).is_err());
        let mut copy = octets.clone();
        prop_assert!(receiver.open_report(&mut copy).is_err());
        let length = octets.len();
        let mut buffer = [octets, vec![0; OVERHEAD]].concat();
        let _ = sender.seal(&mut buffer, length);
        let _ = sender.seal_report(&mut buffer, length);
    }
}
