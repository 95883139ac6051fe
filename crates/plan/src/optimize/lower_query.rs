//! Lowering of everything above joins: projections, aggregates, windows, order, limits, set operations, row locks.

use super::lower::{Layout, Lowered, leaf, plan, projected};
use super::ordering::{Order, Wanted, order_keys};
use super::{Planner, cost};
use crate::node::{self, LockRows, Node, Plan, SetKind};
use crate::rel::{self, Number, Numbers, Rel, columns_of};
use expr::{Expr, SortKey, WindowCall};
use types::{DataType, Error, Result, Value};

impl Planner<'_> {
    pub(super) fn lower_project(
        &mut self,
        input: &Rel,
        exprs: &[(Number, Expr)],
        need: &Numbers,
        wanted: &Wanted,
    ) -> Result<Lowered> {
        // Projections on projections are one, where no work is repeated.
        let mut exprs: Vec<(Number, Expr)> =
            exprs.iter().filter(|(number, _)| need.contains(number)).cloned().collect();
        let mut input = input;
        while let Rel::Project { input: below, exprs: inner } = input {
            let mut uses = std::collections::HashMap::new();
            exprs.iter().for_each(|(_, expr)| count_columns(expr, &mut uses));
            let movable = |(number, expr): &(Number, Expr)| {
                let count = uses.get(number).copied().unwrap_or(0) + usize::from(need.contains(number));
                matches!(expr, Expr::Column { .. } | Expr::Constant { .. })
                    || (count <= 1
                        && !rel::any(expr, &|e| {
                            super::inline_cte::is_volatile(e) || matches!(e, Expr::Subplan { .. })
                        }))
                    || count == 0
            };
            if !inner.iter().all(movable) {
                break;
            }
            for (_, expr) in &mut exprs {
                rel::substitute(expr, &mut |number| {
                    inner.iter().find(|(made, _)| *made == number).map(|(_, expr)| expr.clone())
                });
            }
            exprs.extend(inner.iter().filter(|(number, _)| need.contains(number)).cloned());
            input = below;
        }
        let made: Numbers = exprs.iter().map(|(number, _)| *number).collect();
        let mut below: Numbers = need.difference(&made).copied().collect();
        exprs.iter().for_each(|(_, expr)| columns_of(expr, &mut below));
        // An order wanted of a renamed column is one of the column.
        let renamed = |number: Number| match exprs.iter().find(|(made, _)| *made == number) {
            Some((_, Expr::Column { index, .. })) => Some(*index),
            Some(_) => None,
            None => Some(number),
        };
        let mut wanted_below = Wanted { keys: vec![], limit: wanted.limit };
        for key in &wanted.keys {
            match renamed(key.number) {
                Some(number) => wanted_below.keys.push(super::ordering::OrderKey { number, ..*key }),
                None => {
                    wanted_below = Wanted::default();
                    break;
                }
            }
        }
        let Lowered { plan: child, layout, mut order } = self.lower(input, &below, &wanted_below)?;
        // The order is told in the reader's names.
        for (made, expr) in &exprs {
            if let Expr::Column { index, .. } = expr
                && wanted.keys.iter().any(|key| key.number == *made)
            {
                order.keys.iter_mut().filter(|key| key.number == *index).for_each(|key| key.number = *made);
                if order.constant.contains(index) {
                    order.constant.insert(*made);
                }
            }
        }
        let mut result = layout.clone();
        let mut computed = vec![];
        for (number, expr) in &exprs {
            match expr {
                Expr::Column { index, .. } if layout.positions.contains_key(index) => {
                    result.positions.insert(*number, layout.positions[index]);
                }
                expr => computed.push((*number, self.translated(expr, &layout)?)),
            }
        }
        if computed.is_empty() {
            return Ok(Lowered { plan: child, layout: result, order });
        }
        // Pass on what the reader still needs.
        let mut passed: Vec<usize> = result
            .positions
            .iter()
            .filter(|(number, _)| need.contains(number))
            .map(|(_, position)| *position)
            .collect();
        passed.sort_unstable();
        passed.dedup();
        let mut out = Layout::default();
        let mut all = vec![];
        for position in passed {
            let Some(ty) = child.types.get(position) else { return Err(Error::internal("a column's type")) };
            let numbers =
                result.positions.iter().filter(|(number, at)| **at == position && need.contains(number));
            out.positions.extend(numbers.map(|(number, _)| (*number, all.len())));
            all.push(Expr::Column { index: position, ty: *ty });
        }
        for (number, expr) in computed {
            out.positions.insert(number, all.len());
            all.push(expr);
        }
        out.width = all.len();
        Ok(Lowered { plan: projected(child, all), layout: out, order })
    }

    pub(super) fn lower_project_set(
        &mut self,
        input: &Rel,
        exprs: &[(Number, Expr)],
        need: &Numbers,
    ) -> Result<Lowered> {
        let made: Numbers = exprs.iter().map(|(number, _)| *number).collect();
        let mut below: Numbers = need.difference(&made).copied().collect();
        exprs.iter().for_each(|(_, expr)| columns_of(expr, &mut below));
        let Lowered { plan: child, layout, order: _ } = self.lower(input, &below, &Wanted::default())?;
        let mut all = vec![];
        let mut out = Layout::default();
        for (position, ty) in child.types.iter().enumerate() {
            let numbers =
                layout.positions.iter().filter(|(number, at)| **at == position && need.contains(number));
            let numbers: Vec<Number> = numbers.map(|(number, _)| *number).collect();
            if !numbers.is_empty() {
                out.positions.extend(numbers.into_iter().map(|number| (number, all.len())));
                all.push(Expr::Column { index: position, ty: *ty });
            }
        }
        for (number, expr) in exprs {
            out.positions.insert(*number, all.len());
            all.push(self.translated(expr, &layout)?);
        }
        out.width = all.len();
        let types = all.iter().map(Expr::ty).collect();
        let (rows, cost) = (child.rows_estimated * 10.0, child.cost + child.rows_estimated * 0.2);
        let node = Node::ProjectSet { input: Box::new(child), exprs: all };
        Ok(leaf(plan(node, types, rows, cost), out))
    }

    pub(super) fn lower_aggregate(
        &mut self,
        aggregate: &rel::Aggregate,
        need: &Numbers,
        whole: &Rel,
    ) -> Result<Lowered> {
        let rel::Aggregate { input, groups, sets, calls, grouping } = aggregate;
        let calls: Vec<_> = calls.iter().filter(|(number, _)| need.contains(number)).collect();
        if groups.is_empty() && sets.len() == 1 && calls.is_empty() {
            // One row, whatever the input: HAVING without an aggregate.
            return self.lower(&Rel::OneRow, need, &Wanted::default());
        }
        let mut below = Numbers::new();
        groups.iter().for_each(|(_, expr)| columns_of(expr, &mut below));
        calls
            .iter()
            .flat_map(|(_, call)| rel::call_exprs(call))
            .for_each(|expr| columns_of(expr, &mut below));
        let Lowered { plan: child, layout, order: _ } = self.lower(input, &below, &Wanted::default())?;
        let mut out = Layout::default();
        let mut types = vec![];
        let mut group_exprs = vec![];
        for (number, expr) in groups {
            out.push(*number);
            types.push(expr.ty());
            group_exprs.push(self.translated(expr, &layout)?);
        }
        let mut call_nodes = vec![];
        for (number, call) in calls {
            out.push(*number);
            types.push(call.ty);
            call_nodes.push(self.translated_call(call, &layout)?);
        }
        if sets.len() > 1 {
            match grouping {
                Some(number) => out.push(*number),
                None => out.width += 1,
            }
            types.push(DataType::Int4.into());
        }
        let rows = if groups.is_empty() { sets.len() as f64 } else { self.rows(whole) };
        let cost = child.cost + child.rows_estimated * (0.5 + 0.2 * call_nodes.len() as f64) + rows * 0.1;
        let node = Node::Aggregate(node::Aggregate {
            input: Box::new(child),
            groups: group_exprs,
            sets: sets.clone(),
            calls: call_nodes,
        });
        Ok(leaf(plan(node, types, rows, cost), out))
    }

    pub(super) fn lower_window(
        &mut self,
        input: &Rel,
        calls: &[(Number, WindowCall)],
        need: &Numbers,
    ) -> Result<Lowered> {
        let calls: Vec<_> = calls.iter().filter(|(number, _)| need.contains(number)).collect();
        let made: Numbers = calls.iter().map(|(number, _)| *number).collect();
        let mut below: Numbers = need.difference(&made).copied().collect();
        calls
            .iter()
            .flat_map(|(_, call)| rel::window_exprs(call))
            .for_each(|expr| columns_of(expr, &mut below));
        let Lowered { plan: child, mut layout, order: _ } = self.lower(input, &below, &Wanted::default())?;
        if calls.is_empty() {
            return Ok(leaf(child, layout));
        }
        let before = layout.clone();
        let mut types = child.types.clone();
        let mut nodes = vec![];
        for (number, call) in calls {
            layout.push(*number);
            types.push(call.ty);
            nodes.push(self.translated_window(call, &before)?);
        }
        let rows = child.rows_estimated;
        let cost = child.cost + rows * (rows.max(2.0).log2() * cost::SORT + nodes.len() as f64);
        Ok(leaf(plan(Node::Window { input: Box::new(child), calls: nodes }, types, rows, cost), layout))
    }

    pub(super) fn lower_sort(
        &mut self,
        input: &Rel,
        keys: &[SortKey],
        need: &Numbers,
        wanted: &Wanted,
    ) -> Result<Lowered> {
        let mut below = need.clone();
        keys.iter().for_each(|key| columns_of(&key.expr, &mut below));
        let wants = match order_keys(keys) {
            Some(keys) => Wanted { keys, limit: wanted.limit },
            None => Wanted::default(),
        };
        let Lowered { plan: child, layout, order } = self.lower(input, &below, &wants)?;
        if !wants.keys.is_empty() && order.satisfies(&wants.keys) {
            return Ok(Lowered { plan: child, layout, order });
        }
        let keys = self.translated_keys(keys, &layout)?;
        let (rows, types) = (child.rows_estimated, child.types.clone());
        let cost = child.cost + rows * rows.max(2.0).log2() * cost::SORT;
        let node = Node::Sort { input: Box::new(child), keys, limit: None };
        let order = Order { keys: wants.keys, constant: Numbers::new() };
        Ok(Lowered { plan: plan(node, types, rows, cost), layout, order })
    }

    pub(super) fn lower_distinct(
        &mut self,
        input: &Rel,
        columns: &[Number],
        whole: &Rel,
        wanted: &Wanted,
    ) -> Result<Lowered> {
        let below: Numbers = columns.iter().copied().collect();
        let wanted = Wanted { keys: wanted.keys.clone(), limit: None };
        let Lowered { plan: child, layout, order } = self.lower(input, &below, &wanted)?;
        // Exactly these columns decide what is the same.
        let mut positions: Vec<usize> =
            columns.iter().filter_map(|number| layout.positions.get(number).copied()).collect();
        positions.sort_unstable();
        positions.dedup();
        let (child, layout) = match positions.len() == layout.width {
            true => (child, layout),
            false => {
                let child =
                    self.arranged(Lowered { plan: child, layout, order: Order::default() }, columns)?;
                (child, Layout::of(columns))
            }
        };
        let (rows, types) = (self.rows(whole).min(child.rows_estimated.max(1.0)), child.types.clone());
        let cost = child.cost + child.rows_estimated * 0.5;
        Ok(Lowered {
            plan: plan(Node::Distinct { input: Box::new(child), on: None }, types, rows, cost),
            layout,
            order,
        })
    }

    pub(super) fn lower_distinct_on(
        &mut self,
        input: &Rel,
        on: &[Expr],
        keys: &[SortKey],
        need: &Numbers,
        whole: &Rel,
    ) -> Result<Lowered> {
        let mut below = need.clone();
        on.iter().for_each(|expr| columns_of(expr, &mut below));
        let Lowered { plan: child, layout, order } =
            self.lower_sort(input, keys, &below, &Wanted::default())?;
        let on = self.translated_all(on, &layout)?;
        let (rows, types) = (self.rows(whole), child.types.clone());
        let cost = child.cost + child.rows_estimated * 0.1;
        let node = Node::Distinct { input: Box::new(child), on: Some(on) };
        Ok(Lowered { plan: plan(node, types, rows, cost), layout, order })
    }

    pub(super) fn lower_limit(
        &mut self,
        input: &Rel,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        with_ties: Option<&[SortKey]>,
        need: &Numbers,
        wanted: &Wanted,
    ) -> Result<Lowered> {
        let mut below = need.clone();
        with_ties.iter().flat_map(|keys| keys.iter()).for_each(|key| columns_of(&key.expr, &mut below));
        let count = |expr: Option<&Expr>, missing: f64| match expr {
            None => 0.0,
            Some(Expr::Constant { value, .. }) => value.as_i64().map_or(0.0, |count| count.max(0) as f64),
            Some(_) => missing,
        };
        let read = limit.map(|limit| count(Some(limit), 100.0) + count(offset, 100.0));
        let wants = Wanted { keys: wanted.keys.clone(), limit: read };
        let Lowered { plan: mut child, layout, order } = self.lower(input, &below, &wants)?;
        let nothing = Layout::default();
        let limit_expr = limit.map(|expr| self.translated(expr, &nothing)).transpose()?;
        let offset_expr = offset.map(|expr| self.translated(expr, &nothing)).transpose()?;
        let ties = with_ties.map(|keys| self.translated_keys(keys, &layout)).transpose()?;
        let top = match (&limit_expr, &offset_expr, &ties) {
            (Some(limit), None, None) => Some(limit.clone()),
            (Some(Expr::Constant { value: l, ty }), Some(Expr::Constant { value: o, .. }), None) => {
                let sum = l.as_i64().zip(o.as_i64()).and_then(|(l, o)| l.checked_add(o.max(0)));
                sum.map(|sum| Expr::Constant { value: Value::Int8(sum), ty: *ty })
            }
            _ => None,
        };
        if let Some(top) = top {
            set_top(&mut child, &top);
        }
        let all = child.rows_estimated;
        let skipped = count(offset, 0.0).min(all);
        let rows = match limit {
            Some(_) => (all - skipped).max(0.0).min(count(limit, all / 10.0)),
            None => (all - skipped).max(0.0),
        };
        let streamed = !matches!(child.node, Node::Sort { .. } | Node::Aggregate(_));
        let share = if streamed && all > 0.0 { ((rows + skipped) / all).min(1.0) } else { 1.0 };
        let (cost, types) = (child.cost * share, child.types.clone());
        let node =
            Node::Limit { input: Box::new(child), limit: limit_expr, offset: offset_expr, with_ties: ties };
        Ok(Lowered { plan: plan(node, types, rows, cost), layout, order })
    }

    pub(super) fn lower_set_operation(&mut self, rel: &Rel, need: &Numbers) -> Result<Lowered> {
        let Rel::SetOperation { kind, all, left, left_columns, right, right_columns, columns } = rel else {
            return Err(Error::internal("a set operation"));
        };
        // Where no rows are compared, unneeded columns go.
        let kept: Vec<usize> = match (kind, all) {
            (SetKind::Union, true) => (0..columns.len()).filter(|at| need.contains(&columns[*at])).collect(),
            _ => (0..columns.len()).collect(),
        };
        let pick = |numbers: &[Number]| -> Vec<Number> {
            kept.iter().filter_map(|at| numbers.get(*at).copied()).collect()
        };
        let (left_columns, right_columns, columns) = (pick(left_columns), pick(right_columns), pick(columns));
        let l = self.lower_ordered(left, &left_columns)?;
        let r = self.lower_ordered(right, &right_columns)?;
        let types = self.types(&columns);
        let cost = l.cost + r.cost;
        let rows = self.rows(rel);
        let node = match (kind, all) {
            (SetKind::Union, true) => {
                let mut inputs = vec![];
                for input in [l, r] {
                    match input {
                        Plan { node: Node::Append(more), .. } => inputs.extend(more),
                        other => inputs.push(other),
                    }
                }
                Node::Append(inputs)
            }
            _ => Node::SetOperation { kind: *kind, all: *all, left: Box::new(l), right: Box::new(r) },
        };
        Ok(leaf(plan(node, types, rows, cost + rows * 0.1), Layout::of(&columns)))
    }

    pub(super) fn lower_recursive(&mut self, rel: &Rel) -> Result<Lowered> {
        let Rel::RecursiveUnion { cte, base, base_columns, step, step_columns, all, columns } = rel else {
            return Err(Error::internal("a recursive query"));
        };
        let Some(position) = self.cte_positions.get(cte).copied() else {
            return Err(Error::internal("a recursive query outside of WITH"));
        };
        let base = self.lower_ordered(base, base_columns)?;
        let step = self.lower_ordered(step, step_columns)?;
        let (rows, cost) = (base.rows_estimated * 10.0, base.cost + step.cost * 10.0);
        let node =
            Node::RecursiveUnion { cte: position, base: Box::new(base), step: Box::new(step), all: *all };
        Ok(leaf(plan(node, self.types(columns), rows, cost), Layout::of(columns)))
    }

    pub(super) fn lower_locks(
        &mut self,
        input: &Rel,
        locks: &[rel::LockRows],
        need: &Numbers,
        wanted: &Wanted,
    ) -> Result<Lowered> {
        let mut below = need.clone();
        below.extend(locks.iter().map(|lock| lock.key));
        let Lowered { plan: child, layout, order } = self.lower(input, &below, wanted)?;
        let mut nodes = vec![];
        for lock in locks {
            let rel::LockRows { relation, key, strength, wait } = lock;
            let Some(key) = layout.positions.get(key).copied() else {
                return Err(Error::internal("a row key"));
            };
            nodes.push(LockRows { relation: relation.clone(), key, strength: *strength, wait: *wait });
        }
        let (rows, types) = (child.rows_estimated, child.types.clone());
        let cost = child.cost + rows * 0.5;
        let node = Node::LockRows { input: Box::new(child), locks: nodes };
        Ok(Lowered { plan: plan(node, types, rows, cost), layout, order })
    }
}

/// Tells a sort below (perhaps under projections) how many rows are wanted.
fn set_top(child: &mut Plan, top: &Expr) {
    match &mut child.node {
        Node::Sort { limit, .. } => *limit = Some(Box::new(top.clone())),
        Node::Project { input, .. } => set_top(input, top),
        _ => {}
    }
}

fn count_columns(expr: &Expr, counts: &mut std::collections::HashMap<Number, usize>) {
    if let Expr::Column { index, .. } = expr {
        *counts.entry(*index).or_default() += 1;
    }
    expr.for_each_child(&mut |child| count_columns(child, counts));
}
