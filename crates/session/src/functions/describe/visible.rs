//! Whether a name without its schema finds an object: pg_table_is_visible() and its kin.

use super::At;
use catalog::state::Named;
use types::{DataType, Oid, Result, Value};

pub(super) fn is_visible(at: &At<'_>, function: &str, oid: Oid) -> Result<Value> {
    let known = match function {
        "pg_table_is_visible" => return table(at, oid),
        "pg_type_is_visible" => DataType::from_oid(oid).is_some() || PSEUDO_TYPES.contains(&oid),
        "pg_function_is_visible" => return Ok(self::function(at, oid)),
        "pg_operator_is_visible" => expr::operator::all().any(|operator| operator.oid == oid),
        "pg_collation_is_visible" => [100, 950, 951].contains(&oid),
        // Everything else that there is, is in pg_catalog.
        "pg_opclass_is_visible" | "pg_opfamily_is_visible" => oid < catalog::system_tables::FIRST_USER_OID,
        _ => false,
    };
    Ok(if known { Value::Bool(true) } else { Value::Null })
}

/// any, anyarray, anyelement, anynonarray, anycompatible, anycompatiblearray, cstring, internal, trigger and
/// event_trigger.
const PSEUDO_TYPES: [Oid; 10] = [2276, 2277, 2283, 2776, 5077, 5078, 2275, 2281, 2279, 3838];

fn table(at: &At<'_>, oid: Oid) -> Result<Value> {
    let schema = at.schema();
    let state = at.transaction.state();
    let (namespace, name) = match (schema.relation_by_oid(oid)?, at.index(oid)) {
        (Some(relation), _) => (relation.schema.clone(), relation.name.clone()),
        (None, Some((table, index))) => (table.schema.clone(), index.name.clone()),
        (None, None) => return Ok(Value::Null),
    };
    for candidate in schema.search_path() {
        let found = match state.namespace_oid(&candidate).and_then(|found| state.named(found, &name)) {
            Some(Named::Relation(found)) => Some(found),
            Some(Named::Index { index, .. }) => Some(index),
            None => schema.relation(Some(&candidate), &name)?.map(|relation| relation.oid),
        };
        if let Some(found) = found {
            return Ok(Value::Bool(found == oid));
        }
        if candidate == namespace {
            break;
        }
    }
    Ok(Value::Bool(false))
}

fn function(at: &At<'_>, oid: Oid) -> Value {
    let name = match expr::function::by_oid(oid) {
        Some(function) => function.name,
        None if expr::aggregate::all().any(|aggregate| aggregate.oid == oid) => return Value::Bool(true),
        None => return Value::Null,
    };
    match name.split_once('.') {
        None => Value::Bool(true),
        Some((schema, _)) => Value::Bool(at.known.search_path().iter().any(|path| path == schema)),
    }
}
