//! DROP, and what stands on what.

use super::alter_table::dropped_column;
use super::{kind_word, no_column, notice, relation_word};
use crate::state::Named;
use crate::system_tables::{self, GRANTS, RELATIONS, SCHEMAS, SEQUENCES};
use crate::table::{Source, Table};
use crate::transaction::Transaction;
use expr::Expr;
use kv::TableMode;
use std::collections::BTreeSet;
use std::sync::Arc;
use types::ddl::{Name, ObjectKind};
use types::schema::{ColumnId, ConstraintKind, Relation, RelationKind};
use types::{DataType, Error, Oid, Result};

/// Something that stands on something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dependent {
    View(Oid),
    /// A foreign key of another table.
    ForeignKey {
        table: Oid,
        constraint: Oid,
    },
    /// A default that draws from a sequence.
    Default {
        table: Oid,
        column: ColumnId,
    },
}

impl Transaction {
    pub(super) fn drop_objects(
        &mut self,
        kind: ObjectKind,
        names: &[Name],
        if_exists: bool,
        cascade: bool,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let word = kind_word(kind);
        if kind == ObjectKind::Schema {
            for name in names {
                self.drop_schema(&name.name, if_exists, cascade, notices)?;
            }
            return Ok(());
        }
        let mut targets = vec![];
        for name in names {
            if let Some(schema) = &name.schema
                && self.state.namespace_oid(schema).is_none()
                && if_exists
            {
                notices.push(notice(format!("schema \"{schema}\" does not exist, skipping")));
                continue;
            }
            match self.find(name)? {
                None if if_exists => {
                    notices.push(notice(format!("{word} \"{}\" does not exist, skipping", name.name)));
                }
                None => return Err(no_object(kind, name)),
                Some(Named::Index { index, table }) if kind == ObjectKind::Index => {
                    self.drop_index(table, index)?;
                }
                Some(Named::Relation(oid)) if kind_of(&*self.relation(oid)?) == kind => targets.push(oid),
                Some(Named::Relation(oid)) => {
                    let found = relation_word(self.relation(oid)?.kind);
                    return Err(wrong_kind(name, word, found));
                }
                Some(Named::Index { .. }) => return Err(wrong_kind(name, word, "index")),
            }
        }
        self.drop_relations(&targets, cascade, None, notices)
    }

    /// Drops relations with what stands on them (`cascade`), or says what does. `schema`: they go with it.
    fn drop_relations(
        &mut self,
        targets: &[Oid],
        cascade: bool,
        schema: Option<&str>,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        for oid in targets {
            let relation = self.relation(*oid)?;
            self.lock_for_ddl(&relation, TableMode::AccessExclusive)?;
            if let Some((table, column)) = relation.sequence.as_ref().and_then(|sequence| sequence.owned_by)
                && !targets.contains(&table)
                && let Some(owner) = self.state.relations.get(&table).cloned()
                && let Some(column) = owner.column(column).filter(|column| column.identity.is_some())
            {
                let (column, owner) = (&column.name, self.display_name(&owner));
                return Err(types::err!(
                    DependentObjectsStillExist,
                    "cannot drop sequence {} because column {column} of table {owner} requires it",
                    relation.name
                )
                .hint(format!("You can drop column {column} of table {owner} instead.")));
            }
        }
        let mut going: BTreeSet<Oid> = targets.iter().copied().collect();
        for oid in targets {
            going.extend(self.owned_sequences(*oid).into_iter().map(|(sequence, _)| sequence));
        }
        let mut dependents: Vec<(Dependent, String)> = vec![];
        let mut open: Vec<Oid> = going.iter().copied().collect();
        while let Some(oid) = open.pop() {
            let relation = self.relation(oid)?;
            let on = format!("{} {}", relation_word(relation.kind), self.display_name(&relation));
            for dependent in self.dependents(&relation, None) {
                let part_of_it = match dependent {
                    Dependent::View(view) => going.contains(&view),
                    Dependent::ForeignKey { table, .. } | Dependent::Default { table, .. } => {
                        going.contains(&table)
                    }
                };
                if part_of_it || dependents.iter().any(|(known, _)| *known == dependent) {
                    continue;
                }
                if let Dependent::View(view) = dependent {
                    going.insert(view);
                    open.push(view);
                }
                dependents.push((dependent, on.clone()));
            }
        }
        if !dependents.is_empty() && !cascade {
            let details = dependents
                .iter()
                .map(|(dependent, on)| Ok(format!("{} depends on {on}", self.describe(dependent)?)));
            let details = details.collect::<Result<Vec<_>>>()?;
            let what = match targets {
                [one] => {
                    let relation = self.relation(*one)?;
                    format!("{} {}", relation_word(relation.kind), self.display_name(&relation))
                }
                _ => "desired object(s)".to_owned(),
            };
            let pronoun = if targets.len() == 1 { "it" } else { "them" };
            return Err(depends(&what, pronoun, &details));
        }
        let described = dependents.iter().map(|(dependent, _)| self.describe(dependent));
        let mut described = described.collect::<Result<Vec<_>>>()?;
        if schema.is_some() {
            let members = targets.iter().map(|oid| {
                let relation = self.relation(*oid)?;
                Ok(format!("{} {}", relation_word(relation.kind), self.display_name(&relation)))
            });
            let mut members = members.collect::<Result<Vec<_>>>()?;
            members.append(&mut described);
            described = members;
        }
        cascades(&described, notices);
        for (dependent, _) in dependents {
            self.remove_dependent(dependent)?;
        }
        for oid in going {
            if self.state.relations.contains_key(&oid) {
                self.remove_relation(oid)?;
            }
        }
        Ok(())
    }

