//! INSERT, UPDATE and DELETE: their inputs are queries, their expressions are over the rows these give.

use super::Planner;
use super::lower::{Layout, plan};
use crate::bind::{Change, Insert};
use crate::node::{self, ConflictAction, Node, OnConflict, Plan};
use crate::rel::{Number, Numbers, columns_of};
use expr::Expr;
use types::{ColumnType, Error, Result};

impl Planner<'_> {
    pub(crate) fn insert(&mut self, insert: Insert) -> Result<Plan> {
        let Insert { relation, input, row, stored, excluded, on_conflict, returning, checks } = insert;
        let rel = self.rewritten(input)?;
        let mut need = Numbers::new();
        row.iter().for_each(|expr| columns_of(expr, &mut need));
        let made = rel.outputs();
        need.retain(|number| made.contains(number));
        // COPY gives all its columns in their order.
        let outputs: Vec<Number> = match &rel {
            crate::rel::Rel::CopyInput { columns } => columns.clone(),
            _ => need.into_iter().collect(),
        };
        let child = self.lower_ordered(&rel, &outputs)?;
        let layout = Layout::of(&outputs);
        let row = self.folded(&row, &layout)?;
        let stored_layout = Layout::of(&stored);
        let returning = match returning {
            None => None,
            Some(items) => {
                let exprs: Vec<Expr> = items.into_iter().map(|(_, expr)| expr).collect();
                Some(self.folded(&exprs, &stored_layout)?)
            }
        };
        let checks = self.checks(checks, &stored_layout)?;
        let on_conflict = match on_conflict {
            None => None,
            Some(OnConflict { arbiters, action }) => {
                let both = stored_layout.beside(&Layout::of(&excluded));
                let action = match action {
                    ConflictAction::Nothing => ConflictAction::Nothing,
                    ConflictAction::Update { set, filter } => {
                        let set = self.assigned(set, &both)?;
                        let filter = filter.map(|filter| self.translated(&filter, &both)).transpose()?;
                        ConflictAction::Update { set, filter }
                    }
                };
                Some(OnConflict { arbiters, action })
            }
        };
        let (rows, cost) = (child.rows_estimated, child.cost + child.rows_estimated * 5.0);
        let types = types_of(returning.as_deref());
        let node = Node::Insert(node::Insert {
            relation,
            input: Box::new(child),
            row,
            on_conflict,
            returning,
            checks,
        });
        Ok(plan(node, types, rows, cost))
    }

    pub(crate) fn update(&mut self, change: Change) -> Result<Plan> {
        let Change { relation, input, columns, key, set, recheck, returning, stored, checks } = change;
        let rel = self.rewritten(input)?;
        let made = rel.outputs();
        let mut need = Numbers::new();
        set.iter().map(|(_, expr)| expr).chain(&recheck).for_each(|expr| columns_of(expr, &mut need));
        returning.iter().flatten().for_each(|(_, expr)| columns_of(expr, &mut need));
        let (child, layout) = self.changed_rows(&rel, &relation, &columns, key, need, &made)?;
        let set = self.assigned(set, &layout)?;
        let recheck = recheck.map(|recheck| self.folded_one(&recheck, &layout)).transpose()?;
        // The new row stands where the old one stood.
        let mut new = layout.clone();
        new.positions.extend(stored.iter().enumerate().map(|(position, number)| (*number, position)));
        let returning = match returning {
            None => None,
            Some(items) => {
                let exprs: Vec<Expr> = items.into_iter().map(|(_, expr)| expr).collect();
                Some(self.folded(&exprs, &new)?)
            }
        };
        let checks = self.checks(checks, &new)?;
        let (rows, cost) = (child.rows_estimated, child.cost + child.rows_estimated * 5.0);
        let types = types_of(returning.as_deref());
        let node =
            Node::Update(node::Update { relation, input: Box::new(child), set, recheck, returning, checks });
        Ok(plan(node, types, rows, cost))
    }

    pub(crate) fn delete(&mut self, change: Change) -> Result<Plan> {
        let Change { relation, input, columns, key, set: _, recheck, returning, stored: _, checks: _ } =
            change;
        let rel = self.rewritten(input)?;
        let made = rel.outputs();
        let mut need = Numbers::new();
        recheck.iter().for_each(|expr| columns_of(expr, &mut need));
        returning.iter().flatten().for_each(|(_, expr)| columns_of(expr, &mut need));
        let (child, layout) = self.changed_rows(&rel, &relation, &columns, key, need, &made)?;
        let recheck = recheck.map(|recheck| self.folded_one(&recheck, &layout)).transpose()?;
        let returning = match returning {
            None => None,
            Some(items) => {
                let exprs: Vec<Expr> = items.into_iter().map(|(_, expr)| expr).collect();
                Some(self.folded(&exprs, &layout)?)
            }
        };
        let (rows, cost) = (child.rows_estimated, child.cost + child.rows_estimated * 5.0);
        let types = types_of(returning.as_deref());
        let node = Node::Delete(node::Delete { relation, input: Box::new(child), recheck, returning });
        Ok(plan(node, types, rows, cost))
    }

    /// The target's columns (dropped ones NULL), the other tables' that are used, and the row key.
    fn changed_rows(
        &mut self,
        rel: &crate::rel::Rel,
        relation: &types::schema::Relation,
        columns: &[crate::bind::Named],
        key: Number,
        need: Numbers,
        made: &Numbers,
    ) -> Result<(Plan, Layout)> {
        let mut wanted: Numbers = columns.iter().map(|named| named.number).collect();
        let others: Vec<Number> = need
            .into_iter()
            .filter(|number| made.contains(number) && !wanted.contains(number) && *number != key)
            .collect();
        wanted.extend(&others);
        wanted.insert(key);
        let lowered = self.lower(rel, &wanted, &super::ordering::Wanted::default())?;
        let mut layout = Layout::default();
        let mut exprs = vec![];
        let mut live = columns.iter();
        for column in &relation.columns {
            if column.dropped {
                layout.width += 1;
                exprs.push(Expr::null(column.ty));
                continue;
            }
            let Some(named) = live.next() else { return Err(Error::internal("a column of the target")) };
            layout.push(named.number);
            exprs.push(self.column(named.number, &lowered.layout)?);
        }
        for number in others.into_iter().chain([key]) {
            layout.push(number);
            exprs.push(self.column(number, &lowered.layout)?);
        }
        let in_place = lowered.layout.width == exprs.len()
            && exprs
                .iter()
                .enumerate()
                .all(|(position, expr)| matches!(expr, Expr::Column { index, .. } if *index == position));
        let plan = if in_place { lowered.plan } else { super::lower::projected(lowered.plan, exprs) };
        Ok((plan, layout))
    }

    fn assigned(&mut self, set: Vec<(usize, Expr)>, layout: &Layout) -> Result<Vec<(usize, Expr)>> {
        set.into_iter().map(|(position, expr)| Ok((position, self.folded_one(&expr, layout)?))).collect()
    }

    fn checks(&mut self, checks: Vec<(String, Expr)>, layout: &Layout) -> Result<Vec<(String, Expr)>> {
        checks.into_iter().map(|(name, expr)| Ok((name, self.folded_one(&expr, layout)?))).collect()
    }

    fn folded(&mut self, exprs: &[Expr], layout: &Layout) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.folded_one(expr, layout)).collect()
    }

    fn folded_one(&mut self, expr: &Expr, layout: &Layout) -> Result<Expr> {
        let folded = super::fold(expr.clone(), &self.environment.settings);
        self.translated(&folded, layout)
    }
}

fn types_of(returning: Option<&[Expr]>) -> Vec<ColumnType> {
    returning.into_iter().flatten().map(Expr::ty).collect::<Vec<_>>()
}
