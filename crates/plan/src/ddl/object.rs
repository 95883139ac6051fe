//! What is the same for many kinds of object: DROP, TRUNCATE, COMMENT, RENAME, OWNER, schemas.

use super::{Syntax, refuse};
use crate::parse::cursor::Cursor;
use types::ddl::{CommentTarget, Ddl, Name, ObjectKind};
use types::{Error, Result};

/// TABLE, VIEW, INDEX, SEQUENCE or SCHEMA, if it is next.
fn kind(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    Some(match cursor.one_of(&["table", "view", "index", "sequence", "schema"])? {
        "table" => ObjectKind::Table,
        "view" => ObjectKind::View,
        "index" => ObjectKind::Index,
        "sequence" => ObjectKind::Sequence,
        _ => ObjectKind::Schema,
    })
}

/// `name`, or a schema's.
fn object_name(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<Name> {
    match kind {
        ObjectKind::Schema => Ok(Name { schema: None, name: cursor.identifier()? }),
        _ => cursor.name(),
    }
}

/// CASCADE, or RESTRICT, which is the default.
fn cascade(cursor: &mut Cursor<'_>) -> bool {
    let cascade = cursor.eat("cascade");
    if !cascade {
        cursor.eat("restrict");
    }
    cascade
}

/// After DROP.
pub fn drop(cursor: &mut Cursor<'_>) -> Result<Syntax> {
    let Some(kind) = kind(cursor) else { return Err(refuse(cursor)) };
    if kind == ObjectKind::Index && cursor.is("concurrently") {
        return Err(cursor.unsupported("DROP INDEX CONCURRENTLY", "Leave CONCURRENTLY out."));
    }
    let if_exists = cursor.eat("if exists");
    let names = cursor.list(|cursor| object_name(cursor, kind))?;
    Ok(Syntax::Ready(Ddl::Drop { kind, names, if_exists, cascade: cascade(cursor) }))
}

/// After TRUNCATE.
pub fn truncate(cursor: &mut Cursor<'_>) -> Result<Syntax> {
    cursor.eat("table");
    let names = cursor.list(|cursor| {
        cursor.eat("only");
        let name = cursor.name()?;
        cursor.eat_symbol("*");
        Ok(name)
    })?;
    let restart_identity = cursor.eat("restart identity");
    if !restart_identity {
        cursor.eat("continue identity");
    }
    Ok(Syntax::Ready(Ddl::Truncate { names, restart_identity, cascade: cascade(cursor) }))
}

/// After COMMENT.
pub fn comment(cursor: &mut Cursor<'_>) -> Result<Syntax> {
    cursor.expect("on")?;
    let on = if cursor.eat("column") {
        let mut parts = vec![cursor.identifier()?];
        while cursor.eat_symbol(".") {
            parts.push(cursor.label()?);
        }
        let column = parts.pop().unwrap_or_default();
        let Some(name) = parts.pop() else { return Err(cursor.unexpected()) };
        CommentTarget::Column(Name { schema: parts.pop(), name }, column)
    } else if cursor.eat("constraint") {
        let constraint = cursor.identifier()?;
        cursor.expect("on")?;
        CommentTarget::Constraint(cursor.name()?, constraint)
    } else {
        let Some(kind) = kind(cursor) else { return Err(refuse_comment(cursor)) };
        CommentTarget::Relation(kind, object_name(cursor, kind)?)
    };
    cursor.expect("is")?;
    let text = if cursor.eat("null") { None } else { Some(cursor.string()?) };
    Ok(Syntax::Ready(Ddl::Comment { on, text: text.filter(|text| !text.is_empty()) }))
}

fn refuse_comment(cursor: &Cursor<'_>) -> Error {
    if cursor.is("database") || cursor.is("role") {
        return cursor.unsupported(
            "COMMENT ON DATABASE or ROLE",
            "Comments are kept on tables, columns, constraints, views, indexes, sequences and schemas.",
        );
    }
    refuse(cursor)
}

/// After CREATE SCHEMA.
pub fn create_schema(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let if_not_exists = cursor.eat("if not exists");
    let mut owner = None;
    let name = if cursor.eat("authorization") {
        let role = cursor.identifier()?;
        owner = Some(role.clone());
        role
    } else {
        let name = cursor.identifier()?;
        if cursor.eat("authorization") {
            owner = Some(cursor.identifier()?);
        }
        name
    };
    if !cursor.at_end() {
        return Err(
            cursor.unsupported("CREATE SCHEMA with elements", "Make the objects by statements of their own.")
        );
    }
    Ok(Ddl::CreateSchema { name, if_not_exists, owner })
}

/// ALTER INDEX, ALTER VIEW, ALTER SCHEMA: RENAME TO, OWNER TO, SET SCHEMA.
pub fn alter(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let Some(kind) = kind(cursor) else { return Err(refuse(cursor)) };
    let if_exists = cursor.eat("if exists");
    let name = object_name(cursor, kind)?;
    if cursor.eat("rename to") {
        return Ok(Ddl::Rename { kind, name, if_exists, to: cursor.identifier()? });
    }
    if cursor.eat("owner to") {
        return Ok(Ddl::AlterOwner { kind, name, owner: cursor.identifier()? });
    }
    if kind != ObjectKind::Schema && cursor.eat("set schema") {
        return Ok(Ddl::SetSchema { kind, name, schema: cursor.identifier()? });
    }
    Err(cursor.unsupported("this form of ALTER", "RENAME TO, OWNER TO and SET SCHEMA are supported."))
}
