//! Who may do what: superusers everything, owners everything with what is theirs, others what was granted.

use crate::surroundings::Known;
use catalog::Transaction;
use catalog::state::Named;
use catalog::system::Role;
use plan::Query;
use std::sync::Arc;
use types::ddl::{Ddl, Name, ObjectKind, Privilege};
use types::schema::{Relation, RelationKind, Schema};
use types::{Oid, Result, err};

pub fn may_create_database(role: &Role) -> bool {
    role.superuser || role.create_database
}

/// What a relation is called in an error.
pub fn kind_name(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table | RelationKind::System => "table",
        RelationKind::View => "view",
        RelationKind::Sequence => "sequence",
    }
}

/// The privileges that a query needs, checked for the current user (or, within a view, its owner). 42501.
pub fn check_query(query: &Query, transaction: &Transaction, known: &Known) -> Result<()> {
    for need in &query.privileges {
        if need.relation.kind == RelationKind::System && need.privilege == Privilege::Select {
            continue;
        }
        let role = need.role.unwrap_or_else(|| known.current_user());
        // What a view reads was named by its owner, who had the schema then.
        if need.role.is_none() && need.relation.kind != RelationKind::System {
            check_schema(&need.relation.schema, transaction, known)?;
        }
        check_relation(&need.relation, need.privilege, role, transaction, known)?;
    }
    Ok(())
}

/// USAGE on the schema of what a statement names.
fn check_schema(schema: &str, transaction: &Transaction, known: &Known) -> Result<()> {
    let user = known.current_user();
    if known.is_superuser(user) || transaction.may_schema(&known.closure(user), schema, Privilege::Usage)? {
        return Ok(());
    }
    Err(err!(InsufficientPrivilege, "permission denied for schema {schema}"))
}

/// One privilege on one relation.
pub fn check_relation(
    relation: &Relation,
    privilege: Privilege,
    role: Oid,
    transaction: &Transaction,
    known: &Known,
) -> Result<()> {
    if known.is_superuser(role) || transaction.may(&known.closure(role), relation, privilege)? {
        return Ok(());
    }
    let kind = kind_name(relation.kind);
    Err(err!(InsufficientPrivilege, "permission denied for {kind} {}", relation.name))
}

/// 42501 unless the current user owns the relation (or is a member of the role that does).
pub fn check_owner(relation: &Relation, known: &Known) -> Result<()> {
    let user = known.current_user();
    if known.is_superuser(user) || known.closure(user).contains(&relation.owner) {
        return Ok(());
    }
    let kind = kind_name(relation.kind);
    Err(err!(InsufficientPrivilege, "must be owner of {kind} {}", relation.name))
}

/// What DDL needs: CREATE in the schema for something new, ownership of what is changed.
pub fn check_ddl(ddl: &Ddl, transaction: &Transaction, schema: &dyn Schema, known: &Known) -> Result<()> {
    if known.is_superuser(known.current_user()) {
        return Ok(());
    }
    match ddl {
        Ddl::CreateTable(table) => check_create(&table.name, transaction, schema, known),
        Ddl::CreateView { name, .. } | Ddl::CreateSequence { name, .. } => {
            check_create(name, transaction, schema, known)
        }
        Ddl::CreateIndex(index) => owned(&index.table, schema, known),
        Ddl::CreateSchema { .. } => {
            // PostgreSQL asks for CREATE on the database, which only its owner has by default.
            if known.owns_database() {
                return Ok(());
            }
            Err(err!(InsufficientPrivilege, "permission denied for database {}", known.database))
        }
        Ddl::AlterTable { name, .. } | Ddl::AlterSequence { name, .. } => owned(name, schema, known),
        Ddl::Rename { kind, name, .. }
        | Ddl::AlterOwner { kind, name, .. }
        | Ddl::SetSchema { kind, name, .. } => owned_object(*kind, name, transaction, schema, known),
        Ddl::Drop { kind, names, .. } => {
            names.iter().try_for_each(|name| owned_object(*kind, name, transaction, schema, known))
        }
        Ddl::Truncate { names, .. } => {
            names.iter().try_for_each(|name| match schema.relation(name.schema.as_deref(), &name.name)? {
                Some(relation) => {
                    check_relation(&relation, Privilege::Truncate, known.current_user(), transaction, known)
                }
                None => Ok(()),
            })
        }
        Ddl::Comment { on, .. } => match on {
            types::ddl::CommentTarget::Relation(kind, name) => {
                owned_object(*kind, name, transaction, schema, known)
            }
            types::ddl::CommentTarget::Column(name, _) | types::ddl::CommentTarget::Constraint(name, _) => {
                owned(name, schema, known)
            }
        },
        Ddl::Grant(grant) => match &grant.on {
            types::ddl::GrantTarget::Tables(names) | types::ddl::GrantTarget::Sequences(names) => {
                names.iter().try_for_each(|name| grantable(grant, name, transaction, schema, known))
            }
            types::ddl::GrantTarget::Schemas(names)
            | types::ddl::GrantTarget::AllTablesIn(names)
            | types::ddl::GrantTarget::AllSequencesIn(names) => names.iter().try_for_each(|name| {
                owned_object(
                    ObjectKind::Schema,
                    &Name { schema: None, name: name.clone() },
                    transaction,
                    schema,
                    known,
                )
            }),
            types::ddl::GrantTarget::Databases(_) => Ok(()),
        },
    }
}

