//! Finds the path of a leg's packets by connectivity checks. RFC 8445, RFC 7675.
//!
//! Towards a far side that checks paths itself we are lite: we answer, and the far side chooses. Towards one that is lite we
//! check and choose. Either way only an address from which somebody has proven to know the password of the signalling is
//! ever sent anything but the answer to its own request. Pure: datagrams and the time are handed in.

pub mod agent;

mod checks;

#[cfg(test)]
mod tests;
