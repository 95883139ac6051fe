//! `~` and its kin, and the functions on regular expressions (9.7.3). Positions count characters, from 1.

use crate::columnwise::{any_null, bytes_of, column, text_at, wrong_layout};
use crate::context::Context;
use crate::functions::like::similar_pattern;
use crate::functions::regex_syntax::{Options, compile, invalid};
use crate::functions::text::unexpected;
use crate::signature::functions;
use fancy_regex::Regex;
use types::vector::Data;
use types::{DataType, Result, Value, Vector, err};

#[rustfmt::skip]
functions! {
    1254 "textregexeq" (Text, Text) -> Bool = columns(matches);
    79 "nameregexeq" (Name, Text) -> Bool = columns(matches);
    1658 "bpcharregexeq" (Bpchar, Text) -> Bool = columns(matches);
    1256 "textregexne" (Text, Text) -> Bool = columns(matches_not);
    1252 "nameregexne" (Name, Text) -> Bool = columns(matches_not);
    1659 "bpcharregexne" (Bpchar, Text) -> Bool = columns(matches_not);
    1238 "texticregexeq" (Text, Text) -> Bool = columns(matches_insensitive);
    1240 "nameicregexeq" (Name, Text) -> Bool = columns(matches_insensitive);
    1656 "bpcharicregexeq" (Bpchar, Text) -> Bool = columns(matches_insensitive);
    1239 "texticregexne" (Text, Text) -> Bool = columns(matches_not_insensitive);
    1241 "nameicregexne" (Name, Text) -> Bool = columns(matches_not_insensitive);
    1657 "bpcharicregexne" (Bpchar, Text) -> Bool = columns(matches_not_insensitive);
    2073 "substring" (Text, Text) -> Text = row(substring);
    2074 "substring" (Text, Text, Text) -> Text = row(substring_similar);
    2284 "regexp_replace" (Text, Text, Text) -> Text = row(regexp_replace);
    2285 "regexp_replace" (Text, Text, Text, Text) -> Text = row(regexp_replace);
    6253 "regexp_replace" (Text, Text, Text, Int4) -> Text = row(regexp_replace_at);
    6252 "regexp_replace" (Text, Text, Text, Int4, Int4) -> Text = row(regexp_replace_at);
    6251 "regexp_replace" (Text, Text, Text, Int4, Int4, Text) -> Text = row(regexp_replace_at);
    3396 "regexp_match" (Text, Text) -> TextArray = row(regexp_match);
    3397 "regexp_match" (Text, Text, Text) -> TextArray = row(regexp_match);
    2763 "regexp_matches" (Text, Text) -> TextArray = set(regexp_matches);
    2764 "regexp_matches" (Text, Text, Text) -> TextArray = set(regexp_matches);
    2767 "regexp_split_to_array" (Text, Text) -> TextArray = row(regexp_split_to_array);
    2768 "regexp_split_to_array" (Text, Text, Text) -> TextArray = row(regexp_split_to_array);
    2765 "regexp_split_to_table" (Text, Text) -> Text = set(regexp_split_to_table);
    2766 "regexp_split_to_table" (Text, Text, Text) -> Text = set(regexp_split_to_table);
    6254 "regexp_count" (Text, Text) -> Int4 = row(regexp_count);
    6255 "regexp_count" (Text, Text, Int4) -> Int4 = row(regexp_count);
    6256 "regexp_count" (Text, Text, Int4, Text) -> Int4 = row(regexp_count);
    6257 "regexp_instr" (Text, Text) -> Int4 = row(regexp_instr);
    6258 "regexp_instr" (Text, Text, Int4) -> Int4 = row(regexp_instr);
    6259 "regexp_instr" (Text, Text, Int4, Int4) -> Int4 = row(regexp_instr);
    6260 "regexp_instr" (Text, Text, Int4, Int4, Int4) -> Int4 = row(regexp_instr);
    6261 "regexp_instr" (Text, Text, Int4, Int4, Int4, Text) -> Int4 = row(regexp_instr);
    6262 "regexp_instr" (Text, Text, Int4, Int4, Int4, Text, Int4) -> Int4 = row(regexp_instr);
    6263 "regexp_like" (Text, Text) -> Bool = row(regexp_like);
    6264 "regexp_like" (Text, Text, Text) -> Bool = row(regexp_like);
    6265 "regexp_substr" (Text, Text) -> Text = row(regexp_substr);
    6266 "regexp_substr" (Text, Text, Int4) -> Text = row(regexp_substr);
    6267 "regexp_substr" (Text, Text, Int4, Int4) -> Text = row(regexp_substr);
    6268 "regexp_substr" (Text, Text, Int4, Int4, Text) -> Text = row(regexp_substr);
    6269 "regexp_substr" (Text, Text, Int4, Int4, Text, Int4) -> Text = row(regexp_substr);
}

