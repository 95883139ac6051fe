//! GROUP BY by hashing: groups come out in the order of their first rows, grouping sets one after the other.
//!
//! All sets share one accumulator per call: a group's number is unique over the sets. Only groups are held, not rows
//! (but see [`super::ordered_call`] for DISTINCT and ORDER BY within a call).

use super::ordered_call::OrderedCall;
use super::{Operator, slice};
use crate::context::Run;
use crate::key::{self, KeyMap};
use expr::{Accumulator, AggregateCall};
use plan::node;
use types::batch::BATCH_ROWS;
use types::{Batch, DataType, Result, Value, Vector};

pub(super) struct Aggregate {
    input: Operator,
    result: Option<Batch>,
    position: usize,
}

impl Aggregate {
    pub fn new(input: Operator) -> Aggregate {
        Aggregate { input, result: None, position: 0 }
    }

    pub fn next(&mut self, node: &node::Aggregate, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        if self.result.is_none() {
            self.result = Some(self.aggregate(node, run)?);
        }
        let Some(result) = &mut self.result else { return Ok(false) };
        let end = result.rows.min(self.position + BATCH_ROWS);
        let start = std::mem::replace(&mut self.position, end);
        if start >= end {
            return Ok(false);
        }
        *out = slice(result, start, end);
        Ok(true)
    }

    fn aggregate(&mut self, node: &node::Aggregate, run: &Run<'_, '_>) -> Result<Batch> {
        let mut groups = Groups::new(node);
        let mut calls: Vec<Call> = node.calls.iter().map(Call::new).collect();
        let mut batch = Batch::default();
        while self.input.next_rows(&node.input, run, &mut batch)? {
            let keys = run.eval_all(&node.groups, &batch)?;
            let numbers = groups.number(node, &keys, batch.rows)?;
            for (call, state) in node.calls.iter().zip(&mut calls) {
                state.update(call, &numbers, groups.count(), &batch, run)?;
            }
        }
        let order = groups.output_order();
        let mut columns = groups.columns(node, order.as_deref());
        for (call, state) in node.calls.iter().zip(calls) {
            let result = state.finish(call, groups.count(), run)?;
            columns.push(match &order {
                Some(order) => result.take(order),
                None => result,
            });
        }
        if node.sets.len() > 1 {
            let order = order.unwrap_or_default();
            let masks: Vec<Value> =
                order.iter().map(|&group| Value::Int4(mask(node, groups.sets[group]))).collect();
            columns.push(Vector::from_values(DataType::Int4, &masks));
        }
        Ok(Batch { columns, rows: groups.count() })
    }
}

/// GROUPING's bits: 1 = not grouped by; the last group is the lowest bit.
fn mask(node: &node::Aggregate, set: usize) -> i32 {
    let grouped = |position: usize| node.sets.get(set).is_some_and(|set| set.contains(&position));
    (0..node.groups.len()).fold(0, |mask, position| (mask << 1) | i32::from(!grouped(position)))
}

/// The groups found so far.
struct Groups {
    /// By grouping set.
    maps: Vec<KeyMap<usize>>,
    /// Each group's set.
    sets: Vec<usize>,
    /// Each group's values, NULL where its set does not group by them.
    values: Vec<Vector>,
}

impl Groups {
    fn new(node: &node::Aggregate) -> Groups {
        let mut groups = Groups {
            maps: node.sets.iter().map(|_| KeyMap::default()).collect(),
            sets: vec![],
            values: node.groups.iter().map(|group| Vector::new(group.data_type())).collect(),
        };
        // An empty set is a group even of no rows.
        for (set, positions) in node.sets.iter().enumerate() {
            if positions.is_empty() {
                groups.values.iter_mut().for_each(Vector::push_null);
                groups.maps[set].insert(Box::default(), groups.sets.len());
                groups.sets.push(set);
            }
        }
        groups
    }

    fn count(&self) -> usize {
        self.sets.len()
    }

