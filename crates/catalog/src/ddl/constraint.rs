//! Constraints added and dropped: primary key, unique, check, foreign key.

use super::names;
use super::notice;
use crate::row::decode_row;
use crate::table::positions;
use crate::transaction::Transaction;
use kv::{Span, TableMode};
use std::sync::Arc;
use types::ddl::{ConstraintDefinition, ConstraintDefinitionKind};
use types::schema::{
    Column, ColumnId, Constraint, ConstraintKind, ForeignKey, Index, IndexColumn, IndexKey, Relation,
    RelationKind,
};
use types::{Batch, DataType, Error, Oid, Result, Value};

impl Transaction {
    /// `empty`: the table was made by this statement and has no rows. `not_valid`: existing rows are not looked at.
    pub(super) fn add_constraint(
        &mut self,
        table: Oid,
        definition: &ConstraintDefinition,
        not_valid: bool,
        empty: bool,
    ) -> Result<()> {
        let relation = self.relation(table)?;
        if let Some(name) = &definition.name
            && relation.constraints.iter().any(|constraint| constraint.name == *name)
        {
            return Err(types::err!(
                DuplicateObject,
                "constraint \"{name}\" for relation \"{}\" already exists",
                relation.name
            ));
        }
        let name = definition.name.clone();
        match &definition.kind {
            ConstraintDefinitionKind::PrimaryKey(columns) => {
                self.add_primary_key(&relation, name, columns, empty)
            }
            ConstraintDefinitionKind::Unique(columns) => self.add_unique(&relation, name, columns),
            ConstraintDefinitionKind::Check { expression, columns } => {
                let second = match columns.as_slice() {
                    [one] => Some(one.as_str()),
                    _ => None,
                };
                let name = name.unwrap_or_else(|| names::constraint_name(&relation, second, "check"));
                if !not_valid && !empty {
                    self.validate_check(&relation, &name, expression)?;
                } else {
                    self.shared.binder.bind(expression, &relation, Some(DataType::Bool.into()))?;
                }
                self.push_constraint(table, name, ConstraintKind::Check { expression: expression.clone() })
            }
            ConstraintDefinitionKind::ForeignKey { .. } => {
                self.add_foreign_key(&relation, definition, not_valid || empty)
            }
        }
    }

    fn push_constraint(&mut self, table: Oid, name: String, kind: ConstraintKind) -> Result<()> {
        let oid = self.shared.allocate_oid()?;
        self.change_relation(table, |relation| relation.constraints.push(Constraint { oid, name, kind }))?;
        Ok(())
    }

    fn add_primary_key(
        &mut self,
        relation: &Arc<Relation>,
        name: Option<String>,
        columns: &[String],
        empty: bool,
    ) -> Result<()> {
        if !relation.primary_key.is_empty() {
            return Err(types::err!(
                InvalidTableDefinition,
                "multiple primary keys for table \"{}\" are not allowed",
                relation.name
            ));
        }
        let ids = key_columns(relation, columns, "primary key")?;
        let name = self.index_name(relation, name, None, "pkey")?;
        let (index, constraint) = (self.shared.allocate_oid()?, self.shared.allocate_oid()?);
        let mut changed = Relation::clone(relation);
        for column in changed.columns.iter_mut().filter(|column| ids.contains(&column.id)) {
            column.not_null = true;
        }
        changed.primary_key = ids.clone();
        changed.indexes.push(plain_index(index, name.clone(), true, &ids));
        let kind = ConstraintKind::PrimaryKey { columns: ids.clone(), index };
        changed.constraints.push(Constraint { oid: constraint, name, kind });
        if empty {
            self.put_relation(changed)?;
            return Ok(());
        }
        for column in changed.columns.iter().filter(|column| ids.contains(&column.id)) {
            self.refuse_nulls(relation, column)?;
        }
        // The key of every row changes: a new storage generation.
        changed.predecessor = relation.object_id;
        changed.object_id = self.shared.allocate_oid()?;
        self.rewrite(relation, changed, &mut |_, row| Ok(row))
    }

    fn add_unique(
        &mut self,
        relation: &Arc<Relation>,
        name: Option<String>,
        columns: &[String],
    ) -> Result<()> {
        let ids = key_columns(relation, columns, "unique")?;
        let joined = names::joined(&columns.iter().map(String::as_str).collect::<Vec<_>>());
        let name = self.index_name(relation, name, Some(&joined), "key")?;
        let (index, constraint) = (self.shared.allocate_oid()?, self.shared.allocate_oid()?);
        let changed = self.change_relation(relation.oid, |relation| {
            relation.indexes.push(plain_index(index, name.clone(), false, &ids));
            let kind = ConstraintKind::Unique { columns: ids, index };
            relation.constraints.push(Constraint { oid: constraint, name, kind });
        })?;
        self.build_index(&changed, index)
    }

