//! Strings: PostgreSQL 15, 9.4. Positions count characters, from 1. Case follows Unicode, one character for one.

use crate::columnwise::{bytes_of, column, rowwise, text_at, wrong_layout};
use crate::context::Context;
use crate::signature::functions;
use types::vector::Data;
use types::{DataType, Error, Result, Value, Vector, err};

pub(crate) use super::format::format;
pub(crate) use super::quote::{parse_ident, quote_ident, quote_literal, quote_nullable};

#[rustfmt::skip]
functions! {
    1258 "textcat" (Text, Text) -> Text = row(concatenate);
    2003 "textanycat" (Text, AnyNonArray) -> Text = columns(concatenate_any) stable;
    2004 "anytextcat" (AnyNonArray, Text) -> Text = columns(concatenate_any) stable;
    1317 "length" (Text) -> Int4 = columns(length);
    1318 "length" (Bpchar) -> Int4 = columns(length);
    1381 "char_length" (Text) -> Int4 = columns(length);
    1372 "char_length" (Bpchar) -> Int4 = columns(length);
    1369 "character_length" (Text) -> Int4 = columns(length);
    1367 "character_length" (Bpchar) -> Int4 = columns(length);
    1257 "textlen" (Text) -> Int4 = columns(length);
    870 "lower" (Text) -> Text = row(lower);
    871 "upper" (Text) -> Text = row(upper);
    872 "initcap" (Text) -> Text = row(initcap);
    883 "substr" (Text, Int4) -> Text = row(substring);
    877 "substr" (Text, Int4, Int4) -> Text = row(substring);
    937 "substring" (Text, Int4) -> Text = row(substring);
    936 "substring" (Text, Int4, Int4) -> Text = row(substring);
    849 "position" (Text, Text) -> Int4 = row(position);
    868 "strpos" (Text, Text) -> Int4 = row(position);
    2087 "replace" (Text, Text, Text) -> Text = row(replace);
    884 "btrim" (Text, Text) -> Text = row(trim_both);
    885 "btrim" (Text) -> Text = row(trim_both);
    875 "ltrim" (Text, Text) -> Text = row(trim_left);
    881 "ltrim" (Text) -> Text = row(trim_left);
    876 "rtrim" (Text, Text) -> Text = row(trim_right);
    882 "rtrim" (Text) -> Text = row(trim_right);
    873 "lpad" (Text, Int4, Text) -> Text = row(pad_left);
    879 "lpad" (Text, Int4) -> Text = row(pad_left);
    874 "rpad" (Text, Int4, Text) -> Text = row(pad_right);
    880 "rpad" (Text, Int4) -> Text = row(pad_right);
    1622 "repeat" (Text, Int4) -> Text = row(repeat);
    3062 "reverse" (Text) -> Text = row(reverse);
    3060 "left" (Text, Int4) -> Text = row(left);
    3061 "right" (Text, Int4) -> Text = row(right);
    2088 "split_part" (Text, Text, Int4) -> Text = row(split_part);
    3058 "concat" (Any) -> Text = columns(concat) called_on_null variadic stable;
    3059 "concat_ws" (Text, Any) -> Text = columns(concat_with_separator) called_on_null variadic stable;
    1621 "chr" (Int4) -> Text = row(chr);
    1620 "ascii" (Text) -> Int4 = row(ascii);
    878 "translate" (Text, Text, Text) -> Text = row(translate);
    1404 "overlay" (Text, Text, Int4, Int4) -> Text = row(overlay);
    1405 "overlay" (Text, Text, Int4) -> Text = row(overlay);
    1374 "octet_length" (Text) -> Int4 = row(octet_length);
    1375 "octet_length" (Bpchar) -> Int4 = row(octet_length);
    1811 "bit_length" (Text) -> Int4 = row(bit_length);
    1282 "quote_ident" (Text) -> Text = row(quote_ident);
    1283 "quote_literal" (Text) -> Text = row(quote_literal);
    1285 "quote_literal" (AnyElement) -> Text = columns(quote_literal_any) stable;
    1289 "quote_nullable" (Text) -> Text = row(quote_nullable) called_on_null;
    1290 "quote_nullable" (AnyElement) -> Text = columns(quote_nullable_any) called_on_null stable;
    3696 "starts_with" (Text, Text) -> Bool = row(starts_with);
    394 "string_to_array" (Text, Text) -> TextArray = row(string_to_array) called_on_null;
    376 "string_to_array" (Text, Text, Text) -> TextArray = row(string_to_array) called_on_null;
    6160 "string_to_table" (Text, Text) -> Text = set(string_to_table) called_on_null;
    6161 "string_to_table" (Text, Text, Text) -> Text = set(string_to_table) called_on_null;
    6198 "unistr" (Text) -> Text = row(unistr);
    406 "text" (Name) -> Text = row(text_of);
    946 "text" (Char) -> Text = row(text_of);
    2971 "text" (Bool) -> Text = row(text_of);
    408 "bpchar" (Name) -> Bpchar = row(text_of);
    860 "bpchar" (Char) -> Bpchar = row(text_of);
    1401 "varchar" (Name) -> Varchar = row(text_of);
    401 "text" (Bpchar) -> Text = row(text_of_bpchar);
    407 "name" (Text) -> Name = row(name_of_text);
    409 "name" (Bpchar) -> Name = row(name_of_text);
    1400 "name" (Varchar) -> Name = row(name_of_text);
    944 "char" (Text) -> Char = row(char_of_text);
    1268 "parse_ident" (Text, Bool) -> TextArray = row(parse_ident);
    0 "parse_ident" (Text) -> TextArray = row(parse_ident);
    3539 "format" (Text, Any) -> Text = columns(format) called_on_null variadic stable;
    3540 "format" (Text) -> Text = columns(format) called_on_null stable;
    458 "text_larger" (Text, Text) -> Text = row(larger);
    459 "text_smaller" (Text, Text) -> Text = row(smaller);
}

