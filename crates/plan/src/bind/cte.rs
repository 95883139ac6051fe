//! WITH: common table expressions, recursive ones included.

use super::query::Bound;
use super::scope::{Named, Table};
use super::{Binder, Scope, names};
use crate::rel::{Change, Cte, JoinKind, Rel};
use sqlparser::ast::{self, SetExpr};
use types::{Error, Result, err};

/// A name that WITH brought into view.
pub(crate) struct Visible {
    name: String,
    cte: usize,
    columns: Vec<String>,
    /// Inside its own recursive term, where it means the last round's rows; counts the references.
    working: Option<usize>,
    /// A data-modifying statement without RETURNING has no rows.
    returns: bool,
}

impl Binder<'_> {
    pub(crate) fn with(&mut self, with: &ast::With, outer: Option<&Scope<'_>>) -> Result<()> {
        let ast::With { with_token: _, recursive, cte_tables } = with;
        for (index, cte) in cte_tables.iter().enumerate() {
            let name = names::fold(&cte.alias.name);
            if cte_tables[..index].iter().any(|other| names::fold(&other.alias.name) == name) {
                let error = err!(DuplicateAlias, "WITH query name \"{name}\" specified more than once");
                return Err(self.at(error, &cte.alias.name));
            }
        }
        let order = match recursive {
            true => forward_order(cte_tables),
            false => (0..cte_tables.len()).collect(),
        };
        for cte in order.into_iter().filter_map(|index| cte_tables.get(index)) {
            self.common_table(cte, *recursive, outer)?;
        }
        Ok(())
    }

    fn common_table(&mut self, cte: &ast::Cte, recursive: bool, outer: Option<&Scope<'_>>) -> Result<()> {
        let ast::Cte { alias, query, from, materialized, closing_paren_token: _ } = cte;
        let ast::TableAlias { explicit: _, name, columns, at } = alias;
        if from.is_some() || at.is_some() {
            return Err(Error::unsupported("this form of WITH"));
        }
        if columns.iter().any(|column| column.data_type.is_some()) {
            return Err(self.at(err!(SyntaxError, "a WITH query's column list has no types"), name));
        }
        let renamed: Vec<String> = columns.iter().map(|column| names::fold(&column.name)).collect();
        let folded = names::fold(name);
        let number = self.arena.ctes.len();
        self.arena.ctes.push(Cte {
            rel: None,
            change: None,
            outputs: vec![],
            materialized: materialized.as_ref().map(|kind| *kind == ast::CteAsMaterialized::Materialized),
            recursive: false,
        });
        if let SetExpr::Insert(sql) | SetExpr::Update(sql) | SetExpr::Delete(sql) = &*query.body {
            if self.depth > 0 || outer.is_some() || self.view.is_some() {
                let message = "WITH clause containing a data-modifying statement must be at the top level";
                return Err(self.at(err!(FeatureNotSupported, "{message}"), name));
            }
            return self.changing_table(number, folded, renamed, query, sql);
        }
        let parts = recursive.then(|| recursive_parts(query)).flatten();
        let around = self.recursing.len();
        if recursive {
            self.recursing.push((folded.clone(), parts.is_some()));
        }
        let bound = match parts {
            Some(parts) => self.recursive(number, &folded, &renamed, query, parts, outer),
            None => Ok(None),
        };
        let bound = bound.and_then(|bound| match bound {
            Some(bound) => Ok(bound),
            None => self.deeper(|binder| binder.query(query, outer, true)),
        });
        self.recursing.truncate(around);
        let bound = bound?;
        let mut output_names: Vec<String> = bound.columns.iter().map(|column| column.name.clone()).collect();
        if renamed.len() > output_names.len() {
            let error = err!(
                InvalidColumnReference,
                "WITH query \"{folded}\" has {} columns available but {} columns specified",
                output_names.len(),
                renamed.len()
            );
            return Err(self.at(error, name));
        }
        output_names.splice(..renamed.len(), renamed);
        let entry =
            self.arena.ctes.get_mut(number).ok_or_else(|| Error::internal("a common table expression"))?;
        entry.outputs = bound.numbers();
        entry.rel = Some(bound.rel);
        self.ctes.push(Visible {
            name: folded,
            cte: number,
            columns: output_names,
            working: None,
            returns: true,
        });
        Ok(())
    }

    /// A data-modifying statement whose RETURNING is what the name stands for.
    fn changing_table(
        &mut self,
        number: usize,
        name: String,
        renamed: Vec<String>,
        query: &ast::Query,
        sql: &ast::Statement,
    ) -> Result<()> {
        let visible = self.ctes.len();
        if let Some(with) = &query.with {
            self.with(with, None)?;
        }
        let change = self.change(sql)?;
        self.ctes.truncate(visible);
        let returning = match &change {
            Change::Insert(insert) => &insert.returning,
            Change::Update(change) | Change::Delete(change) => &change.returning,
        };
        let mut columns: Vec<String> = vec![];
        let mut outputs = vec![];
        for (named, expr) in returning.iter().flatten() {
            columns.push(named.name.clone());
            outputs.push(self.arena.column(expr.ty()));
        }
        let keep = renamed.len().min(columns.len());
        columns.splice(..keep, renamed.into_iter().take(keep));
        let returns = returning.is_some();
        let entry =
            self.arena.ctes.get_mut(number).ok_or_else(|| Error::internal("a common table expression"))?;
        entry.outputs = outputs;
        entry.change = Some(Box::new(change));
        self.ctes.push(Visible { name, cte: number, columns, working: None, returns });
        Ok(())
    }

    /// `base UNION [ALL] step`, where `step` names the expression itself; None if it does not.
    fn recursive(
        &mut self,
        cte: usize,
        name: &str,
        renamed: &[String],
        query: &ast::Query,
        (base, all, step): (&SetExpr, bool, &SetExpr),
        outer: Option<&Scope<'_>>,
    ) -> Result<Option<Bound>> {
        let visible = self.ctes.len();
        if let Some(with) = &query.with {
            self.with(with, outer)?;
        }
        let base = self.operand(base, outer)?;
        // What the base leaves undecided is text.
        let types: Vec<_> = base
            .columns
            .iter()
            .map(|column| match self.arena.types[column.number] {
                ty if ty.data_type == types::DataType::Unknown => types::DataType::Text.into(),
                ty => ty,
            })
            .collect();
        let mut output_names: Vec<String> = base.columns.iter().map(|column| column.name.clone()).collect();
        let (base, base_columns) = self.retyped(base, &types, "UNION")?;
        let keep = renamed.len().min(output_names.len());
        output_names.splice(..keep, renamed.iter().take(keep).cloned());
        let columns: Vec<Named> = output_names
            .iter()
            .zip(&types)
            .map(|(name, ty)| Named { name: name.clone(), number: self.arena.column(*ty), origin: None })
            .collect();
        let entry =
            self.arena.ctes.get_mut(cte).ok_or_else(|| Error::internal("a common table expression"))?;
        entry.outputs = columns.iter().map(|column| column.number).collect();
        entry.recursive = true;
        self.ctes.push(Visible {
            name: name.to_owned(),
            cte,
            columns: output_names,
            working: Some(0),
            returns: true,
        });
        let step = self.operand(step, outer);
        let references = self.ctes.pop().and_then(|visible| visible.working).unwrap_or(0);
        self.ctes.truncate(visible);
        let step = step?;
        if references == 0 {
            return Ok(None);
        }
        if query.order_by.is_some()
            || query.limit_clause.is_some()
            || query.fetch.is_some()
            || !query.locks.is_empty()
        {
            return Err(err!(
                FeatureNotSupported,
                "ORDER BY, LIMIT and locks in a recursive query are not implemented"
            ));
        }
        if references > 1 {
            return Err(err!(
                InvalidRecursion,
                "recursive reference to query \"{name}\" must not appear more than once"
            ));
        }
        self.check_recursion(&step.rel, name, cte)?;
        if step.columns.len() != types.len() {
            return Err(err!(SyntaxError, "each UNION query must have the same number of columns"));
        }
        for (index, (column, ty)) in step.columns.iter().zip(&types).enumerate() {
            let given = self.arena.types[column.number];
            let pair = [*ty, given];
            let common = self.common_type(&pair, "UNION").map_err(|(_, error)| error)?;
            if common.data_type != ty.data_type
                || (given.data_type == ty.data_type && ty.typmod >= 0 && given != *ty)
            {
                let error = err!(
                    DatatypeMismatch,
                    "recursive query \"{name}\" column {} has type {ty} in non-recursive term but type {} overall",
                    index + 1,
                    common
                );
                return Err(error.hint("Cast the output of the non-recursive term to the correct type."));
            }
        }
        let (step, step_columns) = self.retyped(step, &types, "UNION")?;
        let numbers = columns.iter().map(|column| column.number).collect();
        let rel = Rel::RecursiveUnion {
            cte,
            base: Box::new(base),
            base_columns,
            step: Box::new(step),
            step_columns,
            all,
            columns: numbers,
        };
        Ok(Some(Bound { rel, columns }))
    }

    /// A FROM item that names a common table expression.
    pub(crate) fn common_table_scan(&mut self, name: &str) -> Result<Option<(Rel, Table)>> {
        let Some(visible) = self.ctes.iter_mut().rev().find(|visible| visible.name == name) else {
            // Its own name, where it cannot be read: never a table that is called the same.
            return match self.recursing.iter().rev().find(|(recursing, _)| recursing == name) {
                None => Ok(None),
                Some((_, true)) => Err(err!(
                    InvalidRecursion,
                    "recursive reference to query \"{name}\" must not appear within its non-recursive term"
                )),
                Some((_, false)) => Err(err!(
                    InvalidRecursion,
                    "recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"
                )),
            };
        };
        if !visible.returns {
            return Err(err!(FeatureNotSupported, "WITH query \"{name}\" does not have a RETURNING clause"));
        }
        let (cte, names, working) = (visible.cte, visible.columns.clone(), visible.working.is_some());
        if let Some(count) = &mut visible.working {
            *count += 1;
        }
        let definition =
            self.arena.ctes.get(cte).ok_or_else(|| Error::internal("a common table expression"))?;
        let outputs = definition.outputs.clone();
        let outer = definition.rel.iter().flat_map(Rel::free).collect();
        let mut numbers = vec![];
        for output in outputs {
            let number = self.arena.column(self.arena.types[output]);
            if let Some(fields) = self.arena.records.get(&output).cloned() {
                self.arena.records.insert(number, fields);
            }
            numbers.push(number);
        }
        let columns = names
            .into_iter()
            .zip(&numbers)
            .map(|(name, number)| Named { name, number: *number, origin: None })
            .collect();
        let rel = match working {
            true => Rel::WorkTable { cte, columns: numbers },
            false => Rel::CteScan { cte, columns: numbers, outer },
        };
        Ok(Some((rel, Table::of(name, columns))))
    }
}

