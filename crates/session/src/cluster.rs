//! A data folder: its databases, roles and password verifiers, and what all sessions share.
//!
//! ```text
//!   DIR/databases/system/       the ledger of roles and databases; secrets
//!   DIR/databases/<name>/       a ledger per database: log, tiles, index, checkpoint, key
//!   DIR/databases/.new-<id>/    a database in the making: removed at start
//!   DIR/databases/dropped/      what DROP DATABASE left; purged by hand
//! ```

use crate::SessionOptions;
use crate::access::may_create_database;
use crate::identity::{BOOTSTRAP_NAME, BOOTSTRAP_ROLE, Directory, Identity};
use crate::interrupt::Interrupt;
use crate::plans::Plans;
use crate::scram::ScramVerifier;
use crate::session::Session;
use catalog::Database;
use host::Host;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use types::{Error, Oid, Result, Value, err};

#[derive(Clone)]
pub struct ClusterOptions {
    pub index: kv::store::IndexEngine,
    pub index_cache_bytes: u64,
    pub columns: catalog::ColumnCache,
    /// What a transaction may hold in memory before the rest goes to files.
    pub transaction_memory_bytes: usize,
    /// The host part of checkpoint origins.
    pub origin_host: String,
    pub accept_missing_checkpoint: bool,
    pub accept_clock: bool,
    /// When a log goes on in a new file.
    pub segment_size_bytes: u64,
    pub progress: Option<kv::ledger::Progress>,
    /// Told when a database can no longer write (a failed fsync): a server ends itself, and comes back whole.
    pub on_fatal: Option<kv::OnFatal>,
}

impl Default for ClusterOptions {
    fn default() -> ClusterOptions {
        ClusterOptions {
            index: kv::store::IndexEngine::Lsm,
            index_cache_bytes: 256 << 20,
            columns: catalog::ColumnCache::default(),
            transaction_memory_bytes: 64 << 20,
            origin_host: "stele.local".into(),
            accept_missing_checkpoint: false,
            accept_clock: false,
            segment_size_bytes: 64 << 20,
            progress: None,
            on_fatal: None,
        }
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    host: Host,
    dir: PathBuf,
    options: ClusterOptions,
    identity: Identity,
    /// Open databases, by name: by a server at its start, else at the first connection.
    databases: Mutex<HashMap<String, Database>>,
    sessions: Mutex<HashMap<i32, Registered>>,
    plans: Plans,
    next_process_id: AtomicI32,
    started_at_us: i64,
    _lock: Box<dyn host::Lock>,
}

/// A session as others see it.
#[derive(Clone)]
pub(crate) struct Registered {
    pub secret: i32,
    pub interrupt: Arc<Interrupt>,
    pub user: String,
    pub database: String,
    pub client_address: Option<String>,
    pub started_at_us: i64,
}

/// Sessions at a time.
const MAX_CONNECTIONS: usize = 1000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of one session must not take the others down: the maps are whole between statements.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Cluster {
    pub(crate) fn plans(&self) -> &Plans {
        &self.shared.plans
    }

    /// Opens `dir`, or makes it with role and database `stele`.
    pub fn open(host: Host, dir: &Path, options: ClusterOptions) -> Result<Cluster> {
        let databases = dir.join("databases");
        let io = |error: std::io::Error| err!(IoError, "{}: {error}", databases.display());
        host.disk.make_folder(&databases).map_err(io)?;
        let lock = lock_folder(&host, dir)?;
        for name in host.disk.list(&databases).map_err(io)?.iter().filter(|name| name.starts_with(".new-")) {
            host.disk.remove_dir_all(&databases.join(name)).map_err(io)?;
        }
        refuse_missing_system(&host, dir)?;
        let system = databases.join("system");
        let identity = Identity::open(host.clone(), &system, database_options(&options, "system", true))?;
        if let Some(on_fatal) = &options.on_fatal {
            identity.set_on_fatal(on_fatal.clone());
        }
        let cluster = Cluster {
            shared: Arc::new(Shared {
                started_at_us: host.clock.now_us(),
                host,
                dir: dir.to_owned(),
                options,
                identity,
                databases: Mutex::default(),
                sessions: Mutex::default(),
                plans: Plans::default(),
                next_process_id: AtomicI32::new(1),
                _lock: lock,
            }),
        };
        // First, so that what a creation left that was cut short is not in the way of the next.
        cluster.set_aside_unknown_folders()?;
        if cluster.directory().databases.is_empty() {
            cluster.create_database(BOOTSTRAP_NAME, BOOTSTRAP_ROLE, BOOTSTRAP_NAME)?;
        }
        Ok(cluster)
    }

    /// A folder that no row names: CREATE DATABASE was cut short. It is kept, out of the way.
    fn set_aside_unknown_folders(&self) -> Result<()> {
        let databases = self.shared.dir.join("databases");
        let known: Vec<String> =
            self.directory().databases.iter().map(|(_, name, _)| folder_name(name)).collect();
        let io = |error: std::io::Error| err!(IoError, "{}: {error}", databases.display());
        for name in self.shared.host.disk.list(&databases).map_err(io)? {
            let expected = ["system", "dropped"].contains(&name.as_str()) || known.contains(&name);
            if !expected && self.shared.host.disk.is_dir(&databases.join(&name)) {
                self.set_aside(&name)?;
            }
        }
        Ok(())
    }

    /// Moves a database's folder to `dropped/`.
    fn set_aside(&self, folder: &str) -> Result<()> {
        let databases = self.shared.dir.join("databases");
        let dropped = databases.join("dropped");
        let disk = &self.shared.host.disk;
        let io = |error: std::io::Error| err!(IoError, "{}: {error}", dropped.display());
        disk.create_dir_all(&dropped).map_err(io)?;
        let target = dropped.join(format!("{folder}-{}", self.shared.host.clock.now_us()));
        disk.rename(&databases.join(folder), &target).map_err(io)?;
        disk.sync_dir(&dropped).map_err(io)?;
        disk.sync_dir(&databases).map_err(io)
    }

    /// What was unusual when the system ledger and the databases that are open now were opened, each with its name.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> =
            self.shared.identity.warnings().into_iter().map(|what| format!("system: {what}")).collect();
        for (name, database) in &*lock(&self.shared.databases) {
            warnings
                .extend(database.warnings().into_iter().map(|what| format!("database \"{name}\": {what}")));
        }
        warnings
    }

