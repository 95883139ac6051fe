//! Intervals: months, days and microseconds kept apart (PostgreSQL 15, 8.5.4).

mod format;
mod parse;

use crate::datetime::{
    MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, round_interval_micros,
};
use crate::{Error, Result, bail, err};

/// Arithmetic on each part is checked. `PartialEq`, `Ord` and `Hash` compare as SQL does (a month is 30 days, a
/// day 24 hours), so `'1 month' = '30 days'`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

const DAYS_PER_MONTH: i32 = 30;

fn out_of_range() -> Error {
    err!(DatetimeFieldOverflow, "interval out of range")
}

impl Interval {
    /// Total microseconds with 30-day months and 24-hour days: what comparison, hashing and keys use.
    pub fn normalised(&self) -> i128 {
        ((self.months as i128 * 30 + self.days as i128) * 86_400_000_000) + self.micros as i128
    }

    /// An interval equal to `normalised` microseconds, as SQL compares; saturates.
    pub fn from_normalised(normalised: i128) -> Interval {
        let day = MICROS_PER_DAY as i128;
        let days = normalised / day;
        let months = days / DAYS_PER_MONTH as i128;
        let clamped = months.clamp(i32::MIN as i128, i32::MAX as i128);
        let rest = normalised - clamped * DAYS_PER_MONTH as i128 * day;
        let days = (rest / day).clamp(i32::MIN as i128, i32::MAX as i128);
        let micros = (rest - days * day).clamp(i64::MIN as i128, i64::MAX as i128);
        Interval { months: clamped as i32, days: days as i32, micros: micros as i64 }
    }

    pub fn neg(&self) -> Result<Interval> {
        Interval::default().sub(self)
    }

    pub fn add(&self, other: &Interval) -> Result<Interval> {
        Ok(Interval {
            months: self.months.checked_add(other.months).ok_or_else(out_of_range)?,
            days: self.days.checked_add(other.days).ok_or_else(out_of_range)?,
            micros: self.micros.checked_add(other.micros).ok_or_else(out_of_range)?,
        })
    }

    pub fn sub(&self, other: &Interval) -> Result<Interval> {
        Ok(Interval {
            months: self.months.checked_sub(other.months).ok_or_else(out_of_range)?,
            days: self.days.checked_sub(other.days).ok_or_else(out_of_range)?,
            micros: self.micros.checked_sub(other.micros).ok_or_else(out_of_range)?,
        })
    }

    /// What is left of a month becomes days, of a day time.
    pub fn mul(&self, factor: f64) -> Result<Interval> {
        self.scale(|part| part * factor)
    }

    /// 22012 for zero.
    pub fn div(&self, divisor: f64) -> Result<Interval> {
        if divisor == 0.0 {
            bail!(DivisionByZero, "division by zero");
        }
        self.scale(|part| part / divisor)
    }

    fn scale(&self, scale: impl Fn(f64) -> f64) -> Result<Interval> {
        let whole = |value: f64| {
            let fits = value >= i32::MIN as f64 && value <= i32::MAX as f64;
            if fits { Ok(value as i32) } else { Err(out_of_range()) }
        };
        let to_micros = |value: f64| (value * 1_000_000.0).round_ties_even() / 1_000_000.0;
        let (months_scaled, days_scaled) = (scale(self.months as f64), scale(self.days as f64));
        let months = whole(months_scaled)?;
        let mut days = whole(days_scaled)?;
        let month_rest_days = to_micros((months_scaled - months as f64) * DAYS_PER_MONTH as f64);
        let mut rest_seconds =
            to_micros((days_scaled - days as f64 + month_rest_days - month_rest_days.trunc()) * 86_400.0);
        if rest_seconds.abs() >= 86_400.0 {
            let whole_days = (rest_seconds / 86_400.0).trunc();
            days = days.checked_add(whole_days as i32).ok_or_else(out_of_range)?;
            rest_seconds -= whole_days * 86_400.0;
        }
        days = days.checked_add(month_rest_days as i32).ok_or_else(out_of_range)?;
        let micros = (scale(self.micros as f64) + rest_seconds * 1_000_000.0).round_ties_even();
        // 2^63 as a float is the first that does not fit.
        if micros.is_nan() || micros < i64::MIN as f64 || micros >= i64::MAX as f64 {
            return Err(out_of_range());
        }
        Ok(Interval { months, days, micros: micros as i64 })
    }