impl Binder<'_> {
    /// Where the recursive term may not name itself: its rows there would not be those of one round.
    fn check_recursion(&self, step: &Rel, name: &str, cte: usize) -> Result<()> {
        let refused = |place: &str| {
            Err(err!(
                InvalidRecursion,
                "recursive reference to query \"{name}\" must not appear within {place}"
            ))
        };
        let mut subqueries = vec![];
        step.visit(&mut |rel| {
            rel.exprs().into_iter().for_each(|expr| collect_subqueries(expr, &mut subqueries));
        });
        for subquery in subqueries {
            if self.arena.subqueries.get(subquery).is_some_and(|subquery| reads(&subquery.rel, cte)) {
                return refused("a subquery");
            }
        }
        let mut result = Ok(());
        step.visit(&mut |rel| {
            let place = match rel {
                Rel::Join { kind: JoinKind::Left, right, .. } if reads(right, cte) => Some("an outer join"),
                Rel::Join { kind: JoinKind::Full, left, right, .. }
                    if reads(left, cte) || reads(right, cte) =>
                {
                    Some("an outer join")
                }
                Rel::SetOperation { kind: crate::node::SetKind::Except, right, .. } if reads(right, cte) => {
                    Some("EXCEPT")
                }
                Rel::Aggregate(aggregate) if reads(&aggregate.input, cte) => Some("an aggregate"),
                _ => None,
            };
            if let (Some(place), true) = (place, result.is_ok()) {
                result = match place {
                    "an aggregate" => Err(err!(
                        InvalidRecursion,
                        "aggregate functions are not allowed in a recursive query's recursive term"
                    )),
                    place => refused(place),
                };
            }
        });
        result
    }
}