    /// The name given, which must be free, or one made up.
    fn index_name(
        &self,
        relation: &Relation,
        name: Option<String>,
        second: Option<&str>,
        label: &str,
    ) -> Result<String> {
        match name {
            Some(name) if self.state.named(relation.schema_oid, &name).is_some() => {
                Err(types::err!(DuplicateTable, "relation \"{name}\" already exists"))
            }
            Some(name) => Ok(name),
            None => {
                Ok(names::relation_name(&self.state, relation.schema_oid, &relation.name, second, label, &[]))
            }
        }
    }

    fn add_foreign_key(
        &mut self,
        relation: &Arc<Relation>,
        definition: &ConstraintDefinition,
        trust: bool,
    ) -> Result<()> {
        let ConstraintDefinitionKind::ForeignKey {
            columns,
            target,
            target_columns,
            on_delete,
            on_update,
            match_full,
            deferrable,
            initially_deferred,
        } = &definition.kind
        else {
            return Err(Error::internal("a foreign key that is none"));
        };
        let Some(parent) = self.find_relation(target)? else { return Err(super::no_relation(target)) };
        if parent.kind != RelationKind::Table {
            return Err(types::err!(
                WrongObjectType,
                "referenced relation \"{}\" is not a table",
                parent.name
            ));
        }
        self.lock_for_ddl(&parent, TableMode::ShareRowExclusive)?;
        // The lock was waited for: the parent may have changed, but not by DDL, of which there is one at a time.
        let ids = referenced_columns(relation, columns)?;
        let target_ids = match target_columns.is_empty() {
            false => referenced_columns(&parent, target_columns)?,
            true if parent.primary_key.is_empty() => {
                return Err(types::err!(
                    UndefinedObject,
                    "there is no primary key for referenced table \"{}\"",
                    parent.name
                ));
            }
            true => parent.primary_key.clone(),
        };
        if ids.len() != target_ids.len() {
            return Err(types::err!(
                InvalidForeignKey,
                "number of referencing and referenced columns for foreign key disagree"
            ));
        }
        if !is_unique(&parent, &target_ids) {
            return Err(types::err!(
                InvalidForeignKey,
                "there is no unique constraint matching given keys for referenced table \"{}\"",
                parent.name
            ));
        }
        let joined = names::joined(&columns.iter().map(String::as_str).collect::<Vec<_>>());
        let name = definition.name.clone();
        let name = name.unwrap_or_else(|| names::constraint_name(relation, Some(&joined), "fkey"));
        for (id, target_id) in ids.iter().zip(&target_ids) {
            let (Some(from), Some(to)) = (relation.column(*id), parent.column(*target_id)) else { continue };
            if !comparable(from.ty.data_type, to.ty.data_type) {
                return Err(types::err!(
                    DatatypeMismatch,
                    "foreign key constraint \"{name}\" cannot be implemented"
                )
                .detail(format!(
                    "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
                    from.name, to.name, from.ty.data_type, to.ty.data_type
                )));
            }
        }
        let key = ForeignKey {
            columns: ids,
            target: parent.oid,
            target_columns: target_ids,
            on_delete: *on_delete,
            on_update: *on_update,
            match_full: *match_full,
            deferrable: *deferrable,
            initially_deferred: *initially_deferred,
        };
        self.push_constraint(relation.oid, name.clone(), ConstraintKind::ForeignKey(key.clone()))?;
        if trust { Ok(()) } else { self.validate_foreign_key(relation.oid, &name, &key) }
    }

    pub(super) fn validate_foreign_key(&mut self, table: Oid, name: &str, key: &ForeignKey) -> Result<()> {
        let relation = self.relation(table)?;
        let table = self.shared.table(&relation)?;
        let mut cursor = self.kv.newest_scan(relation.object_id, &Span::all());
        while let Some((_, version)) = cursor.next()? {
            let Some(cells) = version.cells else { continue };
            let row = decode_row(&table, &cells)?;
            if !self.has_parent(&relation, key, &row)? {
                return Err(self.no_parent(&relation, name, key, &row)?);
            }
            self.check_interrupt()?;
        }
        Ok(())
    }

