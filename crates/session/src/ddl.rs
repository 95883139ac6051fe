//! DDL, roles and databases, run.

use crate::conversation::Outcome;
use crate::identity::{role_of, role_row};
use crate::portal::tag;
use crate::scram::ScramVerifier;
use crate::session::Session;
use catalog::system::Role;
use plan::{Query, QueryKind};
use std::sync::Arc;
use types::ddl::{CreateTable, Ddl, GrantTarget, ObjectKind, RoleDdl, RoleOptions};
use types::{Batch, Error, Result, Value, err};

/// The command tag.
fn ddl_tag(ddl: &Ddl) -> &'static str {
    match ddl {
        Ddl::CreateTable(_) => "CREATE TABLE",
        Ddl::CreateView { .. } => "CREATE VIEW",
        Ddl::CreateIndex(_) => "CREATE INDEX",
        Ddl::CreateSequence { .. } => "CREATE SEQUENCE",
        Ddl::CreateSchema { .. } => "CREATE SCHEMA",
        Ddl::AlterTable { .. } => "ALTER TABLE",
        Ddl::AlterSequence { .. } => "ALTER SEQUENCE",
        Ddl::Rename { kind, .. } | Ddl::AlterOwner { kind, .. } | Ddl::SetSchema { kind, .. } => match kind {
            ObjectKind::Table => "ALTER TABLE",
            ObjectKind::View => "ALTER VIEW",
            ObjectKind::Index => "ALTER INDEX",
            ObjectKind::Sequence => "ALTER SEQUENCE",
            ObjectKind::Schema => "ALTER SCHEMA",
        },
        Ddl::Drop { kind, .. } => match kind {
            ObjectKind::Table => "DROP TABLE",
            ObjectKind::View => "DROP VIEW",
            ObjectKind::Index => "DROP INDEX",
            ObjectKind::Sequence => "DROP SEQUENCE",
            ObjectKind::Schema => "DROP SCHEMA",
        },
        Ddl::Truncate { .. } => "TRUNCATE TABLE",
        Ddl::Comment { .. } => "COMMENT",
        Ddl::Grant(grant) if grant.revoke => "REVOKE",
        Ddl::Grant(_) => "GRANT",
    }
}

impl Session {
    pub(crate) fn ddl(&mut self, ddl: &Ddl) -> Result<Outcome> {
        let tag = ddl_tag(ddl);
        self.begin_step()?;
        if self.open_transaction()?.is_read_only() {
            return Err(err!(ReadOnlySqlTransaction, "cannot execute {tag} in a read-only transaction"));
        }
        if let Ddl::Grant(grant) = ddl
            && let GrantTarget::Databases(_) = grant.on
        {
            return Err(Error::unsupported("GRANT on a database")
                .hint("Grant on its schemas and tables; LOGIN decides who connects."));
        }
        let (path, user) = (self.known.search_path(), self.known.current_user());
        let resolved = self.with_roles_resolved(ddl)?;
        let Some(transaction) = self.open.as_mut().and_then(|open| open.transaction.as_mut()) else {
            return Err(Error::internal("DDL without a transaction"));
        };
        let schema = transaction.schema(&path, user);
        crate::access::check_ddl(&resolved, transaction, &*schema, &self.known)?;
        drop(schema);
        transaction.set_search_path(&path);
        let views = self.following_views(&resolved)?;
        let renamed: Vec<_> = views.iter().map(|view| view.oid).collect();
        let notices = self.open_transaction()?.apply_with_views(&resolved, user, views)?;
        self.check_views(&renamed)?;
        let transaction = self.open_transaction()?;
        transaction.end_statement()?;
        for notice in notices {
            self.known.notice("NOTICE", notice);
        }
        Ok(Outcome::done(tag))
    }

    /// `current_user` and `session_user` in GRANT and OWNER TO are names of now.
    fn with_roles_resolved(&self, ddl: &Ddl) -> Result<Ddl> {
        let mut ddl = ddl.clone();
        let resolve = |name: &mut String| match name.as_str() {
            "current_user" | "current_role" => *name = self.known.current_user_name(),
            "session_user" => *name = self.known.session_user.borrow().1.clone(),
            _ => {}
        };
        let directory = self.known.directory();
        let check = |name: &str| match directory.role(name) {
            Some(_) => Ok(()),
            None => Err(err!(UndefinedObject, "role \"{name}\" does not exist")),
        };
        match &mut ddl {
            Ddl::Grant(grant) => {
                grant.roles.iter_mut().for_each(resolve);
                grant.roles.iter().filter(|name| *name != "public").try_for_each(|name| check(name))?;
            }
            Ddl::AlterOwner { owner, .. } => {
                resolve(owner);
                check(owner)?;
            }
            Ddl::CreateSchema { owner: Some(owner), .. } => {
                resolve(owner);
                check(owner)?;
            }
            _ => {}
        }
        Ok(ddl)
    }

