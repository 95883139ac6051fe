//! Statements of our own parsers: everything that is not a query.
//!
//! [`parse`] reads one to its end; a word too many is a syntax error, a clause that we do not do is 0A000. [`statement`]
//! binds what needs a schema. CREATE, ALTER and DROP are in [`crate::ddl`].

mod copy;
mod cursor;
mod maintenance;
mod prepare;
mod role;
mod settings;
mod transaction;

pub use copy::CopySyntax;

use crate::parse::Parsed;
use crate::parse::cursor::Cursor;
use crate::statement::{Discard, ExplainOptions, FetchDirection, Set, Statement, TransactionCommand};
use crate::{Environment, bind, ddl};
use types::ddl::{Name, RoleDdl};
use types::{DataType, Error, Result, err};

/// The syntax of one such statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Utility {
    Explain {
        options: ExplainOptions,
        inner: Parsed,
    },
    Ddl(ddl::Syntax),
    Role(RoleDdl),
    Copy(CopySyntax),
    Transaction(TransactionCommand),
    Set(Set),
    Show(String),
    Prepare {
        name: String,
        types: Vec<DataType>,
        statement: Parsed,
    },
    /// Arguments as source text.
    Execute {
        name: String,
        arguments: Vec<String>,
    },
    Deallocate(Option<String>),
    Declare {
        name: String,
        query: Parsed,
        hold: bool,
        scroll: Option<bool>,
        binary: bool,
    },
    Fetch {
        cursor: String,
        direction: FetchDirection,
        move_only: bool,
    },
    Close(Option<String>),
    Discard(Discard),
    Vacuum {
        vacuum: bool,
        analyze: bool,
        full: bool,
        verbose: bool,
        tables: Vec<Name>,
    },
    LockTable {
        tables: Vec<Name>,
        mode: String,
        nowait: bool,
    },
    SetConstraints {
        deferred: bool,
        names: Vec<Name>,
    },
    Checkpoint,
    /// There is no LISTEN, so there is nothing to end: what connection pools send is true of itself.
    Unlisten,
}

/// Parses one statement that is not a query.
pub fn parse(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let utility = dispatch(cursor)?;
    cursor.end()?;
    Ok(utility)
}

fn dispatch(cursor: &mut Cursor<'_>) -> Result<Utility> {
    const WORDS: [&str; 39] = [
        "explain",
        "create",
        "alter",
        "drop",
        "truncate",
        "comment",
        "grant",
        "revoke",
        "copy",
        "begin",
        "start",
        "commit",
        "end",
        "rollback",
        "abort",
        "savepoint",
        "release",
        "set",
        "reset",
        "show",
        "prepare",
        "execute",
        "deallocate",
        "declare",
        "fetch",
        "move",
        "close",
        "discard",
        "vacuum",
        "analyze",
        "analyse",
        "lock",
        "checkpoint",
        "reindex",
        "cluster",
        "listen",
        "notify",
        "unlisten",
        "do",
    ];
    let first = cursor.mark();
    let Some(word) = cursor.one_of(&WORDS) else {
        return Err(refuse_other(cursor));
    };
    match word {
        "explain" => explain(cursor),
        "create" => {
            if cursor.are("role") || cursor.are("user") || cursor.are("group") || cursor.are("database") {
                return role::create(cursor).map(Utility::Role);
            }
            ddl::create(cursor).map(Utility::Ddl)
        }
        "alter" => {
            if cursor.are("role") || cursor.are("user") || cursor.are("group") || cursor.are("database") {
                return role::alter(cursor).map(Utility::Role);
            }
            ddl::alter(cursor).map(Utility::Ddl)
        }
        "drop" => {
            if cursor.are("role") || cursor.are("user") || cursor.are("group") || cursor.are("database") {
                return role::drop(cursor).map(Utility::Role);
            }
            ddl::drop(cursor).map(Utility::Ddl)
        }
        "truncate" => ddl::truncate(cursor).map(Utility::Ddl),
        "comment" => ddl::comment(cursor).map(Utility::Ddl),
        "grant" | "revoke" => {
            let revoke = word == "revoke";
            match role::membership(cursor, revoke)? {
                Some(membership) => Ok(Utility::Role(membership)),
                None => ddl::grant(cursor, revoke).map(Utility::Ddl),
            }
        }
        "copy" => copy::parse(cursor).map(Utility::Copy),
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => {
            cursor.seek(first);
            transaction::parse(cursor).map(Utility::Transaction)
        }
        "prepare" if cursor.is("transaction") => {
            cursor.seek(first);
            transaction::parse(cursor).map(Utility::Transaction)
        }
        "set" => settings::set(cursor),
        "reset" => settings::reset(cursor),
        "show" => settings::show(cursor),
        "prepare" => prepare::prepare(cursor),
        "execute" => prepare::execute(cursor),
        "deallocate" => prepare::deallocate(cursor),
        "declare" => self::cursor::declare(cursor),
        "fetch" => self::cursor::fetch(cursor, false),
        "move" => self::cursor::fetch(cursor, true),
        "close" => self::cursor::close(cursor),
        "discard" => settings::discard(cursor),
        "vacuum" => maintenance::vacuum(cursor),
        "analyze" | "analyse" => maintenance::analyze(cursor),
        "lock" => maintenance::lock(cursor),
        "checkpoint" => Ok(Utility::Checkpoint),
        "unlisten" => {
            if !cursor.eat_symbol("*") {
                cursor.label()?;
            }
            Ok(Utility::Unlisten)
        }
        "reindex" | "cluster" => {
            cursor.seek(first);
            Err(cursor
                .unsupported(&word.to_uppercase(), "Indexes are rebuilt by `stele check --rebuild-index`."))
        }
        other => {
            cursor.seek(first);
            Err(cursor.unsupported(&other.to_uppercase(), "It is not part of Stele."))
        }
    }
}