    pub(crate) fn host(&self) -> &Host {
        &self.shared.host
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.shared.identity.directory()
    }

    pub(crate) fn started_at_us(&self) -> i64 {
        self.shared.started_at_us
    }

    /// Every running session, by process id.
    pub(crate) fn sessions(&self) -> Vec<(i32, Registered)> {
        let mut sessions: Vec<_> =
            lock(&self.shared.sessions).iter().map(|(id, s)| (*id, s.clone())).collect();
        sessions.sort_by_key(|(id, _)| *id);
        sessions
    }

    /// Opens every database, so that a damaged one stops the start and not its first client.
    pub fn open_databases(&self) -> Result<()> {
        for (_, name, _) in &self.directory().databases {
            self.database(name)?;
        }
        Ok(())
    }

    /// An open database. 3D000.
    pub fn database(&self, name: &str) -> Result<Database> {
        let directory = self.directory();
        if !directory.databases.iter().any(|(_, known, _)| known == name) {
            return Err(err!(InvalidCatalogName, "database \"{name}\" does not exist"));
        }
        let mut open = lock(&self.shared.databases);
        if let Some(database) = open.get(name) {
            return Ok(database.clone());
        }
        let dir = self.shared.dir.join("databases").join(folder_name(name));
        let database = Database::open(
            self.shared.host.clone(),
            &dir,
            database_options(&self.shared.options, name, false),
        )?;
        if let Some(on_fatal) = &self.shared.options.on_fatal {
            database.set_on_fatal(on_fatal.clone());
        }
        // GRANT and OWNER TO name roles, which live in another ledger.
        let shared = Arc::downgrade(&self.shared);
        database.set_role_oid(Arc::new(move |name| {
            let shared = shared.upgrade();
            Ok(shared.and_then(|shared| shared.identity.directory().role(name).map(|role| role.oid)))
        }));
        open.insert(name.to_owned(), database.clone());
        Ok(database)
    }