    /// What stands on a relation, or on one of its columns.
    fn dependents(&self, relation: &Relation, column: Option<ColumnId>) -> Vec<Dependent> {
        let mut found = vec![];
        for other in self.state.relations.values() {
            let reads = other
                .references
                .iter()
                .any(|(oid, read)| *oid == relation.oid && column.is_none_or(|column| column == *read));
            if reads {
                found.push(Dependent::View(other.oid));
            }
            if relation.kind == RelationKind::Sequence {
                for candidate in other.live() {
                    let default = candidate.default.as_deref().unwrap_or_default();
                    if draws_from(default, relation) {
                        found.push(Dependent::Default { table: other.oid, column: candidate.id });
                    }
                }
            }
        }
        for &(table, constraint) in &relation.referenced_by {
            let key = self.state.relations.get(&table).into_iter().flat_map(|table| &table.constraints);
            let targets =
                key.filter(|candidate| candidate.oid == constraint).any(|candidate| match &candidate.kind {
                    ConstraintKind::ForeignKey(key) => {
                        column.is_none_or(|column| key.target_columns.contains(&column))
                    }
                    _ => false,
                });
            if targets && table != relation.oid {
                found.push(Dependent::ForeignKey { table, constraint });
            }
        }
        found
    }

    fn describe(&self, dependent: &Dependent) -> Result<String> {
        Ok(match dependent {
            Dependent::View(view) => format!("view {}", self.display_name(&*self.relation(*view)?)),
            Dependent::ForeignKey { table, constraint } => {
                let table = self.relation(*table)?;
                let name = table.constraints.iter().find(|candidate| candidate.oid == *constraint);
                let name = name.map_or("", |constraint| constraint.name.as_str());
                format!("constraint {name} on table {}", self.display_name(&table))
            }
            Dependent::Default { table, column } => {
                let table = self.relation(*table)?;
                let name = table.column(*column).map_or("", |column| column.name.as_str());
                format!("default value for column {name} of table {}", self.display_name(&table))
            }
        })
    }

    fn remove_dependent(&mut self, dependent: Dependent) -> Result<()> {
        match dependent {
            Dependent::View(view) => self.remove_relation(view),
            Dependent::ForeignKey { table, constraint } => self
                .change_relation(table, |table| {
                    table.constraints.retain(|candidate| candidate.oid != constraint);
                })
                .map(drop),
            Dependent::Default { table, column } => self
                .change_relation(table, |table| {
                    for candidate in table.columns.iter_mut().filter(|candidate| candidate.id == column) {
                        candidate.default = None;
                    }
                })
                .map(drop),
        }
    }

    /// Ends a relation: its descriptor, grants and sequence row; its indexes once this commits. Rows stay in the past.
    pub(super) fn remove_relation(&mut self, oid: Oid) -> Result<()> {
        let relation = self.relation(oid)?;
        self.lock_for_ddl(&relation, TableMode::AccessExclusive)?;
        self.discard_own_rows(relation.object_id)?;
        self.kv.delete(RELATIONS, &system_tables::oid_key(oid), None, vec![])?;
        if relation.kind == RelationKind::Sequence {
            self.kv.delete(SEQUENCES, &system_tables::oid_key(oid), None, vec![])?;
            self.local_sequences.remove(&oid);
        }
        self.remove_grants(oid)?;
        let secondary = relation.indexes.iter().filter(|index| !index.primary).map(|index| index.oid);
        self.indexes.dropped.extend(secondary);
        self.edit(|state| {
            state.relations.remove(&oid);
        });
        Ok(())
    }

