//! ALTER TABLE.

use super::constraint::plain_columns;
use super::create_table::{check_column_count, check_column_name, column, next_column_id};
use super::{no_column, no_relation, notice};
use crate::transaction::Transaction;
use kv::TableMode;
use std::sync::Arc;
use types::cast;
use types::ddl::{AlterTable, ColumnDefinition, ConstraintDefinition, Name, SequenceOptions};
use types::schema::{Column, ColumnId, ConstraintKind, Identity, IndexKey, Relation, RelationKind};
use types::{ColumnType, DataType, Error, Oid, Result, SqlState, Value};

impl Transaction {
    pub(super) fn alter_table(
        &mut self,
        name: &Name,
        if_exists: bool,
        actions: &[AlterTable],
        user: Oid,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let Some(relation) = self.find_relation(name)? else {
            if if_exists {
                notices.push(notice(format!("relation \"{}\" does not exist, skipping", name.name)));
                return Ok(());
            }
            return Err(no_relation(name));
        };
        let only_rename = actions.iter().all(|action| matches!(action, AlterTable::RenameTo(_)));
        if relation.kind != RelationKind::Table && !only_rename {
            return Err(types::err!(
                WrongObjectType,
                "ALTER action cannot be performed on relation \"{}\"",
                relation.name
            )
            .detail(format!(
                "This operation is not supported for {}s.",
                super::relation_word(relation.kind)
            )));
        }
        self.lock_for_ddl(&relation, TableMode::AccessExclusive)?;
        for action in actions {
            // Each action sees what the ones before it made.
            let relation = self.relation(relation.oid)?;
            self.alter(&relation, action, user, notices)?;
        }
        Ok(())
    }

    fn alter(
        &mut self,
        relation: &Arc<Relation>,
        action: &AlterTable,
        user: Oid,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        match action {
            AlterTable::AddColumn { column, constraints, if_not_exists } => {
                self.add_column(relation, column, constraints, *if_not_exists, user, notices)
            }
            AlterTable::DropColumn { name, if_exists, cascade } => {
                self.drop_column(relation, name, *if_exists, *cascade, notices)
            }
            AlterTable::RenameColumn { from, to } => self.rename_column(relation, from, to),
            AlterTable::RenameTo(to) => self.rename_relation(relation, to),
            AlterTable::RenameConstraint { from, to } => self.rename_constraint(relation, from, to),
            AlterTable::AddConstraint { constraint, not_valid } => {
                self.add_constraint(relation.oid, constraint, *not_valid, false)
            }
            AlterTable::DropConstraint { name, if_exists, cascade } => {
                self.drop_constraint(relation, name, *if_exists, *cascade, notices)
            }
            AlterTable::ValidateConstraint(name) => self.validate_constraint(relation, name),
            AlterTable::SetDefault { column, default } => {
                let ty = self.live_column(relation, column)?.ty;
                self.bind_default(relation, column, default, ty)?;
                self.refuse_identity(relation, column)?;
                self.change_column(relation.oid, column, |column| column.default = Some(default.clone()))
            }
            AlterTable::DropDefault { column } => {
                self.refuse_identity(relation, column)?;
                self.change_column(relation.oid, column, |column| column.default = None)
            }
            AlterTable::SetNotNull { column } => {
                let found = self.live_column(relation, column)?.clone();
                self.refuse_nulls(relation, &found)?;
                self.change_column(relation.oid, column, |column| column.not_null = true)
            }
            AlterTable::DropNotNull { column } => {
                let found = self.live_column(relation, column)?;
                if relation.primary_key.contains(&found.id) {
                    return Err(types::err!(
                        InvalidTableDefinition,
                        "column \"{column}\" is in a primary key"
                    ));
                }
                self.refuse_identity(relation, column)?;
                self.change_column(relation.oid, column, |column| column.not_null = false)
            }
            AlterTable::AddIdentity { column, identity, options } => {
                self.add_identity(relation, column, *identity, options, user)
            }
            AlterTable::DropIdentity { column, if_exists } => {
                self.drop_identity(relation, column, *if_exists, notices)
            }
            AlterTable::SetType { column, ty, using } => {
                self.set_type(relation, column, *ty, using.as_deref())
            }
            AlterTable::SetAppendOnly(append_only) => {
                self.change_relation(relation.oid, |relation| relation.append_only = *append_only)?;
                Ok(())
            }
        }
    }

