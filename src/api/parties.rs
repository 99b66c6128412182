//! Who is called or written to: an E.164 number or one of our extensions, nothing that has to be guessed.

use crate::api::problem::problem;
use crate::number::PhoneNumber;
use crate::number::Region;
use crate::switch::command::Problem;

/// Reads a number or an extension from the field `field`; a number comes out in its one form.
pub(super) fn party(field: &str, text: &str, home: &Region) -> Result<String, Problem> {
    if is_extension(text) {
        return Ok(text.to_owned());
    }
    let number = PhoneNumber::parse(text, home);
    match number {
        Ok(number) if is_e164(text) => Ok(number.as_str().to_owned()),
        Ok(meant) => {
            Err(not_e164(field, format!("`{text}` is not written in E.164."), format!("Write `{}`.", meant.as_str())))
        }
        Err(why) => Err(not_e164(
            field,
            format!("{why}."),
            "Write `+`, country code, area code and number, or an extension such as `200`.".into(),
        )),
    }
}

fn not_e164(field: &str, detail: String, hint: String) -> Problem {
    let title = format!("`{field}` is no number");
    problem(422, "not-e164", title, format!("{field}: {detail}"), hint)
}

/// A plus and up to 15 digits, nothing between them; ITU-T E.164 §6.
fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `200`, `ana`, `sala-2`; whether it exists is the switch's to say. Longer runs of digits are numbers.
fn is_extension(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (1..=32).contains(&text.len()) && text.bytes().all(sign) && digits <= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brazil() -> Region {
        Region { country_code: "55".into(), area_code: None }
    }

    #[test]
    fn numbers_in_e164_and_extensions_are_taken() {
        for text in ["+5511999998888", "200", "sala-2"] {
            assert_eq!(party("to", text, &brazil()).unwrap(), text);
        }
    }

    #[test]
    fn a_number_that_is_written_otherwise_is_refused_with_its_right_form() {
        let refused = party("to", "(11) 99999-8888", &brazil()).unwrap_err();
        assert_eq!((refused.status, refused.rule), (422, "not-e164"));
        assert_eq!(refused.hint, "Write `+5511999998888`.");
    }

    #[test]
    fn what_is_no_number_at_all_is_refused() {
        for text in ["", "+", "+55", "sip:ana@example.org", "+5511999998888999999"] {
            assert_eq!(party("to", text, &brazil()).unwrap_err().status, 422, "{text}");
        }
    }
}
