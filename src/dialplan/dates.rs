//! Dates as owners write them: one day, several in a row, of one year or of every year.

use jiff::civil::Date;

/// `2026-12-25`, `2026-12-24..2027-01-02`, `12-25`, `12-24..01-02`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dates {
    /// The last is one of them.
    Once { first: Date, last: Date },
    /// Month and day; where the last comes before the first, it is in the next year.
    EveryYear { first: (i8, i8), last: (i8, i8) },
}

impl Dates {
    pub(super) fn parse(text: &str) -> Option<Dates> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let (first, last) = (first.trim(), last.trim());
        if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
            return (first <= last).then_some(Dates::Once { first, last });
        }
        Some(Dates::EveryYear { first: month_and_day(first)?, last: month_and_day(last)? })
    }

    pub(super) fn contains(self, date: Date) -> bool {
        match self {
            Dates::Once { first, last } => (first..=last).contains(&date),
            Dates::EveryYear { first, last } => {
                let day = (date.month(), date.day());
                match first <= last {
                    true => (first..=last).contains(&day),
                    false => day >= first || day <= last,
                }
            }
        }
    }
}

/// `02-29` is a day of some years.
fn month_and_day(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    if month.len() != 2 || day.len() != 2 {
        return None;
    }
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    Date::new(LEAP_YEAR, month, day).is_ok().then_some((month, day))
}

const LEAP_YEAR: i16 = 2024;

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(dates: &str, day: &str) -> bool {
        Dates::parse(dates).unwrap().contains(day.parse().unwrap())
    }

    #[test]
    fn a_range_holds_its_first_and_its_last_day() {
        assert!(holds("2026-12-25", "2026-12-25") && !holds("2026-12-25", "2027-12-25"));
        let break_ = "2026-12-24..2027-01-02";
        assert!(holds(break_, "2026-12-24") && holds(break_, "2027-01-02"));
        assert!(!holds(break_, "2026-12-23") && !holds(break_, "2027-01-03"));
    }

    #[test]
    fn a_day_without_a_year_comes_every_year() {
        assert!(holds("12-25", "2026-12-25") && holds("12-25", "2031-12-25") && !holds("12-25", "2031-12-24"));
        assert!(holds("12-24..01-02", "2030-12-31") && holds("12-24..01-02", "2031-01-02"));
        assert!(!holds("12-24..01-02", "2031-01-03") && !holds("12-24..01-02", "2030-06-01"));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for bad in
            ["", "2026-13-01", "2026-02-30", "02-30", "2-3", "2027-01-02..2026-12-24", "2026-12-24..01-02", "natal"]
        {
            assert_eq!(Dates::parse(bad), None, "{bad}");
        }
    }
}
