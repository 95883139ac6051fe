//! VACUUM, ANALYZE, LOCK.

use super::{Utility, boolean_option};
use crate::parse::cursor::Cursor;
use types::{Result, err};

/// `VACUUM [FULL] [FREEZE] [VERBOSE] [ANALYZE] [tables]`, `VACUUM (options) [tables]`.
pub fn vacuum(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let (mut full, mut verbose, mut analyze) = (false, false, false);
    if cursor.is_symbol("(") {
        cursor.parenthesised(|cursor| {
            let position = cursor.position();
            let name = cursor.label()?;
            match name.as_str() {
                "full" => full = boolean_option(cursor)?,
                "verbose" => verbose = boolean_option(cursor)?,
                "analyze" | "analyse" => analyze = boolean_option(cursor)?,
                // Hints about PostgreSQL's storage, without meaning for a ledger: VACUUM's NOTICE says what was done.
                "freeze" | "disable_page_skipping" | "skip_locked" | "process_toast" | "truncate" => {
                    boolean_option(cursor)?;
                }
                "index_cleanup" => {
                    cursor.label()?;
                }
                "parallel" => {
                    cursor.integer()?;
                }
                _ => return Err(err!(SyntaxError, "unrecognized VACUUM option \"{name}\"").at(position)),
            }
            Ok(())
        })?;
    } else {
        full = cursor.eat("full");
        cursor.eat("freeze");
        verbose = cursor.eat("verbose");
        analyze = cursor.eat("analyze") || cursor.eat("analyse");
    }
    let tables = tables(cursor)?;
    Ok(Utility::Vacuum { vacuum: true, analyze, full, verbose, tables })
}

pub fn analyze(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let mut verbose = false;
    if cursor.is_symbol("(") {
        cursor.parenthesised(|cursor| {
            let position = cursor.position();
            match cursor.label()?.as_str() {
                "verbose" => verbose = boolean_option(cursor)?,
                "skip_locked" => drop(boolean_option(cursor)?),
                other => {
                    return Err(err!(SyntaxError, "unrecognized ANALYZE option \"{other}\"").at(position));
                }
            }
            Ok(())
        })?;
    } else {
        verbose = cursor.eat("verbose");
    }
    let tables = tables(cursor)?;
    Ok(Utility::Vacuum { vacuum: false, analyze: true, full: false, verbose, tables })
}

/// Tables, each with an optional column list (statistics are kept for all columns).
fn tables(cursor: &mut Cursor<'_>) -> Result<Vec<types::ddl::Name>> {
    if cursor.at_end() {
        return Ok(vec![]);
    }
    cursor.list(|cursor| {
        let name = cursor.name()?;
        if cursor.is_symbol("(") {
            cursor.parenthesised(|cursor| cursor.identifier())?;
        }
        Ok(name)
    })
}

/// `LOCK [TABLE] [ONLY] name [*], ... [IN mode MODE] [NOWAIT]`
pub fn lock(cursor: &mut Cursor<'_>) -> Result<Utility> {
    cursor.eat("table");
    let tables = cursor.list(|cursor| {
        cursor.eat("only");
        let name = cursor.name()?;
        cursor.eat_symbol("*");
        Ok(name)
    })?;
    let mut mode = "access exclusive";
    if cursor.eat("in") {
        mode = cursor
            .one_of(&[
                "access share",
                "row share",
                "row exclusive",
                "share update exclusive",
                "share row exclusive",
                "share",
                "exclusive",
                "access exclusive",
            ])
            .ok_or_else(|| cursor.unexpected())?;
        cursor.expect("mode")?;
    }
    let nowait = cursor.eat("nowait");
    Ok(Utility::LockTable { tables, mode: mode.into(), nowait })
}
