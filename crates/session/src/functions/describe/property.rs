//! pg_index_column_has_property() and its kin: every index is a B-tree's like.

use super::At;
use types::{Result, Value};

pub(super) fn call(at: &At<'_>, function: &str, args: &[Value]) -> Result<Value> {
    let found = match (function, args) {
        ("pg_indexam_has_property", [Value::Oid(403), Value::Text(property)]) => {
            method(&property.to_lowercase())
        }
        ("pg_index_has_property", [Value::Oid(oid), Value::Text(property)]) => {
            at.index(*oid).and_then(|_| index(&property.to_lowercase()))
        }
        ("pg_index_column_has_property", [Value::Oid(oid), Value::Int4(column), Value::Text(property)]) => {
            let position = usize::try_from(*column).ok().and_then(|column| column.checked_sub(1));
            let found = at.index(*oid);
            position.zip(found).and_then(|(position, (_, index))| {
                self::column(index.columns.get(position)?, &property.to_lowercase())
            })
        }
        _ => None,
    };
    Ok(found.map_or(Value::Null, Value::Bool))
}

fn method(property: &str) -> Option<bool> {
    match property {
        "can_order" | "can_unique" | "can_multi_col" => Some(true),
        "can_exclude" | "can_include" => Some(false),
        _ => None,
    }
}

fn index(property: &str) -> Option<bool> {
    match property {
        "index_scan" | "backward_scan" => Some(true),
        "clusterable" | "bitmap_scan" => Some(false),
        _ => None,
    }
}

fn column(column: &types::schema::IndexColumn, property: &str) -> Option<bool> {
    match property {
        "asc" => Some(!column.descending),
        "desc" => Some(column.descending),
        "nulls_first" => Some(column.nulls_first),
        "nulls_last" => Some(!column.nulls_first),
        "orderable" | "returnable" | "search_array" | "search_nulls" => Some(true),
        "distance_orderable" => Some(false),
        _ => None,
    }
}
