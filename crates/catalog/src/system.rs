//! Relations computed from the catalog: pg_catalog, information_schema, ledger. A file per family.
//!
//! ```text
//!   shapes.txt ── shape ──> descriptors          PostgreSQL's OIDs, names, types, in its order
//!   Transaction + Surroundings ── Source ──> rows of one relation, by the family that has it
//!       relation, constraint, data_type, routine, role, listing, session, standard (information_schema), ledger
//!   definition, acl                              how an index, a constraint, a privilege list reads as text
//! ```
//! A relation that no family fills is empty because what it lists does not exist here (triggers, partitions, text
//! search, foreign servers). It never reads users' rows, and never shows a secret: passwords read as stars or NULL.

mod acl;
mod base_type;
mod cast_table;
mod constraint;
mod data_type;
pub mod definition;
mod dependency;
mod ledger;
mod listing;
mod privilege;
mod relation;
mod role;
mod routine;
mod row;
mod session;
mod shape;
mod source;
mod standard;

pub use acl::{Item, default_acl, parse_item};
pub use base_type::{input_output_function, input_output_name};

use crate::transaction::Transaction;
use source::Source;
use std::sync::Arc;
use types::schema::{Relation, RelationKind};
use types::vector::Data;
use types::{Batch, DataType, Error, Oid, Result, Value, Vector};

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
    &shape::shapes().relations
}

/// Whether a system relation is a view in PostgreSQL (`pg_class.relkind`).
pub fn is_view(relation: Oid) -> bool {
    shape::shapes().views.contains(&relation)
}

/// The rows of one, in the order of its columns. Of a sequence: its one row.
pub fn rows(
    relation: &Relation,
    transaction: &Transaction,
    surroundings: &dyn Surroundings,
) -> Result<Batch> {
    let rows = match relation.kind {
        RelationKind::Sequence => {
            let (value, called) = transaction.sequence_value(relation.oid)?;
            vec![vec![Value::Int8(value), Value::Int8(0), Value::Bool(called)]]
        }
        _ => computed(relation, &Source::new(transaction, surroundings)?)?,
    };
    let mut batch = Batch::new(relation.live().map(|column| column.ty.data_type));
    for row in rows {
        let fits = row.len() == batch.columns.len()
            && batch.columns.iter().zip(&row).all(|(column, value)| fits(column, value));
        if !fits {
            return Err(Error::internal(format!("a row of {} that does not fit it", relation.name)));
        }
        batch.push_row(&row);
    }
    Ok(batch)
}

fn computed(relation: &Relation, source: &Source<'_>) -> Result<Vec<Vec<Value>>> {
    let name = relation.name.as_str();
    let found = match relation.schema.as_str() {
        "pg_catalog" => relation::rows(name, source)
            .or_else(|| constraint::rows(name, source))
            .or_else(|| dependency::rows(name, source))
            .or_else(|| data_type::rows(name, source))
            .or_else(|| routine::rows(name, source))
            .or_else(|| role::rows(name, source))
            .or_else(|| listing::rows(name, source))
            .or_else(|| session::rows(name, source)),
        "information_schema" => standard::rows(name, source).or_else(|| privilege::rows(name, source)),
        _ => ledger::rows(name, source),
    };
    found.unwrap_or(Ok(vec![]))
}

/// Whether a value has the layout of a column: what comes from elsewhere must not make a push panic.
fn fits(column: &Vector, value: &Value) -> bool {
    match (&column.data, value) {
        (_, Value::Null)
        | (Data::Bool(_), Value::Bool(_))
        | (Data::I16(_), Value::Int2(_))
        | (Data::I32(_), Value::Int4(_))
        | (Data::U32(_), Value::Oid(_))
        | (Data::F32(_), Value::Float4(_))
        | (Data::F64(_), Value::Float8(_))
        | (Data::Interval(_), Value::Interval(_))
        | (Data::Uuid(_), Value::Uuid(_))
        | (Data::Value(_), Value::Array(_)) => true,
        (Data::I64(_), Value::Int8(_)) => column.data_type == DataType::Int8,
        (Data::I64(_), Value::Timestamp(_)) => column.data_type == DataType::TimestampTz,
        (Data::Bytes(_), Value::Text(_)) => column.data_type != DataType::Bytea,
        _ => false,
    }
}
