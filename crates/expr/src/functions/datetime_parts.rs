//! EXTRACT, date_part and date_trunc.

use crate::context::Context;
use crate::signature::functions;
use types::datetime::{self, TimeZone};
use types::{DataType, Error, Result, Value};

#[rustfmt::skip]
functions! {
    2020 "date_trunc" (Text, Timestamp) -> Timestamp = row(date_trunc);
    1218 "date_trunc" (Text, Interval) -> Interval = row(date_trunc_interval);
    1217 "date_trunc" (Text, TimestampTz) -> TimestampTz = row(date_trunc_timestamptz) stable;
    1284 "date_trunc" (Text, TimestampTz, Text) -> TimestampTz = row(date_trunc_timestamptz) stable;
    6199 "extract" (Text, Date) -> Numeric = row(extract_date);
    6200 "extract" (Text, Time) -> Numeric = row(extract_time);
    6201 "extract" (Text, TimeTz) -> Numeric = row(extract_timetz);
    6202 "extract" (Text, Timestamp) -> Numeric = row(extract_timestamp);
    6203 "extract" (Text, TimestampTz) -> Numeric = row(extract_timestamptz) stable;
    6204 "extract" (Text, Interval) -> Numeric = row(extract_interval);
    1384 "date_part" (Text, Date) -> Float8 = row(date_part_date);
    1385 "date_part" (Text, Time) -> Float8 = row(date_part_time);
    1273 "date_part" (Text, TimeTz) -> Float8 = row(date_part_timetz);
    2021 "date_part" (Text, Timestamp) -> Float8 = row(date_part_timestamp);
    1171 "date_part" (Text, TimestampTz) -> Float8 = row(date_part_timestamptz) stable;
    1172 "date_part" (Text, Interval) -> Float8 = row(date_part_interval);
}

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a date/time function was given {args:?}"))
}

fn extract(context: &Context<'_>, args: &[Value], data_type: DataType) -> Result<Value> {
    match args {
        [Value::Text(field), value] => {
            Ok(datetime::extract(field, value, data_type, context.settings)?
                .map_or(Value::Null, Value::Numeric))
        }
        _ => Err(unexpected(args)),
    }
}

fn date_part(context: &Context<'_>, args: &[Value], data_type: DataType) -> Result<Value> {
    match args {
        [Value::Text(field), value] => Ok(datetime::date_part(field, value, data_type, context.settings)?
            .map_or(Value::Null, Value::Float8)),
        _ => Err(unexpected(args)),
    }
}

macro_rules! by_type {
    ($($name:ident = $function:ident of $data_type:ident;)*) => { $(
        pub(crate) fn $name(context: &Context<'_>, args: &[Value]) -> Result<Value> {
            $function(context, args, DataType::$data_type)
        }
    )* };
}
by_type! {
    extract_date = extract of Date;
    extract_time = extract of Time;
    extract_timetz = extract of TimeTz;
    extract_timestamp = extract of Timestamp;
    extract_timestamptz = extract of TimestampTz;
    extract_interval = extract of Interval;
    date_part_date = date_part of Date;
    date_part_time = date_part of Time;
    date_part_timetz = date_part of TimeTz;
    date_part_timestamp = date_part of Timestamp;
    date_part_timestamptz = date_part of TimestampTz;
    date_part_interval = date_part of Interval;
}

fn truncated(args: &[Value], data_type: DataType, zone: &TimeZone) -> Result<Value> {
    match args {
        [Value::Text(field), value] => datetime::date_trunc(field, value, data_type, zone),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn date_trunc(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    truncated(args, DataType::Timestamp, &context.settings.time_zone)
}
pub(crate) fn date_trunc_interval(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    truncated(args, DataType::Interval, &context.settings.time_zone)
}
/// In the session's zone, or in the one named.
pub(crate) fn date_trunc_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [field, value, Value::Text(zone)] => {
            truncated(&[field.clone(), value.clone()], DataType::TimestampTz, &TimeZone::parse(zone)?)
        }
        _ => truncated(args, DataType::TimestampTz, &context.settings.time_zone),
    }
}
