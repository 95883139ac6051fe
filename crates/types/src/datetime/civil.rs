//! Days and the calendar: the proleptic Gregorian one, as PostgreSQL uses it. Year 0 is 1 BC.

use super::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};

/// A date and a time of day, taken apart. `hour` is 24 only for 24:00:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Civil {
    /// 0 is 1 BC.
    pub year: i32,
    /// 1 to 12
    pub month: i32,
    /// 1 to 31
    pub day: i32,
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
    /// 0 to 999,999
    pub micros: i32,
}

/// Days from 1970-01-01 to year-month-day. `month` and `day` may lie outside of their ranges by a little.
pub fn days_from_civil(year: i32, month: i32, day: i32) -> i64 {
    // Years from March, so that February 29 is the last day of one.
    let (year, month) =
        (year as i64 + (month as i64 - 1).div_euclid(12), (month as i64 - 1).rem_euclid(12) + 1);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day as i64 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// (year, month, day)
pub fn civil_from_days(days: i64) -> (i32, i32, i32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as i32, day as i32)
}

pub fn is_leap_year(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// `month` is 1 to 12.
pub fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 0 is Sunday.
pub fn day_of_week(days: i64) -> i32 {
    (days + 4).rem_euclid(7) as i32
}

/// The days from 1970-01-01 to the Monday of ISO week 1 of `year`.
pub fn iso_year_start(year: i32) -> i64 {
    let fourth = days_from_civil(year, 1, 4);
    fourth - (day_of_week(fourth) + 6).rem_euclid(7) as i64
}

/// ISO 8601's year and week.
pub fn iso_year_and_week(days: i64) -> (i32, i32) {
    let (year, _, _) = civil_from_days(days);
    let year = if days < iso_year_start(year) {
        year - 1
    } else if days >= iso_year_start(year + 1) {
        year + 1
    } else {
        year
    };
    (year, ((days - iso_year_start(year)) / 7 + 1) as i32)
}

impl Civil {
    /// Of a local time. Any i64 is taken apart; infinities have no meaning here.
    pub fn from_micros(micros: i64) -> Civil {
        let (year, month, day) = civil_from_days(micros.div_euclid(MICROS_PER_DAY));
        Civil { year, month, day, ..Civil::from_time(micros.rem_euclid(MICROS_PER_DAY)) }
    }

    /// A time of day, without a date.
    pub fn from_time(micros: i64) -> Civil {
        Civil {
            hour: (micros / MICROS_PER_HOUR) as i32,
            minute: (micros / MICROS_PER_MINUTE % 60) as i32,
            second: (micros / MICROS_PER_SECOND % 60) as i32,
            micros: (micros % MICROS_PER_SECOND) as i32,
            ..Civil::default()
        }
    }

    pub fn days(&self) -> i64 {
        days_from_civil(self.year, self.month, self.day)
    }

    /// Microseconds since midnight.
    pub fn time(&self) -> i64 {
        self.hour as i64 * MICROS_PER_HOUR
            + self.minute as i64 * MICROS_PER_MINUTE
            + self.second as i64 * MICROS_PER_SECOND
            + self.micros as i64
    }

    /// Microseconds since 1970-01-01, local.
    pub fn to_micros(&self) -> i128 {
        self.days() as i128 * MICROS_PER_DAY as i128 + self.time() as i128
    }
}
