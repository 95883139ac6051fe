//! WITH queries that are read once become part of the tree, where rules can reach them (PostgreSQL 12 and later).

use super::Planner;
use crate::rel::{self, Rel};
use expr::{Expr, Volatility};
use std::collections::HashMap;
use types::{Error, Result};

impl Planner<'_> {
    pub(super) fn inline_ctes(&mut self, mut rel: Rel) -> Result<Rel> {
        if self.arena.ctes.is_empty() {
            return Ok(rel);
        }
        let mut counts: HashMap<usize, usize> = HashMap::new();
        let mut reached = vec![];
        self.count(&rel, &mut counts, &mut reached);
        self.inline(&mut rel, &counts)?;
        for subquery in 0..self.arena.subqueries.len() {
            let mut taken = std::mem::replace(&mut self.arena.subqueries[subquery].rel, Rel::OneRow);
            let done = self.inline(&mut taken, &counts);
            self.arena.subqueries[subquery].rel = taken;
            done?;
        }
        for cte in 0..self.arena.ctes.len() {
            if let Some(mut taken) = self.arena.ctes[cte].rel.take() {
                let done = self.inline(&mut taken, &counts);
                self.arena.ctes[cte].rel = Some(taken);
                done?;
            }
        }
        Ok(rel)
    }

    /// How often each is read by what is reachable from `rel`.
    fn count(&self, rel: &Rel, counts: &mut HashMap<usize, usize>, reached: &mut Vec<usize>) {
        let mut found = vec![];
        let mut subqueries = vec![];
        rel.visit(&mut |rel| {
            if let Rel::CteScan { cte, .. } = rel {
                found.push(*cte);
            }
            for expr in rel.exprs() {
                collect_subqueries(expr, &mut subqueries);
            }
        });
        for cte in found {
            let count = counts.entry(cte).or_default();
            *count += 1;
            if *count == 1
                && let Some(Some(inner)) = self.arena.ctes.get(cte).map(|cte| &cte.rel)
            {
                self.count(inner, counts, reached);
            }
        }
        for subquery in subqueries {
            if !reached.contains(&subquery) {
                reached.push(subquery);
                if let Some(inner) = self.arena.subqueries.get(subquery) {
                    self.count(&inner.rel, counts, reached);
                }
            }
        }
    }

    fn inline(&mut self, rel: &mut Rel, counts: &HashMap<usize, usize>) -> Result<()> {
        if let Rel::CteScan { cte, columns, .. } = rel {
            let Some(definition) = self.arena.ctes.get_mut(*cte) else {
                return Err(Error::internal("a WITH query"));
            };
            let Some(tree) = &definition.rel else { return Ok(()) };
            let once = counts.get(cte).copied().unwrap_or(0) <= 1;
            let plain = !definition.recursive && definition.materialized != Some(true) && !volatile(tree);
            if !once || !plain {
                return Ok(());
            }
            let outputs = definition.outputs.clone();
            let Some(mut tree) = definition.rel.take() else { return Ok(()) };
            self.inline(&mut tree, counts)?;
            let columns = std::mem::take(columns);
            let renamed: Vec<(usize, Expr)> =
                columns.into_iter().zip(outputs).map(|(new, old)| (new, self.arena.expr(old))).collect();
            *rel = tree.project(renamed);
            return Ok(());
        }
        for child in rel.children_mut() {
            self.inline(child, counts)?;
        }
        Ok(())
    }
}

fn collect_subqueries(expr: &Expr, out: &mut Vec<usize>) {
    if let Expr::Subplan { plan, .. } = expr {
        out.push(*plan);
    }
    expr.for_each_child(&mut |child| collect_subqueries(child, out));
}

/// Something in the tree gives another value each time, or locks rows.
fn volatile(tree: &Rel) -> bool {
    let mut found = false;
    tree.visit(&mut |rel| {
        found |= matches!(rel, Rel::LockRows { .. });
        found |= rel.exprs().into_iter().any(|expr| rel::any(expr, &is_volatile));
    });
    found
}

pub(super) fn is_volatile(expr: &Expr) -> bool {
    matches!(expr, Expr::Call { function, .. } if function.volatility == Volatility::Volatile)
}
