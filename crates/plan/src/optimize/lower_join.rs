//! How a join is done: by hash, by looking up per left row, or by comparing all pairs.

use super::lower::{Lowered, leaf, plan};
use super::ordering::{Order, Wanted};
use super::{Planner, cost};
use crate::node::{self, JoinMethod, Node};
use crate::rel::{self, JoinKind, Number, Numbers, Rel, columns_in, columns_of};
use expr::Expr;
use types::{DataType, Result};

/// What a way to join costs, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    Hash,
    Lookup,
    Pairs,
}

impl Planner<'_> {
    #[expect(clippy::too_many_arguments, reason = "a join and what is asked of it")]
    pub(super) fn lower_join(
        &mut self,
        kind: JoinKind,
        left: &Rel,
        right: &Rel,
        on: &[Expr],
        need: &Numbers,
        wanted: &Wanted,
        whole: &Rel,
    ) -> Result<Lowered> {
        let (left_made, right_made) = (left.outputs(), right.outputs());
        let rows = self.rows(whole);
        let free = right.free();
        if free.iter().any(|number| left_made.contains(number)) {
            return self.lower_apply(kind, left, right, on, need, wanted, rows);
        }
        let (left_rows, right_rows) = (self.rows(left), self.rows(right));
        let (way, _) = self.way(kind, left_rows, left, right, on, wanted);
        if way == Way::Lookup {
            // The condition goes into the right side, where it finds an index.
            let inner = self.pushed(right.clone(), on.to_vec())?;
            return self.lower_apply(kind, left, &inner, &[], need, wanted, rows);
        }
        let mut below = need.clone();
        on.iter().for_each(|predicate| columns_of(predicate, &mut below));
        let l_need: Numbers = below.intersection(&left_made).copied().collect();
        let r_need: Numbers = below.intersection(&right_made).copied().collect();
        let (pairs, rest) = match way {
            Way::Hash => key_pairs(on, &left_made, &right_made),
            _ => (vec![], on.to_vec()),
        };
        let l = self.lower(left, &l_need, &Wanted::default())?;
        let r = self.lower(right, &r_need, &Wanted::default())?;
        // The right side is the one that is held.
        let swap = match kind {
            JoinKind::Inner => left_rows < right_rows,
            JoinKind::Left | JoinKind::Full => way == Way::Hash && left_rows * 2.0 < right_rows,
            JoinKind::Semi | JoinKind::Anti => false,
        };
        let (first, second, physical) = match (swap, kind) {
            (false, JoinKind::Inner) => (l, r, node::JoinKind::Inner),
            (true, JoinKind::Inner) => (r, l, node::JoinKind::Inner),
            (false, JoinKind::Left) => (l, r, node::JoinKind::Left),
            (true, JoinKind::Left) => (r, l, node::JoinKind::Right),
            (false, JoinKind::Full) => (l, r, node::JoinKind::Full),
            (true, JoinKind::Full) => (r, l, node::JoinKind::Full),
            (_, JoinKind::Semi) => (l, r, node::JoinKind::Semi),
            (_, JoinKind::Anti) => (l, r, node::JoinKind::Anti),
        };
        let both = first.layout.beside(&second.layout);
        let filter = self.translated_conjunction(&rest, &both)?;
        let method = match way {
            Way::Hash => {
                let (mut left_keys, mut right_keys) = (vec![], vec![]);
                for (a, b) in pairs {
                    let (a, b) = if swap { (b, a) } else { (a, b) };
                    left_keys.push(self.translated(&a, &first.layout)?);
                    right_keys.push(self.translated(&b, &second.layout)?);
                }
                JoinMethod::Hash { left: left_keys, right: right_keys }
            }
            _ => JoinMethod::NestedLoop,
        };
        let semi = matches!(kind, JoinKind::Semi | JoinKind::Anti);
        let layout = if semi { first.layout.clone() } else { both };
        let mut types = first.plan.types.clone();
        if !semi {
            types.extend(second.plan.types.iter().copied());
        }
        let (a, b) = (first.plan.rows_estimated, second.plan.rows_estimated);
        let work = match way {
            Way::Hash => a * cost::PROBE + b * cost::HASH + rows * 0.1,
            _ => b * cost::HASH + a * b * cost::PAIR,
        };
        let cost = first.plan.cost + second.plan.cost + work;
        let join = node::Join {
            kind: physical,
            left: Box::new(first.plan),
            right: Box::new(second.plan),
            method,
            filter,
        };
        Ok(leaf(plan(Node::Join(join), types, rows, cost), layout))
    }

    #[expect(clippy::too_many_arguments, reason = "a join and what is asked of it")]
    fn lower_apply(
        &mut self,
        kind: JoinKind,
        left: &Rel,
        right: &Rel,
        on: &[Expr],
        need: &Numbers,
        wanted: &Wanted,
        rows: f64,
    ) -> Result<Lowered> {
        let (left_made, right_made) = (left.outputs(), right.outputs());
        let passed: Vec<Number> = right.free().intersection(&left_made).copied().collect();
        let mut below = need.clone();
        on.iter().for_each(|predicate| columns_of(predicate, &mut below));
        let mut l_need: Numbers = below.intersection(&left_made).copied().collect();
        l_need.extend(&passed);
        let r_need: Numbers = below.intersection(&right_made).copied().collect();
        // The left side's order is the result's.
        let l_wanted = match wanted.keys.iter().all(|key| left_made.contains(&key.number)) {
            true => wanted.clone(),
            false => Wanted::default(),
        };
        let l = self.lower(left, &l_need, &l_wanted)?;
        let args = passed.iter().map(|number| self.column(*number, &l.layout)).collect::<Result<Vec<_>>>()?;
        let first_slot = self.slot_count;
        self.slot_count += passed.len();
        let outer = self.in_slots(&passed, first_slot);
        let r = self.lower(right, &r_need, &Wanted::default());
        self.slots = outer;
        let r = r?;
        let both = l.layout.beside(&r.layout);
        let filter = self.translated_conjunction(on, &both)?;
        let semi = matches!(kind, JoinKind::Semi | JoinKind::Anti);
        let layout = if semi { l.layout.clone() } else { both };
        let mut types = l.plan.types.clone();
        if !semi {
            types.extend(r.plan.types.iter().copied());
        }
        let physical = match kind {
            JoinKind::Inner => node::JoinKind::Inner,
            JoinKind::Left => node::JoinKind::Left,
            JoinKind::Semi => node::JoinKind::Semi,
            JoinKind::Anti => node::JoinKind::Anti,
            JoinKind::Full => return Err(types::Error::unsupported("a lateral FULL JOIN")),
        };
        let cost = l.plan.cost + l.plan.rows_estimated * (r.plan.cost + cost::APPLY);
        let order = match l.order.satisfies(&l_wanted.keys) && !l_wanted.keys.is_empty() {
            true => l.order,
            false => Order::default(),
        };
        let join = node::Join {
            kind: physical,
            left: Box::new(l.plan),
            right: Box::new(r.plan),
            method: JoinMethod::Apply { first_slot, args },
            filter,
        };
        Ok(Lowered { plan: plan(Node::Join(join), types, rows, cost), layout, order })
    }

    /// The cheapest way, and what it costs beside making the left side's rows.
    pub(super) fn way(
        &self,
        kind: JoinKind,
        left_rows: f64,
        left: &Rel,
        right: &Rel,
        on: &[Expr],
        wanted: &Wanted,
    ) -> (Way, f64) {
        let (left_made, right_made) = (left.outputs(), right.outputs());
        self.way_between(kind, left_rows, &left_made, right, &right_made, on, wanted)
    }

    #[expect(clippy::too_many_arguments, reason = "two sides and a condition")]
    pub(super) fn way_between(
        &self,
        kind: JoinKind,
        left_rows: f64,
        left_made: &Numbers,
        right: &Rel,
        right_made: &Numbers,
        on: &[Expr],
        wanted: &Wanted,
    ) -> (Way, f64) {
        let right_rows = self.rows(right);
        let right_cost = self.read_cost(right);
        let (pairs, _) = key_pairs(on, left_made, right_made);
        let mut best = match pairs.is_empty() {
            true => (Way::Pairs, right_cost + right_rows * cost::HASH + left_rows * right_rows * cost::PAIR),
            false => {
                let (held, probing) = match kind {
                    JoinKind::Semi | JoinKind::Anti => (right_rows, left_rows),
                    _ => (right_rows.min(left_rows), right_rows.max(left_rows)),
                };
                (Way::Hash, right_cost + held * cost::HASH + probing * cost::PROBE)
            }
        };
        if kind != JoinKind::Full
            && !on.is_empty()
            && let Some(per_row) = self.lookup_cost(right, on)
        {
            // Under a limit with an order from the left side only few rows are looked up.
            let reads = match wanted.limit {
                Some(limit)
                    if !wanted.keys.is_empty()
                        && wanted.keys.iter().all(|key| left_made.contains(&key.number)) =>
                {
                    left_rows.min(limit * 2.0)
                }
                _ => left_rows,
            };
            let cost = reads * (per_row + cost::APPLY);
            if cost < best.1 {
                best = (Way::Lookup, cost);
            }
        }
        best
    }

    /// What finding the rows of one left row costs, if an index of the right side serves the condition.
    fn lookup_cost(&self, right: &Rel, on: &[Expr]) -> Option<f64> {
        let mut predicates = on.to_vec();
        let mut rel = right;
        loop {
            match rel {
                Rel::Filter { input, predicates: own } => {
                    predicates.extend(own.iter().cloned());
                    rel = input;
                }
                // Renamed columns are seen through.
                Rel::Project { input, exprs } => {
                    let plain = |expr: &Expr| !rel::any(expr, &super::inline_cte::is_volatile);
                    if !exprs.iter().all(|(_, expr)| plain(expr)) {
                        return None;
                    }
                    for predicate in &mut predicates {
                        rel::substitute(predicate, &mut |number| {
                            exprs.iter().find(|(made, _)| *made == number).map(|(_, expr)| expr.clone())
                        });
                    }
                    rel = input;
                }
                _ => break,
            }
        }
        let Rel::Scan(scan) = rel else { return None };
        let path = self.path(scan, &predicates, &Wanted::default());
        let found = !matches!(path.access, node::Access::All);
        // The lookup must use what the left row says, not only constants.
        let varying = match &path.access {
            node::Access::Primary(ranges) | node::Access::Index { ranges, .. } => {
                ranges.iter().any(|range| {
                    let bounds = range.lower.iter().chain(&range.upper).map(|(expr, _)| expr);
                    range.equal.iter().chain(bounds).any(|expr| !columns_in(expr).is_empty())
                })
            }
            node::Access::All => false,
        };
        (found && varying).then_some(path.cost)
    }

    /// What reading a subtree once costs.
    pub(super) fn read_cost(&self, rel: &Rel) -> f64 {
        match rel {
            Rel::Scan(scan) => self.base_rows(scan) * cost::ROW,
            Rel::Filter { input, predicates } => match &**input {
                Rel::Scan(scan) => self.path(scan, predicates, &Wanted::default()).cost,
                other => self.read_cost(other) + self.rows(other) * 0.01,
            },
            other => {
                let inputs: f64 = other.children().into_iter().map(|child| self.read_cost(child)).sum();
                inputs + self.rows(other)
            }
        }
    }
}