    /// Builds the folder beside its place, moves it there, then commits the row: a crash leaves nothing half-made.
    pub(crate) fn create_database(&self, name: &str, owner: Oid, user: &str) -> Result<()> {
        if self.directory().databases.iter().any(|(_, known, _)| known == name) {
            return Err(err!(DuplicateDatabase, "database \"{name}\" already exists"));
        }
        let databases = self.shared.dir.join("databases");
        let id: [u8; 8] = host::random::bytes(&*self.shared.host.random);
        let made = databases.join(format!(".new-{:016x}", u64::from_be_bytes(id)));
        let io = |error: std::io::Error| err!(IoError, "{}: {error}", made.display());
        let disk = &self.shared.host.disk;
        Database::open(self.shared.host.clone(), &made, database_options(&self.shared.options, name, true))?
            .close()?;
        let place = databases.join(folder_name(name));
        if let Err(error) = disk.rename(&made, &place) {
            let error = err!(IoError, "could not make folder \"{}\": {error}", place.display());
            disk.remove_dir_all(&made).map_err(io)?;
            return Err(error);
        }
        disk.sync_dir(&databases).map_err(io)?;
        self.shared.identity.change(user, |identity, transaction, directory| {
            if directory.databases.iter().any(|(_, known, _)| known == name) {
                return Err(err!(DuplicateDatabase, "database \"{name}\" already exists"));
            }
            let oid = identity.fresh_oid(transaction)?;
            identity.insert(
                transaction,
                "databases",
                &[Value::Oid(oid), Value::text(name), Value::Oid(owner)],
            )
        })
    }

    /// 55006 while sessions are on it. The folder goes to `dropped/`.
    pub(crate) fn drop_database(&self, name: &str, user: &str) -> Result<()> {
        let using = lock(&self.shared.sessions).values().filter(|session| session.database == name).count();
        if using > 0 {
            return Err(err!(ObjectInUse, "database \"{name}\" is being accessed by other users")
                .detail(counted(using, "other session")));
        }
        let prepared = self.database(name)?.prepared().len();
        if prepared > 0 {
            return Err(err!(ObjectInUse, "database \"{name}\" is being used by prepared transactions")
                .detail(counted(prepared, "prepared transaction")));
        }
        self.shared.identity.change(user, |identity, transaction, _| {
            identity.rewrite(transaction, "databases", |row| (row[1] == Value::text(name)).then_some(None))
        })?;
        let open = lock(&self.shared.databases).remove(name);
        if let Some(database) = open {
            database.close()?;
        }
        self.set_aside(&folder_name(name))
    }

    /// The verifier of a role that may log in with a password. None: no such role, no password, or no LOGIN — the
    /// caller must go on with a made-up verifier so that a client cannot tell.
    pub fn scram_verifier(&self, role: &str) -> Result<Option<ScramVerifier>> {
        self.shared.identity.verifier(role)
    }

    /// Starts a session after authentication. 3D000, 28000 (no such role, no LOGIN), 53300.
    pub fn connect(&self, options: SessionOptions) -> Result<Session> {
        let directory = self.directory();
        let Some(role) = directory.role(&options.user) else {
            return Err(err!(InvalidAuthorizationSpecification, "role \"{}\" does not exist", options.user));
        };
        if !role.login {
            return Err(err!(
                InvalidAuthorizationSpecification,
                "role \"{}\" is not permitted to log in",
                role.name
            ));
        }
        let (name, as_of) = past_of(&options.database)?;
        let database = self.database(name)?;
        let limit = usize::try_from(role.connection_limit).unwrap_or(usize::MAX);
        let secret: [u8; 4] = host::random::bytes(&*self.shared.host.random);
        let registered = Registered {
            secret: i32::from_be_bytes(secret),
            interrupt: Arc::new(Interrupt::new(self.shared.host.clock.clone())),
            user: role.name.clone(),
            database: name.to_owned(),
            client_address: options.client_address.clone(),
            started_at_us: self.shared.host.clock.now_us(),
        };
        let process_id = self.shared.next_process_id.fetch_add(1, Ordering::Relaxed);
        {
            let mut sessions = lock(&self.shared.sessions);
            if sessions.len() >= MAX_CONNECTIONS {
                return Err(err!(TooManyConnections, "sorry, too many clients already"));
            }
            if sessions.values().filter(|session| session.user == role.name).count() >= limit {
                return Err(err!(TooManyConnections, "too many connections for role \"{}\"", role.name));
            }
            sessions.insert(process_id, registered.clone());
        }
        // From here on the session's drop takes it off the list.
        Session::start(self.clone(), database, process_id, registered, role.clone(), as_of, options)
    }

