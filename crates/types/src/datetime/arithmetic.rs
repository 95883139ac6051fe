//! Dates and times with intervals and with each other, between zones, between types, and rounded.

use super::*;
use crate::{Interval, Result, bail};

fn is_infinite(micros: i64) -> bool {
    matches!(micros, TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY)
}

fn is_infinite_date(days: i32) -> bool {
    matches!(days, DATE_INFINITY | DATE_NEGATIVE_INFINITY)
}

/// Months and days of the calendar: a day beyond the month's end becomes its last.
fn add_months_and_days(local: i64, months: i32, days: i32) -> Result<i64> {
    let mut day = local.div_euclid(MICROS_PER_DAY);
    let time = local.rem_euclid(MICROS_PER_DAY);
    if months != 0 {
        let (year, month, day_of_month) = civil_from_days(day);
        let months = year as i64 * 12 + month as i64 - 1 + months as i64;
        let year = i32::try_from(months.div_euclid(12)).map_err(|_| timestamp_out_of_range())?;
        let month = months.rem_euclid(12) as i32 + 1;
        day = days_from_civil(year, month, day_of_month.min(days_in_month(year, month)));
    }
    timestamp_from((day as i128 + days as i128) * MICROS_PER_DAY as i128 + time as i128)
}

/// timestamp + interval
pub fn add_interval(timestamp: i64, interval: &Interval) -> Result<i64> {
    if is_infinite(timestamp) {
        return Ok(timestamp);
    }
    let local = match interval {
        Interval { months: 0, days: 0, .. } => timestamp,
        _ => add_months_and_days(timestamp, interval.months, interval.days)?,
    };
    timestamp_from(local as i128 + interval.micros as i128)
}

/// timestamptz + interval: months and days by the local calendar, the rest by the clock.
pub fn add_interval_tz(timestamp: i64, interval: &Interval, zone: &TimeZone) -> Result<i64> {
    if is_infinite(timestamp) {
        return Ok(timestamp);
    }
    let mut utc = timestamp;
    if interval.months != 0 {
        utc = zone.to_utc(add_months_and_days(zone.to_local(utc), interval.months, 0)?);
    }
    if interval.days != 0 {
        utc = zone.to_utc(add_months_and_days(zone.to_local(utc), 0, interval.days)?);
    }
    timestamp_from(utc as i128 + interval.micros as i128)
}

/// time + interval, around the clock.
pub fn add_interval_to_time(time: i64, interval: &Interval) -> i64 {
    (time as i128 + interval.micros as i128).rem_euclid(MICROS_PER_DAY as i128) as i64
}

/// timestamp - timestamp: days and a time.
pub fn sub_timestamps(left: i64, right: i64) -> Result<Interval> {
    if is_infinite(left) || is_infinite(right) {
        bail!(DatetimeFieldOverflow, "cannot subtract infinite timestamps");
    }
    let micros =
        left.checked_sub(right).ok_or_else(|| err!(DatetimeFieldOverflow, "interval out of range"))?;
    Interval { months: 0, days: 0, micros }.justify_hours()
}

/// date - date, in days.
pub fn sub_dates(left: i32, right: i32) -> Result<i32> {
    if is_infinite_date(left) || is_infinite_date(right) {
        bail!(DatetimeFieldOverflow, "cannot subtract infinite dates");
    }
    left.checked_sub(right).ok_or_else(date_out_of_range)
}

/// date + integer; an infinity stays.
pub fn add_days(date: i32, days: i64) -> Result<i32> {
    if is_infinite_date(date) {
        return Ok(date);
    }
    let sum = (date as i64).checked_add(days).and_then(|sum| i32::try_from(sum).ok());
    sum.filter(|sum| (DATE_MIN..=DATE_MAX).contains(sum)).ok_or_else(date_out_of_range)
}

/// `age(left, right)`: years, months and days as a calendar counts them. For timestamptz, pass local times.
pub fn age(left: i64, right: i64) -> Result<Interval> {
    if is_infinite(left) || is_infinite(right) {
        bail!(DatetimeFieldOverflow, "timestamp out of range");
    }
    let (a, b) = (Civil::from_micros(left), Civil::from_micros(right));
    let negative = left < right;
    let (later, earlier) = if negative { (b, a) } else { (a, b) };
    let mut time = later.time() - earlier.time();
    let mut days = later.day - earlier.day;
    let mut months = (later.year - earlier.year) * 12 + later.month - earlier.month;
    while time < 0 {
        time += MICROS_PER_DAY;
        days -= 1;
    }
    while days < 0 {
        // The month that the earlier time is in.
        days += days_in_month(earlier.year, earlier.month);
        months -= 1;
    }
    let age = Interval { months, days, micros: time };
    if negative { age.neg() } else { Ok(age) }
}

