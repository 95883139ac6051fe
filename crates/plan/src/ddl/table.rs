//! CREATE TABLE: columns and constraints.

use super::Syntax;
use crate::parse::cursor::Cursor;
use crate::parse::lexer::Kind;
use crate::parse::{parse_inner, types::column_type};
use types::ddl::{
    ColumnDefinition, ConstraintDefinition, ConstraintDefinitionKind, CreateTable, SequenceOptions,
};
use types::schema::{Action, Identity};
use types::{ColumnType, DataType, Result, err};

/// After CREATE TABLE.
pub fn create(cursor: &mut Cursor<'_>) -> Result<Syntax> {
    let if_not_exists = cursor.eat("if not exists");
    let name = cursor.name()?;
    if cursor.is("of") || cursor.is("partition") {
        return Err(cursor.unsupported(
            "this form of CREATE TABLE",
            "Typed tables and partitions are not part of Stele yet.",
        ));
    }
    // `(a, b) AS` and `AS` make a table from a query.
    if let Some(columns) = names_before_as(cursor) {
        return create_as(cursor, name, if_not_exists, columns);
    }
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    cursor.expect_symbol("(")?;
    if !cursor.is_symbol(")") {
        cursor.list(|cursor| {
            if cursor.is("like") {
                return Err(cursor.unsupported("CREATE TABLE ... LIKE", "Name the columns."));
            }
            if at_table_constraint(cursor) {
                constraints.push(table_constraint(cursor)?);
            } else {
                let (column, mut own) = column(cursor)?;
                columns.push(column);
                constraints.append(&mut own);
            }
            Ok(())
        })?;
    }
    cursor.expect_symbol(")")?;
    let append_only = storage(cursor)?;
    Ok(Syntax::Table(CreateTable { name, if_not_exists, columns, constraints, append_only }))
}

/// Column names, if what follows is `[(names)] [WITH (...)] AS query`.
fn names_before_as(cursor: &mut Cursor<'_>) -> Option<Vec<String>> {
    let mark = cursor.mark();
    let mut columns = Vec::new();
    if cursor.is_symbol("(") {
        match cursor.parenthesised(|cursor| cursor.identifier()) {
            Ok(names) => columns = names,
            Err(_) => {
                cursor.seek(mark);
                return None;
            }
        }
    }
    let after_names = cursor.mark();
    let query = storage(cursor).is_ok() && cursor.is("as");
    cursor.seek(if query { after_names } else { mark });
    query.then_some(columns)
}

fn create_as(
    cursor: &mut Cursor<'_>,
    name: types::ddl::Name,
    if_not_exists: bool,
    columns: Vec<String>,
) -> Result<Syntax> {
    let append_only = storage(cursor)?;
    cursor.expect("as")?;
    let start = cursor.peek().map_or(cursor.text.len(), |token| token.start);
    let mark = cursor.mark();
    cursor.text_until(|cursor| {
        (cursor.are("with data") || cursor.are("with no data"))
            && cursor.peek_ahead(if cursor.are("with data") { 2 } else { 3 }).is_none()
    })?;
    let query = Box::new(parse_inner(cursor.text, start, cursor.between(mark, cursor.mark()))?);
    let with_data = !cursor.eat("with no data");
    if with_data {
        cursor.eat("with data");
    }
    Ok(Syntax::TableAs { name, if_not_exists, columns, append_only, query, with_data })
}

/// What may follow the parentheses. `WITH (fillfactor = n)` is a hint about PostgreSQL's pages, and taken as one.
pub fn storage(cursor: &mut Cursor<'_>) -> Result<bool> {
    let mut append_only = false;
    loop {
        if cursor.eat("with") {
            cursor.parenthesised(|cursor| storage_parameter(cursor, &mut append_only))?;
        } else if cursor.eat("without oids") {
        } else if cursor.eat("tablespace") {
            let position = cursor.position();
            if cursor.identifier()? != "pg_default" {
                return Err(types::Error::unsupported("TABLESPACE")
                    .hint("A ledger lives in one folder.")
                    .at(position));
            }
        } else if cursor.eat("using") {
            let position = cursor.position();
            if cursor.identifier()? != "heap" {
                return Err(types::Error::unsupported("a table access method").at(position));
            }
        } else if cursor.is("inherits") || cursor.is("partition") || cursor.are("on commit") {
            return Err(cursor
                .unsupported("INHERITS, PARTITION BY or ON COMMIT", "Tables stand on their own in Stele."));
        } else {
            return Ok(append_only);
        }
    }
}

