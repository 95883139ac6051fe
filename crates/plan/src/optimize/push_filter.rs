//! Predicates go down to where their columns are made, and outer joins that a predicate turns into inner ones become so.

use super::inline_cte::is_volatile;
use super::nullability::rejects_null;
use super::{Planner, fold};
use crate::rel::{self, JoinKind, Number, Numbers, Rel, columns_in, substitute};
use expr::Expr;
use std::collections::HashMap;
use types::{Result, Value};

impl Planner<'_> {
    /// The tree with `predicates` (and its own filters) as far down as they go.
    pub(super) fn pushed(&mut self, rel: Rel, predicates: Vec<Expr>) -> Result<Rel> {
        let predicates = normal(predicates);
        if predicates.iter().any(never_true) {
            return Ok(Rel::Empty { columns: rel.outputs().into_iter().collect() });
        }
        Ok(match rel {
            Rel::Filter { input, predicates: mut own } => {
                own.extend(predicates);
                self.pushed(*input, own)?
            }
            Rel::Project { input, exprs } => {
                let made: HashMap<Number, &Expr> = exprs.iter().map(|(n, e)| (*n, e)).collect();
                let (mut down, mut stay) = (vec![], vec![]);
                for mut predicate in predicates {
                    let used: Vec<_> =
                        columns_in(&predicate).into_iter().filter_map(|n| made.get(&n)).collect();
                    let fixed = used
                        .iter()
                        .any(|expr| rel::any(expr, &|e| is_volatile(e) || matches!(e, Expr::Subplan { .. })));
                    if fixed || is_fixed(&predicate) {
                        stay.push(predicate);
                        continue;
                    }
                    substitute(&mut predicate, &mut |number| made.get(&number).map(|expr| (*expr).clone()));
                    down.push(fold(predicate, &self.environment.settings));
                }
                self.pushed(*input, down)?.project(exprs).filter(stay)
            }
            Rel::ProjectSet { input, exprs } => {
                let made: Numbers = exprs.iter().map(|(n, _)| *n).collect();
                let (down, stay) = split(predicates, |columns| columns.is_disjoint(&made));
                let input = Box::new(self.pushed(*input, down)?);
                Rel::ProjectSet { input, exprs }.filter(stay)
            }
            Rel::Join { kind, left, right, on } => self.pushed_join(kind, *left, *right, on, predicates)?,
            Rel::Aggregate(aggregate) => {
                let rel::Aggregate { input, groups, sets, calls, grouping } = aggregate;
                // Only groups that every set has; without groups there is a row even for no input.
                let everywhere: HashMap<Number, &Expr> = groups
                    .iter()
                    .enumerate()
                    .filter(|(position, _)| sets.iter().all(|set| set.contains(position)))
                    .map(|(_, (number, expr))| (*number, expr))
                    .collect();
                let (mut down, mut stay) = (vec![], vec![]);
                for mut predicate in predicates {
                    let columns = columns_in(&predicate);
                    let grouped = !everywhere.is_empty()
                        && columns.iter().any(|n| everywhere.contains_key(n))
                        && !columns.iter().any(|n| {
                            !everywhere.contains_key(n)
                                && (calls.iter().any(|(call, _)| call == n)
                                    || groups.iter().any(|(group, _)| group == n)
                                    || grouping == Some(*n))
                        });
                    if !grouped || is_fixed(&predicate) {
                        stay.push(predicate);
                        continue;
                    }
                    substitute(&mut predicate, &mut |number| {
                        everywhere.get(&number).map(|expr| (*expr).clone())
                    });
                    down.push(predicate);
                }
                let input = Box::new(self.pushed(*input, down)?);
                Rel::Aggregate(rel::Aggregate { input, groups, sets, calls, grouping }).filter(stay)
            }
            Rel::Window { input, calls } => {
                // A predicate that is the same for a whole partition of every window may go first.
                let common = calls
                    .iter()
                    .map(|(_, call)| {
                        let columns = call.partition_by.iter().filter_map(|expr| match expr {
                            Expr::Column { index, .. } => Some(*index),
                            _ => None,
                        });
                        columns.collect::<Numbers>()
                    })
                    .reduce(|a, b| a.intersection(&b).copied().collect())
                    .unwrap_or_default();
                let made = input.outputs();
                let numbers: Numbers = calls.iter().map(|(n, _)| *n).collect();
                let (down, stay) = split(predicates, |columns| {
                    columns.is_disjoint(&numbers)
                        && columns.iter().all(|n| common.contains(n) || !made.contains(n))
                });
                let input = Box::new(self.pushed(*input, down)?);
                Rel::Window { input, calls }.filter(stay)
            }
            Rel::Sort { input, keys } => {
                let (down, stay) = split(predicates, |_| true);
                let input = Box::new(self.pushed(*input, down)?);
                Rel::Sort { input, keys }.filter(stay)
            }
            Rel::Distinct { input, columns } => {
                let (down, stay) = split(predicates, |_| true);
                let input = Box::new(self.pushed(*input, down)?);
                Rel::Distinct { input, columns }.filter(stay)
            }
            Rel::DistinctOn { input, on, keys } => {
                let keyed: Numbers = on
                    .iter()
                    .filter_map(|expr| match expr {
                        Expr::Column { index, .. } => Some(*index),
                        _ => None,
                    })
                    .collect();
                let made = input.outputs();
                let (down, stay) = split(predicates, |columns| {
                    columns.iter().all(|n| keyed.contains(n) || !made.contains(n))
                });
                let input = Box::new(self.pushed(*input, down)?);
                Rel::DistinctOn { input, on, keys }.filter(stay)
            }
            Rel::Limit { input, limit, offset, with_ties } => {
                let input = Box::new(self.pushed(*input, vec![])?);
                Rel::Limit { input, limit, offset, with_ties }.filter(predicates)
            }
            Rel::LockRows { input, locks } => {
                let input = Box::new(self.pushed(*input, vec![])?);
                Rel::LockRows { input, locks }.filter(predicates)
            }
            Rel::SetOperation { kind, all, left, left_columns, right, right_columns, columns } => {
                let (down, stay) = split(predicates, |_| true);
                let side = |side_columns: &[Number]| -> Vec<Expr> {
                    let renamed = |number: Number| {
                        let position = columns.iter().position(|column| *column == number)?;
                        side_columns.get(position).map(|n| self.arena.expr(*n))
                    };
                    let mut side = down.clone();
                    side.iter_mut().for_each(|predicate| substitute(predicate, &mut |n| renamed(n)));
                    side
                };
                let (left_down, right_down) = (side(&left_columns), side(&right_columns));
                let left = Box::new(self.pushed(*left, left_down)?);
                let right = Box::new(self.pushed(*right, right_down)?);
                Rel::SetOperation { kind, all, left, left_columns, right, right_columns, columns }
                    .filter(stay)
            }
            Rel::RecursiveUnion { cte, base, base_columns, step, step_columns, all, columns } => {
                let base = Box::new(self.pushed(*base, vec![])?);
                let step = Box::new(self.pushed(*step, vec![])?);
                Rel::RecursiveUnion { cte, base, base_columns, step, step_columns, all, columns }
                    .filter(predicates)
            }
            leaf @ (Rel::OneRow
            | Rel::Empty { .. }
            | Rel::Values { .. }
            | Rel::Scan(_)
            | Rel::SystemScan { .. }
            | Rel::FunctionScan { .. }
            | Rel::LedgerScan { .. }
            | Rel::CteScan { .. }
            | Rel::WorkTable { .. }
            | Rel::CopyInput { .. }) => leaf.filter(predicates),
        })
    }

    fn pushed_join(
        &mut self,
        mut kind: JoinKind,
        mut left: Rel,
        mut right: Rel,
        on: Vec<Expr>,
        predicates: Vec<Expr>,
    ) -> Result<Rel> {
        let (mut left_columns, mut right_columns) = (left.outputs(), right.outputs());
        if kind == JoinKind::Full {
            // Rows without a left side are not wanted: a left join; without a right one: a right join, swapped.
            let keeps_left = predicates.iter().any(|predicate| rejects_null(predicate, &left_columns));
            let keeps_right = predicates.iter().any(|predicate| rejects_null(predicate, &right_columns));
            kind = match (keeps_left, keeps_right) {
                (true, true) => JoinKind::Inner,
                (true, false) => JoinKind::Left,
                (false, true) => {
                    std::mem::swap(&mut left, &mut right);
                    std::mem::swap(&mut left_columns, &mut right_columns);
                    JoinKind::Left
                }
                (false, false) => JoinKind::Full,
            };
        }
        if kind == JoinKind::Left
            && predicates.iter().any(|predicate| rejects_null(predicate, &right_columns))
        {
            kind = JoinKind::Inner;
        }
        let on = normal(on);
        let (mut to_left, mut to_right, mut stay_on, mut above) = (vec![], vec![], vec![], vec![]);
        match kind {
            JoinKind::Inner => {
                for predicate in on.into_iter().chain(predicates) {
                    let columns = columns_in(&predicate);
                    let (uses_left, uses_right) =
                        (!columns.is_disjoint(&left_columns), !columns.is_disjoint(&right_columns));
                    match (uses_left, uses_right) {
                        _ if rel::any(&predicate, &is_volatile) => above.push(predicate),
                        (true, true) => stay_on.push(predicate),
                        (true, false) => to_left.push(predicate),
                        (false, true) => to_right.push(predicate),
                        (false, false) => to_left.push(predicate),
                    }
                }
                self.propagate(&stay_on, &mut to_left, &mut to_right, &left_columns)?;
            }
            JoinKind::Left => {
                for predicate in predicates {
                    let columns = columns_in(&predicate);
                    match columns.is_disjoint(&right_columns) && !rel::any(&predicate, &is_volatile) {
                        true => to_left.push(predicate),
                        false => above.push(predicate),
                    }
                }
                for predicate in on {
                    let columns = columns_in(&predicate);
                    match columns.is_disjoint(&left_columns)
                        && !columns.is_disjoint(&right_columns)
                        && !rel::any(&predicate, &is_volatile)
                    {
                        true => to_right.push(predicate),
                        false => stay_on.push(predicate),
                    }
                }
                // A constant for the left side's key holds for the right side's as well.
                let mut nothing = to_left.clone();
                self.propagate(&stay_on, &mut nothing, &mut to_right, &left_columns)?;
            }
            JoinKind::Full => {
                above = predicates;
                stay_on = on;
            }
            JoinKind::Semi | JoinKind::Anti => {
                for predicate in predicates {
                    match rel::any(&predicate, &is_volatile) {
                        true => above.push(predicate),
                        false => to_left.push(predicate),
                    }
                }
                for predicate in on {
                    let columns = columns_in(&predicate);
                    let (uses_left, uses_right) =
                        (!columns.is_disjoint(&left_columns), !columns.is_disjoint(&right_columns));
                    match (uses_left, uses_right) {
                        (false, true) => to_right.push(predicate),
                        (true, false) if kind == JoinKind::Semi => to_left.push(predicate),
                        _ => stay_on.push(predicate),
                    }
                }
                let mut nothing = to_left.clone();
                self.propagate(&stay_on, &mut nothing, &mut to_right, &left_columns)?;
            }
        }
        let left = self.pushed(left, to_left)?;
        let right = self.pushed(right, to_right)?;
        Ok(Rel::join(kind, left, right, stay_on).filter(above))
    }

    /// From `a = b` and `a = constant` follows `b = constant`, for columns of one type.
    fn propagate(
        &mut self,
        on: &[Expr],
        to_left: &mut Vec<Expr>,
        to_right: &mut Vec<Expr>,
        left_columns: &Numbers,
    ) -> Result<()> {
        for equality in on {
            let Some((a, b)) = column_equality(equality) else { continue };
            if self.arena.types[a].data_type != self.arena.types[b].data_type {
                continue;
            }
            let (l, r) = if left_columns.contains(&a) { (a, b) } else { (b, a) };
            let derive = |from: Number, to: Number, known: &[Expr]| -> Vec<Expr> {
                let made = self.arena.expr(to);
                known
                    .iter()
                    .filter(|predicate| {
                        columns_in(predicate) == Numbers::from([from]) && is_constant_test(predicate)
                    })
                    .map(|predicate| {
                        let mut derived = predicate.clone();
                        substitute(&mut derived, &mut |_| Some(made.clone()));
                        derived
                    })
                    .collect()
            };
            let (for_right, for_left) = (derive(l, r, to_left), derive(r, l, to_right));
            to_right.extend(for_right.into_iter().filter(|new| !to_right.contains(new)).collect::<Vec<_>>());
            to_left.extend(for_left.into_iter().filter(|new| !to_left.contains(new)).collect::<Vec<_>>());
        }
        Ok(())
    }
}

