//! UPDATE: SET, FROM, WHERE, RETURNING.

use super::from::Item;
use super::scope::Named;
use super::values::is_default;
use super::{Binder, Clause, Place, Scope, names};
use crate::node::Versions;
use crate::rel::{self, Number, Rel};
use crate::statement::TableLock;
use expr::Expr;
use sqlparser::ast::{self, AssignmentTarget, Expr as Sql, TableFactor};
use std::sync::Arc;
use types::ddl::Privilege;
use types::schema::{Identity, Relation};
use types::{Error, Result, err};

/// An UPDATE or a DELETE before its input is planned; all expressions are over the input's columns.
#[derive(Debug, Clone)]
pub struct Change {
    pub relation: Arc<Relation>,
    pub input: Rel,
    /// The target's live columns.
    pub columns: Vec<Named>,
    pub key: Number,
    /// By position in `relation.columns`; empty for DELETE.
    pub set: Vec<(usize, Expr)>,
    pub recheck: Option<Expr>,
    pub returning: Option<Vec<(Named, Expr)>>,
    /// Columns of the new row for checks and RETURNING, by position in `relation.columns`.
    pub stored: Vec<Number>,
    pub checks: Vec<(String, Expr)>,
}

impl Binder<'_> {
    pub(crate) fn update(&mut self, update: &ast::Update) -> Result<Change> {
        let ast::Update {
            update_token: _,
            optimizer_hints: _,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        if output.is_some() || or.is_some() || !order_by.is_empty() || limit.is_some() {
            return Err(Error::unsupported("a clause of UPDATE that PostgreSQL does not have"));
        }
        let from: &[ast::TableWithJoins] = match from {
            None => &[],
            Some(ast::UpdateTableFromKind::AfterSet(from)) => from,
            Some(ast::UpdateTableFromKind::BeforeSet(_)) => {
                return Err(err!(SyntaxError, "syntax error at or near \"FROM\""));
            }
        };
        let (relation, item) = self.changed_table(table, "update")?;
        self.need(&relation, Privilege::Update, TableLock::RowExclusive);
        let (columns, key) = target_columns(&item)?;
        let mut item = self.beside(item, from, None)?;
        let scope = Scope {
            parent: None,
            tables: std::mem::take(&mut item.tables),
            columns: std::mem::take(&mut item.columns),
        };
        // PostgreSQL binds WHERE after SET in the text's order of `transformUpdateStmt`: RETURNING, WHERE are last.
        let recheck = self.where_of(selection.as_ref(), &scope)?;
        let set = self.assignments(assignments, &relation, &scope)?;
        if recheck.is_some()
            || set.iter().any(|(_, expr)| !rel::columns_in(expr).is_empty())
            || returning.is_some()
        {
            self.need(&relation, Privilege::Select, TableLock::RowExclusive);
        }
        let (stored, new_table) = self.row_columns(&relation, &scope.tables[0].name, true);
        let returning = match returning {
            None => None,
            Some(items) => Some(self.returning(items, with_new_row(scope, new_table))?),
        };
        let checks = self.checks(&relation, &stored)?;
        let input = filtered(item.rel, recheck.clone());
        Ok(Change { relation, input, columns, key, set, recheck, returning, stored, checks })
    }

    /// The target of UPDATE or DELETE with its scan.
    pub(crate) fn changed_table(
        &mut self,
        table: &ast::TableWithJoins,
        verb: &str,
    ) -> Result<(Arc<Relation>, Item)> {
        let ast::TableWithJoins { relation, joins } = table;
        if !joins.is_empty() {
            return Err(err!(SyntaxError, "the target of {verb} is one table"));
        }
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = relation
        else {
            return Err(err!(SyntaxError, "the target of {verb} is a table"));
        };
        if args.is_some()
            || !with_hints.is_empty()
            || *with_ordinality
            || !partitions.is_empty()
            || json_path.is_some()
            || sample.is_some()
            || !index_hints.is_empty()
        {
            return Err(self.at(err!(SyntaxError, "the target of {verb} is a plain table"), name));
        }
        if version.is_some() {
            let error = err!(ReadOnlySqlTransaction, "cannot {verb} the past of a table")
                .hint("Leave out AS OF: only the present can be changed.");
            return Err(self.at(error, name));
        }
        let target = self.target(name, verb)?;
        let (rel, table) = self.table_scan(&target, Versions::Snapshot);
        let mut item = self.aliased(rel, table, alias.as_ref())?;
        if let (Rel::Scan(scan), Some(table)) = (&mut item.rel, item.tables.first()) {
            scan.alias = table.name.clone();
        }
        Ok((target, item))
    }

    pub(crate) fn where_of(&mut self, selection: Option<&Sql>, scope: &Scope<'_>) -> Result<Option<Expr>> {
        let Some(sql) = selection else { return Ok(None) };
        let bound = self.expr(sql, &mut Place::new(scope, Clause::Where))?;
        self.condition(bound, "WHERE", sql).map(Some)
    }

    /// SET: `a = 1, (b, c) = (2, DEFAULT)`.
    pub(crate) fn assignments(
        &mut self,
        assignments: &[ast::Assignment],
        relation: &Arc<Relation>,
        scope: &Scope<'_>,
    ) -> Result<Vec<(usize, Expr)>> {
        let mut set: Vec<(usize, Expr)> = vec![];
        for ast::Assignment { target, value } in assignments {
            let pairs: Vec<(&ast::ObjectName, Result<&Sql, Expr>)> = match target {
                AssignmentTarget::ColumnName(name) => vec![(name, Ok(value))],
                AssignmentTarget::Tuple(names) => {
                    let values = match super::operator::row_elements(value) {
                        Some(values) => values.into_iter().map(Ok).collect(),
                        None => match super::operator::strip(value) {
                            Sql::Subquery(query) => {
                                self.row_subquery(query, names.len(), scope)?.into_iter().map(Err).collect()
                            }
                            single if names.len() == 1 => vec![Ok(single)],
                            other => {
                                let message = "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression";
                                return Err(self.at(err!(FeatureNotSupported, "{message}"), other));
                            }
                        },
                    };
                    if values.len() != names.len() {
                        let error = err!(SyntaxError, "number of columns does not match number of values");
                        return Err(self.at(error, value));
                    }
                    names.iter().zip(values).collect()
                }
            };
            for (name, value) in pairs {
                let (None, folded) = names::object_name(name)? else {
                    let error = err!(
                        UndefinedColumn,
                        "column \"{}\" of relation \"{}\" does not exist",
                        name.0[0],
                        relation.name
                    )
                    .hint("SET target columns cannot be qualified with the relation name.");
                    return Err(self.at(error, name));
                };
                let column = self.target_column(relation, &folded).map_err(|error| self.at(error, name))?;
                if set.iter().any(|(known, _)| *known == column) {
                    return Err(err!(SyntaxError, "multiple assignments to same column \"{folded}\""));
                }
                let expr = match value {
                    Ok(sql) if is_default(sql) => self.default(relation, column)?,
                    given => {
                        let always = relation.columns.get(column).and_then(|column| column.identity)
                            == Some(Identity::Always);
                        if always {
                            let error = err!(
                                GeneratedAlways,
                                "column \"{folded}\" can only be updated to DEFAULT"
                            )
                            .detail(format!(
                                "Column \"{folded}\" is an identity column defined as GENERATED ALWAYS."
                            ));
                            return Err(error);
                        }
                        match given {
                            Ok(sql) => {
                                let bound = self.expr(sql, &mut Place::new(scope, Clause::UpdateSet))?;
                                self.assign(bound, relation, column, Some(sql))?
                            }
                            Err(expr) => self.assign(expr, relation, column, None)?,
                        }
                    }
                };
                set.push((column, expr));
            }
        }
        Ok(set)
    }

    /// `SET (a, b) = (SELECT x, y ...)`: one scalar subquery per column.
    fn row_subquery(&mut self, query: &ast::Query, count: usize, scope: &Scope<'_>) -> Result<Vec<Expr>> {
        let mut exprs = vec![];
        for index in 0..count {
            let mut bound = self.query(query, Some(scope), true)?;
            if bound.columns.len() != count {
                let error = err!(SyntaxError, "number of columns does not match number of values");
                return Err(self.at(error, query));
            }
            let column = bound.columns.swap_remove(index);
            bound.columns = vec![column];
            exprs.push(self.scalar(bound));
        }
        Ok(exprs)
    }
}

