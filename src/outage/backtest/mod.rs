//! Bad days again: written or recorded evidence runs through the detector on a virtual clock, and what it says is measured.

pub mod measure;
pub mod noise;
pub mod read;
pub mod recording;
pub mod replay;
mod rounds;
pub mod scenario;
#[cfg(test)]
mod stories;
