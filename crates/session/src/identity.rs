//! Roles, memberships and databases: rows of the system ledger; password verifiers: a file beside it, in no ledger.
//!
//! ```text
//!   system ledger  system.roles        oid, name, flags, credential      the credential id is random
//!                  system.memberships  role, member, admin
//!                  system.databases    oid, name, owner
//!   secrets (0600) credential-id SCRAM-SHA-256$...                       replaced atomically
//! ```

use crate::scram::ScramVerifier;
use catalog::system::Role;
use catalog::{Access, Begin, Database, Insert, RowKey, ScanRequest, Transaction, Versions};
use host::Host;
use kv::{Isolation, LockStrength, LockWait, Meta};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use types::ddl::{ColumnDefinition, ConstraintDefinition, ConstraintDefinitionKind, CreateTable, Ddl, Name};
use types::schema::Relation;
use types::{Batch, DataType, Error, Oid, Result, TextSettings, Value, err};

/// The role that a new cluster is made with: a superuser, as PostgreSQL's bootstrap role.
pub const BOOTSTRAP_ROLE: Oid = 10;
pub const BOOTSTRAP_NAME: &str = "stele";

/// What is known of roles and databases, all of it: small, and read at every statement.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    pub roles: Vec<Role>,
    credentials: BTreeMap<Oid, String>,
    /// (role, member, admin)
    pub memberships: Vec<(Oid, Oid, bool)>,
    /// (oid, name, owner)
    pub databases: Vec<(Oid, String, Oid)>,
}

impl Directory {
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    pub fn role_by_oid(&self, oid: Oid) -> Option<&Role> {
        self.roles.iter().find(|role| role.oid == oid)
    }

    /// The role and everything it is a member of, through memberships of memberships.
    pub fn closure(&self, role: Oid) -> Vec<Oid> {
        self.reach(role, |member| self.role_by_oid(member).is_none_or(|role| role.inherit))
    }

    /// Whether one is a member of the other, INHERIT or not: it may SET ROLE.
    pub fn is_member(&self, member: Oid, of: Oid) -> bool {
        self.reach(member, |_| true).contains(&of)
    }

    fn reach(&self, role: Oid, through: impl Fn(Oid) -> bool) -> Vec<Oid> {
        let mut closure = vec![role];
        let mut at = 0;
        while at < closure.len() {
            let member = closure[at];
            if through(member) {
                for (of, _, _) in self.memberships.iter().filter(|(_, m, _)| *m == member) {
                    if !closure.contains(of) {
                        closure.push(*of);
                    }
                }
            }
            at += 1;
        }
        closure
    }
}

/// The system ledger.
pub struct Identity {
    host: Host,
    database: Database,
    secrets: PathBuf,
    directory: RwLock<Arc<Directory>>,
    /// One change at a time.
    changing: Mutex<()>,
}

fn name(name: &str) -> Name {
    Name { schema: Some("system".into()), name: name.into() }
}

fn table(table: &str, columns: &[(&str, DataType)], key: &[&str]) -> Ddl {
    let columns = columns
        .iter()
        .map(|(name, ty)| ColumnDefinition {
            name: (*name).into(),
            ty: (*ty).into(),
            not_null: *name != "credential",
            default: None,
            constant_default: None,
            identity: None,
            serial: false,
        })
        .collect();
    let key = ConstraintDefinitionKind::PrimaryKey(key.iter().map(|column| (*column).into()).collect());
    Ddl::CreateTable(CreateTable {
        name: name(table),
        if_not_exists: false,
        columns,
        constraints: vec![ConstraintDefinition { name: None, kind: key }],
        append_only: false,
    })
}

const BEGIN: Begin = Begin { isolation: Isolation::ReadCommitted, read_only: false, as_of: None };

impl Identity {
    /// Opens the system ledger; makes its tables and the bootstrap role in a new one.
    pub fn open(host: Host, dir: &Path, options: catalog::Options) -> Result<Identity> {
        let database = Database::open(host.clone(), dir, options)?;
        let identity = Identity {
            host,
            database,
            secrets: dir.join("secrets"),
            directory: RwLock::default(),
            changing: Mutex::new(()),
        };
        let mut transaction = identity.database.begin(BEGIN)?;
        let schema = transaction.schema(&["system".into()], BOOTSTRAP_ROLE);
        let new = schema.relation(Some("system"), "roles")?.is_none();
        drop(schema);
        if new {
            identity.bootstrap(&mut transaction)?;
            transaction.commit(Meta { user: Some("bootstrap".into()), ..Meta::default() }, true)?;
        } else {
            transaction.rollback();
        }
        identity.reload()?;
        Ok(identity)
    }

