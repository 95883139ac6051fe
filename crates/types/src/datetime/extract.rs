//! EXTRACT and date_part.

use super::token::{Units, decode_field};
use super::*;
use crate::{DataType, Interval, Numeric, Result, TextSettings, bail};

/// `EXTRACT(field FROM value)` for dates, times, timestamps and intervals; `field` in any case. None: NULL, for a
/// part of an infinity that has no limit (its month). 22023 for a word that is no field, 0A000 for one that this type
/// does not have.
pub fn extract(
    field: &str,
    value: &Value,
    data_type: DataType,
    settings: &TextSettings,
) -> Result<Option<Numeric>> {
    let field = field.to_lowercase();
    let Some(unit) = decode_field(&field).filter(|unit| *unit != Units::Ago) else {
        bail!(InvalidParameterValue, "unit \"{field}\" not recognized for type {data_type}");
    };
    let found = match (data_type, value) {
        (_, Value::Null) => return Ok(None),
        (DataType::Date, Value::Date(days)) => of_date(unit, *days),
        (DataType::Timestamp, Value::Timestamp(micros)) => of_timestamp(unit, *micros, *micros, None),
        (DataType::TimestampTz, Value::Timestamp(micros)) => {
            let east = settings.time_zone.offset_at(*micros);
            of_timestamp(unit, *micros, settings.time_zone.to_local(*micros), Some(east))
        }
        (DataType::Time, Value::Time(micros)) => of_time(unit, *micros, None),
        (DataType::TimeTz, Value::TimeTz(micros, west)) => of_time(unit, *micros, Some(*west)),
        (DataType::Interval, Value::Interval(interval)) => of_interval(unit, interval),
        (_, other) => return Err(Error::internal(format!("EXTRACT from {other:?} as {data_type}"))),
    };
    match found {
        Found::Number(number) => Ok(Some(number)),
        Found::Null => Ok(None),
        Found::Unsupported => {
            bail!(FeatureNotSupported, "unit \"{field}\" not supported for type {data_type}")
        }
    }
}

/// `date_part(field, value)`: the same, as a float.
pub fn date_part(
    field: &str,
    value: &Value,
    data_type: DataType,
    settings: &TextSettings,
) -> Result<Option<f64>> {
    // PostgreSQL adds an interval's epoch up in floats.
    if let Value::Interval(Interval { months, days, micros }) = value
        && field.eq_ignore_ascii_case("epoch")
    {
        let mut seconds = *micros as f64 / 1_000_000.0;
        seconds += 365.25 * 86_400.0 * (months / 12) as f64;
        seconds += 30.0 * 86_400.0 * (months % 12) as f64;
        seconds += 86_400.0 * *days as f64;
        return Ok(Some(seconds));
    }
    Ok(extract(field, value, data_type, settings)?.map(|number| number.to_f64_lossy()))
}

enum Found {
    Number(Numeric),
    Null,
    Unsupported,
}

fn int(value: impl Into<i64>) -> Found {
    Found::Number(Numeric::from(value.into()))
}

fn scaled(units: impl Into<i128>, scale: i32) -> Found {
    Found::Number(Numeric::from_units(units.into(), scale))
}

/// Parts that grow without limit are infinite with the time; the others have no value.
fn of_infinity(unit: Units, negative: bool) -> Found {
    match unit {
        Units::Year
        | Units::Decade
        | Units::Century
        | Units::Millennium
        | Units::Julian
        | Units::IsoYear
        | Units::Epoch => {
            Found::Number(if negative { Numeric::NEGATIVE_INFINITY } else { Numeric::INFINITY })
        }
        _ => Found::Null,
    }
}