pub(crate) fn matches(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    operator(args, rows, true, false)
}
pub(crate) fn matches_not(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    operator(args, rows, false, false)
}
pub(crate) fn matches_insensitive(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    operator(args, rows, true, true)
}
pub(crate) fn matches_not_insensitive(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    operator(args, rows, false, true)
}

fn operator(args: &[&Vector], rows: usize, wanted: bool, ignore_case: bool) -> Result<Vector> {
    let [operand, pattern] = *args else { return Err(wrong_layout(args)) };
    let (texts, patterns) = (bytes_of(operand)?, bytes_of(pattern)?);
    let mut options = Options::default();
    options.ignore_case = ignore_case;
    let mut answers = Vec::with_capacity(rows);
    for row in 0..rows {
        // The same pattern again is found in the cache.
        let answer = !any_null(args, row)
            && is_match(&*compile(text_at(patterns, row), options)?, text_at(texts, row))? == wanted;
        answers.push(answer);
    }
    Ok(column(DataType::Bool, Data::Bool(answers)))
}

fn is_match(regex: &Regex, text: &str) -> Result<bool> {
    regex.is_match(text).map_err(|error| invalid(&error.to_string()))
}

/// Byte ranges of the whole match and of its groups.
type Found = Vec<Option<(usize, usize)>>;

fn find(regex: &Regex, text: &str, from: usize) -> Result<Option<Found>> {
    let captures = regex.captures_from_pos(text, from).map_err(|error| invalid(&error.to_string()))?;
    Ok(captures.map(|captures| {
        captures.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect()
    }))
}

/// The byte after the character at `byte`.
fn after(text: &str, byte: usize) -> usize {
    byte + text.get(byte..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

/// The matches, from `from` on. `splitting` leaves out empty ones at the ends and right after another.
fn find_all(regex: &Regex, text: &str, from: usize, global: bool, splitting: bool) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    let (mut search, mut last_end) = (from, 0);
    while search <= text.len()
        && let Some(found) = find(regex, text, search)?
    {
        let (start, end) = whole(&found);
        if !splitting || (start < text.len() && end > last_end) {
            all.push(found);
        }
        last_end = end;
        if !global {
            break;
        }
        search = if start == end { after(text, end) } else { end };
    }
    Ok(all)
}

fn whole(found: &Found) -> (usize, usize) {
    found.first().copied().flatten().unwrap_or_default()
}

fn part(text: &str, range: Option<(usize, usize)>) -> Value {
    range.and_then(|(start, end)| text.get(start..end)).map_or(Value::Null, Value::text)
}

/// The groups of a match, or the whole if there are none.
fn groups(text: &str, found: &Found) -> Value {
    let parts = if found.len() > 1 { &found[1..] } else { &found[..] };
    Value::array(DataType::Text, parts.iter().map(|range| part(text, *range)).collect())
}

/// Text, pattern and flags. `name` is of a function that does not take `g`.
fn arguments<'a>(args: &'a [Value], name: Option<&str>) -> Result<(&'a str, &'a str, Options)> {
    let (text, pattern, flags) = match args {
        [Value::Text(text), Value::Text(pattern)] => (text, pattern, ""),
        [Value::Text(text), Value::Text(pattern), Value::Text(flags)] => (text, pattern, flags.as_str()),
        _ => return Err(unexpected(args)),
    };
    let options = Options::parse(flags)?;
    if let (true, Some(name)) = (options.global, name) {
        return Err(no_global(name));
    }
    Ok((text, pattern, options))
}

fn no_global(name: &str) -> types::Error {
    let error = err!(InvalidParameterValue, "{name}() does not support the \"global\" option");
    if name == "regexp_match" { error.hint("Use the regexp_matches function instead.") } else { error }
}

fn positive(value: i32, parameter: &str, least: i32) -> Result<usize> {
    if value < least {
        return Err(err!(InvalidParameterValue, "invalid value for parameter \"{parameter}\": {value}"));
    }
    Ok(value as usize)
}

