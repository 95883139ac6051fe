//! Dates and times as text, in each DateStyle: what PostgreSQL's `EncodeDateTime` prints.

use super::*;
use crate::TextSettings;
use crate::settings::{DateOrder, DateStyle};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// At least `width` digits. `value` is not negative.
fn push_number(out: &mut String, value: i32, width: usize) {
    let mut digits = [0u8; 10];
    let mut at = digits.len();
    let mut rest = value.max(0);
    while rest > 0 || digits.len() - at < width {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits[at..].iter().for_each(|digit| out.push(*digit as char));
}

/// The year as it is written: 1 BC for 0, 2 BC for -1.
fn shown_year(year: i32) -> i32 {
    if year > 0 { year } else { 1 - year }
}

pub(crate) fn push_fraction(out: &mut String, micros: i32) {
    if micros == 0 {
        return;
    }
    out.push('.');
    let end = out.len();
    push_number(out, micros, 6);
    let trimmed = out[end..].trim_end_matches('0').len();
    out.truncate(end + trimmed);
}

fn push_clock(out: &mut String, civil: &Civil) {
    push_number(out, civil.hour, 2);
    out.push(':');
    push_number(out, civil.minute, 2);
    out.push(':');
    push_number(out, civil.second, 2);
    push_fraction(out, civil.micros);
}

/// `+05`, `-03:30`, `+00:17:30`. `full`: minutes always (ISO 8601's extended form, in JSON).
pub(super) fn push_offset(out: &mut String, west_seconds: i32, full: bool) {
    out.push(if west_seconds <= 0 { '+' } else { '-' });
    let seconds = west_seconds.abs();
    push_number(out, seconds / 3600, 2);
    if seconds % 60 != 0 {
        out.push(':');
        push_number(out, seconds / 60 % 60, 2);
        out.push(':');
        push_number(out, seconds % 60, 2);
    } else if seconds / 60 % 60 != 0 || full {
        out.push(':');
        push_number(out, seconds / 60 % 60, 2);
    }
}

/// Year, month and day in the style's order, without BC.
fn push_calendar(out: &mut String, civil: &Civil, settings: &TextSettings) {
    let day_first = settings.date_order == DateOrder::Dmy;
    let delimiter = match settings.date_style {
        DateStyle::Iso => {
            push_number(out, shown_year(civil.year), 4);
            out.push('-');
            push_number(out, civil.month, 2);
            out.push('-');
            return push_number(out, civil.day, 2);
        }
        DateStyle::Sql => '/',
        DateStyle::Postgres => '-',
        DateStyle::German => '.',
    };
    let (first, second) = if day_first || settings.date_style == DateStyle::German {
        (civil.day, civil.month)
    } else {
        (civil.month, civil.day)
    };
    push_number(out, first, 2);
    out.push(delimiter);
    push_number(out, second, 2);
    out.push(delimiter);
    push_number(out, shown_year(civil.year), 4);
}

pub fn format_date(days: i32, settings: &TextSettings, out: &mut String) {
    match days {
        DATE_INFINITY => return out.push_str("infinity"),
        DATE_NEGATIVE_INFINITY => return out.push_str("-infinity"),
        _ => {}
    }
    let (year, month, day) = civil_from_days(days as i64);
    push_calendar(out, &Civil { year, month, day, ..Civil::default() }, settings);
    if year <= 0 {
        out.push_str(" BC");
    }
}

pub fn format_time(micros: i64, out: &mut String) {
    push_clock(out, &Civil::from_time(micros));
}

pub fn format_time_tz(micros: i64, west_seconds: i32, out: &mut String) {
    push_clock(out, &Civil::from_time(micros));
    push_offset(out, west_seconds, false);
}

pub fn format_timestamp(micros: i64, settings: &TextSettings, out: &mut String) {
    if !push_infinity(micros, out) {
        push_date_time(out, &Civil::from_micros(micros), None, settings);
    }
}

pub fn format_timestamp_tz(micros: i64, settings: &TextSettings, out: &mut String) {
    if push_infinity(micros, out) {
        return;
    }
    let zone = &settings.time_zone;
    let offset = zone.offset_at(micros);
    let local = micros.saturating_add(offset as i64 * MICROS_PER_SECOND);
    let abbreviation = match settings.date_style {
        DateStyle::Iso => None,
        _ => Some(zone.abbreviation_at(micros)),
    };
    push_date_time(out, &Civil::from_micros(local), Some((-offset, abbreviation)), settings);
}

fn push_infinity(micros: i64, out: &mut String) -> bool {
    match micros {
        TIMESTAMP_INFINITY => out.push_str("infinity"),
        TIMESTAMP_NEGATIVE_INFINITY => out.push_str("-infinity"),
        _ => return false,
    }
    true
}

/// `zone`: seconds west, and the abbreviation where the style shows it.
fn push_date_time(
    out: &mut String,
    civil: &Civil,
    zone: Option<(i32, Option<String>)>,
    settings: &TextSettings,
) {
    if settings.date_style == DateStyle::Postgres {
        out.push_str(DAYS[day_of_week(civil.days()) as usize]);
        out.push(' ');
        let month = MONTHS[(civil.month - 1).clamp(0, 11) as usize];
        if settings.date_order == DateOrder::Dmy {
            push_number(out, civil.day, 2);
            out.push(' ');
            out.push_str(month);
        } else {
            out.push_str(month);
            out.push(' ');
            push_number(out, civil.day, 2);
        }
        out.push(' ');
        push_clock(out, civil);
        out.push(' ');
        push_number(out, shown_year(civil.year), 4);
    } else {
        push_calendar(out, civil, settings);
        out.push(' ');
        push_clock(out, civil);
    }
    match zone {
        Some((_, Some(abbreviation))) => {
            out.push(' ');
            out.push_str(&abbreviation);
        }
        Some((west, None)) => push_offset(out, west, false),
        None => {}
    }
    if civil.year <= 0 {
        out.push_str(" BC");
    }
}

/// ISO 8601 with a `T`, as `to_json` writes a timestamp, whatever the DateStyle; `offset`: seconds west.
pub fn format_iso_8601(local_micros: i64, west_seconds: Option<i32>, out: &mut String) {
    if push_infinity(local_micros, out) {
        return;
    }
    let civil = Civil::from_micros(local_micros);
    push_number(out, shown_year(civil.year), 4);
    out.push('-');
    push_number(out, civil.month, 2);
    out.push('-');
    push_number(out, civil.day, 2);
    out.push('T');
    push_clock(out, &civil);
    if let Some(west) = west_seconds {
        push_offset(out, west, true);
    }
    if civil.year <= 0 {
        out.push_str(" BC");
    }
}