    fn bootstrap(&self, transaction: &mut Transaction) -> Result<()> {
        use DataType::{Bool, Int4, Oid, Text};
        transaction.begin_statement(&TextSettings::default())?;
        let schema = Ddl::CreateSchema { name: "system".into(), if_not_exists: false, owner: None };
        transaction.apply(&schema, BOOTSTRAP_ROLE)?;
        let roles = [
            ("oid", Oid),
            ("name", Text),
            ("superuser", Bool),
            ("inherit", Bool),
            ("create_role", Bool),
            ("create_database", Bool),
            ("login", Bool),
            ("connection_limit", Int4),
            ("credential", Text),
        ];
        transaction.apply(&table("roles", &roles, &["oid"]), BOOTSTRAP_ROLE)?;
        let memberships = [("role", Oid), ("member", Oid), ("admin", Bool)];
        transaction.apply(&table("memberships", &memberships, &["role", "member"]), BOOTSTRAP_ROLE)?;
        let databases = [("oid", Oid), ("name", Text), ("owner", Oid)];
        transaction.apply(&table("databases", &databases, &["oid"]), BOOTSTRAP_ROLE)?;
        transaction.begin_statement(&TextSettings::default())?;
        let bootstrap = Role {
            oid: BOOTSTRAP_ROLE,
            name: BOOTSTRAP_NAME.into(),
            superuser: true,
            inherit: true,
            create_role: true,
            create_database: true,
            login: true,
            connection_limit: -1,
        };
        self.insert(transaction, "roles", &role_row(&bootstrap, None))
    }