/// The byte where character `start` (from 1) begins; beyond the end, one byte beyond it.
fn start_byte(text: &str, start: usize) -> usize {
    text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(start - 1).unwrap_or(text.len() + 1)
}

/// `substring(text FROM pattern)`: the first group, or the whole.
pub(crate) fn substring(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, pattern, options) = arguments(args, None)?;
    first_part(text, pattern, options)
}

fn first_part(text: &str, pattern: &str, options: Options) -> Result<Value> {
    let regex = compile(pattern, options)?;
    Ok(match find(&regex, text, 0)? {
        Some(found) => part(text, found.get(1).or(found.first()).copied().flatten()),
        None => Value::Null,
    })
}

/// `substring(text SIMILAR pattern ESCAPE escape)`
pub(crate) fn substring_similar(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(pattern), Value::Text(escape)] = args else {
        return Err(unexpected(args));
    };
    if escape.chars().count() > 1 {
        return Err(err!(InvalidEscapeSequence, "invalid escape string")
            .hint("Escape string must be empty or one character."));
    }
    let pattern = similar_pattern(pattern, escape.chars().next())?;
    first_part(text, &pattern, Options::default())
}

pub(crate) fn regexp_replace(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, pattern, replacement, flags) = match args {
        [Value::Text(text), Value::Text(pattern), Value::Text(replacement)] => {
            (text, pattern, replacement, "")
        }
        [Value::Text(text), Value::Text(pattern), Value::Text(replacement), Value::Text(flags)] => {
            (text, pattern, replacement, flags.as_str())
        }
        _ => return Err(unexpected(args)),
    };
    let options = Options::parse(flags).map_err(|error| match flags.starts_with(|c: char| c.is_ascii_digit()) {
        true => error.hint(
            "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer \
             explicitly.",
        ),
        false => error,
    })?;
    replace(text, pattern, replacement, 0, usize::from(!options.global), options)
}

/// With a start, and which match to replace (0: all).
pub(crate) fn regexp_replace_at(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(pattern), Value::Text(replacement), Value::Int4(start), rest @ ..] =
        args
    else {
        return Err(unexpected(args));
    };
    let (nth, flags) = match rest {
        [] => (None, ""),
        [Value::Int4(nth)] => (Some(*nth), ""),
        [Value::Int4(nth), Value::Text(flags)] => (Some(*nth), flags.as_str()),
        _ => return Err(unexpected(args)),
    };
    let start = positive(*start, "start", 1)?;
    let options = Options::parse(flags)?;
    let nth = match nth {
        Some(nth) => positive(nth, "n", 0)?,
        None => usize::from(!options.global),
    };
    replace(text, pattern, replacement, start_byte(text, start), nth, options)
}

/// `nth` 0: every match.
fn replace(
    text: &str,
    pattern: &str,
    replacement: &str,
    from: usize,
    nth: usize,
    options: Options,
) -> Result<Value> {
    let regex = compile(pattern, options)?;
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut search, mut count) = (0, from, 0);
    while search <= text.len()
        && let Some(found) = find(&regex, text, search)?
    {
        let (start, end) = whole(&found);
        count += 1;
        if nth == 0 || count == nth {
            out.push_str(&text[copied..start]);
            insert(replacement, text, &found, &mut out);
            copied = end;
        }
        if count == nth {
            break;
        }
        search = if start == end { after(text, end) } else { end };
    }
    out.push_str(&text[copied..]);
    Ok(Value::Text(out))
}

/// `\1` to `\9` are groups, `\&` the whole match, `\\` a backslash.
fn insert(replacement: &str, text: &str, found: &Found, out: &mut String) {
    let mut characters = replacement.chars().peekable();
    while let Some(c) = characters.next() {
        let group = match (c, characters.peek()) {
            ('\\', Some('&')) => 0,
            ('\\', Some(digit @ '1'..='9')) => *digit as usize - '0' as usize,
            ('\\', Some('\\')) => {
                characters.next();
                out.push('\\');
                continue;
            }
            _ => {
                out.push(c);
                continue;
            }
        };
        characters.next();
        if let Some((start, end)) = found.get(group).copied().flatten() {
            out.push_str(&text[start..end]);
        }
    }
}

pub(crate) fn regexp_match(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, pattern, options) = arguments(args, Some("regexp_match"))?;
    Ok(find(&*compile(pattern, options)?, text, 0)?.map_or(Value::Null, |found| groups(text, &found)))
}

