//! Casts: those of values are `types::cast`'s, those that need a catalog (`'t'::regclass`, `oid::regtype::text`) ask
//! the runtime.

use super::evaluate;
use crate::columnwise::push;
use crate::context::Context;
use crate::expr::Expr;
use std::borrow::Cow;
use types::{Array, Batch, ColumnType, DataType, Oid, Result, Value, Vector, err};

pub(super) fn cast<'a>(
    inner: &Expr,
    to: ColumnType,
    explicit: bool,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let operand = evaluate(inner, input, context, depth)?;
    let from = inner.data_type();
    if is_relabelling(from, to) {
        return Ok(operand);
    }
    if from.is_oid() && to.data_type.is_oid() {
        // The type decides how it prints.
        let mut relabelled = operand.into_owned();
        relabelled.data_type = to.data_type;
        return Ok(Cow::Owned(relabelled));
    }
    if needs_catalog(from, to.data_type) {
        let mut out = Vector::new(to.data_type);
        for row in 0..operand.len() {
            push(&mut out, by_name(&operand.get(row), from, to, explicit, context)?)?;
        }
        return Ok(Cow::Owned(out));
    }
    types::cast::cast_vector(&operand, to, explicit, context.settings).map(Cow::Owned)
}

/// The same bytes, and functions make no difference between the two types.
fn is_relabelling(from: DataType, to: ColumnType) -> bool {
    use DataType::*;
    let text = |ty| matches!(ty, Text | Varchar);
    to.typmod == -1 && (from == to.data_type || (text(from) && text(to.data_type)))
}

/// regclass and friends: what prints as a name.
fn is_named(data_type: DataType) -> bool {
    use DataType::*;
    matches!(data_type, Regclass | Regtype | Regproc | Regnamespace | Regrole)
}

fn needs_catalog(from: DataType, to: DataType) -> bool {
    match (from.element(), to.element()) {
        (None, None) => (is_named(from) && to.is_text()) || (from.is_text() && is_named(to)),
        (Some(from), Some(to)) => needs_catalog(from, to),
        // '{a,b}'::regclass[] and regclass[]::text
        (None, Some(to)) => from.is_text() && is_named(to),
        (Some(from), None) => is_named(from) && to.is_text(),
    }
}

fn by_name(
    value: &Value,
    from: DataType,
    to: ColumnType,
    explicit: bool,
    context: &Context<'_>,
) -> Result<Value> {
    let settings = context.settings;
    match (value, from.element(), to.data_type.element()) {
        (Value::Null, ..) => Ok(Value::Null),
        (Value::Oid(oid), ..) => {
            let name = Value::Text(printed(from, *oid, context)?);
            types::cast::cast(&name, DataType::Text, to, explicit, settings)
        }
        (Value::Array(array), Some(from_element), to_element) => {
            let element = to_element.unwrap_or(DataType::Text);
            let mut values = Vec::with_capacity(array.values.len());
            for value in &array.values {
                values.push(by_name(value, from_element, element.into(), explicit, context)?);
            }
            let named =
                Value::Array(Box::new(Array { element, dimensions: array.dimensions.clone(), values }));
            match to_element {
                Some(_) => Ok(named),
                None => types::cast::cast(&named, DataType::TextArray, to, explicit, settings),
            }
        }
        (Value::Text(_), _, Some(_)) => {
            let names =
                types::cast::cast(value, DataType::Text, DataType::TextArray.into(), explicit, settings)?;
            by_name(&names, DataType::TextArray, to, explicit, context)
        }
        (Value::Text(name), ..) => named(name, to.data_type, context).map(Value::Oid),
        _ => types::cast::cast(value, from, to, explicit, settings),
    }
}

/// As `regclassout` and its kin: a name, `-` for 0, else the number.
fn printed(data_type: DataType, oid: Oid, context: &Context<'_>) -> Result<String> {
    if oid == 0 {
        return Ok("-".into());
    }
    Ok(context.runtime.name_of(data_type, oid)?.unwrap_or_else(|| oid.to_string()))
}

/// As `regclassin` and its kin: a number, `-`, or a name.
fn named(name: &str, data_type: DataType, context: &Context<'_>) -> Result<Oid> {
    if name == "-" {
        return Ok(0);
    }
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return name
            .parse()
            .map_err(|_| err!(NumericValueOutOfRange, "value \"{name}\" is out of range for type oid"));
    }
    if let Some(oid) = context.runtime.oid_of(data_type, name)? {
        return Ok(oid);
    }
    Err(match data_type {
        DataType::Regclass => err!(UndefinedTable, "relation \"{name}\" does not exist"),
        DataType::Regproc => err!(UndefinedFunction, "function \"{name}\" does not exist"),
        DataType::Regnamespace => err!(InvalidSchemaName, "schema \"{name}\" does not exist"),
        DataType::Regrole => err!(UndefinedObject, "role \"{name}\" does not exist"),
        _ => err!(UndefinedObject, "type \"{name}\" does not exist"),
    })
}
