//! INSERT: VALUES, SELECT, DEFAULT VALUES, defaults and identities, ON CONFLICT, RETURNING.

use super::scope::{Named, Table};
use super::set_operation::literal_of;
use super::values::is_default;
use super::{Binder, Clause, Place, Scope, names};
use crate::node::{ConflictAction, OnConflict};
use crate::rel::{Number, Rel};
use crate::statement::TableLock;
use expr::Expr;
use sqlparser::ast::{self, Expr as Sql, SetExpr};
use std::sync::Arc;
use types::cast::Context;
use types::ddl::Privilege;
use types::schema::{ConstraintKind, Identity, Relation, RelationKind};
use types::{ColumnType, DataType, Error, Oid, Result, err};

/// An INSERT before its input is planned. `row`, checks and RETURNING are over `stored` and the input's columns.
#[derive(Debug, Clone)]
pub struct Insert {
    pub relation: Arc<Relation>,
    pub input: Rel,
    /// Over the input's columns.
    pub row: Vec<Expr>,
    /// The columns that stand for the stored row, by position in `relation.columns`.
    pub stored: Vec<Number>,
    /// And for the row that was proposed.
    pub excluded: Vec<Number>,
    pub on_conflict: Option<OnConflict>,
    pub returning: Option<Vec<(Named, Expr)>>,
    pub checks: Vec<(String, Expr)>,
}

/// OVERRIDING SYSTEM VALUE, OVERRIDING USER VALUE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overriding {
    System,
    User,
}

