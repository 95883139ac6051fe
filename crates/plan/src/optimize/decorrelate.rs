//! Subqueries in conditions become joins: EXISTS and IN semi-joins, their negations anti-joins, scalar aggregates a join
//! with a grouped query. What does not fit stays a subquery that runs per row.

use super::Planner;
use super::inline_cte::is_volatile;
use super::nullability::never_null;
use crate::rel::{self, JoinKind, Number, Numbers, Rel, columns_in, substitute};
use expr::{Expr, SubplanKind};
use types::{DataType, Result, Value};

impl Planner<'_> {
    /// Rewrites every filter of the tree.
    pub(super) fn decorrelated(&mut self, mut rel: Rel) -> Result<Rel> {
        for child in rel.children_mut() {
            let taken = std::mem::replace(child, Rel::OneRow);
            *child = self.decorrelated(taken)?;
        }
        let Rel::Filter { input, predicates } = rel else {
            self.hash_exists_in(&mut rel)?;
            return Ok(rel);
        };
        let mut split = vec![];
        predicates.into_iter().for_each(|predicate| rel::conjuncts(predicate, &mut split));
        let mut result = *input;
        let mut stay = vec![];
        // Plain predicates first: they make the joins' left sides small.
        let (subqueries, plain): (Vec<Expr>, Vec<Expr>) = split
            .into_iter()
            .partition(|predicate| rel::any(predicate, &|e| matches!(e, Expr::Subplan { .. })));
        result = result.filter(plain);
        for predicate in subqueries {
            result = match self.as_join(result, predicate)? {
                Ok(joined) => joined,
                Err((same, predicate)) => {
                    stay.push(predicate);
                    same
                }
            };
        }
        for predicate in &mut stay {
            self.hash_exists(predicate)?;
        }
        Ok(result.filter(stay))
    }

    /// The input joined so that `predicate` holds, or both back.
    fn as_join(&mut self, input: Rel, predicate: Expr) -> Result<Result<Rel, (Rel, Expr)>> {
        if let Expr::Subplan { plan, kind, args, .. } = &predicate {
            let (plan, args) = (*plan, args.clone());
            let joined = match &**kind {
                SubplanKind::Exists { negated } => self.exists(plan, &args, *negated)?,
                SubplanKind::Any { left, operators } => self.any(plan, &args, left, operators)?,
                SubplanKind::All { left, operators } => self.none(&input, plan, &args, left, operators)?,
                SubplanKind::Scalar | SubplanKind::Array => None,
            };
            if let Some((kind, right, on)) = joined {
                return Ok(Ok(Rel::join(kind, input, right, on)));
            }
            return Ok(Err((input, predicate)));
        }
        if let Expr::Not(inner) = &predicate
            && let Expr::Subplan { plan, kind, args, .. } = &**inner
            && let SubplanKind::Any { left, operators } = &**kind
        {
            // NOT (x IN ...): as NOT IN.
            let (plan, args) = (*plan, args.clone());
            if let Some((kind, right, on)) = self.not_in(&input, plan, &args, left, operators)? {
                return Ok(Ok(Rel::join(kind, input, right, on)));
            }
        }
        self.scalars(input, predicate)
    }

    fn exists(
        &mut self,
        plan: usize,
        args: &[Expr],
        negated: bool,
    ) -> Result<Option<(JoinKind, Rel, Vec<Expr>)>> {
        if args.is_empty() {
            // Runs once, whatever the row.
            return Ok(None);
        }
        let Some(subquery) = self.arena.subqueries.get(plan).cloned() else { return Ok(None) };
        let Some((core, correlated)) = peeled(subquery.rel, &subquery.parameters) else { return Ok(None) };
        if correlated.is_empty() || !usable(&core, &subquery.parameters) {
            return Ok(None);
        }
        let on = self.with_arguments(correlated, &subquery.parameters, args);
        if !plain(&on) {
            return Ok(None);
        }
        let core = self.decorrelated(core)?;
        Ok(Some((if negated { JoinKind::Anti } else { JoinKind::Semi }, core, on)))
    }

    /// `left = ANY (subquery)`.
    fn any(
        &mut self,
        plan: usize,
        args: &[Expr],
        left: &[Expr],
        operators: &[&'static expr::Function],
    ) -> Result<Option<(JoinKind, Rel, Vec<Expr>)>> {
        let equal = operators.iter().all(|operator| expr::operator::comparison_symbol(operator) == Some("="));
        if !equal || left.iter().any(|expr| rel::any(expr, &is_volatile)) {
            return Ok(None);
        }
        let Some((core, mut on)) = self.membership(plan, args)? else { return Ok(None) };
        let Some(subquery) = self.arena.subqueries.get(plan) else { return Ok(None) };
        let outputs = subquery.outputs.clone();
        for ((left, output), operator) in left.iter().zip(outputs).zip(operators) {
            let args = vec![left.clone(), self.arena.expr(output)];
            on.push(Expr::Call { function: operator, args, ty: DataType::Bool.into() });
        }
        if !plain(&on) {
            return Ok(None);
        }
        let core = self.decorrelated(core)?;
        Ok(Some((JoinKind::Semi, core, on)))
    }

    /// `left <> ALL (subquery)`, which is NOT IN.
    fn none(
        &mut self,
        input: &Rel,
        plan: usize,
        args: &[Expr],
        left: &[Expr],
        operators: &[&'static expr::Function],
    ) -> Result<Option<(JoinKind, Rel, Vec<Expr>)>> {
        let mut equal = vec![];
        for operator in operators {
            if expr::operator::comparison_symbol(operator) != Some("<>") {
                return Ok(None);
            }
            let [expr::function::Argument::Is(l), expr::function::Argument::Is(r)] = operator.args else {
                return Ok(None);
            };
            match expr::operator::resolve("=", Some(*l), *r) {
                Ok(resolved) if resolved.arguments == [*l, *r] => equal.push(resolved.function),
                _ => return Ok(None),
            }
        }
        self.not_in(input, plan, args, left, &equal)
    }

    /// An anti-join, if no NULL can make NOT IN unknown.
    fn not_in(
        &mut self,
        input: &Rel,
        plan: usize,
        args: &[Expr],
        left: &[Expr],
        operators: &[&'static expr::Function],
    ) -> Result<Option<(JoinKind, Rel, Vec<Expr>)>> {
        let Some((_, core, on)) = self.any(plan, args, left, operators)? else { return Ok(None) };
        let Some(subquery) = self.arena.subqueries.get(plan) else { return Ok(None) };
        let left_sure = left.iter().all(|expr| match expr {
            Expr::Column { index, .. } => never_null(*index, input),
            Expr::Constant { value, .. } => !value.is_null(),
            _ => false,
        });
        let right_sure = subquery.outputs.iter().all(|output| never_null(*output, &core));
        Ok((left_sure && right_sure).then_some((JoinKind::Anti, core, on)))
    }

    /// A subquery's rows for a membership test, and the conditions that tie them to the outer row.
    fn membership(&mut self, plan: usize, args: &[Expr]) -> Result<Option<(Rel, Vec<Expr>)>> {
        let Some(subquery) = self.arena.subqueries.get(plan).cloned() else { return Ok(None) };
        if args.is_empty() {
            return Ok(Some((subquery.rel, vec![])));
        }
        let Some((core, correlated)) = peeled(subquery.rel, &subquery.parameters) else { return Ok(None) };
        if !usable(&core, &subquery.parameters) {
            return Ok(None);
        }
        let on = self.with_arguments(correlated, &subquery.parameters, args);
        Ok(Some((core, on)))
    }

    fn with_arguments(&self, mut predicates: Vec<Expr>, parameters: &[Number], args: &[Expr]) -> Vec<Expr> {
        for predicate in &mut predicates {
            substitute(predicate, &mut |number| {
                let position = parameters.iter().position(|parameter| *parameter == number)?;
                args.get(position).cloned()
            });
        }
        predicates
    }

    /// Correlated scalar aggregates inside a predicate: each becomes a left join with its grouped query.
    fn scalars(&mut self, input: Rel, mut predicate: Expr) -> Result<Result<Rel, (Rel, Expr)>> {
        let mut found = vec![];
        collect_scalars(&predicate, &mut found);
        if found.is_empty() {
            return Ok(Err((input, predicate)));
        }
        let mut result = input;
        let mut changed = false;
        for (plan, args) in found {
            let Some((right, on, value)) = self.grouped_scalar(&result, plan, &args)? else { continue };
            changed = true;
            let (projected, number) = value;
            result = Rel::join(JoinKind::Left, result, right, on).project(projected);
            let replacement = self.arena.expr(number);
            replace_scalar(&mut predicate, plan, &replacement);
        }
        if !changed {
            return Ok(Err((result, predicate)));
        }
        let rest = rel::any(&predicate, &|e| matches!(e, Expr::Subplan { .. }));
        Ok(match rest {
            true => Err((result, predicate)),
            false => Ok(result.filter(vec![predicate])),
        })
    }

    /// A correlated scalar aggregate as a grouped query: its tree, the join condition, and the value over the join.
    #[expect(clippy::type_complexity, reason = "the three parts of one rewrite")]
    fn grouped_scalar(
        &mut self,
        input: &Rel,
        plan: usize,
        args: &[Expr],
    ) -> Result<Option<(Rel, Vec<Expr>, (Vec<(Number, Expr)>, Number))>> {
        if args.is_empty() {
            return Ok(None);
        }
        let Some(subquery) = self.arena.subqueries.get(plan).cloned() else { return Ok(None) };
        let [output] = subquery.outputs.as_slice() else { return Ok(None) };
        let parameters: Numbers = subquery.parameters.iter().copied().collect();
        // Project* over an Aggregate without groups.
        let mut projects = vec![];
        let mut rest = subquery.rel;
        let aggregate = loop {
            match rest {
                Rel::Project { input, exprs } => {
                    projects.push(exprs);
                    rest = *input;
                }
                Rel::Aggregate(aggregate) => break aggregate,
                _ => return Ok(None),
            }
        };
        let rel::Aggregate { input: inner, groups, sets, calls, grouping: _ } = aggregate;
        if !groups.is_empty() || sets.len() != 1 {
            return Ok(None);
        }
        let mixes = |expr: &Expr| !columns_in(expr).is_disjoint(&parameters) || rel::any(expr, &is_volatile);
        if projects
            .iter()
            .flatten()
            .any(|(_, expr)| mixes(expr) || rel::any(expr, &|e| matches!(e, Expr::Subplan { .. })))
            || calls.iter().any(|(_, call)| rel::call_exprs(call).into_iter().any(mixes))
        {
            return Ok(None);
        }
        let Some((core, correlated)) = peeled(*inner, &subquery.parameters) else { return Ok(None) };
        if correlated.is_empty() || !usable(&core, &subquery.parameters) {
            return Ok(None);
        }
        // Every tie is an equality of an inner with an outer expression.
        let (mut keys, mut ties) = (vec![], vec![]);
        for tie in &correlated {
            let Expr::Call { function, args: sides, ty } = tie else { return Ok(None) };
            let (Some("="), [a, b]) = (expr::operator::comparison_symbol(function), sides.as_slice()) else {
                return Ok(None);
            };
            let outer = |expr: &Expr| {
                let columns = columns_in(expr);
                !columns.is_empty() && columns.is_subset(&parameters)
            };
            let inner = |expr: &Expr| {
                let columns = columns_in(expr);
                !columns.is_empty() && columns.is_disjoint(&parameters)
            };
            let first_is_inner = match (inner(a) && outer(b), outer(a) && inner(b)) {
                (true, _) => true,
                (_, true) => false,
                _ => return Ok(None),
            };
            let (inside, outside) = if first_is_inner { (a, b) } else { (b, a) };
            let number = self.arena.column(inside.ty());
            keys.push((number, inside.clone()));
            let key = self.arena.expr(number);
            let sides = if first_is_inner { vec![key, outside.clone()] } else { vec![outside.clone(), key] };
            ties.push(Expr::Call { function, args: sides, ty: *ty });
        }
        if self.cheaper_per_row(input, &core, &keys) {
            return Ok(None);
        }
        let on = self.with_arguments(ties, &subquery.parameters, args);
        let set = (0..keys.len()).collect();
        // No row: count is 0, every other aggregate NULL.
        let mut projected: Vec<(Number, Expr)> = vec![];
        let mut renamed: Vec<(Number, Number)> = vec![];
        for (number, call) in &calls {
            if call.aggregate.name == "count" {
                let new = self.arena.column(call.ty);
                let zero = Expr::constant(Value::Int8(0), DataType::Int8);
                projected
                    .push((new, Expr::Coalesce { args: vec![self.arena.expr(*number), zero], ty: call.ty }));
                renamed.push((*number, new));
            }
        }
        for exprs in projects.into_iter().rev() {
            for (number, mut expr) in exprs {
                substitute(&mut expr, &mut |n| {
                    renamed.iter().find(|(old, _)| *old == n).map(|(_, new)| self.arena.expr(*new))
                });
                projected.push((number, expr));
            }
        }
        let output = renamed.iter().find(|(old, _)| old == output).map_or(*output, |(_, new)| *new);
        let core = self.decorrelated(core)?;
        let right = Rel::Aggregate(rel::Aggregate {
            input: Box::new(core),
            groups: keys,
            sets: vec![set],
            calls,
            grouping: None,
        });
        if !plain(&on) {
            return Ok(None);
        }
        Ok(Some((right, on, (projected, output))))
    }

    /// Few outer rows and an index on the inner key: looking up per row beats grouping everything.
    fn cheaper_per_row(&self, input: &Rel, core: &Rel, keys: &[(Number, Expr)]) -> bool {
        let columns: Vec<Number> = keys
            .iter()
            .filter_map(|(_, expr)| match expr {
                Expr::Column { index, .. } => Some(*index),
                _ => None,
            })
            .collect();
        let mut scan = core;
        while let Rel::Filter { input, .. } | Rel::Project { input, .. } = scan {
            scan = input;
        }
        let Rel::Scan(scan) = scan else { return false };
        self.is_indexed(scan, &columns) && self.rows(input) * 10.0 < self.base_rows(scan)
    }
}

/// Takes the filters that use `parameters` out of a subquery's top. None if something there needs all rows together.
pub(super) fn peeled(rel: Rel, parameters: &[Number]) -> Option<(Rel, Vec<Expr>)> {
    match rel {
        Rel::Filter { input, predicates } => {
            let (core, mut correlated) = peeled(*input, parameters)?;
            let mut split = vec![];
            predicates.into_iter().for_each(|predicate| rel::conjuncts(predicate, &mut split));
            let uses = |expr: &Expr| columns_in(expr).iter().any(|number| parameters.contains(number));
            let (outer, inner): (Vec<Expr>, Vec<Expr>) = split.into_iter().partition(uses);
            correlated.extend(outer);
            Some((core.filter(inner), correlated))
        }
        Rel::Project { input, exprs } => {
            let (core, correlated) = peeled(*input, parameters)?;
            Some((core.project(exprs), correlated))
        }
        // For EXISTS and IN neither order nor repetition matters.
        Rel::Sort { input, .. } | Rel::Distinct { input, .. } => peeled(*input, parameters),
        Rel::Limit { .. } | Rel::LockRows { .. } | Rel::DistinctOn { .. } | Rel::ProjectSet { .. } => None,
        Rel::Window { .. } | Rel::Aggregate(_) | Rel::SetOperation { .. } | Rel::RecursiveUnion { .. } => {
            // Whole, if it does not depend on the outer row.
            usable(&rel, parameters).then_some((rel, vec![]))
        }
        Rel::Join { kind: JoinKind::Inner, left, right, on } => {
            // Ties below an inner join come up through it.
            let (left, mut correlated) = peeled(*left, parameters)?;
            let (right, more) = peeled(*right, parameters)?;
            correlated.extend(more);
            let uses = |expr: &Expr| columns_in(expr).iter().any(|number| parameters.contains(number));
            let (outer, inner): (Vec<Expr>, Vec<Expr>) = on.into_iter().partition(uses);
            correlated.extend(outer);
            Some((Rel::join(JoinKind::Inner, left, right, inner), correlated))
        }
        other => Some((other, vec![])),
    }
}

/// Nothing of the tree depends on the outer row any more.
pub(super) fn usable(core: &Rel, parameters: &[Number]) -> bool {
    let free = core.free();
    !parameters.iter().any(|parameter| free.contains(parameter))
}

/// No subquery and nothing volatile among the conditions of a join.
fn plain(on: &[Expr]) -> bool {
    !on.iter().any(|expr| rel::any(expr, &|e| is_volatile(e) || matches!(e, Expr::Subplan { .. })))
}

fn collect_scalars(expr: &Expr, out: &mut Vec<(usize, Vec<Expr>)>) {
    if let Expr::Subplan { plan, kind, args, .. } = expr {
        if **kind == SubplanKind::Scalar {
            out.push((*plan, args.clone()));
        }
        return;
    }
    // A branch that may not be reached must not be computed for every row: it might fail.
    if !matches!(expr, Expr::Case { .. } | Expr::Coalesce { .. } | Expr::Or(_)) {
        expr.for_each_child(&mut |child| collect_scalars(child, out));
    }
}

fn replace_scalar(expr: &mut Expr, wanted: usize, with: &Expr) {
    if matches!(expr, Expr::Subplan { plan, .. } if *plan == wanted) {
        *expr = with.clone();
        return;
    }
    expr.for_each_child_mut(&mut |child| replace_scalar(child, wanted, with));
}