    fn remove_grants(&mut self, object: Oid) -> Result<()> {
        for grant in self.state.grants_on(object).to_vec() {
            self.kv.delete(GRANTS, &system_tables::grant_key(&grant)?, None, vec![])?;
        }
        self.edit(|state| {
            state.grants.remove(&object);
        });
        Ok(())
    }

    fn drop_index(&mut self, table: Oid, index: Oid) -> Result<()> {
        let relation = self.relation(table)?;
        self.lock_for_ddl(&relation, TableMode::AccessExclusive)?;
        let owner = relation.constraints.iter().find(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { index: of, .. } | ConstraintKind::Unique { index: of, .. } => {
                *of == index
            }
            _ => false,
        });
        if let Some(constraint) = owner {
            let (name, table) = (&constraint.name, self.display_name(&relation));
            return Err(types::err!(
                DependentObjectsStillExist,
                "cannot drop index {name} because constraint {name} on table {table} requires it"
            )
            .hint(format!("You can drop constraint {name} on table {table} instead.")));
        }
        let definition = relation.indexes.iter().find(|candidate| candidate.oid == index);
        if let Some(definition) = definition.filter(|definition| definition.unique) {
            // A foreign key may stand on a unique index that is no constraint.
            let name = definition.name.clone();
            let columns = super::constraint::plain_columns(definition).unwrap_or_default();
            for (child, constraint) in &relation.referenced_by {
                let child = self.relation(*child)?;
                let key = child.constraints.iter().find(|candidate| candidate.oid == *constraint);
                if let Some((ConstraintKind::ForeignKey(key), key_name)) =
                    key.map(|key| (&key.kind, &key.name))
                    && super::constraint::same(&key.target_columns, &columns)
                    && !relation.indexes.iter().any(|other| {
                        other.oid != index
                            && other.unique
                            && super::constraint::plain_columns(other)
                                .is_some_and(|other| super::constraint::same(&other, &columns))
                    })
                {
                    let detail = format!(
                        "constraint {key_name} on table {} depends on index {name}",
                        self.display_name(&child)
                    );
                    return Err(depends(&format!("index {name}"), "it", &[detail]));
                }
            }
        }
        self.drop_index_of(table, index)
    }

    fn drop_schema(
        &mut self,
        name: &str,
        if_exists: bool,
        cascade: bool,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let Some(oid) = self.state.namespace_oid(name) else {
            if if_exists {
                notices.push(notice(format!("schema \"{name}\" does not exist, skipping")));
                return Ok(());
            }
            return Err(types::err!(InvalidSchemaName, "schema \"{name}\" does not exist"));
        };
        if system_tables::is_system_schema(oid) {
            return Err(types::err!(
                DependentObjectsStillExist,
                "cannot drop schema {name} because it is required by the database system"
            ));
        }
        let members = self.state.relations.values().filter(|relation| relation.schema_oid == oid);
        let members = members.map(|relation| relation.oid).collect::<Vec<_>>();
        // A table's own sequences go with it unsaid.
        let owned = members.iter().flat_map(|table| self.owned_sequences(*table)).collect::<Vec<_>>();
        let said = members.iter().filter(|oid| !owned.iter().any(|(sequence, _)| sequence == *oid));
        let said = said.copied().collect::<Vec<_>>();
        if !said.is_empty() && !cascade {
            let details = said.iter().map(|oid| {
                let relation = self.relation(*oid)?;
                let word = relation_word(relation.kind);
                Ok(format!("{word} {} depends on schema {name}", self.display_name(&relation)))
            });
            let details = details.collect::<Result<Vec<_>>>()?;
            return Err(depends(&format!("schema {name}"), "it", &details));
        }
        self.drop_relations(&said, true, Some(name), notices)?;
        self.remove_grants(oid)?;
        self.kv.delete(SCHEMAS, &system_tables::oid_key(oid), None, vec![])?;
        self.edit(|state| {
            state.namespaces.remove(&oid);
        });
        Ok(())
    }

    pub(super) fn drop_column(
        &mut self,
        relation: &Arc<Relation>,
        name: &str,
        if_exists: bool,
        cascade: bool,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        let Some(column) = relation.column_named(name).cloned() else {
            if if_exists {
                notices.push(notice(format!(
                    "column \"{name}\" of relation \"{}\" does not exist, skipping",
                    relation.name
                )));
                return Ok(());
            }
            return Err(no_column(relation, name));
        };
        let dependents = self.dependents(relation, Some(column.id));
        let described =
            dependents.iter().map(|dependent| self.describe(dependent)).collect::<Result<Vec<_>>>()?;
        let table_name = self.display_name(relation);
        if !dependents.is_empty() && !cascade {
            let on = format!("column {name} of table {table_name}");
            let details = described.iter().map(|what| format!("{what} depends on {on}")).collect::<Vec<_>>();
            return Err(depends(&on, "it", &details));
        }
        cascades(&described, notices);
        for dependent in dependents {
            match dependent {
                Dependent::View(view) => self.drop_relations(&[view], true, None, notices)?,
                other => self.remove_dependent(other)?,
            }
        }
        // Constraints and indexes that use the column go with it.
        let table = self.shared.table(relation)?;
        let position = relation.columns.iter().position(|candidate| candidate.id == column.id);
        for index in &relation.indexes {
            if index_uses(&table, index.oid, position) {
                self.drop_index_of(relation.oid, index.oid)?;
            }
        }
        let mut gone = vec![];
        for constraint in &relation.constraints {
            let uses = match &constraint.kind {
                ConstraintKind::Check { expression } => {
                    let bound = self.shared.binder.bind(expression, relation, Some(DataType::Bool.into()))?;
                    position.is_some_and(|position| uses_column(&bound, position))
                }
                ConstraintKind::ForeignKey(key) => {
                    key.columns.contains(&column.id)
                        || (key.target == relation.oid && key.target_columns.contains(&column.id))
                }
                ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } => false,
            };
            if uses {
                gone.push(constraint.oid);
            }
        }
        self.change_relation(relation.oid, |relation| {
            relation.constraints.retain(|constraint| !gone.contains(&constraint.oid));
            for candidate in relation.columns.iter_mut().filter(|candidate| candidate.id == column.id) {
                *candidate = dropped_column(candidate);
            }
        })?;
        match self.owned_sequence(relation.oid, column.id) {
            Some(sequence) => self.remove_relation(sequence),
            None => Ok(()),
        }
    }
}

