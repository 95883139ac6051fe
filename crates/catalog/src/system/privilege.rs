//! The privilege views of information_schema: table_privileges, role_table_grants, column_privileges, usage_privileges.

use super::row::{Rows, row, yes};
use super::source::Source;
use super::standard::visible;
use crate::system_tables::{GrantRow, PUBLIC_ROLE};
use types::ddl::Privilege;
use types::schema::{Relation, RelationKind};
use types::{Oid, Result, Value};

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    Some(match name {
        "table_privileges" => table_privileges(source, true),
        // Without what PUBLIC was granted.
        "role_table_grants" => table_privileges(source, false),
        "column_privileges" => column_privileges(source, true),
        "role_column_grants" => column_privileges(source, false),
        "usage_privileges" => usage_privileges(source, true),
        "role_usage_grants" => usage_privileges(source, false),
        "enabled_roles" => enabled(source).map(|roles| roles.into_iter().map(|role| row![role]).collect()),
        "applicable_roles" => memberships(source, false),
        "administrable_role_authorizations" => memberships(source, true),
        _ => return None,
    })
}

/// A role and all that it is a member of.
pub(super) fn closure(role: Oid, source: &Source<'_>) -> Result<Vec<Oid>> {
    let memberships = source.surroundings.memberships()?;
    let mut closure = vec![role];
    let mut at = 0;
    while let Some(member) = closure.get(at).copied() {
        for (of, _, _) in memberships.iter().filter(|(_, by, _)| *by == member) {
            if !closure.contains(of) {
                closure.push(*of);
            }
        }
        at += 1;
    }
    Ok(closure)
}

fn enabled(source: &Source<'_>) -> Result<Vec<String>> {
    let user = source.surroundings.current_user();
    if source.roles.iter().any(|role| role.oid == user && role.superuser) {
        return Ok(source.roles.iter().map(|role| role.name.clone()).collect());
    }
    Ok(closure(user, source)?.into_iter().map(|role| source.role(role)).collect())
}

fn memberships(source: &Source<'_>, administrable: bool) -> Rows {
    let roles = closure(source.surroundings.current_user(), source)?;
    let memberships = source.surroundings.memberships()?;
    let rows = memberships
        .into_iter()
        .filter(|(_, member, admin)| roles.contains(member) && (*admin || !administrable))
        .map(|(role, member, admin)| row![source.role(member), source.role(role), yes(admin)]);
    Ok(rows.collect())
}

/// grantor, grantee, privilege, grantable: the owner's own and what was granted.
fn privileges(relation: &Relation, source: &Source<'_>) -> Vec<(Oid, Oid, Privilege, bool)> {
    let own = super::acl::TABLE_PRIVILEGES
        .into_iter()
        .map(|privilege| (relation.owner, relation.owner, privilege, true));
    let grants = source.state.grants_on(relation.oid).iter();
    let given = grants
        .filter(|grant: &&GrantRow| grant.grantee != relation.owner)
        .map(|grant| (grant.grantor, grant.grantee, grant.privilege, grant.grantable));
    let public = (relation.kind == RelationKind::System).then_some((
        relation.owner,
        PUBLIC_ROLE,
        Privilege::Select,
        false,
    ));
    own.chain(given).chain(public).collect()
}

fn grantee(oid: Oid, source: &Source<'_>) -> String {
    if oid == PUBLIC_ROLE { "PUBLIC".to_owned() } else { source.role(oid) }
}

/// Whether the current user is shown a grant: one's own, by or to a role one is a member of, or to everyone.
fn shown(source: &Source<'_>) -> Result<impl Fn(Oid, Oid) -> bool + use<>> {
    let user = source.surroundings.current_user();
    let superuser = source.roles.iter().any(|role| role.oid == user && role.superuser);
    let roles = closure(user, source)?;
    Ok(move |grantor: Oid, grantee: Oid| {
        superuser || grantee == PUBLIC_ROLE || roles.contains(&grantor) || roles.contains(&grantee)
    })
}

fn table_privileges(source: &Source<'_>, with_public: bool) -> Rows {
    let shown = shown(source)?;
    let mut out = vec![];
    for relation in visible(source)?.iter().filter(|relation| relation.kind != RelationKind::Sequence) {
        for (grantor, to, privilege, grantable) in privileges(relation, source) {
            if (to == PUBLIC_ROLE && !with_public) || !shown(grantor, to) {
                continue;
            }
            out.push(row![
                source.role(grantor),
                grantee(to, source),
                &source.database,
                &relation.schema,
                &relation.name,
                name(privilege),
                yes(grantable),
                yes(privilege == Privilege::Select),
            ]);
        }
    }
    Ok(out)
}

fn column_privileges(source: &Source<'_>, with_public: bool) -> Rows {
    let shown = shown(source)?;
    let of_columns = [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::References];
    let mut out = vec![];
    for relation in visible(source)?.iter().filter(|relation| relation.kind != RelationKind::Sequence) {
        for (grantor, to, privilege, grantable) in privileges(relation, source) {
            if (to == PUBLIC_ROLE && !with_public) || !shown(grantor, to) || !of_columns.contains(&privilege)
            {
                continue;
            }
            for column in relation.live() {
                out.push(row![
                    source.role(grantor),
                    grantee(to, source),
                    &source.database,
                    &relation.schema,
                    &relation.name,
                    &column.name,
                    name(privilege),
                    yes(grantable),
                ]);
            }
        }
    }
    Ok(out)
}

/// Of sequences: nothing else here has USAGE in the standard's sense.
fn usage_privileges(source: &Source<'_>, with_public: bool) -> Rows {
    let shown = shown(source)?;
    let mut out: Vec<Vec<Value>> = vec![];
    for relation in source.sequences() {
        let grants = source.state.grants_on(relation.oid).iter();
        let given = grants
            .filter(|grant| grant.privilege == Privilege::Usage && grant.grantee != relation.owner)
            .map(|grant| (grant.grantor, grant.grantee, grant.grantable));
        for (grantor, to, grantable) in [(relation.owner, relation.owner, true)].into_iter().chain(given) {
            if (to == PUBLIC_ROLE && !with_public) || !shown(grantor, to) {
                continue;
            }
            out.push(row![
                source.role(grantor),
                grantee(to, source),
                &source.database,
                &relation.schema,
                &relation.name,
                "SEQUENCE",
                "USAGE",
                yes(grantable),
            ]);
        }
    }
    Ok(out)
}

/// As the standard's views and aclexplode() name it.
fn name(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::Select => "SELECT",
        Privilege::Insert => "INSERT",
        Privilege::Update => "UPDATE",
        Privilege::Delete => "DELETE",
        Privilege::Truncate => "TRUNCATE",
        Privilege::References => "REFERENCES",
        Privilege::Trigger => "TRIGGER",
        Privilege::Usage => "USAGE",
        Privilege::Create => "CREATE",
        Privilege::Connect => "CONNECT",
        Privilege::Temporary => "TEMPORARY",
        Privilege::Execute => "EXECUTE",
    }
}
