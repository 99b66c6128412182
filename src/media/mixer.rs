//! Mixes the voices of a room: each hears the sum of all others, and never himself.
//!
//! One pass for all: whoever everybody may hear is summed once, and what a listener gets is that sum without his own
//! part. Whispers are heard by one alone and stand beside the sum. A seat that says nothing has no part, so all
//! silent listeners hear the same and one encoding serves them. Nothing is allocated once everybody has a seat.

use crate::media::command::LegId;
use crate::media::command::Role;
use crate::media::level;

/// Samples a second of the mix: wide band, which half of all telephones can carry.
pub const RATE: u32 = 16_000;

/// 20 ms of the mix.
pub const FRAME: usize = 320;

pub type Frame = [i16; FRAME];

pub const SILENCE: Frame = [0; FRAME];

/// The seats of one room, by number; the caller keeps its own list in the same order.
#[derive(Debug, Default)]
pub struct Mixer {
    seats: Vec<Seat>,
    /// What everybody may hear.
    total: Sum,
    /// Seats that whisper.
    whispers: usize,
}

#[derive(Debug)]
struct Sum(Box<[i32; FRAME]>);

impl Default for Sum {
    fn default() -> Sum {
        Sum(Box::new([0; FRAME]))
    }
}

#[derive(Debug)]
struct Seat {
    who: LegId,
    role: Role,
    gate: Gate,
    /// What this one has said in the frame in hand.
    said: Box<Frame>,
    part: Part,
}

/// Where a seat's frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Nowhere,
    Total,
    Whisper { to: LegId },
}

/// What lets a frame pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Everything that is a sound: for two who talk.
    Open,
    /// Speech, and what lies between words: for many, whose offices would add up.
    Speech {
        /// Frames that still pass.
        open_for: u8,
    },
}

impl Gate {
    pub const SPEECH: Gate = Gate::Speech { open_for: 0 };

    /// Whether this frame is heard.
    fn passes(&mut self, frame: &Frame) -> bool {
        let loudness = level::mean(frame);
        match self {
            Gate::Open => loudness > 0,
            Gate::Speech { open_for } if loudness >= SPEECH => {
                *open_for = HANGOVER;
                true
            }
            Gate::Speech { open_for } => {
                let passes = *open_for > 0 && loudness > 0;
                *open_for = open_for.saturating_sub(1);
                passes
            }
        }
    }
}

/// About -50 dBm0: a soft voice is well above, an office that nobody talks in below.
const SPEECH: u32 = 80;

/// Frames that pass after the last loud one, so that no word loses its end: 400 ms.
const HANGOVER: u8 = 20;

impl Mixer {
    /// The new seat has the highest number.
    pub fn join(&mut self, who: LegId, role: Role, gate: Gate) {
        self.seats.push(Seat { who, role, gate, said: Box::new(SILENCE), part: Part::Nowhere });
    }

    /// The last seat takes the number of the one that is left, as with [`Vec::swap_remove`].
    pub fn leave(&mut self, seat: usize) {
        if seat < self.seats.len() {
            self.seats.swap_remove(seat);
        }
    }

    pub fn set_role(&mut self, seat: usize, role: Role) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.role = role;
        }
    }

    /// Where the frame of a seat is to be put before [`Mixer::sum`].
    pub fn frame(&mut self, seat: usize) -> Option<&mut Frame> {
        self.seats.get_mut(seat).map(|seat| &mut *seat.said)
    }

    /// Adds everything up; `announced` is heard by all.
    pub fn sum(&mut self, announced: &Frame) {
        self.whispers = 0;
        for (sum, sample) in self.total.0.iter_mut().zip(announced) {
            *sum = i32::from(*sample);
        }
        for seat in &mut self.seats {
            let passes = seat.gate.passes(&seat.said);
            seat.part = match seat.role {
                Role::Speaker if passes => Part::Total,
                Role::Whisperer { to } if passes => Part::Whisper { to },
                _ => Part::Nowhere,
            };
            match seat.part {
                Part::Total => add(&mut self.total.0, &seat.said),
                Part::Whisper { .. } => self.whispers += 1,
                Part::Nowhere => {}
            }
        }
    }

    /// Whether a seat hears just what all silent listeners hear.
    pub fn hears_all(&self, seat: usize) -> bool {
        self.seats.get(seat).is_none_or(|listener| {
            listener.part != Part::Total && (self.whispers == 0 || self.whispers_to(listener.who).next().is_none())
        })
    }

    /// What one who has said nothing hears: all that may be heard by all.
    pub fn all(&self, out: &mut Frame) {
        for (out, sum) in out.iter_mut().zip(self.total.0.iter()) {
            *out = limited(*sum);
        }
    }

    /// What a seat hears.
    pub fn mix(&self, seat: usize, out: &mut Frame) {
        let Some(listener) = self.seats.get(seat) else {
            return self.all(out);
        };
        let mut sum = *self.total.0;
        if listener.part == Part::Total {
            for (sum, own) in sum.iter_mut().zip(listener.said.iter()) {
                *sum -= i32::from(*own);
            }
        }
        if self.whispers > 0 {
            self.whispers_to(listener.who).for_each(|frame| add(&mut sum, frame));
        }
        for (out, sum) in out.iter_mut().zip(sum) {
            *out = limited(sum);
        }
    }

    fn whispers_to(&self, listener: LegId) -> impl Iterator<Item = &Frame> {
        let to_him = move |seat: &&Seat| seat.part == Part::Whisper { to: listener } && seat.who != listener;
        self.seats.iter().filter(to_him).map(|seat| &*seat.said)
    }
}