    fn live_column<'a>(&self, relation: &'a Relation, name: &str) -> Result<&'a Column> {
        relation.column_named(name).ok_or_else(|| no_column(relation, name))
    }

    /// A default must bind, and be assignable to its column.
    fn bind_default(&self, relation: &Relation, column: &str, default: &str, ty: ColumnType) -> Result<()> {
        let binder = &self.shared.binder;
        match binder.bind(default, relation, Some(ty)) {
            Err(error) if error.state == SqlState::DatatypeMismatch => {
                let from = binder.bind(default, relation, None)?.data_type();
                Err(types::err!(
                    DatatypeMismatch,
                    "column \"{column}\" is of type {ty} but default expression is of type {from}"
                )
                .hint("You will need to rewrite or cast the expression."))
            }
            bound => bound.map(|_| ()),
        }
    }

    fn change_column(&mut self, table: Oid, name: &str, change: impl FnOnce(&mut Column)) -> Result<()> {
        self.change_relation(table, |relation| {
            let mut columns = relation.columns.iter_mut();
            if let Some(column) = columns.find(|column| !column.dropped && column.name == name) {
                change(column);
            }
        })?;
        Ok(())
    }

    fn refuse_identity(&self, relation: &Relation, name: &str) -> Result<()> {
        if self.live_column(relation, name)?.identity.is_none() {
            return Ok(());
        }
        Err(types::err!(
            SyntaxError,
            "column \"{name}\" of relation \"{}\" is an identity column",
            relation.name
        )
        .hint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead."))
    }

    fn add_column(
        &mut self,
        relation: &Arc<Relation>,
        definition: &ColumnDefinition,
        constraints: &[ConstraintDefinition],
        if_not_exists: bool,
        user: Oid,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        if relation.column_named(&definition.name).is_some() {
            let message =
                format!("column \"{}\" of relation \"{}\" already exists", definition.name, relation.name);
            if if_not_exists {
                notices.push(super::exists_already(SqlState::DuplicateColumn, &message));
                return Ok(());
            }
            return Err(types::err!(DuplicateColumn, "{message}"));
        }
        let id = next_column_id(relation);
        let mut changed = Relation::clone(relation);
        let mut added = column(id, definition)?;
        // Checked once the column has its values.
        added.not_null = false;
        if let Some(value) = &definition.constant_default {
            added.missing = value.clone();
        }
        changed.columns.push(added.clone());
        check_column_count(&changed)?;
        let made = self.put_relation(changed)?;
        self.own_sequence(&made, definition, user)?;
        let computed = definition.constant_default.is_none()
            && (definition.default.is_some() || definition.serial || definition.identity.is_some());
        let made = self.relation(relation.oid)?;
        let column = made.column(id).cloned().ok_or_else(|| no_column(&made, &definition.name))?;
        if computed {
            // A NOT NULL that the sequence brought comes with the values.
            let target = made.clone();
            self.rewrite(relation, Relation::clone(&made), &mut |transaction, mut row| {
                row.push(transaction.default_value(&target, &column)?);
                Ok(row)
            })?;
        }
        if definition.not_null && !column.not_null {
            let made = self.relation(relation.oid)?;
            self.refuse_nulls(&made, &column)?;
            self.change_column(relation.oid, &definition.name, |column| column.not_null = true)?;
        }
        for constraint in constraints {
            self.add_constraint(relation.oid, constraint, false, false)?;
        }
        Ok(())
    }

    fn validate_constraint(&mut self, relation: &Arc<Relation>, name: &str) -> Result<()> {
        let Some(constraint) = relation.constraints.iter().find(|constraint| constraint.name == name) else {
            return Err(types::err!(
                UndefinedObject,
                "constraint \"{name}\" of relation \"{}\" does not exist",
                relation.name
            ));
        };
        match constraint.kind.clone() {
            ConstraintKind::Check { expression } => self.validate_check(relation, name, &expression),
            ConstraintKind::ForeignKey(key) => self.validate_foreign_key(relation.oid, name, &key),
            _ => Err(types::err!(
                WrongObjectType,
                "constraint \"{name}\" of relation \"{}\" is not a foreign key or check constraint",
                relation.name
            )),
        }
    }

    fn add_identity(
        &mut self,
        relation: &Arc<Relation>,
        name: &str,
        identity: Identity,
        options: &SequenceOptions,
        user: Oid,
    ) -> Result<()> {
        let column = self.live_column(relation, name)?.clone();
        let problem = if column.identity.is_some() {
            Some("is already an identity column")
        } else if column.default.is_some() {
            Some("already has a default value")
        } else if !column.not_null {
            return Err(types::err!(
                ObjectNotInPrerequisiteState,
                "column \"{name}\" of relation \"{}\" must be declared NOT NULL before identity can be added",
                relation.name
            ));
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(types::err!(
                ObjectNotInPrerequisiteState,
                "column \"{name}\" of relation \"{}\" {problem}",
                relation.name
            ));
        }
        let options = SequenceOptions { ty: options.ty.or(Some(column.ty)), ..options.clone() };
        let default = self.sequence_for(relation, column.id, name, &options, user)?;
        self.change_column(relation.oid, name, |column| {
            column.identity = Some(identity);
            column.default = Some(default);
        })
    }

    fn drop_identity(
        &mut self,
        relation: &Arc<Relation>,
        name: &str,
        if_exists: bool,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let column = self.live_column(relation, name)?.clone();
        if column.identity.is_none() {
            let message =
                format!("column \"{name}\" of relation \"{}\" is not an identity column", relation.name);
            if if_exists {
                notices.push(notice(format!("{message}, skipping")));
                return Ok(());
            }
            return Err(types::err!(ObjectNotInPrerequisiteState, "{message}"));
        }
        self.change_column(relation.oid, name, |column| {
            column.identity = None;
            column.default = None;
        })?;
        match self.owned_sequence(relation.oid, column.id) {
            Some(sequence) => self.remove_relation(sequence),
            None => Ok(()),
        }
    }

    /// ALTER TYPE. Where the stored bytes stay good only the descriptor changes; else the column gets a new number and
    /// every row a new version.
    fn set_type(
        &mut self,
        relation: &Arc<Relation>,
        name: &str,
        ty: ColumnType,
        using: Option<&str>,
    ) -> Result<()> {
        let column = self.live_column(relation, name)?.clone();
        if ty.data_type.code().is_none() {
            return Err(types::err!(
                InvalidTableDefinition,
                "column \"{name}\" has pseudo-type {}",
                ty.data_type
            ));
        }
        self.refuse_view_of_column(relation, column.id, name)?;
        if let (Some(default), None) = (&column.default, column.identity) {
            self.shared.binder.bind(default, relation, Some(ty)).map_err(|error| match error.state {
                SqlState::DatatypeMismatch => types::err!(
                    DatatypeMismatch,
                    "default for column \"{name}\" cannot be cast automatically to type {ty}"
                ),
                _ => error,
            })?;
        }
        if using.is_none() && keeps_bytes(column.ty, ty) {
            return self.change_column(relation.oid, name, |column| column.ty = ty);
        }
        let conversion = match using {
            Some(text) => Some(self.shared.binder.bind(text, relation, Some(ty))?),
            None => match cast::context(column.ty.data_type, ty.data_type) {
                Some(cast::Context::Implicit | cast::Context::Assignment) => None,
                _ if column.ty.data_type == ty.data_type => None,
                _ => {
                    return Err(types::err!(
                        DatatypeMismatch,
                        "column \"{name}\" cannot be cast automatically to type {ty}"
                    )
                    .hint(format!("You might need to specify \"USING {}::{ty}\".", super::quoted(name))));
                }
            },
        };
        let position = relation.columns.iter().position(|candidate| candidate.id == column.id).unwrap_or(0);
        let id = next_column_id(relation);
        let mut changed = Relation::clone(relation);
        let mut successor = column.clone();
        successor.id = id;
        successor.ty = ty;
        successor.missing = Value::Null;
        changed.columns[position] = successor;
        let mut dropped = dropped_column(&column);
        dropped.not_null = false;
        changed.columns.push(dropped);
        self.renumber(&mut changed, column.id, id)?;
        if changed.primary_key != relation.primary_key {
            changed.predecessor = relation.object_id;
            changed.object_id = self.shared.allocate_oid()?;
        }
        let from = column.ty.data_type;
        let table = self.shared.table(relation)?;
        let referenced = relation.referenced_by.clone();
        self.rewrite(relation, changed, &mut |transaction, mut row| {
            let value = match &conversion {
                Some(expr) => transaction.evaluate(expr, &table.batch(&row))?.get(0),
                None if row[position].is_null() => Value::Null,
                None => cast::cast(&row[position], from, ty, false, &transaction.settings)?,
            };
            row[position] = value;
            row.push(Value::Null);
            Ok(row)
        })?;
        // Sequences and foreign keys of others name the column by its number.
        for (sequence, owner) in self.owned_sequences(relation.oid) {
            if owner == column.id {
                let table = relation.oid;
                self.change_relation(sequence, |sequence| {
                    if let Some(sequence) = &mut sequence.sequence {
                        sequence.owned_by = Some((table, id));
                    }
                })?;
            }
        }
        for (child, constraint) in referenced {
            self.change_relation(child, |child| {
                for candidate in child.constraints.iter_mut().filter(|candidate| candidate.oid == constraint)
                {
                    if let ConstraintKind::ForeignKey(key) = &mut candidate.kind {
                        replace(&mut key.target_columns, column.id, id);
                    }
                }
            })?;
        }
        for constraint in self.relation(relation.oid)?.constraints.clone() {
            if let ConstraintKind::Check { expression } = &constraint.kind {
                let relation = self.relation(relation.oid)?;
                self.validate_check(&relation, &constraint.name, expression)?;
            }
        }
        Ok(())
    }

    /// A column's new number, everywhere in its own descriptor. Indexes over it are other indexes now.
    fn renumber(&mut self, relation: &mut Relation, from: ColumnId, to: ColumnId) -> Result<()> {
        replace(&mut relation.primary_key, from, to);
        let table = self.shared.table(&self.relation(relation.oid)?)?;
        let position = table.relation.columns.iter().position(|column| column.id == from);
        let mut renewed = vec![];
        for index in &mut relation.indexes {
            let uses = super::drop::index_uses(&table, index.oid, position);
            if !uses {
                continue;
            }
            for column in &mut index.columns {
                if let IndexKey::Column(id) = &mut column.key
                    && *id == from
                {
                    *id = to;
                }
            }
            if index.primary {
                continue;
            }
            let oid = self.shared.allocate_oid()?;
            self.indexes.dropped.push(index.oid);
            renewed.push((index.oid, oid));
            index.oid = oid;
        }
        for constraint in &mut relation.constraints {
            match &mut constraint.kind {
                ConstraintKind::PrimaryKey { columns, index } | ConstraintKind::Unique { columns, index } => {
                    replace(columns, from, to);
                    if let Some((_, oid)) = renewed.iter().find(|(old, _)| old == index) {
                        *index = *oid;
                    }
                }
                ConstraintKind::ForeignKey(key) => {
                    replace(&mut key.columns, from, to);
                    if key.target == relation.oid {
                        replace(&mut key.target_columns, from, to);
                    }
                }
                ConstraintKind::Check { .. } => {}
            }
        }
        debug_assert!(relation.indexes.iter().filter_map(plain_columns).all(|ids| !ids.contains(&from)));
        Ok(())
    }

    fn refuse_view_of_column(&self, relation: &Relation, column: ColumnId, name: &str) -> Result<()> {
        let view =
            self.state.relations.values().find(|view| view.references.contains(&(relation.oid, column)));
        let Some(view) = view else { return Ok(()) };
        Err(types::err!(FeatureNotSupported, "cannot alter type of a column used by a view or rule")
            .detail(format!("rule _RETURN on view {} depends on column \"{name}\"", self.display_name(view))))
    }

    fn rename_column(&mut self, relation: &Arc<Relation>, from: &str, to: &str) -> Result<()> {
        let column = self.live_column(relation, from)?.clone();
        check_column_name(to)?;
        if relation.column_named(to).is_some() {
            return Err(types::err!(
                DuplicateColumn,
                "column \"{to}\" of relation \"{}\" already exists",
                relation.name
            ));
        }
        self.refuse_view_text(relation, Some(column.id))?;
        self.change_relation(relation.oid, |relation| {
            for column in relation.columns.iter_mut().filter(|candidate| candidate.id == column.id) {
                column.name = to.to_owned();
            }
            let replace = |text: &mut String| *text = super::rename::replace_identifier(text, from, to);
            for constraint in &mut relation.constraints {
                if let ConstraintKind::Check { expression } = &mut constraint.kind {
                    replace(expression);
                }
            }
            for index in &mut relation.indexes {
                index.predicate.as_mut().map(replace);
                for column in &mut index.columns {
                    if let IndexKey::Expression(text, _) = &mut column.key {
                        replace(text);
                    }
                }
            }
        })?;
        // The rewritten expressions must bind.
        let relation = self.relation(relation.oid)?;
        for constraint in &relation.constraints {
            if let ConstraintKind::Check { expression } = &constraint.kind {
                self.shared.binder.bind(expression, &relation, Some(DataType::Bool.into()))?;
            }
        }
        self.shared.table(&relation)?;
        Ok(())
    }
}

