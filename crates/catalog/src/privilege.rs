//! Who may do what: owners and grants, as they are now.

use crate::state::State;
use crate::system_tables::PUBLIC_ROLE;
use crate::transaction::Transaction;
use std::sync::Arc;
use types::ddl::Privilege;
use types::schema::{Relation, RelationKind};
use types::{Oid, Result};

impl Transaction {
    /// Privileges by object_id, as of NOW whatever the transaction reads: owner, grants to the role, its
    /// memberships (`roles`: the role and all it is a member of) or PUBLIC.
    pub fn may(&self, roles: &[Oid], relation: &Relation, privilege: Privilege) -> Result<bool> {
        if relation.kind == RelationKind::System {
            return Ok(privilege == Privilege::Select);
        }
        let now = self.state_now();
        // A dropped table is its last owner's.
        let owner = now.relations.get(&relation.oid).map_or(relation.owner, |relation| relation.owner);
        Ok(roles.contains(&owner) || granted(&now, roles, relation.oid, privilege))
    }

    pub fn may_schema(&self, roles: &[Oid], schema: &str, privilege: Privilege) -> Result<bool> {
        let now = self.state_now();
        // What is left of a dropped schema is its tables' past, with privileges of their own.
        let Some(oid) = now.namespace_oid(schema) else { return Ok(privilege == Privilege::Usage) };
        match now.namespaces.get(&oid) {
            Some(namespace) => Ok(roles.contains(&namespace.owner) || granted(&now, roles, oid, privilege)),
            None => Ok(privilege == Privilege::Usage),
        }
    }

    /// Whether one of the roles may pass a privilege on an object on to others.
    pub fn may_grant(&self, roles: &[Oid], object: Oid, privilege: Privilege) -> bool {
        let now = self.state_now();
        let mut grants = now.grants_on(object).iter();
        grants.any(|grant| grant.grantable && grant.privilege == privilege && roles.contains(&grant.grantee))
    }

    /// Whether one of the roles owns the relation (what ALTER and DROP ask for).
    pub fn owns(&self, roles: &[Oid], relation: &Relation) -> bool {
        let now = self.state_now();
        let owner = now.relations.get(&relation.oid).map_or(relation.owner, |relation| relation.owner);
        roles.contains(&owner)
    }

    fn state_now(&self) -> Arc<State> {
        if self.changes_catalog { self.present_state().clone() } else { self.shared.latest() }
    }
}

fn granted(state: &State, roles: &[Oid], object: Oid, privilege: Privilege) -> bool {
    state.grants_on(object).iter().any(|grant| {
        grant.privilege == privilege && (grant.grantee == PUBLIC_ROLE || roles.contains(&grant.grantee))
    })
}