    /// 24 hours become a day.
    pub fn justify_hours(&self) -> Result<Interval> {
        let days =
            i32::try_from(self.micros / MICROS_PER_DAY).ok().and_then(|days| self.days.checked_add(days));
        let mut result = Interval {
            months: self.months,
            days: days.ok_or_else(out_of_range)?,
            micros: self.micros % MICROS_PER_DAY,
        };
        result.agree_hours();
        Ok(result)
    }

    /// 30 days become a month.
    pub fn justify_days(&self) -> Result<Interval> {
        let months = self.months.checked_add(self.days / DAYS_PER_MONTH).ok_or_else(out_of_range)?;
        let mut result = Interval { months, days: self.days % DAYS_PER_MONTH, micros: self.micros };
        if result.months > 0 && result.days < 0 {
            result.days += DAYS_PER_MONTH;
            result.months -= 1;
        } else if result.months < 0 && result.days > 0 {
            result.days -= DAYS_PER_MONTH;
            result.months += 1;
        }
        Ok(result)
    }

    /// Both, and all parts of one sign.
    pub fn justify_interval(&self) -> Result<Interval> {
        let days = self.days as i64 + self.micros / MICROS_PER_DAY;
        let months = self.months as i64 + days / DAYS_PER_MONTH as i64;
        let mut result = Interval {
            months: i32::try_from(months).map_err(|_| out_of_range())?,
            days: (days % DAYS_PER_MONTH as i64) as i32,
            micros: self.micros % MICROS_PER_DAY,
        };
        if result.months > 0 && (result.days < 0 || result.days == 0 && result.micros < 0) {
            result.days += DAYS_PER_MONTH;
            result.months -= 1;
        } else if result.months < 0 && (result.days > 0 || result.days == 0 && result.micros > 0) {
            result.days -= DAYS_PER_MONTH;
            result.months += 1;
        }
        result.agree_hours();
        Ok(result)
    }

    /// Gives the time the days' sign.
    fn agree_hours(&mut self) {
        if self.days > 0 && self.micros < 0 {
            self.micros += MICROS_PER_DAY;
            self.days -= 1;
        } else if self.days < 0 && self.micros > 0 {
            self.micros -= MICROS_PER_DAY;
            self.days += 1;
        }
    }

    /// Cuts to the fields of `interval day to minute` and rounds to the precision of `interval(3)`; -1: unchanged.
    pub fn apply_typmod(&self, typmod: i32) -> Interval {
        if typmod < 0 {
            return *self;
        }
        let (range, precision) = ((typmod >> 16) & 0x7fff, typmod & 0xffff);
        let mut result = *self;
        match finest_field(range) {
            Some(RANGE_YEAR) => result = Interval { months: self.months / 12 * 12, days: 0, micros: 0 },
            Some(RANGE_MONTH) => result = Interval { months: self.months, days: 0, micros: 0 },
            Some(RANGE_DAY) => result.micros = 0,
            Some(RANGE_HOUR) => result.micros -= result.micros % MICROS_PER_HOUR,
            Some(RANGE_MINUTE) => result.micros -= result.micros % MICROS_PER_MINUTE,
            _ => {}
        }
        if precision != FULL_PRECISION {
            result.micros = round_interval_micros(result.micros, precision);
        }
        result
    }

    /// Hours, minutes, seconds, microseconds: all of the sign of the time.
    fn clock(&self) -> (i64, i64, i64, i64) {
        (
            self.micros / MICROS_PER_HOUR,
            self.micros / MICROS_PER_MINUTE % 60,
            self.micros / MICROS_PER_SECOND % 60,
            self.micros % MICROS_PER_SECOND,
        )
    }
}

/// The bits of a modifier's range (`INTERVAL_MASK`).
pub const RANGE_MONTH: i32 = 1 << 1;
pub const RANGE_YEAR: i32 = 1 << 2;
pub const RANGE_DAY: i32 = 1 << 3;
pub const RANGE_HOUR: i32 = 1 << 10;
pub const RANGE_MINUTE: i32 = 1 << 11;
pub const RANGE_SECOND: i32 = 1 << 12;
/// No range given.
pub const FULL_RANGE: i32 = 0x7fff;
/// No precision given.
pub const FULL_PRECISION: i32 = 0xffff;

