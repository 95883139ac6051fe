//! One state per group, fed a column at a time: what most aggregates of one argument are.

use crate::aggregate::Accumulator;
use crate::columnwise::push;
use crate::context::Context;
use types::vector::Data;
use types::{DataType, Numeric, Result, Value, Vector};

/// The state of one group. NULLs do not reach it. The typed ways in are there so that the common loops make no values.
pub(super) trait Fold: Default + Clone + Send + 'static {
    fn add(&mut self, value: &Value) -> Result<()>;
    fn add_i64(&mut self, value: i64) -> Result<()> {
        self.add(&Value::Int8(value))
    }
    fn add_f64(&mut self, value: f64) -> Result<()> {
        self.add(&Value::Float8(value))
    }
    fn add_numeric(&mut self, value: &Numeric) -> Result<()> {
        self.add(&Value::Numeric(value.clone()))
    }
    fn result(&self, context: &Context<'_>) -> Result<Value>;
}

pub(super) struct PerGroup<S> {
    states: Vec<S>,
    returns: DataType,
}

impl<S: Fold> PerGroup<S> {
    pub fn boxed(returns: DataType) -> Box<dyn Accumulator> {
        Box::new(PerGroup::<S> { states: Vec::new(), returns })
    }
}

impl<S: Fold> Accumulator for PerGroup<S> {
    fn update(
        &mut self,
        groups: &[usize],
        group_count: usize,
        args: &[Vector],
        _: &Context<'_>,
    ) -> Result<()> {
        self.states.resize(group_count.max(self.states.len()), S::default());
        let Some(arg) = args.first() else { return Ok(()) };
        let states = &mut self.states;
        macro_rules! each {
            ($values:expr, |$state:ident, $value:ident| $add:expr) => {
                match &arg.nulls {
                    None => {
                        for (&group, $value) in groups.iter().zip($values) {
                            let $state = &mut states[group];
                            $add?;
                        }
                    }
                    Some(nulls) => {
                        for ((&group, $value), null) in groups.iter().zip($values).zip(nulls) {
                            if !null {
                                let $state = &mut states[group];
                                $add?;
                            }
                        }
                    }
                }
            };
        }
        match &arg.data {
            Data::I16(values) => each!(values, |state, value| state.add_i64(*value as i64)),
            Data::I32(values) if arg.data_type == DataType::Int4 => {
                each!(values, |state, value| state.add_i64(*value as i64));
            }
            Data::I64(values) if arg.data_type == DataType::Int8 => {
                each!(values, |state, value| state.add_i64(*value));
            }
            Data::F32(values) => each!(values, |state, value| state.add_f64(*value as f64)),
            Data::F64(values) => each!(values, |state, value| state.add_f64(*value)),
            Data::Numeric(values) => each!(values, |state, value| state.add_numeric(value)),
            _ => {
                for (row, &group) in groups.iter().enumerate() {
                    if !arg.is_null(row) {
                        states[group].add(&arg.get(row))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, group_count: usize, context: &Context<'_>) -> Result<Vector> {
        self.states.resize(group_count.max(self.states.len()), S::default());
        let mut out = Vector::new(self.returns);
        for state in &self.states[..group_count] {
            push(&mut out, state.result(context)?)?;
        }
        Ok(out)
    }
}