/// What PostgreSQL allocates at most (MaxAllocSize).
const SIZE_LIMIT: usize = 0x3fff_ffff;

fn too_large() -> Error {
    err!(ProgramLimitExceeded, "requested length too large")
}

pub(crate) fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a text function was given {args:?}"))
}

/// The byte where character `index` (from 0) begins; the text's end if there are not so many.
fn byte_of(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
}

fn characters(text: &str) -> usize {
    text.bytes().filter(|byte| byte & 0xc0 != 0x80).count()
}

/// `text::format`'s text of a value, as a type's output function prints it.
pub(crate) fn output(value: &Value, data_type: DataType, context: &Context<'_>) -> Result<String> {
    if let (Value::Text(text), true) = (value, data_type.is_text() || data_type == DataType::Json) {
        return Ok(text.clone());
    }
    if let Value::Oid(oid) = value
        && data_type.is_oid()
        && !matches!(data_type, DataType::Oid | DataType::Xid)
    {
        let named =
            if *oid == 0 { Some("-".to_owned()) } else { context.runtime.name_of(data_type, *oid)? };
        return Ok(named.unwrap_or_else(|| oid.to_string()));
    }
    let mut out = String::new();
    types::text::format(value, data_type, context.settings, &mut out);
    Ok(out)
}

/// 54000 where two values together would be longer than any value can be.
pub(crate) fn check_joined(a_bytes: usize, b_bytes: usize) -> Result<()> {
    if a_bytes.saturating_add(b_bytes) > SIZE_LIMIT { Err(too_large()) } else { Ok(()) }
}

pub(crate) fn concatenate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(a), Value::Text(b)] => {
            check_joined(a.len(), b.len())?;
            Ok(Value::Text([a.as_str(), b].concat()))
        }
        _ => Err(unexpected(args)),
    }
}

