//! GRANT and REVOKE on objects.

use super::Syntax;
use crate::parse::cursor::Cursor;
use types::ddl::{Ddl, Grant, GrantTarget, Privilege};
use types::{Error, Result, err};

/// After GRANT or REVOKE.
pub fn grant(cursor: &mut Cursor<'_>, revoke: bool) -> Result<Syntax> {
    let mut grant_option = revoke && cursor.eat("grant option for");
    let privileges = privileges(cursor)?;
    cursor.expect("on")?;
    let on = target(cursor)?;
    cursor.expect(if revoke { "from" } else { "to" })?;
    let roles = cursor.list(|cursor| {
        cursor.eat("group");
        match cursor.one_of(&["current_user", "current_role", "session_user"]) {
            Some(word) => Ok(if word == "session_user" { word } else { "current_user" }.to_owned()),
            None => cursor.identifier(),
        }
    })?;
    grant_option |= !revoke && cursor.eat("with grant option");
    let cascade = revoke && cursor.eat("cascade");
    if revoke && !cascade {
        cursor.eat("restrict");
    }
    Ok(Syntax::Ready(Ddl::Grant(Grant { revoke, privileges, on, roles, grant_option, cascade })))
}

/// `ALL [PRIVILEGES]`, or a list. Empty = all.
fn privileges(cursor: &mut Cursor<'_>) -> Result<Vec<Privilege>> {
    if cursor.eat("all") {
        cursor.eat("privileges");
        if cursor.is_symbol("(") {
            return Err(column_privileges(cursor));
        }
        return Ok(vec![]);
    }
    cursor.list(|cursor| {
        let position = cursor.position();
        let word = cursor.label()?;
        if cursor.is_symbol("(") {
            return Err(column_privileges(cursor));
        }
        Ok(match word.as_str() {
            "select" => Privilege::Select,
            "insert" => Privilege::Insert,
            "update" => Privilege::Update,
            "delete" => Privilege::Delete,
            "truncate" => Privilege::Truncate,
            "references" => Privilege::References,
            "trigger" => Privilege::Trigger,
            "usage" => Privilege::Usage,
            "create" => Privilege::Create,
            "connect" => Privilege::Connect,
            "temporary" | "temp" => Privilege::Temporary,
            "execute" => Privilege::Execute,
            other => return Err(err!(SyntaxError, "unrecognized privilege type \"{other}\"").at(position)),
        })
    })
}

fn column_privileges(cursor: &Cursor<'_>) -> Error {
    cursor.unsupported("a privilege on columns", "Grant it on the table, or on a view of those columns.")
}

fn target(cursor: &mut Cursor<'_>) -> Result<GrantTarget> {
    if cursor.eat("all tables in schema") {
        return Ok(GrantTarget::AllTablesIn(cursor.list(|cursor| cursor.identifier())?));
    }
    if cursor.eat("all sequences in schema") {
        return Ok(GrantTarget::AllSequencesIn(cursor.list(|cursor| cursor.identifier())?));
    }
    if cursor.eat("schema") {
        return Ok(GrantTarget::Schemas(cursor.list(|cursor| cursor.identifier())?));
    }
    if cursor.eat("sequence") {
        return Ok(GrantTarget::Sequences(cursor.list(|cursor| cursor.name())?));
    }
    if cursor.eat("database") {
        return Ok(GrantTarget::Databases(cursor.list(|cursor| cursor.identifier())?));
    }
    for word in [
        "function",
        "procedure",
        "routine",
        "all",
        "domain",
        "foreign",
        "language",
        "large",
        "parameter",
        "tablespace",
        "type",
    ] {
        if cursor.is(word) {
            return Err(cursor.unsupported(
                &format!("GRANT on {}", word.to_uppercase()),
                "Privileges are on tables, sequences, schemas and databases.",
            ));
        }
    }
    cursor.eat("table");
    Ok(GrantTarget::Tables(cursor.list(|cursor| cursor.name())?))
}
