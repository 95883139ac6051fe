//! Dates, times and intervals: arithmetic, making them, zones, and what time it is. The computing is `types::datetime`'s;
//! `now()` is the statement's settings' and the same within a transaction.

use crate::context::Context;
use crate::signature::functions;
use types::datetime as civil;
use types::datetime::NamedZone;
use types::{Error, Interval, Result, Value};

#[rustfmt::skip]
functions! {
    1141 "date_pli" (Date, Int4) -> Date = row(date_plus_days);
    2550 "integer_pl_date" (Int4, Date) -> Date = row(days_plus_date);
    1142 "date_mii" (Date, Int4) -> Date = row(date_minus_days);
    1140 "date_mi" (Date, Date) -> Int4 = row(date_minus_date);
    2071 "date_pl_interval" (Date, Interval) -> Timestamp = row(date_plus_interval);
    2072 "date_mi_interval" (Date, Interval) -> Timestamp = row(date_minus_interval);
    2546 "interval_pl_date" (Interval, Date) -> Timestamp = row(interval_plus_date);
    1272 "datetime_pl" (Date, Time) -> Timestamp = row(date_plus_time);
    1296 "timedate_pl" (Time, Date) -> Timestamp = row(time_plus_date);
    1297 "datetimetz_pl" (Date, TimeTz) -> TimestampTz = row(date_plus_timetz);
    1298 "timetzdate_pl" (TimeTz, Date) -> TimestampTz = row(timetz_plus_date);
    1747 "time_pl_interval" (Time, Interval) -> Time = row(time_plus_interval);
    1748 "time_mi_interval" (Time, Interval) -> Time = row(time_minus_interval);
    1848 "interval_pl_time" (Interval, Time) -> Time = row(interval_plus_time);
    1690 "time_mi_time" (Time, Time) -> Interval = row(time_minus_time);
    1749 "timetz_pl_interval" (TimeTz, Interval) -> TimeTz = row(timetz_plus_interval);
    1750 "timetz_mi_interval" (TimeTz, Interval) -> TimeTz = row(timetz_minus_interval);
    2547 "interval_pl_timetz" (Interval, TimeTz) -> TimeTz = row(interval_plus_timetz);
    2032 "timestamp_pl_interval" (Timestamp, Interval) -> Timestamp = row(timestamp_plus_interval);
    2033 "timestamp_mi_interval" (Timestamp, Interval) -> Timestamp = row(timestamp_minus_interval);
    2548 "interval_pl_timestamp" (Interval, Timestamp) -> Timestamp = row(interval_plus_timestamp);
    2031 "timestamp_mi" (Timestamp, Timestamp) -> Interval = row(timestamp_minus_timestamp);
    1188 "timestamptz_mi" (TimestampTz, TimestampTz) -> Interval = row(timestamp_minus_timestamp);
    1189 "timestamptz_pl_interval" (TimestampTz, Interval) -> TimestampTz = row(timestamptz_plus_interval) stable;
    1190 "timestamptz_mi_interval" (TimestampTz, Interval) -> TimestampTz = row(timestamptz_minus_interval) stable;
    2549 "interval_pl_timestamptz" (Interval, TimestampTz) -> TimestampTz = row(interval_plus_timestamptz) stable;
    1169 "interval_pl" (Interval, Interval) -> Interval = row(interval_plus_interval);
    1170 "interval_mi" (Interval, Interval) -> Interval = row(interval_minus_interval);
    1168 "interval_um" (Interval) -> Interval = row(interval_negate);
    1618 "interval_mul" (Interval, Float8) -> Interval = row(interval_times);
    1624 "mul_d_interval" (Float8, Interval) -> Interval = row(times_interval);
    1326 "interval_div" (Interval, Float8) -> Interval = row(interval_divide);
    1295 "justify_days" (Interval) -> Interval = row(justify_days);
    1175 "justify_hours" (Interval) -> Interval = row(justify_hours);
    2711 "justify_interval" (Interval) -> Interval = row(justify_interval);
    1373 "isfinite" (Date) -> Bool = row(is_finite);
    2048 "isfinite" (Timestamp) -> Bool = row(is_finite);
    1389 "isfinite" (TimestampTz) -> Bool = row(is_finite);
    1390 "isfinite" (Interval) -> Bool = row(is_finite);
    2058 "age" (Timestamp, Timestamp) -> Interval = row(age);
    1199 "age" (TimestampTz, TimestampTz) -> Interval = row(age_timestamptz);
    2059 "age" (Timestamp) -> Interval = row(age_today) stable;
    1386 "age" (TimestampTz) -> Interval = row(age_today_timestamptz) stable;
    3846 "make_date" (Int4, Int4, Int4) -> Date = row(make_date);
    3847 "make_time" (Int4, Int4, Float8) -> Time = row(make_time);
    3461 "make_timestamp" (Int4, Int4, Int4, Int4, Int4, Float8) -> Timestamp = row(make_timestamp);
    3462 "make_timestamptz" (Int4, Int4, Int4, Int4, Int4, Float8) -> TimestampTz = row(make_timestamptz) stable;
    3463 "make_timestamptz" (Int4, Int4, Int4, Int4, Int4, Float8, Text) -> TimestampTz = row(make_timestamptz) stable;
    3464 "make_interval" (Int4, Int4, Int4, Int4, Int4, Int4, Float8) -> Interval = row(make_interval);
    0 "make_interval" (Int4, Int4, Int4, Int4, Int4, Int4) -> Interval = row(make_interval);
    0 "make_interval" (Int4, Int4, Int4, Int4, Int4) -> Interval = row(make_interval);
    0 "make_interval" (Int4, Int4, Int4, Int4) -> Interval = row(make_interval);
    0 "make_interval" (Int4, Int4, Int4) -> Interval = row(make_interval);
    0 "make_interval" (Int4, Int4) -> Interval = row(make_interval);
    0 "make_interval" (Int4) -> Interval = row(make_interval);
    0 "make_interval" () -> Interval = row(make_interval);
    1299 "now" () -> TimestampTz = row(now) stable;
    2647 "transaction_timestamp" () -> TimestampTz = row(now) stable;
    2649 "clock_timestamp" () -> TimestampTz = runtime volatile;
    2648 "statement_timestamp" () -> TimestampTz = runtime stable;
    274 "timeofday" () -> Text = runtime volatile;
    2069 "timezone" (Text, Timestamp) -> TimestampTz = row(timezone_timestamp);
    1159 "timezone" (Text, TimestampTz) -> Timestamp = row(timezone_timestamptz);
    2037 "timezone" (Text, TimeTz) -> TimeTz = row(timezone_timetz) stable;
    2070 "timezone" (Interval, Timestamp) -> TimestampTz = row(timezone_interval_timestamp);
    1026 "timezone" (Interval, TimestampTz) -> Timestamp = row(timezone_interval_timestamptz);
    2038 "timezone" (Interval, TimeTz) -> TimeTz = row(timezone_interval_timetz);
    6177 "date_bin" (Interval, Timestamp, Timestamp) -> Timestamp = row(date_bin);
    6178 "date_bin" (Interval, TimestampTz, TimestampTz) -> TimestampTz = row(date_bin);
    1305 "overlaps" (TimestampTz, Interval, TimestampTz, Interval) -> Bool = row(overlaps_timestamptz) called_on_null stable;
    1306 "overlaps" (TimestampTz, TimestampTz, TimestampTz, Interval) -> Bool = row(overlaps_timestamptz) called_on_null stable;
    1307 "overlaps" (TimestampTz, Interval, TimestampTz, TimestampTz) -> Bool = row(overlaps_timestamptz) called_on_null stable;
    1271 "overlaps" (TimeTz, TimeTz, TimeTz, TimeTz) -> Bool = row(overlaps) called_on_null;
    1304 "overlaps" (TimestampTz, TimestampTz, TimestampTz, TimestampTz) -> Bool = row(overlaps) called_on_null;
    1308 "overlaps" (Time, Time, Time, Time) -> Bool = row(overlaps) called_on_null;
    1309 "overlaps" (Time, Interval, Time, Interval) -> Bool = row(overlaps) called_on_null;
    1310 "overlaps" (Time, Time, Time, Interval) -> Bool = row(overlaps) called_on_null;
    1311 "overlaps" (Time, Interval, Time, Time) -> Bool = row(overlaps) called_on_null;
    2041 "overlaps" (Timestamp, Timestamp, Timestamp, Timestamp) -> Bool = row(overlaps) called_on_null;
    2042 "overlaps" (Timestamp, Interval, Timestamp, Interval) -> Bool = row(overlaps) called_on_null;
    2043 "overlaps" (Timestamp, Timestamp, Timestamp, Interval) -> Bool = row(overlaps) called_on_null;
    2044 "overlaps" (Timestamp, Interval, Timestamp, Timestamp) -> Bool = row(overlaps) called_on_null;
    1158 "to_timestamp" (Float8) -> TimestampTz = row(epoch_to_timestamptz);
    2029 "date" (Timestamp) -> Date = row(date_of_timestamp);
    1178 "date" (TimestampTz) -> Date = row(date_of_timestamptz) stable;
    2024 "timestamp" (Date) -> Timestamp = row(timestamp_of_date);
    2027 "timestamp" (TimestampTz) -> Timestamp = row(timestamp_of_timestamptz) stable;
    1174 "timestamptz" (Date) -> TimestampTz = row(timestamptz_of_date) stable;
    2028 "timestamptz" (Timestamp) -> TimestampTz = row(timestamptz_of_timestamp) stable;
    1316 "time" (Timestamp) -> Time = row(time_of_timestamp);
    2019 "time" (TimestampTz) -> Time = row(time_of_timestamptz) stable;
    0 "current_date" () -> Date = row(current_date) stable;
    0 "current_time" () -> TimeTz = row(current_time) stable;
    0 "current_time" (Int4) -> TimeTz = row(current_time) stable;
    0 "current_timestamp" () -> TimestampTz = row(current_timestamp) stable;
    0 "current_timestamp" (Int4) -> TimestampTz = row(current_timestamp) stable;
    0 "localtime" () -> Time = row(local_time) stable;
    0 "localtime" (Int4) -> Time = row(local_time) stable;
    0 "localtimestamp" () -> Timestamp = row(local_timestamp) stable;
    0 "localtimestamp" (Int4) -> Timestamp = row(local_timestamp) stable;
}

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a date/time function was given {args:?}"))
}

