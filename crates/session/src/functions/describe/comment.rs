//! obj_description(), col_description(), shobj_description(): what COMMENT ON said.

use super::At;
use types::{Oid, Result, Value};

pub(super) fn call(at: &At<'_>, function: &str, args: &[Value]) -> Result<Value> {
    match (function, args) {
        ("col_description", [Value::Oid(table), Value::Int4(column)]) => {
            let relation = at.transaction.state().relations.get(table);
            let id = u32::try_from(*column).unwrap_or(0);
            let column = relation.and_then(|relation| relation.column(id));
            Ok(text(column.and_then(|column| column.comment.as_ref())))
        }
        ("obj_description", [Value::Oid(oid), Value::Text(class)]) => Ok(match class.as_str() {
            "pg_class" => of_relation(at, *oid),
            "pg_namespace" => of_schema(at, *oid),
            _ => Value::Null,
        }),
        ("obj_description", [Value::Oid(oid)]) => Ok(match of_relation(at, *oid) {
            Value::Null => of_schema(at, *oid),
            found => found,
        }),
        // Roles, databases and tablespaces have no comments.
        _ => Ok(Value::Null),
    }
}

fn of_relation(at: &At<'_>, oid: Oid) -> Value {
    match at.transaction.state().relations.get(&oid) {
        Some(relation) => text(relation.comment.as_ref()),
        None => at.index(oid).map_or(Value::Null, |(_, index)| text(index.comment.as_ref())),
    }
}

fn of_schema(at: &At<'_>, oid: Oid) -> Value {
    match (oid, at.transaction.state().namespaces.get(&oid)) {
        (_, Some(schema)) => text(schema.comment.as_ref()),
        (11, _) => Value::text("system catalog schema"),
        (99, _) => Value::text("reserved schema for TOAST tables"),
        _ => Value::Null,
    }
}

fn text(comment: Option<&String>) -> Value {
    comment.map_or(Value::Null, Value::text)
}