/// `column = column`.
pub(super) fn column_equality(expr: &Expr) -> Option<(Number, Number)> {
    match expr {
        Expr::Call { function, args, .. } if expr::operator::comparison_symbol(function) == Some("=") => {
            match args.as_slice() {
                [Expr::Column { index: a, .. }, Expr::Column { index: b, .. }] => Some((*a, *b)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A comparison of a column with something that has no columns, by `=` or IN.
fn is_constant_test(expr: &Expr) -> bool {
    match expr {
        Expr::Call { function, args, .. } => {
            let sides = |args: &[Expr]| match args {
                [Expr::Column { .. }, other] | [other, Expr::Column { .. }] => {
                    matches!(other, Expr::Constant { .. } | Expr::Parameter { .. })
                }
                _ => false,
            };
            expr::operator::comparison_symbol(function) == Some("=") && sides(args)
        }
        Expr::InList { input, negated: false, .. } => matches!(**input, Expr::Column { .. }),
        _ => false,
    }
}

/// Conjuncts, with what is common to an OR's branches taken out, without what is always true and without repetition.
fn normal(predicates: Vec<Expr>) -> Vec<Expr> {
    let mut split = vec![];
    predicates.into_iter().for_each(|predicate| rel::conjuncts(predicate, &mut split));
    let mut all: Vec<Expr> = vec![];
    for predicate in split {
        for one in fold::factored(predicate) {
            let always = matches!(one, Expr::Constant { value: Value::Bool(true), .. });
            if !always && (rel::any(&one, &is_volatile) || !all.contains(&one)) {
                all.push(one);
            }
        }
    }
    all
}

fn never_true(predicate: &Expr) -> bool {
    matches!(predicate, Expr::Constant { value: Value::Bool(false) | Value::Null, .. })
}

/// Must be evaluated where it stands.
fn is_fixed(predicate: &Expr) -> bool {
    rel::any(predicate, &is_volatile)
}

fn split(predicates: Vec<Expr>, test: impl Fn(&Numbers) -> bool) -> (Vec<Expr>, Vec<Expr>) {
    predicates.into_iter().partition(|predicate| !is_fixed(predicate) && test(&columns_in(predicate)))
}