    /// What a role owns or was granted in a database, for the refusal to drop it.
    pub(crate) fn objects_of(&self, database: &str, role: Oid) -> Result<Vec<String>> {
        let begin = catalog::Begin { isolation: kv::Isolation::ReadCommitted, read_only: true, as_of: None };
        let transaction = self.database(database)?.begin(begin)?;
        let state = transaction.state();
        let schemas = state.namespaces.values().filter(|schema| schema.owner == role);
        let schemas = schemas.map(|schema| format!("owner of schema {} in database {database}", schema.name));
        let relations = state.relations.values().filter(|relation| relation.owner == role);
        let relations = relations.map(|relation| {
            format!(
                "owner of {} {} in database {database}",
                crate::access::kind_name(relation.kind),
                relation.name
            )
        });
        let granted = state.grants.values().flatten().any(|grant| grant.grantee == role);
        let granted = granted.then(|| format!("privileges in database {database}"));
        Ok(schemas.chain(relations).chain(granted).collect())
    }

    pub(crate) fn forget(&self, process_id: i32) {
        lock(&self.shared.sessions).remove(&process_id);
    }

    /// Cancels the running statement of the session with this process id and secret; wrong ones are ignored.
    pub fn cancel(&self, process_id: i32, secret: i32) {
        if let Some(session) = lock(&self.shared.sessions).get(&process_id)
            && session.secret == secret
        {
            session.interrupt.cancel();
        }
    }

    pub fn role_oid(&self, name: &str) -> Result<Option<Oid>> {
        Ok(self.directory().role(name).map(|role| role.oid))
    }

    /// Whether this role may make databases: superusers and those with CREATEDB.
    pub fn may_create_database(&self, role: &str) -> bool {
        self.directory().role(role).is_some_and(may_create_database)
    }

    /// Ends: sessions get 57P01 at their next statement, databases are closed.
    pub fn shutdown(&self) -> Result<()> {
        for session in lock(&self.shared.sessions).values() {
            session.interrupt.terminate();
        }
        let open: Vec<Database> =
            lock(&self.shared.databases).drain().map(|(_, database)| database).collect();
        let mut first = Ok(());
        for result in open.iter().map(Database::close).chain([self.shared.identity.close()]) {
            if first.is_ok() {
                first = result;
            }
        }
        first
    }
}

/// `name@42` is a database's past.
fn past_of(database: &str) -> Result<(&str, Option<types::Moment>)> {
    match database.rsplit_once('@') {
        None => Ok((database, None)),
        Some((name, number)) => match number.parse() {
            Ok(tx) => Ok((name, Some(types::Moment::Transaction(tx)))),
            Err(_) => Err(err!(InvalidCatalogName, "database \"{database}\" does not exist")
                .hint("A past is named by a transaction number: mydb@42.")),
        },
    }
}

fn counted(users: usize, of: &str) -> String {
    match users {
        1 => format!("There is 1 {of} using the database."),
        _ => format!("There are {users} {of}s using the database."),
    }
}

/// A database's folder: its name, with everything but letters, digits, `_` and `-` written as %xx, and the first
/// letter of our own names too.
pub(crate) fn folder_name(name: &str) -> String {
    let own = ["system", "dropped"].contains(&name);
    let mut out = String::new();
    for (at, byte) in name.bytes().enumerate() {
        let plain =
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || (byte == b'-' && at > 0);
        if plain && !(own && at == 0) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

pub(crate) fn database_options(options: &ClusterOptions, name: &str, create: bool) -> catalog::Options {
    catalog::Options {
        store: kv::Options {
            ledger: kv::ledger::LedgerOptions {
                origin: format!("{}/{name}", options.origin_host),
                create,
                accept_missing_checkpoint: options.accept_missing_checkpoint,
                accept_clock: options.accept_clock,
                segment_size_bytes: options.segment_size_bytes,
                progress: options.progress.clone(),
            },
            index: options.index,
            index_cache_bytes: options.index_cache_bytes,
            transaction_memory_bytes: options.transaction_memory_bytes,
            derive: Arc::new(kv::NoDerive),
        },
        columns: options.columns,
        binder: Arc::new(crate::stored::StoredExpressions),
    }
}

/// Locks a data folder, which must be there. 55006 where another process has it.
pub fn lock_folder(host: &Host, dir: &Path) -> Result<Box<dyn host::Lock>> {
    if !host.disk.is_dir(dir) {
        return Err(err!(UndefinedObject, "there is no data folder \"{}\"", dir.display()));
    }
    host.disk.lock(dir).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => {
            err!(ObjectInUse, "the data folder \"{}\" is in use by another process", dir.display())
                .hint("Stop the server that has it open, or give another folder.")
        }
        _ => err!(IoError, "could not lock the data folder \"{}\": {error}", dir.display()),
    })
}