/// A statement of PostgreSQL that we do not have is 0A000; anything else is a syntax error.
fn refuse_other(cursor: &Cursor<'_>) -> Error {
    for word in ["call", "import", "load", "reassign", "refresh", "security"] {
        if cursor.is(word) {
            return cursor.unsupported(&word.to_uppercase(), "It is not part of Stele.");
        }
    }
    cursor.unexpected()
}

/// `EXPLAIN [ANALYZE] [VERBOSE] statement`, `EXPLAIN (option [value], ...) statement`.
fn explain(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let mut options = ExplainOptions { costs: true, timing: true, ..ExplainOptions::default() };
    let mut summary = None;
    if cursor.is_symbol("(") {
        cursor.parenthesised(|cursor| {
            let position = cursor.position();
            let name = cursor.label()?;
            if name == "format" {
                let format = cursor.label()?;
                options.json = match format.as_str() {
                    "text" => false,
                    "json" => true,
                    other => return Err(Error::unsupported(format!("EXPLAIN format {other}")).at(position)),
                };
                return Ok(());
            }
            let value = boolean_option(cursor)?;
            match name.as_str() {
                "analyze" | "analyse" => options.analyze = value,
                "verbose" => options.verbose = value,
                "costs" => options.costs = value,
                "timing" => options.timing = value,
                "summary" => summary = Some(value),
                // There is no buffer pool, write-ahead log or setting to report on: saying nothing of them is complete.
                "buffers" | "wal" | "settings" if !value => {}
                "buffers" | "wal" | "settings" => {
                    return Err(
                        Error::unsupported(format!("EXPLAIN option {}", name.to_uppercase())).at(position)
                    );
                }
                _ => return Err(err!(SyntaxError, "unrecognized EXPLAIN option \"{name}\"").at(position)),
            }
            Ok(())
        })?;
    } else {
        options.analyze = cursor.eat("analyze") || cursor.eat("analyse");
        options.verbose = cursor.eat("verbose");
    }
    options.summary = summary.unwrap_or(options.analyze);
    let (start, text) = cursor.rest();
    let inner = crate::parse::parse_inner(cursor.text, start, text)?;
    Ok(Utility::Explain { options, inner })
}