/// Takes the arguments apart, or reports them.
macro_rules! take {
    ($args:expr, $($pattern:pat),+) => {
        let [$($pattern),+] = $args else { return Err(unexpected($args)) };
    };
}

fn timestamp(micros: i64) -> Result<Value> {
    Ok(Value::Timestamp(micros))
}

// Dates.

pub(crate) fn date_plus_days(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(date), Value::Int4(days));
    civil::add_days(*date, *days as i64).map(Value::Date)
}
pub(crate) fn days_plus_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Int4(days), Value::Date(date));
    civil::add_days(*date, *days as i64).map(Value::Date)
}
pub(crate) fn date_minus_days(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(date), Value::Int4(days));
    civil::add_days(*date, -(*days as i64)).map(Value::Date)
}
pub(crate) fn date_minus_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(a), Value::Date(b));
    civil::sub_dates(*a, *b).map(Value::Int4)
}
pub(crate) fn date_plus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(date), Value::Interval(interval));
    timestamp(civil::add_interval(civil::date_to_timestamp(*date)?, interval)?)
}
pub(crate) fn interval_plus_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(interval), Value::Date(date));
    timestamp(civil::add_interval(civil::date_to_timestamp(*date)?, interval)?)
}
pub(crate) fn date_minus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(date), Value::Interval(interval));
    timestamp(civil::add_interval(civil::date_to_timestamp(*date)?, &interval.neg()?)?)
}
fn date_and_time(date: i32, micros: i64) -> Result<Value> {
    let time = Interval { months: 0, days: 0, micros };
    timestamp(civil::add_interval(civil::date_to_timestamp(date)?, &time)?)
}
pub(crate) fn date_plus_time(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(date), Value::Time(time));
    date_and_time(*date, *time)
}
pub(crate) fn time_plus_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Time(time), Value::Date(date));
    date_and_time(*date, *time)
}
pub(crate) fn date_plus_timetz(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(date), Value::TimeTz(time, west));
    date_and_time(*date, *time + *west as i64 * civil::MICROS_PER_SECOND)
}
pub(crate) fn timetz_plus_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::TimeTz(time, west), Value::Date(date));
    date_and_time(*date, *time + *west as i64 * civil::MICROS_PER_SECOND)
}

