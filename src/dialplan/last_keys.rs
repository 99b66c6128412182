//! The keys that a caller pressed last, in sixteen bytes: there may be a hundred thousand callers.

/// At most [`LastKeys::MOST`], the oldest forgotten first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LastKeys {
    /// Four bits for each key, the last lowest.
    keys: u64,
    count: u8,
}

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

impl LastKeys {
    pub(super) const MOST: u8 = 16;

    /// What is no key of a telephone is passed over.
    pub(super) fn push(&mut self, key: char) {
        let place = (0_u64..).zip(KEYS).find(|(_, known)| char::from(**known) == key);
        if let Some((place, _)) = place {
            self.keys = self.keys << 4 | place;
            self.count = (self.count + 1).min(Self::MOST);
        }
    }

    pub(super) fn text(self) -> String {
        let places = (0..self.count).rev().map(|at| self.keys >> (4 * u32::from(at)) & 0xf);
        places.filter_map(|place| KEYS.get(usize::try_from(place).ok()?)).map(|key| char::from(*key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sixteen_keys_are_kept_in_their_order() {
        let mut keys = LastKeys::default();
        assert_eq!(keys.text(), "");
        for key in "0*9x#D".chars() {
            keys.push(key);
        }
        assert_eq!(keys.text(), "0*9#D");
        for key in "1234567890123456".chars() {
            keys.push(key);
        }
        assert_eq!(keys.text(), "1234567890123456");
    }
}
