//! generate_series.

use crate::context::Context;
use crate::signature::functions;
use types::datetime::{add_interval, add_interval_tz};
use types::{Error, Interval, Numeric, Result, Value, err};

#[rustfmt::skip]
functions! {
    1066 "generate_series" (Int4, Int4, Int4) -> Int4 = set(integers);
    1067 "generate_series" (Int4, Int4) -> Int4 = set(integers);
    1068 "generate_series" (Int8, Int8, Int8) -> Int8 = set(integers);
    1069 "generate_series" (Int8, Int8) -> Int8 = set(integers);
    3259 "generate_series" (Numeric, Numeric, Numeric) -> Numeric = set(numerics);
    3260 "generate_series" (Numeric, Numeric) -> Numeric = set(numerics);
    938 "generate_series" (Timestamp, Timestamp, Interval) -> Timestamp = set(timestamps);
    939 "generate_series" (TimestampTz, TimestampTz, Interval) -> TimestampTz = set(timestamptzs) stable;
}

/// How many rows are made between two looks at whether the statement was cancelled.
pub(crate) const ROWS_PER_CHECK: usize = 4096;

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("generate_series was given {args:?}"))
}

fn zero_step() -> Error {
    err!(InvalidParameterValue, "step size cannot equal zero")
}

pub(crate) fn integers(context: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for value in Integers::new(args)? {
        if rows.len() % ROWS_PER_CHECK == 0 {
            context.runtime.check_interrupt()?;
        }
        rows.push(vec![value]);
    }
    Ok(rows)
}

/// A series of integers, made as it is read.
pub struct Integers {
    next: Option<i64>,
    stop: i64,
    step: i64,
    narrow: bool,
}

impl Integers {
    /// From, to and perhaps the step: integers and not NULL.
    pub fn new(args: &[Value]) -> Result<Integers> {
        let bounds: Vec<i64> = args.iter().filter_map(Value::as_i64).collect();
        let (start, stop, step) = match *bounds {
            [start, stop] => (start, stop, 1),
            [start, stop, step] => (start, stop, step),
            _ => return Err(unexpected(args)),
        };
        if step == 0 {
            return Err(zero_step());
        }
        Ok(Integers { next: Some(start), stop, step, narrow: matches!(args.first(), Some(Value::Int4(_))) })
    }
}

impl Iterator for Integers {
    type Item = Value;
    fn next(&mut self) -> Option<Value> {
        let (step, stop) = (self.step, self.stop);
        let value = self.next.filter(|value| if step > 0 { *value <= stop } else { *value >= stop })?;
        self.next = value.checked_add(step);
        Some(if self.narrow { Value::Int4(value as i32) } else { Value::Int8(value) })
    }
}

pub(crate) fn numerics(context: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    let one = Numeric::from(1);
    let (start, stop, step) = match args {
        [Value::Numeric(start), Value::Numeric(stop)] => (start, stop, &one),
        [Value::Numeric(start), Value::Numeric(stop), Value::Numeric(step)] => (start, stop, step),
        _ => return Err(unexpected(args)),
    };
    for (name, value) in [("start value", start), ("stop value", stop), ("step size", step)] {
        if !value.is_finite() {
            let what = if value.is_nan() { "NaN" } else { "infinity" };
            return Err(err!(InvalidParameterValue, "{name} cannot be {what}"));
        }
    }
    if step.is_zero() {
        return Err(zero_step());
    }
    let mut rows = Vec::new();
    let mut value = start.clone();
    while if step.is_negative() { value >= *stop } else { value <= *stop } {
        if rows.len() % ROWS_PER_CHECK == 0 {
            context.runtime.check_interrupt()?;
        }
        let next = value.add(step)?;
        rows.push(vec![Value::Numeric(value)]);
        value = next;
    }
    Ok(rows)
}

pub(crate) fn timestamps(context: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    moments(context, args, add_interval)
}
pub(crate) fn timestamptzs(context: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    moments(context, args, |time, step| add_interval_tz(time, step, &context.settings.time_zone))
}

fn moments(
    context: &Context<'_>,
    args: &[Value],
    add: impl Fn(i64, &Interval) -> Result<i64>,
) -> Result<Vec<Vec<Value>>> {
    let [Value::Timestamp(start), Value::Timestamp(stop), Value::Interval(step)] = args else {
        return Err(unexpected(args));
    };
    let forward = match step.normalised() {
        0 => return Err(zero_step()),
        step => step > 0,
    };
    let mut rows = Vec::new();
    let mut time = *start;
    while if forward { time <= *stop } else { time >= *stop } {
        if rows.len() % ROWS_PER_CHECK == 0 {
            context.runtime.check_interrupt()?;
        }
        rows.push(vec![Value::Timestamp(time)]);
        let next = add(time, step)?;
        // An infinity stays what it is.
        if next == time {
            break;
        }
        time = next;
    }
    Ok(rows)
}