// Times of day.

pub(crate) fn time_plus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Time(time), Value::Interval(interval));
    Ok(Value::Time(civil::add_interval_to_time(*time, interval)))
}
pub(crate) fn interval_plus_time(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(interval), Value::Time(time));
    Ok(Value::Time(civil::add_interval_to_time(*time, interval)))
}
pub(crate) fn time_minus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Time(time), Value::Interval(interval));
    Ok(Value::Time(civil::add_interval_to_time(*time, &interval.neg()?)))
}
pub(crate) fn time_minus_time(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Time(a), Value::Time(b));
    Ok(Value::Interval(Interval { months: 0, days: 0, micros: a - b }))
}
pub(crate) fn timetz_plus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::TimeTz(time, west), Value::Interval(interval));
    Ok(Value::TimeTz(civil::add_interval_to_time(*time, interval), *west))
}
pub(crate) fn interval_plus_timetz(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(interval), Value::TimeTz(time, west));
    Ok(Value::TimeTz(civil::add_interval_to_time(*time, interval), *west))
}
pub(crate) fn timetz_minus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::TimeTz(time, west), Value::Interval(interval));
    Ok(Value::TimeTz(civil::add_interval_to_time(*time, &interval.neg()?), *west))
}

// Timestamps.

pub(crate) fn timestamp_plus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(time), Value::Interval(interval));
    timestamp(civil::add_interval(*time, interval)?)
}
pub(crate) fn interval_plus_timestamp(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(interval), Value::Timestamp(time));
    timestamp(civil::add_interval(*time, interval)?)
}
pub(crate) fn timestamp_minus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(time), Value::Interval(interval));
    timestamp(civil::add_interval(*time, &interval.neg()?)?)
}
pub(crate) fn timestamp_minus_timestamp(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(a), Value::Timestamp(b));
    civil::sub_timestamps(*a, *b).map(Value::Interval)
}
pub(crate) fn timestamptz_plus_interval(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(time), Value::Interval(interval));
    timestamp(civil::add_interval_tz(*time, interval, &context.settings.time_zone)?)
}
pub(crate) fn interval_plus_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(interval), Value::Timestamp(time));
    timestamp(civil::add_interval_tz(*time, interval, &context.settings.time_zone)?)
}
pub(crate) fn timestamptz_minus_interval(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(time), Value::Interval(interval));
    timestamp(civil::add_interval_tz(*time, &interval.neg()?, &context.settings.time_zone)?)
}

