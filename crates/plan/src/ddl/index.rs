//! CREATE INDEX.

use super::table::storage_parameter;
use crate::parse::cursor::Cursor;
use types::ddl::{CreateIndex, IndexColumnDefinition};
use types::{DataType, Error, Result, err};

/// From UNIQUE or INDEX on.
pub fn create(cursor: &mut Cursor<'_>) -> Result<CreateIndex> {
    let unique = cursor.eat("unique");
    cursor.expect("index")?;
    // Readers and writers are not held up longer either way; it may not run in a transaction block in PostgreSQL.
    if cursor.is("concurrently") {
        return Err(cursor.unsupported("CREATE INDEX CONCURRENTLY", "Leave CONCURRENTLY out."));
    }
    let if_not_exists = cursor.eat("if not exists");
    let name = if cursor.is("on") { None } else { Some(cursor.identifier()?) };
    cursor.expect("on")?;
    cursor.eat("only");
    let table = cursor.name()?;
    if cursor.eat("using") {
        let position = cursor.position();
        let method = cursor.identifier()?;
        if method != "btree" {
            return Err(Error::unsupported(format!("index method {method}"))
                .hint("Every index is ordered, like btree.")
                .at(position));
        }
    }
    let columns = cursor.parenthesised(column)?;
    if cursor.is("include") {
        return Err(cursor.unsupported("INCLUDE", "Every index finds its whole row."));
    }
    if cursor.is("nulls") {
        return Err(cursor.unsupported("NULLS NOT DISTINCT", "NULLs are distinct."));
    }
    if cursor.eat("with") {
        cursor.parenthesised(|cursor| storage_parameter(cursor, &mut false))?;
    }
    if cursor.is("tablespace") {
        return Err(cursor.unsupported("TABLESPACE", "A ledger lives in one folder."));
    }
    let predicate = if cursor.eat("where") { Some(cursor.text_until(|_| false)?) } else { None };
    Ok(CreateIndex { name, table, unique, if_not_exists, columns, predicate })
}

/// The default classes, and those that compare text by bytes: the order that every index has.
const CLASSES: [&str; 27] = [
    "array_ops",
    "bool_ops",
    "bpchar_ops",
    "bpchar_pattern_ops",
    "bytea_ops",
    "char_ops",
    "date_ops",
    "float4_ops",
    "float8_ops",
    "int2_ops",
    "int4_ops",
    "int8_ops",
    "interval_ops",
    "jsonb_ops",
    "name_ops",
    "numeric_ops",
    "oid_ops",
    "record_ops",
    "text_ops",
    "text_pattern_ops",
    "time_ops",
    "timestamp_ops",
    "timestamptz_ops",
    "timetz_ops",
    "uuid_ops",
    "varchar_ops",
    "varchar_pattern_ops",
];

/// `column | function(...) | (expression)  [operator class] [ASC | DESC] [NULLS FIRST | LAST]`
fn column(cursor: &mut Cursor<'_>) -> Result<IndexColumnDefinition> {
    let mark = cursor.mark();
    let (mut column, mut expression) = (None, None);
    if cursor.eat_symbol("(") {
        let text = cursor.text_until(|_| false)?;
        cursor.expect_symbol(")")?;
        // The type is known when it is bound.
        expression = Some((text, DataType::Unknown.into()));
    } else {
        let name = cursor.identifier()?;
        if cursor.is_symbol("(") || cursor.is_symbol(".") {
            cursor.seek(mark);
            let text = cursor.text_until(|cursor| {
                cursor.is_symbol(",")
                    || cursor.is("asc")
                    || cursor.is("desc")
                    || cursor.is("nulls")
                    || cursor.is("collate")
            })?;
            expression = Some((text, DataType::Unknown.into()));
        } else {
            column = Some(name);
        }
    }
    if cursor.is("collate") {
        return Err(cursor.unsupported("COLLATE", "Text is compared by bytes (the C collation)."));
    }
    let words = ["asc", "desc", "nulls"];
    if !cursor.at_end()
        && !words.iter().any(|word| cursor.is(word))
        && !cursor.is_symbol(",")
        && !cursor.is_symbol(")")
    {
        let position = cursor.position();
        let class = cursor.identifier()?;
        if !CLASSES.contains(&class.as_str()) {
            return Err(err!(
                UndefinedObject,
                "operator class \"{class}\" does not exist for access method \"btree\""
            )
            .at(position));
        }
    }
    let descending = cursor.eat("desc");
    if !descending {
        cursor.eat("asc");
    }
    let nulls_first = match cursor.one_of(&["nulls first", "nulls last"]) {
        Some(word) => word == "nulls first",
        None => descending,
    };
    Ok(IndexColumnDefinition { column, expression, descending, nulls_first })
}