/// `text || anything`: the other side is cast to text, so that true reads `true`.
pub(crate) fn concatenate_any(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type).collect();
    rowwise(args, rows, DataType::Text, |values| {
        let mut out = String::new();
        for (value, ty) in values.iter().zip(&types) {
            match value {
                Value::Null => return Ok(Value::Null),
                Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
                Value::Text(text) if *ty == DataType::Bpchar => out.push_str(text.trim_end_matches(' ')),
                value => out.push_str(&output(value, *ty, context)?),
            }
        }
        Ok(Value::Text(out))
    })
}

/// char(n) is as long as it is without its trailing blanks.
pub(crate) fn length(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [operand] = *args else { return Err(wrong_layout(args)) };
    let texts = bytes_of(operand)?;
    let padded = operand.data_type == DataType::Bpchar;
    let lengths = (0..rows).map(|row| {
        let text = text_at(texts, row);
        characters(if padded { text.trim_end_matches(' ') } else { text }) as i32
    });
    Ok(column(DataType::Int4, Data::I32(lengths.collect())))
}

pub(crate) fn octet_length(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text)] => Ok(Value::Int4(text.len() as i32)),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn bit_length(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text)] => Ok(Value::Int4((text.len() * 8) as i32)),
        _ => Err(unexpected(args)),
    }
}

/// One character for one: what has no single counterpart stays.
fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}
pub(crate) fn lower_case(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(|c| single(c, c.to_lowercase())).collect()
}
fn upper_case(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars().map(|c| single(c, c.to_uppercase())).collect()
}

fn one(args: &[Value]) -> Result<&str> {
    match args {
        [Value::Text(text)] => Ok(text),
        _ => Err(unexpected(args)),
    }
}

pub(crate) fn lower(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Text(lower_case(one(args)?)))
}
pub(crate) fn upper(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Text(upper_case(one(args)?)))
}
pub(crate) fn initcap(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let mut within = false;
    let capitals = one(args)?.chars().map(|c| {
        let mapped = if within { single(c, c.to_lowercase()) } else { single(c, c.to_uppercase()) };
        within = c.is_alphanumeric();
        mapped
    });
    Ok(Value::Text(capitals.collect()))
}

/// The bounds, from 0, of `substring(... from start for length)` in a string of any length.
pub(crate) fn substring_bounds(start: i32, length: Option<i32>) -> Result<(usize, usize)> {
    let first = (start as i64 - 1).max(0) as usize;
    let end = match length {
        None => usize::MAX,
        Some(length) if length < 0 => {
            return Err(err!(SubstringError, "negative substring length not allowed"));
        }
        Some(length) => (start as i64 - 1 + length as i64).max(0) as usize,
    };
    Ok((first, end))
}

pub(crate) fn substring(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, start, length) = match args {
        [Value::Text(text), Value::Int4(start)] => (text, *start, None),
        [Value::Text(text), Value::Int4(start), Value::Int4(length)] => (text, *start, Some(*length)),
        _ => return Err(unexpected(args)),
    };
    let (first, end) = substring_bounds(start, length)?;
    let from = byte_of(text, first);
    let to = if end == usize::MAX { text.len() } else { byte_of(text, end) };
    Ok(Value::text(text.get(from..to.max(from)).unwrap_or_default()))
}

pub(crate) fn position(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text), Value::Text(part)] => {
            Ok(Value::Int4(text.find(part.as_str()).map_or(0, |byte| characters(&text[..byte]) as i32 + 1)))
        }
        _ => Err(unexpected(args)),
    }
}

pub(crate) fn replace(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text), Value::Text(from), _] if from.is_empty() => Ok(Value::text(text.as_str())),
        [Value::Text(text), Value::Text(from), Value::Text(to)] => {
            Ok(Value::Text(text.replace(from.as_str(), to)))
        }
        _ => Err(unexpected(args)),
    }
}

