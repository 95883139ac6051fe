//! Schema changes: descriptors rewritten, objects made and dropped.
//!
//! ```text
//!   apply(Ddl) ── one DDL at a time per database (a lock held to the end of the transaction)
//!     ├── names resolved along the search path, table locks taken, dependencies asked
//!     ├── rows of the system tables written        (they are the change: versioned, provable)
//!     └── the transaction's State replaced         (what its next statement is planned against)
//! ```
//! Published to other transactions at commit. A file per kind of statement.

mod alter_table;
mod comment;
mod constraint;
mod create_table;
mod drop;
mod grant;
mod index;
mod names;
mod rename;
mod rewrite;
mod sequence;
mod truncate;
mod view;

pub use rename::FollowingView;

use crate::state::{Named, State};
use crate::system_tables::{self, RELATIONS, is_system_schema};
use crate::transaction::Transaction;
use expr::{Context, Expr, Runtime};
use kv::{LockWait, TableMode};
use std::sync::Arc;
use types::ddl::{Ddl, Name, ObjectKind};
use types::schema::{Column, Relation, RelationKind};
use types::{Batch, Error, Oid, Result, SqlState, Value, Vector};

impl Transaction {
    /// Carries out DDL; `user` becomes the owner of what is made. Returns notices ("table "x" does not exist,
    /// skipping"). Ownership has been checked by the caller through [`Transaction::may`].
    pub fn apply(&mut self, ddl: &Ddl, user: Oid) -> Result<Vec<Error>> {
        if self.is_read_only() {
            return Err(types::err!(ReadOnlySqlTransaction, "cannot execute DDL in a read-only transaction"));
        }
        // Tables before the one lock that all DDL shares: who waits for a table must not keep its writers from DDL.
        self.lock_named_tables(ddl)?;
        // One DDL at a time: names, dependencies and descriptors are then as they seem.
        self.kv.lock_table(RELATIONS, TableMode::Exclusive, LockWait::Block)?;
        if !self.changes_catalog {
            self.state = self.shared.settled();
        }
        // Checks that an earlier part of the statement left must not meet a changed table.
        self.run_checks()?;
        let mut notices = vec![];
        match ddl {
            Ddl::CreateTable(table) => self.create_table(table, user, &mut notices)?,
            Ddl::CreateView { name, or_replace, columns, query, references } => {
                self.create_view(name, *or_replace, columns, query, references, user)?;
            }
            Ddl::CreateIndex(index) => self.create_index(index, &mut notices)?,
            Ddl::CreateSequence { name, if_not_exists, options } => {
                self.create_sequence(name, *if_not_exists, options, user, &mut notices)?;
            }
            Ddl::CreateSchema { name, if_not_exists, owner } => {
                self.create_schema(name, *if_not_exists, owner.as_deref(), user, &mut notices)?;
            }
            Ddl::AlterTable { name, if_exists, actions } => {
                self.alter_table(name, *if_exists, actions, user, &mut notices)?;
            }
            Ddl::AlterSequence { name, if_exists, options } => {
                self.alter_sequence(name, *if_exists, options, &mut notices)?;
            }
            Ddl::Rename { kind, name, if_exists, to } => {
                self.rename(*kind, name, *if_exists, to, &mut notices)?
            }
            Ddl::AlterOwner { kind, name, owner } => self.alter_owner(*kind, name, owner)?,
            Ddl::SetSchema { kind, name, schema } => self.set_schema(*kind, name, schema)?,
            Ddl::Drop { kind, names, if_exists, cascade } => {
                self.drop_objects(*kind, names, *if_exists, *cascade, &mut notices)?;
            }
            Ddl::Truncate { names, restart_identity, cascade } => {
                self.truncate(names, *restart_identity, *cascade, &mut notices)?;
            }
            Ddl::Comment { on, text } => self.comment(on, text.as_deref())?,
            Ddl::Grant(grant) => self.grant(grant, user)?,
        }
        Ok(notices)
    }

    /// Locks the tables that a statement names, as far as they are there. They are found again under the DDL lock.
    fn lock_named_tables(&mut self, ddl: &Ddl) -> Result<()> {
        if !self.changes_catalog {
            self.state = self.shared.settled();
        }
        let (names, mode) = match ddl {
            Ddl::AlterTable { name, .. } | Ddl::AlterOwner { name, .. } | Ddl::SetSchema { name, .. } => {
                (std::slice::from_ref(name), TableMode::AccessExclusive)
            }
            Ddl::Rename { name, .. } => (std::slice::from_ref(name), TableMode::ShareUpdateExclusive),
            Ddl::CreateIndex(create) => (std::slice::from_ref(&create.table), TableMode::Share),
            Ddl::Drop { kind, names, .. } if *kind != ObjectKind::Schema => {
                (names.as_slice(), TableMode::AccessExclusive)
            }
            Ddl::Truncate { names, .. } => (names.as_slice(), TableMode::AccessExclusive),
            _ => return Ok(()),
        };
        for name in names {
            let oid = match self.find(name) {
                Ok(Some(Named::Relation(oid))) => oid,
                Ok(Some(Named::Index { table, .. })) => table,
                // Said under the lock, where it is certain.
                Ok(None) | Err(_) => continue,
            };
            self.kv.lock_table(oid, mode, LockWait::Block)?;
        }
        Ok(())
    }

