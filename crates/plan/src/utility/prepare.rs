//! PREPARE, EXECUTE, DEALLOCATE.

use super::Utility;
use crate::parse::cursor::Cursor;
use crate::parse::{parse_inner, types::column_type};
use types::Result;

pub fn prepare(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let name = cursor.identifier()?;
    let types = if cursor.is_symbol("(") {
        cursor.parenthesised(|cursor| column_type(cursor).map(|ty| ty.data_type))?
    } else {
        vec![]
    };
    cursor.expect("as")?;
    let position = cursor.position();
    let (start, text) = cursor.rest();
    let statement = parse_inner(cursor.text, start, text)?;
    if !matches!(statement.syntax, crate::parse::Syntax::Sql(_)) {
        return Err(
            types::err!(SyntaxError, "PREPARE needs a SELECT, INSERT, UPDATE, DELETE or VALUES").at(position)
        );
    }
    Ok(Utility::Prepare { name, types, statement })
}

pub fn execute(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let name = cursor.identifier()?;
    let arguments = if cursor.is_symbol("(") {
        cursor.parenthesised(|cursor| cursor.text_until(|cursor| cursor.is_symbol(",")))?
    } else {
        vec![]
    };
    Ok(Utility::Execute { name, arguments })
}

pub fn deallocate(cursor: &mut Cursor<'_>) -> Result<Utility> {
    cursor.eat("prepare");
    if cursor.eat("all") {
        return Ok(Utility::Deallocate(None));
    }
    Ok(Utility::Deallocate(Some(cursor.identifier()?)))
}
