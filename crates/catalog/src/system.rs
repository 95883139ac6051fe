//! Relations computed from the catalog: pg_catalog, information_schema, ledger. A file per family.
//!
//! Their OIDs are PostgreSQL's where it has them; their columns are all of PostgreSQL's, in its order.

use crate::transaction::Transaction;
use std::sync::Arc;
use types::schema::Relation;
use types::{Batch, Oid, Result, Value};

/// What a system relation may know beside the transaction: the session and the cluster, as values.
pub trait Surroundings {
    fn current_user(&self) -> Oid;
    fn current_database(&self) -> String;
    fn search_path(&self) -> Vec<String>;
    /// (oid, name, superuser, inherit, create role, create db, login, connection limit)
    fn roles(&self) -> Result<Vec<Role>>;
    fn memberships(&self) -> Result<Vec<(Oid, Oid, bool)>>;
    /// (oid, name, owner)
    fn databases(&self) -> Result<Vec<(Oid, String, Oid)>>;
    /// name, value, unit, category, short description, context, vartype, source, boot value, reset value
    fn settings(&self) -> Vec<Vec<String>>;
    /// pg_prepared_statements, pg_cursors, pg_stat_activity, pg_locks as rows by relation name.
    fn session_rows(&self, relation: &str) -> Result<Vec<Vec<Value>>>;
}

#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    pub oid: Oid,
    pub name: String,
    pub superuser: bool,
    pub inherit: bool,
    pub create_role: bool,
    pub create_database: bool,
    pub login: bool,
    pub connection_limit: i32,
}

/// Every system relation's descriptor.
pub fn relations() -> &'static [Arc<Relation>] {
    &[]
}

/// The rows of one, in the order of its columns.
pub fn rows(
    _relation: &Relation,
    _transaction: &Transaction,
    _surroundings: &dyn Surroundings,
) -> Result<Batch> {
    todo!()
}
