//! How many messages a mobile network makes of one text: GSM 03.38 letters are seven bits, anything else makes all of it UCS-2.

/// One text as the network cuts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    pub alphabet: Alphabet,
    /// Septets, or 16-bit units.
    pub units: usize,
    /// What is paid for.
    pub parts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// GSM 03.38 default alphabet with its extension table.
    Gsm7,
    Ucs2,
}

/// A letter is never cut in two: an extended letter or a surrogate pair goes whole into the next part.
pub fn segments(text: &str) -> Segments {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    match septets {
        Some(widths) => cut(Alphabet::Gsm7, &widths),
        None => {
            let widths: Vec<usize> = text.chars().map(char::len_utf16).collect();
            cut(Alphabet::Ucs2, &widths)
        }
    }
}

fn cut(alphabet: Alphabet, widths: &[usize]) -> Segments {
    // Alone, or as one of several: these carry six octets of header (3GPP TS 23.040 §9.2.3.24.1).
    let (alone, of_several) = match alphabet {
        Alphabet::Gsm7 => (160, 153),
        Alphabet::Ucs2 => (70, 67),
    };
    let units = widths.iter().sum();
    let parts = match units <= alone {
        true => 1,
        false => parts_of(widths, of_several),
    };
    Segments { alphabet, units, parts }
}

fn parts_of(widths: &[usize], capacity: usize) -> usize {
    let (parts, _) = widths.iter().fold((1, 0), |(parts, used), width| match used + width {
        filled if filled <= capacity => (parts, filled),
        _ => (parts + 1, *width),
    });
    parts
}

fn septets(letter: char) -> Option<usize> {
    match letter {
        _ if BASIC.contains(letter) => Some(1),
        _ if EXTENDED.contains(letter) => Some(2),
        _ => None,
    }
}

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡\
    ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

const EXTENDED: &str = "\u{c}^{}\\[~]|€";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_letters_are_cheap_and_one_tilde_over_an_a_is_not() {
        let plain = segments("O WhatsApp esta fora do ar. Voce ja esta falando conosco.");
        assert_eq!((plain.alphabet, plain.parts), (Alphabet::Gsm7, 1));
        let accented = segments(&"não ".repeat(20));
        assert_eq!((accented.alphabet, accented.units, accented.parts), (Alphabet::Ucs2, 80, 2));
    }

    #[test]
    fn the_limits_are_160_and_153_and_70_and_67() {
        let parts = |letter: &str, count: usize| segments(&letter.repeat(count)).parts;
        assert_eq!([160, 161, 306, 307].map(|count| parts("a", count)), [1, 2, 2, 3]);
        assert_eq!([70, 71, 134, 135].map(|count| parts("ã", count)), [1, 2, 2, 3]);
        assert_eq!(segments("").parts, 1);
    }

    #[test]
    fn a_letter_is_not_cut_in_two() {
        // 152 letters and a euro do not fit in 153 septets, although 2 × 153 would hold all.
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(152));
        assert_eq!((segments(&text).units, segments(&text).parts), (306, 3));
        assert_eq!(segments(&"😀".repeat(67)).parts, 3);
    }
}
