//! RENAME, SET SCHEMA, OWNER TO, CREATE SCHEMA.

use super::create_table::sequence_default;
use super::drop::no_object;
use super::{kind_word, notice};
use crate::state::Named;
use crate::system_tables::{self, Namespace, SCHEMAS};
use crate::transaction::Transaction;
use kv::TableMode;
use std::sync::Arc;
use types::ddl::{Name, ObjectKind};
use types::schema::{ColumnId, ConstraintKind, Relation, RelationKind};
use types::{Error, Oid, Result, SqlState};

/// A view whose text is changed together with the name of something that it reads.
pub struct FollowingView {
    pub oid: Oid,
    /// The text that the change was made from: another one must not be lost.
    pub from: Option<String>,
    pub to: String,
    pub references: Vec<(Oid, ColumnId)>,
}

impl FollowingView {
    fn is(&self, view: &Relation) -> bool {
        self.oid == view.oid && self.from == view.view
    }
}

impl Transaction {
    /// The views that read a relation.
    pub fn views_reading(&self, relation: Oid) -> Vec<Arc<Relation>> {
        let reads = |view: &&Arc<Relation>| view.references.iter().any(|(oid, _)| *oid == relation);
        self.state.relations.values().filter(reads).cloned().collect()
    }

    /// A renaming, and the texts of the views that follow it.
    pub fn apply_with_views(
        &mut self,
        ddl: &types::ddl::Ddl,
        user: Oid,
        views: Vec<FollowingView>,
    ) -> Result<Vec<Error>> {
        self.following = views;
        let result = self.apply(ddl, user);
        let following = std::mem::take(&mut self.following);
        let notices = result?;
        for FollowingView { oid, from: _, to, references } in following {
            self.change_relation(oid, |view| {
                view.view = Some(to);
                view.references = references;
            })?;
        }
        Ok(notices)
    }

    pub(super) fn create_schema(
        &mut self,
        name: &str,
        if_not_exists: bool,
        owner: Option<&str>,
        user: Oid,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        if self.state.namespace_oid(name).is_some() {
            if if_not_exists {
                let message = format!("schema \"{name}\" already exists");
                notices.push(super::exists_already(SqlState::DuplicateSchema, &message));
                return Ok(());
            }
            return Err(types::err!(DuplicateSchema, "schema \"{name}\" already exists"));
        }
        refuse_reserved(name)?;
        let owner = match owner {
            Some(owner) => self.shared.role(owner)?,
            None => user,
        };
        let oid = self.shared.allocate_oid()?;
        self.put_namespace(Namespace { oid, name: name.to_owned(), owner, comment: None })
    }

    pub(super) fn put_namespace(&mut self, namespace: Namespace) -> Result<()> {
        let cells = system_tables::namespace_cells(&namespace)?;
        self.kv.put(SCHEMAS, &system_tables::oid_key(namespace.oid), cells, 0, vec![])?;
        self.edit(|state| {
            state.namespaces.insert(namespace.oid, Arc::new(namespace));
        });
        Ok(())
    }

    pub(super) fn namespace_named(&self, name: &str) -> Result<Namespace> {
        let oid = self.schema_oid(name)?;
        let namespace = self.state.namespaces.get(&oid);
        namespace
            .map(|namespace| Namespace::clone(namespace))
            .ok_or_else(|| types::err!(InsufficientPrivilege, "schema \"{name}\" is part of the system"))
    }

    pub(super) fn rename(
        &mut self,
        kind: ObjectKind,
        name: &Name,
        if_exists: bool,
        to: &str,
        notices: &mut Vec<Error>,
    ) -> Result<()> {
        if kind == ObjectKind::Schema {
            let mut namespace = self.namespace_named(&name.name)?;
            if self.state.namespace_oid(to).is_some() {
                return Err(types::err!(DuplicateSchema, "schema \"{to}\" already exists"));
            }
            refuse_reserved(to)?;
            let views = self.state.relations.values().find(|relation| {
                relation.references.iter().any(|(oid, _)| {
                    self.state.relations.get(oid).is_some_and(|read| read.schema_oid == namespace.oid)
                })
            });
            if let Some(view) = views {
                return Err(view_text(&format!("schema {}", name.name), &self.display_name(view)));
            }
            namespace.name = to.to_owned();
            let oid = namespace.oid;
            self.put_namespace(namespace)?;
            return self.move_defaults(oid);
        }
        match self.find(name)? {
            None if if_exists => {
                let word = if kind == ObjectKind::Index { "relation" } else { kind_word(kind) };
                notices.push(notice(format!("{word} \"{}\" does not exist, skipping", name.name)));
                Ok(())
            }
            None if kind == ObjectKind::Index => Err(super::no_relation(name)),
            None => Err(super::no_relation(name)),
            Some(Named::Relation(oid)) => {
                let relation = self.relation(oid)?;
                let fits = match kind {
                    ObjectKind::View => relation.kind == RelationKind::View,
                    ObjectKind::Sequence => relation.kind == RelationKind::Sequence,
                    ObjectKind::Index => false,
                    // ALTER TABLE ... RENAME TO takes every kind, as in PostgreSQL.
                    _ => true,
                };
                if !fits {
                    let article = if kind == ObjectKind::Index { "an" } else { "a" };
                    return Err(types::err!(
                        WrongObjectType,
                        "\"{}\" is not {article} {}",
                        name.name,
                        kind_word(kind)
                    ));
                }
                self.rename_relation(&relation, to)
            }
            Some(Named::Index { index, table }) => self.rename_index(table, index, to),
        }
    }