/// `fillfactor = 90`, `autovacuum_...`, `ledger = append_only`.
pub fn storage_parameter(cursor: &mut Cursor<'_>, append_only: &mut bool) -> Result<()> {
    let position = cursor.position();
    let mut name = cursor.label()?;
    while cursor.eat_symbol(".") {
        name = format!("{name}.{}", cursor.label()?);
    }
    let mut value = None;
    if cursor.eat_symbol("=") {
        value = Some(match cursor.peek().map(|token| &token.kind) {
            Some(Kind::Text(text) | Kind::Word(text) | Kind::Number(text) | Kind::Quoted(text)) => {
                text.clone()
            }
            _ => return Err(cursor.unexpected()),
        });
        cursor.advance();
    }
    match (name.as_str(), value.as_deref()) {
        ("ledger", Some("append_only")) => *append_only = true,
        ("ledger", Some("updatable")) => *append_only = false,
        ("ledger", _) => {
            return Err(err!(InvalidParameterValue, "ledger must be append_only or updatable").at(position));
        }
        ("fillfactor", Some(value)) if value.parse::<u32>().is_ok_and(|n| (10..=100).contains(&n)) => {}
        ("fillfactor", value) => {
            let value = value.unwrap_or("true");
            return Err(err!(InvalidParameterValue, "value {value} out of bounds for option \"fillfactor\"")
                .detail("Valid values are between \"10\" and \"100\".")
                .at(position));
        }
        (name, _) if name.starts_with("autovacuum_") || name.starts_with("toast.autovacuum_") => {}
        (
            "parallel_workers"
            | "toast_tuple_target"
            | "vacuum_truncate"
            | "vacuum_index_cleanup"
            | "log_autovacuum_min_duration",
            _,
        ) => {}
        ("oids", Some("false")) => {}
        _ => return Err(err!(InvalidParameterValue, "unrecognized parameter \"{name}\"").at(position)),
    }
    Ok(())
}

pub fn plain_column(name: String, ty: ColumnType) -> ColumnDefinition {
    ColumnDefinition {
        name,
        ty,
        not_null: false,
        default: None,
        constant_default: None,
        identity: None,
        serial: false,
    }
}

/// A column with its constraints; those that concern the table are returned beside it.
pub fn column(cursor: &mut Cursor<'_>) -> Result<(ColumnDefinition, Vec<ConstraintDefinition>)> {
    let name = cursor.identifier()?;
    let serial = cursor.one_of(&["serial", "serial4", "bigserial", "serial8", "smallserial", "serial2"]);
    let ty = match serial {
        Some("serial" | "serial4") => DataType::Int4.into(),
        Some("bigserial" | "serial8") => DataType::Int8.into(),
        Some(_) => DataType::Int2.into(),
        None => column_type(cursor)?,
    };
    let mut column = plain_column(name, ty);
    column.serial = serial.is_some();
    column.not_null = column.serial;
    let mut constraints = Vec::new();
    let mut nullable = false;
    loop {
        let position = cursor.position();
        let named = if cursor.eat("constraint") { Some(cursor.identifier()?) } else { None };
        if cursor.eat("not null") {
            column.not_null = true;
        } else if cursor.eat("null") {
            nullable = true;
        } else if cursor.eat("default") {
            if column.default.is_some() || column.serial || column.identity.is_some() {
                let name = &column.name;
                return Err(
                    err!(SyntaxError, "multiple default values specified for column \"{name}\"").at(position)
                );
            }
            column.default = Some(cursor.text_until(at_column_end)?);
        } else if cursor.eat("primary key") {
            index_parameters(cursor)?;
            let kind = ConstraintDefinitionKind::PrimaryKey(vec![column.name.clone()]);
            constraints.push(ConstraintDefinition { name: named, kind });
        } else if cursor.eat("unique") {
            index_parameters(cursor)?;
            let kind = ConstraintDefinitionKind::Unique(vec![column.name.clone()]);
            constraints.push(ConstraintDefinition { name: named, kind });
        } else if cursor.is("check") {
            constraints.push(ConstraintDefinition { name: named, kind: check(cursor)? });
        } else if cursor.is("references") {
            let kind = references(cursor, vec![column.name.clone()])?;
            constraints.push(ConstraintDefinition { name: named, kind });
        } else if cursor.eat("generated") {
            let name = &column.name;
            if column.identity.is_some() {
                return Err(
                    err!(SyntaxError, "multiple identity specifications for column \"{name}\"").at(position)
                );
            }
            if column.default.is_some() || column.serial {
                return Err(err!(SyntaxError, "both default and identity specified for column \"{name}\"")
                    .at(position));
            }
            column.identity = Some(identity(cursor)?);
            column.not_null = true;
        } else if cursor.eat("collate") {
            collation(cursor)?;
        } else if cursor.is("compression") || cursor.is("storage") || cursor.is("options") {
            return Err(cursor.unsupported("COMPRESSION, STORAGE or OPTIONS of a column", "Leave it out."));
        } else if named.is_some() {
            return Err(cursor.unexpected());
        } else {
            break;
        }
    }
    if nullable && column.not_null {
        let name = &column.name;
        return Err(err!(SyntaxError, "conflicting NULL/NOT NULL declarations for column \"{name}\""));
    }
    Ok((column, constraints))
}