    pub(super) fn validate_check(
        &self,
        relation: &Arc<Relation>,
        name: &str,
        expression: &str,
    ) -> Result<()> {
        let bound = self.shared.binder.bind(expression, relation, Some(DataType::Bool.into()))?;
        let violated = self.any_batch(relation, &mut |transaction, batch| {
            let result = transaction.evaluate(&bound, batch)?;
            Ok((0..batch.rows).any(|row| result.get(row) == Value::Bool(false)))
        })?;
        if !violated {
            return Ok(());
        }
        Err(types::err!(
            CheckViolation,
            "check constraint \"{name}\" of relation \"{}\" is violated by some row",
            relation.name
        )
        .on_table(&relation.schema, &relation.name)
        .on_constraint(name))
    }

    /// 23502 if a row has NULL in the column.
    pub(super) fn refuse_nulls(&self, relation: &Arc<Relation>, column: &Column) -> Result<()> {
        let at = positions(relation, &[column.id])?[0];
        let found = self.any_batch(relation, &mut |_, batch| {
            Ok(batch.columns.get(at).is_some_and(|column| (0..batch.rows).any(|row| column.is_null(row))))
        })?;
        if !found {
            return Ok(());
        }
        Err(types::err!(
            NotNullViolation,
            "column \"{}\" of relation \"{}\" contains null values",
            column.name,
            relation.name
        )
        .on_table(&relation.schema, &relation.name)
        .on_column(&column.name))
    }

    /// Whether `test` says yes for any batch of the table's rows, in the newest state.
    fn any_batch(
        &self,
        relation: &Arc<Relation>,
        test: &mut dyn FnMut(&Transaction, &Batch) -> Result<bool>,
    ) -> Result<bool> {
        let table = self.shared.table(relation)?;
        let mut cursor = self.kv.newest_scan(relation.object_id, &Span::all());
        let mut batch = Batch::new(table.types.iter().copied());
        loop {
            let row = cursor.next()?;
            let ended = row.is_none();
            if let Some(cells) = row.and_then(|(_, version)| version.cells) {
                batch.push_row(&decode_row(&table, &cells)?);
            }
            if batch.rows >= types::batch::BATCH_ROWS || ended {
                if batch.rows > 0 && test(self, &batch)? {
                    return Ok(true);
                }
                batch.clear();
                self.check_interrupt()?;
            }
            if ended {
                return Ok(false);
            }
        }
    }

    pub(super) fn drop_constraint(
        &mut self,
        relation: &Arc<Relation>,
        name: &str,
        if_exists: bool,
        cascade: bool,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let Some(constraint) = relation.constraints.iter().find(|constraint| constraint.name == name) else {
            if if_exists {
                notices.push(notice(format!(
                    "constraint \"{name}\" of relation \"{}\" does not exist, skipping",
                    relation.name
                )));
                return Ok(());
            }
            return Err(types::err!(
                UndefinedObject,
                "constraint \"{name}\" of relation \"{}\" does not exist",
                relation.name
            ));
        };
        match constraint.kind.clone() {
            ConstraintKind::Check { .. } | ConstraintKind::ForeignKey(_) => {
                self.change_relation(relation.oid, |relation| {
                    relation.constraints.retain(|constraint| constraint.name != name);
                })?;
                Ok(())
            }
            ConstraintKind::PrimaryKey { columns, index } | ConstraintKind::Unique { columns, index } => {
                self.drop_keys_onto(relation, &columns, Some(index), name, cascade, notices)?;
                self.drop_index_of(relation.oid, index)
            }
        }
    }