    /// Replaces the transaction's catalog by a changed one.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut State)) {
        let mut state = State::clone(&self.state);
        change(&mut state);
        state.version = self.shared.version();
        state.index_since(&self.state);
        self.state = Arc::new(state);
        self.changes_catalog = true;
        self.forget_current();
    }

    /// Writes a descriptor: a new relation, or a new version of one.
    pub(crate) fn put_relation(&mut self, mut relation: Relation) -> Result<Arc<Relation>> {
        relation.descriptor_tx = 0;
        let oid = relation.oid;
        let cells = system_tables::relation_cells(&relation)?;
        self.kv.put(RELATIONS, &system_tables::oid_key(oid), cells, 0, vec![])?;
        if self.written.contains(&relation.object_id) {
            self.reencode.insert(relation.object_id);
        }
        self.edit(|state| {
            state.relations.insert(oid, Arc::new(relation));
        });
        self.relation(oid)
    }

    /// Changes a descriptor in place.
    pub(crate) fn change_relation(
        &mut self,
        oid: Oid,
        change: impl FnOnce(&mut Relation),
    ) -> Result<Arc<Relation>> {
        let mut relation = Relation::clone(&*self.relation(oid)?);
        change(&mut relation);
        self.put_relation(relation)
    }

    /// Own rows of a storage generation that ends in this transaction: they never were.
    pub(crate) fn discard_own_rows(&mut self, object: kv::ObjectId) -> Result<()> {
        if !self.written.contains(&object) {
            return Ok(());
        }
        self.each_written(object, |transaction, key, cells| match cells {
            Some(_) => transaction.kv.delete(object, &key, None, vec![]),
            None => Ok(()),
        })
    }

    /// The schema that a new object goes to: the one named, or the first of the search path that exists.
    pub(crate) fn creation_schema(&self, name: &Name) -> Result<Oid> {
        let oid = match &name.schema {
            Some(schema) => self.schema_oid(schema)?,
            None => {
                let mut existing =
                    self.search_path.iter().filter_map(|schema| self.state.namespace_oid(schema));
                existing.find(|oid| !is_system_schema(*oid)).ok_or_else(|| {
                    types::err!(InvalidSchemaName, "no schema has been selected to create in")
                })?
            }
        };
        if is_system_schema(oid) {
            let schema = name.schema.as_deref().unwrap_or_default();
            return Err(types::err!(InsufficientPrivilege, "permission denied for schema {schema}"));
        }
        Ok(oid)
    }

    pub(crate) fn schema_oid(&self, name: &str) -> Result<Oid> {
        let oid = self.state.namespace_oid(name);
        oid.ok_or_else(|| types::err!(InvalidSchemaName, "schema \"{name}\" does not exist"))
    }

    /// What a name means, along the search path.
    pub(crate) fn find(&self, name: &Name) -> Result<Option<Named>> {
        if let Some(schema) = &name.schema {
            return Ok(self.state.named(self.schema_oid(schema)?, &name.name));
        }
        let schemas = self.search_path.iter().filter_map(|schema| self.state.namespace_oid(schema));
        let mut found = schemas.filter_map(|schema| self.state.named(schema, &name.name));
        Ok(found.next())
    }

    /// A relation of any kind that is not an index; None where the name means nothing.
    pub(crate) fn find_relation(&self, name: &Name) -> Result<Option<Arc<Relation>>> {
        match self.find(name)? {
            Some(Named::Relation(oid)) => self.relation(oid).map(Some),
            Some(Named::Index { .. }) => Err(types::err!(WrongObjectType, "\"{}\" is an index", name.name)),
            None => Ok(None),
        }
    }

    /// 42P01 where there is none, 42809 where it is no table.
    pub(crate) fn find_table(&self, name: &Name) -> Result<Arc<Relation>> {
        let Some(relation) = self.find_relation(name)? else { return Err(no_relation(name)) };
        if relation.kind != RelationKind::Table {
            return Err(types::err!(WrongObjectType, "\"{}\" is not a table", relation.name));
        }
        Ok(relation)
    }

    pub(crate) fn lock_for_ddl(&mut self, relation: &Relation, mode: TableMode) -> Result<()> {
        self.kv.lock_table(relation.oid, mode, LockWait::Block)?;
        Ok(())
    }

    /// `t`, or `s.t` where the search path does not find it: how messages name it.
    pub(crate) fn display_name(&self, relation: &Relation) -> String {
        let visible = self.find(&Name { schema: None, name: relation.name.clone() });
        match visible {
            Ok(Some(Named::Relation(oid))) if oid == relation.oid => relation.name.clone(),
            _ => format!("{}.{}", relation.schema, relation.name),
        }
    }

    /// Evaluates an expression of a descriptor over rows. Only time may be asked for.
    pub(crate) fn evaluate(&self, expr: &Expr, batch: &Batch) -> Result<Vector> {
        let runtime = DdlRuntime { now: self.settings.now };
        let context = Context { parameters: &[], slots: &[], settings: &self.settings, runtime: &runtime };
        expr::eval(expr, batch, &context)
    }

    /// A column's default for one row: its own sequence's next value, or its expression.
    pub(crate) fn default_value(&mut self, relation: &Arc<Relation>, column: &Column) -> Result<Value> {
        let Some(default) = &column.default else { return Ok(Value::Null) };
        if let Some(sequence) = self.owned_sequence(relation.oid, column.id)
            && default.contains("nextval(")
        {
            let value = self.next_value(sequence)?;
            return types::cast::cast(
                &Value::Int8(value),
                types::DataType::Int8,
                column.ty,
                false,
                &self.settings,
            );
        }
        let bound = self.shared.binder.bind(default, relation, Some(column.ty))?;
        Ok(self.evaluate(&bound, &expr::context::one_row())?.get(0))
    }

    pub(crate) fn owned_sequence(&self, table: Oid, column: u32) -> Option<Oid> {
        self.owned_sequences(table).into_iter().find(|(_, owner)| *owner == column).map(|(oid, _)| oid)
    }

    /// Sequences that a table's columns own, with the column.
    pub(crate) fn owned_sequences(&self, table: Oid) -> Vec<(Oid, u32)> {
        let relations = self.state.relations.values();
        let owned = relations.filter_map(|relation| match relation.sequence.as_ref()?.owned_by? {
            (owner, column) if owner == table => Some((relation.oid, column)),
            _ => None,
        });
        owned.collect()
    }
}