/// `COLLATE "C"` and the default are what there is.
fn collation(cursor: &mut Cursor<'_>) -> Result<()> {
    let position = cursor.position();
    let name = cursor.name()?;
    if ["c", "default", "posix", "ucs_basic"].contains(&name.name.to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    Err(types::Error::unsupported(format!("collation \"{}\"", name.name))
        .hint("Text is compared by bytes (the C collation).")
        .at(position))
}

/// Where a column's default ends: at a comma or the next column constraint.
fn at_column_end(cursor: &Cursor<'_>) -> bool {
    cursor.is_symbol(",")
        || cursor.are("not null")
        || cursor.is("null") && cursor.follows_operand()
        || cursor.is("constraint")
        || cursor.are("primary key")
        || cursor.is("unique")
        || cursor.is("check")
        || cursor.is("references")
        || cursor.is("generated")
        || cursor.is("collate")
}

/// GENERATED { ALWAYS | BY DEFAULT } AS IDENTITY [(options)]
pub fn identity(cursor: &mut Cursor<'_>) -> Result<(Identity, SequenceOptions)> {
    let identity = match cursor.one_of(&["always", "by default"]) {
        Some("always") => Identity::Always,
        Some(_) => Identity::ByDefault,
        None => return Err(cursor.unexpected()),
    };
    cursor.expect("as")?;
    if cursor.is_symbol("(") {
        return Err(cursor.unsupported("a generated column", "Use a view that computes it."));
    }
    cursor.expect("identity")?;
    let mut options = SequenceOptions::default();
    if cursor.eat_symbol("(") {
        super::sequence::options(cursor, &mut options)?;
        cursor.expect_symbol(")")?;
    }
    Ok((identity, options))
}

fn at_table_constraint(cursor: &Cursor<'_>) -> bool {
    ["constraint", "primary", "unique", "check", "foreign", "exclude"].iter().any(|word| cursor.is(word))
}

/// `[CONSTRAINT name] PRIMARY KEY (...) | UNIQUE (...) | CHECK (...) | FOREIGN KEY (...) REFERENCES ...`
pub fn table_constraint(cursor: &mut Cursor<'_>) -> Result<ConstraintDefinition> {
    let name = if cursor.eat("constraint") { Some(cursor.identifier()?) } else { None };
    let kind = if cursor.eat("primary key") {
        ConstraintDefinitionKind::PrimaryKey(key_columns(cursor)?)
    } else if cursor.eat("unique") {
        if cursor.is("nulls") {
            return Err(cursor.unsupported("UNIQUE NULLS NOT DISTINCT", "NULLs are distinct."));
        }
        ConstraintDefinitionKind::Unique(key_columns(cursor)?)
    } else if cursor.is("check") {
        check(cursor)?
    } else if cursor.eat("foreign key") {
        let columns = cursor.parenthesised(|cursor| cursor.identifier())?;
        references(cursor, columns)?
    } else if cursor.is("exclude") {
        return Err(cursor.unsupported("EXCLUDE", "Use UNIQUE, or check in the application."));
    } else {
        return Err(cursor.unexpected());
    };
    Ok(ConstraintDefinition { name, kind })
}

fn key_columns(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    if cursor.is("using") {
        return Err(cursor.unsupported(
            "a constraint USING INDEX",
            "Name the columns; the index is made with the constraint.",
        ));
    }
    let columns = cursor.parenthesised(|cursor| cursor.identifier())?;
    index_parameters(cursor)?;
    Ok(columns)
}

/// `WITH (fillfactor = n)`, and the deferrability that we have not for keys.
fn index_parameters(cursor: &mut Cursor<'_>) -> Result<()> {
    if cursor.is("include") {
        return Err(cursor.unsupported("INCLUDE", "Every index finds its whole row."));
    }
    if cursor.eat("with") {
        cursor.parenthesised(|cursor| storage_parameter(cursor, &mut false))?;
    }
    if cursor.eat("using index tablespace") {
        cursor.identifier()?;
    }
    if cursor.eat("not deferrable") {
        cursor.eat("initially immediate");
    } else if cursor.is("deferrable") || cursor.is("initially") {
        return Err(
            cursor.unsupported("a deferrable UNIQUE or PRIMARY KEY", "Only foreign keys are deferrable.")
        );
    }
    Ok(())
}

/// CHECK (expression) [NO INHERIT]
fn check(cursor: &mut Cursor<'_>) -> Result<ConstraintDefinitionKind> {
    cursor.expect("check")?;
    cursor.expect_symbol("(")?;
    let expression = cursor.text_until(|_| false)?;
    cursor.expect_symbol(")")?;
    cursor.eat("no inherit");
    // The columns that it names are found when it is bound.
    Ok(ConstraintDefinitionKind::Check { expression, columns: vec![] })
}

/// `REFERENCES table [(columns)] [MATCH ...] [ON DELETE ...] [ON UPDATE ...] [deferrability]`
fn references(cursor: &mut Cursor<'_>, columns: Vec<String>) -> Result<ConstraintDefinitionKind> {
    cursor.expect("references")?;
    let target = cursor.name()?;
    let target_columns =
        if cursor.is_symbol("(") { cursor.parenthesised(|cursor| cursor.identifier())? } else { vec![] };
    let (mut on_delete, mut on_update, mut match_full) = (Action::NoAction, Action::NoAction, false);
    let (mut deferrable, mut initially_deferred) = (false, false);
    loop {
        if cursor.eat("match full") {
            match_full = true;
        } else if cursor.eat("match simple") {
            match_full = false;
        } else if cursor.are("match partial") {
            return Err(cursor.unsupported("MATCH PARTIAL", "PostgreSQL has it not either."));
        } else if cursor.eat("on delete") {
            on_delete = action(cursor)?;
        } else if cursor.eat("on update") {
            on_update = action(cursor)?;
        } else if cursor.eat("not deferrable") {
            deferrable = false;
        } else if cursor.eat("deferrable") {
            deferrable = true;
        } else if cursor.eat("initially deferred") {
            (deferrable, initially_deferred) = (true, true);
        } else if cursor.eat("initially immediate") {
            initially_deferred = false;
        } else {
            break;
        }
    }
    Ok(ConstraintDefinitionKind::ForeignKey {
        columns,
        target,
        target_columns,
        on_delete,
        on_update,
        match_full,
        deferrable,
        initially_deferred,
    })
}

fn action(cursor: &mut Cursor<'_>) -> Result<Action> {
    let action = match cursor.one_of(&["no action", "restrict", "cascade", "set null", "set default"]) {
        Some("no action") => Action::NoAction,
        Some("restrict") => Action::Restrict,
        Some("cascade") => Action::Cascade,
        Some("set null") => Action::SetNull,
        Some(_) => Action::SetDefault,
        None => return Err(cursor.unexpected()),
    };
    if cursor.is_symbol("(") {
        return Err(
            cursor.unsupported("a column list after SET NULL or SET DEFAULT", "All key columns are set.")
        );
    }
    Ok(action)
}