/// GRANT on a relation: its owner, or who holds all of these privileges WITH GRANT OPTION. REVOKE: its owner.
fn grantable(
    grant: &types::ddl::Grant,
    name: &Name,
    transaction: &Transaction,
    schema: &dyn Schema,
    known: &Known,
) -> Result<()> {
    let Some(relation) = schema.relation(name.schema.as_deref(), &name.name)? else { return Ok(()) };
    let roles = known.closure(known.current_user());
    let may = |privilege: &Privilege| transaction.may_grant(&roles, relation.oid, *privilege);
    if !grant.revoke && !grant.privileges.is_empty() && grant.privileges.iter().all(may) {
        return Ok(());
    }
    if transaction.owns(&roles, &relation) {
        return Ok(());
    }
    let kind = kind_name(relation.kind);
    Err(err!(InsufficientPrivilege, "permission denied for {kind} {}", relation.name))
}

fn check_create(name: &Name, transaction: &Transaction, schema: &dyn Schema, known: &Known) -> Result<()> {
    let in_schema = match &name.schema {
        Some(schema) => schema.clone(),
        None => match schema.search_path().into_iter().find(|schema| schema != "pg_catalog") {
            Some(schema) => schema,
            // The catalog says that no schema has been selected.
            None => return Ok(()),
        },
    };
    if schema.namespace(&in_schema)?.is_none()
        || transaction.may_schema(&known.closure(known.current_user()), &in_schema, Privilege::Create)?
    {
        return Ok(());
    }
    Err(err!(InsufficientPrivilege, "permission denied for schema {in_schema}"))
}

/// A name that is nothing is the catalog's to report.
fn owned(name: &Name, schema: &dyn Schema, known: &Known) -> Result<()> {
    match schema.relation(name.schema.as_deref(), &name.name)? {
        Some(relation) => check_owner(&relation, known),
        None => Ok(()),
    }
}

/// An index by name, along the search path: its OID and its table.
pub fn index(transaction: &Transaction, name: &Name, search_path: &[String]) -> Option<(Oid, Arc<Relation>)> {
    let state = transaction.state();
    let schemas = match &name.schema {
        Some(schema) => std::slice::from_ref(schema),
        None => search_path,
    };
    let named = schemas
        .iter()
        .filter_map(|schema| state.namespace_oid(schema))
        .find_map(|oid| state.named(oid, &name.name));
    match named {
        Some(Named::Index { index, table }) => {
            state.relations.get(&table).map(|table| (index, table.clone()))
        }
        _ => None,
    }
}

fn owned_object(
    kind: ObjectKind,
    name: &Name,
    transaction: &Transaction,
    schema: &dyn Schema,
    known: &Known,
) -> Result<()> {
    if kind != ObjectKind::Schema && kind != ObjectKind::Index {
        return owned(name, schema, known);
    }
    let state = transaction.state();
    let owner = match kind {
        ObjectKind::Schema => {
            let oid = state.namespace_oid(&name.name);
            oid.and_then(|oid| state.namespaces.get(&oid)).map(|namespace| namespace.owner)
        }
        _ => index(transaction, name, &schema.search_path()).map(|(_, table)| table.owner),
    };
    let user = known.current_user();
    match owner {
        Some(owner) if !known.closure(user).contains(&owner) => {
            let what = if kind == ObjectKind::Schema { "schema" } else { "index" };
            Err(err!(InsufficientPrivilege, "must be owner of {what} {}", name.name))
        }
        _ => Ok(()),
    }
}
