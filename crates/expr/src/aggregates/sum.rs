//! sum and avg: integers in 128 bits, numerics exactly, floats as PostgreSQL adds them.

use super::states::{Fold, PerGroup};
use crate::aggregate::Accumulator;
use crate::context::Context;
use types::{DataType, Error, Interval, Numeric, Result, Value, err};

pub(super) fn sum(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    match args {
        [DataType::Int2 | DataType::Int4] => PerGroup::<IntegerSum<false>>::boxed(returns),
        [DataType::Int8] => PerGroup::<IntegerSum<true>>::boxed(returns),
        [DataType::Float4] => PerGroup::<RealSum>::boxed(returns),
        [DataType::Float8] => PerGroup::<FloatSum>::boxed(returns),
        [DataType::Interval] => PerGroup::<IntervalSum>::boxed(returns),
        _ => PerGroup::<NumericSum>::boxed(returns),
    }
}

pub(super) fn average(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    match args {
        [DataType::Int2 | DataType::Int4 | DataType::Int8] => {
            PerGroup::<Average<IntegerSum<true>>>::boxed(returns)
        }
        [DataType::Float4 | DataType::Float8] => PerGroup::<FloatAverage>::boxed(returns),
        [DataType::Interval] => PerGroup::<IntervalAverage>::boxed(returns),
        _ => PerGroup::<Average<NumericSum>>::boxed(returns),
    }
}

/// A sum of integers; as bigint, or as numeric where `NUMERIC`.
#[derive(Default, Clone)]
struct IntegerSum<const NUMERIC: bool> {
    sum: i128,
    seen: bool,
}

impl<const NUMERIC: bool> Fold for IntegerSum<NUMERIC> {
    fn add_i64(&mut self, value: i64) -> Result<()> {
        // 2^64 bigints fit.
        self.sum += value as i128;
        self.seen = true;
        Ok(())
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        match value.as_i64() {
            Some(value) => self.add_i64(value),
            None => Err(unexpected(value)),
        }
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        if !self.seen {
            return Ok(Value::Null);
        }
        if NUMERIC {
            return Ok(Value::Numeric(Numeric::from_units(self.sum, 0)));
        }
        i64::try_from(self.sum)
            .map(Value::Int8)
            .map_err(|_| err!(NumericValueOutOfRange, "bigint out of range"))
    }
}

/// Small numbers are added up in units of 10^-scale, the others apart.
#[derive(Default, Clone)]
struct NumericSum {
    units: i128,
    scale: u8,
    rest: Option<Numeric>,
    seen: bool,
}

impl NumericSum {
    fn total(&self) -> Result<Numeric> {
        let small = Numeric::from_units(self.units, self.scale as i32);
        match &self.rest {
            Some(rest) => rest.add(&small),
            None => Ok(small),
        }
    }
}

impl Fold for NumericSum {
    fn add_numeric(&mut self, value: &Numeric) -> Result<()> {
        self.seen = true;
        if let Some((units, scale)) = value.to_units() {
            let (mut mine, mut theirs) = (self.units, units as i128);
            let wanted = self.scale.max(scale);
            let stretched = || -> Option<i128> {
                mine = mine.checked_mul(10i128.checked_pow((wanted - self.scale) as u32)?)?;
                theirs = theirs.checked_mul(10i128.checked_pow((wanted - scale) as u32)?)?;
                mine.checked_add(theirs)
            }();
            if let Some(sum) = stretched {
                (self.units, self.scale) = (sum, wanted);
                return Ok(());
            }
        }
        self.rest = Some(match &self.rest {
            Some(rest) => rest.add(value)?,
            None => value.clone(),
        });
        Ok(())
    }
    fn add_i64(&mut self, value: i64) -> Result<()> {
        self.add_numeric(&Numeric::from(value))
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Numeric(value) => self.add_numeric(value),
            _ => Err(unexpected(value)),
        }
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        if self.seen { self.total().map(Value::Numeric) } else { Ok(Value::Null) }
    }
}

/// A numeric average of an exact sum.
#[derive(Default, Clone)]
struct Average<S> {
    sum: S,
    count: i64,
}

impl<S: Fold> Fold for Average<S> {
    fn add_i64(&mut self, value: i64) -> Result<()> {
        self.count += 1;
        self.sum.add_i64(value)
    }
    fn add_numeric(&mut self, value: &Numeric) -> Result<()> {
        self.count += 1;
        self.sum.add_numeric(value)
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        self.count += 1;
        self.sum.add(value)
    }
    fn result(&self, context: &Context<'_>) -> Result<Value> {
        match self.sum.result(context)? {
            Value::Numeric(sum) => sum.div(&Numeric::from(self.count)).map(Value::Numeric),
            other => Ok(other),
        }
    }
}

#[derive(Default, Clone)]
struct RealSum {
    sum: f32,
    seen: bool,
}

impl Fold for RealSum {
    fn add_f64(&mut self, value: f64) -> Result<()> {
        let value = value as f32;
        let before = self.sum;
        self.sum += value;
        self.seen = true;
        overflow(self.sum.is_infinite() && before.is_finite() && value.is_finite())
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        Err(unexpected(value))
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        Ok(if self.seen { Value::Float4(self.sum) } else { Value::Null })
    }
}

#[derive(Default, Clone)]
struct FloatSum {
    sum: f64,
    count: i64,
}

impl Fold for FloatSum {
    fn add_f64(&mut self, value: f64) -> Result<()> {
        let before = self.sum;
        self.sum += value;
        self.count += 1;
        overflow(self.sum.is_infinite() && before.is_finite() && value.is_finite())
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        Err(unexpected(value))
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        Ok(if self.count > 0 { Value::Float8(self.sum) } else { Value::Null })
    }
}

#[derive(Default, Clone)]
struct FloatAverage(FloatSum);

impl Fold for FloatAverage {
    fn add_f64(&mut self, value: f64) -> Result<()> {
        self.0.add_f64(value)
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        Err(unexpected(value))
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        let FloatSum { sum, count } = self.0;
        Ok(if count > 0 { Value::Float8(sum / count as f64) } else { Value::Null })
    }
}

#[derive(Default, Clone)]
struct IntervalSum {
    sum: Interval,
    count: i64,
}

impl Fold for IntervalSum {
    fn add(&mut self, value: &Value) -> Result<()> {
        let Value::Interval(value) = value else { return Err(unexpected(value)) };
        self.sum = self.sum.add(value)?;
        self.count += 1;
        Ok(())
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        Ok(if self.count > 0 { Value::Interval(self.sum) } else { Value::Null })
    }
}

#[derive(Default, Clone)]
struct IntervalAverage(IntervalSum);

impl Fold for IntervalAverage {
    fn add(&mut self, value: &Value) -> Result<()> {
        self.0.add(value)
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        let IntervalSum { sum, count } = self.0;
        if count > 0 { sum.div(count as f64).map(Value::Interval) } else { Ok(Value::Null) }
    }
}

fn overflow(overflowed: bool) -> Result<()> {
    if overflowed { Err(err!(NumericValueOutOfRange, "value out of range: overflow")) } else { Ok(()) }
}

pub(super) fn unexpected(value: &Value) -> Error {
    Error::internal(format!("an aggregate was given {value:?}"))
}
