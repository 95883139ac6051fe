//! BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their modes.

use crate::parse::cursor::Cursor;
use crate::parse::lexer::Kind;
use crate::statement::{AsOf, IsolationLevel, TransactionCommand, TransactionModes};
use types::{Result, err};

pub fn parse(cursor: &mut Cursor<'_>) -> Result<TransactionCommand> {
    let Some(word) = cursor.one_of(&[
        "begin",
        "start transaction",
        "commit prepared",
        "rollback prepared",
        "prepare transaction",
        "commit",
        "end",
        "rollback",
        "abort",
        "savepoint",
        "release",
    ]) else {
        return Err(cursor.unexpected());
    };
    Ok(match word {
        "begin" => {
            noise(cursor);
            TransactionCommand::Begin { start: false, modes: modes(cursor)? }
        }
        "start transaction" => TransactionCommand::Begin { start: true, modes: modes(cursor)? },
        "commit" | "end" => {
            noise(cursor);
            TransactionCommand::Commit { chain: chain(cursor)? }
        }
        "rollback" | "abort" => {
            noise(cursor);
            if word == "rollback" && cursor.eat("to") {
                cursor.eat("savepoint");
                return Ok(TransactionCommand::RollbackTo(cursor.identifier()?));
            }
            TransactionCommand::Rollback { chain: chain(cursor)? }
        }
        "savepoint" => TransactionCommand::Savepoint(cursor.identifier()?),
        "release" => {
            cursor.eat("savepoint");
            TransactionCommand::Release(cursor.identifier()?)
        }
        "prepare transaction" => TransactionCommand::PrepareTransaction(cursor.string()?),
        "commit prepared" => TransactionCommand::CommitPrepared(cursor.string()?),
        _ => TransactionCommand::RollbackPrepared(cursor.string()?),
    })
}

fn noise(cursor: &mut Cursor<'_>) {
    let _ = cursor.eat("work") || cursor.eat("transaction");
}

/// `AND [NO] CHAIN`
fn chain(cursor: &mut Cursor<'_>) -> Result<bool> {
    if cursor.eat("and no chain") {
        return Ok(false);
    }
    Ok(cursor.eat("and chain"))
}

/// Modes, with or without commas: isolation, access, deferrable, and our AS OF.
pub fn modes(cursor: &mut Cursor<'_>) -> Result<TransactionModes> {
    let mut modes = TransactionModes::default();
    while !cursor.at_end() {
        let position = cursor.position();
        if cursor.eat("isolation level") {
            modes.isolation = Some(isolation(cursor)?);
        } else if cursor.eat("read only") {
            modes.read_only = Some(true);
        } else if cursor.eat("read write") {
            modes.read_only = Some(false);
        } else if cursor.eat("not deferrable") {
            modes.deferrable = Some(false);
        } else if cursor.eat("deferrable") {
            modes.deferrable = Some(true);
        } else if cursor.eat("as of") {
            modes.as_of = Some(moment(cursor)?);
        } else {
            return Err(cursor.unexpected());
        }
        if modes.as_of.is_some() && modes.read_only == Some(false) {
            return Err(
                err!(ReadOnlySqlTransaction, "a transaction on the past cannot be READ WRITE").at(position)
            );
        }
        if cursor.eat_symbol(",") && cursor.at_end() {
            return Err(cursor.unexpected());
        }
    }
    Ok(modes)
}

pub fn isolation(cursor: &mut Cursor<'_>) -> Result<IsolationLevel> {
    match cursor.one_of(&["serializable", "repeatable read", "read committed", "read uncommitted"]) {
        Some("serializable") => Ok(IsolationLevel::Serializable),
        Some("repeatable read") => Ok(IsolationLevel::RepeatableRead),
        // As in PostgreSQL, there is no dirty read to be had.
        Some(_) => Ok(IsolationLevel::ReadCommitted),
        None => Err(cursor.unexpected()),
    }
}

/// A literal, or an expression up to the next mode.
fn time(cursor: &mut Cursor<'_>) -> Result<AsOf> {
    let mark = cursor.mark();
    let start = cursor.peek().map_or(cursor.text.len(), |token| token.start);
    let literal = cursor.string().ok();
    let ends = |cursor: &Cursor<'_>| {
        cursor.at_end()
            || cursor.is_symbol(",")
            || ["isolation", "read", "not", "deferrable"].iter().any(|word| cursor.is(word))
    };
    if let (Some(text), true) = (&literal, ends(cursor)) {
        return Ok(AsOf::Time(text.clone()));
    }
    cursor.seek(mark);
    let (mut depth, mut end) = (0i32, start);
    while let Some(token) = cursor.peek() {
        if depth == 0 && ends(cursor) {
            break;
        }
        depth += i32::from(token.is_symbol("(")) - i32::from(token.is_symbol(")"));
        end = token.end;
        cursor.advance();
    }
    let text = cursor.text.get(start..end).unwrap_or_default();
    if text.is_empty() {
        return Err(cursor.unexpected());
    }
    // As in TIMESTAMP '...' - interval '1 hour'.
    let typed = if literal.is_some() { "timestamptz " } else { "" };
    Ok(AsOf::Expression(format!("{typed}{text}")))
}

/// `TRANSACTION n`, `TX n`, `TIMESTAMP e`, `SYSTEM TIME 'text'`.
fn moment(cursor: &mut Cursor<'_>) -> Result<AsOf> {
    let position = cursor.position();
    if cursor.eat("tx") || cursor.eat("transaction") {
        let number = cursor.integer()?;
        return u64::try_from(number).map(AsOf::Transaction).map_err(|_| {
            err!(InvalidParameterValue, "transaction number {number} is negative").at(position)
        });
    }
    if cursor.eat("timestamp") || cursor.eat("timestamptz") || cursor.eat("system time") {
        cursor.eat("with time zone");
        return time(cursor);
    }
    if matches!(cursor.peek().map(|token| &token.kind), Some(Kind::Number(_) | Kind::Text(_))) {
        return Err(err!(SyntaxError, "AS OF needs to know whether a transaction or a time is meant")
            .hint("Write AS OF TRANSACTION 42, or AS OF TIMESTAMP '2026-01-01 00:00:00Z'.")
            .at(position));
    }
    Err(cursor.unexpected())
}