fn trim_arguments(args: &[Value]) -> Result<(&str, Vec<char>)> {
    match args {
        [Value::Text(text)] => Ok((text, vec![' '])),
        [Value::Text(text), Value::Text(set)] => Ok((text, set.chars().collect())),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn trim_both(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, set) = trim_arguments(args)?;
    Ok(Value::text(text.trim_matches(set.as_slice())))
}
pub(crate) fn trim_left(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, set) = trim_arguments(args)?;
    Ok(Value::text(text.trim_start_matches(set.as_slice())))
}
pub(crate) fn trim_right(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, set) = trim_arguments(args)?;
    Ok(Value::text(text.trim_end_matches(set.as_slice())))
}

/// The text cut to `length` characters, and the filling that it lacks.
fn padding(args: &[Value]) -> Result<(&str, String)> {
    let (text, length, fill) = match args {
        [Value::Text(text), Value::Int4(length)] => (text.as_str(), *length, " "),
        [Value::Text(text), Value::Int4(length), Value::Text(fill)] => {
            (text.as_str(), *length, fill.as_str())
        }
        _ => return Err(unexpected(args)),
    };
    let wanted = length.max(0) as usize;
    if wanted > SIZE_LIMIT / 4 {
        return Err(too_large());
    }
    let have = characters(text);
    if have >= wanted || fill.is_empty() {
        return Ok((&text[..byte_of(text, wanted)], String::new()));
    }
    Ok((text, fill.chars().cycle().take(wanted - have).collect()))
}
pub(crate) fn pad_left(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, filling) = padding(args)?;
    Ok(Value::Text(filling + text))
}
pub(crate) fn pad_right(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, filling) = padding(args)?;
    Ok(Value::Text([text, &filling].concat()))
}

pub(crate) fn repeat(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text), Value::Int4(count)] => {
            let count = (*count).max(0) as usize;
            if text.len().saturating_mul(count) > SIZE_LIMIT {
                return Err(too_large());
            }
            Ok(Value::Text(text.repeat(count)))
        }
        _ => Err(unexpected(args)),
    }
}

pub(crate) fn reverse(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Text(one(args)?.chars().rev().collect()))
}

/// Characters to keep: negative counts are taken from the length.
fn kept(text: &str, count: i32) -> usize {
    if count >= 0 { count as usize } else { characters(text).saturating_sub(count.unsigned_abs() as usize) }
}
pub(crate) fn left(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text), Value::Int4(count)] => {
            Ok(Value::text(&text[..byte_of(text, kept(text, *count))]))
        }
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn right(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text), Value::Int4(count)] => {
            let dropped = characters(text).saturating_sub(kept(text, *count));
            Ok(Value::text(&text[byte_of(text, dropped)..]))
        }
        _ => Err(unexpected(args)),
    }
}

pub(crate) fn split_part(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(delimiter), Value::Int4(field)] = args else {
        return Err(unexpected(args));
    };
    if *field == 0 {
        return Err(err!(InvalidParameterValue, "field position must not be zero"));
    }
    let nth = field.unsigned_abs() as usize - 1;
    let part = if delimiter.is_empty() {
        (nth == 0).then_some(text.as_str())
    } else if *field > 0 {
        text.split(delimiter.as_str()).nth(nth)
    } else {
        let parts: Vec<&str> = text.split(delimiter.as_str()).collect();
        parts.iter().rev().nth(nth).copied()
    };
    Ok(Value::text(part.unwrap_or_default()))
}

/// NULLs are left out; values print as their types do.
pub(crate) fn concat(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type).collect();
    rowwise(args, rows, DataType::Text, |values| {
        let mut out = String::new();
        for (value, ty) in values.iter().zip(&types).filter(|(value, _)| !value.is_null()) {
            out.push_str(&output(value, *ty, context)?);
        }
        Ok(Value::Text(out))
    })
}

