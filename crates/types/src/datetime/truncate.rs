//! date_trunc and date_bin.

use super::token::{Units, decode_units};
use super::*;
use crate::{DataType, Interval, Result, bail};

/// `date_trunc(field, value)` for timestamp, timestamptz (in `zone`) and interval; `field` in any case. 22023 for a
/// word that is no field, 0A000 for one that cannot be truncated to.
pub fn date_trunc(field: &str, value: &Value, data_type: DataType, zone: &TimeZone) -> Result<Value> {
    let field = field.to_lowercase();
    let unit = || -> Result<Units> {
        match decode_units(&field) {
            Some(Units::Ago) | None => {
                bail!(InvalidParameterValue, "unit \"{field}\" not recognized for type {data_type}")
            }
            Some(unit) => Ok(unit),
        }
    };
    let unsupported = || err!(FeatureNotSupported, "unit \"{field}\" not supported for type {data_type}");
    match value {
        Value::Null => Ok(Value::Null),
        Value::Timestamp(TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY) => Ok(value.clone()),
        Value::Timestamp(micros) if data_type == DataType::TimestampTz => {
            let unit = unit()?;
            let local = zone.to_local(*micros);
            let truncated = truncate(unit, local).ok_or_else(unsupported)?;
            // Hours and less keep the offset that is in force; a day begins with its own.
            let shorter = matches!(
                unit,
                Units::Microsecond | Units::Millisecond | Units::Second | Units::Minute | Units::Hour
            );
            let offset = match i64::try_from(truncated) {
                Ok(local) if !shorter => zone.offset_at_local(local),
                _ => zone.offset_at(*micros),
            };
            timestamp_from(truncated - offset as i128 * MICROS_PER_SECOND as i128).map(Value::Timestamp)
        }
        Value::Timestamp(micros) => {
            timestamp_from(truncate(unit()?, *micros).ok_or_else(unsupported)?).map(Value::Timestamp)
        }
        Value::Interval(interval) => match unit()? {
            Units::Week => Err(unsupported().detail("Months usually have fractional weeks.")),
            unit => Ok(Value::Interval(truncate_interval(unit, interval).ok_or_else(unsupported)?)),
        },
        other => Err(Error::internal(format!("date_trunc of {other:?}"))),
    }
}

/// None for a unit that cannot be truncated to.
fn truncate(unit: Units, local: i64) -> Option<i128> {
    let floor = |size: i64| Some(local as i128 - local.rem_euclid(size) as i128);
    let days = local.div_euclid(MICROS_PER_DAY);
    let (year, month, _) = civil_from_days(days);
    let start =
        |year: i32, month: i32| Some(days_from_civil(year, month, 1) as i128 * MICROS_PER_DAY as i128);
    match unit {
        Units::Microsecond => Some(local as i128),
        Units::Millisecond => floor(1000),
        Units::Second => floor(MICROS_PER_SECOND),
        Units::Minute => floor(MICROS_PER_MINUTE),
        Units::Hour => floor(MICROS_PER_HOUR),
        Units::Day => floor(MICROS_PER_DAY),
        Units::Week => {
            let monday = days - ((day_of_week(days) + 6) % 7) as i64;
            Some(monday as i128 * MICROS_PER_DAY as i128)
        }
        Units::Month => start(year, month),
        Units::Quarter => start(year, (month - 1) / 3 * 3 + 1),
        Units::Year => start(year, 1),
        Units::Decade => start(if year > 0 { year / 10 * 10 } else { -((8 - (year - 1)) / 10) * 10 }, 1),
        Units::Century => start(
            if year > 0 { (year + 99) / 100 * 100 - 99 } else { -((99 - (year - 1)) / 100) * 100 + 1 },
            1,
        ),
        Units::Millennium => {
            let year = if year > 0 {
                (year + 999) / 1000 * 1000 - 999
            } else {
                -((999 - (year - 1)) / 1000) * 1000 + 1
            };
            start(year, 1)
        }
        _ => None,
    }
}

fn truncate_interval(unit: Units, interval: &Interval) -> Option<Interval> {
    let Interval { months, days, micros } = *interval;
    let to_months = |size: i32| Some(Interval { months: months / size * size, days: 0, micros: 0 });
    let to_micros = |size: i64| Some(Interval { months, days, micros: micros / size * size });
    match unit {
        Units::Millennium => to_months(12_000),
        Units::Century => to_months(1200),
        Units::Decade => to_months(120),
        Units::Year => to_months(12),
        Units::Quarter => {
            Some(Interval { months: months / 12 * 12 + months % 12 / 3 * 3, days: 0, micros: 0 })
        }
        Units::Month => to_months(1),
        Units::Day => Some(Interval { months, days, micros: 0 }),
        Units::Hour => to_micros(MICROS_PER_HOUR),
        Units::Minute => to_micros(MICROS_PER_MINUTE),
        Units::Second => to_micros(MICROS_PER_SECOND),
        Units::Millisecond => to_micros(1000),
        Units::Microsecond => to_micros(1),
        _ => None,
    }
}

/// `date_bin(stride, source, origin)`: the start of the bin that `source` is in.
pub fn date_bin(stride: &Interval, source: i64, origin: i64) -> Result<i64> {
    let infinite = |micros: i64| matches!(micros, TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY);
    if infinite(source) {
        return Ok(source);
    }
    if infinite(origin) {
        bail!(DatetimeFieldOverflow, "origin out of range");
    }
    if stride.months != 0 {
        bail!(FeatureNotSupported, "timestamps cannot be binned into intervals containing months or years");
    }
    let stride = stride.normalised();
    if stride <= 0 {
        bail!(DatetimeFieldOverflow, "stride must be greater than zero");
    }
    let (source, origin) = (source as i128, origin as i128);
    timestamp_from(origin + (source - origin).div_euclid(stride) * stride)
}
