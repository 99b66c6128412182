//! Telephone numbers as people, trunks and WhatsApp write them, brought to one form: E.164.
//!
//! Everything that compares or stores a number uses [`PhoneNumber`], so that `(11) 99999-8888`, `0 15 11 99999 8888` and
//! `whatsapp:+551199998888` are the same customer. Brazil's own rules stand in [`brazil`]; elsewhere only E.164's bounds hold.
//! What one trunk makes of a number stands in [`dialling`].

pub mod brazil;
pub mod countries;
pub mod dialling;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// A number in E.164 form: a plus, the country code, the national number; 7 to 15 digits in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PhoneNumber(String);

/// Where numbers without a country code belong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Country code without the plus. Default: 55, Brazil.
    #[serde(default = "brazil_code")]
    pub country_code: String,
    /// Area code for numbers that are dialled without one, such as `11`. Default: none, such numbers are refused.
    #[serde(default)]
    pub area_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("`{text}` is not a telephone number: `{found}` has no place in one")]
    NotANumber { text: String, found: char },
    #[error("`{text}` has too few digits for a telephone number")]
    TooShort { text: String },
    #[error("`{text}` has too many digits for a telephone number")]
    TooLong { text: String },
    #[error("`{text}` is a local number: say its area code, or set the region's")]
    NoAreaCode { text: String },
    #[error("`{text}` cannot be a number of country {country_code}")]
    NotInPlan { text: String, country_code: String },
}

impl PhoneNumber {
    /// Reads a number in any usual spelling: `+55…`, `0055…`, national, local, `tel:`, `whatsapp:`, a WhatsApp id.
    pub fn parse(text: &str, home: &Region) -> Result<PhoneNumber, NumberError> {
        let bare = without_wrapping(text.trim());
        if let Some(international) = bare.strip_prefix('+') {
            return international_number(text, &digits_of(text, international)?);
        }
        let digits = digits_of(text, bare)?;
        if let Some(international) = digits.strip_prefix("00") {
            return international_number(text, international);
        }
        if home.country_code == brazil::COUNTRY_CODE {
            return brazil::national_number(text, &digits, home.area_code.as_deref());
        }
        national_number_elsewhere(text, &digits, &home.country_code)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number without its plus, as WhatsApp and many providers want it.
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// For logs: `+5511…88`.
    pub fn masked(&self) -> String {
        masked(&self.0)
    }
}

/// For logs: keeps what tells the region and one caller from the next. Extensions (up to five digits) stay readable.
pub fn masked(text: &str) -> String {
    let length = text.chars().count();
    if length <= 5 && text.chars().all(|c| c.is_ascii_digit()) {
        return text.to_owned();
    }
    let head: String = text.chars().take((length / 2).min(5)).collect();
    let tail: String = match length {
        0..=7 => String::new(),
        _ => text.chars().skip(length - 2).collect(),
    };
    format!("{head}…{tail}")
}

/// `tel:` (RFC 3966) and `whatsapp:` prefixes, parameters, and the host part of a WhatsApp id.
fn without_wrapping(text: &str) -> &str {
    let unprefixed = match text.split_once(':') {
        Some((scheme, rest)) if ["tel", "whatsapp", "sms"].contains(&scheme) => rest,
        _ => text,
    };
    let end = unprefixed.find([';', '@']).unwrap_or(unprefixed.len());
    unprefixed[..end].trim()
}

fn digits_of<'a>(text: &str, bare: &'a str) -> Result<Cow<'a, str>, NumberError> {
    if bare.bytes().all(|octet| octet.is_ascii_digit()) {
        return Ok(Cow::Borrowed(bare));
    }
    let mut digits = String::with_capacity(bare.len());
    for c in bare.chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' => {}
            found => {
                return Err(NumberError::NotANumber { text: text.to_owned(), found });
            }
        }
    }
    Ok(Cow::Owned(digits))
}

fn international_number(text: &str, digits: &str) -> Result<PhoneNumber, NumberError> {
    let digits = within_bounds(text, digits)?;
    if let Some(national) = digits.strip_prefix(brazil::COUNTRY_CODE) {
        return brazil::number(text, national);
    }
    // The North American plan has one length; a spare or missing digit is the commonest slip of the pen.
    let wrong_length = digits.starts_with('1') && digits.len() != 11;
    if digits.starts_with('0') || wrong_length {
        return Err(NumberError::NotInPlan { text: text.to_owned(), country_code: digits[..1].to_owned() });
    }
    Ok(PhoneNumber(["+", digits].concat()))
}

