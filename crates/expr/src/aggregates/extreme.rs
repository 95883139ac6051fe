//! min and max.

use crate::aggregate::Accumulator;
use crate::columnwise::{column, push};
use crate::context::Context;
use crate::eval::compare_values;
use crate::functions::comparison::order_floats;
use std::cmp::Ordering;
use types::vector::Data;
use types::{DataType, Result, Value, Vector};

pub(super) fn smallest(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    extreme(args, returns, Ordering::Less)
}
pub(super) fn largest(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    extreme(args, returns, Ordering::Greater)
}

fn extreme(_: &[DataType], returns: DataType, wanted: Ordering) -> Box<dyn Accumulator> {
    match Data::new(returns) {
        Data::I16(_) => Box::new(Plain::<i16> { best: vec![], returns, wanted }),
        Data::I32(_) => Box::new(Plain::<i32> { best: vec![], returns, wanted }),
        Data::I64(_) => Box::new(Plain::<i64> { best: vec![], returns, wanted }),
        Data::F64(_) => Box::new(Plain::<f64> { best: vec![], returns, wanted }),
        _ => Box::new(Extreme { best: vec![], returns, wanted }),
    }
}

/// Values that lie in a slice.
trait Slot: Copy + Default + Send + 'static {
    fn slice(data: &Data) -> &[Self];
    fn data(values: Vec<Self>) -> Data;
    fn order(self, other: Self) -> Ordering;
}

macro_rules! slot {
    ($($ty:ty, $layout:ident, $order:expr;)*) => { $(
        impl Slot for $ty {
            fn slice(data: &Data) -> &[Self] {
                match data {
                    Data::$layout(values) => values,
                    _ => &[],
                }
            }
            fn data(values: Vec<Self>) -> Data {
                Data::$layout(values)
            }
            fn order(self, other: Self) -> Ordering {
                $order(&self, &other)
            }
        }
    )* };
}
slot! {
    i16, I16, i16::cmp;
    i32, I32, i32::cmp;
    i64, I64, i64::cmp;
    f64, F64, |a: &f64, b: &f64| order_floats(*a, *b);
}

struct Plain<T> {
    best: Vec<Option<T>>,
    returns: DataType,
    wanted: Ordering,
}

impl<T: Slot> Accumulator for Plain<T> {
    fn update(
        &mut self,
        groups: &[usize],
        group_count: usize,
        args: &[Vector],
        _: &Context<'_>,
    ) -> Result<()> {
        self.best.resize(group_count.max(self.best.len()), None);
        let Some(arg) = args.first() else { return Ok(()) };
        for (row, (&group, &value)) in groups.iter().zip(T::slice(&arg.data)).enumerate() {
            if !arg.is_null(row) {
                let best = &mut self.best[group];
                if best.is_none_or(|best| value.order(best) == self.wanted) {
                    *best = Some(value);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, group_count: usize, _: &Context<'_>) -> Result<Vector> {
        self.best.resize(group_count.max(self.best.len()), None);
        let best = &self.best[..group_count];
        let mut out =
            column(self.returns, T::data(best.iter().map(|best| best.unwrap_or_default()).collect()));
        if best.iter().any(Option::is_none) {
            out.nulls = Some(best.iter().map(Option::is_none).collect());
        }
        Ok(out)
    }
}

struct Extreme {
    best: Vec<Value>,
    returns: DataType,
    wanted: Ordering,
}

impl Accumulator for Extreme {
    fn update(
        &mut self,
        groups: &[usize],
        group_count: usize,
        args: &[Vector],
        _: &Context<'_>,
    ) -> Result<()> {
        self.best.resize(group_count.max(self.best.len()), Value::Null);
        let Some(arg) = args.first() else { return Ok(()) };
        for (row, &group) in groups.iter().enumerate().filter(|(row, _)| !arg.is_null(*row)) {
            let best = &mut self.best[group];
            // Text is compared where it lies, and copied only when it wins.
            let wins = match (&arg.data, &*best) {
                (_, Value::Null) => true,
                (Data::Bytes(bytes), Value::Text(best)) if self.returns != DataType::Bpchar => {
                    bytes.get(row).cmp(best.as_bytes()) == self.wanted
                }
                _ => compare_values(&arg.get(row), best, self.returns) == self.wanted,
            };
            if wins {
                *best = arg.get(row);
            }
        }
        Ok(())
    }

    fn finish(&mut self, group_count: usize, _: &Context<'_>) -> Result<Vector> {
        self.best.resize(group_count.max(self.best.len()), Value::Null);
        let mut out = Vector::new(self.returns);
        for best in &self.best[..group_count] {
            push(&mut out, best.clone())?;
        }
        Ok(out)
    }
}