pub(crate) fn concat_with_separator(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type).collect();
    rowwise(args, rows, DataType::Text, |values| {
        let [Value::Text(separator), rest @ ..] = values else { return Ok(Value::Null) };
        let mut parts = Vec::with_capacity(rest.len());
        for (value, ty) in rest.iter().zip(&types[1..]).filter(|(value, _)| !value.is_null()) {
            parts.push(output(value, *ty, context)?);
        }
        Ok(Value::Text(parts.join(separator)))
    })
}

pub(crate) fn chr(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Int4(code)] = *args else { return Err(unexpected(args)) };
    match code {
        i32::MIN..=-1 => Err(err!(InvalidParameterValue, "character number must be positive")),
        0 => Err(err!(ProgramLimitExceeded, "null character not permitted")),
        0x11_0000.. => Err(err!(ProgramLimitExceeded, "requested character too large for encoding: {code}")),
        _ => char::from_u32(code as u32)
            .map(|c| Value::Text(c.into()))
            .ok_or_else(|| err!(ProgramLimitExceeded, "requested character not valid for encoding: {code}")),
    }
}
pub(crate) fn ascii(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(one(args)?.chars().next().map_or(0, |c| c as i32)))
}

pub(crate) fn translate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(from), Value::Text(to)] = args else { return Err(unexpected(args)) };
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let translated = text.chars().filter_map(|c| match from.iter().position(|f| *f == c) {
        None => Some(c),
        Some(position) => to.get(position).copied(),
    });
    Ok(Value::Text(translated.collect()))
}

pub(crate) fn overlay(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, placed, start, length) = match args {
        [Value::Text(text), Value::Text(placed), Value::Int4(start)] => {
            (text, placed, *start, characters(placed) as i32)
        }
        [Value::Text(text), Value::Text(placed), Value::Int4(start), Value::Int4(length)] => {
            (text, placed, *start, *length)
        }
        _ => return Err(unexpected(args)),
    };
    if start <= 0 {
        return Err(err!(SubstringError, "negative substring length not allowed"));
    }
    let resume =
        start.checked_add(length).ok_or_else(|| err!(NumericValueOutOfRange, "integer out of range"))?;
    let before = byte_of(text, start as usize - 1);
    let after = byte_of(text, (resume as i64 - 1).max(0) as usize);
    Ok(Value::Text([&text[..before], placed, &text[after..]].concat()))
}

pub(crate) fn starts_with(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text), Value::Text(prefix)] => Ok(Value::Bool(text.starts_with(prefix.as_str()))),
        _ => Err(unexpected(args)),
    }
}

/// The parts; None for a null text. A null delimiter parts every character, an empty one none.
fn split(args: &[Value]) -> Result<Option<Vec<Value>>> {
    let (text, delimiter, null) = match args {
        [Value::Null, ..] => return Ok(None),
        [Value::Text(text), delimiter] => (text, delimiter, &Value::Null),
        [Value::Text(text), delimiter, null] => (text, delimiter, null),
        _ => return Err(unexpected(args)),
    };
    let parts: Vec<&str> = match delimiter {
        _ if text.is_empty() => vec![],
        Value::Text(delimiter) if delimiter.is_empty() => vec![text],
        Value::Text(delimiter) => text.split(delimiter.as_str()).collect(),
        _ => text.char_indices().map(|(byte, c)| &text[byte..byte + c.len_utf8()]).collect(),
    };
    let null = null.as_str();
    Ok(Some(
        parts
            .into_iter()
            .map(|part| if Some(part) == null { Value::Null } else { Value::text(part) })
            .collect(),
    ))
}
pub(crate) fn string_to_array(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(split(args)?.map_or(Value::Null, |parts| Value::array(DataType::Text, parts)))
}
pub(crate) fn string_to_table(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    Ok(split(args)?.unwrap_or_default().into_iter().map(|part| vec![part]).collect())
}

