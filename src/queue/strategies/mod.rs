//! The ring strategies, one file each. A new one: its file here, its name in [`crate::queue::config::StrategyName`].

pub mod fewest_calls;
pub mod in_order;
pub mod longest_idle;
pub mod ring_all;
pub mod round_robin;