/// Answers what the time is; nothing else is known in a descriptor's expression.
struct DdlRuntime {
    now: i64,
}

impl Runtime for DdlRuntime {
    fn call(&self, function: &'static expr::Function, args: &[Value]) -> Result<Value> {
        match function.name {
            "now" | "transaction_timestamp" | "statement_timestamp" | "clock_timestamp" => {
                Ok(Value::Timestamp(self.now))
            }
            _ => expr::context::NoRuntime.call(function, args),
        }
    }
    fn call_set(&self, function: &'static expr::Function, args: &[Value]) -> Result<Vec<Vec<Value>>> {
        expr::context::NoRuntime.call_set(function, args)
    }
    fn subplan(
        &self,
        plan: usize,
        kind: &expr::SubplanKind,
        first_slot: usize,
        args: &[Vector],
        left: &[Vector],
        rows: usize,
        slots: &[Value],
    ) -> Result<Vector> {
        expr::context::NoRuntime.subplan(plan, kind, first_slot, args, left, rows, slots)
    }
    fn name_of(&self, _: types::DataType, _: Oid) -> Result<Option<String>> {
        Ok(None)
    }
    fn oid_of(&self, _: types::DataType, _: &str) -> Result<Option<Oid>> {
        Ok(None)
    }
    fn check_interrupt(&self) -> Result<()> {
        Ok(())
    }
}

pub(crate) fn notice(message: impl Into<String>) -> Error {
    Error::new(SqlState::SuccessfulCompletion, message)
}

/// IF NOT EXISTS met what exists: the notice has the error's code, as PostgreSQL's.
pub(crate) fn exists_already(state: SqlState, message: &str) -> Error {
    Error::new(state, format!("{message}, skipping"))
}

pub(crate) fn no_relation(name: &Name) -> Error {
    let name = match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    };
    types::err!(UndefinedTable, "relation \"{name}\" does not exist")
}

pub(crate) fn no_column(relation: &Relation, column: &str) -> Error {
    types::err!(UndefinedColumn, "column \"{column}\" of relation \"{}\" does not exist", relation.name)
}

/// The word for a kind in messages.
pub(crate) fn kind_word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Table => "table",
        ObjectKind::View => "view",
        ObjectKind::Index => "index",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Schema => "schema",
    }
}

pub(crate) fn relation_word(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table | RelationKind::System => "table",
        RelationKind::View => "view",
        RelationKind::Sequence => "sequence",
    }
}

/// As SQL text names it: quoted where it must be.
pub(crate) fn quoted(name: &str) -> String {
    let plain = name
        .chars()
        .enumerate()
        .all(|(at, c)| c == '_' || c.is_ascii_lowercase() || (at > 0 && (c.is_ascii_digit() || c == '$')));
    if plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
