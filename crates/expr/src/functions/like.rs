//! LIKE, ILIKE and the two rewritings of patterns. A pattern that is the same for every row is looked at once.

use crate::columnwise::{any_null, bytes_at, bytes_of, column, text_at, wrong_layout};
use crate::context::Context;
use crate::functions::text::{lower_case, unexpected};
use crate::signature::functions;
use types::vector::{Bytes, Data};
use types::{DataType, Error, Result, Value, Vector, err};

#[rustfmt::skip]
functions! {
    850 "textlike" (Text, Text) -> Bool = columns(like);
    858 "namelike" (Name, Text) -> Bool = columns(like);
    1631 "bpcharlike" (Bpchar, Text) -> Bool = columns(like);
    1569 "like" (Text, Text) -> Bool = columns(like);
    1571 "like" (Name, Text) -> Bool = columns(like);
    851 "textnlike" (Text, Text) -> Bool = columns(not_like);
    859 "namenlike" (Name, Text) -> Bool = columns(not_like);
    1632 "bpcharnlike" (Bpchar, Text) -> Bool = columns(not_like);
    1570 "notlike" (Text, Text) -> Bool = columns(not_like);
    1572 "notlike" (Name, Text) -> Bool = columns(not_like);
    1633 "texticlike" (Text, Text) -> Bool = columns(like_insensitive);
    1635 "nameiclike" (Name, Text) -> Bool = columns(like_insensitive);
    1660 "bpchariclike" (Bpchar, Text) -> Bool = columns(like_insensitive);
    1634 "texticnlike" (Text, Text) -> Bool = columns(not_like_insensitive);
    1636 "nameicnlike" (Name, Text) -> Bool = columns(not_like_insensitive);
    1661 "bpcharicnlike" (Bpchar, Text) -> Bool = columns(not_like_insensitive);
    2005 "bytealike" (Bytea, Bytea) -> Bool = columns(like_bytes);
    2007 "like" (Bytea, Bytea) -> Bool = columns(like_bytes);
    2006 "byteanlike" (Bytea, Bytea) -> Bool = columns(not_like_bytes);
    2008 "notlike" (Bytea, Bytea) -> Bool = columns(not_like_bytes);
    1637 "like_escape" (Text, Text) -> Text = row(like_escape);
    1986 "similar_to_escape" (Text, Text) -> Text = row(similar_to_escape);
    1987 "similar_to_escape" (Text) -> Text = row(similar_to_escape);
}

pub(crate) fn like(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    matches(args, rows, true, false)
}
pub(crate) fn not_like(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    matches(args, rows, false, false)
}
pub(crate) fn like_insensitive(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    matches(args, rows, true, true)
}
pub(crate) fn not_like_insensitive(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    matches(args, rows, false, true)
}
pub(crate) fn like_bytes(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    matches(args, rows, true, false)
}
pub(crate) fn not_like_bytes(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    matches(args, rows, false, false)
}

fn matches(args: &[&Vector], rows: usize, wanted: bool, fold: bool) -> Result<Vector> {
    let [operand, pattern] = *args else { return Err(wrong_layout(args)) };
    let (texts, patterns) = (bytes_of(operand)?, bytes_of(pattern)?);
    // A character of a bytea is a byte.
    let step = if operand.data_type == DataType::Bytea { Step::Byte } else { Step::Character };
    let folded: (Bytes, Bytes);
    let (texts, patterns) = if fold {
        folded = (fold_all(texts), fold_all(patterns));
        (&folded.0, &folded.1)
    } else {
        (texts, patterns)
    };
    let mut answers = Vec::with_capacity(rows);
    let constant = (patterns.len() == 1).then(|| Pattern::new(patterns.get(0)));
    for row in 0..rows {
        if any_null(args, row) {
            answers.push(false);
            continue;
        }
        let text = bytes_at(texts, row);
        let found = match &constant {
            Some(pattern) => pattern.matches(text, step)?,
            None => is_match(text, bytes_at(patterns, row), step)? == Outcome::Match,
        };
        answers.push(found == wanted);
    }
    Ok(column(DataType::Bool, Data::Bool(answers)))
}

fn fold_all(texts: &Bytes) -> Bytes {
    let mut out = Bytes::default();
    (0..texts.len()).for_each(|row| out.push(lower_case(text_at(texts, row)).as_bytes()));
    out
}

