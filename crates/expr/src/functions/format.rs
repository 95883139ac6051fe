//! `format('%s %I %L', ...)`.

use super::quote;
use super::text::output;
use crate::columnwise::rowwise;
use crate::context::Context;
use types::{DataType, Error, Result, Value, Vector, err};

pub(crate) fn format(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type).collect();
    rowwise(args, rows, DataType::Text, |values| match values {
        [Value::Text(format), arguments @ ..] => {
            let arguments = Arguments { values: arguments, types: &types[1..], next: 0 };
            formatted(format, arguments, context).map(Value::Text)
        }
        _ => Ok(Value::Null),
    })
}

struct Arguments<'a> {
    values: &'a [Value],
    types: &'a [DataType],
    next: usize,
}

impl<'a> Arguments<'a> {
    /// By number, from 1, or the next one.
    fn take(&mut self, number: Option<usize>) -> Result<(&'a Value, DataType)> {
        let index = match number {
            Some(0) => {
                return Err(err!(
                    InvalidParameterValue,
                    "format specifies argument 0, but arguments are numbered from 1"
                ));
            }
            Some(number) => number - 1,
            None => self.next,
        };
        self.next = index + 1;
        match (self.values.get(index), self.types.get(index)) {
            (Some(value), Some(ty)) => Ok((value, *ty)),
            _ => Err(err!(InvalidParameterValue, "too few arguments for format()")),
        }
    }
}

fn formatted(format: &str, mut arguments: Arguments<'_>, context: &Context<'_>) -> Result<String> {
    let unterminated = || {
        err!(InvalidParameterValue, "unterminated format() type specifier")
            .hint("For a single \"%\" use \"%%\".")
    };
    let mut out = String::new();
    let mut rest = format;
    while let Some(percent) = rest.find('%') {
        out.push_str(&rest[..percent]);
        rest = &rest[percent + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        // %[argument$][-][width]type, where width is a number, * or *argument$.
        let mut number = None;
        if let Some((digits, after)) = number_at(rest)?
            && let Some(after) = after.strip_prefix('$')
        {
            number = Some(digits);
            rest = after;
        }
        let mut left = false;
        while let Some(after) = rest.strip_prefix('-') {
            left = true;
            rest = after;
        }
        let mut width: i64 = 0;
        if let Some(after) = rest.strip_prefix('*') {
            rest = after;
            let mut which = None;
            if let Some((digits, after)) = number_at(rest)? {
                let Some(after) = after.strip_prefix('$') else {
                    return Err(err!(
                        InvalidParameterValue,
                        "width argument position must be ended by \"$\""
                    ));
                };
                which = Some(digits);
                rest = after;
            }
            let (value, ty) = arguments.take(which)?;
            width = match value {
                Value::Null => 0,
                value => match value.as_i64() {
                    Some(width) => width,
                    None => output(value, ty, context)?.trim().parse().map_err(|_| {
                        err!(InvalidTextRepresentation, "invalid input syntax for type integer: {value:?}")
                    })?,
                },
            };
        } else if let Some((digits, after)) = number_at(rest)? {
            width = digits as i64;
            rest = after;
        }
        let kind = rest.chars().next().ok_or_else(unterminated)?;
        rest = &rest[kind.len_utf8()..];
        if !matches!(kind, 's' | 'I' | 'L') {
            return Err(err!(InvalidParameterValue, "unrecognized format() type specifier \"{kind}\"")
                .hint("For a single \"%\" use \"%%\"."));
        }
        let (value, ty) = arguments.take(number)?;
        let text = match (kind, value) {
            ('s', Value::Null) => String::new(),
            ('L', Value::Null) => "NULL".to_owned(),
            (_, Value::Null) => {
                return Err(err!(
                    NullValueNotAllowed,
                    "null values cannot be formatted as an SQL identifier"
                ));
            }
            ('s', value) => output(value, ty, context)?,
            ('I', value) => quote::identifier(&output(value, ty, context)?),
            (_, value) => quote::literal(&output(value, ty, context)?),
        };
        pad(&text, width, left, &mut out)?;
    }
    out.push_str(rest);
    Ok(out)
}

/// Digits at the start, and what follows them.
fn number_at(text: &str) -> Result<Option<(usize, &str)>> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return Ok(None);
    }
    let number: i32 =
        text[..end].parse().map_err(|_| err!(NumericValueOutOfRange, "number is out of range"))?;
    Ok(Some((number as usize, &text[end..])))
}

/// A negative width is a positive one to the left.
fn pad(text: &str, width: i64, left: bool, out: &mut String) -> Result<()> {
    let wanted = width.unsigned_abs() as usize;
    if wanted > 0x0fff_ffff {
        return Err(Error::new(types::SqlState::ProgramLimitExceeded, "requested length too large"));
    }
    let missing = wanted.saturating_sub(text.chars().count());
    if left || width < 0 {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
    Ok(())
}
