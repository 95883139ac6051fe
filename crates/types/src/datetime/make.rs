//! make_date and its family, and the epoch as a float.

use super::*;
use crate::{Interval, Result, bail};

/// `make_date(year, month, day)`; a negative year is BC.
pub fn make_date(year: i32, month: i32, day: i32) -> Result<i32> {
    let astronomical = if year < 0 { year + 1 } else { year };
    // PostgreSQL's message has the year as it counts it: 1 BC is 0.
    let fail =
        || err!(DatetimeFieldOverflow, "date field value out of range: {astronomical}-{month:02}-{day:02}");
    if year == 0 || year == i32::MIN {
        return Err(fail());
    }
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(astronomical, month) {
        return Err(fail());
    }
    i32::try_from(days_from_civil(astronomical, month, day))
        .ok()
        .filter(|days| (DATE_MIN..=DATE_MAX).contains(days))
        .ok_or_else(|| err!(DatetimeFieldOverflow, "date out of range: {year}-{month:02}-{day:02}"))
}

/// `make_time(hour, minute, second)`
pub fn make_time(hour: i32, minute: i32, second: f64) -> Result<i64> {
    let fail = || {
        // C's %02g: six digits.
        let mut shown = crate::text::float_to_text(second, -9);
        if shown.len() < 2 {
            shown.insert(0, '0');
        }
        err!(DatetimeFieldOverflow, "time field value out of range: {hour}:{minute:02}:{shown}")
    };
    if !(0..=24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..=60.0).contains(&second) {
        return Err(fail());
    }
    // Floats are rounded to microseconds as PostgreSQL does.
    let time = hour as i64 * MICROS_PER_HOUR
        + minute as i64 * MICROS_PER_MINUTE
        + (second * 1_000_000.0).round_ties_even() as i64;
    if time > MICROS_PER_DAY { Err(fail()) } else { Ok(time) }
}

/// `make_timestamp(...)`; also the local time of `make_timestamptz`.
pub fn make_timestamp(year: i32, month: i32, day: i32, hour: i32, minute: i32, second: f64) -> Result<i64> {
    let days = make_date(year, month, day)?;
    let time = make_time(hour, minute, second)?;
    timestamp_from(days as i128 * MICROS_PER_DAY as i128 + time as i128)
}

/// `make_interval(...)`
pub fn make_interval(
    years: i32,
    months: i32,
    weeks: i32,
    days: i32,
    hours: i32,
    minutes: i32,
    seconds: f64,
) -> Result<Interval> {
    let fail = || err!(DatetimeFieldOverflow, "interval out of range");
    if !seconds.is_finite() {
        return Err(fail());
    }
    let total = hours as f64 * MICROS_PER_HOUR as f64
        + minutes as f64 * MICROS_PER_MINUTE as f64
        + (seconds * 1_000_000.0).round_ties_even();
    if total.abs() >= i64::MAX as f64 {
        return Err(fail());
    }
    let micros = hours as i64 * MICROS_PER_HOUR + minutes as i64 * MICROS_PER_MINUTE;
    Ok(Interval {
        months: years.checked_mul(12).and_then(|sum| sum.checked_add(months)).ok_or_else(fail)?,
        days: weeks.checked_mul(7).and_then(|sum| sum.checked_add(days)).ok_or_else(fail)?,
        micros: micros.checked_add((seconds * 1_000_000.0).round_ties_even() as i64).ok_or_else(fail)?,
    })
}

/// `to_timestamp(seconds)`: timestamptz of a Unix time.
pub fn timestamp_of_epoch(seconds: f64) -> Result<i64> {
    if seconds.is_nan() {
        bail!(DatetimeFieldOverflow, "timestamp cannot be NaN");
    }
    if seconds.is_infinite() {
        return Ok(if seconds > 0.0 { TIMESTAMP_INFINITY } else { TIMESTAMP_NEGATIVE_INFINITY });
    }
    let fail = || {
        err!(DatetimeFieldOverflow, "timestamp out of range: \"{}\"", crate::text::float_to_text(seconds, 0))
    };
    // PostgreSQL shifts to 2000 before it rounds.
    const FROM_1970_TO_2000: f64 = 946_684_800.0;
    let micros = ((seconds - FROM_1970_TO_2000) * 1_000_000.0).round_ties_even();
    if micros.abs() >= i64::MAX as f64 {
        return Err(fail());
    }
    timestamp_from(micros as i128 + 946_684_800_000_000).map_err(|_| fail())
}