    /// CREATE TABLE AS: the table, then its rows.
    pub(crate) fn create_table_as(
        &mut self,
        table: &CreateTable,
        query: &Arc<Query>,
        with_data: bool,
        parameters: &[Value],
    ) -> Result<Outcome> {
        let path = self.known.search_path();
        let user = self.known.current_user();
        self.begin_query(query)?;
        let existing = self
            .open_transaction()?
            .schema(&path, user)
            .relation(table.name.schema.as_deref(), &table.name.name)?;
        let exists = existing.is_some();
        self.ddl(&Ddl::CreateTable(table.clone()))?;
        if (exists && table.if_not_exists) || !with_data {
            return Ok(Outcome::done("CREATE TABLE AS"));
        }
        let schema = self.open_transaction()?.schema(&path, user);
        let Some(relation) = schema.relation(table.name.schema.as_deref(), &table.name.name)? else {
            return Err(Error::internal("a table that was just made is not there"));
        };
        drop(schema);
        let settings = self.known.text_settings();
        let mut execution = exec::Execution::new(query.clone(), false);
        let mut batch = Batch::default();
        let mut count = 0u64;
        while self.pull_batch(&mut execution, parameters, &settings, usize::MAX, &mut batch)? {
            let transaction = self.open_transaction()?;
            for row in 0..batch.rows {
                transaction.insert(&relation, &batch.row(row), None)?;
            }
            count += batch.rows as u64;
        }
        self.end_query()?;
        Ok(Outcome::done(tag(QueryKind::Select, count)))
    }

    /// Roles and databases: a transaction of the system ledger, on its own.
    pub(crate) fn role(&mut self, role: &RoleDdl) -> Result<Outcome> {
        let database = matches!(
            role,
            RoleDdl::CreateDatabase { .. } | RoleDdl::DropDatabase { .. } | RoleDdl::RenameDatabase { .. }
        );
        if self.in_block() {
            if database {
                let command = if matches!(role, RoleDdl::CreateDatabase { .. }) {
                    "CREATE DATABASE"
                } else {
                    "DROP DATABASE"
                };
                return Err(err!(ActiveSqlTransaction, "{command} cannot run inside a transaction block"));
            }
            return Err(Error::unsupported("a change of roles inside a transaction block")
                .hint("Roles live in a ledger of their own: commit first, then change them."));
        }
        let read_only =
            self.known.settings.borrow().ready.default_read_only || self.session_moment()?.is_some();
        if read_only {
            return Err(err!(
                ReadOnlySqlTransaction,
                "cannot change roles or databases in a read-only transaction"
            ));
        }
        let user = self.known.current_user();
        let directory = self.known.directory();
        let me = directory.role_by_oid(user).cloned();
        let superuser = me.as_ref().is_some_and(|role| role.superuser);
        let may_roles = superuser || me.as_ref().is_some_and(|role| role.create_role);
        let name_of_user = self.known.current_user_name();
        let denied = |what: &str| Err(err!(InsufficientPrivilege, "permission denied to {what}"));
        match role {
            RoleDdl::CreateDatabase { name, owner } => {
                if !me.as_ref().is_some_and(crate::access::may_create_database) {
                    return denied("create database");
                }
                let owner = match owner {
                    None => user,
                    Some(owner) => match directory.role(owner) {
                        Some(role) => role.oid,
                        None => return Err(err!(UndefinedObject, "role \"{owner}\" does not exist")),
                    },
                };
                if name.is_empty() || name.contains('@') {
                    return Err(err!(InvalidName, "invalid database name \"{name}\"")
                        .hint("An @ separates a database from a past."));
                }
                self.known.cluster.create_database(name, owner, &name_of_user)?;
                Ok(Outcome::done("CREATE DATABASE"))
            }
            RoleDdl::DropDatabase { name, if_exists } => {
                let found = directory.databases.iter().find(|(_, known, _)| known == name);
                let Some((_, _, owner)) = found else {
                    if *if_exists {
                        self.known.notice(
                            "NOTICE",
                            err!(SuccessfulCompletion, "database \"{name}\" does not exist, skipping"),
                        );
                        return Ok(Outcome::done("DROP DATABASE"));
                    }
                    return Err(err!(InvalidCatalogName, "database \"{name}\" does not exist"));
                };
                if !superuser && !directory.closure(user).contains(owner) {
                    return Err(err!(InsufficientPrivilege, "must be owner of database {name}"));
                }
                if *name == self.known.database {
                    return Err(err!(ObjectInUse, "cannot drop the currently open database"));
                }
                self.known.cluster.drop_database(name, &name_of_user)?;
                Ok(Outcome::done("DROP DATABASE"))
            }
            RoleDdl::RenameDatabase { .. } => Err(Error::unsupported("ALTER DATABASE ... RENAME")
                .hint("A database's name is part of every checkpoint that it ever signed.")),
            RoleDdl::Create { name, if_not_exists: _, options } => {
                if !may_roles || (options.superuser == Some(true) && !superuser) {
                    return denied("create role");
                }
                self.create_role(name, options, &name_of_user)?;
                Ok(Outcome::done("CREATE ROLE"))
            }
            RoleDdl::Alter { name, options } => {
                let name = self.role_name(name);
                let Some(target) = directory.role(&name) else {
                    return Err(err!(UndefinedObject, "role \"{name}\" does not exist"));
                };
                let own_password = target.oid == user
                    && *options
                        == RoleOptions { password: options.password.clone(), ..RoleOptions::default() };
                let superusers = target.superuser || options.superuser.is_some();
                if !(superuser || own_password || (may_roles && !superusers)) {
                    return denied("alter role");
                }
                self.alter_role(&name, options, &name_of_user)?;
                Ok(Outcome::done("ALTER ROLE"))
            }
            RoleDdl::Rename { name, to } => {
                if !may_roles {
                    return denied("rename role");
                }
                if directory.role(to).is_some() {
                    return Err(err!(DuplicateObject, "role \"{to}\" already exists"));
                }
                self.rewrite_role(name, &name_of_user, |role, _| role.name = to.clone())?;
                Ok(Outcome::done("ALTER ROLE"))
            }
            RoleDdl::Drop { names, if_exists } => {
                if !may_roles {
                    return denied("drop role");
                }
                for name in names {
                    self.drop_role(name, *if_exists, &name_of_user)?;
                }
                Ok(Outcome::done("DROP ROLE"))
            }
            RoleDdl::GrantMembership { revoke, roles, members, admin } => {
                if !may_roles {
                    return Err(err!(
                        InsufficientPrivilege,
                        "must have admin option on role \"{}\"",
                        roles.join(", ")
                    ));
                }
                self.membership(*revoke, roles, members, *admin, &name_of_user)?;
                Ok(Outcome::done(if *revoke { "REVOKE ROLE" } else { "GRANT ROLE" }))
            }
        }
    }