/// The parts that a day has.
fn of_day(unit: Units, days: i64) -> Found {
    let (year, month, day) = civil_from_days(days);
    match unit {
        Units::Day => int(day),
        Units::Month => int(month),
        Units::Quarter => int((month - 1) / 3 + 1),
        Units::Week => int(iso_year_and_week(days).1),
        Units::Year => int(if year > 0 { year } else { year - 1 }),
        Units::Decade => int(if year >= 0 { year / 10 } else { -((8 - (year - 1)) / 10) }),
        Units::Century => int(if year > 0 { (year + 99) / 100 } else { -((99 - (year - 1)) / 100) }),
        Units::Millennium => int(if year > 0 { (year + 999) / 1000 } else { -((999 - (year - 1)) / 1000) }),
        Units::Julian => int(days - DATE_MIN as i64),
        Units::IsoYear => {
            let year = iso_year_and_week(days).0;
            int(if year > 0 { year } else { year - 1 })
        }
        Units::DayOfWeek => int(day_of_week(days)),
        Units::IsoDayOfWeek => int((day_of_week(days) + 6) % 7 + 1),
        Units::DayOfYear => int(days - days_from_civil(year, 1, 1) + 1),
        _ => Found::Unsupported,
    }
}

fn of_date(unit: Units, days: i32) -> Found {
    let is_time = matches!(
        unit,
        Units::Microsecond
            | Units::Millisecond
            | Units::Second
            | Units::Minute
            | Units::Hour
            | Units::Timezone
            | Units::TimezoneHour
            | Units::TimezoneMinute
    );
    match days {
        _ if is_time => Found::Unsupported,
        DATE_INFINITY | DATE_NEGATIVE_INFINITY => of_infinity(unit, days == DATE_NEGATIVE_INFINITY),
        _ if unit == Units::Epoch => int(days as i64 * 86_400),
        _ => of_day(unit, days as i64),
    }
}

/// The parts that a time of day has.
fn of_clock(unit: Units, time: i64) -> Found {
    let seconds = time % MICROS_PER_MINUTE;
    match unit {
        Units::Microsecond => int(seconds),
        Units::Millisecond => scaled(seconds, 3),
        Units::Second => scaled(seconds, 6),
        Units::Minute => int(time / MICROS_PER_MINUTE % 60),
        Units::Hour => int(time / MICROS_PER_HOUR),
        _ => Found::Unsupported,
    }
}

fn of_timestamp(unit: Units, micros: i64, local: i64, east_seconds: Option<i32>) -> Found {
    if matches!(micros, TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY) {
        return of_infinity(unit, micros < 0);
    }
    let (days, time) = (local.div_euclid(MICROS_PER_DAY), local.rem_euclid(MICROS_PER_DAY));
    match (unit, east_seconds) {
        (Units::Timezone, Some(east)) => int(east),
        (Units::TimezoneHour, Some(east)) => int(east / 3600),
        (Units::TimezoneMinute, Some(east)) => int(east / 60 % 60),
        (Units::Epoch, _) => scaled(micros, 6),
        (Units::Julian, _) => {
            let part = Numeric::from(time).div(&Numeric::from(MICROS_PER_DAY));
            match part.and_then(|part| Numeric::from(days - DATE_MIN as i64).add(&part)) {
                Ok(number) => Found::Number(number),
                Err(_) => Found::Unsupported,
            }
        }
        _ => match of_clock(unit, time) {
            Found::Unsupported => of_day(unit, days),
            found => found,
        },
    }
}

fn of_time(unit: Units, time: i64, west_seconds: Option<i32>) -> Found {
    match (unit, west_seconds) {
        (Units::Epoch, west) => scaled(time + west.unwrap_or(0) as i64 * MICROS_PER_SECOND, 6),
        (Units::Timezone, Some(west)) => int(-west),
        (Units::TimezoneHour, Some(west)) => int(-west / 3600),
        (Units::TimezoneMinute, Some(west)) => int(-west / 60 % 60),
        _ => of_clock(unit, time),
    }
}

fn of_interval(unit: Units, interval: &Interval) -> Found {
    let Interval { months, days, micros } = *interval;
    let years = months / 12;
    match unit {
        Units::Day => int(days),
        Units::Month => int(months % 12),
        Units::Quarter => int(months % 12 / 3 + 1),
        Units::Year => int(years),
        Units::Decade => int(years / 10),
        Units::Century => int(years / 100),
        Units::Millennium => int(years / 1000),
        Units::Epoch => {
            // A year is 365.25 days here; in quarters of a day to stay with integers.
            let quarters = 1461 * years as i128 + 120 * (months % 12) as i128 + 4 * days as i128;
            scaled(quarters * (MICROS_PER_DAY / 4) as i128 + micros as i128, 6)
        }
        _ => of_clock(unit, micros),
    }
}
