//! array_agg, string_agg, json_agg and their kin: all values of a group, in the order they come.

use crate::aggregate::Accumulator;
use crate::columnwise::push;
use crate::context::Context;
use crate::eval::nest;
use crate::functions::json::{write, write_key};
use crate::functions::jsonb::{from_text, tree};
use types::json::Tree;
use types::{DataType, Error, Result, Value, Vector, err};

/// The rows of each group; what becomes of them is `finish`'s.
struct Collect {
    rows: Vec<Vec<Vec<Value>>>,
    /// Keeps rows whose first value is NULL.
    nulls: bool,
    args: Vec<DataType>,
    returns: DataType,
    make: Make,
}

type Make = fn(&[Vec<Value>], &[DataType], &Context<'_>) -> Result<Value>;

fn collect(args: &[DataType], returns: DataType, nulls: bool, make: Make) -> Box<dyn Accumulator> {
    Box::new(Collect { rows: vec![], nulls, args: args.to_vec(), returns, make })
}

impl Accumulator for Collect {
    fn update(
        &mut self,
        groups: &[usize],
        group_count: usize,
        args: &[Vector],
        _: &Context<'_>,
    ) -> Result<()> {
        self.rows.resize(group_count.max(self.rows.len()), Vec::new());
        for (row, &group) in groups.iter().enumerate() {
            if self.nulls || args.first().is_some_and(|arg| !arg.is_null(row)) {
                self.rows[group].push(args.iter().map(|arg| arg.get(row)).collect());
            }
        }
        Ok(())
    }

    fn finish(&mut self, group_count: usize, context: &Context<'_>) -> Result<Vector> {
        self.rows.resize(group_count.max(self.rows.len()), Vec::new());
        let mut out = Vector::new(self.returns);
        for rows in &self.rows[..group_count] {
            let value = if rows.is_empty() { Value::Null } else { (self.make)(rows, &self.args, context)? };
            push(&mut out, value)?;
        }
        Ok(out)
    }
}

fn first(row: &[Value]) -> &Value {
    row.first().unwrap_or(&Value::Null)
}

pub(super) fn array_agg(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    collect(args, returns, true, |rows, args, _| {
        let values: Vec<Value> = rows.iter().map(|row| first(row).clone()).collect();
        let ty = args.first().copied().unwrap_or(DataType::Unknown);
        let Some(element) = ty.element() else { return Ok(Value::array(ty, values)) };
        if values.iter().any(Value::is_null) {
            return Err(err!(NullValueNotAllowed, "cannot accumulate null arrays"));
        }
        if values.iter().any(|value| matches!(value, Value::Array(array) if array.values.is_empty())) {
            return Err(err!(ArraySubscriptError, "cannot accumulate empty arrays"));
        }
        nest(element, &values)
            .map_err(|_| err!(ArraySubscriptError, "cannot accumulate arrays of different dimensionality"))
    })
}

/// The separator of the first row is not used.
pub(super) fn string_agg(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    collect(args, returns, false, |rows, _, _| {
        let mut text = String::new();
        let mut bytes = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let separator = row.get(1).filter(|_| index > 0);
            for value in separator.into_iter().chain(row.first()) {
                match value {
                    Value::Text(part) => text.push_str(part),
                    Value::Bytea(part) => bytes.extend_from_slice(part),
                    Value::Null => {}
                    other => return Err(Error::internal(format!("string_agg was given {other:?}"))),
                }
            }
        }
        Ok(match rows.first().map(|row| first(row)) {
            Some(Value::Bytea(_)) => Value::Bytea(bytes),
            _ => Value::Text(text),
        })
    })
}

pub(super) fn json_agg(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    collect(args, returns, true, |rows, args, context| {
        let mut out = String::from("[");
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
                // Rows and arrays begin their own line.
                if matches!(first(row), Value::Array(_) | Value::Record(_)) {
                    out.push_str("\n ");
                }
            }
            write(first(row), args[0], context, &mut out)?;
        }
        out.push(']');
        Ok(Value::Text(out))
    })
}

pub(super) fn jsonb_agg(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    collect(args, returns, true, |rows, args, context| {
        let items: Result<Vec<Tree<'_>>> =
            rows.iter().map(|row| tree(first(row), args[0], context)).collect();
        Tree::Array(items?).encode().map(Value::Jsonb)
    })
}

fn object(rows: &[Vec<Value>], args: &[DataType], context: &Context<'_>) -> Result<String> {
    let mut out = String::from("{ ");
    for (index, row) in rows.iter().enumerate() {
        let [key, value] = row.as_slice() else {
            return Err(Error::internal("an object of other than pairs"));
        };
        if key.is_null() {
            return Err(err!(InvalidParameterValue, "field name must not be null"));
        }
        if index > 0 {
            out.push_str(", ");
        }
        write_key(key, args[0], context, &mut out)?;
        out.push_str(" : ");
        write(value, args[1], context, &mut out)?;
    }
    out.push_str(" }");
    Ok(out)
}

pub(super) fn json_object_agg(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    collect(args, returns, true, |rows, args, context| object(rows, args, context).map(Value::Text))
}

pub(super) fn jsonb_object_agg(args: &[DataType], returns: DataType) -> Box<dyn Accumulator> {
    collect(args, returns, true, |rows, args, context| from_text(&object(rows, args, context)?))
}