impl Binder<'_> {
    pub(crate) fn insert(&mut self, insert: &ast::Insert) -> Result<Insert> {
        let ast::Insert {
            insert_token: _,
            optimizer_hints: _,
            or,
            ignore,
            into,
            table,
            table_alias,
            columns,
            overwrite,
            source,
            assignments,
            partitioned,
            after_columns,
            has_table_keyword,
            on,
            returning,
            output,
            replace_into,
            priority,
            insert_alias,
            settings,
            format_clause,
            multi_table_insert_type,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause,
        } = insert;
        if or.is_some()
            || *ignore
            || !*into
            || *overwrite
            || !assignments.is_empty()
            || partitioned.is_some()
            || !after_columns.is_empty()
            || *has_table_keyword
            || output.is_some()
            || *replace_into
            || priority.is_some()
            || insert_alias.is_some()
            || settings.is_some()
            || format_clause.is_some()
            || multi_table_insert_type.is_some()
            || !multi_table_into_clauses.is_empty()
            || !multi_table_when_clauses.is_empty()
            || multi_table_else_clause.is_some()
        {
            return Err(Error::unsupported("a clause of INSERT that PostgreSQL does not have"));
        }
        let ast::TableObject::TableName(name) = table else {
            return Err(Error::unsupported("INSERT into anything but a table"));
        };
        let relation = self.target(name, "insert into")?;
        self.need(&relation, Privilege::Insert, TableLock::RowExclusive);
        let targets = self.insert_columns(&relation, columns)?;
        let overriding = self.overriding;
        let (input, row) = self.insert_source(&relation, source.as_deref(), targets, columns, overriding)?;

        let alias = table_alias
            .as_ref()
            .map(|ast::TableAliasWithoutColumns { explicit: _, alias }| names::fold(alias));
        let (stored, table) =
            self.row_columns(&relation, alias.as_deref().unwrap_or(&relation.name), alias.is_none());
        let (excluded, excluded_table) = self.row_columns(&relation, "excluded", false);
        let on_conflict = match on {
            None => None,
            Some(ast::OnInsert::OnConflict(conflict)) => {
                Some(self.on_conflict(conflict, &relation, &table, excluded_table)?)
            }
            Some(_) => return Err(err!(SyntaxError, "syntax error at or near \"DUPLICATE\"")),
        };
        let returning = match returning {
            None => None,
            Some(items) => {
                self.need(&relation, Privilege::Select, TableLock::RowExclusive);
                Some(self.returning(items, Scope::of_table(None, table))?)
            }
        };
        let checks = self.checks(&relation, &stored)?;
        Ok(Insert { relation, input, row, stored, excluded, on_conflict, returning, checks })
    }

    /// A table that may be written.
    pub(crate) fn target(&mut self, name: &ast::ObjectName, verb: &str) -> Result<Arc<Relation>> {
        let (schema, folded) = names::object_name(name)?;
        let Some(relation) = self.relation(schema.as_deref(), &folded)? else {
            let dotted = schema.iter().chain([&folded]).cloned().collect::<Vec<_>>().join(".");
            return Err(self.at(err!(UndefinedTable, "relation \"{dotted}\" does not exist"), name));
        };
        match relation.kind {
            RelationKind::Table => {}
            RelationKind::View => {
                let error = err!(ObjectNotInPrerequisiteState, "cannot {verb} view \"{folded}\"")
                    .detail("Views are read-only.")
                    .hint("Change the table that the view reads.");
                return Err(self.at(error, name));
            }
            RelationKind::Sequence => {
                return Err(self.at(err!(WrongObjectType, "cannot change sequence \"{folded}\""), name));
            }
            RelationKind::System => {
                return Err(self.at(
                    err!(InsufficientPrivilege, "permission denied: \"{folded}\" is a system catalog"),
                    name,
                ));
            }
        }
        if relation.append_only && verb != "insert into" {
            let error = err!(ObjectNotInPrerequisiteState, "cannot {verb} append-only table \"{folded}\"")
                .hint("It was made WITH (ledger = append_only).");
            return Err(self.at(error, name));
        }
        Ok(relation)
    }

    fn insert_columns(&mut self, relation: &Relation, columns: &[ast::ObjectName]) -> Result<Vec<usize>> {
        if columns.is_empty() {
            return Ok((0..relation.columns.len())
                .filter(|index| !relation.columns[*index].dropped)
                .collect());
        }
        let mut targets = vec![];
        for name in columns {
            let (None, folded) = names::object_name(name)? else {
                return Err(self.at(Error::unsupported("a field of a column in INSERT"), name));
            };
            let target = self.target_column(relation, &folded).map_err(|error| self.at(error, name))?;
            if targets.contains(&target) {
                return Err(
                    self.at(err!(DuplicateColumn, "column \"{folded}\" specified more than once"), name)
                );
            }
            targets.push(target);
        }
        Ok(targets)
    }

    /// A column to assign to, by position in `relation.columns`.
    pub(crate) fn target_column(&self, relation: &Relation, name: &str) -> Result<usize> {
        match relation.columns.iter().position(|column| !column.dropped && column.name == name) {
            Some(index) => Ok(index),
            None if types::schema::HiddenColumn::from_name(name).is_some() => {
                Err(err!(FeatureNotSupported, "cannot assign to system column \"{name}\""))
            }
            None => Err(err!(
                UndefinedColumn,
                "column \"{name}\" of relation \"{}\" does not exist",
                relation.name
            )),
        }
    }

    fn insert_source(
        &mut self,
        relation: &Relation,
        source: Option<&ast::Query>,
        mut targets: Vec<usize>,
        listed: &[ast::ObjectName],
        overriding: Option<Overriding>,
    ) -> Result<(Rel, Vec<Expr>)> {
        let Some(query) = source else {
            let row = self.whole_insert_row(relation, vec![])?;
            return Ok((Rel::OneRow, row));
        };
        let simple = query.with.is_none()
            && query.order_by.is_none()
            && query.limit_clause.is_none()
            && query.fetch.is_none()
            && query.locks.is_empty();
        if let (true, SetExpr::Values(values)) = (simple, &*query.body) {
            return self.insert_values(relation, values, targets, listed, overriding);
        }
        let bound = self.query(query, None, false)?;
        self.count(bound.columns.len(), targets.len(), listed, None)?;
        targets.truncate(bound.columns.len());
        let mut given = vec![];
        for (target, column) in targets.into_iter().zip(&bound.columns) {
            let expr = self.arena.expr(column.number);
            // What SELECT left undecided takes the column's type.
            let literal = (expr.data_type() == DataType::Unknown)
                .then(|| literal_of(&bound.rel, column.number))
                .flatten();
            self.may_assign(relation, target, overriding)?;
            if ignored(relation, target, overriding) {
                continue;
            }
            given.push((target, self.assign(literal.unwrap_or(expr), relation, target, None)?));
        }
        let row = self.whole_insert_row(relation, given)?;
        Ok((bound.rel, row))
    }

    fn insert_values(
        &mut self,
        relation: &Relation,
        values: &ast::Values,
        mut targets: Vec<usize>,
        listed: &[ast::ObjectName],
        overriding: Option<Overriding>,
    ) -> Result<(Rel, Vec<Expr>)> {
        let ast::Values { explicit_row, value_keyword, rows } = values;
        if *explicit_row || *value_keyword {
            return Err(Error::unsupported("VALUES ROW and VALUE"));
        }
        let width = rows.first().map_or(0, |row| row.content.len());
        self.count(
            width,
            targets.len(),
            listed,
            rows.first().and_then(|row| row.content.get(targets.len())),
        )?;
        targets.truncate(width);
        let scope = Scope::default();
        let mut bound_rows: Vec<Vec<Expr>> = Vec::with_capacity(rows.len());
        for row in rows {
            if row.content.len() != width {
                let error = err!(SyntaxError, "VALUES lists must all be the same length");
                return Err(match row.content.first() {
                    Some(first) => self.at(error, first),
                    None => error,
                });
            }
            let mut bound_row = Vec::with_capacity(width);
            for (sql, target) in row.content.iter().zip(&targets) {
                if is_default(sql) {
                    bound_row.push(self.default(relation, *target)?);
                    continue;
                }
                let bound = self.expr(sql, &mut Place::new(&scope, Clause::Values))?;
                self.may_assign(relation, *target, overriding)?;
                bound_row.push(match ignored(relation, *target, overriding) {
                    true => self.default(relation, *target)?,
                    false => self.assign(bound, relation, *target, Some(sql))?,
                });
            }
            bound_rows.push(bound_row);
        }
        if bound_rows.len() == 1 {
            let given = targets.into_iter().zip(bound_rows.remove(0)).collect();
            return Ok((Rel::OneRow, self.whole_insert_row(relation, given)?));
        }
        let mut columns = vec![];
        let mut given = vec![];
        for target in targets {
            let ty = relation.columns.get(target).map_or(DataType::Text.into(), |column| column.ty);
            let number = self.arena.column(ty);
            columns.push(number);
            given.push((target, self.arena.expr(number)));
        }
        let row = self.whole_insert_row(relation, given)?;
        Ok((Rel::Values { rows: bound_rows, columns }, row))
    }

    fn count(
        &self,
        given: usize,
        targets: usize,
        listed: &[ast::ObjectName],
        extra: Option<&Sql>,
    ) -> Result<()> {
        let error = match given {
            given if given > targets => err!(SyntaxError, "INSERT has more expressions than target columns"),
            given if given < targets && !listed.is_empty() => {
                let error = err!(SyntaxError, "INSERT has more target columns than expressions");
                return Err(match listed.get(given) {
                    Some(name) => self.at(error, name),
                    None => error,
                });
            }
            _ => return Ok(()),
        };
        Err(match extra {
            Some(extra) => self.at(error, extra),
            None => error,
        })
    }

    /// GENERATED ALWAYS takes no value, unless the statement overrides it.
    pub(crate) fn may_assign(
        &self,
        relation: &Relation,
        target: usize,
        overriding: Option<Overriding>,
    ) -> Result<()> {
        let Some(column) = relation.columns.get(target) else { return Ok(()) };
        if column.identity == Some(Identity::Always) && overriding.is_none() {
            let name = &column.name;
            return Err(err!(GeneratedAlways, "cannot insert a non-DEFAULT value into column \"{name}\"")
                .detail(format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS."))
                .hint("Use OVERRIDING SYSTEM VALUE to override."));
        }
        Ok(())
    }

    /// A value for a column, by assignment cast.
    pub(crate) fn assign(
        &mut self,
        expr: Expr,
        relation: &Relation,
        target: usize,
        at: Option<&Sql>,
    ) -> Result<Expr> {
        let Some(column) = relation.columns.get(target) else {
            return Err(Error::internal("a column of the target"));
        };
        let from = expr.data_type();
        let error = match self.try_coerce(expr, column.ty, Context::Assignment) {
            Ok(Some(expr)) => return Ok(expr),
            Ok(None) => err!(
                DatatypeMismatch,
                "column \"{}\" is of type {} but expression is of type {from}",
                column.name,
                column.ty.data_type
            )
            .hint("You will need to rewrite or cast the expression."),
            Err(error) => error,
        };
        Err(match at {
            Some(at) => self.at(error, at),
            None => error,
        })
    }

    /// A column's default, NULL without one.
    pub(crate) fn default(&mut self, relation: &Relation, target: usize) -> Result<Expr> {
        let Some(column) = relation.columns.get(target) else {
            return Err(Error::internal("a column of the target"));
        };
        match (&column.default, column.dropped) {
            (Some(text), false) => {
                let text = text.clone();
                self.stored_default(&text, column.ty)
            }
            _ => Ok(Expr::null(column.ty)),
        }
    }

    /// The whole row from what is given: defaults elsewhere.
    fn whole_insert_row(&mut self, relation: &Relation, given: Vec<(usize, Expr)>) -> Result<Vec<Expr>> {
        let mut row: Vec<Option<Expr>> = vec![None; relation.columns.len()];
        for (target, expr) in given {
            if let Some(place) = row.get_mut(target) {
                *place = Some(expr);
            }
        }
        let mut whole = Vec::with_capacity(row.len());
        for (index, value) in row.into_iter().enumerate() {
            whole.push(match value {
                Some(value) => value,
                None => self.default(relation, index)?,
            });
        }
        Ok(whole)
    }

    /// Columns that stand for a stored row, and the table of their names.
    pub(crate) fn row_columns(
        &mut self,
        relation: &Arc<Relation>,
        name: &str,
        qualified: bool,
    ) -> (Vec<Number>, Table) {
        let mut numbers = vec![];
        let mut columns = vec![];
        for column in &relation.columns {
            let number = self.arena.column(column.ty);
            numbers.push(number);
            if !column.dropped {
                columns.push(Named {
                    name: column.name.clone(),
                    number,
                    origin: Some((relation.oid, column.id)),
                });
            }
        }
        let schema = qualified.then(|| relation.schema.clone());
        let table = Table { schema, ..Table::of(name, columns) };
        (numbers, table)
    }

    /// CHECK constraints over a stored row.
    pub(crate) fn checks(&mut self, relation: &Relation, stored: &[Number]) -> Result<Vec<(String, Expr)>> {
        let mut checks = vec![];
        for constraint in &relation.constraints {
            if let ConstraintKind::Check { expression } = &constraint.kind {
                checks.push((constraint.name.clone(), self.stored_check(expression, relation, stored)?));
            }
        }
        Ok(checks)
    }

    fn on_conflict(
        &mut self,
        conflict: &ast::OnConflict,
        relation: &Arc<Relation>,
        table: &Table,
        excluded: Table,
    ) -> Result<OnConflict> {
        let ast::OnConflict { conflict_target, action } = conflict;
        let target = self.target.take();
        let arbiters = match (conflict_target, target) {
            (None, None) => vec![],
            (None, Some(target)) => self.inferred(target, relation, table)?,
            (Some(target), _) => self.arbiters(target, relation)?,
        };
        let action = match action {
            ast::OnConflictAction::DoNothing => ConflictAction::Nothing,
            ast::OnConflictAction::DoUpdate(update) => {
                let ast::DoUpdate { assignments, selection } = update;
                if conflict_target.is_none() && target.is_none() {
                    return Err(err!(
                        SyntaxError,
                        "ON CONFLICT DO UPDATE requires inference specification or constraint name"
                    )
                    .hint("For example, ON CONFLICT (column_name)."));
                }
                self.need(relation, Privilege::Update, TableLock::RowExclusive);
                self.need(relation, Privilege::Select, TableLock::RowExclusive);
                let columns = table.columns.clone();
                let scope = Scope { parent: None, tables: vec![table.clone(), excluded], columns };
                let set = self.assignments(assignments, relation, &scope)?;
                let filter = match selection {
                    None => None,
                    Some(sql) => {
                        let bound = self.expr(sql, &mut Place::new(&scope, Clause::Where))?;
                        Some(self.condition(bound, "WHERE", sql)?)
                    }
                };
                ConflictAction::Update { set, filter }
            }
        };
        Ok(OnConflict { arbiters, action })
    }

    /// The unique indexes over these expressions whose condition, if they have one, is among the target's.
    fn inferred(
        &mut self,
        target: &crate::parse::Target,
        relation: &Arc<Relation>,
        table: &Table,
    ) -> Result<Vec<Oid>> {
        let crate::parse::Target { keys, predicate } = target;
        let scope = Scope::of_table(None, table.clone());
        let mut wanted = vec![];
        for sql in keys {
            wanted.push(self.expr(sql, &mut Place::new(&scope, Clause::Where))?);
        }
        let mut given = vec![];
        if let Some(sql) = predicate {
            let bound = self.expr(sql, &mut Place::new(&scope, Clause::Where))?;
            crate::rel::conjuncts(self.condition(bound, "WHERE", sql)?, &mut given);
        }
        let numbers: Vec<Number> = relation
            .columns
            .iter()
            .map(|column| {
                let same = |named: &&Named| {
                    named.origin == Some((relation.oid, column.id)) || named.name == column.name
                };
                match table.columns.iter().find(same) {
                    Some(named) => named.number,
                    None => self.arena.column(column.ty),
                }
            })
            .collect();
        let mut found = vec![];
        for index in relation.indexes.iter().filter(|index| index.unique) {
            let mut has = vec![];
            for column in &index.columns {
                has.push(match &column.key {
                    types::schema::IndexKey::Column(id) => {
                        let position = relation.columns.iter().position(|column| column.id == *id);
                        let number = position.and_then(|position| numbers.get(position));
                        number.map(|number| self.arena.expr(*number))
                    }
                    types::schema::IndexKey::Expression(text, _) => {
                        Some(self.stored(text, relation, &numbers, Clause::Where)?)
                    }
                });
            }
            let mut conditions = vec![];
            if let Some(text) = &index.predicate {
                let bound = self.stored(text, relation, &numbers, Clause::Where)?;
                crate::rel::conjuncts(bound, &mut conditions);
            }
            let same = has.iter().flatten().count() == has.len()
                && has.iter().flatten().all(|key| wanted.contains(key))
                && wanted.iter().all(|key| has.iter().flatten().any(|has| has == key));
            if same && conditions.iter().all(|condition| given.contains(condition)) {
                found.push(index.oid);
            }
        }
        if found.is_empty() {
            return Err(err!(
                InvalidColumnReference,
                "there is no unique or exclusion constraint matching the ON CONFLICT specification"
            ));
        }
        Ok(found)
    }

    fn arbiters(&mut self, target: &ast::ConflictTarget, relation: &Relation) -> Result<Vec<Oid>> {
        match target {
            ast::ConflictTarget::OnConstraint(name) => {
                let (_, folded) = names::object_name(name)?;
                let found = relation.constraints.iter().find(|constraint| constraint.name == folded);
                match found.map(|constraint| &constraint.kind) {
                    Some(ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. }) => {
                        Ok(vec![*index])
                    }
                    Some(_) => {
                        Err(err!(WrongObjectType, "constraint in ON CONFLICT clause has no associated index"))
                    }
                    None => {
                        let table = &relation.name;
                        let error = err!(
                            UndefinedObject,
                            "constraint \"{folded}\" for table \"{table}\" does not exist"
                        );
                        Err(self.at(error, name))
                    }
                }
            }
            ast::ConflictTarget::Columns(columns) => {
                let mut ids = vec![];
                for ident in columns {
                    let index = self.target_column(relation, &names::fold(ident));
                    let index = index.map_err(|_| {
                        let error = err!(UndefinedColumn, "column \"{}\" does not exist", names::fold(ident));
                        self.at(error, ident)
                    })?;
                    ids.extend(relation.columns.get(index).map(|column| column.id));
                }
                let matches = |index: &&types::schema::Index| {
                    let mut keys: Vec<_> = index
                        .columns
                        .iter()
                        .map(|column| match column.key {
                            types::schema::IndexKey::Column(id) => Some(id),
                            types::schema::IndexKey::Expression(..) => None,
                        })
                        .collect();
                    keys.sort_unstable();
                    let mut wanted: Vec<_> = ids.iter().map(|id| Some(*id)).collect();
                    wanted.sort_unstable();
                    wanted.dedup();
                    index.unique && index.predicate.is_none() && keys == wanted
                };
                let found: Vec<Oid> =
                    relation.indexes.iter().filter(matches).map(|index| index.oid).collect();
                if found.is_empty() {
                    return Err(err!(
                        InvalidColumnReference,
                        "there is no unique or exclusion constraint matching the ON CONFLICT specification"
                    ));
                }
                Ok(found)
            }
        }
    }

    /// COPY FROM: rows of these columns, already of their types.
    pub(crate) fn insert_copied(&mut self, relation: &Arc<Relation>, positions: &[usize]) -> Result<Insert> {
        self.need(relation, Privilege::Insert, TableLock::RowExclusive);
        let mut columns = vec![];
        let mut given = vec![];
        for position in positions {
            let ty: ColumnType =
                relation.columns.get(*position).map_or(DataType::Text.into(), |column| column.ty);
            let number = self.arena.column(ty);
            columns.push(number);
            given.push((*position, self.arena.expr(number)));
        }
        let row = self.whole_insert_row(relation, given)?;
        let (stored, _) = self.row_columns(relation, &relation.name, true);
        let checks = self.checks(relation, &stored)?;
        Ok(Insert {
            relation: relation.clone(),
            input: Rel::CopyInput { columns },
            row,
            stored,
            excluded: vec![],
            on_conflict: None,
            returning: None,
            checks,
        })
    }
}

/// OVERRIDING USER VALUE: the given value of an identity column is not used.
fn ignored(relation: &Relation, target: usize, overriding: Option<Overriding>) -> bool {
    overriding == Some(Overriding::User)
        && relation.columns.get(target).is_some_and(|column| column.identity.is_some())
}