// Intervals.

pub(crate) fn interval_plus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(a), Value::Interval(b));
    a.add(b).map(Value::Interval)
}
pub(crate) fn interval_minus_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(a), Value::Interval(b));
    a.sub(b).map(Value::Interval)
}
pub(crate) fn interval_negate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(a));
    a.neg().map(Value::Interval)
}
pub(crate) fn interval_times(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(a), Value::Float8(factor));
    a.mul(*factor).map(Value::Interval)
}
pub(crate) fn times_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Float8(factor), Value::Interval(a));
    a.mul(*factor).map(Value::Interval)
}
pub(crate) fn interval_divide(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(a), Value::Float8(divisor));
    a.div(*divisor).map(Value::Interval)
}
pub(crate) fn justify_days(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(a));
    a.justify_days().map(Value::Interval)
}
pub(crate) fn justify_hours(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(a));
    a.justify_hours().map(Value::Interval)
}
pub(crate) fn justify_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(a));
    a.justify_interval().map(Value::Interval)
}

pub(crate) fn is_finite(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    use types::datetime::{
        DATE_INFINITY, DATE_NEGATIVE_INFINITY, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY,
    };
    let infinite = matches!(
        args,
        [Value::Date(DATE_INFINITY | DATE_NEGATIVE_INFINITY)]
            | [Value::Timestamp(TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY)]
    );
    Ok(Value::Bool(!infinite))
}

