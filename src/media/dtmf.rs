//! Keys pressed, as telephone events (RFC 4733): each press heard once, however its packets fared.
//!
//! A press is a burst of packets that share a timestamp; the last one is sent three times. [`Receiver`] reports the
//! press at the first packet of a burst that it sees and lets the rest pass. [`Sender`] is the other direction: one
//! [`Step`] for every 20 ms.

use std::collections::VecDeque;

use crate::media::rtp::Phase;

/// Hears the presses of one far side.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    last: Option<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    event: u8,
    timestamp: u32,
    duration: u16,
    state: Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Down,
    Released,
}

impl Receiver {
    pub fn new() -> Receiver {
        Receiver::default()
    }

    /// Takes in the payload of a telephone-event packet and its RTP timestamp; gives the key when this is the first
    /// we hear of a press. Events that are no keys (16 and above: flash, tones) give nothing.
    pub fn on_packet(&mut self, payload: &[u8], timestamp: u32) -> Option<char> {
        let [event, flags, ..] = *payload.first_chunk::<4>()?;
        let state = if flags & END != 0 { Key::Released } else { Key::Down };
        let heard = Heard { event, timestamp, duration: duration(payload), state };
        match self.last {
            Some(last) if heard.timestamp.wrapping_sub(last.timestamp).cast_signed() < 0 => None,
            Some(last) if last.goes_on_as(&heard) => {
                self.last = Some(last.with(&heard));
                None
            }
            _ => {
                self.last = Some(heard);
                key(event)
            }
        }
    }

    /// Forgets the last press: the far side's timestamps have begun anew.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

impl Heard {
    fn goes_on_as(&self, next: &Heard) -> bool {
        let gap = next.timestamp.wrapping_sub(self.timestamp);
        match gap {
            0 => true,
            // RFC 4733 §2.5.1.3: a press longer than the duration field goes on under a new timestamp, without a pause.
            // Some gateways do so with every packet. A new press comes after a pause, and after an end.
            _ => self.state == Key::Down && self.event == next.event && gap <= u32::from(self.duration) + 1,
        }
    }

