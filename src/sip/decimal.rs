//! Numbers as text, without an allocation and without the general writer: every message has a dozen of them.

use std::net::Ipv4Addr;
use std::ops::Deref;

/// Digits of the largest number.
const MOST_DIGITS: usize = 20;

/// A number as it stands in ports, lengths and addresses.
pub(super) struct Decimal {
    digits: [u8; MOST_DIGITS],
    first: usize,
}

impl Decimal {
    pub(super) fn of(mut number: u64) -> Decimal {
        let (mut digits, mut first) = ([b'0'; MOST_DIGITS], MOST_DIGITS - 1);
        digits[first] += (number % 10) as u8;
        while number >= 10 {
            number /= 10;
            first -= 1;
            digits[first] += (number % 10) as u8;
        }
        Decimal { digits, first }
    }
}

impl Deref for Decimal {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.digits[self.first..]).expect("digits")
    }
}

/// `192.0.2.1`
pub(super) struct Dotted {
    letters: [u8; 15],
    length: usize,
}

impl Dotted {
    pub(super) fn of(address: Ipv4Addr) -> Dotted {
        let mut dotted = Dotted { letters: [0; 15], length: 0 };
        for (place, octet) in address.octets().into_iter().enumerate() {
            if place > 0 {
                dotted.push(b'.');
            }
            if octet >= 100 {
                dotted.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                dotted.push(b'0' + octet / 10 % 10);
            }
            dotted.push(b'0' + octet % 10);
        }
        dotted
    }

    fn push(&mut self, letter: u8) {
        self.letters[self.length] = letter;
        self.length += 1;
    }
}

impl Deref for Dotted {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.letters[..self.length]).expect("digits and dots")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 9, 10, 269, 65_535, u64::MAX] {
            assert_eq!(&*Decimal::of(number), number.to_string());
        }
    }

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for octets in [[0, 0, 0, 0], [9, 10, 99, 100], [192, 0, 2, 1], [255, 255, 255, 255]] {
            let address = Ipv4Addr::from(octets);
            assert_eq!(&*Dotted::of(address), address.to_string());
        }
    }
}