fn add(total: &mut [i32; FRAME], frame: &Frame) {
    for (sum, sample) in total.iter_mut().zip(frame) {
        *sum += i32::from(*sample);
    }
}

/// Up to here nothing is changed: two loud voices at once.
const KNEE: i32 = 24_576;

/// Above the knee the louder is bent ever flatter and never reaches the edge: no hard clipping, however many shout.
fn limited(sum: i32) -> i16 {
    let loud = sum.saturating_abs();
    if loud <= KNEE {
        return sum as i16;
    }
    let (over, room) = (i64::from(loud - KNEE), i64::from(i32::from(i16::MAX) - KNEE));
    let bent = i64::from(KNEE) + over * room / (over + room);
    (bent * i64::from(sum.signum())) as i16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room(roles: &[Role], gate: Gate) -> Mixer {
        let mut mixer = Mixer::default();
        for (seat, role) in roles.iter().enumerate() {
            mixer.join(LegId(seat as u64), *role, gate);
        }
        mixer
    }

    /// Each seat says a constant value; what each then hears.
    fn said(mixer: &mut Mixer, values: &[i16]) -> Vec<i16> {
        for (seat, value) in values.iter().enumerate() {
            *mixer.frame(seat).unwrap() = [*value; FRAME];
        }
        mixer.sum(&SILENCE);
        (0..values.len()).map(|seat| heard(mixer, seat)).collect()
    }

    fn heard(mixer: &Mixer, seat: usize) -> i16 {
        let mut out = SILENCE;
        mixer.mix(seat, &mut out);
        assert!(out.iter().all(|sample| *sample == out[0]));
        out[0]
    }

    fn role(number: u8, seats: usize) -> Role {
        match usize::from(number) % 3 {
            0 => Role::Speaker,
            1 => Role::Listener,
            _ => Role::Whisperer { to: LegId((usize::from(number) % seats) as u64) },
        }
    }

    proptest! {
        #[test]
        fn each_hears_the_sum_of_all_others_who_may_speak_to_him(
            seats in prop::collection::vec((any::<u8>(), -2_000_i16..2_000), 1..12)
        ) {
            let roles: Vec<Role> = seats.iter().map(|(number, _)| role(*number, seats.len())).collect();
            let values: Vec<i16> = seats.iter().map(|(_, value)| *value).collect();
            let mut mixer = room(&roles, Gate::Open);
            let heard = said(&mut mixer, &values);
            for (listener, heard) in heard.iter().enumerate() {
                let others = (0..roles.len()).filter(|seat| *seat != listener).filter(|seat| match roles[*seat] {
                    Role::Speaker => true,
                    Role::Listener => false,
                    Role::Whisperer { to } => to == LegId(listener as u64),
                });
                let expected: i16 = others.map(|seat| values[seat]).sum();
                prop_assert_eq!(*heard, expected, "seat {} of {:?}", listener, roles);
                if mixer.hears_all(listener) {
                    let mut all = SILENCE;
                    mixer.all(&mut all);
                    prop_assert_eq!(all[0], expected, "the shared mix is his");
                }
            }
        }

        #[test]
        fn however_many_shout_nothing_wraps_and_the_louder_stays_the_louder(sums in prop::collection::vec(-6_000_000_i32..6_000_000, 2..50)) {
            let mut sorted = sums;
            sorted.sort_unstable();
            let out: Vec<i16> = sorted.iter().map(|sum| limited(*sum)).collect();
            prop_assert!(out.is_sorted());
            for (sum, out) in sorted.iter().zip(out) {
                prop_assert!(i32::from(out).abs() <= sum.abs());
                prop_assert_eq!(i32::from(out).signum(), sum.signum());
            }
        }
    }

    #[test]
    fn an_announcement_is_heard_by_all_muted_or_not() {
        let mut mixer = room(&[Role::Speaker, Role::Listener], Gate::Open);
        *mixer.frame(0).unwrap() = [100; FRAME];
        mixer.sum(&[7; FRAME]);
        assert_eq!((heard(&mixer, 0), heard(&mixer, 1)), (7, 107));
    }

    #[test]
    fn a_supervisor_listens_whispers_and_barges_in() {
        let (agent, customer, supervisor) = (0, 1, 2);
        let mut mixer = room(&[Role::Speaker, Role::Speaker, Role::Listener], Gate::Open);
        assert_eq!(said(&mut mixer, &[1000, 200, 30]), [200, 1000, 1200]);
        mixer.set_role(supervisor, Role::Whisperer { to: LegId(agent) });
        assert_eq!(said(&mut mixer, &[1000, 200, 30]), [230, 1000, 1200]);
        mixer.set_role(supervisor, Role::Speaker);
        assert_eq!(said(&mut mixer, &[1000, 200, 30]), [230, 1030, 1200]);
        mixer.leave(customer);
        assert_eq!(said(&mut mixer, &[1000, 30]), [30, 1000]);
    }

    #[test]
    fn an_office_in_which_nobody_talks_is_not_heard_and_a_word_keeps_its_end() {
        let mut mixer = room(&[Role::Speaker, Role::Speaker], Gate::SPEECH);
        assert_eq!(said(&mut mixer, &[50, 0]), [0, 0]);
        assert_eq!(said(&mut mixer, &[2000, 0]), [0, 2000]);
        for _ in 0..HANGOVER {
            assert_eq!(said(&mut mixer, &[50, 0]), [0, 50]);
        }
        assert_eq!(said(&mut mixer, &[50, 0]), [0, 0]);
        assert!(mixer.hears_all(0), "who is silent shares the encoding of the others");
    }
}