    pub(super) fn rename_relation(&mut self, relation: &Arc<Relation>, to: &str) -> Result<()> {
        self.free_name(relation.schema_oid, to)?;
        self.refuse_view_text(relation, None)?;
        self.lock_for_ddl(relation, TableMode::AccessExclusive)?;
        let from = relation.name.clone();
        let renamed = self.change_relation(relation.oid, |relation| {
            relation.name = to.to_owned();
            // `t.a` in an expression names the table.
            for constraint in &mut relation.constraints {
                if let ConstraintKind::Check { expression } = &mut constraint.kind
                    && expression.contains('.')
                {
                    *expression = replace_qualifier(expression, &from, to);
                }
            }
        })?;
        self.rename_default(&renamed)
    }

    fn rename_index(&mut self, table: Oid, index: Oid, to: &str) -> Result<()> {
        let relation = self.relation(table)?;
        self.free_name(relation.schema_oid, to)?;
        self.lock_for_ddl(&relation, TableMode::ShareUpdateExclusive)?;
        self.change_relation(table, |relation| {
            for candidate in relation.indexes.iter_mut().filter(|candidate| candidate.oid == index) {
                candidate.name = to.to_owned();
            }
            for constraint in &mut relation.constraints {
                match constraint.kind {
                    ConstraintKind::PrimaryKey { index: of, .. }
                    | ConstraintKind::Unique { index: of, .. }
                        if of == index =>
                    {
                        constraint.name = to.to_owned();
                    }
                    _ => {}
                }
            }
        })?;
        Ok(())
    }

    pub(super) fn rename_constraint(&mut self, relation: &Arc<Relation>, from: &str, to: &str) -> Result<()> {
        let Some(constraint) = relation.constraints.iter().find(|constraint| constraint.name == from) else {
            return Err(types::err!(
                UndefinedObject,
                "constraint \"{from}\" for table \"{}\" does not exist",
                relation.name
            ));
        };
        if relation.constraints.iter().any(|constraint| constraint.name == to) {
            return Err(types::err!(
                DuplicateObject,
                "constraint \"{to}\" for relation \"{}\" already exists",
                relation.name
            ));
        }
        match &constraint.kind {
            ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => {
                self.rename_index(relation.oid, *index, to)
            }
            ConstraintKind::Check { .. } | ConstraintKind::ForeignKey(_) => {
                self.change_relation(relation.oid, |relation| {
                    for constraint in relation.constraints.iter_mut().filter(|c| c.name == from) {
                        constraint.name = to.to_owned();
                    }
                })?;
                Ok(())
            }
        }
    }

    pub(super) fn set_schema(&mut self, kind: ObjectKind, name: &Name, schema: &str) -> Result<()> {
        let Some(relation) = self.find_relation(name)? else { return Err(no_object(kind, name)) };
        let target = self.schema_oid(schema)?;
        if target == relation.schema_oid {
            return Ok(());
        }
        if system_tables::is_system_schema(target) {
            return Err(types::err!(InsufficientPrivilege, "permission denied for schema {schema}"));
        }
        self.refuse_view_text(&relation, None)?;
        self.lock_for_ddl(&relation, TableMode::AccessExclusive)?;
        let mut moving = vec![relation.oid];
        moving.extend(self.owned_sequences(relation.oid).into_iter().map(|(sequence, _)| sequence));
        for oid in moving {
            let moved = self.relation(oid)?;
            let indexes = moved.indexes.iter().map(|index| &index.name);
            for name in indexes.chain([&moved.name]) {
                if self.state.named(target, name).is_some() {
                    return Err(types::err!(
                        DuplicateTable,
                        "relation \"{name}\" already exists in schema \"{schema}\""
                    ));
                }
            }
            let moved = self.change_relation(oid, |relation| relation.schema_oid = target)?;
            self.rename_default(&moved)?;
        }
        Ok(())
    }

    pub(super) fn alter_owner(&mut self, kind: ObjectKind, name: &Name, owner: &str) -> Result<()> {
        let owner = self.shared.role(owner)?;
        if kind == ObjectKind::Schema {
            let mut namespace = self.namespace_named(&name.name)?;
            namespace.owner = owner;
            return self.put_namespace(namespace);
        }
        let Some(relation) = self.find_relation(name)? else { return Err(super::no_relation(name)) };
        self.lock_for_ddl(&relation, TableMode::AccessExclusive)?;
        let mut owned = vec![relation.oid];
        owned.extend(self.owned_sequences(relation.oid).into_iter().map(|(sequence, _)| sequence));
        for oid in owned {
            self.change_relation(oid, |relation| relation.owner = owner)?;
        }
        Ok(())
    }