/// Whether an index is over the column at `position`, or its expressions or condition name it.
pub(super) fn index_uses(table: &Table, index: Oid, position: Option<usize>) -> bool {
    let (Some(index), Some(position)) = (table.index(index), position) else { return false };
    let in_sources = index.sources.iter().any(|source| match source {
        Source::Position(at) => *at == position,
        Source::Expression(expr) => uses_column(expr, position),
    });
    in_sources || index.predicate.as_ref().is_some_and(|predicate| uses_column(predicate, position))
}

fn uses_column(expr: &Expr, position: usize) -> bool {
    let mut found = matches!(expr, Expr::Column { index, .. } if *index == position);
    expr.for_each_child(&mut |child| found |= uses_column(child, position));
    found
}

/// Whether a default's text is `nextval('sequence')` of this sequence.
fn draws_from(default: &str, sequence: &Relation) -> bool {
    if !default.contains("nextval(") {
        return false;
    }
    let name = super::quoted(&sequence.name);
    let qualified = format!("{}.{name}", super::quoted(&sequence.schema));
    default.contains(&format!("'{qualified}'")) || default.contains(&format!("'{name}'"))
}

fn kind_of(relation: &Relation) -> ObjectKind {
    match relation.kind {
        RelationKind::Table | RelationKind::System => ObjectKind::Table,
        RelationKind::View => ObjectKind::View,
        RelationKind::Sequence => ObjectKind::Sequence,
    }
}

fn wrong_kind(name: &Name, wanted: &str, found: &str) -> Error {
    let article = if found == "index" { "an" } else { "a" };
    let wanted = if wanted == "index" { "an index".into() } else { format!("a {wanted}") };
    types::err!(WrongObjectType, "\"{}\" is not {wanted}", name.name)
        .hint(format!("Use DROP {} to remove {article} {found}.", found.to_uppercase()))
}

pub(super) fn no_object(kind: ObjectKind, name: &Name) -> Error {
    let text = match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    };
    let message = format!("{} \"{text}\" does not exist", kind_word(kind));
    match kind {
        ObjectKind::Index => types::err!(UndefinedObject, "{message}"),
        ObjectKind::Schema => types::err!(InvalidSchemaName, "{message}"),
        _ => types::err!(UndefinedTable, "{message}"),
    }
}

fn depends(what: &str, pronoun: &str, details: &[String]) -> Error {
    types::err!(DependentObjectsStillExist, "cannot drop {what} because other objects depend on {pronoun}")
        .detail(details.join("\n"))
        .hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// NOTICE of what CASCADE takes along.
pub(super) fn cascades(described: &[String], notices: &mut Vec<Error>) {
    match described {
        [] => {}
        [one] => notices.push(notice(format!("drop cascades to {one}"))),
        many => {
            let detail = many.iter().map(|one| format!("drop cascades to {one}")).collect::<Vec<_>>();
            notices.push(
                notice(format!("drop cascades to {} other objects", many.len())).detail(detail.join("\n")),
            );
        }
    }
}
