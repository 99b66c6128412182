//! How much something counts: a number such as `0.4`, kept in thousandths so that sums are exact.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::outage::Layer;

/// Written as a number from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Weight {
    thousandths: u32,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{0}` is no weight: a number from 0 to 100, such as 0.5")]
pub struct WeightError(f64);

/// The share that must be passed: from 0 to less than 1, for more than all is never bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Quorum(Weight);

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no quorum: a number from 0 to less than 1, such as 0.5. A layer fails when more than this share of its targets is bad, and more than all never is"
)]
pub struct QuorumError(f64);

impl Quorum {
    pub const HALF: Quorum = Quorum(Weight::thousandths(500));

    pub(super) fn in_thousandths(self) -> u32 {
        self.0.in_thousandths()
    }
}

impl TryFrom<f64> for Quorum {
    type Error = QuorumError;

    fn try_from(number: f64) -> Result<Quorum, QuorumError> {
        let share = Weight::try_from(number).map_err(|_| QuorumError(number))?;
        if share < Weight::ONE { Ok(Quorum(share)) } else { Err(QuorumError(number)) }
    }
}

/// `weights = { … }`: what each layer adds to the score. At 1 the channel fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Each of the first five when most of its targets are bad. Default: 1.
    pub dns: Weight,
    pub tcp: Weight,
    pub tls: Weight,
    pub http: Weight,
    pub api: Weight,
    /// When any feed tells of trouble: feeds are late, and they err. Default: 0.4.
    pub feed: Weight,
    /// Times 1 when our sends fail, 0.4 when receipts are late, 0.3 when customers are silent; together at most once.
    /// Default: 1.
    pub traffic: Weight,
    /// For each peer who reports, up to two. Default: 0.5.
    pub report: Weight,
    /// For each person who says so, up to two. Default: 0.5.
    pub person: Weight,
}

impl Weight {
    pub const ONE: Weight = Weight::thousandths(1000);

    pub const fn thousandths(thousandths: u32) -> Weight {
        Weight { thousandths }
    }

    pub(super) fn in_thousandths(self) -> u32 {
        self.thousandths
    }

    /// That share of this weight.
    pub(super) fn times(self, share: Weight) -> u32 {
        self.thousandths * share.thousandths / 1000
    }
}

impl Weights {
    pub fn of(&self, layer: Layer) -> Weight {
        match layer {
            Layer::Dns => self.dns,
            Layer::Tcp => self.tcp,
            Layer::Tls => self.tls,
            Layer::Http => self.http,
            Layer::Api => self.api,
            Layer::Feed => self.feed,
            Layer::Traffic => self.traffic,
            Layer::Report => self.report,
            Layer::Person => self.person,
        }
    }
}

impl Default for Weights {
    fn default() -> Weights {
        Weights {
            dns: Weight::ONE,
            tcp: Weight::ONE,
            tls: Weight::ONE,
            http: Weight::ONE,
            api: Weight::ONE,
            feed: Weight::thousandths(400),
            traffic: Weight::ONE,
            report: Weight::thousandths(500),
            person: Weight::thousandths(500),
        }
    }
}

impl Default for Weight {
    fn default() -> Weight {
        Weight::ONE
    }
}

impl TryFrom<f64> for Weight {
    type Error = WeightError;

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100,000 is inside u32")]
    fn try_from(number: f64) -> Result<Weight, WeightError> {
        match (0.0..=100.0).contains(&number) {
            true => Ok(Weight { thousandths: (number * 1000.0).round() as u32 }),
            false => Err(WeightError(number)),
        }
    }
}

impl From<Weight> for f64 {
    fn from(weight: Weight) -> f64 {
        f64::from(weight.thousandths) / 1000.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_numbers_and_nothing_below_zero() {
        let weights: Weights = toml::from_str("feed = 0.25\napi = 2").unwrap();
        assert_eq!((weights.feed.to_string(), weights.api.to_string()), ("0.25".to_owned(), "2".to_owned()));
        assert_eq!(weights.dns, Weight::ONE);
        for wrong in ["feed = -0.1", "feed = 101", "feed = nan", "feeds = 1"] {
            assert!(toml::from_str::<Weights>(wrong).is_err(), "{wrong}");
        }
    }
}
