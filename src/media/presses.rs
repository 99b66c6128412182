//! Each press heard once, by whatever ways it is told: in the media (telephone events, tones) and by signalling (INFO).
//!
//! Some phones tell a key twice. A key that comes by one way is taken for the press that came by the other when that was the
//! same key, less than [`WINDOW`] ago, and has not been matched yet; so two quick presses of one key stay two. Within the
//! media the pump sees to it: a leg that has sent a telephone event is not listened to for tones any more.

use std::time::Duration;
use std::time::Instant;

/// How a press was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Media,
    Info,
}

/// The presses of one far side.
#[derive(Debug, Clone, Default)]
pub struct Presses {
    /// Told by one way only so far; the newest is last.
    single: [Option<Press>; MOST],
}

#[derive(Debug, Clone, Copy)]
struct Press {
    key: char,
    way: Way,
    at: Instant,
}

/// An INFO is sent when the key is released, and may be sent again once.
pub const WINDOW: Duration = Duration::from_millis(1_500);

/// Nobody presses more keys within the window.
const MOST: usize = 16;

impl Presses {
    /// Takes in a key; gives it back if it is a press that was not heard before.
    pub fn hear(&mut self, key: char, way: Way, now: Instant) -> Option<char> {
        let matches =
            |press: &Press| press.key == key && press.way != way && now.saturating_duration_since(press.at) < WINDOW;
        if let Some(slot) = self.single.iter_mut().find(|slot| slot.as_ref().is_some_and(matches)) {
            *slot = None;
            return None;
        }
        self.single.rotate_left(1);
        self.single[MOST - 1] = Some(Press { key, way, at: now });
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn heard(told: &[(char, Way, u64)]) -> String {
        let (origin, mut presses) = (start(), Presses::default());
        let at = |ms: u64| origin + Duration::from_millis(ms);
        told.iter().filter_map(|(key, way, ms)| presses.hear(*key, *way, at(*ms))).collect()
    }

    #[test]
    fn a_phone_that_tells_each_key_twice_presses_it_once() {
        let (media, info) = (Way::Media, Way::Info);
        assert_eq!(heard(&[('1', media, 0), ('1', info, 120), ('2', info, 900), ('2', media, 950)]), "12");
        assert_eq!(heard(&[('1', media, 0), ('1', media, 200), ('1', info, 300), ('1', info, 500)]), "11");
    }

    #[test]
    fn a_phone_that_tells_it_one_way_is_heard_as_it_presses() {
        for way in [Way::Media, Way::Info] {
            assert_eq!(heard(&[('5', way, 0), ('5', way, 100), ('5', way, 200)]), "555");
        }
    }

    #[test]
    fn what_is_told_much_later_or_is_another_key_is_another_press() {
        assert_eq!(heard(&[('1', Way::Media, 0), ('1', Way::Info, 2_000), ('2', Way::Media, 2_100)]), "112");
    }
}
