//! Money, dates and times of day as rows of prompts, in the languages that can count.
//!
//! What is said is what people say at a counter: "mil duzentos e trinta e quatro reais e cinquenta e seis centavos", "vinte e
//! três de novembro de dois mil e vinte e seis", "duas horas e cinco minutos".

use jiff::civil::Date;
use jiff::civil::Time;

use crate::media::speech::Language;
use crate::media::speech::cardinal;

/// A currency whose name we can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Currency {
    Real,
    Dollar,
    Euro,
}

impl Currency {
    /// By its code of ISO 4217.
    pub fn of(code: &str) -> Option<Currency> {
        match code {
            "BRL" => Some(Currency::Real),
            "USD" => Some(Currency::Dollar),
            "EUR" => Some(Currency::Euro),
            _ => None,
        }
    }

    /// Prompts for one and for several, and for one and several of its hundredth.
    fn names(self) -> [&'static str; 4] {
        match self {
            Currency::Real => ["real", "reais", "centavo", "centavos"],
            Currency::Dollar => ["dollar", "dollars", "cent", "cents"],
            Currency::Euro => ["euro", "euros", "cent", "cents"],
        }
    }
}

/// `1.234,56`, `R$ 1234,5`, `1,234.56`, `1234`: units and hundredths. `None` for what is no amount.
pub fn amount(text: &str) -> Option<(u32, u32)> {
    let text: String = text.chars().filter(|character| matches!(character, '0'..='9' | '.' | ',')).collect();
    let (whole, part) = match text.rfind(['.', ',']) {
        Some(at) if (1..=2).contains(&text[at + 1..].len()) => (&text[..at], &text[at + 1..]),
        _ => (text.as_str(), ""),
    };
    let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
    let units = if digits.is_empty() && !part.is_empty() { 0 } else { digits.parse().ok()? };
    let hundredths = match part.len() {
        0 => 0,
        1 => part.parse::<u32>().ok()? * 10,
        _ => part.parse().ok()?,
    };
    Some((units, hundredths))
}

/// `None` beyond the largest number that can be said.
pub fn money(units: u32, hundredths: u32, currency: Currency, language: Language) -> Option<Vec<String>> {
    let [one, several, cent, cents] = currency.names();
    let mut names = Vec::new();
    if units > 0 || hundredths == 0 {
        names = before_noun(units, language)?;
        names.push(if units == 1 { one } else { several }.to_owned());
    }
    if hundredths > 0 {
        if units > 0 {
            names.push("and".to_owned());
        }
        names.extend(before_noun(hundredths, language)?);
        names.push(if hundredths == 1 { cent } else { cents }.to_owned());
    }
    Some(names)
}

/// A day: its number (the first has a word of its own), its month and its year.
pub fn date(date: Date, language: Language) -> Option<Vec<String>> {
    let day = match date.day() {
        1 => vec!["ordinal-1".to_owned()],
        day => cardinal(u32::from(day.unsigned_abs()), language)?,
    };
    let month = format!("month-{}", date.month());
    let year = cardinal(u32::from(date.year().unsigned_abs()), language)?;
    Some(match language {
        Language::English => [vec![month], day, year].concat(),
        Language::Portuguese | Language::Spanish => {
            let of = || vec!["of".to_owned()];
            [day, of(), vec![month], of(), year].concat()
        }
    })
}

/// Hours and minutes of a clock with 24 hours.
pub fn time(time: Time, language: Language) -> Option<Vec<String>> {
    let (hour, minute) = (u32::from(time.hour().unsigned_abs()), u32::from(time.minute().unsigned_abs()));
    let mut names = feminine(hour, language)?;
    names.push(if hour == 1 { "hour" } else { "hours" }.to_owned());
    if minute > 0 {
        names.push("and".to_owned());
        names.extend(before_noun(minute, language)?);
        names.push(if minute == 1 { "minute" } else { "minutes" }.to_owned());
    }
    Some(names)
}

/// The Spanish one loses its end before a noun: "un euro", "veintiún euros".
fn before_noun(number: u32, language: Language) -> Option<Vec<String>> {
    let mut names = cardinal(number, language)?;
    if language == Language::Spanish
        && let Some(last) = names.last_mut()
    {
        match last.as_str() {
            "digit-1" => *last = "number-1-short".to_owned(),
            "number-21" => *last = "number-21-short".to_owned(),
            _ => {}
        }
    }
    Some(names)
}

