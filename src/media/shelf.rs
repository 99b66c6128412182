//! Payloads that wait, in a fixed piece of memory: blocks of one everyday packet each, a longer payload takes several.

/// 20 ms of G.711 or G.722.
const BLOCK: usize = 160;

/// 960 ms at 64 kbit/s.
pub(super) const BLOCKS: usize = 48;

/// The longest payload that is kept; a longer one does not fit an Ethernet frame.
pub(super) const LONGEST: usize = 1_440;

#[derive(Debug)]
pub(super) struct Shelf {
    blocks: Box<[[u8; BLOCK]; BLOCKS]>,
    /// The block that goes on where this one ends, or the next free one.
    next: [u8; BLOCKS],
    free: u8,
    left: u8,
}

/// A payload's place; good for one [`Shelf::free`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parcel {
    first: u8,
    length: u16,
}

impl Shelf {
    pub(super) fn new() -> Shelf {
        let mut shelf = Shelf { blocks: Box::new([[0; BLOCK]; BLOCKS]), next: [0; BLOCKS], free: 0, left: 0 };
        shelf.clear();
        shelf
    }

    pub(super) fn clear(&mut self) {
        for (index, next) in self.next.iter_mut().enumerate() {
            *next = ((index + 1) % BLOCKS) as u8;
        }
        (self.free, self.left) = (0, BLOCKS as u8);
    }

    /// `None` when there is no room now, or never.
    pub(super) fn put(&mut self, payload: &[u8]) -> Option<Parcel> {
        let needed = payload.len().div_ceil(BLOCK);
        if payload.len() > LONGEST || needed > usize::from(self.left) {
            return None;
        }
        let first = self.free;
        for piece in payload.chunks(BLOCK) {
            let block = usize::from(self.free);
            self.blocks[block][..piece.len()].copy_from_slice(piece);
            self.free = self.next[block];
        }
        self.left -= needed as u8;
        Some(Parcel { first, length: payload.len() as u16 })
    }

    /// Copies a payload; returns its length.
    pub(super) fn read(&self, parcel: Parcel, out: &mut [u8; LONGEST]) -> usize {
        let length = usize::from(parcel.length);
        let mut block = usize::from(parcel.first);
        for piece in out[..length].chunks_mut(BLOCK) {
            piece.copy_from_slice(&self.blocks[block][..piece.len()]);
            block = usize::from(self.next[block]);
        }
        length
    }

    pub(super) fn free(&mut self, parcel: Parcel) {
        let count = usize::from(parcel.length).div_ceil(BLOCK);
        if count == 0 {
            return;
        }
        let mut last = usize::from(parcel.first);
        for _ in 1..count {
            last = usize::from(self.next[last]);
        }
        self.next[last] = self.free;
        self.free = parcel.first;
        self.left += count as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_read_and_its_room_used_again() {
        let mut shelf = Shelf::new();
        let mut out = [0; LONGEST];
        for round in 0..200_usize {
            let long: Vec<u8> = (0..(round * 37) % (LONGEST + 1)).map(|octet| (octet + round) as u8).collect();
            let (one, other) = (shelf.put(&long).unwrap(), shelf.put(&[round as u8; 160]).unwrap());
            shelf.free(one);
            let third = shelf.put(&[7; 3]).unwrap();
            assert_eq!(shelf.read(other, &mut out), 160);
            assert_eq!(out[..160], [round as u8; 160]);
            assert_eq!(shelf.read(third, &mut out), 3);
            shelf.free(other);
            let again = shelf.put(&long).unwrap();
            assert_eq!(shelf.read(again, &mut out), long.len());
            assert_eq!(out[..long.len()], long);
            shelf.free(again);
            shelf.free(third);
        }
        assert_eq!(shelf.left, BLOCKS as u8);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut shelf = Shelf::new();
        assert_eq!(shelf.put(&[0; LONGEST + 1]), None);
        assert!((0..BLOCKS).all(|_| shelf.put(&[0; BLOCK]).is_some()));
        assert_eq!(shelf.put(&[0]), None);
        shelf.clear();
        assert!(shelf.put(&[0]).is_some());
    }
}
