//! SET, RESET, SHOW, DISCARD.

use super::Utility;
use crate::parse::cursor::Cursor;
use crate::parse::lexer::Kind;
use crate::statement::{Discard, Set, TransactionCommand, TransactionModes};
use types::{Error, Result, err};

pub fn set(cursor: &mut Cursor<'_>) -> Result<Utility> {
    if cursor.eat("constraints") {
        return constraints(cursor);
    }
    if cursor.eat("session characteristics as transaction") {
        return Ok(modes(true, super::transaction::modes(cursor)?));
    }
    if cursor.eat("transaction snapshot") {
        return Ok(Utility::Transaction(TransactionCommand::SetSnapshot(cursor.string()?)));
    }
    if cursor.is("transaction") {
        cursor.advance();
        return Ok(modes(false, super::transaction::modes(cursor)?));
    }
    let local = match cursor.one_of(&["local", "session"]) {
        Some("local") => true,
        Some(_) if cursor.eat("authorization") => {
            return value_of(cursor, "session_authorization", false);
        }
        _ => false,
    };
    if local && cursor.eat("transaction") {
        return Ok(modes(false, super::transaction::modes(cursor)?));
    }
    if cursor.eat("time zone") {
        return time_zone(cursor, local);
    }
    if cursor.eat("role") {
        return value_of(cursor, "role", local);
    }
    if cursor.eat("names") {
        return value_of(cursor, "client_encoding", local);
    }
    if cursor.eat("schema") {
        return value_of(cursor, "search_path", local);
    }
    let name = setting_name(cursor)?;
    if !cursor.eat("to") {
        cursor.expect_symbol("=")?;
    }
    value_of(cursor, &name, local)
}

fn modes(session: bool, modes: TransactionModes) -> Utility {
    Utility::Transaction(TransactionCommand::SetModes { session, modes })
}

/// `a` or `a.b`, lower case.
fn setting_name(cursor: &mut Cursor<'_>) -> Result<String> {
    let mut name = cursor.label()?;
    while cursor.eat_symbol(".") {
        name = format!("{name}.{}", cursor.label()?);
    }
    Ok(name.to_ascii_lowercase())
}

/// DEFAULT, or values separated by commas, joined as PostgreSQL joins them.
fn value_of(cursor: &mut Cursor<'_>, name: &str, local: bool) -> Result<Utility> {
    let value = if cursor.eat("default") {
        None
    } else {
        let quote = matches!(name, "search_path" | "datestyle" | "role" | "session_authorization");
        let values = cursor.list(|cursor| value(cursor, quote))?;
        Some(values.join(", "))
    };
    Ok(Utility::Set(Set { local, name: name.to_owned(), value, all: false }))
}

fn value(cursor: &mut Cursor<'_>, identifiers: bool) -> Result<String> {
    match cursor.peek().map(|token| &token.kind) {
        Some(Kind::Text(text)) => {
            let text = text.clone();
            cursor.advance();
            // In a list of names a string with commas or capitals must survive being split again.
            let plain = text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'$'));
            Ok(if identifiers && !plain && text.contains(['"', ',', ' ']) && !text.contains(", ") {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text
            })
        }
        Some(Kind::Quoted(name)) => {
            let name = name.clone();
            cursor.advance();
            Ok(if identifiers { format!("\"{}\"", name.replace('"', "\"\"")) } else { name })
        }
        Some(Kind::Word(word)) => {
            let word = word.clone();
            cursor.advance();
            Ok(word)
        }
        Some(Kind::Symbol(sign)) if sign == "-" || sign == "+" => {
            let minus = sign == "-";
            cursor.advance();
            match cursor.peek().map(|token| &token.kind) {
                Some(Kind::Number(number)) => {
                    let number = number.clone();
                    cursor.advance();
                    Ok(if minus { format!("-{number}") } else { number })
                }
                _ => Err(cursor.unexpected()),
            }
        }
        Some(Kind::Number(number)) => {
            let number = number.clone();
            cursor.advance();
            Ok(number)
        }
        _ => Err(cursor.unexpected()),
    }
}

/// SET TIME ZONE { LOCAL | DEFAULT | 'name' | number | INTERVAL '+hh:mm' HOUR TO MINUTE }
fn time_zone(cursor: &mut Cursor<'_>, local: bool) -> Result<Utility> {
    let value = if cursor.eat("local") || cursor.eat("default") {
        None
    } else if cursor.eat("interval") {
        let text = cursor.string()?;
        let _ = cursor.eat("hour to minute") || cursor.eat("hour");
        Some(hours_of_interval(&text)?)
    } else {
        Some(value(cursor, false)?)
    };
    Ok(Utility::Set(Set { local, name: "timezone".into(), value, all: false }))
}

/// An interval as the hours east of UTC that the setting takes: as text `-08:00` is a POSIX rule, which counts west.
fn hours_of_interval(text: &str) -> Result<String> {
    let parsed = types::text::parse(text, types::DataType::Interval.into(), &types::TextSettings::default())?;
    let types::Value::Interval(interval) = parsed else { return Err(Error::internal("an interval")) };
    for (there, what) in [(interval.months != 0, "month"), (interval.days != 0, "day")] {
        if there {
            return Err(err!(
                InvalidParameterValue,
                "invalid interval value for time zone: {what} not allowed"
            ));
        }
    }
    Ok(format!("{}", interval.micros as f64 / 3_600_000_000.0))
}

/// SET CONSTRAINTS { ALL | name, ... } { DEFERRED | IMMEDIATE }
fn constraints(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let names = if cursor.eat("all") { vec![] } else { cursor.list(|cursor| cursor.name())? };
    let deferred = match cursor.one_of(&["deferred", "immediate"]) {
        Some(word) => word == "deferred",
        None => return Err(cursor.unexpected()),
    };
    Ok(Utility::SetConstraints { deferred, names })
}

pub fn reset(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let set = |name: &str, all| Utility::Set(Set { local: false, name: name.into(), value: None, all });
    if cursor.eat("all") {
        return Ok(set("", true));
    }
    if cursor.eat("time zone") {
        return Ok(set("timezone", false));
    }
    if cursor.eat("session authorization") {
        return Ok(set("session_authorization", false));
    }
    if cursor.eat("transaction isolation level") {
        return Ok(set("transaction_isolation", false));
    }
    let name = setting_name(cursor)?;
    Ok(set(&name, false))
}

pub fn show(cursor: &mut Cursor<'_>) -> Result<Utility> {
    if cursor.eat("time zone") {
        return Ok(Utility::Show("timezone".into()));
    }
    if cursor.eat("transaction isolation level") {
        return Ok(Utility::Show("transaction_isolation".into()));
    }
    if cursor.eat("session authorization") {
        return Ok(Utility::Show("session_authorization".into()));
    }
    if cursor.eat("all") {
        return Ok(Utility::Show("all".into()));
    }
    setting_name(cursor).map(Utility::Show)
}

pub fn discard(cursor: &mut Cursor<'_>) -> Result<Utility> {
    Ok(Utility::Discard(match cursor.one_of(&["all", "plans", "sequences", "temporary", "temp"]) {
        Some("all") => Discard::All,
        Some("plans") => Discard::Plans,
        Some("sequences") => Discard::Sequences,
        Some(_) => Discard::Temp,
        None => return Err::<Utility, Error>(cursor.unexpected()),
    }))
}