/// WHERE as a filter over the input.
pub(crate) fn filtered(input: Rel, condition: Option<Expr>) -> Rel {
    let mut predicates = vec![];
    if let Some(condition) = condition {
        rel::conjuncts(condition, &mut predicates);
    }
    input.filter(predicates)
}

/// The target's columns and row key.
pub(crate) fn target_columns(item: &Item) -> Result<(Vec<Named>, Number)> {
    match item.tables.first() {
        Some(super::scope::Table { columns, base: Some((_, key)), .. }) => Ok((columns.clone(), *key)),
        _ => Err(Error::internal("a target without a row key")),
    }
}

/// RETURNING sees the new row in the place of the target's.
fn with_new_row<'p>(scope: Scope<'p>, new: super::scope::Table) -> Scope<'p> {
    let Scope { parent, mut tables, columns } = scope;
    let old = match tables.first_mut() {
        Some(first) => {
            let old = std::mem::replace(&mut first.columns, new.columns.clone());
            first.hidden.clear();
            old
        }
        None => vec![],
    };
    let replace = |named: Named| match old.iter().position(|column| column.number == named.number) {
        Some(index) => new
            .columns
            .get(index)
            .cloned()
            .map_or(named.clone(), |column| Named { name: named.name, ..column }),
        None => named,
    };
    Scope { parent, tables, columns: columns.into_iter().map(replace).collect() }
}