fn replace(ids: &mut [ColumnId], from: ColumnId, to: ColumnId) {
    ids.iter_mut().filter(|id| **id == from).for_each(|id| *id = to);
}

/// As PostgreSQL leaves it behind.
pub(super) fn dropped_column(column: &Column) -> Column {
    Column {
        id: column.id,
        name: format!("........pg.dropped.{}........", column.id),
        ty: column.ty,
        not_null: false,
        default: None,
        identity: None,
        missing: Value::Null,
        dropped: true,
        comment: None,
    }
}

/// Whether every value of the old type is, byte for byte, one of the new.
fn keeps_bytes(old: ColumnType, new: ColumnType) -> bool {
    use DataType::*;
    if old == new {
        return true;
    }
    let plain = |ty: ColumnType| matches!(ty.data_type, Text | Varchar);
    if plain(old) && plain(new) {
        return new.typmod < 0 || (old.typmod >= 0 && old.data_type == Varchar && new.typmod >= old.typmod);
    }
    if old.data_type == Numeric && new.data_type == Numeric {
        let scale = |typmod: i32| (typmod - 4) & 0x7ff;
        let precision = |typmod: i32| ((typmod - 4) >> 16) & 0xffff;
        return new.typmod < 0
            || (old.typmod >= 0
                && scale(old.typmod) == scale(new.typmod)
                && precision(new.typmod) >= precision(old.typmod));
    }
    false
}