    pub fn directory(&self) -> Arc<Directory> {
        match self.directory.read() {
            Ok(directory) => directory.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    pub fn set_on_fatal(&self, on_fatal: kv::OnFatal) {
        self.database.set_on_fatal(on_fatal);
    }

    pub fn warnings(&self) -> Vec<String> {
        self.database.warnings()
    }

    pub fn close(&self) -> Result<()> {
        self.database.close()
    }

    /// Runs one change of roles or databases as a transaction of the system ledger.
    pub fn change(
        &self,
        user: &str,
        change: impl FnOnce(&Identity, &mut Transaction, &Directory) -> Result<()>,
    ) -> Result<()> {
        let _one = self.changing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut transaction = self.database.begin(BEGIN)?;
        transaction.begin_statement(&TextSettings::default())?;
        change(self, &mut transaction, &self.directory())?;
        transaction.end_statement()?;
        transaction.commit(Meta { user: Some(user.into()), ..Meta::default() }, true)?;
        self.reload()
    }

    fn relation(&self, transaction: &Transaction, table: &str) -> Result<Arc<Relation>> {
        let schema = transaction.schema(&["system".into()], BOOTSTRAP_ROLE);
        let found = schema.relation(Some("system"), table)?;
        found.ok_or_else(|| Error::corrupted(format!("the system ledger has no table \"{table}\"")))
    }

    /// Every row of a system table with its key.
    fn rows(&self, transaction: &Transaction, table: &str) -> Result<Vec<(RowKey, Vec<Value>)>> {
        let relation = self.relation(transaction, table)?;
        let columns: Vec<_> = relation.live().map(|column| column.id).collect();
        let request = ScanRequest {
            relation,
            columns,
            access: Access::All,
            backward: false,
            versions: Versions::Snapshot,
        };
        let mut scan = transaction.scan(&request)?;
        let (mut rows, mut batch, mut keys) = (Vec::new(), Batch::default(), Vec::new());
        while scan.next(&mut batch, Some(&mut keys), 1024)? {
            rows.extend(keys.drain(..).enumerate().map(|(at, key)| (key, batch.row(at))));
        }
        Ok(rows)
    }

    pub fn insert(&self, transaction: &mut Transaction, table: &str, row: &[Value]) -> Result<()> {
        let relation = self.relation(transaction, table)?;
        match transaction.insert(&relation, row, None)? {
            Insert::Done(_) => Ok(()),
            Insert::Conflict(..) => Err(Error::internal("a conflict without an arbiter")),
        }
    }

    /// Replaces or (None) deletes the rows that `change` picks.
    pub fn rewrite(
        &self,
        transaction: &mut Transaction,
        table: &str,
        mut change: impl FnMut(&[Value]) -> Option<Option<Vec<Value>>>,
    ) -> Result<()> {
        let relation = self.relation(transaction, table)?;
        for (key, old) in self.rows(transaction, table)? {
            let Some(new) = change(&old) else { continue };
            transaction.lock_row(&relation, &key, LockStrength::Update, LockWait::Block)?;
            match new {
                Some(new) => drop(transaction.update(&relation, &key, &old, &new)?),
                None => transaction.delete(&relation, &key, &old)?,
            }
        }
        Ok(())
    }

    fn reload(&self) -> Result<()> {
        let transaction = self.database.begin(Begin { read_only: true, ..BEGIN })?;
        let mut directory = Directory::default();
        for (_, row) in self.rows(&transaction, "roles")? {
            let role = role_of(&row)?;
            if let Some(Value::Text(credential)) = row.get(8) {
                directory.credentials.insert(role.oid, credential.clone());
            }
            directory.roles.push(role);
        }
        for (_, row) in self.rows(&transaction, "memberships")? {
            if let [Value::Oid(role), Value::Oid(member), Value::Bool(admin)] = row[..] {
                directory.memberships.push((role, member, admin));
            }
        }
        for (_, row) in self.rows(&transaction, "databases")? {
            if let [Value::Oid(oid), Value::Text(name), Value::Oid(owner)] = &row[..] {
                directory.databases.push((*oid, name.clone(), *owner));
            }
        }
        *self.directory.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(directory);
        Ok(())
    }

    /// A number that no role or database had before: above every one that any version of the rows ever held.
    pub fn fresh_oid(&self, transaction: &Transaction) -> Result<Oid> {
        let mut newest = 16383;
        for table in ["roles", "databases"] {
            let relation = self.relation(transaction, table)?;
            let columns = relation.live().map(|column| column.id).take(1).collect();
            let versions = Versions::Range { from: None, to: None, closed: true };
            let mut scan = transaction.scan(&ScanRequest {
                relation,
                columns,
                access: Access::All,
                backward: false,
                versions,
            })?;
            let mut batch = Batch::default();
            while scan.next(&mut batch, None, 1024)? {
                for row in 0..batch.rows {
                    if let Value::Oid(oid) = batch.columns[0].get(row) {
                        newest = newest.max(oid);
                    }
                }
            }
        }
        newest.checked_add(1).ok_or_else(|| err!(ProgramLimitExceeded, "out of object identifiers"))
    }

    // Secrets.

    fn secrets(&self) -> Result<BTreeMap<String, String>> {
        if !self.host.disk.exists(&self.secrets) {
            return Ok(BTreeMap::new());
        }
        let bytes = self.host.disk.read(&self.secrets).map_err(|error| self.io(error))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::corrupted(format!("{} is not text", self.secrets.display())))?;
        // A line that is not understood is not dropped: the file is written again whole.
        let credential = |(number, line): (usize, &str)| {
            let credential = line.split_once(' ').filter(|(id, _)| is_credential_id(id));
            credential.map(|(id, secret)| (id.into(), secret.into())).ok_or_else(|| {
                let place = format!("{}, line {}", self.secrets.display(), number + 1);
                Error::corrupted(format!("{place}: this is no credential"))
                    .detail("A later version of Stele wrote this file, or it is damaged.")
            })
        };
        text.lines().enumerate().map(credential).collect()
    }

    fn io(&self, error: std::io::Error) -> Error {
        err!(IoError, "{}: {error}", self.secrets.display())
    }

    /// Keeps a verifier; returns the credential id that the role's row will hold.
    pub fn keep_secret(&self, verifier: &ScramVerifier) -> Result<String> {
        let id: [u8; 16] = host::random::bytes(&*self.host.random);
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut secrets = self.secrets()?;
        secrets.insert(id.clone(), verifier.format());
        self.store_secrets(&secrets)?;
        Ok(id)
    }

    /// Forgets the verifiers that no role's row names any more.
    pub fn sweep_secrets(&self) -> Result<()> {
        let directory = self.directory();
        let mut secrets = self.secrets()?;
        let before = secrets.len();
        secrets.retain(|id, _| directory.credentials.values().any(|known| known == id));
        if secrets.len() < before { self.store_secrets(&secrets) } else { Ok(()) }
    }

    fn store_secrets(&self, secrets: &BTreeMap<String, String>) -> Result<()> {
        let text: String = secrets.iter().map(|(id, secret)| format!("{id} {secret}\n")).collect();
        self.host.disk.replace(&self.secrets, text.as_bytes(), true).map_err(|error| self.io(error))
    }

    pub fn verifier(&self, role: &str) -> Result<Option<ScramVerifier>> {
        let directory = self.directory();
        let Some(role) = directory.role(role).filter(|role| role.login) else { return Ok(None) };
        let Some(credential) = directory.credentials.get(&role.oid) else { return Ok(None) };
        match self.secrets()?.get(credential) {
            Some(text) => match ScramVerifier::parse(text) {
                Some(verifier) => Ok(Some(verifier)),
                None => Err(Error::corrupted(format!(
                    "{}: credential {credential} is damaged",
                    self.secrets.display()
                ))),
            },
            None => Ok(None),
        }
    }
}

fn is_credential_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// As `system.roles` holds it.
pub fn role_row(role: &Role, credential: Option<String>) -> Vec<Value> {
    vec![
        Value::Oid(role.oid),
        Value::text(role.name.clone()),
        Value::Bool(role.superuser),
        Value::Bool(role.inherit),
        Value::Bool(role.create_role),
        Value::Bool(role.create_database),
        Value::Bool(role.login),
        Value::Int4(role.connection_limit),
        credential.map_or(Value::Null, Value::Text),
    ]
}

pub fn role_of(row: &[Value]) -> Result<Role> {
    match row {
        [
            Value::Oid(oid),
            Value::Text(name),
            Value::Bool(superuser),
            Value::Bool(inherit),
            Value::Bool(create_role),
            Value::Bool(create_database),
            Value::Bool(login),
            Value::Int4(connection_limit),
            _,
        ] => Ok(Role {
            oid: *oid,
            name: name.clone(),
            superuser: *superuser,
            inherit: *inherit,
            create_role: *create_role,
            create_database: *create_database,
            login: *login,
            connection_limit: *connection_limit,
        }),
        _ => Err(Error::corrupted("a row of system.roles has another shape")),
    }
}