/// `[ON | OFF | TRUE | FALSE | 1 | 0]`; nothing is true.
fn boolean_option(cursor: &mut Cursor<'_>) -> Result<bool> {
    use crate::parse::lexer::Kind;
    if cursor.is_symbol(",") || cursor.is_symbol(")") || cursor.at_end() {
        return Ok(true);
    }
    let text = match cursor.peek().map(|token| &token.kind) {
        Some(Kind::Word(word) | Kind::Quoted(word) | Kind::Text(word) | Kind::Number(word)) => {
            word.to_ascii_lowercase()
        }
        _ => return Err(cursor.unexpected()),
    };
    let value = match text.as_str() {
        "on" | "true" | "1" => true,
        "off" | "false" | "0" => false,
        _ => return Err(cursor.unexpected()),
    };
    cursor.advance();
    Ok(value)
}

/// Binds one.
pub fn statement(parsed: &Parsed, utility: &Utility, environment: &Environment) -> Result<Statement> {
    Ok(match utility {
        Utility::Explain { options, inner } => {
            let query = Box::new(crate::plan(inner, environment)?);
            match *query {
                Statement::Query(_)
                | Statement::CreateTableAs { .. }
                | Statement::Execute { .. }
                | Statement::Declare { .. } => Statement::Explain { query, options: *options },
                _ => {
                    return Err(crate::parse::lexer::syntax_error(&inner.text, 0, first_word(&inner.text))
                        .at(inner.offset + 1));
                }
            }
        }
        Utility::Ddl(syntax) => return ddl::statement(parsed, syntax, environment),
        Utility::Role(role) => Statement::Role(role.clone()),
        Utility::Copy(syntax) => copy::bind(syntax, environment)?,
        Utility::Transaction(command) => Statement::Transaction(command.clone()),
        Utility::Set(set) => Statement::Set(set.clone()),
        Utility::Show(name) => Statement::Show(name.clone()),
        Utility::Prepare { name, types, statement } => Statement::Prepare {
            name: name.clone(),
            types: types.clone(),
            statement: Box::new(statement.clone()),
        },
        Utility::Execute { name, arguments } => Statement::Execute {
            name: name.clone(),
            arguments: arguments
                .iter()
                .map(|text| bind::constant(text, environment))
                .collect::<Result<_>>()?,
        },
        Utility::Deallocate(name) => Statement::Deallocate(name.clone()),
        Utility::Declare { name, query, hold, scroll, binary } => match crate::plan(query, environment)? {
            Statement::Query(bound) if bound.kind == crate::statement::QueryKind::Select => {
                Statement::Declare {
                    name: name.clone(),
                    query: bound,
                    hold: *hold,
                    scroll: *scroll,
                    binary: *binary,
                }
            }
            _ => return Err(err!(InvalidCursorDefinition, "DECLARE CURSOR needs a SELECT or VALUES")),
        },
        Utility::Fetch { cursor, direction, move_only } => {
            Statement::Fetch { cursor: cursor.clone(), direction: *direction, move_only: *move_only }
        }
        Utility::Close(name) => Statement::CloseCursor(name.clone()),
        Utility::Discard(what) => Statement::Discard(*what),
        Utility::Vacuum { vacuum, analyze, full, verbose, tables } => Statement::Vacuum {
            vacuum: *vacuum,
            analyze: *analyze,
            full: *full,
            verbose: *verbose,
            tables: tables.clone(),
        },
        Utility::LockTable { tables, mode, nowait } => Statement::LockTable {
            tables: tables.iter().map(|name| relation(name, environment)).collect::<Result<_>>()?,
            mode: mode.clone(),
            nowait: *nowait,
        },
        Utility::SetConstraints { deferred, names } => {
            Statement::SetConstraints { deferred: *deferred, names: names.clone() }
        }
        Utility::Checkpoint => Statement::Checkpoint,
        Utility::Unlisten => Statement::Unlisten,
    })
}

fn first_word(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace()).unwrap_or(text.len())
}

/// The relation of this name, or 42P01.
pub(crate) fn relation(
    name: &Name,
    environment: &Environment,
) -> Result<std::sync::Arc<types::schema::Relation>> {
    let found = environment.schema.relation(name.schema.as_deref(), &name.name)?;
    found.ok_or_else(|| {
        let dotted = match &name.schema {
            Some(schema) => format!("{schema}.{}", name.name),
            None => name.name.clone(),
        };
        err!(UndefinedTable, "relation \"{dotted}\" does not exist")
    })
}
