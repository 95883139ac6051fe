//! to_char of timestamps and intervals.

use super::date_template::{DAYS, Field, FieldNode, MONTHS, Node, ROMAN_MONTHS, parse};
use super::ordinal;
use types::datetime::{self as civil, Civil, TimeZone};
use types::{Interval, Result, err};

/// What is shown: a point in time, or the parts of an interval.
pub(super) struct Moment {
    /// 0 is 1 BC; of an interval, years.
    year: i64,
    /// 1 to 12; of an interval, months beyond the years.
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// Days from 1970-01-01.
    days: i64,
    /// From 1. Of an interval, roughly its days.
    day_of_year: i64,
    zone: Option<(String, i32)>,
    is_interval: bool,
}

impl Moment {
    pub fn of_timestamp(micros: i64) -> Moment {
        let parts = Civil::from_micros(micros);
        let days = parts.days();
        Moment {
            year: parts.year as i64,
            month: parts.month as i64,
            day: parts.day as i64,
            hour: parts.hour as i64,
            minute: parts.minute as i64,
            second: parts.second as i64,
            micros: parts.micros as i64,
            days,
            day_of_year: days - civil::days_from_civil(parts.year, 1, 1) + 1,
            zone: None,
            is_interval: false,
        }
    }

    pub fn of_timestamptz(micros: i64, zone: &TimeZone) -> Moment {
        let zone_shown = (zone.abbreviation_at(micros), zone.offset_at(micros));
        Moment { zone: Some(zone_shown), ..Moment::of_timestamp(zone.to_local(micros)) }
    }

    pub fn of_interval(interval: &Interval) -> Moment {
        let (year, month) = (interval.months as i64 / 12, interval.months as i64 % 12);
        let seconds = interval.micros / civil::MICROS_PER_SECOND;
        Moment {
            year,
            month,
            day: interval.days as i64,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: interval.micros % civil::MICROS_PER_SECOND,
            days: 0,
            day_of_year: interval.months as i64 * 30 + interval.days as i64,
            zone: None,
            is_interval: true,
        }
    }

    fn iso_year_and_week(&self) -> (i64, i64) {
        let (year, week) = civil::iso_year_and_week(self.days);
        (year as i64, week as i64)
    }
}

pub(super) fn format(template: &str, moment: &Moment) -> Result<String> {
    let mut out = String::new();
    for node in parse(template) {
        match node {
            Node::Field(node) => write_field(&node, moment, &mut out)?,
            Node::Text(c) | Node::Separator(c) | Node::Space(c) => out.push(c),
        }
    }
    Ok(out)
}

/// A word in the case of its keyword: MONTH, Month, month.
fn cased(word: &str, keyword: &str) -> String {
    let mut upper = keyword.chars().filter(char::is_ascii_alphabetic).map(|c| c.is_ascii_uppercase());
    match (upper.next(), upper.next()) {
        (Some(true), Some(true)) => word.to_ascii_uppercase(),
        (Some(true), _) => word.to_owned(),
        _ => word.to_ascii_lowercase(),
    }
}