/// The folder of the system ledger, where there are databases and it is missing: without it nobody knows whose they
/// are.
pub fn missing_system(host: &Host, dir: &Path) -> Option<PathBuf> {
    let databases = dir.join("databases");
    let system = databases.join("system");
    let names = host.disk.list(&databases).unwrap_or_default();
    let is_database = |name: &String| name != "dropped" && !name.starts_with('.');
    (!host.disk.is_dir(&system) && names.iter().any(is_database)).then_some(system)
}

fn refuse_missing_system(host: &Host, dir: &Path) -> Result<()> {
    match missing_system(host, dir) {
        None => Ok(()),
        Some(system) => Err(Error::corrupted(format!(
            "the system ledger \"{}\" is missing beside the databases that it lists",
            system.display()
        ))
        .detail("It holds the roles and the list of databases.")
        .hint("Restore this folder from a backup or replica.")),
    }
}

/// Opens the ledger in `folder` and compares its index with a replay of its log. Opening changes what is derived: to
/// look without touching, give it a copy.
pub fn check_index(
    host: Host,
    folder: &Path,
    progress: kv::ledger::Progress,
) -> Result<Vec<kv::check::Finding>> {
    let options = checking(&host, folder, &progress);
    let database = Database::open(host, folder, database_options(&options, "", false))?;
    match database.check_index(folder, Some(&progress)) {
        Ok(findings) => {
            database.close()?;
            Ok(findings)
        }
        Err(error) if error.state == types::SqlState::IndexCorrupted => {
            // An index that has failed says so again when it is closed.
            let _ = database.close();
            Ok(vec![kv::check::Finding {
                verdict: kv::check::Verdict::Derived,
                file: folder.join("index"),
                offset: None,
                transaction: None,
                what: error.message.clone(),
            }])
        }
        Err(error) => Err(error),
    }
}

/// As it is, under a clock that may be any.
fn checking(host: &Host, folder: &Path, progress: &kv::ledger::Progress) -> ClusterOptions {
    let defaults = ClusterOptions::default();
    let index = kv::index::engine_of(host, folder).unwrap_or(defaults.index);
    ClusterOptions { index, progress: Some(progress.clone()), accept_clock: true, ..defaults }
}

/// Removes what is derived of the ledger in `folder`, and makes it again from the log. The folders that were removed.
pub fn rebuild_derived(host: Host, folder: &Path, progress: kv::ledger::Progress) -> Result<Vec<PathBuf>> {
    let options = checking(&host, folder, &progress);
    let removed = kv::index::remove_derived(&host, folder)?;
    Database::open(host, folder, database_options(&options, "", false))?.close()?;
    Ok(removed)
}

/// The folders of a data folder's ledgers, system first: what `check` and `audit` walk.
pub fn ledger_folders(host: &Host, dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let databases = dir.join("databases");
    let names = host.disk.list(&databases).map_err(|error| {
        err!(IoError, "{}: {error}", databases.display()).hint("Is this a Stele data folder?")
    })?;
    let mut folders: Vec<(String, PathBuf)> = names
        .into_iter()
        .filter(|name| name != "dropped" && !name.starts_with('.'))
        .map(|name| (name.clone(), databases.join(name)))
        .collect();
    folders.sort_by_key(|(name, _)| (name != "system", name.clone()));
    if folders.is_empty() {
        return Err(Error::new(
            types::SqlState::IoError,
            format!("{} holds no database", databases.display()),
        ));
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_cannot_climb_or_clash() {
        for (name, folder) in [
            ("stele", "stele"),
            ("system", "%73ystem"),
            ("../x", "%2e%2e%2fx"),
            (".new-1", "%2enew-1"),
            ("Ä", "%c3%84"),
            ("A", "%41"),
            ("-x", "%2dx"),
        ] {
            assert_eq!(folder_name(name), folder);
        }
    }

    #[test]
    fn a_past_is_named_by_its_number() {
        assert_eq!(past_of("db@42").unwrap(), ("db", Some(types::Moment::Transaction(42))));
        assert_eq!(past_of("db").unwrap(), ("db", None));
        assert!(past_of("db@yesterday").is_err());
    }
}
