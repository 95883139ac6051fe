//! Roles and databases.

use crate::parse::cursor::Cursor;
use types::ddl::{RoleDdl, RoleOptions};
use types::{Result, err};

/// After CREATE: ROLE, USER, GROUP or DATABASE.
pub fn create(cursor: &mut Cursor<'_>) -> Result<RoleDdl> {
    let Some(kind) = cursor.one_of(&["database", "role", "user", "group"]) else {
        return Err(cursor.unexpected());
    };
    if kind == "database" {
        return create_database(cursor);
    }
    if cursor.are("mapping") {
        return Err(cursor.unsupported("CREATE USER MAPPING", "There are no foreign servers."));
    }
    let name = cursor.identifier()?;
    let mut options = options(cursor)?;
    // CREATE USER is CREATE ROLE with LOGIN.
    if kind == "user" {
        options.login.get_or_insert(true);
    }
    Ok(RoleDdl::Create { name, if_not_exists: false, options })
}

/// After ALTER.
pub fn alter(cursor: &mut Cursor<'_>) -> Result<RoleDdl> {
    let Some(kind) = cursor.one_of(&["database", "role", "user", "group"]) else {
        return Err(cursor.unexpected());
    };
    let name = cursor.identifier()?;
    if cursor.eat("rename to") {
        let to = cursor.identifier()?;
        return Ok(if kind == "database" {
            RoleDdl::RenameDatabase { name, to }
        } else {
            RoleDdl::Rename { name, to }
        });
    }
    if kind == "database" || cursor.is("set") || cursor.is("reset") || cursor.is("in") {
        return Err(cursor.unsupported(
            "this form of ALTER",
            "Settings are kept per session: use SET, or the connection's options.",
        ));
    }
    Ok(RoleDdl::Alter { name, options: options(cursor)? })
}

/// After DROP.
pub fn drop(cursor: &mut Cursor<'_>) -> Result<RoleDdl> {
    let Some(kind) = cursor.one_of(&["database", "role", "user", "group"]) else {
        return Err(cursor.unexpected());
    };
    let if_exists = cursor.eat("if exists");
    if kind == "database" {
        let name = cursor.identifier()?;
        if cursor.eat("with") {
            cursor.expect_symbol("(")?;
            return Err(cursor.unsupported("DROP DATABASE ... WITH (FORCE)", "End the sessions on it first."));
        }
        return Ok(RoleDdl::DropDatabase { name, if_exists });
    }
    let names = cursor.list(|cursor| cursor.identifier())?;
    Ok(RoleDdl::Drop { names, if_exists })
}

fn create_database(cursor: &mut Cursor<'_>) -> Result<RoleDdl> {
    let name = cursor.identifier()?;
    let mut owner = None;
    cursor.eat("with");
    while !cursor.at_end() {
        let position = cursor.position();
        let option = cursor.label()?;
        cursor.eat_symbol("=");
        let value = match cursor.peek().map(|token| &token.kind) {
            Some(crate::parse::lexer::Kind::Text(text)) => {
                let text = text.clone();
                cursor.advance();
                text
            }
            Some(crate::parse::lexer::Kind::Number(_)) => cursor.integer()?.to_string(),
            _ => cursor.label()?,
        };
        let fits = match option.as_str() {
            "owner" => {
                owner = Some(value.clone());
                true
            }
            "encoding" => {
                ["utf8", "utf-8", "unicode", "default"].contains(&value.to_ascii_lowercase().as_str())
            }
            "template" => ["template0", "template1", "default"].contains(&value.as_str()),
            "lc_collate" | "lc_ctype" | "locale" => {
                ["c", "posix", "c.utf-8", "c.utf8", "default"].contains(&value.to_ascii_lowercase().as_str())
            }
            "tablespace" => ["pg_default", "default"].contains(&value.as_str()),
            "connection" => {
                return Err(types::Error::unsupported("CREATE DATABASE ... CONNECTION LIMIT").at(position));
            }
            _ => {
                return Err(
                    err!(SyntaxError, "database creation option \"{option}\" not recognized").at(position)
                );
            }
        };
        if !fits {
            return Err(types::Error::unsupported(format!(
                "CREATE DATABASE ... {} = {value}",
                option.to_uppercase()
            ))
            .hint("Databases are UTF8 with the C collation, made from template1.")
            .at(position));
        }
    }
    Ok(RoleDdl::CreateDatabase { name, owner })
}

fn options(cursor: &mut Cursor<'_>) -> Result<RoleOptions> {
    let mut options = RoleOptions::default();
    cursor.eat("with");
    while !cursor.at_end() {
        let position = cursor.position();
        if cursor.eat("connection limit") {
            let limit = cursor.integer()?;
            options.connection_limit = Some(i32::try_from(limit).map_err(|_| {
                err!(InvalidParameterValue, "invalid connection limit: {limit}").at(position)
            })?);
            continue;
        }
        if cursor.eat("valid until") {
            let until = cursor.string()?;
            if until != "infinity" {
                return Err(types::Error::unsupported("VALID UNTIL")
                    .hint("Alter or drop the role when its time is over.")
                    .at(position));
            }
            continue;
        }
        if cursor.eat("encrypted") {
            cursor.expect("password")?;
            options.password = Some(Some(cursor.string()?));
            continue;
        }
        match cursor.label()?.as_str() {
            "superuser" => options.superuser = Some(true),
            "nosuperuser" => options.superuser = Some(false),
            "login" => options.login = Some(true),
            "nologin" => options.login = Some(false),
            "createrole" => options.create_role = Some(true),
            "nocreaterole" => options.create_role = Some(false),
            "createdb" => options.create_database = Some(true),
            "nocreatedb" => options.create_database = Some(false),
            "inherit" => options.inherit = Some(true),
            "noinherit" => options.inherit = Some(false),
            // There is neither replication nor row security to be exempt from.
            "noreplication" | "nobypassrls" => {}
            "password" => {
                options.password = Some(if cursor.eat("null") { None } else { Some(cursor.string()?) });
            }
            "replication" | "bypassrls" | "in" | "role" | "user" | "admin" | "sysid" => {
                return Err(types::Error::unsupported("this role option")
                    .hint("Grant memberships with GRANT role TO role.")
                    .at(position));
            }
            other => return Err(err!(SyntaxError, "unrecognized role option \"{other}\"").at(position)),
        }
    }
    Ok(options)
}

/// GRANT a, b TO c [WITH ADMIN OPTION], if it is a grant of membership: no ON before TO or FROM.
pub fn membership(cursor: &mut Cursor<'_>, revoke: bool) -> Result<Option<RoleDdl>> {
    let mark = cursor.mark();
    while !cursor.at_end() && !cursor.is("on") && !cursor.is("to") && !cursor.is("from") {
        cursor.advance();
    }
    let on_object = cursor.is("on");
    cursor.seek(mark);
    if on_object {
        return Ok(None);
    }
    let mut admin = revoke && cursor.eat("admin option for");
    let roles = cursor.list(|cursor| cursor.identifier())?;
    cursor.expect(if revoke { "from" } else { "to" })?;
    let members = cursor.list(|cursor| cursor.identifier())?;
    admin |= !revoke && cursor.eat("with admin option");
    if cursor.eat("granted by") {
        return Err(cursor.unsupported("GRANTED BY", "The current role is the grantor."));
    }
    if revoke {
        let _ = cursor.eat("cascade") || cursor.eat("restrict");
    }
    Ok(Some(RoleDdl::GrantMembership { revoke, roles, members, admin }))
}
