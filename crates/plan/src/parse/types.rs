//! Type names in our own parsers (PostgreSQL 15, chapter 8).

use super::cursor::Cursor;
use super::lexer::Kind;
use types::{ColumnType, DataType, Result, err};

/// A type with its modifier; `serial` and friends are a column's business.
pub fn column_type(cursor: &mut Cursor<'_>) -> Result<ColumnType> {
    let position = cursor.position();
    let scalar = scalar(cursor)?;
    let mut array = false;
    while cursor.eat_symbol("[") {
        if !cursor.is_symbol("]") {
            cursor.integer()?;
        }
        cursor.expect_symbol("]")?;
        array = true;
    }
    if cursor.eat("array") {
        if cursor.eat_symbol("[") {
            cursor.integer()?;
            cursor.expect_symbol("]")?;
        }
        array = true;
    }
    if !array {
        return Ok(scalar);
    }
    match scalar.data_type.array() {
        Some(data_type) => Ok(ColumnType::new(data_type, scalar.typmod)),
        None => {
            Err(err!(UndefinedObject, "type \"{}[]\" does not exist", scalar.data_type.sql_name())
                .at(position))
        }
    }
}

/// The modifiers in parentheses, if any.
fn modifiers(cursor: &mut Cursor<'_>) -> Result<Vec<i64>> {
    if cursor.is_symbol("(") { cursor.parenthesised(|cursor| cursor.integer()) } else { Ok(vec![]) }
}

fn scalar(cursor: &mut Cursor<'_>) -> Result<ColumnType> {
    use DataType::*;
    let position = cursor.position();
    let quoted = matches!(cursor.peek().map(|token| &token.kind), Some(Kind::Quoted(_)));
    let mut name = cursor.label()?;
    if cursor.is_symbol(".") {
        let schema = name;
        cursor.advance();
        name = cursor.label()?;
        if schema != "pg_catalog" {
            return Err(err!(UndefinedObject, "type \"{schema}.{name}\" does not exist").at(position));
        }
    }
    if quoted && name == "char" {
        return Ok(Char.into());
    }
    let data_type = match name.as_str() {
        "boolean" => Bool,
        "smallint" => Int2,
        "int" | "integer" => Int4,
        "bigint" => Int8,
        "real" => Float4,
        "float" => {
            return match modifiers(cursor)?.as_slice() {
                [] | [25..=53] => Ok(Float8.into()),
                [1..=24] => Ok(Float4.into()),
                [p] if *p < 1 => {
                    Err(err!(InvalidParameterValue, "precision for type float must be at least 1 bit")
                        .at(position))
                }
                _ => Err(err!(InvalidParameterValue, "precision for type float must be less than 54 bits")
                    .at(position)),
            };
        }
        "double" => {
            cursor.expect("precision")?;
            Float8
        }
        "decimal" | "dec" | "numeric" => Numeric,
        "character" | "char" | "nchar" => {
            let varying = cursor.eat("varying");
            return length(cursor, if varying { Varchar } else { Bpchar }, !varying, position);
        }
        "varchar" => return length(cursor, Varchar, false, position),
        "bpchar" => return length(cursor, Bpchar, false, position),
        "time" | "timestamp" => {
            let precision = modifiers(cursor)?;
            let zone = if cursor.eat("with time zone") {
                true
            } else {
                cursor.eat("without time zone");
                false
            };
            let data_type = match (name.as_str(), zone) {
                ("time", false) => Time,
                ("time", true) => TimeTz,
                (_, false) => Timestamp,
                (_, true) => TimestampTz,
            };
            return with_precision(data_type, &precision, position);
        }
        "timetz" | "timestamptz" => {
            let precision = modifiers(cursor)?;
            return with_precision(if name == "timetz" { TimeTz } else { TimestampTz }, &precision, position);
        }
        "interval" => {
            const FIELDS: [&str; 6] = ["year", "month", "day", "hour", "minute", "second"];
            if FIELDS.iter().any(|field| cursor.is(field)) {
                return Err(cursor.unsupported("an interval type with fields", "Use plain interval."));
            }
            if cursor.is_symbol("(") {
                return Err(cursor.unsupported("an interval type with a precision", "Use plain interval."));
            }
            Interval
        }
        other => DataType::from_name(other)
            .filter(|found| !matches!(found, Unknown | Record | Void))
            .ok_or_else(|| err!(UndefinedObject, "type \"{other}\" does not exist").at(position))?,
    };
    if data_type == Numeric {
        return numeric(&modifiers(cursor)?, position);
    }
    if cursor.is_symbol("(") {
        return Err(err!(SyntaxError, "type modifier is not allowed for type \"{name}\"").at(position));
    }
    Ok(data_type.into())
}

