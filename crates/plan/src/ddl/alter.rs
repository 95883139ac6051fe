//! ALTER TABLE.

use super::Syntax;
use super::table::{column, identity, storage_parameter, table_constraint};
use crate::parse::cursor::Cursor;
use crate::parse::types::column_type;
use types::ddl::{AlterTable, Ddl, ObjectKind, SequenceOptions};
use types::{Error, Result};

/// After ALTER TABLE.
pub fn table(cursor: &mut Cursor<'_>) -> Result<Syntax> {
    let if_exists = cursor.eat("if exists");
    cursor.eat("only");
    let name = cursor.name()?;
    cursor.eat_symbol("*");
    if cursor.eat("rename to") {
        let to = cursor.identifier()?;
        return Ok(Syntax::Alter { name, if_exists, actions: vec![AlterTable::RenameTo(to)] });
    }
    if cursor.eat("rename constraint") {
        let from = cursor.identifier()?;
        cursor.expect("to")?;
        let to = cursor.identifier()?;
        return Ok(Syntax::Alter {
            name,
            if_exists,
            actions: vec![AlterTable::RenameConstraint { from, to }],
        });
    }
    if cursor.eat("rename") {
        cursor.eat("column");
        let from = cursor.identifier()?;
        cursor.expect("to")?;
        let to = cursor.identifier()?;
        return Ok(Syntax::Alter { name, if_exists, actions: vec![AlterTable::RenameColumn { from, to }] });
    }
    if cursor.eat("set schema") {
        let schema = cursor.identifier()?;
        return Ok(Syntax::Ready(Ddl::SetSchema { kind: ObjectKind::Table, name, schema }));
    }
    if cursor.eat("owner to") {
        let owner = cursor.identifier()?;
        return Ok(Syntax::Ready(Ddl::AlterOwner { kind: ObjectKind::Table, name, owner }));
    }
    let actions = cursor.list(action)?.into_iter().flatten().collect();
    Ok(Syntax::Alter { name, if_exists, actions })
}

/// One of the comma-separated actions. None: a hint that changes nothing.
fn action(cursor: &mut Cursor<'_>) -> Result<Option<AlterTable>> {
    match cursor.one_of(&["add", "drop", "alter", "validate constraint", "set", "reset"]) {
        Some("add") => add(cursor).map(Some),
        Some("drop") => drop(cursor).map(Some),
        Some("alter") => {
            cursor.eat("column");
            alter_column(cursor)
        }
        Some("validate constraint") => Ok(Some(AlterTable::ValidateConstraint(cursor.identifier()?))),
        Some("set") => {
            if !cursor.is_symbol("(") {
                return Err(cursor.unsupported(
                    "this form of ALTER TABLE ... SET",
                    "Every table of a ledger is logged, in one folder.",
                ));
            }
            let (mut append_only, mut named) = (false, false);
            cursor.parenthesised(|cursor| {
                named |= cursor.is("ledger");
                storage_parameter(cursor, &mut append_only)
            })?;
            Ok(named.then_some(AlterTable::SetAppendOnly(append_only)))
        }
        Some(_) => {
            cursor.parenthesised(|cursor| cursor.label())?;
            Ok(None)
        }
        None => Err(refuse(cursor)),
    }
}

fn refuse(cursor: &Cursor<'_>) -> Error {
    for word in
        ["enable", "disable", "force", "no", "cluster", "inherit", "attach", "detach", "replica", "of", "not"]
    {
        if cursor.is(word) {
            return cursor.unsupported(
                &format!("ALTER TABLE ... {}", word.to_uppercase()),
                "It is not part of Stele.",
            );
        }
    }
    cursor.unexpected()
}

fn add(cursor: &mut Cursor<'_>) -> Result<AlterTable> {
    if ["constraint", "primary", "unique", "check", "foreign", "exclude"].iter().any(|word| cursor.is(word)) {
        let constraint = table_constraint(cursor)?;
        let not_valid = cursor.eat("not valid");
        return Ok(AlterTable::AddConstraint { constraint, not_valid });
    }
    cursor.eat("column");
    let if_not_exists = cursor.eat("if not exists");
    let (column, constraints) = column(cursor)?;
    Ok(AlterTable::AddColumn { column, constraints, if_not_exists })
}

fn cascade(cursor: &mut Cursor<'_>) -> bool {
    let cascade = cursor.eat("cascade");
    if !cascade {
        cursor.eat("restrict");
    }
    cascade
}

fn drop(cursor: &mut Cursor<'_>) -> Result<AlterTable> {
    if cursor.eat("constraint") {
        let if_exists = cursor.eat("if exists");
        let name = cursor.identifier()?;
        return Ok(AlterTable::DropConstraint { name, if_exists, cascade: cascade(cursor) });
    }
    cursor.eat("column");
    let if_exists = cursor.eat("if exists");
    let name = cursor.identifier()?;
    Ok(AlterTable::DropColumn { name, if_exists, cascade: cascade(cursor) })
}

fn alter_column(cursor: &mut Cursor<'_>) -> Result<Option<AlterTable>> {
    let column = cursor.identifier()?;
    if cursor.eat("set default") {
        let default = cursor.text_until(|cursor| cursor.is_symbol(","))?;
        return Ok(Some(AlterTable::SetDefault { column, default }));
    }
    if cursor.eat("drop default") {
        return Ok(Some(AlterTable::DropDefault { column }));
    }
    if cursor.eat("set not null") {
        return Ok(Some(AlterTable::SetNotNull { column }));
    }
    if cursor.eat("drop not null") {
        return Ok(Some(AlterTable::DropNotNull { column }));
    }
    if cursor.eat("drop identity") {
        return Ok(Some(AlterTable::DropIdentity { column, if_exists: cursor.eat("if exists") }));
    }
    if cursor.eat("add generated") {
        let (identity, options): (_, SequenceOptions) = identity(cursor)?;
        return Ok(Some(AlterTable::AddIdentity { column, identity, options }));
    }
    if cursor.eat("set statistics") {
        // How much ANALYZE samples: a hint.
        cursor.integer()?;
        return Ok(None);
    }
    if cursor.eat("set data type") || cursor.eat("type") {
        let ty = column_type(cursor)?;
        if cursor.is("collate") {
            return Err(cursor.unsupported("COLLATE", "Text is compared by bytes (the C collation)."));
        }
        let using =
            if cursor.eat("using") { Some(cursor.text_until(|cursor| cursor.is_symbol(","))?) } else { None };
        return Ok(Some(AlterTable::SetType { column, ty, using }));
    }
    if cursor.is("set") || cursor.is("reset") || cursor.is("restart") || cursor.is("drop") {
        return Err(cursor
            .unsupported("this form of ALTER COLUMN", "See docs/sql.md for the forms that are supported."));
    }
    Err(cursor.unexpected())
}
