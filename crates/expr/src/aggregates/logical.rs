//! bool_and, bool_or, every, bit_and, bit_or, bit_xor.

use super::states::{Fold, PerGroup};
use super::sum::unexpected;
use crate::aggregate::Accumulator;
use crate::context::Context;
use types::{DataType, Result, Value};

pub(super) fn bool_and(_: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    PerGroup::<Truth<true>>::boxed(returns)
}
pub(super) fn bool_or(_: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    PerGroup::<Truth<false>>::boxed(returns)
}

#[derive(Default, Clone)]
struct Truth<const AND: bool>(Option<bool>);

impl<const AND: bool> Fold for Truth<AND> {
    fn add(&mut self, value: &Value) -> Result<()> {
        let Value::Bool(value) = *value else { return Err(unexpected(value)) };
        self.0 = Some(match self.0 {
            None => value,
            Some(before) if AND => before && value,
            Some(before) => before || value,
        });
        Ok(())
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        Ok(self.0.map_or(Value::Null, Value::Bool))
    }
}

pub(super) fn bit_and(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    bits::<'&'>(args, returns)
}
pub(super) fn bit_or(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    bits::<'|'>(args, returns)
}
pub(super) fn bit_xor(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    bits::<'#'>(args, returns)
}

fn bits<const OPERATOR: char>(_: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    match returns {
        DataType::Int2 => PerGroup::<Bits<OPERATOR, 2>>::boxed(returns),
        DataType::Int4 => PerGroup::<Bits<OPERATOR, 4>>::boxed(returns),
        _ => PerGroup::<Bits<OPERATOR, 8>>::boxed(returns),
    }
}

#[derive(Default, Clone)]
struct Bits<const OPERATOR: char, const WIDTH: usize>(Option<i64>);

impl<const OPERATOR: char, const WIDTH: usize> Fold for Bits<OPERATOR, WIDTH> {
    fn add_i64(&mut self, value: i64) -> Result<()> {
        self.0 = Some(match self.0 {
            None => value,
            Some(before) => match OPERATOR {
                '&' => before & value,
                '|' => before | value,
                _ => before ^ value,
            },
        });
        Ok(())
    }
    fn add(&mut self, value: &Value) -> Result<()> {
        Err(unexpected(value))
    }
    fn result(&self, _: &Context<'_>) -> Result<Value> {
        Ok(match (self.0, WIDTH) {
            (None, _) => Value::Null,
            // Of sign-extended integers: cutting loses nothing.
            (Some(bits), 2) => Value::Int2(bits as i16),
            (Some(bits), 4) => Value::Int4(bits as i32),
            (Some(bits), _) => Value::Int8(bits),
        })
    }
}