fn write_field(node: &FieldNode, moment: &Moment, out: &mut String) -> Result<()> {
    use Field::*;
    let no_interval = || -> Result<()> {
        if moment.is_interval {
            return Err(err!(InvalidDatetimeFormat, "invalid format specification for an interval value")
                .hint("Intervals are not tied to specific calendar dates."));
        }
        Ok(())
    };
    // `%0*d`. A sign takes a place of its own, but not before days.
    let own_place = !matches!(node.field, Day | DayOfYear | Week | IsoWeek | IsoDayOfYear);
    let mut number = |value: i64, width: usize| -> Result<()> {
        let width = if node.fill { 0 } else { width + usize::from(value < 0 && own_place) };
        let shown = format!("{value:0width$}");
        out.push_str(&shown);
        if let Some(upper) = node.ordinal {
            out.push_str(ordinal(&shown, upper)?);
        }
        Ok(())
    };
    // Of a year: BC years count up from 1 again.
    let adjusted = |year: i64| if moment.is_interval || year > 0 { year } else { 1 - year };
    match node.field {
        Exact => return Ok(()),
        HalfDotted | Half => {
            let afternoon = moment.hour.rem_euclid(24) >= 12;
            let word = match (node.field, afternoon) {
                (HalfDotted, false) => "A.M.",
                (HalfDotted, true) => "P.M.",
                (_, false) => "AM",
                (_, true) => "PM",
            };
            out.push_str(&cased(word, node.keyword));
            return Ok(());
        }
        EraDotted | Era => {
            no_interval()?;
            let word = match (node.field, moment.year <= 0) {
                (EraDotted, false) => "A.D.",
                (EraDotted, true) => "B.C.",
                (_, false) => "AD",
                (_, true) => "BC",
            };
            out.push_str(&cased(word, node.keyword));
            return Ok(());
        }
        MonthName | MonthShort | DayName | DayShort => {
            no_interval()?;
            let name = match node.field {
                MonthName | MonthShort => MONTHS[(moment.month - 1).clamp(0, 11) as usize],
                _ => DAYS[civil::day_of_week(moment.days).clamp(0, 6) as usize],
            };
            let long = matches!(node.field, MonthName | DayName);
            let name = cased(if long { name } else { &name[..3] }, node.keyword);
            let width = if long && !node.fill && !node.translate { 9 } else { 0 };
            out.push_str(&format!("{name:<width$}"));
            return Ok(());
        }
        RomanMonth => {
            let index = match moment.month {
                0 if moment.year == 0 => return Ok(()),
                0 if moment.year > 0 => 0,
                0 => 11,
                month if month < 0 => -(month + 1),
                month => 12 - month,
            };
            let roman = cased(ROMAN_MONTHS[index.clamp(0, 11) as usize], &node.keyword.repeat(2));
            let width = if node.fill { 0 } else { 4 };
            out.push_str(&format!("{roman:<width$}"));
            return Ok(());
        }
        Zone => {
            no_interval()?;
            if let Some((name, _)) = &moment.zone {
                out.push_str(&if node.keyword == "TZ" { name.to_uppercase() } else { name.to_lowercase() });
            }
            return Ok(());
        }
        ZoneHour | ZoneMinute | Offset => {
            no_interval()?;
            let east = moment.zone.as_ref().map_or(0, |(_, east)| *east);
            let sign = if east < 0 { '-' } else { '+' };
            let (hours, minutes) = (east.abs() / 3600, east.abs() % 3600 / 60);
            match node.field {
                ZoneHour => out.push_str(&format!("{sign}{hours:02}")),
                ZoneMinute => out.push_str(&format!("{minutes:02}")),
                _ if node.fill => out.push_str(&format!("{sign}{hours}")),
                _ => out.push_str(&format!("{sign}{hours:02}")),
            }
            if node.field == Offset && minutes != 0 {
                out.push_str(&format!(":{minutes:02}"));
            }
            return Ok(());
        }
        YearComma => {
            let year = adjusted(moment.year);
            let shown = format!("{},{:03}", year / 1000, year % 1000);
            out.push_str(&shown);
            if let Some(upper) = node.ordinal {
                out.push_str(ordinal(&shown, upper)?);
            }
            return Ok(());
        }
        _ => {}
    }
    match node.field {
        Hour12 => number(if moment.hour % 12 == 0 { 12 } else { moment.hour % 12 }, 2),
        Hour24 => number(moment.hour, 2),
        Minute => number(moment.minute, 2),
        Second => number(moment.second, 2),
        // Fractions are never shortened.
        Fraction(digits) => {
            let value = moment.micros / 10i64.pow(6 - digits as u32);
            let width = digits as usize;
            let shown = format!("{value:0width$}");
            out.push_str(&shown);
            if let Some(upper) = node.ordinal {
                out.push_str(ordinal(&shown, upper)?);
            }
            Ok(())
        }
        Millisecond | Microsecond => {
            let (value, width) =
                if node.field == Millisecond { (moment.micros / 1000, 3) } else { (moment.micros, 6) };
            let shown = format!("{value:0width$}");
            out.push_str(&shown);
            if let Some(upper) = node.ordinal {
                out.push_str(ordinal(&shown, upper)?);
            }
            Ok(())
        }
        SecondOfDay => number(moment.hour * 3600 + moment.minute * 60 + moment.second, 0),
        Month => number(moment.month, 2),
        Day => number(moment.day, 2),
        DayOfYear => number(moment.day_of_year, 3),
        IsoDayOfYear => {
            let (year, _) = moment.iso_year_and_week();
            number(moment.days - civil::iso_year_start(year as i32) + 1, 3)
        }
        DayOfWeek => {
            no_interval()?;
            number(civil::day_of_week(moment.days) as i64 + 1, 0)
        }
        IsoDayOfWeek => {
            no_interval()?;
            let day = civil::day_of_week(moment.days) as i64;
            number(if day == 0 { 7 } else { day }, 0)
        }
        Week => number((moment.day_of_year - 1) / 7 + 1, 2),
        IsoWeek => number(moment.iso_year_and_week().1, 2),
        WeekOfMonth => number((moment.day - 1) / 7 + 1, 0),
        Quarter if moment.month == 0 => Ok(()),
        Quarter => number((moment.month - 1) / 3 + 1, 0),
        Century => {
            let century = match moment.year {
                year if moment.is_interval => year / 100,
                year if year > 0 => (year - 1) / 100 + 1,
                year => year / 100 - 1,
            };
            number(century, if century.abs() <= 99 { 2 } else { 0 })
        }
        Year(digits) => {
            let year = adjusted(moment.year);
            number(if digits == 4 { year } else { year % 10i64.pow(digits as u32) }, digits as usize)
        }
        IsoYear(digits) => {
            let year = adjusted(moment.iso_year_and_week().0);
            number(if digits == 4 { year } else { year % 10i64.pow(digits as u32) }, digits as usize)
        }
        Julian => number(moment.days + 2_440_588, 0),
        _ => Ok(()),
    }
}
