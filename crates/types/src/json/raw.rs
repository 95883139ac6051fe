//! json text, looked into without being rewritten: results are pieces of it. The text has been checked before; what is
//! no JSON has no parts.

use super::lexer::{Lexer, Token, unescape};
use std::borrow::Cow;

/// `document -> key`: the last member of that name.
pub fn get<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    members(text)?.into_iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// `document -> index`; a negative index counts from the end.
pub fn get_index(text: &str, index: i64) -> Option<&str> {
    let elements = elements(text)?;
    let index = if index < 0 { elements.len() as i64 + index } else { index };
    elements.get(usize::try_from(index).ok()?).copied()
}

/// `document #> path`
pub fn get_path<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(text, |text, step| match type_of(text)? {
        "object" => get(text, step),
        "array" => get_index(text, super::access::path_index(step)?),
        _ => None,
    })
}

/// An object's members in the order of the text; None for anything else.
pub fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let mut lexer = Lexer::new(text).ok()?;
    if lexer.token != Token::ObjectStart {
        return None;
    }
    let mut members = vec![];
    lexer.advance().ok()?;
    while lexer.token != Token::ObjectEnd {
        let key = unescape(lexer.slice()).ok()?;
        lexer.advance().ok()?;
        lexer.advance().ok()?;
        members.push((key, value(&mut lexer)?));
        if lexer.token == Token::Comma {
            lexer.advance().ok()?;
        }
    }
    Some(members)
}

/// An array's elements; None for anything else.
pub fn elements(text: &str) -> Option<Vec<&str>> {
    let mut lexer = Lexer::new(text).ok()?;
    if lexer.token != Token::ArrayStart {
        return None;
    }
    let mut elements = vec![];
    lexer.advance().ok()?;
    while lexer.token != Token::ArrayEnd {
        elements.push(value(&mut lexer)?);
        if lexer.token == Token::Comma {
            lexer.advance().ok()?;
        }
    }
    Some(elements)
}

/// Reads over a value and gives its text.
fn value<'a>(lexer: &mut Lexer<'a>) -> Option<&'a str> {
    let start = lexer.start;
    let mut level = 0;
    loop {
        match lexer.token {
            Token::ObjectStart | Token::ArrayStart => level += 1,
            Token::ObjectEnd | Token::ArrayEnd => level -= 1,
            Token::End => return None,
            _ => {}
        }
        let end = lexer.end;
        lexer.advance().ok()?;
        if level == 0 {
            return Some(&lexer.text[start..end]);
        }
    }
}

/// `json_typeof`
pub fn type_of(text: &str) -> Option<&'static str> {
    Some(match Lexer::new(text).ok()?.token {
        Token::ObjectStart => "object",
        Token::ArrayStart => "array",
        Token::String => "string",
        Token::Number => "number",
        Token::True | Token::False => "boolean",
        Token::Null => "null",
        _ => return None,
    })
}

/// What `->>` shows: a string without quotes and escapes, nothing (NULL) for null, else the text as it is.
pub fn as_text(text: &str) -> crate::Result<Option<String>> {
    let lexer = Lexer::new(text)?;
    Ok(match lexer.token {
        Token::Null => None,
        Token::String => Some(lexer.unescape()?.into_owned()),
        _ => Some(text.to_owned()),
    })
}