// Age.

pub(crate) fn age(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(a), Value::Timestamp(b));
    civil::age(*a, *b).map(Value::Interval)
}
pub(crate) fn age_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(a), Value::Timestamp(b));
    let zone = &context.settings.time_zone;
    civil::age(zone.to_local(*a), zone.to_local(*b)).map(Value::Interval)
}
pub(crate) fn age_today(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(b));
    civil::age(civil::date_to_timestamp(today(context))?, *b).map(Value::Interval)
}
pub(crate) fn age_today_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(b));
    let local = context.settings.time_zone.to_local(*b);
    civil::age(civil::date_to_timestamp(today(context))?, local).map(Value::Interval)
}

// Making.

pub(crate) fn make_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Int4(year), Value::Int4(month), Value::Int4(day));
    civil::make_date(*year, *month, *day).map(Value::Date)
}
pub(crate) fn make_time(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Int4(hour), Value::Int4(minute), Value::Float8(second));
    civil::make_time(*hour, *minute, *second).map(Value::Time)
}

/// The local time of the first six arguments.
fn local_time_of(args: &[Value]) -> Result<i64> {
    let [
        Value::Int4(year),
        Value::Int4(month),
        Value::Int4(day),
        Value::Int4(hour),
        Value::Int4(minute),
        Value::Float8(second),
        ..,
    ] = *args
    else {
        return Err(unexpected(args));
    };
    civil::make_timestamp(year, month, day, hour, minute, second)
}
pub(crate) fn make_timestamp(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    timestamp(local_time_of(args)?)
}
pub(crate) fn make_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let local = local_time_of(args)?;
    timestamp(match args.get(6) {
        Some(Value::Text(zone)) => civil::timestamp_at_zone(local, &zone_of_argument(zone)?)?,
        _ => civil::local_to_utc(local, &context.settings.time_zone)?,
    })
}
/// A numeric zone counts east here, and needs its sign.
fn zone_of_argument(zone: &str) -> Result<NamedZone> {
    if zone.starts_with(|c: char| c.is_ascii_digit()) {
        let error =
            types::err!(InvalidParameterValue, "invalid input syntax for type numeric time zone: \"{zone}\"");
        return Err(error.hint("Numeric time zones must have \"-\" or \"+\" as first character."));
    }
    let Some(digits) = zone.strip_prefix(['+', '-']) else { return NamedZone::parse(zone) };
    let invalid =
        || types::err!(InvalidParameterValue, "invalid input syntax for type numeric time zone: \"{zone}\"");
    let mut parts = digits.split(':').map(|part| part.parse::<i32>().map_err(|_| invalid()));
    let mut part = |max: i32| match parts.next() {
        None => Ok(0),
        Some(Ok(value)) if (0..=max).contains(&value) => Ok(value),
        Some(Ok(_)) => Err(types::err!(InvalidParameterValue, "numeric time zone \"{zone}\" out of range")),
        Some(Err(error)) => Err(error),
    };
    let seconds = part(15)? * 3600 + part(59)? * 60 + part(59)?;
    if parts.next().is_some() {
        return Err(invalid());
    }
    Ok(NamedZone::Fixed(if zone.starts_with('-') { -seconds } else { seconds }))
}

