//! to_char, to_date, to_timestamp and to_number: templates (PostgreSQL 15, 9.8; a port of `formatting.c`, in the C
//! locale).
//!
//! ```text
//!   template ── date_template::parse ──> fields and text ──┬── date_output   to_char(timestamp, interval)
//!                                                          └── date_input    to_date, to_timestamp
//!   template ── number ──> Picture (digits, sign, point) ──── number         to_char(number), to_number
//! ```

mod date_input;
mod date_output;
mod date_template;
mod number;
mod number_input;

use crate::context::Context;
use crate::signature::functions;
use types::datetime as civil;
use types::{Error, Result, Value, err};

#[rustfmt::skip]
functions! {
    2049 "to_char" (Timestamp, Text) -> Text = row(timestamp_to_char) stable;
    1770 "to_char" (TimestampTz, Text) -> Text = row(timestamptz_to_char) stable;
    1768 "to_char" (Interval, Text) -> Text = row(interval_to_char) stable;
    1773 "to_char" (Int4, Text) -> Text = row(number_to_char) stable;
    1774 "to_char" (Int8, Text) -> Text = row(number_to_char) stable;
    1775 "to_char" (Float4, Text) -> Text = row(number_to_char) stable;
    1776 "to_char" (Float8, Text) -> Text = row(number_to_char) stable;
    1772 "to_char" (Numeric, Text) -> Text = row(number_to_char) stable;
    1780 "to_date" (Text, Text) -> Date = row(to_date) stable;
    1778 "to_timestamp" (Text, Text) -> TimestampTz = row(to_timestamp) stable;
    1777 "to_number" (Text, Text) -> Numeric = row(to_number) stable;
}

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a formatting function was given {args:?}"))
}

fn is_finite(micros: i64) -> bool {
    !matches!(micros, civil::TIMESTAMP_INFINITY | civil::TIMESTAMP_NEGATIVE_INFINITY)
}

/// NULL for an infinity or an empty template.
pub(crate) fn timestamp_to_char(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Timestamp(micros), Value::Text(template)] = args else { return Err(unexpected(args)) };
    if template.is_empty() || !is_finite(*micros) {
        return Ok(Value::Null);
    }
    date_output::format(template, &date_output::Moment::of_timestamp(*micros)).map(Value::Text)
}

pub(crate) fn timestamptz_to_char(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Timestamp(micros), Value::Text(template)] = args else { return Err(unexpected(args)) };
    if template.is_empty() || !is_finite(*micros) {
        return Ok(Value::Null);
    }
    let moment = date_output::Moment::of_timestamptz(*micros, &context.settings.time_zone);
    date_output::format(template, &moment).map(Value::Text)
}

pub(crate) fn interval_to_char(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Interval(interval), Value::Text(template)] = args else { return Err(unexpected(args)) };
    if template.is_empty() {
        return Ok(Value::Null);
    }
    date_output::format(template, &date_output::Moment::of_interval(interval)).map(Value::Text)
}

pub(crate) fn to_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(template)] = args else { return Err(unexpected(args)) };
    let parsed = date_input::parse(text, template)?;
    let days = civil::days_from_civil(parsed.year, parsed.month, parsed.day);
    i32::try_from(days)
        .ok()
        .filter(|days| (civil::DATE_MIN..=civil::DATE_MAX).contains(days))
        .map(Value::Date)
        .ok_or_else(|| err!(DatetimeFieldOverflow, "date out of range: \"{text}\""))
}

pub(crate) fn to_timestamp(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(template)] = args else { return Err(unexpected(args)) };
    let parsed = date_input::parse(text, template)?;
    let out_of_range = || err!(DatetimeFieldOverflow, "timestamp out of range");
    // FF3 rounds to three digits, as timestamp(3) does.
    let unit = 10i64.pow(6 - parsed.precision.min(6));
    let micros_of_day = (parsed.micros_of_day + unit / 2) / unit * unit;
    let days = civil::days_from_civil(parsed.year, parsed.month, parsed.day);
    let local = days.checked_mul(civil::MICROS_PER_DAY).and_then(|micros| micros.checked_add(micros_of_day));
    let local = local.filter(|micros| civil::is_timestamp(*micros)).ok_or_else(out_of_range)?;
    match parsed.offset_seconds {
        Some(east) => {
            let utc = local.checked_sub(east as i64 * civil::MICROS_PER_SECOND);
            utc.filter(|micros| civil::is_timestamp(*micros)).map(Value::Timestamp).ok_or_else(out_of_range)
        }
        None => civil::local_to_utc(local, &context.settings.time_zone).map(Value::Timestamp),
    }
}

pub(crate) fn number_to_char(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [value, Value::Text(template)] = args else { return Err(unexpected(args)) };
    number::format(value, template).map(Value::Text)
}

pub(crate) fn to_number(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(template)] = args else { return Err(unexpected(args)) };
    if template.is_empty() {
        return Ok(Value::Null);
    }
    number_input::parse(text, template).map(Value::Numeric)
}

/// `st`, `nd`, `rd`, `th` after a number.
fn ordinal(number: &str, upper: bool) -> Result<&'static str> {
    let bytes = number.as_bytes();
    let last = bytes.last().copied().filter(u8::is_ascii_digit);
    let last = last.ok_or_else(|| err!(InvalidTextRepresentation, "\"{number}\" is not a number"))?;
    let teen = bytes.len() > 1 && bytes[bytes.len() - 2] == b'1';
    Ok(match (last, teen, upper) {
        (b'1', false, true) => "ST",
        (b'1', false, false) => "st",
        (b'2', false, true) => "ND",
        (b'2', false, false) => "nd",
        (b'3', false, true) => "RD",
        (b'3', false, false) => "rd",
        (_, _, true) => "TH",
        (_, _, false) => "th",
    })
}