/// `\\XXXX`, `\\+XXXXXX`, `\\uXXXX`, `\\UXXXXXXXX`, `\\\\`.
pub(crate) fn unistr(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let invalid = || {
        err!(SyntaxError, "invalid Unicode escape")
            .hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
    };
    let mut rest = one(args)?;
    let mut out = String::with_capacity(rest.len());
    let mut high: Option<u32> = None;
    while let Some(byte) = rest.find('\\') {
        if high.is_some() && byte > 0 {
            return Err(err!(SyntaxError, "invalid Unicode surrogate pair"));
        }
        out.push_str(&rest[..byte]);
        rest = &rest[byte + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            out.push('\\');
            rest = after;
            continue;
        }
        let (skip, digits) = match rest.as_bytes().first() {
            Some(b'+') => (1, 6),
            Some(b'u') => (1, 4),
            Some(b'U') => (1, 8),
            _ => (0, 4),
        };
        let digits_of =
            rest.get(skip..skip + digits).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits_of.and_then(|text| u32::from_str_radix(text, 16).ok()).ok_or_else(invalid)?;
        rest = &rest[skip + digits..];
        let code = match (high.take(), code) {
            (None, 0xd800..=0xdbff) => {
                high = Some(code);
                continue;
            }
            (Some(high), 0xdc00..=0xdfff) => 0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00),
            (Some(_), _) | (None, 0xdc00..=0xdfff) => {
                return Err(err!(SyntaxError, "invalid Unicode surrogate pair"));
            }
            (None, code) => code,
        };
        let c = char::from_u32(code).filter(|c| *c != '\0');
        out.push(c.ok_or_else(|| err!(InvalidParameterValue, "invalid Unicode code point: {code:04X}"))?);
    }
    if high.is_some() {
        return Err(err!(SyntaxError, "invalid Unicode surrogate pair"));
    }
    out.push_str(rest);
    Ok(Value::Text(out))
}

pub(crate) fn text_of(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Bool(truth)] => Ok(Value::text(if *truth { "true" } else { "false" })),
        _ => Ok(Value::text(one(args)?)),
    }
}
pub(crate) fn text_of_bpchar(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::text(one(args)?.trim_end_matches(' ')))
}
/// A name has at most 63 bytes.
pub(crate) fn name_of_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let text = one(args)?.trim_end_matches(' ');
    Ok(Value::text(&text[..text.floor_char_boundary(63)]))
}
/// "char": the first byte.
pub(crate) fn char_of_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Text(one(args)?.chars().take(1).collect()))
}

pub(crate) fn quote_literal_any(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [operand] = *args else { return Err(wrong_layout(args)) };
    rowwise(args, rows, DataType::Text, |values| match &values[0] {
        Value::Null => Ok(Value::Null),
        value => Ok(Value::Text(super::quote::literal(&output(value, operand.data_type, context)?))),
    })
}
pub(crate) fn quote_nullable_any(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [operand] = *args else { return Err(wrong_layout(args)) };
    rowwise(args, rows, DataType::Text, |values| match &values[0] {
        Value::Null => Ok(Value::text("NULL")),
        value => Ok(Value::Text(super::quote::literal(&output(value, operand.data_type, context)?))),
    })
}

pub(crate) fn larger(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(a), Value::Text(b)] => Ok(Value::text(a.max(b).as_str())),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn smaller(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(a), Value::Text(b)] => Ok(Value::text(a.min(b).as_str())),
        _ => Err(unexpected(args)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_longer_than_postgres_allocates() {
        assert!(check_joined(SIZE_LIMIT - 1, 1).is_ok());
        for (a, b) in [(SIZE_LIMIT, 1), (600_000_000, 600_000_000), (usize::MAX, 1)] {
            assert_eq!(check_joined(a, b).unwrap_err().state.code(), "54000");
        }
    }
}