/// Every argument has a default of 0.
pub(crate) fn make_interval(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let part = |index: usize| match args.get(index) {
        Some(Value::Int4(part)) => *part,
        _ => 0,
    };
    let seconds = match args.get(6) {
        Some(Value::Float8(seconds)) => *seconds,
        _ => 0.0,
    };
    civil::make_interval(part(0), part(1), part(2), part(3), part(4), part(5), seconds).map(Value::Interval)
}
pub(crate) fn epoch_to_timestamptz(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Float8(seconds));
    timestamp(civil::timestamp_of_epoch(*seconds)?)
}

// What time it is.

fn now_local(context: &Context<'_>) -> i64 {
    context.settings.time_zone.to_local(context.settings.now)
}
fn today(context: &Context<'_>) -> i32 {
    civil::timestamp_to_date(now_local(context))
}
/// The optional precision of `current_time(2)` and its kin.
fn precision(args: &[Value]) -> i32 {
    match args {
        [Value::Int4(precision)] => (*precision).clamp(0, 6),
        _ => 6,
    }
}
pub(crate) fn now(context: &Context<'_>, _: &[Value]) -> Result<Value> {
    timestamp(context.settings.now)
}
pub(crate) fn current_date(context: &Context<'_>, _: &[Value]) -> Result<Value> {
    Ok(Value::Date(today(context)))
}
pub(crate) fn current_time(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let time = now_local(context).rem_euclid(civil::MICROS_PER_DAY);
    let west = -context.settings.time_zone.offset_at(context.settings.now);
    Ok(Value::TimeTz(civil::round_time(time, precision(args)), west))
}
pub(crate) fn current_timestamp(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    timestamp(civil::round_timestamp(context.settings.now, precision(args))?)
}
pub(crate) fn local_time(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let time = now_local(context).rem_euclid(civil::MICROS_PER_DAY);
    Ok(Value::Time(civil::round_time(time, precision(args))))
}
pub(crate) fn local_timestamp(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    timestamp(civil::round_timestamp(now_local(context), precision(args))?)
}

// AT TIME ZONE.

pub(crate) fn timezone_timestamp(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Text(zone), Value::Timestamp(local));
    timestamp(civil::timestamp_at_zone(*local, &NamedZone::parse(zone)?)?)
}
pub(crate) fn timezone_timestamptz(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Text(zone), Value::Timestamp(utc));
    timestamp(civil::timestamp_tz_at_zone(*utc, &NamedZone::parse(zone)?)?)
}
pub(crate) fn timezone_timetz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Text(zone), Value::TimeTz(micros, west));
    let (micros, west) =
        civil::time_tz_at_zone(*micros, *west, &NamedZone::parse(zone)?, context.settings.now);
    Ok(Value::TimeTz(micros, west))
}
pub(crate) fn timezone_interval_timestamp(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(zone), Value::Timestamp(local));
    timestamp(civil::timestamp_at_zone(*local, &civil::zone_of_interval(zone)?)?)
}
pub(crate) fn timezone_interval_timestamptz(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(zone), Value::Timestamp(utc));
    timestamp(civil::timestamp_tz_at_zone(*utc, &civil::zone_of_interval(zone)?)?)
}
pub(crate) fn timezone_interval_timetz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(zone), Value::TimeTz(micros, west));
    let zone = civil::zone_of_interval(zone)?;
    let (micros, west) = civil::time_tz_at_zone(*micros, *west, &zone, context.settings.now);
    Ok(Value::TimeTz(micros, west))
}

pub(crate) fn date_bin(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Interval(stride), Value::Timestamp(source), Value::Timestamp(origin));
    timestamp(civil::date_bin(stride, *source, *origin)?)
}

