//! GRANT and REVOKE.

use crate::system_tables::{self, GRANTS, GrantRow};
use crate::transaction::Transaction;
use types::ddl::{Grant, GrantTarget, Privilege};
use types::schema::RelationKind;
use types::{Error, Oid, Result};

/// What ALL PRIVILEGES means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Table,
    Sequence,
    Schema,
}

impl Class {
    fn all(self) -> &'static [Privilege] {
        use Privilege::*;
        match self {
            Class::Table => &[Insert, Select, Update, Delete, Truncate, References, Trigger],
            Class::Sequence => &[Select, Update, Usage],
            Class::Schema => &[Usage, Create],
        }
    }
    fn word(self) -> &'static str {
        match self {
            Class::Table => "table",
            Class::Sequence => "sequence",
            Class::Schema => "schema",
        }
    }
}

impl Transaction {
    pub(super) fn grant(&mut self, grant: &Grant, user: Oid) -> Result<()> {
        let Grant { revoke, privileges, on, roles, grant_option, cascade } = grant;
        let grantees = roles.iter().map(|role| self.shared.role(role)).collect::<Result<Vec<_>>>()?;
        for (object, class) in self.grant_targets(on)? {
            let wanted = if privileges.is_empty() { class.all() } else { privileges.as_slice() };
            for privilege in wanted {
                // GRANT ... ON TABLE takes sequences too, with what tables and sequences share.
                if !class.all().contains(privilege) {
                    return Err(types::err!(
                        InvalidGrantor,
                        "invalid privilege type {privilege:?} for {}",
                        class.word()
                    ));
                }
                for grantee in &grantees {
                    match revoke {
                        true => self.revoke_one(object, *grantee, *privilege, *grant_option, *cascade)?,
                        false => self.grant_one(object, *grantee, *privilege, *grant_option, user)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn grant_targets(&self, on: &GrantTarget) -> Result<Vec<(Oid, Class)>> {
        let mut targets = vec![];
        match on {
            GrantTarget::Tables(names) | GrantTarget::Sequences(names) => {
                for name in names {
                    let Some(relation) = self.find_relation(name)? else {
                        return Err(super::no_relation(name));
                    };
                    let class = match relation.kind {
                        RelationKind::Sequence => Class::Sequence,
                        _ if matches!(on, GrantTarget::Sequences(_)) => {
                            return Err(types::err!(WrongObjectType, "\"{}\" is not a sequence", name.name));
                        }
                        _ => Class::Table,
                    };
                    targets.push((relation.oid, class));
                }
            }
            GrantTarget::Schemas(names) => {
                for name in names {
                    targets.push((self.namespace_named(name)?.oid, Class::Schema));
                }
            }
            GrantTarget::AllTablesIn(schemas) | GrantTarget::AllSequencesIn(schemas) => {
                let sequences = matches!(on, GrantTarget::AllSequencesIn(_));
                for schema in schemas {
                    let schema = self.schema_oid(schema)?;
                    for relation in self.state.relations.values().filter(|r| r.schema_oid == schema) {
                        if (relation.kind == RelationKind::Sequence) == sequences {
                            let class = if sequences { Class::Sequence } else { Class::Table };
                            targets.push((relation.oid, class));
                        }
                    }
                }
            }
            GrantTarget::Databases(_) => {
                return Err(Error::unsupported("GRANT on a database")
                    .hint("Roles may connect to every database; grant on its schemas and tables."));
            }
        }
        Ok(targets)
    }

    fn grant_one(
        &mut self,
        object: Oid,
        grantee: Oid,
        privilege: Privilege,
        grantable: bool,
        grantor: Oid,
    ) -> Result<()> {
        if grantable && grantee == system_tables::PUBLIC_ROLE {
            return Err(types::err!(InvalidGrantor, "grant options can only be granted to roles"));
        }
        let existing = self.grant_of(object, grantee, privilege);
        if existing.as_ref().is_some_and(|existing| existing.grantable || !grantable) {
            return Ok(());
        }
        self.put_grant(GrantRow { object, grantee, privilege, grantor, grantable })
    }

    fn revoke_one(
        &mut self,
        object: Oid,
        grantee: Oid,
        privilege: Privilege,
        only_option: bool,
        cascade: bool,
    ) -> Result<()> {
        let Some(existing) = self.grant_of(object, grantee, privilege) else { return Ok(()) };
        let passed_on = self.state.grants_on(object).iter().filter(|grant| {
            grant.privilege == privilege && grant.grantor == grantee && grant.grantee != grantee
        });
        let passed_on = passed_on.map(|grant| grant.grantee).collect::<Vec<_>>();
        if existing.grantable && !passed_on.is_empty() {
            if !cascade {
                return Err(types::err!(DependentObjectsStillExist, "dependent privileges exist")
                    .hint("Use CASCADE to revoke them too."));
            }
            for next in passed_on {
                self.revoke_one(object, next, privilege, false, true)?;
            }
        }
        if only_option {
            return self.put_grant(GrantRow { grantable: false, ..existing });
        }
        self.kv.delete(GRANTS, &system_tables::grant_key(&existing)?, None, vec![])?;
        self.edit(|state| {
            if let Some(grants) = state.grants.get_mut(&object) {
                grants.retain(|grant| (grant.grantee, grant.privilege) != (grantee, privilege));
            }
        });
        Ok(())
    }

    fn grant_of(&self, object: Oid, grantee: Oid, privilege: Privilege) -> Option<GrantRow> {
        let mut grants = self.state.grants_on(object).iter();
        grants.find(|grant| (grant.grantee, grant.privilege) == (grantee, privilege)).cloned()
    }

    fn put_grant(&mut self, grant: GrantRow) -> Result<()> {
        let key = system_tables::grant_key(&grant)?;
        self.kv.put(GRANTS, &key, system_tables::grant_cells(&grant)?, 0, vec![])?;
        self.edit(|state| {
            let grants = state.grants.entry(grant.object).or_default();
            grants.retain(|old| (old.grantee, old.privilege) != (grant.grantee, grant.privilege));
            grants.push(grant);
        });
        Ok(())
    }
}