/// The fields of a modifier's range, after a blank; nothing for the full one.
pub(crate) fn range_name(typmod: i32) -> &'static str {
    const DAY_TO_HOUR: i32 = RANGE_DAY | RANGE_HOUR;
    const HOUR_TO_MINUTE: i32 = RANGE_HOUR | RANGE_MINUTE;
    match (typmod >> 16) & 0x7fff {
        RANGE_YEAR => " year",
        RANGE_MONTH => " month",
        RANGE_DAY => " day",
        RANGE_HOUR => " hour",
        RANGE_MINUTE => " minute",
        RANGE_SECOND => " second",
        range if range == RANGE_YEAR | RANGE_MONTH => " year to month",
        range if range == DAY_TO_HOUR => " day to hour",
        range if range == DAY_TO_HOUR | RANGE_MINUTE => " day to minute",
        range if range == DAY_TO_HOUR | RANGE_MINUTE | RANGE_SECOND => " day to second",
        range if range == HOUR_TO_MINUTE => " hour to minute",
        range if range == HOUR_TO_MINUTE | RANGE_SECOND => " hour to second",
        range if range == RANGE_MINUTE | RANGE_SECOND => " minute to second",
        _ => "",
    }
}

/// The finest field of a range; None for the full one.
fn finest_field(range: i32) -> Option<i32> {
    if range == FULL_RANGE {
        return None;
    }
    [RANGE_SECOND, RANGE_MINUTE, RANGE_HOUR, RANGE_DAY, RANGE_MONTH, RANGE_YEAR]
        .into_iter()
        .find(|field| range & field != 0)
}

impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        self.normalised() == other.normalised()
    }
}
impl Eq for Interval {}
impl Ord for Interval {
    fn cmp(&self, other: &Interval) -> std::cmp::Ordering {
        self.normalised().cmp(&other.normalised())
    }
}
impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Interval) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl std::hash::Hash for Interval {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.normalised().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::IntervalStyle;

    #[test]
    fn a_modifier_decides_what_a_bare_number_is_and_what_stays() {
        let shown = |text: &str, range: i32, precision: i32| {
            let interval = Interval::parse(text, range << 16 | precision, IntervalStyle::Postgres).unwrap();
            let mut out = String::new();
            interval.format(IntervalStyle::Postgres, &mut out);
            out
        };
        let day_to_hour = RANGE_DAY | RANGE_HOUR;
        let full = "1 year 2 mons 3 days 04:05:06.789";
        assert_eq!(shown("1", RANGE_YEAR, FULL_PRECISION), "1 year");
        assert_eq!(shown("1-2", RANGE_YEAR | RANGE_MONTH, FULL_PRECISION), "1 year 2 mons");
        assert_eq!(shown("1 2:03", day_to_hour | RANGE_MINUTE, FULL_PRECISION), "1 day 02:03:00");
        assert_eq!(shown("2:03", RANGE_MINUTE | RANGE_SECOND, FULL_PRECISION), "00:02:03");
        assert_eq!(shown("2:03", RANGE_HOUR | RANGE_MINUTE | RANGE_SECOND, FULL_PRECISION), "02:03:00");
        assert_eq!(shown("1.55", RANGE_SECOND, 1), "00:00:01.6");
        assert_eq!(shown(full, RANGE_HOUR, FULL_PRECISION), "1 year 2 mons 3 days 04:00:00");
        assert_eq!(shown(full, RANGE_MONTH, FULL_PRECISION), "1 year 2 mons");
        assert_eq!(shown(full, FULL_RANGE, 2), "1 year 2 mons 3 days 04:05:06.79");
        assert_eq!(shown("10", day_to_hour, FULL_PRECISION), "10:00:00");
        assert_eq!(shown("1 day 2", day_to_hour, FULL_PRECISION), "1 day 02:00:00");
        assert_eq!(shown("5", RANGE_MINUTE | RANGE_SECOND, FULL_PRECISION), "00:00:05");
    }
}
