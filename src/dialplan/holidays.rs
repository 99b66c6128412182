//! Holidays that come with the program: `holidays "brazil"` in `hours`. The lists are data, in `holidays/`.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::date;

/// One holiday of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holiday {
    rule: Rule,
    /// The first year in which it is one.
    since: i16,
    pub(super) name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Fixed {
        month: i8,
        day: i8,
    },
    /// So many days after Easter Sunday, or before it.
    Easter(i32),
}

/// The lists, by the names that `holidays` takes.
pub(super) const LISTS: &[&str] = &["brazil", "brazil-optional"];

const BRAZIL: &str = include_str!("holidays/brazil.tsv");
const BRAZIL_OPTIONAL: &str = include_str!("holidays/brazil-optional.tsv");

/// The holidays of a list; none for a name that is not in [`LISTS`].
pub(super) fn named(list: &str) -> Vec<Holiday> {
    let text = match list {
        "brazil" => BRAZIL,
        "brazil-optional" => BRAZIL_OPTIONAL,
        _ => "",
    };
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(Holiday::read).collect()
}

impl Holiday {
    /// `12-25`, a tab, the first year, a tab, the name.
    fn read(line: &str) -> Option<Holiday> {
        let mut fields = line.split('\t');
        let rule = Rule::read(fields.next()?)?;
        let since = fields.next()?.parse().ok()?;
        Some(Holiday { rule, since, name: fields.next()?.to_owned() })
    }

    pub(super) fn falls_on(&self, day: Date) -> bool {
        day.year() >= self.since
            && match self.rule {
                Rule::Fixed { month, day: of_month } => day.month() == month && day.day() == of_month,
                Rule::Easter(after) => easter(day.year()).checked_add(after.days()).is_ok_and(|falls| falls == day),
            }
    }
}

impl Rule {
    fn read(text: &str) -> Option<Rule> {
        if let Some(after) = text.strip_prefix("easter") {
            return Some(Rule::Easter(if after.is_empty() { 0 } else { after.parse().ok()? }));
        }
        let (month, day) = text.split_once('-')?;
        Some(Rule::Fixed { month: month.parse().ok()?, day: day.parse().ok()? })
    }
}

/// Easter Sunday of the Gregorian calendar, by the rule of Meeus, Jones and Butcher.
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let golden = y % 19;
    let (century, of_century) = (y / 100, y % 100);
    let moon = (19 * golden + century - century / 4 - (century - (century + 8) / 25 + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon - of_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let days = moon + weekday - 7 * late + 114;
    let small = |number: i32| i8::try_from(number).unwrap_or(1);
    date(year, small(days / 31), small(days % 31 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(list: &str, day: &str) -> Option<String> {
        let day = day.parse().unwrap();
        named(list).into_iter().find(|holiday| holiday.falls_on(day)).map(|holiday| holiday.name)
    }

    #[test]
    fn easter_falls_where_the_calendar_has_it() {
        let known = ["2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25", "2285-03-22"];
        for day in known {
            let day: Date = day.parse().unwrap();
            assert_eq!(easter(day.year()), day);
        }
    }

    #[test]
    fn the_national_holidays_of_2026_are_these_and_no_others() {
        let first: Date = "2026-01-01".parse().unwrap();
        let days = first.series(1.day()).take(365);
        let found: Vec<String> = days.map(|day| day.to_string()).filter(|day| on("brazil", day).is_some()).collect();
        assert_eq!(
            found,
            [
                "2026-01-01",
                "2026-04-03",
                "2026-04-21",
                "2026-05-01",
                "2026-09-07",
                "2026-10-12",
                "2026-11-02",
                "2026-11-15",
                "2026-11-20",
                "2026-12-25",
            ]
        );
    }

    #[test]
    fn a_holiday_is_none_before_there_was_a_law() {
        assert_eq!(on("brazil", "2023-11-20"), None);
        assert_eq!(on("brazil", "2024-11-20").as_deref(), Some("Dia Nacional de Zumbi e da Consciência Negra"));
    }

    #[test]
    fn carnival_and_corpus_christi_follow_easter() {
        assert_eq!(on("brazil-optional", "2026-02-16").as_deref(), Some("Carnaval"));
        assert_eq!(on("brazil-optional", "2026-02-17").as_deref(), Some("Carnaval"));
        assert_eq!(on("brazil-optional", "2026-06-04").as_deref(), Some("Corpus Christi"));
        assert_eq!(on("brazil", "2026-02-17"), None, "no law makes it a holiday of the whole country");
    }

    #[test]
    fn every_line_of_every_list_is_read() {
        for (list, text) in [("brazil", BRAZIL), ("brazil-optional", BRAZIL_OPTIONAL)] {
            let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            assert_eq!(named(list).len(), lines.count(), "{list}");
            assert!(LISTS.contains(&list));
        }
    }
}
