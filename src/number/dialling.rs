//! How one trunk writes numbers: what we send to it, and how what it sends is read.
//!
//! Reading knows the writing: of all that a row of digits could mean, the number that this trunk would write in the same
//! way is the one. What fits nothing that it would write is read as people write numbers.

use std::fmt;

use serde::Deserialize;

use super::NumberError;
use super::PhoneNumber;
use super::Region;
use super::brazil;
use super::international_number;
use super::without_wrapping;

/// The form in which a trunk wants numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberFormat {
    /// `+551131234567`
    #[default]
    E164,
    /// `551131234567`
    E164WithoutPlus,
    /// `1131234567`, abroad `00442079460018`. With an operator code `0151131234567` and `0015442079460018`.
    National,
    /// As a subscriber of the area dials it: `31234567`, elsewhere `02131234567`, abroad `00442079460018`; the operator
    /// code stands after the zeros.
    Brazil,
}

/// Two digits that choose the long-distance operator in Brazil (código de seleção de prestadora): `15`, `21`, `31`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct OperatorCode(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no operator code: it has two digits, as 15 or 21")]
pub struct OperatorCodeError(String);

/// How numbers are written on one trunk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dialling {
    pub format: NumberFormat,
    pub operator_code: Option<OperatorCode>,
    /// Where numbers without a country code or area code belong.
    pub region: Region,
}

impl Dialling {
    /// A number for the trunk. What is no number in E.164 (190, 10315, an extension) is sent as it is.
    pub fn write(&self, dialled: &str) -> String {
        match PhoneNumber::parse(dialled, &self.region) {
            Ok(number) if dialled.starts_with('+') => self.written(&number),
            _ => dialled.to_owned(),
        }
    }

    /// Reads what the trunk wrote in a URI: with or without `tel:`, `;user=phone`, `;npdi`, `;rn=…`.
    pub fn read(&self, text: &str) -> Result<PhoneNumber, NumberError> {
        let usual = PhoneNumber::parse(text, &self.region);
        // A name with digits in it is a name.
        if matches!(usual, Err(NumberError::NotANumber { .. })) {
            return usual;
        }
        let bare: String = without_wrapping(text.trim()).chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        if let Ok(number) = &usual
            && self.written(number) == bare
        {
            return usual;
        }
        let meanings = self.meanings(&bare);
        let own = meanings.iter().find(|number| self.written(number) == bare);
        match (own, usual) {
            (Some(number), _) => Ok(number.clone()),
            // A short row of digits that people do not mean as a number is a code, not a number abroad.
            (None, Err(error)) if bare.len() < SHORTEST_FOREIGN => Err(error),
            (None, Err(error)) => meanings.into_iter().next().ok_or(error),
            (None, usual) => usual,
        }
    }

    fn written(&self, number: &PhoneNumber) -> String {
        let code = self.operator_code.as_ref().map_or("", |code| &code.0);
        let national = number.digits().strip_prefix(&self.region.country_code);
        if let Some(as_it_is) = national.and_then(|national| self.same_everywhere(national)) {
            return as_it_is;
        }
        match (self.format, national) {
            (NumberFormat::E164, _) => number.as_str().to_owned(),
            (NumberFormat::E164WithoutPlus, _) => number.digits().to_owned(),
            (NumberFormat::National | NumberFormat::Brazil, None) => format!("00{code}{}", number.digits()),
            (NumberFormat::National, Some(national)) if code.is_empty() => national.to_owned(),
            (NumberFormat::National, Some(national)) => format!("0{code}{national}"),
            (NumberFormat::Brazil, Some(national)) => match self.of_own_area(national) {
                Some(subscriber) => subscriber.to_owned(),
                None => format!("0{code}{national}"),
            },
        }
    }