/// WITH RECURSIVE may name a query that comes later: each after those that its text mentions. Where they mention each
/// other, as they are written.
fn forward_order(ctes: &[ast::Cte]) -> Vec<usize> {
    let written: Vec<usize> = (0..ctes.len()).collect();
    let names: Vec<String> = ctes.iter().map(|cte| names::fold(&cte.alias.name)).collect();
    let mentions: Vec<Vec<usize>> = ctes
        .iter()
        .enumerate()
        .map(|(own, cte)| {
            let text = cte.query.to_string().to_lowercase();
            let words: std::collections::HashSet<&str> =
                text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').collect();
            written
                .iter()
                .copied()
                .filter(|other| *other != own && words.contains(names[*other].to_lowercase().as_str()))
                .collect()
        })
        .collect();
    if mentions.iter().enumerate().all(|(own, others)| others.iter().all(|other| *other < own)) {
        return written;
    }
    let mut order: Vec<usize> = vec![];
    while order.len() < ctes.len() {
        let ready = |index: &&usize| {
            !order.contains(index) && mentions[**index].iter().all(|other| order.contains(other))
        };
        match written.iter().find(ready) {
            Some(next) => order.push(*next),
            None => return written,
        }
    }
    order
}

fn reads(rel: &Rel, cte: usize) -> bool {
    let mut found = false;
    rel.visit(&mut |rel| found |= matches!(rel, Rel::WorkTable { cte: read, .. } if *read == cte));
    found
}

fn collect_subqueries(expr: &expr::Expr, out: &mut Vec<usize>) {
    if let expr::Expr::Subplan { plan, .. } = expr {
        out.push(*plan);
    }
    expr.for_each_child(&mut |child| collect_subqueries(child, out));
}

/// The two sides of a recursive query's UNION.
fn recursive_parts(query: &ast::Query) -> Option<(&SetExpr, bool, &SetExpr)> {
    match &*query.body {
        SetExpr::SetOperation { left, op: ast::SetOperator::Union, set_quantifier, right } => {
            let all = matches!(set_quantifier, ast::SetQuantifier::All);
            Some((left, all, right))
        }
        SetExpr::Query(inner) if query.with.is_none() => recursive_parts(inner),
        _ => None,
    }
}