pub(crate) fn regexp_matches(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    let (text, pattern, options) = arguments(args, None)?;
    let all = find_all(&*compile(pattern, options)?, text, 0, options.global, false)?;
    Ok(all.iter().map(|found| vec![groups(text, found)]).collect())
}

fn split(args: &[Value], name: &str) -> Result<Vec<Value>> {
    let (text, pattern, options) = arguments(args, Some(name))?;
    let mut parts = Vec::new();
    let mut start = 0;
    for found in find_all(&*compile(pattern, options)?, text, 0, true, true)? {
        let (from, to) = whole(&found);
        parts.push(part(text, Some((start, from))));
        start = to;
    }
    parts.push(Value::text(&text[start..]));
    Ok(parts)
}
pub(crate) fn regexp_split_to_array(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::array(DataType::Text, split(args, "regexp_split_to_array")?))
}
pub(crate) fn regexp_split_to_table(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    Ok(split(args, "regexp_split_to_table")?.into_iter().map(|part| vec![part]).collect())
}

pub(crate) fn regexp_count(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(pattern), rest @ ..] = args else { return Err(unexpected(args)) };
    let (start, flags) = match rest {
        [] => (1, ""),
        [Value::Int4(start)] => (*start, ""),
        [Value::Int4(start), Value::Text(flags)] => (*start, flags.as_str()),
        _ => return Err(unexpected(args)),
    };
    let start = positive(start, "start", 1)?;
    let options = Options::parse(flags)?;
    if options.global {
        return Err(no_global("regexp_count"));
    }
    let all = find_all(&*compile(pattern, options)?, text, start_byte(text, start), true, false)?;
    Ok(Value::Int4(all.len() as i32))
}

pub(crate) fn regexp_like(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (text, pattern, options) = arguments(args, Some("regexp_like"))?;
    is_match(&*compile(pattern, options)?, text).map(Value::Bool)
}

/// The n-th match from a start; its range, or that of a group.
fn nth_match(
    text: &str,
    pattern: &str,
    start: i32,
    nth: i32,
    options: Options,
    group: i32,
) -> Result<Option<(usize, usize)>> {
    let start = positive(start, "start", 1)?;
    let nth = positive(nth, "n", 1)?;
    let group = positive(group, "subexpr", 0)?;
    let all = find_all(&*compile(pattern, options)?, text, start_byte(text, start), true, false)?;
    Ok(all.get(nth - 1).and_then(|found| found.get(group)).copied().flatten())
}

pub(crate) fn regexp_substr(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(pattern), rest @ ..] = args else { return Err(unexpected(args)) };
    let (start, nth, flags, group) = match rest {
        [] => (1, 1, "", 0),
        [Value::Int4(start)] => (*start, 1, "", 0),
        [Value::Int4(start), Value::Int4(nth)] => (*start, *nth, "", 0),
        [Value::Int4(start), Value::Int4(nth), Value::Text(flags)] => (*start, *nth, flags.as_str(), 0),
        [Value::Int4(start), Value::Int4(nth), Value::Text(flags), Value::Int4(group)] => {
            (*start, *nth, flags.as_str(), *group)
        }
        _ => return Err(unexpected(args)),
    };
    let options = Options::parse(flags)?;
    if options.global {
        return Err(no_global("regexp_substr"));
    }
    Ok(part(text, nth_match(text, pattern, start, nth, options, group)?))
}

pub(crate) fn regexp_instr(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(pattern), rest @ ..] = args else { return Err(unexpected(args)) };
    let (mut numbers, mut flags) = (vec![], "");
    for value in rest {
        match value {
            Value::Int4(number) => numbers.push(*number),
            Value::Text(text) => flags = text,
            _ => return Err(unexpected(args)),
        }
    }
    let number = |index: usize, default: i32| numbers.get(index).copied().unwrap_or(default);
    let (start, nth, end_wanted, group) = (number(0, 1), number(1, 1), number(2, 0), number(3, 0));
    if !matches!(end_wanted, 0 | 1) {
        return Err(err!(InvalidParameterValue, "invalid value for parameter \"endoption\": {end_wanted}"));
    }
    let options = Options::parse(flags)?;
    if options.global {
        return Err(no_global("regexp_instr"));
    }
    let found = nth_match(text, pattern, start, nth, options, group)?;
    Ok(Value::Int4(found.map_or(0, |(from, to)| {
        let byte = if end_wanted == 1 { to } else { from };
        text[..byte].chars().count() as i32 + 1
    })))
}
