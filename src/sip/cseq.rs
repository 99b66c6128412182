//! The number that orders the requests of one dialog. RFC 3261 §8.1.1.5, §20.16.

use std::fmt;

use super::method::Method;
use super::syntax::SyntaxError;
use super::syntax::is_digits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    pub method: Method,
}

impl CSeq {
    pub fn parse(text: &str) -> Result<CSeq, SyntaxError> {
        let text = text.trim_ascii();
        let (number, method) = text.split_once([' ', '\t']).ok_or(SyntaxError("a CSeq is a number and a method"))?;
        Ok(CSeq { number: sequence_number(number)?, method: Method::parse(method.trim_ascii())? })
    }
}

/// Reads a number below 2^31; leading zeros are legal. RFC 3261 §8.1.1.5.
fn sequence_number(text: &str) -> Result<u32, SyntaxError> {
    if !is_digits(text) {
        return Err(SyntaxError("a CSeq begins with a number"));
    }
    text.parse().ok().filter(|number| *number < 1 << 31).ok_or(SyntaxError("a CSeq number is below 2^31"))
}

impl fmt::Display for CSeq {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_method_with_any_space_between() {
        let cseq = CSeq::parse("0009   INVITE").unwrap();
        assert_eq!(cseq, CSeq { number: 9, method: Method::Invite });
        assert_eq!(cseq.to_string(), "9 INVITE");
    }

    #[test]
    fn a_number_of_2_to_the_31_is_refused() {
        assert!(CSeq::parse("2147483647 BYE").is_ok());
        assert!(CSeq::parse("2147483648 BYE").is_err());
        assert!(CSeq::parse("36893488147419103232 REGISTER").is_err());
        assert!(CSeq::parse("-1 BYE").is_err() && CSeq::parse("+1 BYE").is_err() && CSeq::parse("1").is_err());
    }
}
