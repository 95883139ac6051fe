//! pg_relation_size() and its kin: estimates of how large the rows are, not of what the log takes on disk.
//!
//! A table has no file of its own: its rows stand in the log between those of others, and in an index.

use super::At;
use types::schema::{Relation, RelationKind};
use types::{ColumnType, Oid, Result, Value};

/// A row's key, numbers and lengths, about.
const ROW_OVERHEAD_BYTES: f64 = 32.0;
/// A value of variable length, about.
const VARIABLE_BYTES: f64 = 24.0;

pub(super) fn call(at: &At<'_>, function: &str, object: &Value) -> Result<Value> {
    let size = match function {
        "pg_database_size" | "pg_tablespace_size" => Some(all(at)),
        _ => match object {
            Value::Oid(oid) => of_object(at, function, *oid)?,
            _ => None,
        },
    };
    Ok(size.map_or(Value::Null, |bytes| Value::Int8(bytes as i64)))
}

fn of_object(at: &At<'_>, function: &str, oid: Oid) -> Result<Option<f64>> {
    let Some(relation) = at.relation(oid)? else {
        return Ok(at.index(oid).map(|(table, index)| one_index(at, &table, &index)));
    };
    let indexes = || relation.indexes.iter().map(|index| one_index(at, &relation, index)).sum::<f64>();
    Ok(Some(match function {
        "pg_indexes_size" => indexes(),
        "pg_total_relation_size" => table(at, &relation) + indexes(),
        _ => table(at, &relation),
    }))
}

fn all(at: &At<'_>) -> f64 {
    let relations = at.transaction.state().relations.values();
    relations
        .map(|relation| {
            let indexes = relation.indexes.iter().map(|index| one_index(at, relation, index)).sum::<f64>();
            table(at, relation) + indexes
        })
        .sum()
}

fn rows(at: &At<'_>, relation: &Relation) -> f64 {
    match relation.kind {
        RelationKind::Table => at.schema().estimated_rows(relation),
        _ => 0.0,
    }
}

fn table(at: &At<'_>, relation: &Relation) -> f64 {
    let width: f64 = relation.live().map(|column| width(column.ty)).sum();
    rows(at, relation) * (ROW_OVERHEAD_BYTES + width)
}

/// A primary key is the order of the rows: nothing beside them.
fn one_index(at: &At<'_>, relation: &Relation, index: &types::schema::Index) -> f64 {
    if index.primary {
        return 0.0;
    }
    let width: f64 = index
        .columns
        .iter()
        .map(|column| match &column.key {
            types::schema::IndexKey::Column(id) => relation.column(*id).map_or(0.0, |c| width(c.ty)),
            types::schema::IndexKey::Expression(_, ty) => width(*ty),
        })
        .sum();
    rows(at, relation) * (ROW_OVERHEAD_BYTES + width)
}

fn width(ty: ColumnType) -> f64 {
    match ty.data_type.len() {
        length if length > 0 => f64::from(length),
        _ => VARIABLE_BYTES,
    }
}
