//! pg_get_indexdef(), pg_get_constraintdef(), pg_get_viewdef(), pg_get_serial_sequence(), pg_describe_object().

use super::At;
use crate::functions::name::quote;
use catalog::system::definition;
use types::schema::{ConstraintKind, RelationKind};
use types::{Oid, Result, Value, err};

/// With a column number and `pretty`: 0 stands for the whole.
pub(super) fn index(at: &At<'_>, oid: Oid, rest: &[Value]) -> Result<Value> {
    let Some((table, index)) = at.index(oid) else { return Ok(Value::Null) };
    let (column, pretty) = match rest {
        [Value::Int4(column), Value::Bool(pretty)] => (*column, *pretty),
        _ => (0, false),
    };
    if column != 0 {
        let position = usize::try_from(column).unwrap_or(0);
        return Ok(Value::Text(definition::index_column(&table, &index, position).unwrap_or_default()));
    }
    let qualified = format!("{}.{}", quote(&table.schema), quote(&table.name));
    let name = if pretty { at.visible_name(table.oid)?.unwrap_or(qualified) } else { qualified };
    Ok(Value::Text(definition::index(&table, &index, &name, pretty)))
}

pub(super) fn constraint(at: &At<'_>, oid: Oid, pretty: bool) -> Result<Value> {
    let Some((table, constraint)) = at.constraint(oid) else { return Ok(Value::Null) };
    let target = match &constraint.kind {
        ConstraintKind::ForeignKey(key) => at.relation(key.target)?,
        _ => None,
    };
    let name = match &target {
        Some(target) => at.visible_name(target.oid)?.unwrap_or_default(),
        None => String::new(),
    };
    let target = target.as_ref().map(|target| (&**target, name.as_str()));
    Ok(Value::Text(definition::constraint(&table, &constraint, target, pretty)))
}

/// By OID or by name.
pub(super) fn view(at: &At<'_>, view: &Value) -> Result<Value> {
    let oid = match view {
        Value::Oid(oid) => *oid,
        Value::Text(name) => match at.named(name)? {
            Some(oid) => oid,
            None => return Ok(Value::Null),
        },
        _ => return Ok(Value::Null),
    };
    let relation = at.relation(oid)?;
    Ok(match relation {
        Some(relation) => match &relation.view {
            Some(query) => Value::Text(definition::view(query)),
            None => Value::text("Not a view"),
        },
        None => Value::Null,
    })
}

/// The sequence that a serial or identity column owns, as text that regclass reads.
pub(super) fn serial_sequence(at: &At<'_>, table: &str, column: &str) -> Result<Value> {
    let Some(relation) = at.named(table)?.map(|oid| at.relation(oid)).transpose()?.flatten() else {
        return Ok(Value::Null);
    };
    let Some(found) = relation.column_named(column) else {
        return Err(err!(
            UndefinedColumn,
            "column \"{column}\" of relation \"{}\" does not exist",
            relation.name
        ));
    };
    let owner = Some((relation.oid, found.id));
    let state = at.transaction.state();
    let sequence = state
        .relations
        .values()
        .find(|candidate| candidate.sequence.as_ref().is_some_and(|sequence| sequence.owned_by == owner));
    Ok(sequence.map_or(Value::Null, |sequence| {
        Value::Text(format!("{}.{}", quote(&sequence.schema), quote(&sequence.name)))
    }))
}

/// `column a of table t`
pub(super) fn describe(at: &At<'_>, class: Oid, object: Oid, part: i32) -> Result<Value> {
    Ok(match class {
        1259 => match (at.relation(object)?, at.index(object)) {
            (Some(relation), _) => {
                let kind = match relation.kind {
                    RelationKind::View => "view",
                    RelationKind::Sequence => "sequence",
                    RelationKind::Table | RelationKind::System => "table",
                };
                let name = at.visible_name(object)?.unwrap_or_default();
                let column = u32::try_from(part).ok().filter(|part| *part > 0);
                match column.and_then(|column| relation.column(column)) {
                    Some(column) => Value::Text(format!("column {} of {kind} {name}", quote(&column.name))),
                    None => Value::Text(format!("{kind} {name}")),
                }
            }
            (None, Some((_, index))) => Value::Text(format!("index {}", quote(&index.name))),
            (None, None) => Value::Null,
        },
        2606 => match at.constraint(object) {
            Some((table, constraint)) => {
                let table = at.visible_name(table.oid)?.unwrap_or_default();
                Value::Text(format!("constraint {} on table {table}", quote(&constraint.name)))
            }
            None => Value::Null,
        },
        2615 => match crate::functions::name::schema_name(at.transaction, object) {
            Some(name) => Value::Text(format!("schema {}", quote(&name))),
            None => Value::Null,
        },
        1260 => Value::Text(format!("role {}", quote(&at.role(object)))),
        1247 => match types::DataType::from_oid(object) {
            Some(data_type) => Value::Text(format!("type {}", data_type.sql_name())),
            None => Value::Null,
        },
        _ => Value::Null,
    })
}
