//! CREATE VIEW.

use super::Syntax;
use crate::parse::cursor::Cursor;
use crate::parse::parse_inner;
use crate::statement::Field;
use types::{ColumnType, DataType, Result, err};

/// After CREATE [OR REPLACE] VIEW.
pub fn create(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<Syntax> {
    let name = cursor.name()?;
    let columns =
        if cursor.is_symbol("(") { cursor.parenthesised(|cursor| cursor.identifier())? } else { vec![] };
    if cursor.is("with") {
        return Err(cursor.unsupported("CREATE VIEW ... WITH (options)", "Leave the options out."));
    }
    cursor.expect("as")?;
    let start = cursor.peek().map_or(cursor.text.len(), |token| token.start);
    let mark = cursor.mark();
    let check = |cursor: &Cursor<'_>| {
        cursor.are("with check option")
            || cursor.are("with local check option")
            || cursor.are("with cascaded check option")
    };
    cursor.text_until(check)?;
    if check(cursor) {
        return Err(cursor.unsupported("WITH CHECK OPTION", "Views are read-only."));
    }
    let query = Box::new(parse_inner(cursor.text, start, cursor.between(mark, cursor.mark()))?);
    Ok(Syntax::View { name, or_replace, columns, query })
}

/// A query's columns under new names: fewer names than columns are fine, more are not (`too_many`). Unknown is text.
pub fn columns_of(fields: &[Field], names: &[String], too_many: &str) -> Result<Vec<(String, ColumnType)>> {
    if names.len() > fields.len() {
        return Err(err!(SyntaxError, "{too_many}"));
    }
    let mut columns: Vec<(String, ColumnType)> = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let name = names.get(at).unwrap_or(&field.name).clone();
        if columns.iter().any(|(other, _)| *other == name) {
            return Err(err!(DuplicateColumn, "column \"{name}\" specified more than once"));
        }
        let ty = match field.ty.data_type {
            DataType::Unknown => DataType::Text.into(),
            DataType::Void | DataType::Record => {
                return Err(err!(
                    InvalidTableDefinition,
                    "column \"{name}\" has pseudo-type {}",
                    field.ty.data_type.sql_name()
                ));
            }
            _ => field.ty,
        };
        columns.push((name, ty));
    }
    Ok(columns)
}
