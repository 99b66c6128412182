//! Numbers as rows of prompts: 23 is `number-20`, `and`, `digit-3` in Brazil, `number-20`, `digit-3` in English and `number-23` in Spanish.
//!
//! What is one word in a language is one prompt: `digit-0`…`digit-9`, `number-10`…`number-20`, the tens, the hundreds, `thousand`.

/// A language that we can count in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    Portuguese,
    English,
    Spanish,
}

impl Language {
    /// By its tag (`pt-BR`, `en`, `es-MX` …); other languages cannot count.
    pub fn of(tag: &str) -> Option<Language> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "pt" => Some(Language::Portuguese),
            "en" => Some(Language::English),
            "es" => Some(Language::Spanish),
            _ => None,
        }
    }
}

/// The largest number that [`cardinal`] can say.
pub const LARGEST: u32 = 999_999;

/// One prompt for each digit, `*` and `#`; everything else (`+`, spaces, dashes) is left out.
pub fn digits(text: &str) -> Vec<String> {
    let name = |character: char| match character {
        '0'..='9' => Some(format!("digit-{character}")),
        '*' => Some("star".to_owned()),
        '#' => Some("pound".to_owned()),
        _ => None,
    };
    text.chars().filter_map(name).collect()
}

/// The prompts that say a number; `None` beyond [`LARGEST`].
pub fn cardinal(number: u32, language: Language) -> Option<Vec<String>> {
    if number > LARGEST {
        return None;
    }
    let (thousands, rest) = (number / 1000, number % 1000);
    let mut names = Vec::new();
    if thousands > 0 {
        count_thousands(thousands, language, &mut names);
        names.push("thousand".to_owned());
    }
    // "mil e cem", "dois mil e cinco", but "mil duzentos e três".
    if language == Language::Portuguese && thousands > 0 && rest > 0 && (rest < 100 || rest % 100 == 0) {
        names.push("and".to_owned());
    }
    if rest > 0 || thousands == 0 {
        below_thousand(rest, language, &mut names);
    }
    Some(names)
}

/// How many thousands: nothing for one where the language says "mil".
fn count_thousands(thousands: u32, language: Language, names: &mut Vec<String>) {
    match (language, thousands, thousands % 100) {
        (Language::Portuguese | Language::Spanish, 1, _) => {}
        (Language::Spanish, _, last) if last % 10 == 1 && last != 11 => {
            if thousands > 100 {
                hundreds(thousands, language, names);
            }
            shortened(last, names);
        }
        _ => below_thousand(thousands, language, names),
    }
}

fn below_thousand(number: u32, language: Language, names: &mut Vec<String>) {
    let rest = number % 100;
    if number >= 100 {
        hundreds(number, language, names);
        if rest > 0 && language == Language::Portuguese {
            names.push("and".to_owned());
        }
    }
    if rest > 0 || number == 0 {
        below_hundred(rest, language, names);
    }
}

fn below_hundred(number: u32, language: Language, names: &mut Vec<String>) {
    let (tens, ones) = (number / 10 * 10, number % 10);
    match (number, language) {
        (0..10, _) => names.push(format!("digit-{number}")),
        (10..=20, _) | (21..30, Language::Spanish) => names.push(format!("number-{number}")),
        _ => {
            names.push(format!("number-{tens}"));
            if ones > 0 && language != Language::English {
                names.push("and".to_owned());
            }
            if ones > 0 {
                names.push(format!("digit-{ones}"));
            }
        }
    }
}

/// The Spanish one before a noun: "ciento un mil", "veintiún mil", "treinta y un mil".
fn shortened(number: u32, names: &mut Vec<String>) {
    if number > 21 {
        names.extend([format!("number-{}", number / 10 * 10), "and".to_owned()]);
    }
    names.push(if number == 21 { "number-21-short" } else { "number-1-short" }.to_owned());
}

/// "cem" alone, "cento" before more; likewise "cien" and "ciento".
fn hundreds(number: u32, language: Language, names: &mut Vec<String>) {
    let more = language != Language::English && (101..200).contains(&number);
    names.push(if more { "number-100-more".to_owned() } else { format!("number-{}", number / 100 * 100) });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(number: u32, language: Language) -> String {
        cardinal(number, language).unwrap().join(" ")
    }

    #[test]
    fn digits_are_said_one_by_one_and_signs_between_them_are_not() {
        assert_eq!(digits("+55 (11) 9*#"), ["digit-5", "digit-5", "digit-1", "digit-1", "digit-9", "star", "pound"]);
        assert!(digits("").is_empty());
    }

    #[test]
    fn portuguese_joins_with_and() {
        let say = |number| said(number, Language::Portuguese);
        assert_eq!(say(0), "digit-0");
        assert_eq!(say(16), "number-16");
        assert_eq!(say(20), "number-20");
        assert_eq!(say(21), "number-20 and digit-1");
        assert_eq!(say(100), "number-100");
        assert_eq!(say(101), "number-100-more and digit-1");
        assert_eq!(say(256), "number-200 and number-50 and digit-6");
        assert_eq!(say(1000), "thousand");
        assert_eq!(say(1100), "thousand and number-100");
        assert_eq!(say(1203), "thousand number-200 and digit-3");
        assert_eq!(say(2005), "digit-2 thousand and digit-5");
        assert_eq!(say(999_999), "number-900 and number-90 and digit-9 thousand number-900 and number-90 and digit-9");
    }

    #[test]
    fn english_joins_with_nothing() {
        let say = |number| said(number, Language::English);
        assert_eq!(say(42), "number-40 digit-2");
        assert_eq!(say(115), "number-100 number-15");
        assert_eq!(say(1000), "digit-1 thousand");
        assert_eq!(say(30_030), "number-30 thousand number-30");
    }

    #[test]
    fn spanish_has_words_of_its_own() {
        let say = |number| said(number, Language::Spanish);
        assert_eq!(say(21), "number-21");
        assert_eq!(say(35), "number-30 and digit-5");
        assert_eq!(say(100), "number-100");
        assert_eq!(say(116), "number-100-more number-16");
        assert_eq!(say(1021), "thousand number-21");
        assert_eq!(say(21_021), "number-21-short thousand number-21");
        assert_eq!(say(31_000), "number-30 and number-1-short thousand");
        assert_eq!(say(101_000), "number-100-more number-1-short thousand");
        assert_eq!(say(11_000), "number-11 thousand");
        assert_eq!(say(100_000), "number-100 thousand");
    }

    #[test]
    fn what_lies_beyond_is_not_said() {
        assert_eq!(cardinal(1_000_000, Language::English), None);
        assert_eq!(Language::of("pt-BR"), Some(Language::Portuguese));
        assert_eq!(Language::of("es_MX"), Some(Language::Spanish));
        assert_eq!(Language::of("de"), None);
    }
}