/// date to timestamp. 22008 beyond a timestamp's range.
pub fn date_to_timestamp(days: i32) -> Result<i64> {
    match days {
        DATE_INFINITY => Ok(TIMESTAMP_INFINITY),
        DATE_NEGATIVE_INFINITY => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        _ => timestamp_from(days as i128 * MICROS_PER_DAY as i128)
            .map_err(|_| err!(DatetimeFieldOverflow, "date out of range for timestamp")),
    }
}

/// date to timestamptz: midnight in the zone.
pub fn date_to_timestamp_tz(days: i32, zone: &TimeZone) -> Result<i64> {
    local_to_utc(date_to_timestamp(days)?, zone)
}

/// timestamp to date; the day it is in.
pub fn timestamp_to_date(local: i64) -> i32 {
    match local {
        TIMESTAMP_INFINITY => DATE_INFINITY,
        TIMESTAMP_NEGATIVE_INFINITY => DATE_NEGATIVE_INFINITY,
        // At most 107 million days.
        _ => local.div_euclid(MICROS_PER_DAY) as i32,
    }
}

/// timestamp to timestamptz, in the session's or a named zone: `AT TIME ZONE`.
pub fn local_to_utc(local: i64, zone: &TimeZone) -> Result<i64> {
    if is_infinite(local) {
        return Ok(local);
    }
    timestamp_from(local as i128 - zone.offset_at_local(local) as i128 * MICROS_PER_SECOND as i128)
}

/// timestamptz to timestamp.
pub fn utc_to_local(utc: i64, zone: &TimeZone) -> Result<i64> {
    if is_infinite(utc) {
        return Ok(utc);
    }
    timestamp_from(utc as i128 + zone.offset_at(utc) as i128 * MICROS_PER_SECOND as i128)
}

/// `timestamp AT TIME ZONE zone`: the UTC time.
pub fn timestamp_at_zone(local: i64, zone: &NamedZone) -> Result<i64> {
    if is_infinite(local) {
        return Ok(local);
    }
    timestamp_from(local as i128 - zone.offset_at_local(local) as i128 * MICROS_PER_SECOND as i128)
}

/// `timestamptz AT TIME ZONE zone`: the local time there.
pub fn timestamp_tz_at_zone(utc: i64, zone: &NamedZone) -> Result<i64> {
    if is_infinite(utc) {
        return Ok(utc);
    }
    timestamp_from(utc as i128 + zone.offset_at(utc) as i128 * MICROS_PER_SECOND as i128)
}

/// `timetz AT TIME ZONE zone`, with the offset in force at `now` (UTC): (microseconds, seconds west).
pub fn time_tz_at_zone(micros: i64, west_seconds: i32, zone: &NamedZone, now: i64) -> (i64, i32) {
    let west = -zone.offset_at(now);
    let time = micros + (west_seconds - west) as i64 * MICROS_PER_SECOND;
    (time.rem_euclid(MICROS_PER_DAY), west)
}

/// A zone given as an interval of hours and minutes: `AT TIME ZONE INTERVAL '-5 hours'`.
pub fn zone_of_interval(interval: &Interval) -> Result<NamedZone> {
    if interval.months != 0 || interval.days != 0 {
        let mut text = String::new();
        interval.format(crate::settings::IntervalStyle::Postgres, &mut text);
        bail!(InvalidParameterValue, "interval time zone \"{text}\" must not include months or days");
    }
    i32::try_from(interval.micros / MICROS_PER_SECOND)
        .map(NamedZone::Fixed)
        .map_err(|_| err!(InvalidTimeZoneDisplacementValue, "time zone displacement out of range"))
}

const POWERS: [i64; 7] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

/// Rounds away from zero at a half to `precision` digits of a second.
fn round_micros(micros: i64, precision: i32) -> i64 {
    let Some(unit) = usize::try_from(6 - precision).ok().and_then(|digits| POWERS.get(digits)) else {
        return micros;
    };
    let half = unit / 2;
    if micros >= 0 {
        micros.saturating_add(half) / unit * unit
    } else {
        -(micros.saturating_neg().saturating_add(half) / unit * unit)
    }
}

/// timestamp(p) and timestamptz(p); `typmod` -1: unchanged.
pub fn round_timestamp(micros: i64, typmod: i32) -> Result<i64> {
    if is_infinite(micros) || !(0..6).contains(&typmod) {
        return Ok(micros);
    }
    // PostgreSQL counts, and so rounds halves away, from 2000.
    const FROM_1970_TO_2000: i64 = 10_957 * MICROS_PER_DAY;
    let rounded = round_micros(micros.saturating_sub(FROM_1970_TO_2000), typmod);
    timestamp_from(rounded as i128 + FROM_1970_TO_2000 as i128)
}

/// time(p) and timetz(p); may give 24:00:00.
pub fn round_time(micros: i64, typmod: i32) -> i64 {
    if (0..6).contains(&typmod) { round_micros(micros, typmod) } else { micros }
}

/// interval(p)
pub(crate) fn round_interval_micros(micros: i64, precision: i32) -> i64 {
    round_micros(micros, precision)
}