    /// Foreign keys of others that stand on a unique constraint: 2BP01, or dropped with it.
    fn drop_keys_onto(
        &mut self,
        relation: &Arc<Relation>,
        columns: &[ColumnId],
        index: Option<Oid>,
        name: &str,
        cascade: bool,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let mut dependents = vec![];
        let alternative = relation.indexes.iter().any(|other| {
            Some(other.oid) != index
                && other.unique
                && plain_columns(other).is_some_and(|other| same(&other, columns))
        });
        for &(child, constraint) in &relation.referenced_by {
            let child = self.relation(child)?;
            for candidate in child.constraints.iter().filter(|candidate| candidate.oid == constraint) {
                if let ConstraintKind::ForeignKey(key) = &candidate.kind
                    && same(&key.target_columns, columns)
                    && !alternative
                {
                    dependents.push((child.clone(), candidate.name.clone(), candidate.oid));
                }
            }
        }
        if dependents.is_empty() {
            return Ok(());
        }
        let described = dependents
            .iter()
            .map(|(child, key, _)| format!("constraint {key} on table {}", self.display_name(child)));
        let described = described.collect::<Vec<_>>();
        if !cascade {
            let details = described.iter().map(|key| format!("{key} depends on index {name}"));
            return Err(types::err!(
                DependentObjectsStillExist,
                "cannot drop constraint {name} on table {} because other objects depend on it",
                self.display_name(relation)
            )
            .detail(details.collect::<Vec<_>>().join("\n"))
            .hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        super::drop::cascades(&described, notices);
        for (child, _, oid) in dependents {
            self.change_relation(child.oid, |child| {
                child.constraints.retain(|constraint| constraint.oid != oid)
            })?;
        }
        Ok(())
    }

    /// Takes an index, and the constraint that it is of, out of its table. Without its primary key a table's rows get
    /// hidden keys: a new storage generation.
    pub(super) fn drop_index_of(&mut self, table: Oid, index: Oid) -> Result<()> {
        let relation = self.relation(table)?;
        let primary = relation.indexes.iter().any(|candidate| candidate.oid == index && candidate.primary);
        let mut changed = Relation::clone(&relation);
        changed.indexes.retain(|candidate| candidate.oid != index);
        changed.constraints.retain(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { index: of, .. } | ConstraintKind::Unique { index: of, .. } => {
                *of != index
            }
            _ => true,
        });
        if !primary {
            self.indexes.dropped.push(index);
            self.put_relation(changed)?;
            return Ok(());
        }
        changed.primary_key.clear();
        changed.predecessor = relation.object_id;
        changed.object_id = self.shared.allocate_oid()?;
        self.rewrite(&relation, changed, &mut |_, row| Ok(row))
    }
}

/// An ascending index over columns.
pub(super) fn plain_index(oid: Oid, name: String, primary: bool, columns: &[ColumnId]) -> Index {
    let column =
        |id: &ColumnId| IndexColumn { key: IndexKey::Column(*id), descending: false, nulls_first: false };
    let columns = columns.iter().map(column).collect();
    Index { oid, name, unique: true, primary, columns, predicate: None, comment: None }
}

/// The columns of an index that has no expressions and no condition.
pub(super) fn plain_columns(index: &Index) -> Option<Vec<ColumnId>> {
    if index.predicate.is_some() {
        return None;
    }
    let column = |column: &IndexColumn| match &column.key {
        IndexKey::Column(id) => Some(*id),
        IndexKey::Expression(..) => None,
    };
    index.columns.iter().map(column).collect()
}

pub(super) fn same(left: &[ColumnId], right: &[ColumnId]) -> bool {
    left.len() == right.len() && left.iter().all(|id| right.contains(id))
}

fn is_unique(relation: &Relation, columns: &[ColumnId]) -> bool {
    let mut unique = relation.indexes.iter().filter(|index| index.unique);
    unique.any(|index| plain_columns(index).is_some_and(|index| same(&index, columns)))
}

fn key_columns(relation: &Relation, names: &[String], what: &str) -> Result<Vec<ColumnId>> {
    let mut ids = vec![];
    for name in names {
        let column = relation
            .column_named(name)
            .ok_or_else(|| types::err!(UndefinedColumn, "column \"{name}\" named in key does not exist"))?;
        if ids.contains(&column.id) {
            return Err(types::err!(DuplicateColumn, "column \"{name}\" appears twice in {what} constraint"));
        }
        check_orderable(column.ty.data_type)?;
        ids.push(column.id);
    }
    Ok(ids)
}

/// 42704 with PostgreSQL's text for a type that no index can hold.
pub(super) fn check_orderable(data_type: DataType) -> Result<()> {
    if codec::key::is_orderable(data_type) {
        return Ok(());
    }
    if data_type == DataType::Jsonb {
        return Err(Error::unsupported("an index on a jsonb column")
            .hint("Index an expression such as (document ->> 'id')."));
    }
    Err(types::err!(
        UndefinedObject,
        "data type {data_type} has no default operator class for access method \"btree\""
    )
    .hint("You must specify an operator class for the index or define a default operator class for the data type."))
}

fn referenced_columns(relation: &Relation, names: &[String]) -> Result<Vec<ColumnId>> {
    names
        .iter()
        .map(|name| {
            relation.column_named(name).map(|column| column.id).ok_or_else(|| {
                types::err!(
                    UndefinedColumn,
                    "column \"{name}\" referenced in foreign key constraint does not exist"
                )
            })
        })
        .collect()
}

/// Whether a column of type `from` can refer to one of type `to`: an index of `to` compares with it, or it casts to it
/// implicitly.
fn comparable(from: DataType, to: DataType) -> bool {
    let floats = [DataType::Float4, DataType::Float8];
    let times = [DataType::Date, DataType::Timestamp, DataType::TimestampTz];
    from == to
        || (from.is_integer() && to.is_integer())
        || (floats.contains(&from) && floats.contains(&to))
        || (times.contains(&from) && times.contains(&to))
        || types::cast::context(from, to) == Some(types::cast::Context::Implicit)
}
