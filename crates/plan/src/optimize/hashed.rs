//! EXISTS that could not become a join (under OR, in a select list, in an outer join's condition) as a membership test,
//! whose rows are read once and hashed: PostgreSQL's hashed subplan.
//!
//! ```text
//!   EXISTS (SELECT ... FROM k WHERE k.a = t.b AND p)   t.b IS NOT NULL AND t.b = ANY (SELECT k.a FROM k WHERE p AND k.a IS NOT NULL)
//! ```

use super::Planner;
use super::decorrelate::{peeled, usable};
use super::inline_cte::is_volatile;
use crate::rel::{self, Numbers, Rel, Subquery, columns_in, substitute};
use expr::{Expr, SubplanKind};
use types::{DataType, Result};

impl Planner<'_> {
    /// Rewrites every such EXISTS among the operator's own expressions.
    pub(super) fn hash_exists_in(&mut self, rel: &mut Rel) -> Result<()> {
        let with_subplan = |expr: &Expr| rel::any(expr, &|e| matches!(e, Expr::Subplan { .. }));
        for expr in rel.exprs_mut() {
            if with_subplan(expr) {
                self.hash_exists(expr)?;
            }
        }
        Ok(())
    }

    pub(super) fn hash_exists(&mut self, expr: &mut Expr) -> Result<()> {
        if let Expr::Subplan { plan, kind, args, .. } = expr
            && let SubplanKind::Exists { negated } = **kind
        {
            let found = self.membership_of_exists(*plan, args);
            if let Some(member) = found {
                *expr = if negated { Expr::Not(Box::new(member)) } else { member };
            }
            return Ok(());
        }
        let mut result = Ok(());
        expr.for_each_child_mut(&mut |child| {
            if result.is_ok() {
                result = self.hash_exists(child);
            }
        });
        result
    }

    fn membership_of_exists(&mut self, plan: usize, args: &[Expr]) -> Option<Expr> {
        if args.is_empty() || args.iter().any(|arg| rel::any(arg, &is_volatile)) {
            return None;
        }
        let subquery = self.arena.subqueries.get(plan)?.clone();
        let mut volatile = false;
        subquery.rel.visit(&mut |rel| {
            volatile |= rel.exprs().into_iter().any(|expr| rel::any(expr, &is_volatile));
        });
        let (core, correlated) = peeled(subquery.rel, &subquery.parameters)?;
        if volatile || correlated.is_empty() || !usable(&core, &subquery.parameters) {
            return None;
        }
        let parameters: Numbers = subquery.parameters.iter().copied().collect();
        let (mut lefts, mut operators, mut keys) = (vec![], vec![], vec![]);
        for tie in &correlated {
            let (inside, outside) = sides(tie, &parameters)?;
            let resolved =
                expr::operator::resolve("=", Some(outside.data_type()), inside.data_type()).ok()?;
            if resolved.arguments != [outside.data_type(), inside.data_type()] {
                return None;
            }
            operators.push(resolved.function);
            let mut left = outside.clone();
            substitute(&mut left, &mut |number| {
                let position = subquery.parameters.iter().position(|parameter| *parameter == number)?;
                args.get(position).cloned()
            });
            lefts.push(left);
            keys.push((self.arena.column(inside.ty()), inside.clone()));
        }
        if self.has_index(&core, &keys) {
            return None;
        }
        let outputs: Vec<usize> = keys.iter().map(|(number, _)| *number).collect();
        let present = |expr: Expr| Expr::IsNull { input: Box::new(expr), negated: true };
        let known = keys.iter().map(|(_, inside)| present(inside.clone())).collect();
        let rel = core.filter(known).project(keys);
        self.arena.subqueries.push(Subquery { rel, outputs, parameters: vec![] });
        let plan = self.arena.subqueries.len() - 1;
        let mut all: Vec<Expr> = lefts.iter().cloned().map(present).collect();
        all.push(Expr::Subplan {
            plan,
            kind: Box::new(SubplanKind::Any { left: lefts, operators }),
            first_slot: 0,
            args: vec![],
            ty: DataType::Bool.into(),
        });
        Some(Expr::And(all))
    }

    /// Looking up per row is cheap: an index of the subquery's only table serves the tie.
    fn has_index(&self, core: &Rel, keys: &[(usize, Expr)]) -> bool {
        let columns: Vec<usize> = keys
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
        matches!(scan, Rel::Scan(scan) if self.is_indexed(scan, &columns))
    }
}

/// The inner and the outer side of an equality that ties a subquery to the row around it.
fn sides<'a>(tie: &'a Expr, parameters: &Numbers) -> Option<(&'a Expr, &'a Expr)> {
    let Expr::Call { function, args, .. } = tie else { return None };
    let (Some("="), [a, b]) = (expr::operator::comparison_symbol(function), args.as_slice()) else {
        return None;
    };
    let plain = |expr: &Expr| !rel::any(expr, &|e| matches!(e, Expr::Subplan { .. }));
    let outer = |expr: &Expr| {
        let columns = columns_in(expr);
        plain(expr) && !columns.is_empty() && columns.is_subset(parameters)
    };
    let inner = |expr: &Expr| {
        let columns = columns_in(expr);
        plain(expr) && !columns.is_empty() && columns.is_disjoint(parameters)
    };
    match () {
        _ if inner(a) && outer(b) => Some((a, b)),
        _ if outer(a) && inner(b) => Some((b, a)),
        _ => None,
    }
}
