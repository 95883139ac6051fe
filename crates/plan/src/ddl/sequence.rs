//! CREATE SEQUENCE and ALTER SEQUENCE, with their options in any order.

use crate::parse::cursor::Cursor;
use crate::parse::types::column_type;
use types::ddl::{Ddl, Name, ObjectKind, SequenceOptions};
use types::{DataType, Result, err};

pub fn create(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let if_not_exists = cursor.eat("if not exists");
    let name = cursor.name()?;
    let mut options = SequenceOptions::default();
    self::options(cursor, &mut options)?;
    if options.restart.is_some() {
        return Err(err!(SyntaxError, "RESTART is for ALTER SEQUENCE"));
    }
    Ok(Ddl::CreateSequence { name, if_not_exists, options })
}

pub fn alter(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let if_exists = cursor.eat("if exists");
    let name = cursor.name()?;
    let kind = ObjectKind::Sequence;
    if cursor.eat("rename to") {
        return Ok(Ddl::Rename { kind, name, if_exists, to: cursor.identifier()? });
    }
    if cursor.eat("owner to") {
        return Ok(Ddl::AlterOwner { kind, name, owner: cursor.identifier()? });
    }
    if cursor.eat("set schema") {
        return Ok(Ddl::SetSchema { kind, name, schema: cursor.identifier()? });
    }
    let mut options = SequenceOptions::default();
    self::options(cursor, &mut options)?;
    Ok(Ddl::AlterSequence { name, if_exists, options })
}

/// Reads options until something else comes.
pub fn options(cursor: &mut Cursor<'_>, options: &mut SequenceOptions) -> Result<()> {
    loop {
        let position = cursor.position();
        let repeated = |given: bool| {
            if given {
                Err(err!(SyntaxError, "conflicting or redundant options").at(position))
            } else {
                Ok(())
            }
        };
        if cursor.eat("as") {
            repeated(options.ty.is_some())?;
            let ty = column_type(cursor)?;
            if !matches!(ty.data_type, DataType::Int2 | DataType::Int4 | DataType::Int8) {
                return Err(err!(
                    InvalidParameterValue,
                    "sequence type must be smallint, integer, or bigint"
                )
                .at(position));
            }
            options.ty = Some(ty);
        } else if cursor.eat("start") {
            repeated(options.start.is_some())?;
            cursor.eat("with");
            options.start = Some(cursor.integer()?);
        } else if cursor.eat("increment") {
            repeated(options.increment.is_some())?;
            cursor.eat("by");
            options.increment = Some(cursor.integer()?);
        } else if cursor.eat("no minvalue") {
            repeated(options.minimum.is_some())?;
            options.minimum = Some(None);
        } else if cursor.eat("minvalue") {
            repeated(options.minimum.is_some())?;
            options.minimum = Some(Some(cursor.integer()?));
        } else if cursor.eat("no maxvalue") {
            repeated(options.maximum.is_some())?;
            options.maximum = Some(None);
        } else if cursor.eat("maxvalue") {
            repeated(options.maximum.is_some())?;
            options.maximum = Some(Some(cursor.integer()?));
        } else if cursor.eat("cache") {
            repeated(options.cache.is_some())?;
            let cache = cursor.integer()?;
            if cache < 1 {
                return Err(
                    err!(InvalidParameterValue, "CACHE ({cache}) must be greater than zero").at(position)
                );
            }
            options.cache = Some(cache);
        } else if cursor.eat("no cycle") {
            options.cycle = Some(false);
        } else if cursor.eat("cycle") {
            options.cycle = Some(true);
        } else if cursor.eat("owned by none") {
            options.owned_by = Some(None);
        } else if cursor.eat("owned by") {
            options.owned_by = Some(Some(column(cursor)?));
        } else if cursor.eat("restart") {
            repeated(options.restart.is_some())?;
            let with = cursor.eat("with");
            let number = with
                || matches!(cursor.peek().map(|t| &t.kind), Some(crate::parse::lexer::Kind::Number(_)))
                || cursor.is_symbol("-");
            options.restart = Some(if number { Some(cursor.integer()?) } else { None });
        } else if cursor.eat("sequence name") {
            // pg_dump names the sequence of an identity column: it is the one that we make.
            cursor.name()?;
        } else {
            return Ok(());
        }
    }
}

/// `[schema.]table.column`
fn column(cursor: &mut Cursor<'_>) -> Result<(Name, String)> {
    let mut parts = vec![cursor.identifier()?];
    while cursor.eat_symbol(".") {
        parts.push(cursor.label()?);
    }
    match <[String; 2]>::try_from(parts) {
        Ok([table, column]) => Ok((Name { schema: None, name: table }, column)),
        Err(parts) => match <[String; 3]>::try_from(parts) {
            Ok([schema, table, column]) => Ok((Name { schema: Some(schema), name: table }, column)),
            Err(_) => Err(err!(SyntaxError, "invalid OWNED BY option")
                .hint("Specify OWNED BY table.column or OWNED BY NONE.")),
        },
    }
}