fn national_number_elsewhere(text: &str, digits: &str, country_code: &str) -> Result<PhoneNumber, NumberError> {
    if digits.starts_with(country_code) && digits.len() >= 11 {
        return international_number(text, digits);
    }
    let national = digits.strip_prefix('0').unwrap_or(digits);
    international_number(text, &[country_code, national].concat())
}

fn within_bounds<'a>(text: &str, digits: &'a str) -> Result<&'a str, NumberError> {
    match digits.len() {
        0..=6 => Err(NumberError::TooShort { text: text.to_owned() }),
        7..=15 => Ok(digits),
        _ => Err(NumberError::TooLong { text: text.to_owned() }),
    }
}

fn brazil_code() -> String {
    brazil::COUNTRY_CODE.to_owned()
}

impl Default for Region {
    fn default() -> Self {
        Region { country_code: brazil_code(), area_code: None }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> String {
        number.0
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NumberError;

    fn try_from(text: String) -> Result<PhoneNumber, NumberError> {
        PhoneNumber::parse(&text, &Region::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_has_one_number_however_it_is_written() {
        let spellings = [
            "+5511999998888",
            "+55 (11) 99999-8888",
            "0055 11 99999 8888",
            "5511999998888",
            "11 99999-8888",
            "011 99999-8888",
            "0 15 11 99999 8888",
            "tel:+55-11-99999-8888;phone-context=+55",
            "whatsapp:+5511999998888",
            "551199998888@s.whatsapp.net",
            "+55 11 9999-8888",
        ];
        for spelling in spellings {
            assert_eq!(parsed(spelling), "+5511999998888", "{spelling}");
        }
    }

    #[test]
    fn a_local_number_needs_the_area_code_of_the_region() {
        let paulista = Region { area_code: Some("11".to_owned()), ..Region::default() };
        let number = PhoneNumber::parse("99999-8888", &paulista).unwrap();
        assert_eq!(number.as_str(), "+5511999998888");
        let refused = PhoneNumber::parse("99999-8888", &Region::default());
        assert!(matches!(refused, Err(NumberError::NoAreaCode { .. })));
    }

    #[test]
    fn foreign_numbers_keep_their_own_plan() {
        assert_eq!(parsed("+1 212 555 1234"), "+12125551234");
        assert_eq!(parsed("0044 20 7946 0018"), "+442079460018");
        assert!(PhoneNumber::parse("+1 212 555 123", &Region::default()).is_err());
        let portugal = Region { country_code: "351".to_owned(), area_code: None };
        let number = PhoneNumber::parse("912 345 678", &portugal).unwrap();
        assert_eq!(number.as_str(), "+351912345678");
    }

    #[test]
    fn what_is_no_number_is_refused_with_the_reason() {
        let refusal = |text| PhoneNumber::parse(text, &Region::default()).unwrap_err();
        assert_eq!(refusal("ana").to_string(), "`ana` is not a telephone number: `a` has no place in one");
        assert!(matches!(refusal("200"), NumberError::TooShort { .. }));
        assert!(matches!(refusal(""), NumberError::TooShort { .. }));
        assert!(matches!(refusal("+5511999998888777"), NumberError::TooLong { .. }));
        assert!(matches!(refusal("+55 20 99999 8888"), NumberError::NotInPlan { .. }));
    }

    #[test]
    fn logs_show_the_region_but_not_the_customer() {
        assert_eq!(masked("+5511999998888"), "+5511…88");
        assert_eq!(masked("200"), "200");
        assert_eq!(masked("ana"), "a…");
        assert_eq!(masked(""), "");
        assert_eq!(masked("ana@example.com"), "ana@e…om");
    }

    #[test]
    fn a_number_is_text_in_json() {
        let number: PhoneNumber = serde_json::from_str("\"11 99999-8888\"").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"+5511999998888\"");
    }

    fn parsed(text: &str) -> String {
        PhoneNumber::parse(text, &Region::default()).unwrap().to_string()
    }
}
