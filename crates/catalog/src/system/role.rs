//! pg_roles and its kin, pg_database, pg_tablespace, pg_settings: what a cluster has.

use super::Role;
use super::row::{NULL, Rows, row};
use super::source::Source;
use crate::system_tables::BOOTSTRAP_ROLE;
use types::{Result, Value};

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    Some(match name {
        "pg_roles" => Ok(source.roles.iter().map(role).collect()),
        // Where PostgreSQL shows superusers a verifier, nobody sees one here.
        "pg_authid" => Ok(source.roles.iter().map(authid).collect()),
        "pg_user" => Ok(logins(source).map(|role| user(role, Value::text("********"))).collect()),
        "pg_shadow" => Ok(logins(source).map(|role| user(role, NULL)).collect()),
        "pg_group" => groups(source),
        "pg_auth_members" => members(source),
        "pg_database" => databases(source),
        "pg_tablespace" => Ok(vec![
            row![1663u32, "pg_default", BOOTSTRAP_ROLE, NULL, NULL],
            row![1664u32, "pg_global", BOOTSTRAP_ROLE, NULL, NULL],
        ]),
        "pg_settings" => Ok(source.surroundings.settings().iter().filter_map(|row| setting(row)).collect()),
        _ => return None,
    })
}

fn logins<'a>(source: &'a Source<'_>) -> impl Iterator<Item = &'a Role> {
    source.roles.iter().filter(|role| role.login)
}

fn role(role: &Role) -> Vec<Value> {
    row![
        &role.name,
        role.superuser,
        role.inherit,
        role.create_role,
        role.create_database,
        role.login,
        false,
        role.connection_limit,
        "********",
        NULL,
        role.superuser,
        NULL,
        role.oid,
    ]
}

fn authid(role: &Role) -> Vec<Value> {
    row![
        role.oid,
        &role.name,
        role.superuser,
        role.inherit,
        role.create_role,
        role.create_database,
        role.login,
        false,
        role.superuser,
        role.connection_limit,
        NULL,
        NULL,
    ]
}

fn user(role: &Role, password: Value) -> Vec<Value> {
    row![
        &role.name,
        role.oid,
        role.create_database,
        role.superuser,
        false,
        role.superuser,
        password,
        NULL,
        NULL,
    ]
}

fn groups(source: &Source<'_>) -> Result<Vec<Vec<Value>>> {
    let memberships = source.surroundings.memberships()?;
    let groups = source.roles.iter().filter(|role| !role.login).map(|role| {
        let members = memberships.iter().filter(|(of, ..)| *of == role.oid).map(|(_, member, _)| *member);
        row![&role.name, role.oid, super::row::oids(members)]
    });
    Ok(groups.collect())
}

fn members(source: &Source<'_>) -> Result<Vec<Vec<Value>>> {
    let memberships = source.surroundings.memberships()?;
    Ok(memberships
        .into_iter()
        .map(|(role, member, admin)| row![role, member, BOOTSTRAP_ROLE, admin])
        .collect())
}

fn databases(source: &Source<'_>) -> Result<Vec<Vec<Value>>> {
    let databases = source.surroundings.databases()?;
    let rows = databases.into_iter().map(|(oid, name, owner)| {
        row![oid, name, owner, 6, 'c', false, true, -1, 0u32, 0u32, 1663u32, "C", "C", NULL, NULL, NULL]
    });
    Ok(rows.collect())
}

fn setting(setting: &[String]) -> Option<Vec<Value>> {
    let [name, value, unit, category, short, context, kind, source, boot, reset] = setting else {
        return None;
    };
    Some(row![
        name,
        value,
        (!unit.is_empty()).then_some(unit),
        category,
        short,
        NULL,
        context,
        kind,
        source,
        NULL,
        NULL,
        NULL,
        boot,
        reset,
        NULL,
        NULL,
        false,
    ])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_setting_with_missing_fields_is_no_row() {
        assert_eq!(super::setting(&["a".to_owned()]), None);
    }
}
