//! Opening hours: when the business is open, on which days of the week, and on which dates it is not.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::dialplan::dates::Dates;
use crate::dialplan::holidays::Holiday;

/// `hours "name" timezone="…" { … }`
#[derive(Debug, Clone)]
pub struct Hours {
    pub name: String,
    pub(super) zone: TimeZone,
    pub(super) open: Vec<Opening>,
    /// On these dates, in place of what the day of the week says, and though they may be holidays.
    pub(super) open_on: Vec<(Dates, TimeRange)>,
    pub(super) closed: Vec<Dates>,
    pub(super) holidays: Vec<Holiday>,
}

/// `open "mon-fri" "09:00-18:00"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    /// Bit 0 is Monday.
    pub(super) days: u8,
    pub(super) range: TimeRange,
}

/// From and to, in minutes after midnight. Where `to` is not after `from`, it is on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    pub(super) from: u16,
    pub(super) to: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenState {
    Open,
    Closed,
    /// Closed because of the date, whatever the time.
    Holiday,
}

/// What a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Ordinary,
    /// Open at times of its own.
    Special,
    Holiday,
}

impl Hours {
    /// The state at this moment, by the clock on the wall in the place that the hours are for.
    pub fn state_at(&self, at: Timestamp) -> OpenState {
        let local = self.zone.to_datetime(at);
        let minute = local.hour().unsigned_abs() as u16 * 60 + local.minute().unsigned_abs() as u16;
        let today = local.date();
        // A holiday begins at midnight, though a night shift of the day before would go on.
        if self.day(today) == Day::Holiday {
            return OpenState::Holiday;
        }
        let since_yesterday = today.yesterday().is_ok_and(|date| self.is_open(date, minute + DAY));
        match since_yesterday || self.is_open(today, minute) {
            true => OpenState::Open,
            false if self.is_holiday(today) => OpenState::Holiday,
            false => OpenState::Closed,
        }
    }

    fn day(&self, date: Date) -> Day {
        if self.open_on.iter().any(|(dates, _)| dates.contains(date)) {
            return Day::Special;
        }
        if self.is_holiday(date) { Day::Holiday } else { Day::Ordinary }
    }

    fn is_open(&self, date: Date, minute: u16) -> bool {
        match self.day(date) {
            Day::Special => {
                let mut openings = self.open_on.iter().filter(|(dates, _)| dates.contains(date));
                openings.any(|(_, range)| range.minutes().contains(&minute))
            }
            Day::Holiday => false,
            Day::Ordinary => {
                let day = 1 << date.weekday().to_monday_zero_offset();
                let mut openings = self.open.iter().filter(|opening| opening.days & day != 0);
                openings.any(|opening| opening.range.minutes().contains(&minute))
            }
        }
    }

    fn is_holiday(&self, date: Date) -> bool {
        self.closed.iter().any(|dates| dates.contains(date))
            || self.holidays.iter().any(|holiday| holiday.falls_on(date))
    }
}
impl TimeRange {
    /// Counted on over midnight where the range ends on the next day.
    fn minutes(self) -> std::ops::Range<u16> {
        let over_midnight = if self.to <= self.from { DAY } else { 0 };
        self.from..self.to + over_midnight
    }

    /// `09:00-18:00`; `24:00` is the end of the day.
    pub(super) fn parse(text: &str) -> Option<TimeRange> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        (from < DAY).then_some(TimeRange { from, to })
    }
}

/// Minutes of a day.
const DAY: u16 = 24 * 60;

fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}

/// `mon-fri`, `sat`, `mon,wed,fri`, `fri-mon`: bit 0 is Monday.
pub(super) fn parse_weekdays(text: &str) -> Option<u8> {
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (weekday(first)?, weekday(last)?);
        let length = (last + 7 - first) % 7;
        for day in first..=first + length {
            days |= 1 << (day % 7);
        }
    }
    Some(days)
}

fn weekday(text: &str) -> Option<u8> {
    let at = WEEKDAYS.iter().position(|day| *day == text.trim())?;
    u8::try_from(at).ok()
}

pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl fmt::Display for OpenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OpenState::Open => "open",
            OpenState::Closed => "closed",
            OpenState::Holiday => "holiday",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::holidays;

    fn shop() -> Hours {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("America/Sao_Paulo").unwrap();
        let opening =
            |days, range| Opening { days: parse_weekdays(days).unwrap(), range: TimeRange::parse(range).unwrap() };
        Hours {
            name: "comercial".to_owned(),
            zone,
            open: vec![opening("mon-fri", "09:00-18:00"), opening("sat", "22:00-02:00")],
            open_on: vec![dated("2026-12-24", "09:00-12:00"), dated("2026-11-15", "10:00-14:00")],
            closed: vec![Dates::parse("12-25").unwrap(), Dates::parse("2026-12-24..2027-01-02").unwrap()],
            holidays: holidays::named("brazil"),
        }
    }

    fn dated(dates: &str, range: &str) -> (Dates, TimeRange) {
        (Dates::parse(dates).unwrap(), TimeRange::parse(range).unwrap())
    }

    fn at(moment: &str) -> OpenState {
        shop().state_at(moment.parse().unwrap())
    }

    #[test]
    fn the_minute_of_opening_is_open_and_the_minute_of_closing_is_not() {
        assert_eq!(at("2026-11-23T08:59:59-03:00"), OpenState::Closed);
        assert_eq!(at("2026-11-23T09:00:00-03:00"), OpenState::Open);
        assert_eq!(at("2026-11-23T17:59:59-03:00"), OpenState::Open);
        assert_eq!(at("2026-11-23T18:00:00-03:00"), OpenState::Closed);
        // The same moment, seen from London.
        assert_eq!(at("2026-11-23T12:00:00Z"), OpenState::Open);
    }

    #[test]
    fn a_night_shift_ends_on_the_next_day() {
        assert_eq!(at("2026-11-28T21:59:00-03:00"), OpenState::Closed);
        assert_eq!(at("2026-11-28T23:30:00-03:00"), OpenState::Open);
        assert_eq!(at("2026-11-29T01:59:00-03:00"), OpenState::Open);
        assert_eq!(at("2026-11-29T02:00:00-03:00"), OpenState::Closed);
    }

    #[test]
    fn a_holiday_is_closed_all_day() {
        assert_eq!(at("2026-12-25T10:00:00-03:00"), OpenState::Holiday);
        assert_eq!(at("2026-12-23T10:00:00-03:00"), OpenState::Open);
        assert_eq!(at("2026-12-30T10:00:00-03:00"), OpenState::Holiday, "a row of days");
        assert_eq!(at("2027-12-25T10:00:00-03:00"), OpenState::Holiday, "every year");
        assert_eq!(at("2026-04-03T10:00:00-03:00"), OpenState::Holiday, "Good Friday, of the shipped list");
    }

    #[test]
    fn a_date_with_hours_of_its_own_is_open_then_and_only_then() {
        assert_eq!(at("2026-12-24T11:59:00-03:00"), OpenState::Open);
        assert_eq!(at("2026-12-24T12:00:00-03:00"), OpenState::Holiday, "the rest of a day that is closed else");
        assert_eq!(at("2026-11-15T10:00:00-03:00"), OpenState::Open, "a Sunday and a holiday");
    }

    #[test]
    fn a_night_shift_ends_where_a_holiday_begins() {
        let mut shop = shop();
        shop.closed.push(Dates::parse("2026-11-29").unwrap());
        assert_eq!(shop.state_at("2026-11-28T23:59:00-03:00".parse().unwrap()), OpenState::Open);
        assert_eq!(shop.state_at("2026-11-29T00:00:00-03:00".parse().unwrap()), OpenState::Holiday);
    }

    #[test]
    fn a_clock_that_is_put_forward_skips_an_hour_and_one_that_is_put_back_has_it_twice() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Lisbon").unwrap();
        let opening = Opening { days: 0b100_0000, range: TimeRange::parse("01:00-02:00").unwrap() };
        let shop = Hours { zone, open: vec![opening], open_on: vec![], closed: vec![], holidays: vec![], ..shop() };
        let at = |moment: &str| shop.state_at(moment.parse().unwrap());
        assert_eq!(at("2026-03-29T01:00:00Z"), OpenState::Closed, "it is two o'clock already");
        assert_eq!(at("2026-10-25T00:30:00Z"), OpenState::Open);
        assert_eq!(at("2026-10-25T01:30:00Z"), OpenState::Open, "half past one for the second time");
    }

    #[test]
    fn ranges_of_days_go_round_the_week() {
        assert_eq!(parse_weekdays("mon-fri"), Some(0b001_1111));
        assert_eq!(parse_weekdays("sat-mon"), Some(0b110_0001));
        assert_eq!(parse_weekdays("mon,wed"), Some(0b000_0101));
        assert_eq!(parse_weekdays("seg-sex"), None);
        assert_eq!(parse_weekdays(""), None);
    }

    #[test]
    fn only_times_of_the_day_are_ranges() {
        assert!(TimeRange::parse("00:00-24:00").is_some());
        for bad in ["9-18", "09:00", "09:60-10:00", "25:00-26:00", "24:00-01:00", "09:00 18:00"] {
            assert_eq!(TimeRange::parse(bad), None, "{bad}");
        }
    }
}
