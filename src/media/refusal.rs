//! Why a datagram that came to a leg was not taken.

/// Each is a label of `desvio_rtp_dropped_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// From an address that is not the far side's, or before there is one.
    Source,
    /// From the far side's address but of another source than the one that is heard.
    Ssrc,
    /// Neither RTP nor RTCP of version 2, or its lengths contradict each other.
    Malformed,
    /// Longer than any packet of a telephone.
    Size,
    /// A payload type that was not negotiated.
    PayloadType,
    /// RTCP on the port of RTP, which was not negotiated.
    Control,
    /// The far side is on hold, or we do not listen.
    Hold,
    /// In the clear where encryption was negotiated, with a wrong key, or replayed.
    Encryption,
    /// A check of ICE, which was not negotiated: some phones send them to open the way through a NAT.
    Stun,
}

impl Refusal {
    pub const ALL: [Refusal; 9] = [
        Refusal::Source,
        Refusal::Ssrc,
        Refusal::Malformed,
        Refusal::Size,
        Refusal::PayloadType,
        Refusal::Control,
        Refusal::Hold,
        Refusal::Encryption,
        Refusal::Stun,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Refusal::Source => "source",
            Refusal::Ssrc => "ssrc",
            Refusal::Malformed => "malformed",
            Refusal::Size => "size",
            Refusal::PayloadType => "payload-type",
            Refusal::Control => "control",
            Refusal::Hold => "hold",
            Refusal::Encryption => "encryption",
            Refusal::Stun => "stun",
        }
    }
}

/// How many were refused for which reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refusals([u32; Refusal::ALL.len()]);

impl Refusals {
    pub fn count(&mut self, why: Refusal) {
        let count = &mut self.0[why as usize];
        *count = count.saturating_add(1);
    }

    pub fn total(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// Those that occurred.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u32)> {
        Refusal::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_place_and_a_word_of_its_own() {
        let mut refusals = Refusals::default();
        Refusal::ALL.into_iter().for_each(|why| refusals.count(why));
        refusals.count(Refusal::Ssrc);
        assert_eq!(refusals.total(), Refusal::ALL.len() as u64 + 1);
        assert!(refusals.iter().all(|(why, count)| count == 1 + u32::from(why == Refusal::Ssrc)));
        let words: std::collections::BTreeSet<&str> = Refusal::ALL.into_iter().map(Refusal::word).collect();
        assert_eq!(words.len(), Refusal::ALL.len());
    }
}