/// The shapes that need no general matching.
enum Pattern<'a> {
    Equal(&'a [u8]),
    Prefix(&'a [u8]),
    Suffix(&'a [u8]),
    Contains(&'a [u8]),
    Any(&'a [u8]),
}

impl<'a> Pattern<'a> {
    fn new(pattern: &'a [u8]) -> Pattern<'a> {
        let plain = |part: &[u8]| !part.iter().any(|byte| matches!(byte, b'%' | b'_' | b'\\'));
        match pattern {
            pattern if plain(pattern) => Pattern::Equal(pattern),
            [b'%', middle @ .., b'%'] if plain(middle) => Pattern::Contains(middle),
            [b'%', rest @ ..] if plain(rest) => Pattern::Suffix(rest),
            [rest @ .., b'%'] if plain(rest) => Pattern::Prefix(rest),
            pattern => Pattern::Any(pattern),
        }
    }

    fn matches(&self, text: &[u8], step: Step) -> Result<bool> {
        Ok(match self {
            Pattern::Equal(whole) => text == *whole,
            Pattern::Prefix(part) => text.starts_with(part),
            Pattern::Suffix(part) => text.ends_with(part),
            Pattern::Contains(part) => contains(text, part),
            Pattern::Any(pattern) => is_match(text, pattern, step)? == Outcome::Match,
        })
    }
}

fn contains(mut text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    while let Some(found) = text.iter().position(|byte| byte == first) {
        text = &text[found..];
        if text.starts_with(part) {
            return true;
        }
        text = &text[1..];
    }
    false
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Byte,
    Character,
}

impl Step {
    fn over(self, text: &[u8]) -> &[u8] {
        let width = match self {
            Step::Byte => 1,
            Step::Character => 1 + text.iter().skip(1).take_while(|byte| *byte & 0xc0 == 0x80).count(),
        };
        text.get(width..).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Match,
    NoMatch,
    /// The text has come to its end: no later start can match either.
    Abort,
}

/// PostgreSQL's `MatchText`.
fn is_match(mut text: &[u8], mut pattern: &[u8], step: Step) -> Result<Outcome> {
    let dangling = || err!(InvalidEscapeSequence, "LIKE pattern must not end with escape character");
    while let (Some(&first), false) = (pattern.first(), text.is_empty()) {
        match first {
            b'\\' => {
                pattern = &pattern[1..];
                if *pattern.first().ok_or_else(dangling)? != text[0] {
                    return Ok(Outcome::NoMatch);
                }
            }
            b'%' => {
                pattern = &pattern[1..];
                loop {
                    match pattern.first() {
                        Some(b'%') => pattern = &pattern[1..],
                        Some(b'_') if text.is_empty() => return Ok(Outcome::Abort),
                        Some(b'_') => {
                            text = step.over(text);
                            pattern = &pattern[1..];
                        }
                        _ => break,
                    }
                }
                let next = match pattern {
                    [] => return Ok(Outcome::Match),
                    [b'\\', next, ..] => *next,
                    [b'\\'] => return Err(dangling()),
                    [next, ..] => *next,
                };
                // A byte that begins a character is never inside of another one: bytes can be stepped over.
                while let Some(found) = text.iter().position(|byte| *byte == next) {
                    text = &text[found..];
                    let outcome = is_match(text, pattern, step)?;
                    if outcome != Outcome::NoMatch {
                        return Ok(outcome);
                    }
                    text = &text[1..];
                }
                return Ok(Outcome::Abort);
            }
            b'_' => {
                text = step.over(text);
                pattern = &pattern[1..];
                continue;
            }
            byte if byte != text[0] => return Ok(Outcome::NoMatch),
            _ => {}
        }
        text = &text[1..];
        pattern = &pattern[1..];
    }
    if !text.is_empty() {
        return Ok(Outcome::NoMatch);
    }
    Ok(if pattern.iter().all(|byte| *byte == b'%') { Outcome::Match } else { Outcome::Abort })
}

fn escape_character(escape: &str) -> Result<Option<char>> {
    let mut characters = escape.chars();
    match (characters.next(), characters.next()) {
        (first, None) => Ok(first),
        _ => Err(err!(InvalidEscapeSequence, "invalid escape string")
            .hint("Escape string must be empty or one character.")),
    }
}

/// `LIKE pattern ESCAPE escape`: the pattern with backslashes for escapes.
pub(crate) fn like_escape(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(pattern), Value::Text(escape)] = args else { return Err(unexpected(args)) };
    let escape = escape_character(escape)?;
    if escape == Some('\\') {
        return Ok(Value::text(pattern.as_str()));
    }
    let mut out = String::with_capacity(pattern.len());
    let mut escaped = false;
    for c in pattern.chars() {
        if Some(c) == escape && !escaped {
            out.push('\\');
            escaped = true;
        } else {
            if c == '\\' && !escaped {
                out.push('\\');
            }
            out.push(c);
            escaped = false;
        }
    }
    Ok(Value::Text(out))
}

/// `SIMILAR TO`: the SQL pattern as a POSIX one.
pub(crate) fn similar_to_escape(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (pattern, escape) = match args {
        [Value::Text(pattern)] => (pattern, Some('\\')),
        [Value::Text(pattern), Value::Text(escape)] => (pattern, escape_character(escape)?),
        _ => return Err(unexpected(args)),
    };
    similar_pattern(pattern, escape).map(Value::Text)
}

pub(crate) fn similar_pattern(pattern: &str, escape: Option<char>) -> Result<String, Error> {
    let mut out = String::from("^(?:");
    let (mut escaped, mut in_class, mut quotes) = (false, false, 0);
    for c in pattern.chars() {
        if escaped {
            if c == '"' && !in_class {
                // What is between the two separators is the part to return.
                out.push_str(match quotes {
                    0 => "){1,1}?(",
                    1 => "){1,1}(?:",
                    _ => {
                        return Err(err!(
                            InvalidUseOfEscapeCharacter,
                            "SQL regular expression may not contain more than two escape-double-quote separators"
                        ));
                    }
                });
                quotes += 1;
            } else {
                out.push('\\');
                out.push(c);
            }
            escaped = false;
        } else if Some(c) == escape {
            escaped = true;
        } else if in_class {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            in_class = c != ']';
        } else {
            match c {
                '[' => {
                    out.push('[');
                    in_class = true;
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(c),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}
