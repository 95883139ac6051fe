//! WITH queries that are read once become part of the tree, where rules can reach them (PostgreSQL 12 and later).

use super::Planner;
use crate::rel::{self, Rel};
use expr::{Expr, Volatility};
use std::collections::HashMap;
use types::{Error, Result};

impl Planner<'_> {
    /// Over all trees of a statement: `root`'s, the subqueries', the WITH queries' own.
    pub(crate) fn inline_ctes(&mut self, root: &mut Rel) -> Result<()> {
        if self.arena.ctes.is_empty() {
            return Ok(());
        }
        let mut counts: HashMap<usize, usize> = HashMap::new();
        let mut count = |rel: &Rel| {
            rel.visit(&mut |rel| {
                if let Rel::CteScan { cte, .. } = rel {
                    *counts.entry(*cte).or_default() += 1;
                }
            });
        };
        count(root);
        self.arena.subqueries.iter().for_each(|subquery| count(&subquery.rel));
        for cte in &self.arena.ctes {
            cte.rel.iter().for_each(&mut count);
            cte.change.iter().for_each(|change| count(change.input()));
        }
        self.inline(root, &counts)?;
        let mut subquery = 0;
        while subquery < self.arena.subqueries.len() {
            let mut taken = std::mem::replace(&mut self.arena.subqueries[subquery].rel, Rel::OneRow);
            let done = self.inline(&mut taken, &counts);
            self.arena.subqueries[subquery].rel = taken;
            done?;
            subquery += 1;
        }
        for cte in 0..self.arena.ctes.len() {
            if let Some(mut taken) = self.arena.ctes[cte].rel.take() {
                let done = self.inline(&mut taken, &counts);
                self.arena.ctes[cte].rel = Some(taken);
                done?;
            }
            if let Some(mut taken) = self.arena.ctes[cte].change.take() {
                let done = self.inline(taken.input_mut(), &counts);
                self.arena.ctes[cte].change = Some(taken);
                done?;
            }
        }
        Ok(())
    }

    fn inline(&mut self, rel: &mut Rel, counts: &HashMap<usize, usize>) -> Result<()> {
        if let Rel::CteScan { cte, columns, .. } = rel {
            let Some(definition) = self.arena.ctes.get(*cte) else {
                return Err(Error::internal("a WITH query"));
            };
            let Some(tree) = &definition.rel else { return Ok(()) };
            let once = counts.get(cte).copied().unwrap_or(0) <= 1;
            // What reads the rows of a recursive round is another thing in each.
            let round = !definition.recursive && self.reads_round(tree, &mut vec![]);
            let plain = !definition.recursive && definition.materialized != Some(true) && !volatile(tree);
            let inlined = round || (once && plain);
            if !inlined {
                return Ok(());
            }
            let outputs = definition.outputs.clone();
            let (mut tree, outputs) = match once {
                true => match self.arena.ctes[*cte].rel.take() {
                    Some(tree) => (tree, outputs),
                    None => return Ok(()),
                },
                false => {
                    // What the definition itself names once is inlined before there are copies of it.
                    let Some(mut own) = self.arena.ctes[*cte].rel.take() else { return Ok(()) };
                    let done = self.inline(&mut own, counts);
                    let (copy, map) = own.renumbered(&mut self.arena);
                    self.arena.ctes[*cte].rel = Some(own);
                    done?;
                    (copy, outputs.iter().map(|number| *map.get(number).unwrap_or(number)).collect())
                }
            };
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

    /// The tree reads a recursive query's last round, and is not that query itself.
    fn reads_round(&self, tree: &Rel, own: &mut Vec<usize>) -> bool {
        if let Rel::RecursiveUnion { cte, .. } = tree {
            own.push(*cte);
        }
        let here = match tree {
            Rel::WorkTable { cte, .. } => !own.contains(cte),
            Rel::CteScan { cte, .. } => match self.arena.ctes.get(*cte).and_then(|cte| cte.rel.as_ref()) {
                Some(inner) if !own.contains(cte) => {
                    own.push(*cte);
                    let found = self.reads_round(inner, own);
                    own.pop();
                    found
                }
                _ => false,
            },
            _ => false,
        };
        let mut subqueries = vec![];
        tree.exprs().into_iter().for_each(|expr| collect_subqueries(expr, &mut subqueries));
        let found = here
            || tree.children().into_iter().any(|child| self.reads_round(child, own))
            || subqueries.into_iter().any(|subquery| {
                self.arena
                    .subqueries
                    .get(subquery)
                    .is_some_and(|subquery| self.reads_round(&subquery.rel, own))
            });
        if let Rel::RecursiveUnion { .. } = tree {
            own.pop();
        }
        found
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
