//! DECLARE, FETCH, MOVE, CLOSE.

use super::Utility;
use crate::parse::cursor::Cursor;
use crate::parse::lexer::Kind;
use crate::parse::parse_inner;
use crate::statement::FetchDirection::{self, Absolute, Backward, Forward, Relative};
use types::Result;

pub fn declare(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let name = cursor.identifier()?;
    let (mut binary, mut scroll) = (false, None);
    loop {
        if cursor.eat("binary") {
            binary = true;
        } else if cursor.eat("no scroll") {
            scroll = Some(false);
        } else if cursor.eat("scroll") {
            scroll = Some(true);
        } else if !(cursor.eat("insensitive") || cursor.eat("asensitive")) {
            break;
        }
    }
    cursor.expect("cursor")?;
    let hold = cursor.eat("with hold");
    if !hold {
        cursor.eat("without hold");
    }
    cursor.expect("for")?;
    let (start, text) = cursor.rest();
    Ok(Utility::Declare { name, query: parse_inner(cursor.text, start, text)?, hold, scroll, binary })
}

pub fn fetch(cursor: &mut Cursor<'_>, move_only: bool) -> Result<Utility> {
    let direction = direction(cursor)?;
    let _ = cursor.eat("from") || cursor.eat("in");
    Ok(Utility::Fetch { cursor: cursor.identifier()?, direction, move_only })
}

fn direction(cursor: &mut Cursor<'_>) -> Result<FetchDirection> {
    // A cursor may be called like a direction: the direction is only one if a name follows.
    let named = |cursor: &Cursor<'_>| cursor.peek_ahead(1).is_none();
    if named(cursor) {
        return Ok(Forward(1));
    }
    if matches!(cursor.peek().map(|token| &token.kind), Some(Kind::Number(_) | Kind::Symbol(_))) {
        return Ok(Forward(cursor.integer()?));
    }
    let word = cursor
        .one_of(&["next", "prior", "first", "last", "absolute", "relative", "all", "forward", "backward"]);
    Ok(match word {
        Some("next") => Forward(1),
        Some("prior") => Backward(1),
        Some("first") => Absolute(1),
        Some("last") => Absolute(-1),
        Some("absolute") => Absolute(cursor.integer()?),
        Some("relative") => Relative(cursor.integer()?),
        Some("all") => Forward(i64::MAX),
        Some("forward") => Forward(count(cursor)?),
        Some(_) => Backward(count(cursor)?),
        None => Forward(1),
    })
}

fn count(cursor: &mut Cursor<'_>) -> Result<i64> {
    if cursor.eat("all") {
        return Ok(i64::MAX);
    }
    match cursor.peek().map(|token| &token.kind) {
        Some(Kind::Number(_) | Kind::Symbol(_)) => cursor.integer(),
        _ => Ok(1),
    }
}

pub fn close(cursor: &mut Cursor<'_>) -> Result<Utility> {
    if cursor.eat("all") {
        return Ok(Utility::Close(None));
    }
    Ok(Utility::Close(Some(cursor.identifier()?)))
}