    /// Repetitions of the end may be overtaken by what came before it.
    fn with(&self, next: &Heard) -> Heard {
        let state = match (next.timestamp == self.timestamp, self.state) {
            (true, Key::Released) => Key::Released,
            _ => next.state,
        };
        let duration = if next.timestamp == self.timestamp { self.duration.max(next.duration) } else { next.duration };
        Heard { duration, state, ..*next }
    }
}

/// The ticks for which a telephone event has lasted. RFC 4733 §2.3.5.
pub fn duration(payload: &[u8]) -> u16 {
    match payload {
        [_, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

const END: u8 = 0x80;

/// Events 0-15 (RFC 4733 §3.2).
const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

fn key(event: u8) -> Option<char> {
    KEYS.get(usize::from(event)).copied()
}

fn event_of(key: char) -> Option<u8> {
    let key = key.to_ascii_uppercase();
    KEYS.iter().position(|known| *known == key).and_then(|event| u8::try_from(event).ok())
}

/// Presses keys towards a far side.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Ticks in 20 ms.
    ticks: u32,
    waiting: VecDeque<u8>,
    state: Sending,
}

#[derive(Debug, Clone, Copy)]
enum Sending {
    Idle,
    /// `sent` packets of this press have gone out.
    Pressed {
        event: u8,
        sent: u32,
    },
    /// The end has been sent `sent` times.
    Ending {
        event: u8,
        sent: u32,
    },
    /// Silence for so many more steps.
    Pausing {
        left: u32,
    },
}

/// What to do in one step of 20 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send this payload, its header by [`crate::media::rtp::Restamp::event`] with this phase.
    Send { payload: [u8; 4], phase: Phase },
    /// Send nothing, neither keys nor audio: the pause between two keys.
    Pause,
    /// Nothing is left to press; audio may go on.
    Idle,
}

impl Sender {
    /// `clock_rate` is that of the negotiated telephone-event.
    pub fn new(clock_rate: u32) -> Sender {
        Sender { ticks: clock_rate / 50, waiting: VecDeque::new(), state: Sending::Idle }
    }

    /// Puts keys in line; characters that are no keys are left out, and so is what goes beyond [`MAX_WAITING`].
    pub fn press(&mut self, digits: &str) {
        let room = MAX_WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(digits.chars().filter_map(event_of).take(room));
    }

    /// Takes the next step; to be called every 20 ms until it says `Idle`.
    pub fn step(&mut self) -> Step {
        let (state, step) = match self.state {
            Sending::Idle | Sending::Pausing { left: 0 } => match self.waiting.pop_front() {
                Some(event) => (Sending::Pressed { event, sent: 1 }, self.packet(event, 0, 1, Phase::Begins)),
                None => (Sending::Idle, Step::Idle),
            },
            Sending::Pressed { event, sent: PRESS_STEPS } => {
                (Sending::Ending { event, sent: 1 }, self.packet(event, END, PRESS_STEPS, Phase::Continues))
            }
            Sending::Pressed { event, sent } => {
                (Sending::Pressed { event, sent: sent + 1 }, self.packet(event, 0, sent + 1, Phase::Continues))
            }
            Sending::Ending { sent: END_REPEATS, .. } => (Sending::Pausing { left: PAUSE_STEPS - 1 }, Step::Pause),
            Sending::Ending { event, sent } => {
                (Sending::Ending { event, sent: sent + 1 }, self.packet(event, END, PRESS_STEPS, Phase::Continues))
            }
            Sending::Pausing { left } => (Sending::Pausing { left: left - 1 }, Step::Pause),
        };
        self.state = state;
        step
    }

    fn packet(&self, event: u8, end: u8, steps: u32, phase: Phase) -> Step {
        let duration = u16::try_from(self.ticks * steps).unwrap_or(u16::MAX);
        let [high, low] = duration.to_be_bytes();
        Step::Send { payload: [event, end | VOLUME, high, low], phase }
    }
}

/// Keys that may wait in line.
pub const MAX_WAITING: usize = 256;

/// -10 dBm0 (RFC 4733 §2.3.3).
const VOLUME: u8 = 10;

/// 100 ms down: twice what ITU-T Q.24 asks an exchange to recognise.
const PRESS_STEPS: u32 = 5;

/// RFC 4733 §2.5.1.4: the end is sent three times.
const END_REPEATS: u32 = 3;

/// 60 ms up, after the 40 ms that the repeated ends have taken.
const PAUSE_STEPS: u32 = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every packet of a row of presses as (payload, timestamp).
    fn presses(keys: &str) -> Vec<([u8; 4], u32)> {
        let mut sender = Sender::new(8_000);
        sender.press(keys);
        let (mut packets, mut timestamp, mut clock) = (Vec::new(), 0, 1_000_000_u32);
        loop {
            clock += 160;
            match sender.step() {
                Step::Send { payload, phase } => {
                    timestamp = if phase == Phase::Begins { clock } else { timestamp };
                    packets.push((payload, timestamp));
                }
                Step::Pause => {}
                Step::Idle => return packets,
            }
        }
    }

    fn heard(packets: &[([u8; 4], u32)]) -> String {
        let mut receiver = Receiver::new();
        packets.iter().filter_map(|(payload, timestamp)| receiver.on_packet(payload, *timestamp)).collect()
    }

    #[test]
    fn a_press_is_a_burst_whose_end_is_sent_three_times() {
        let packets = presses("5");
        let ends: Vec<bool> = packets.iter().map(|(payload, _)| payload[1] & END != 0).collect();
        assert_eq!(ends, [false, false, false, false, false, true, true, true]);
        assert_eq!(packets[0].0, [5, VOLUME, 0, 160]);
        assert_eq!(packets[7].0, [5, END | VOLUME, 3, 32], "800 ticks");
        assert_eq!(heard(&packets), "5");
    }

    #[test]
    fn all_keys_are_sent_and_heard_and_other_characters_left_out() {
        assert_eq!(heard(&presses("0123456789*#ABCD")), "0123456789*#ABCD");
        assert_eq!(heard(&presses("1, 1w-b")), "11B");
    }

    #[test]
    fn a_press_of_which_one_packet_arrives_is_heard() {
        for packet in presses("7") {
            assert_eq!(heard(&[packet]), "7");
        }
    }

    #[test]
    fn late_packets_of_an_earlier_press_are_not_heard_again() {
        let packets = presses("12");
        let mut shuffled = packets.clone();
        shuffled.swap(7, 8);
        shuffled.push(packets[7]);
        assert_eq!(heard(&shuffled), "12");
    }

    #[test]
    fn one_long_press_under_several_timestamps_is_one_press() {
        let segments = [
            ([5, 10, 0xff, 0x00], 1_000),
            ([5, 10, 0xff, 0xff], 1_000),
            ([5, 10, 0, 160], 66_535),
            ([5, 0x8a, 1, 64], 66_535),
        ];
        assert_eq!(heard(&segments), "5");
        let every_packet = [([5, 10, 0, 160], 1_000), ([5, 10, 0, 160], 1_160), ([5, 0x8a, 0, 160], 1_320)];
        assert_eq!(heard(&every_packet), "5");
    }

    #[test]
    fn the_same_key_twice_is_two_presses_though_every_end_is_lost() {
        let packets: Vec<_> = presses("33").into_iter().filter(|(payload, _)| payload[1] & END == 0).collect();
        assert_eq!(heard(&packets), "33");
    }

    #[test]
    fn what_is_no_key_is_not_heard() {
        assert_eq!(heard(&[([16, 10, 0, 160], 0)]), "");
        assert_eq!(Receiver::new().on_packet(&[1, 2, 3], 0), None);
    }

    proptest! {
        #[test]
        fn each_press_is_heard_once_whatever_is_lost_repeated_or_swapped(keys in "[0-9*#A-D]{1,12}", fate in prop::collection::vec(0..4_u8, 96)) {
            let mut arriving = Vec::new();
            for (index, packet) in presses(&keys).into_iter().enumerate() {
                // Of each burst of eight the second always arrives.
                let copies = if index % 8 == 1 { 1 } else { [0, 1, 1, 2][usize::from(fate[index])] };
                arriving.extend(std::iter::repeat_n(packet, copies));
            }
            for index in 1..arriving.len() {
                if fate[index % fate.len()] == 3 && arriving[index].1 == arriving[index - 1].1 {
                    arriving.swap(index, index - 1);
                }
            }
            prop_assert_eq!(heard(&arriving), keys);
        }
    }
}