fn length(
    cursor: &mut Cursor<'_>,
    data_type: DataType,
    default_one: bool,
    position: usize,
) -> Result<ColumnType> {
    let name = if data_type == DataType::Varchar { "varchar" } else { "char" };
    match modifiers(cursor)?.as_slice() {
        [] => Ok(ColumnType::new(data_type, if default_one { 5 } else { -1 })),
        [n] if *n < 1 => {
            Err(err!(InvalidParameterValue, "length for type {name} must be at least 1").at(position))
        }
        [n] if *n > 10_485_760 => {
            Err(err!(InvalidParameterValue, "length for type {name} cannot exceed 10485760").at(position))
        }
        [n] => Ok(ColumnType::new(data_type, *n as i32 + 4)),
        _ => Err(err!(InvalidParameterValue, "invalid type modifier").at(position)),
    }
}

fn with_precision(data_type: DataType, precision: &[i64], position: usize) -> Result<ColumnType> {
    match precision {
        [] => Ok(data_type.into()),
        [p] if *p < 0 => {
            Err(err!(InvalidParameterValue, "{data_type} precision must not be negative").at(position))
        }
        // PostgreSQL warns and takes 6.
        [p] => Ok(ColumnType::new(data_type, (*p).min(6) as i32)),
        _ => Err(err!(InvalidParameterValue, "invalid type modifier").at(position)),
    }
}

fn numeric(modifiers: &[i64], position: usize) -> Result<ColumnType> {
    let (precision, scale) = match modifiers {
        [] => return Ok(DataType::Numeric.into()),
        [precision] => (*precision, 0),
        [precision, scale] => (*precision, *scale),
        _ => return Err(err!(InvalidParameterValue, "invalid NUMERIC type modifier").at(position)),
    };
    if !(1..=1000).contains(&precision) {
        return Err(err!(InvalidParameterValue, "NUMERIC precision {precision} must be between 1 and 1000")
            .at(position));
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(
            err!(InvalidParameterValue, "NUMERIC scale {scale} must be between -1000 and 1000").at(position)
        );
    }
    Ok(ColumnType::new(DataType::Numeric, (((precision as i32) << 16) | (scale as i32 & 0x7ff)) + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String> {
        let tokens = super::super::lexer::lex(text)?;
        let mut cursor = Cursor::new(text, &tokens);
        let ty = column_type(&mut cursor)?;
        cursor.end()?;
        Ok(ty.to_string())
    }

    #[test]
    fn prints_as_format_type_does() {
        for (text, expected) in [
            ("int", "integer"),
            ("double precision", "double precision"),
            ("numeric(10,2)", "numeric(10,2)"),
            ("numeric(3,-2)", "numeric(3,-2)"),
            ("char", "character(1)"),
            ("character varying(20)", "character varying(20)"),
            ("varchar", "character varying"),
            ("timestamp(3) with time zone", "timestamp(3) with time zone"),
            ("time", "time without time zone"),
            ("text[]", "text[]"),
            ("int4[3][]", "integer[]"),
            ("int array", "integer[]"),
            ("pg_catalog.int8", "bigint"),
            ("\"char\"", "\"char\""),
            ("float(24)", "real"),
        ] {
            assert_eq!(parsed(text).unwrap(), expected, "{text}");
        }
        for text in ["nothing", "varchar(0)", "numeric(0)", "int(4)", "unknown", "double"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
