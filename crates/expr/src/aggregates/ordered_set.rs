//! mode, percentile_cont, percentile_disc. Rows come sorted by their last argument; the direct arguments come before.

use crate::aggregate::Accumulator;
use crate::columnwise::push;
use crate::context::Context;
use crate::eval::compare_values;
use types::{DataType, Error, Result, Value, Vector, err};

/// The sorted values of each group, and the direct argument.
struct OrderedSet {
    values: Vec<Vec<Value>>,
    direct: Vec<Value>,
    data_type: DataType,
    returns: DataType,
    result: fn(&[Value], &Value, DataType) -> Result<Value>,
}

fn ordered_set(
    args: &[DataType],
    returns: DataType,
    result: fn(&[Value], &Value, DataType) -> Result<Value>,
) -> Box<dyn Accumulator> {
    let data_type = args.last().copied().unwrap_or(DataType::Unknown);
    Box::new(OrderedSet { values: vec![], direct: vec![], data_type, returns, result })
}

pub(super) fn mode(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    ordered_set(args, returns, |values, _, data_type| Ok(most_frequent(values, data_type)))
}

pub(super) fn percentile_disc(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    ordered_set(args, returns, |values, direct, data_type| {
        per_fraction(direct, data_type, |fraction| {
            let position = (fraction * values.len() as f64).ceil() as usize;
            Ok(values[position.saturating_sub(1).min(values.len() - 1)].clone())
        })
    })
}

pub(super) fn percentile_cont(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    ordered_set(args, returns, |values, direct, data_type| {
        per_fraction(direct, data_type, |fraction| {
            let position = fraction * (values.len() - 1) as f64;
            let (low, high) = (position.floor() as usize, position.ceil() as usize);
            let (low, high) = (&values[low.min(values.len() - 1)], &values[high.min(values.len() - 1)]);
            between(low, high, position - position.floor())
        })
    })
}

impl Accumulator for OrderedSet {
    fn update(
        &mut self,
        groups: &[usize],
        group_count: usize,
        args: &[Vector],
        _: &Context<'_>,
    ) -> Result<()> {
        self.grow(group_count);
        let Some((ordered, direct)) = args.split_last() else { return Ok(()) };
        for (row, &group) in groups.iter().enumerate() {
            if let Some(direct) = direct.first() {
                self.direct[group] = direct.get(row);
            }
            if !ordered.is_null(row) {
                self.values[group].push(ordered.get(row));
            }
        }
        Ok(())
    }

    fn finish(&mut self, group_count: usize, _: &Context<'_>) -> Result<Vector> {
        self.grow(group_count);
        let mut out = Vector::new(self.returns);
        for (values, direct) in self.values.iter().zip(&self.direct).take(group_count) {
            let value =
                if values.is_empty() { Value::Null } else { (self.result)(values, direct, self.data_type)? };
            push(&mut out, value)?;
        }
        Ok(out)
    }
}

impl OrderedSet {
    fn grow(&mut self, group_count: usize) {
        let count = group_count.max(self.values.len());
        self.values.resize(count, Vec::new());
        self.direct.resize(count, Value::Null);
    }
}

/// The first of the most frequent.
fn most_frequent(values: &[Value], data_type: DataType) -> Value {
    let mut best = (0, &Value::Null);
    for run in values.chunk_by(|a, b| compare_values(a, b, data_type).is_eq()) {
        if run.len() > best.0 {
            best = (run.len(), &run[0]);
        }
    }
    best.1.clone()
}

/// One fraction, or an array of them.
fn per_fraction(direct: &Value, data_type: DataType, at: impl Fn(f64) -> Result<Value>) -> Result<Value> {
    let checked = |fraction: f64| {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(err!(NumericValueOutOfRange, "percentile value {fraction} is not between 0 and 1"));
        }
        at(fraction)
    };
    match direct {
        Value::Null => Ok(Value::Null),
        Value::Float8(fraction) => checked(*fraction),
        Value::Array(fractions) => {
            let mut results = Vec::with_capacity(fractions.values.len());
            for fraction in &fractions.values {
                results.push(match fraction {
                    Value::Float8(fraction) => checked(*fraction)?,
                    _ => Value::Null,
                });
            }
            let mut array = (**fractions).clone();
            (array.element, array.values) = (data_type, results);
            Ok(Value::Array(Box::new(array)))
        }
        other => Err(Error::internal(format!("a percentile of {other:?}"))),
    }
}

fn between(low: &Value, high: &Value, proportion: f64) -> Result<Value> {
    match (low, high) {
        (low, _) if proportion == 0.0 => Ok(low.clone()),
        (Value::Float8(low), Value::Float8(high)) => Ok(Value::Float8(low + proportion * (high - low))),
        (Value::Interval(low), Value::Interval(high)) => {
            let step = high.sub(low)?.mul(proportion)?;
            Ok(Value::Interval(low.add(&step)?))
        }
        _ => Err(Error::internal(format!("a percentile between {low:?} and {high:?}"))),
    }
}