    /// 0800, 0300 and 4004 have no other form than the one in which they are advertised.
    fn same_everywhere(&self, national: &str) -> Option<String> {
        let is_brazil = self.region.country_code == brazil::COUNTRY_CODE;
        match national {
            _ if !is_brazil => None,
            nationwide if brazil::is_nationwide(nationwide) => Some(nationwide.to_owned()),
            toll_free if brazil::is_toll_free(toll_free) => Some(format!("0{toll_free}")),
            _ => None,
        }
    }

    /// A subscriber of the area in which 4004-1234 is a landline like any other must be dialled with the area.
    fn of_own_area<'n>(&self, national: &'n str) -> Option<&'n str> {
        let subscriber = national.strip_prefix(self.region.area_code.as_deref()?)?;
        (!brazil::is_nationwide(subscriber)).then_some(subscriber)
    }

    /// Everything that these digits could be, besides what people mean by them.
    fn meanings(&self, bare: &str) -> Vec<PhoneNumber> {
        let code = self.operator_code.as_ref().map_or("", |code| &code.0);
        let country = &self.region.country_code;
        let abroad = bare.strip_prefix("00").and_then(|rest| rest.strip_prefix(code)).map(str::to_owned);
        let far =
            bare.strip_prefix('0').and_then(|rest| rest.strip_prefix(code)).map(|rest| format!("{country}{rest}"));
        let near = self.region.area_code.as_ref().map(|area| format!("{country}{area}{bare}"));
        let all = [Some(bare.to_owned()), Some(format!("{country}{bare}")), abroad, far, near];
        all.into_iter().flatten().filter_map(|digits| international_number(&digits, &digits).ok()).collect()
    }
}

/// Digits of a number abroad that comes without plus or zeros.
const SHORTEST_FOREIGN: usize = 10;

impl TryFrom<String> for OperatorCode {
    type Error = OperatorCodeError;

    fn try_from(text: String) -> Result<OperatorCode, OperatorCodeError> {
        match text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') {
            true => Ok(OperatorCode(text)),
            false => Err(OperatorCodeError(text)),
        }
    }
}

