//! What the rows are computed from: the catalog that a transaction sees, and its surroundings.

use super::{Role, Surroundings};
use crate::state::State;
use crate::system_tables::SYSTEM_SCHEMAS;
use crate::transaction::Transaction;
use std::collections::HashMap;
use std::sync::Arc;
use types::schema::{Relation, RelationKind};
use types::{Oid, Result};

pub(super) struct Source<'a> {
    pub transaction: &'a Transaction,
    pub state: Arc<State>,
    pub surroundings: &'a dyn Surroundings,
    pub roles: Vec<Role>,
    pub database: String,
    role_names: HashMap<Oid, String>,
}

impl<'a> Source<'a> {
    pub fn new(transaction: &'a Transaction, surroundings: &'a dyn Surroundings) -> Result<Source<'a>> {
        let roles = surroundings.roles()?;
        Ok(Source {
            transaction,
            state: transaction.state().clone(),
            role_names: roles.iter().map(|role| (role.oid, role.name.clone())).collect(),
            database: surroundings.current_database(),
            surroundings,
            roles,
        })
    }

    /// Tables, views and sequences that users made.
    pub fn own(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.state.relations.values()
    }

    pub fn tables(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.own().filter(|relation| relation.kind == RelationKind::Table)
    }

    pub fn sequences(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.own().filter(|relation| relation.kind == RelationKind::Sequence)
    }

    pub fn views(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.own().filter(|relation| relation.kind == RelationKind::View)
    }

    /// And the system's.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Relation>> {
        super::relations().iter().chain(self.own())
    }

    /// A role's name, or what PostgreSQL writes for one that is gone.
    pub fn role(&self, oid: Oid) -> String {
        self.role_names.get(&oid).cloned().unwrap_or_else(|| format!("unknown (OID={oid})"))
    }

    /// Every schema: oid, name, owner.
    pub fn namespaces(&self) -> Vec<(Oid, String, Oid)> {
        let system = SYSTEM_SCHEMAS
            .iter()
            .map(|(oid, name)| (*oid, (*name).to_owned(), crate::system_tables::BOOTSTRAP_ROLE));
        let own = self.state.namespaces.values();
        system.chain(own.map(|schema| (schema.oid, schema.name.clone(), schema.owner))).collect()
    }

    /// This database's OID.
    pub fn database_oid(&self) -> Result<Oid> {
        let databases = self.surroundings.databases()?;
        let found = databases.iter().find(|(_, name, _)| *name == self.database);
        Ok(found.map_or(0, |(oid, _, _)| *oid))
    }
}

/// `pg_class.relkind`.
pub(super) fn kind(relation: &Relation) -> char {
    match relation.kind {
        RelationKind::Table => 'r',
        RelationKind::View => 'v',
        RelationKind::Sequence => 'S',
        RelationKind::System if super::is_view(relation.oid) => 'v',
        RelationKind::System => 'r',
    }
}