    fn role_name(&self, name: &str) -> String {
        match name {
            "current_user" | "current_role" => self.known.current_user_name(),
            "session_user" => self.known.session_user.borrow().1.clone(),
            other => other.to_owned(),
        }
    }

    fn verifier(&self, options: &RoleOptions) -> Result<Option<Option<ScramVerifier>>> {
        match &options.password {
            None => Ok(None),
            Some(None) => Ok(Some(None)),
            Some(Some(password)) if password.is_empty() => {
                self.known.notice(
                    "NOTICE",
                    err!(SuccessfulCompletion, "empty string is not a valid password, clearing password"),
                );
                Ok(Some(None))
            }
            Some(Some(password)) => {
                ScramVerifier::new(password, &*self.known.cluster.host().random).map(|v| Some(Some(v)))
            }
        }
    }

    fn create_role(&self, name: &str, options: &RoleOptions, user: &str) -> Result<()> {
        if name.starts_with("pg_") || ["public", "none"].contains(&name) {
            return Err(err!(ReservedName, "role name \"{name}\" is reserved"));
        }
        let verifier = self.verifier(options)?.flatten();
        self.known.cluster.identity().change(user, |identity, transaction, directory| {
            if directory.role(name).is_some() {
                return Err(err!(DuplicateObject, "role \"{name}\" already exists"));
            }
            let role = Role {
                oid: identity.fresh_oid(transaction)?,
                name: name.to_owned(),
                superuser: options.superuser.unwrap_or(false),
                inherit: options.inherit.unwrap_or(true),
                create_role: options.create_role.unwrap_or(false),
                create_database: options.create_database.unwrap_or(false),
                login: options.login.unwrap_or(false),
                connection_limit: options.connection_limit.unwrap_or(-1),
            };
            let credential = verifier.as_ref().map(|verifier| identity.keep_secret(verifier)).transpose()?;
            identity.insert(transaction, "roles", &role_row(&role, credential))
        })
    }

