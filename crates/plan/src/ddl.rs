//! CREATE, ALTER, DROP and their kin: text to [`types::ddl`].
//!
//! Our own parsers, because defaults, checks and views are kept as the text that the user wrote. Each stored expression
//! is bound once before the statement is let through, so that nothing unusable reaches the catalog.

mod alter;
mod bound;
mod grant;
mod index;
mod object;
mod sequence;
mod table;
mod view;

pub use grant::grant;
pub use object::{comment, drop, truncate};
pub(crate) use table::plain_column;
pub(crate) use view::columns_of;

use crate::parse::Parsed;
use crate::parse::cursor::Cursor;
use crate::statement::Statement;
use crate::{Environment, QueryKind};
use types::ddl::{CreateIndex, CreateTable, Ddl, Name};
use types::{Error, Result, err};

/// OIDs below are PostgreSQL's own.
const FIRST_USER_OID: types::Oid = 16384;

/// DDL as parsed: what is complete already, and what holds a query or expressions to bind.
#[derive(Debug, Clone, PartialEq)]
pub enum Syntax {
    Ready(Ddl),
    Table(CreateTable),
    /// `columns` are names only.
    TableAs {
        name: Name,
        if_not_exists: bool,
        columns: Vec<String>,
        append_only: bool,
        query: Box<Parsed>,
        with_data: bool,
    },
    View {
        name: Name,
        or_replace: bool,
        columns: Vec<String>,
        query: Box<Parsed>,
    },
    Index(CreateIndex),
    Alter {
        name: Name,
        if_exists: bool,
        actions: Vec<types::ddl::AlterTable>,
    },
}

/// After CREATE.
pub fn create(cursor: &mut Cursor<'_>) -> Result<Syntax> {
    let or_replace = cursor.eat("or replace");
    if cursor.eat("view") {
        return view::create(cursor, or_replace);
    }
    if or_replace {
        return Err(refuse(cursor));
    }
    if cursor.eat("table") {
        return table::create(cursor);
    }
    if cursor.are("unique index") || cursor.are("index") {
        return index::create(cursor).map(Syntax::Index);
    }
    if cursor.eat("sequence") {
        return sequence::create(cursor).map(Syntax::Ready);
    }
    if cursor.eat("schema") {
        return object::create_schema(cursor).map(Syntax::Ready);
    }
    Err(refuse(cursor))
}

/// After ALTER.
pub fn alter(cursor: &mut Cursor<'_>) -> Result<Syntax> {
    if cursor.eat("table") {
        return alter::table(cursor);
    }
    if cursor.eat("sequence") {
        return sequence::alter(cursor).map(Syntax::Ready);
    }
    if cursor.is("index") || cursor.is("view") || cursor.is("schema") {
        return object::alter(cursor).map(Syntax::Ready);
    }
    Err(refuse(cursor))
}

/// 0A000 for what PostgreSQL can create, 42601 for anything else.
fn refuse(cursor: &Cursor<'_>) -> Error {
    const KNOWN: [(&str, &str); 31] = [
        ("temporary", "Make an ordinary table in a schema of its own and drop it afterwards."),
        ("temp", "Make an ordinary table in a schema of its own and drop it afterwards."),
        ("global", "Make an ordinary table."),
        ("local", "Make an ordinary table."),
        ("unlogged", "Every table of a ledger is logged."),
        ("materialized", "Use CREATE TABLE AS, or a view."),
        ("recursive", "Write WITH RECURSIVE inside the view's query."),
        ("function", "Functions of users are not part of Stele yet."),
        ("procedure", "Procedures are not part of Stele yet."),
        ("trigger", "Triggers are not part of Stele yet."),
        ("constraint", "Triggers are not part of Stele yet."),
        ("type", "Use text with a CHECK constraint."),
        ("domain", "Use the base type with a CHECK constraint."),
        ("extension", "There are no extensions; gen_random_uuid(), for one, is built in."),
        ("rule", "Rules are not part of Stele."),
        ("aggregate", "Aggregates of users are not part of Stele."),
        ("cast", "Casts of users are not part of Stele."),
        ("collation", "Text is compared by bytes (the C collation)."),
        ("conversion", "The encoding is UTF8."),
        ("event", "Triggers are not part of Stele yet."),
        ("foreign", "There are no foreign tables."),
        ("language", "There are no languages beside SQL."),
        ("operator", "Operators of users are not part of Stele."),
        ("policy", "Row security is not part of Stele yet."),
        ("publication", "There is no logical replication."),
        ("server", "There are no foreign servers."),
        ("statistics", "ANALYZE keeps statistics per column."),
        ("subscription", "There is no logical replication."),
        ("tablespace", "A ledger lives in one folder."),
        ("text", "Full-text search is not part of Stele yet."),
        ("default", "Grant privileges on each object."),
    ];
    match KNOWN.iter().find(|(word, _)| cursor.is(word)) {
        Some((word, hint)) => cursor.unsupported(&word.to_uppercase(), hint),
        None => cursor.unexpected(),
    }
}

/// Binds what needs a schema.
pub fn statement(_parsed: &Parsed, syntax: &Syntax, environment: &Environment) -> Result<Statement> {
    Ok(Statement::Ddl(match syntax {
        Syntax::Ready(ddl) => ddl.clone(),
        Syntax::Table(table) => Ddl::CreateTable(bound::table(table, environment)?),
        Syntax::TableAs { name, if_not_exists, columns, append_only, query, with_data } => {
            let Statement::Query(query) = crate::plan(query, environment)? else {
                return Err(Error::unsupported("CREATE TABLE AS of this statement"));
            };
            if query.kind != QueryKind::Select {
                return Err(err!(SyntaxError, "CREATE TABLE AS needs a SELECT or VALUES"));
            }
            let definitions =
                view::columns_of(&query.fields, columns, "CREATE TABLE AS specifies too many column names")?;
            let table = CreateTable {
                name: name.clone(),
                if_not_exists: *if_not_exists,
                columns: definitions.into_iter().map(|(name, ty)| table::plain_column(name, ty)).collect(),
                constraints: vec![],
                append_only: *append_only,
            };
            return Ok(Statement::CreateTableAs { table, query, with_data: *with_data });
        }
        Syntax::View { name, or_replace, columns, query } => {
            let text = query.text.clone();
            crate::parse::check_view_depth(&text)?;
            let Statement::Query(bound) = crate::plan(query, environment)? else {
                return Err(err!(SyntaxError, "CREATE VIEW needs a SELECT or VALUES"));
            };
            if !bound.parameters.is_empty() {
                return Err(err!(UndefinedParameter, "there is no parameter $1"));
            }
            let columns = view::columns_of(
                &bound.fields,
                columns,
                "CREATE VIEW specifies more column names than columns",
            )?;
            // What the query reads itself; what a view in it reads is that view's dependency.
            let reads = bound.references.iter().filter(|(relation, _)| *relation >= FIRST_USER_OID);
            let references = reads.copied().collect();
            Ddl::CreateView { name: name.clone(), or_replace: *or_replace, columns, query: text, references }
        }
        Syntax::Index(index) => Ddl::CreateIndex(bound::index(index, environment)?),
        Syntax::Alter { name, if_exists, actions } => {
            let actions = bound::alter(name, *if_exists, actions, environment)?;
            Ddl::AlterTable { name: name.clone(), if_exists: *if_exists, actions }
        }
    }))
}