    fn free_name(&self, schema: Oid, name: &str) -> Result<()> {
        match self.state.named(schema, name) {
            None => Ok(()),
            Some(_) => Err(types::err!(DuplicateTable, "relation \"{name}\" already exists")),
        }
    }

    /// A sequence that was renamed or moved: the default of its column follows.
    fn rename_default(&mut self, sequence: &Relation) -> Result<()> {
        let Some((table, column)) = sequence.sequence.as_ref().and_then(|sequence| sequence.owned_by) else {
            return Ok(());
        };
        let default = sequence_default(&sequence.schema, &sequence.name);
        self.change_relation(table, |table| {
            for candidate in table.columns.iter_mut().filter(|candidate| candidate.id == column) {
                if candidate.default.as_ref().is_some_and(|default| default.contains("nextval(")) {
                    candidate.default = Some(default.clone());
                }
            }
        })?;
        Ok(())
    }

    /// A schema was renamed: defaults that name its sequences follow.
    fn move_defaults(&mut self, schema: Oid) -> Result<()> {
        let sequences = self
            .state
            .relations
            .values()
            .filter(|relation| relation.schema_oid == schema && relation.kind == RelationKind::Sequence);
        for sequence in sequences.cloned().collect::<Vec<_>>() {
            self.rename_default(&sequence)?;
        }
        Ok(())
    }

    /// Views are kept as they were written: what they name is renamed only with them.
    pub(super) fn refuse_view_text(&self, relation: &Relation, column: Option<ColumnId>) -> Result<()> {
        let view = self.state.relations.values().find(|view| {
            !self.following.iter().any(|following| following.is(view))
                && view
                    .references
                    .iter()
                    .any(|(oid, read)| *oid == relation.oid && column.is_none_or(|column| column == *read))
        });
        match view {
            Some(view) => Err(view_text(&self.display_name(relation), &self.display_name(view))),
            None => Ok(()),
        }
    }
}

fn view_text(what: &str, view: &str) -> Error {
    Error::unsupported(format!("renaming or moving {what} while view {view} reads it"))
        .hint("Drop the view, rename, and create the view again.")
}

fn refuse_reserved(name: &str) -> Result<()> {
    if name.starts_with("pg_") {
        return Err(types::err!(ReservedName, "unacceptable schema name \"{name}\"")
            .detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    Ok(())
}

/// SQL text with a column's name replaced: bare and quoted identifiers, not strings, not function names.
pub(super) fn replace_identifier(text: &str, from: &str, to: &str) -> String {
    rewrite(text, |token, next| (token == from && next != Some('(')).then(|| super::quoted(to)))
}

/// `from.x` becomes `to.x`.
fn replace_qualifier(text: &str, from: &str, to: &str) -> String {
    rewrite(text, |token, next| (token == from && next == Some('.')).then(|| super::quoted(to)))
}

/// Copies SQL text, asking about each identifier (folded, unquoted) and the character that follows it.
fn rewrite(text: &str, replace: impl Fn(&str, Option<char>) -> Option<String>) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let until = |start: usize, quote: char| {
        // A doubled quote stands for itself.
        let mut end = start + 1;
        while let Some(c) = characters.get(end) {
            if *c == quote {
                if characters.get(end + 1) != Some(&quote) {
                    return end + 1;
                }
                end += 1;
            }
            end += 1;
        }
        characters.len()
    };
    while let Some(&c) = characters.get(at) {
        let (end, name) = if c == '\'' {
            (until(at, '\''), None)
        } else if c == '"' {
            let end = until(at, '"');
            let inner: String = characters[at + 1..end.saturating_sub(1).max(at + 1)].iter().collect();
            (end, Some(inner.replace("\"\"", "\"")))
        } else if c == '_' || c.is_alphabetic() {
            let length =
                characters[at..].iter().take_while(|c| **c == '_' || **c == '$' || c.is_alphanumeric());
            let end = at + length.count();
            (end, Some(characters[at..end].iter().collect::<String>().to_ascii_lowercase()))
        } else if c.is_ascii_digit() {
            let length = characters[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '.');
            (at + length.count(), None)
        } else {
            (at + 1, None)
        };
        let next = characters[end..].iter().copied().find(|c| !c.is_whitespace());
        // A type's name after `::` is no column.
        let is_type = out.trim_end().ends_with("::");
        match name.filter(|_| !is_type).and_then(|name| replace(&name, next)) {
            Some(new) => out.push_str(&new),
            None => out.extend(&characters[at..end]),
        }
        at = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::replace_identifier;

    #[test]
    fn only_the_column_is_renamed() {
        let renamed = |text| replace_identifier(text, "a", "New");
        assert_eq!(renamed("a > 0 and A < 'a' || b.a"), "\"New\" > 0 and \"New\" < 'a' || b.\"New\"");
        assert_eq!(renamed("a(\"a\") and ab = 1 and \"A\" = 2"), "a(\"New\") and ab = 1 and \"A\" = 2");
        assert_eq!(renamed("b::a = 'it''s a'"), "b::a = 'it''s a'");
    }
}
