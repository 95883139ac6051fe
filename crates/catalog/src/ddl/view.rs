//! CREATE VIEW.

use super::create_table::empty_relation;
use crate::transaction::Transaction;
use kv::TableMode;
use types::ddl::Name;
use types::schema::{Column, ColumnId, RelationKind};
use types::{ColumnType, Oid, Result, Value};

impl Transaction {
    pub(super) fn create_view(
        &mut self,
        name: &Name,
        or_replace: bool,
        columns: &[(String, ColumnType)],
        query: &str,
        references: &[(Oid, ColumnId)],
        user: Oid,
    ) -> Result<()> {
        let schema = self.creation_schema(name)?;
        let made = columns
            .iter()
            .zip(1..)
            .map(|((name, ty), id)| Column {
                id,
                name: name.clone(),
                ty: *ty,
                not_null: false,
                default: None,
                identity: None,
                missing: Value::Null,
                dropped: false,
                comment: None,
            })
            .collect::<Vec<_>>();
        for (at, column) in made.iter().enumerate() {
            if made[..at].iter().any(|earlier| earlier.name == column.name) {
                return Err(types::err!(
                    DuplicateColumn,
                    "column \"{}\" specified more than once",
                    column.name
                ));
            }
        }
        let existing = self.state.named(schema, &name.name);
        if existing.is_none() {
            let oid = self.shared.allocate_oid()?;
            let mut relation = empty_relation(oid, RelationKind::View, schema, &name.name, user);
            relation.columns = made;
            relation.view = Some(query.to_owned());
            relation.references = references.to_vec();
            self.put_relation(relation)?;
            return Ok(());
        }
        if !or_replace {
            return Err(types::err!(DuplicateTable, "relation \"{}\" already exists", name.name));
        }
        let old = self.state.relation_named(schema, &name.name).cloned();
        let Some(old) = old.filter(|old| old.kind == RelationKind::View) else {
            return Err(types::err!(WrongObjectType, "\"{}\" is not a view", name.name));
        };
        self.lock_for_ddl(&old, TableMode::AccessExclusive)?;
        if self.reads(references, old.oid) {
            return Err(types::err!(
                InvalidObjectDefinition,
                "infinite recursion detected in rules for relation \"{}\"",
                name.name
            ));
        }
        if made.len() < old.columns.len() {
            return Err(types::err!(InvalidTableDefinition, "cannot drop columns from view"));
        }
        for (before, after) in old.columns.iter().zip(&made) {
            if before.name != after.name {
                return Err(types::err!(
                    InvalidTableDefinition,
                    "cannot change name of view column \"{}\" to \"{}\"",
                    before.name,
                    after.name
                )
                .hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."));
            }
            if before.ty != after.ty {
                return Err(types::err!(
                    InvalidTableDefinition,
                    "cannot change data type of view column \"{}\" from {} to {}",
                    before.name,
                    before.ty,
                    after.ty
                ));
            }
        }
        self.change_relation(old.oid, |relation| {
            relation.columns = made;
            relation.view = Some(query.to_owned());
            relation.references = references.to_vec();
        })?;
        Ok(())
    }

    /// Whether any of `references` is `oid`, or a view that reads it.
    fn reads(&self, references: &[(Oid, ColumnId)], oid: Oid) -> bool {
        references.iter().any(|(read, _)| {
            *read == oid
                || self.state.relations.get(read).is_some_and(|view| self.reads(&view.references, oid))
        })
    }
}
