//! The keys of a leg, and their change in the middle of a call.

use crate::media::security::Mark;
use crate::media::security::Marks;
use crate::media::security::MasterKey;
use crate::media::security::Suite;
use crate::media::srtp::Refusal;
use crate::media::srtp::receiver::Receiver;
use crate::media::srtp::sender::Sender;

#[derive(Debug)]
pub(super) struct Keys {
    ours: (Suite, MasterKey),
    theirs: (Suite, MasterKey),
    sender: Sender,
    receiver: Receiver,
    marks: Marks,
    /// Of further keys of theirs, told apart by their marks.
    others: Vec<Receiver>,
    /// Of the key before, for packets that were on their way when it was changed.
    former: Option<Box<Receiver>>,
}

/// So many packets under a new key say that none under the old one is on its way any more: two seconds.
const FORMER_ENDS_AFTER: u64 = 100;

/// Whether a datagram is sound or a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Packet,
    Report,
}

impl Keys {
    pub(super) fn new(suite: Suite, ours: MasterKey, theirs: MasterKey) -> Keys {
        Keys {
            ours: (suite, ours),
            theirs: (suite, theirs),
            sender: Sender::new(suite, &ours),
            receiver: Receiver::new(suite, &theirs),
            marks: Marks::default(),
            others: Vec::new(),
            former: None,
        }
    }

    /// What packets say of their keys from now on. Keys that stay are not begun anew.
    pub(super) fn mark(&mut self, marks: &Marks) {
        self.sender.set_mark(marks.ours);
        self.receiver.set_mark(marks.theirs);
        if self.marks.more != marks.more {
            let suite = self.theirs.0;
            let other = |(mark, key): &(Mark, MasterKey)| {
                let mut receiver = Receiver::new(suite, key);
                receiver.set_mark(Some(*mark));
                receiver
            };
            self.others = marks.more.iter().map(other).collect();
        }
        self.marks = marks.clone();
    }

    pub(super) fn sends_under(&self, suite: Suite, ours: MasterKey) -> bool {
        self.ours == (suite, ours)
    }

    /// A direction whose key stays goes on where it is: to begin anew would use its keystream a second time.
    pub(super) fn change(&mut self, suite: Suite, ours: MasterKey, theirs: MasterKey) {
        if self.ours != (suite, ours) {
            self.ours = (suite, ours);
            self.sender = Sender::new(suite, &ours);
        }
        if self.theirs.0 != suite {
            (self.others, self.marks.more) = (Vec::new(), Vec::new());
        }
        if self.theirs != (suite, theirs) {
            self.theirs = (suite, theirs);
            let next = Receiver::new(suite, &theirs).after(&self.receiver);
            self.former = Some(Box::new(std::mem::replace(&mut self.receiver, next)));
        }
    }

    /// Opens a datagram where it lies; the octets that it has then.
    pub(super) fn open(&mut self, datagram: &mut [u8], content: Content) -> Result<usize, Refusal> {
        for other in &mut self.others {
            if other.opened() == 0 {
                other.follow(&self.receiver);
            }
            if let Ok(length) = open(other, datagram, content) {
                return Ok(length);
            }
        }
        if self.former.is_none() {
            return open(&mut self.receiver, datagram, content);
        }
        if self.receiver.opened() >= FORMER_ENDS_AFTER {
            self.former = None;
        }
        // A failed attempt may spoil the octets, so the second one needs them whole.
        let mut copy = [0; super::DATAGRAM];
        let copy = copy.get_mut(..datagram.len()).ok_or(Refusal::Malformed)?;
        copy.copy_from_slice(datagram);
        let refusal = match open(&mut self.receiver, datagram, content) {
            Ok(length) => return Ok(length),
            Err(refusal) => refusal,
        };
        let former = self.former.as_mut().ok_or(refusal)?;
        let length = open(former, copy, content).map_err(|_| refusal)?;
        datagram[..length].copy_from_slice(&copy[..length]);
        Ok(length)
    }

    /// Whether the far side has sent under these keys, not only under those of before.
    pub(super) fn are_proven(&self) -> bool {
        self.receiver.opened() > 0
    }

    /// Seals the datagram at the start of `buffer`; the octets that it has then.
    pub(super) fn seal(&mut self, buffer: &mut [u8], length: usize, content: Content) -> Result<usize, Refusal> {
        match content {
            Content::Packet => self.sender.seal(buffer, length),
            Content::Report => self.sender.seal_report(buffer, length),
        }
    }
}

fn open(receiver: &mut Receiver, datagram: &mut [u8], content: Content) -> Result<usize, Refusal> {
    match content {
        Content::Packet => receiver.open(datagram),
        Content::Report => receiver.open_report(datagram),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: Suite = Suite::AesCm128HmacSha1Tag80;

    fn key(suite: Suite, octet: u8) -> MasterKey {
        MasterKey::new(suite, &vec![octet; suite.master_octets()]).unwrap()
    }

    /// Of a far side that uses its first key or its second.
    fn far(suite: Suite, octet: u8, number: u64) -> Keys {
        let mut keys = Keys::new(suite, key(suite, octet), key(suite, 1));
        keys.mark(&Marks { ours: Mark::new(number, 2), ..Marks::default() });
        keys
    }

    fn near(suite: Suite) -> (Keys, Marks) {
        let more = vec![(Mark::new(2, 2).unwrap(), key(suite, 7))];
        let marks = Marks { ours: None, theirs: Mark::new(1, 2), more };
        let mut keys = Keys::new(suite, key(suite, 1), key(suite, 2));
        keys.mark(&marks);
        (keys, marks)
    }

    fn sealed(keys: &mut Keys, sequence: u16) -> Vec<u8> {
        let mut packet = [&[0x80, 8][..], &sequence.to_be_bytes(), &[0; 8], &[0x55; 160], &[0; 40]].concat();
        let length = keys.seal(&mut packet, 172, Content::Packet).unwrap();
        packet.truncate(length);
        packet
    }

    #[test]
    fn a_second_key_goes_on_with_the_turns_of_the_first() {
        let (mut near, _) = near(SUITE);
        let (mut first, mut second) = (far(SUITE, 2, 1), far(SUITE, 7, 2));
        for sequence in [65_534, 65_535, 0, 1] {
            assert_eq!(near.open(&mut sealed(&mut first, sequence), Content::Packet), Ok(172));
            // It counts as well, and nothing of it is sent yet.
            sealed(&mut second, sequence);
        }
        for sequence in [2, 3] {
            assert_eq!(near.open(&mut sealed(&mut second, sequence), Content::Packet), Ok(172), "{sequence}");
        }
    }

    #[test]
    fn further_keys_are_of_the_suite_that_is_agreed_on() {
        let (mut near, marks) = near(SUITE);
        let shorter = Suite::AesCm128HmacSha1Tag32;
        near.change(shorter, key(shorter, 1), key(shorter, 2));
        near.mark(&marks);
        let mut second = far(shorter, 7, 2);
        assert_eq!(near.open(&mut sealed(&mut second, 9), Content::Packet), Ok(172));
    }
}