impl fmt::Display for OperatorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trunk(format: NumberFormat, operator_code: Option<&str>) -> Dialling {
        Dialling {
            format,
            operator_code: operator_code.map(|code| OperatorCode(code.to_owned())),
            region: Region { area_code: Some("11".to_owned()), ..Region::default() },
        }
    }

    fn read(dialling: &Dialling, text: &str) -> String {
        dialling.read(text).unwrap_or_else(|error| panic!("{error}")).to_string()
    }

    #[test]
    fn each_trunk_gets_numbers_in_its_own_form() {
        let forms = [
            (NumberFormat::E164, None, ["+551131234567", "+5521999998888", "+442079460018"]),
            (NumberFormat::E164WithoutPlus, None, ["551131234567", "5521999998888", "442079460018"]),
            (NumberFormat::National, None, ["1131234567", "21999998888", "00442079460018"]),
            (NumberFormat::National, Some("15"), ["0151131234567", "01521999998888", "0015442079460018"]),
            (NumberFormat::Brazil, None, ["31234567", "021999998888", "00442079460018"]),
            (NumberFormat::Brazil, Some("21"), ["31234567", "02121999998888", "0021442079460018"]),
        ];
        for (format, code, expected) in forms {
            let dialling = trunk(format, code);
            let written = ["+551131234567", "+5521999998888", "+442079460018"].map(|number| dialling.write(number));
            assert_eq!(written, expected, "{format:?}");
        }
    }

    #[test]
    fn numbers_that_are_the_same_everywhere_are_sent_as_they_are_advertised() {
        for format in [NumberFormat::E164, NumberFormat::E164WithoutPlus, NumberFormat::National, NumberFormat::Brazil]
        {
            let dialling = trunk(format, Some("15"));
            assert_eq!(dialling.write("+558001234567"), "08001234567");
            assert_eq!(dialling.write("+553007891234"), "03007891234");
            assert_eq!(dialling.write("+5540041234"), "40041234");
            assert_eq!(dialling.write("+5530031234"), "30031234");
            assert_eq!(["190", "192", "193", "10315", "200"].map(|short| dialling.write(short)).len(), 5);
            assert_eq!(dialling.write("190"), "190");
            assert_eq!(read(&dialling, "08001234567"), "+558001234567");
        }
    }

    #[test]
    fn a_landline_that_looks_like_4004_is_dialled_with_its_area() {
        let dialling = trunk(NumberFormat::Brazil, Some("15"));
        assert_eq!(dialling.write("+551140041234"), "0151140041234");
        assert_eq!(read(&dialling, "40041234"), "+5540041234");
    }

    #[test]
    fn whatever_a_carrier_writes_is_the_same_caller() {
        let dialling = trunk(NumberFormat::E164, None);
        for spelling in [
            "+5511999998888",
            "5511999998888",
            "011999998888",
            "01511999998888",
            "11999998888",
            "999998888",
            "1199998888",
            "tel:+55-11-99999-8888",
            "+5511999998888;npdi;rn=+5511970000000",
            "+5511999998888;user=phone",
            "005511999998888",
        ] {
            assert_eq!(read(&dialling, spelling), "+5511999998888", "{spelling}");
        }
        for foreign in ["+12125551234", "0012125551234", "442079460018"] {
            assert!(["+12125551234", "+442079460018"].contains(&read(&dialling, foreign).as_str()), "{foreign}");
        }
        for nobody in ["anonymous", "", "190", "2345678", "unavailable", "user-2024010112", "joao5511999998888"] {
            assert!(dialling.read(nobody).is_err(), "{nobody}");
        }
    }

    #[test]
    fn a_trunk_of_another_country_has_that_country_s_numbers() {
        let region = Region { country_code: "49".to_owned(), area_code: None };
        let dialling = Dialling { format: NumberFormat::National, operator_code: None, region };
        assert_eq!(dialling.write("+49492112345678"), "492112345678");
        assert_eq!(read(&dialling, "492112345678"), "+49492112345678");
        assert_eq!(dialling.write("+558001234567"), "00558001234567");
    }

    #[test]
    fn an_operator_code_has_two_digits() {
        assert!(OperatorCode::try_from("15".to_owned()).is_ok());
        for wrong in ["1", "015", "xx", "", "05"] {
            let error = OperatorCode::try_from(wrong.to_owned()).unwrap_err().to_string();
            assert!(error.contains("two digits"), "{error}");
        }
    }

    fn brazilian() -> impl Strategy<Value = String> {
        let area =
            prop::sample::select(vec!["11", "12", "19", "21", "24", "31", "47", "51", "55", "61", "79", "91", "99"]);
        let subscriber = prop_oneof!["9[6-9][0-9]{7}", "[2-5][0-9]{7}"];
        (area, subscriber).prop_map(|(area, subscriber)| format!("+55{area}{subscriber}"))
    }

    fn special() -> impl Strategy<Value = String> {
        prop_oneof!["\\+55(800|300|303|500|900)[0-9]{7}", "\\+55(4004|3003|4020)[0-9]{4}"]
    }

    fn foreign() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\+1[2-9][0-9]{2}[2-9][0-9]{6}",
            "\\+44[1-9][0-9]{9}",
            "\\+351[29][0-9]{8}",
            "\\+33[1-9][0-9]{8}",
            "\\+54911[0-9]{8}",
            "\\+49[1-9][0-9]{6,10}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_back_as_the_same_number(
            number in prop_oneof![brazilian(), special(), foreign()],
            format in prop::sample::select(vec![
                NumberFormat::E164, NumberFormat::E164WithoutPlus, NumberFormat::National, NumberFormat::Brazil,
            ]),
            code in prop::option::of(prop::sample::select(vec!["14", "15", "21", "31", "41", "55"])),
        ) {
            let dialling = trunk(format, code);
            let written = dialling.write(&number);
            prop_assert_eq!(read(&dialling, &written), number, "written as {}", written);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = trunk(NumberFormat::Brazil, Some("15")).read(&text);
        }
    }
}
