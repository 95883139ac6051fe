//! Quoting of identifiers and literals, and `parse_ident`.

use crate::context::Context;
use crate::functions::text::unexpected;
use types::{DataType, Error, Result, Value, err};

/// Keywords that are not names without quotes (`pg_get_keywords()`, all but "unreserved").
#[rustfmt::skip]
const KEYWORDS: &str = "
all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both 
case cast char character check coalesce collate collation column concurrently constraint create cross 
current_catalog current_date current_role current_schema current_time current_timestamp current_user dec 
decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign 
freeze from full grant greatest group grouping having ilike in initially inner inout int integer 
intersect interval into is isnull join lateral leading least left like limit localtime localtimestamp 
national natural nchar none normalize not notnull null nullif numeric offset on only or order out outer 
overlaps overlay placing position precision primary real references returning right row select 
session_user setof similar smallint some substring symmetric table tablesample then time timestamp to 
trailing treat trim true union unique user using values varchar variadic verbose when where window with 
xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize 
xmltable
";

/// As SQL must write it: in double quotes unless it is a plain lower-case name.
pub fn identifier(name: &str) -> String {
    let plain = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !KEYWORDS.split_ascii_whitespace().any(|keyword| keyword == name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// As SQL must write it: in single quotes, with E where there is a backslash.
pub fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

pub(crate) fn quote_ident(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(name)] => Ok(Value::Text(identifier(name))),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn quote_literal(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text)] => Ok(Value::Text(literal(text))),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn quote_nullable(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Null] => Ok(Value::text("NULL")),
        [Value::Text(text)] => Ok(Value::Text(literal(text))),
        _ => Err(unexpected(args)),
    }
}

/// `parse_ident('Schema."Table"')`: the parts, folded to lower case unless quoted.
pub(crate) fn parse_ident(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, strict) = match args {
        [Value::Text(text)] => (text, true),
        [Value::Text(text), Value::Bool(strict)] => (text, *strict),
        _ => return Err(unexpected(args)),
    };
    let invalid = || err!(InvalidParameterValue, "string is not a valid identifier: \"{text}\"");
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    let mut after_dot = false;
    loop {
        let missing = |error: Error| match (after_dot, rest.starts_with('.')) {
            (_, true) => error.detail("No valid identifier before \".\"."),
            (true, _) => error.detail("No valid identifier after \".\"."),
            _ => error,
        };
        if let Some(quoted) = rest.strip_prefix('"') {
            let (part, remaining) =
                unquote(quoted).ok_or_else(|| invalid().detail("String has unclosed double quotes."))?;
            if part.is_empty() {
                return Err(invalid().detail("Quoted identifier must not be empty."));
            }
            parts.push(Value::Text(part));
            rest = remaining;
        } else {
            let starts = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
            let length =
                rest.find(|c: char| !(starts(c) || c.is_ascii_digit() || c == '$')).unwrap_or(rest.len());
            if !rest.starts_with(starts) {
                return Err(missing(invalid()));
            }
            parts.push(Value::Text(rest[..length].to_ascii_lowercase()));
            rest = &rest[length..];
        }
        rest = rest.trim_start();
        match rest.strip_prefix('.') {
            Some(remaining) => {
                rest = remaining.trim_start();
                after_dot = true;
            }
            None if rest.is_empty() || !strict => break,
            None => return Err(invalid()),
        }
    }
    Ok(Value::array(DataType::Text, parts))
}

/// The text up to the closing quote, doubled quotes made single, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        part.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(remaining) => {
                part.push('"');
                rest = remaining;
            }
            None => return Some((part, rest)),
        }
    }
}