    fn alter_role(&self, name: &str, options: &RoleOptions, user: &str) -> Result<()> {
        let verifier = self.verifier(options)?;
        let credential = match &verifier {
            Some(Some(verifier)) => Some(Some(self.known.cluster.identity().keep_secret(verifier)?)),
            Some(None) => Some(None),
            None => None,
        };
        let RoleOptions {
            superuser,
            login,
            create_role,
            create_database,
            inherit,
            connection_limit,
            password: _,
        } = options;
        self.rewrite_role(name, user, |role, kept| {
            role.superuser = superuser.unwrap_or(role.superuser);
            role.login = login.unwrap_or(role.login);
            role.create_role = create_role.unwrap_or(role.create_role);
            role.create_database = create_database.unwrap_or(role.create_database);
            role.inherit = inherit.unwrap_or(role.inherit);
            role.connection_limit = connection_limit.unwrap_or(role.connection_limit);
            if let Some(credential) = &credential {
                *kept = credential.clone();
            }
        })?;
        self.known.cluster.identity().sweep_secrets()
    }

    fn rewrite_role(
        &self,
        name: &str,
        user: &str,
        mut change: impl FnMut(&mut Role, &mut Option<String>),
    ) -> Result<()> {
        self.known.cluster.identity().change(user, |identity, transaction, directory| {
            if directory.role(name).is_none() {
                return Err(err!(UndefinedObject, "role \"{name}\" does not exist"));
            }
            identity.rewrite(transaction, "roles", |row| {
                let mut role = role_of(row).ok().filter(|role| role.name == name)?;
                let mut credential = row.get(8).and_then(Value::as_str).map(str::to_owned);
                change(&mut role, &mut credential);
                Some(Some(role_row(&role, credential)))
            })
        })
    }

    fn drop_role(&self, name: &str, if_exists: bool, user: &str) -> Result<()> {
        let directory = self.known.directory();
        let Some(role) = directory.role(name) else {
            if if_exists {
                self.known
                    .notice("NOTICE", err!(SuccessfulCompletion, "role \"{name}\" does not exist, skipping"));
                return Ok(());
            }
            return Err(err!(UndefinedObject, "role \"{name}\" does not exist"));
        };
        if role.oid == self.known.current_user() {
            return Err(err!(ObjectInUse, "current user cannot be dropped"));
        }
        let owned: Vec<String> = directory
            .databases
            .iter()
            .filter(|(_, _, owner)| *owner == role.oid)
            .map(|(_, name, _)| format!("owner of database {name}"))
            .collect();
        let mut reasons = owned;
        for (_, database, _) in &directory.databases {
            reasons.extend(self.known.cluster.objects_of(database, role.oid)?);
        }
        if !reasons.is_empty() {
            return Err(err!(
                DependentObjectsStillExist,
                "role \"{name}\" cannot be dropped because some objects depend on it"
            )
            .detail(reasons.join("\n")));
        }
        let oid = role.oid;
        self.known.cluster.identity().change(user, |identity, transaction, _| {
            identity.rewrite(transaction, "roles", |row| (row[0] == Value::Oid(oid)).then_some(None))?;
            identity.rewrite(transaction, "memberships", |row| {
                (row[0] == Value::Oid(oid) || row[1] == Value::Oid(oid)).then_some(None)
            })
        })?;
        self.known.cluster.identity().sweep_secrets()
    }

    fn membership(
        &self,
        revoke: bool,
        roles: &[String],
        members: &[String],
        admin: bool,
        user: &str,
    ) -> Result<()> {
        self.known.cluster.identity().change(user, |identity, transaction, directory| {
            let oid = |name: &String| {
                let name = self.role_name(name);
                directory
                    .role(&name)
                    .map(|role| role.oid)
                    .ok_or_else(|| err!(UndefinedObject, "role \"{name}\" does not exist"))
            };
            for role in roles {
                for member in members {
                    let (of, who) = (oid(role)?, oid(member)?);
                    if !revoke && directory.is_member(of, who) {
                        return Err(err!(InvalidGrantor, "role \"{role}\" is a member of role \"{member}\""));
                    }
                    let same = |row: &[Value]| row[0] == Value::Oid(of) && row[1] == Value::Oid(who);
                    let row = vec![Value::Oid(of), Value::Oid(who), Value::Bool(admin)];
                    let known = directory.memberships.iter().any(|(r, m, _)| *r == of && *m == who);
                    match (revoke, known) {
                        (true, true) => {
                            identity.rewrite(transaction, "memberships", |row| same(row).then_some(None))?
                        }
                        (true, false) => {
                            self.known.notice(
                                "WARNING",
                                err!(Warning, "role \"{member}\" is not a member of role \"{role}\""),
                            );
                        }
                        (false, true) => identity.rewrite(transaction, "memberships", |old| {
                            same(old).then(|| Some(row.clone()))
                        })?,
                        (false, false) => identity.insert(transaction, "memberships", &row)?,
                    }
                }
            }
            Ok(())
        })
    }
}