    /// Each row's group, by set.
    fn number(&mut self, node: &node::Aggregate, keys: &[Vector], rows: usize) -> Result<Vec<Vec<usize>>> {
        let mut numbers = Vec::with_capacity(node.sets.len());
        let mut row_key = Vec::new();
        for (set, positions) in node.sets.iter().enumerate() {
            if positions.is_empty() {
                let only = self.maps[set].get(&[] as &[u8]).copied().unwrap_or_default();
                numbers.push(vec![only; rows]);
                continue;
            }
            let columns: Vec<Vector> = match positions.len() == keys.len() && positions.is_sorted() {
                true => vec![],
                false => positions.iter().filter_map(|&position| keys.get(position)).cloned().collect(),
            };
            let columns = if columns.is_empty() { keys } else { &columns };
            let mut of_set = Vec::with_capacity(rows);
            for row in 0..rows {
                row_key.clear();
                key::hash_key(columns, row, &mut row_key)?;
                if let Some(group) = self.maps[set].get(row_key.as_slice()) {
                    of_set.push(*group);
                    continue;
                }
                let group = self.sets.len();
                self.maps[set].insert(row_key.as_slice().into(), group);
                self.sets.push(set);
                for (position, (values, key)) in self.values.iter_mut().zip(keys).enumerate() {
                    match positions.contains(&position) {
                        true => values.push(&key.get(row)),
                        false => values.push_null(),
                    }
                }
                of_set.push(group);
            }
            numbers.push(of_set);
        }
        Ok(numbers)
    }

    /// The groups set by set; None if they are.
    fn output_order(&self) -> Option<Vec<usize>> {
        if self.maps.len() < 2 {
            return None;
        }
        let mut order: Vec<usize> = (0..self.sets.len()).collect();
        order.sort_by_key(|&group| self.sets[group]);
        Some(order)
    }

    fn columns(&mut self, node: &node::Aggregate, order: Option<&[usize]>) -> Vec<Vector> {
        let mut columns = Vec::with_capacity(node.groups.len() + node.calls.len() + 1);
        for values in std::mem::take(&mut self.values) {
            columns.push(match order {
                Some(order) => values.take(order),
                None => values,
            });
        }
        columns
    }
}

/// One call's state.
enum Call {
    Plain(Box<dyn Accumulator>),
    Ordered(OrderedCall),
}

impl Call {
    fn new(call: &AggregateCall) -> Call {
        match call.distinct || !call.order_by.is_empty() {
            true => Call::Ordered(OrderedCall::new(call)),
            false => Call::Plain(accumulator(call)),
        }
    }

    fn update(
        &mut self,
        call: &AggregateCall,
        numbers: &[Vec<usize>],
        group_count: usize,
        batch: &Batch,
        run: &Run<'_, '_>,
    ) -> Result<()> {
        // Arguments are evaluated only for the rows that FILTER lets through.
        let passed = match &call.filter {
            Some(filter) => Some(run.eval_filter(filter, batch)?),
            None => None,
        };
        let filtered = passed.as_ref().map(|rows| batch.take(rows));
        let batch = filtered.as_ref().unwrap_or(batch);
        let args = run.eval_all(&call.args, batch)?;
        let order_keys = run.eval_all(call.order_by.iter().map(|key| &key.expr), batch)?;
        for of_set in numbers {
            let filtered: Option<Vec<usize>> =
                passed.as_ref().map(|rows| rows.iter().map(|&row| of_set[row]).collect());
            let of_set = filtered.as_ref().unwrap_or(of_set);
            match self {
                Call::Plain(accumulator) => accumulator.update(of_set, group_count, &args, &run.context())?,
                Call::Ordered(ordered) => ordered.collect(call, of_set, &args, &order_keys)?,
            }
        }
        Ok(())
    }

    fn finish(self, call: &AggregateCall, group_count: usize, run: &Run<'_, '_>) -> Result<Vector> {
        match self {
            Call::Plain(mut accumulator) => accumulator.finish(group_count, &run.context()),
            Call::Ordered(ordered) => ordered.finish(call, group_count, run),
        }
    }
}

pub(super) fn accumulator(call: &AggregateCall) -> Box<dyn Accumulator> {
    let types: Vec<DataType> = call.args.iter().map(|arg| arg.data_type()).collect();
    (call.aggregate.accumulator)(&types, call.ty.data_type)
}