/// Hours are feminine where nouns have a gender: "duas horas", "vinte e uma horas", "la una".
fn feminine(number: u32, language: Language) -> Option<Vec<String>> {
    let mut names = cardinal(number, language)?;
    match (language, number) {
        (Language::Portuguese, 1 | 2 | 21 | 22) | (Language::Spanish, 1) => {
            names.pop();
            names.push(format!("number-{}-feminine", number % 20));
        }
        (Language::Spanish, 21) => names = vec!["number-21-feminine".to_owned()],
        _ => {}
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::prompts::Prompts;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, read) in [
            ("R$ 1.234,56", Some((1234, 56))),
            ("1,234.56", Some((1234, 56))),
            ("1234", Some((1234, 0))),
            ("1.234", Some((1234, 0))),
            ("0,5", Some((0, 50))),
            (",05", Some((0, 5))),
            ("", None),
            ("nada", None),
        ] {
            assert_eq!(amount(text), read, "{text}");
        }
    }

    #[test]
    fn money_is_said_with_its_hundredths() {
        let say =
            |units, hundredths, currency, language| money(units, hundredths, currency, language).unwrap().join(" ");
        assert_eq!(say(1, 0, Currency::Real, Language::Portuguese), "digit-1 real");
        assert_eq!(
            say(1234, 56, Currency::Real, Language::Portuguese),
            "thousand number-200 and number-30 and digit-4 reais and number-50 and digit-6 centavos"
        );
        assert_eq!(say(0, 1, Currency::Dollar, Language::English), "digit-1 cent");
        assert_eq!(say(21, 0, Currency::Euro, Language::Spanish), "number-21-short euros");
        assert_eq!(
            say(31, 1, Currency::Dollar, Language::Spanish),
            "number-30 and number-1-short dollars and number-1-short cent"
        );
        assert_eq!(money(2_000_000, 0, Currency::Euro, Language::English), None);
    }

    #[test]
    fn days_and_hours_are_said_as_at_a_counter() {
        let day: Date = "2026-11-23".parse().unwrap();
        let first: Date = "2027-01-01".parse().unwrap();
        assert_eq!(
            date(day, Language::Portuguese).unwrap().join(" "),
            "number-20 and digit-3 of month-11 of digit-2 thousand and number-20 and digit-6"
        );
        assert_eq!(date(first, Language::English).unwrap()[..2], ["month-1", "ordinal-1"]);
        let clock = |text: &str, language| time(text.parse().unwrap(), language).unwrap().join(" ");
        assert_eq!(clock("02:05", Language::Portuguese), "number-2-feminine hours and digit-5 minutes");
        assert_eq!(clock("21:01", Language::Portuguese), "number-20 and number-1-feminine hours and digit-1 minute");
        assert_eq!(clock("01:00", Language::Spanish), "number-1-feminine hour");
        assert_eq!(clock("14:30", Language::English), "number-14 hours and number-30 minutes");
    }

    #[test]
    fn every_prompt_of_every_amount_day_and_minute_is_shipped() {
        let prompts = Prompts::shipped();
        for (tag, language) in [("pt-BR", Language::Portuguese), ("en", Language::English), ("es", Language::Spanish)] {
            let currencies = [Currency::Real, Currency::Dollar, Currency::Euro];
            let amounts = currencies.into_iter().flat_map(|currency| {
                (0..=101).flat_map(move |number| money(number, number % 100, currency, language).unwrap())
            });
            let start: Date = "2026-01-01".parse().unwrap();
            let days = start.series(jiff::Span::new().days(1)).take(366).flat_map(|day| date(day, language).unwrap());
            let minutes = (0..1440_i16).flat_map(|minute| {
                let at = Time::constant((minute / 60) as i8, (minute % 60) as i8, 0, 0);
                time(at, language).unwrap()
            });
            for name in amounts.chain(days).chain(minutes) {
                assert!(prompts.find(&name, tag).is_some(), "{name} is missing in {tag}");
            }
        }
    }
}
