//! Brazil's numbering plan: area codes, the ninth digit, carrier selection, and numbers without an area.
//!
//! The ninth digit (Anatel, 2012 to 2016) is what makes one customer look like two: WhatsApp still gives many ids
//! without it, phones dial with it. A mobile number is always brought to the long form.

use super::NumberError;
use super::PhoneNumber;

pub(super) const COUNTRY_CODE: &str = "55";

/// Reads a number dialled inside Brazil: `0`, carrier and area code may be there or not.
pub(super) fn national_number(text: &str, digits: &str, home_area: Option<&str>) -> Result<PhoneNumber, NumberError> {
    if let Some(dialled) = digits.strip_prefix('0') {
        return trunk_dialled(text, dialled);
    }
    match (digits.len(), home_area) {
        (0..=7, _) => Err(NumberError::TooShort { text: text.to_owned() }),
        (8, _) if is_nationwide(digits) => number(text, digits),
        (8 | 9, Some(area)) => number(text, &[area, digits].concat()),
        (8 | 9, None) => Err(NumberError::NoAreaCode { text: text.to_owned() }),
        (10 | 11, _) => number(text, digits),
        (12 | 13, _) if digits.starts_with(COUNTRY_CODE) => number(text, &digits[2..]),
        (12 | 13, _) => Err(not_in_plan(text)),
        _ => Err(NumberError::TooLong { text: text.to_owned() }),
    }
}

/// The part after `55` in its long form, if the plan knows it.
pub(super) fn number(text: &str, national: &str) -> Result<PhoneNumber, NumberError> {
    if is_nationwide(national) || is_toll_free(national) {
        return Ok(whole(national));
    }
    if !matches!(national.len(), 10 | 11) || !is_area_code(&national[..2]) {
        return Err(not_in_plan(text));
    }
    let (area, subscriber) = national.split_at(2);
    match (subscriber.len(), subscriber.as_bytes()[0]) {
        (9, b'9') => Ok(whole(national)),
        // Landlines, and the trunked radios that never got a ninth digit.
        (8, b'2'..=b'5' | b'7') => Ok(whole(national)),
        (8, b'6' | b'8' | b'9') => Ok(whole(&[area, "9", subscriber].concat())),
        _ => Err(not_in_plan(text)),
    }
}

/// After a leading zero: `800 …`, area and number, or a carrier's two digits before them.
fn trunk_dialled(text: &str, dialled: &str) -> Result<PhoneNumber, NumberError> {
    if is_toll_free(dialled) {
        return Ok(whole(dialled));
    }
    match dialled.len() {
        10 | 11 => number(text, dialled),
        12 | 13 => number(text, &dialled[2..]),
        _ => Err(not_in_plan(text)),
    }
}

/// 4004, 3003 and their kin: eight digits, the same in every area.
pub(super) fn is_nationwide(digits: &str) -> bool {
    let known = ["300", "303", "400", "4020", "4370", "4864"];
    digits.len() == 8 && known.iter().any(|prefix| digits.starts_with(prefix))
}

/// 0800, 0300, 0303, 0500 and 0900, here without the zero; six digits follow in old numbers, seven in new ones.
pub(super) fn is_toll_free(digits: &str) -> bool {
    let known = ["800", "300", "303", "500", "900"];
    matches!(digits.len(), 9 | 10) && known.iter().any(|prefix| digits.starts_with(prefix))
}

fn is_area_code(area: &str) -> bool {
    match area.as_bytes() {
        [b'1' | b'4' | b'6' | b'8' | b'9', b'1'..=b'9'] => true,
        [b'2', second] => b"12478".contains(second),
        [b'3', second] => b"1234578".contains(second),
        [b'5', second] => b"1345".contains(second),
        [b'7', second] => b"134579".contains(second),
        _ => false,
    }
}

fn whole(national: &str) -> PhoneNumber {
    PhoneNumber(["+", COUNTRY_CODE, national].concat())
}

fn not_in_plan(text: &str) -> NumberError {
    NumberError::NotInPlan { text: text.to_owned(), country_code: COUNTRY_CODE.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::Region;
    use super::*;

    #[test]
    fn mobiles_get_their_ninth_digit_and_landlines_do_not() {
        assert_eq!(parsed("31 8888-7777"), "+5531988887777");
        assert_eq!(parsed("11 4003-1234"), "+551140031234");
        assert_eq!(parsed("21 2222-3333"), "+552122223333");
        assert_eq!(parsed("11 7888-1234"), "+551178881234");
    }

    #[test]
    fn numbers_without_an_area_are_the_same_everywhere() {
        assert_eq!(parsed("4004-1234"), "+5540041234");
        assert_eq!(parsed("3003 1234"), "+5530031234");
        assert_eq!(parsed("0800 123 4567"), "+558001234567");
        assert_eq!(parsed("0800 12 3456"), "+55800123456");
        assert_eq!(parsed("0300-789-1234"), "+553007891234");
    }

    #[test]
    fn area_55_is_not_mistaken_for_the_country() {
        assert_eq!(parsed("55 99999 8888"), "+5555999998888");
        assert_eq!(parsed("55 3222 1111"), "+555532221111");
        assert_eq!(parsed("55 55 3222 1111"), "+555532221111");
    }

    #[test]
    fn a_carrier_is_dialled_but_is_no_part_of_the_number() {
        assert_eq!(parsed("0 21 31 3222-1111"), "+553132221111");
        assert_eq!(parsed("0 41 11 99999 8888"), "+5511999998888");
    }

    #[test]
    fn what_the_plan_does_not_know_is_refused() {
        for text in ["20 99999 8888", "11 19999 8888", "11 1999 8888", "01199", "5411999998888"] {
            assert!(PhoneNumber::parse(text, &Region::default()).is_err(), "{text}");
        }
    }

    fn parsed(text: &str) -> String {
        PhoneNumber::parse(text, &Region::default()).unwrap().to_string()
    }
}