// Casts by their functions' names.

pub(crate) fn date_of_timestamp(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(local));
    Ok(Value::Date(civil::timestamp_to_date(*local)))
}
pub(crate) fn date_of_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(utc));
    Ok(Value::Date(civil::timestamp_to_date(context.settings.time_zone.to_local(*utc))))
}
pub(crate) fn timestamp_of_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(date));
    timestamp(civil::date_to_timestamp(*date)?)
}
pub(crate) fn timestamp_of_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(utc));
    timestamp(civil::utc_to_local(*utc, &context.settings.time_zone)?)
}
pub(crate) fn timestamptz_of_date(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Date(date));
    timestamp(civil::date_to_timestamp_tz(*date, &context.settings.time_zone)?)
}
pub(crate) fn timestamptz_of_timestamp(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(local));
    timestamp(civil::local_to_utc(*local, &context.settings.time_zone)?)
}
fn time_of(local: i64) -> Value {
    match local {
        civil::TIMESTAMP_INFINITY | civil::TIMESTAMP_NEGATIVE_INFINITY => Value::Null,
        local => Value::Time(local.rem_euclid(civil::MICROS_PER_DAY)),
    }
}
pub(crate) fn time_of_timestamp(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(local));
    Ok(time_of(*local))
}
pub(crate) fn time_of_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    take!(args, Value::Timestamp(utc));
    Ok(time_of(context.settings.time_zone.to_local(*utc)))
}

/// `(a, b) OVERLAPS (c, d)`, of times or timestamps; an end may be NULL, or an interval from the start.
pub(crate) fn overlaps(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    do_overlap(args, |start, length| match start {
        Value::Time(time) => Ok(Value::Time(civil::add_interval_to_time(*time, length))),
        Value::Timestamp(time) => timestamp(civil::add_interval(*time, length)?),
        _ => Ok(Value::Null),
    })
}
pub(crate) fn overlaps_timestamptz(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    do_overlap(args, |start, length| match start {
        Value::Timestamp(time) => {
            timestamp(civil::add_interval_tz(*time, length, &context.settings.time_zone)?)
        }
        _ => Ok(Value::Null),
    })
}

fn do_overlap(args: &[Value], add: impl Fn(&Value, &Interval) -> Result<Value>) -> Result<Value> {
    take!(args, a, b, c, d);
    let end = |start: &Value, end: &Value| match end {
        Value::Interval(length) => add(start, length),
        end => Ok(end.clone()),
    };
    let (b, d) = (&end(a, b)?, &end(c, d)?);
    /// The start, and the end if it is known; None if neither is.
    fn period<'a>(a: &'a Value, b: &'a Value) -> Option<(&'a Value, Option<&'a Value>)> {
        match (a.is_null(), b.is_null()) {
            (true, true) => None,
            (true, false) => Some((b, None)),
            (false, true) => Some((a, None)),
            (false, false) if types::compare::compare(a, b).is_gt() => Some((b, Some(a))),
            (false, false) => Some((a, Some(b))),
        }
    }
    let (Some((first, first_end)), Some((second, second_end))) = (period(a, b), period(c, d)) else {
        return Ok(Value::Null);
    };
    let answer = |later: &Value, end: Option<&Value>, other_end: Option<&Value>| match (end, other_end) {
        (None, _) => Value::Null,
        (Some(end), _) if types::compare::compare(later, end).is_lt() => Value::Bool(true),
        (Some(_), None) => Value::Null,
        (Some(_), Some(_)) => Value::Bool(false),
    };
    Ok(match types::compare::compare(first, second) {
        std::cmp::Ordering::Greater => answer(first, second_end, first_end),
        std::cmp::Ordering::Less => answer(second, first_end, second_end),
        std::cmp::Ordering::Equal if first_end.is_none() || second_end.is_none() => Value::Null,
        std::cmp::Ordering::Equal => Value::Bool(true),
    })
}