/// The equalities between the two sides, as expressions of one hashable type each, and the rest.
pub(super) fn key_pairs(on: &[Expr], left: &Numbers, right: &Numbers) -> (Vec<(Expr, Expr)>, Vec<Expr>) {
    let (mut pairs, mut rest) = (vec![], vec![]);
    for predicate in on {
        match key_pair(predicate, left, right) {
            Some(pair) => pairs.push(pair),
            None => rest.push(predicate.clone()),
        }
    }
    (pairs, rest)
}

fn key_pair(predicate: &Expr, left: &Numbers, right: &Numbers) -> Option<(Expr, Expr)> {
    let Expr::Call { function, args, .. } = predicate else { return None };
    let (Some("="), [a, b]) = (expr::operator::comparison_symbol(function), args.as_slice()) else {
        return None;
    };
    let fixed = |expr: &Expr| {
        rel::any(expr, &|e| super::inline_cte::is_volatile(e) || matches!(e, Expr::Subplan { .. }))
    };
    if fixed(a) || fixed(b) {
        return None;
    }
    let side = |expr: &Expr, numbers: &Numbers, others: &Numbers| {
        let columns = columns_in(expr);
        !columns.is_disjoint(numbers) && columns.is_disjoint(others)
    };
    let (l, r) = match () {
        _ if side(a, left, right) && side(b, right, left) => (a.clone(), b.clone()),
        _ if side(b, left, right) && side(a, right, left) => (b.clone(), a.clone()),
        _ => return None,
    };
    let (lt, rt) = (l.data_type(), r.data_type());
    if lt == rt {
        return Some((l, r));
    }
    // Integers of different widths hash alike once they are as wide.
    let rank = |ty: DataType| match ty {
        DataType::Int2 => Some(0),
        DataType::Int4 => Some(1),
        DataType::Int8 => Some(2),
        _ => None,
    };
    match (rank(lt), rank(rt)) {
        (Some(a), Some(b)) => {
            let wide = if a > b { lt } else { rt };
            let widened = |expr: Expr| match expr.data_type() == wide {
                true => expr,
                false => Expr::Cast { input: Box::new(expr), to: wide.into(), explicit: false },
            };
            Some((widened(l), widened(r)))
        }
        _ => None,
    }
}
