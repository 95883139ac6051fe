//! Dates and times: civil arithmetic (own, for PostgreSQL's range 4713 BC to 294247 AD), time zones (`jiff`), parsing
//! and printing in every DateStyle, truncation, extraction, intervals added and subtracted.
//!
//! ```text
//!   text ── parse ──> date i32 days │ time i64 us │ timestamp i64 us, all from 1970-01-01 ── format ──> text
//!                          civil: days <-> year, month, day      zone: local <-> UTC
//! ```
//! The least and the greatest i32 or i64 are -infinity and infinity. Microseconds from 1970 in an i64 end in January
//! 294247; PostgreSQL, counting from 2000, goes on for 30 years: "timestamp out of range" comes that much earlier here.
//!
//! The time of day is never read here: `now` and `today` come from [`crate::TextSettings`].

mod abbreviations;
mod arithmetic;
mod civil;
mod extract;
mod format;
mod make;
mod parse;
mod token;
mod truncate;
mod zone;

pub use arithmetic::*;
pub use civil::*;
pub use extract::{date_part, extract};
pub use format::*;
pub use make::*;
pub use parse::{parse_date, parse_time, parse_time_tz, parse_timestamp, parse_timestamp_tz};
pub use truncate::{date_bin, date_trunc};
pub use zone::{NamedZone, TimeZone};

pub(crate) use parse::{Fault, Kind, Token, decode_time_parts, split};
pub(crate) use token::{Units, decode_units};

use crate::{Error, Value, err};

pub const DATE_INFINITY: i32 = i32::MAX;
pub const DATE_NEGATIVE_INFINITY: i32 = i32::MIN;
pub const TIMESTAMP_INFINITY: i64 = i64::MAX;
pub const TIMESTAMP_NEGATIVE_INFINITY: i64 = i64::MIN;

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
pub const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;
pub const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

/// 4714-11-24 BC: Julian day 0.
pub const DATE_MIN: i32 = -2_440_588;
/// 5874897-12-31.
pub const DATE_MAX: i32 = 2_145_042_905;
/// 4714-11-24 BC 00:00:00.
pub const TIMESTAMP_MIN: i64 = DATE_MIN as i64 * MICROS_PER_DAY;
/// 294247-01-10 04:00:54.775806.
pub const TIMESTAMP_MAX: i64 = i64::MAX - 1;

/// Whether `days` is a date or an infinity.
pub fn is_date(days: i32) -> bool {
    (DATE_MIN..=DATE_MAX).contains(&days) || days == DATE_INFINITY || days == DATE_NEGATIVE_INFINITY
}

/// Whether `micros` is a timestamp or an infinity.
pub fn is_timestamp(micros: i64) -> bool {
    (TIMESTAMP_MIN..=i64::MAX).contains(&micros) || micros == TIMESTAMP_NEGATIVE_INFINITY
}

/// Offsets have less than 16 hours.
const MAX_OFFSET_SECONDS: i32 = 16 * 3600 - 1;

/// Whether a value read from bytes is one that this module can work with. Other types are always in range.
pub fn in_range(value: &Value) -> bool {
    match value {
        Value::Date(days) => is_date(*days),
        Value::Timestamp(micros) => is_timestamp(*micros),
        Value::Time(micros) => (0..=MICROS_PER_DAY).contains(micros),
        Value::TimeTz(micros, west) => {
            (0..=MICROS_PER_DAY).contains(micros) && west.unsigned_abs() <= MAX_OFFSET_SECONDS as u32
        }
        _ => true,
    }
}

pub(crate) fn timestamp_out_of_range() -> Error {
    err!(DatetimeFieldOverflow, "timestamp out of range")
}

pub(crate) fn date_out_of_range() -> Error {
    err!(DatetimeFieldOverflow, "date out of range")
}

/// Checks the range of a computed timestamp.
pub(crate) fn timestamp_from(micros: i128) -> crate::Result<i64> {
    i64::try_from(micros)
        .ok()
        .filter(|m| (TIMESTAMP_MIN..=TIMESTAMP_MAX).contains(m))
        .ok_or_else(timestamp_out_of_range)
}

#[cfg(test)]
mod tests;
