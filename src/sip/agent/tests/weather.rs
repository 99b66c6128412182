//! How a network treats each packet, decided by one seed: lost, repeated, late, overtaken, or all of a while gone dark.
//!
//! It knows nothing of what is in a packet or of who sends it, so that the stories of the whole PBX use it as well.

use std::time::Duration;

/// How bad the network is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// Of 100 datagrams.
    pub(super) lost: u8,
    pub(super) doubled: u8,
    /// Every datagram takes up to this long: those sent later may come first.
    pub(super) delay: Duration,
    /// Of 1,000 datagrams, those with which a failure begins: it and the next few are all lost.
    pub(super) failures: u16,
}

impl Weather {
    /// Nothing is lost, and all takes a moment.
    pub(super) const FAIR: Weather = Weather { lost: 0, doubled: 0, delay: Duration::from_millis(20), failures: 0 };
}

/// A network in some weather: packet after packet, what becomes of it.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) weather: Weather,
    rng: fastrand::Rng,
    /// Packets that the present failure still swallows.
    dark: u8,
}

/// Packets that one failure swallows, at most.
const LONGEST_FAILURE: u8 = 12;

impl Network {
    pub(super) fn new(seed: u64, weather: Weather) -> Network {
        Network { weather, rng: fastrand::Rng::with_seed(seed ^ 0xd1ce), dark: 0 }
    }

    /// When each copy of the next packet arrives, from now on; none if it is lost.
    pub(super) fn fate(&mut self) -> Vec<Duration> {
        if self.dark == 0 && self.rng.u16(0..1_000) < self.weather.failures {
            self.dark = self.rng.u8(1..=LONGEST_FAILURE);
        }
        let is_dark = self.dark > 0;
        self.dark = self.dark.saturating_sub(1);
        if self.rng.u8(0..100) < self.weather.lost || is_dark {
            return Vec::new();
        }
        let copies = 1 + usize::from(self.rng.u8(0..100) < self.weather.doubled);
        (0..copies).map(|_| self.weather.delay.mul_f64(self.rng.f64())).collect()
    }
}
