//! One open database: its store, and what its transactions share in memory.

use crate::derive::CatalogDerive;
use crate::groups::RowGroups;
use crate::sequence::SequenceState;
use crate::state::State;
use crate::system_tables::{
    self, BOOTSTRAP_ROLE, FIRST_USER_OID, GrantRow, Namespace, PUBLIC_ROLE, PUBLIC_SCHEMA,
};
use crate::table::Table;
use crate::transaction::{Begin, Transaction};
use expr::Binder;
use foldhash::HashMap;
use host::Host;
use kv::{At, Isolation, Meta, ObjectId, Span, Store, TxId};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use types::schema::{ColumnId, Relation};
use types::{Error, Oid, Result, SqlState};

/// How to open one.
#[derive(Clone)]
pub struct Options {
    pub store: kv::store::Options,
    pub columns: ColumnCache,
    pub binder: Arc<dyn Binder>,
}

/// Columns that scans have read are kept for the scans that follow.
#[derive(Debug, Clone, Copy)]
pub struct ColumnCache {
    /// 0: none are kept.
    pub memory_bytes: u64,
    /// In one group, at most. Tables of less than an eighth of it are read by rows.
    pub group_rows: usize,
}

impl Default for ColumnCache {
    fn default() -> ColumnCache {
        ColumnCache { memory_bytes: 512 << 20, group_rows: 8_192 }
    }
}

/// A role's OID by its name; None where there is none. Roles live in another ledger.
pub type RoleOid = Arc<dyn Fn(&str) -> Result<Option<Oid>> + Send + Sync>;

/// Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pub(crate) shared: Arc<Shared>,
}

/// What the transactions of a database share.
pub(crate) struct Shared {
    pub store: Store,
    /// What was wrong with the index, so that it was made again.
    index_damage: Option<String>,
    pub binder: Arc<dyn Binder>,
    states: Mutex<States>,
    /// A pending state was settled.
    settled: Condvar,
    next_version: AtomicU64,
    oids: Mutex<Oids>,
    /// By the descriptor's address, which lives as long as the table made of it.
    tables: RwLock<HashMap<usize, Arc<Table>>>,
    row_ids: Mutex<HashMap<ObjectId, Arc<AtomicU64>>>,
    /// The highest of those that transactions have which were prepared before this opening.
    pub prepared_row_ids: Mutex<HashMap<ObjectId, u64>>,
    pub sequences: Mutex<HashMap<Oid, Arc<Mutex<SequenceState>>>>,
    statistics: Mutex<HashMap<ObjectId, Rows>>,
    pub distincts: Mutex<HashMap<(ObjectId, ColumnId), crate::distinct::Known>>,
    /// Grows when a table's size has changed so much that plans should.
    statistics_version: AtomicU64,
    role_oid: RwLock<RoleOid>,
    pub groups: Arc<RowGroups>,
    pub prepared: crate::prepared::Registry,
}

/// How many rows a storage generation has, about, and how many it had when plans last heard of it.
struct Rows {
    now: f64,
    noted: f64,
}

struct States {
    latest: Arc<State>,
    /// A commit that changes the catalog is under way: what is latest is about to be replaced.
    pending: bool,
    /// States before the latest, by the transaction that made them; least recently used first.
    past: Vec<(TxId, u64, Arc<State>)>,
    /// Every transaction that changed the catalog, ascending.
    changes: Vec<TxId>,
}

/// OIDs are reserved in the ledger before they are given out, so that none is given out twice, not even one of a
/// transaction that was rolled back.
struct Oids {
    next: Oid,
    reserved: Oid,
}

const OIDS_RESERVED_AT_ONCE: Oid = 256;
const PAST_STATES_KEPT: usize = 16;
const TABLES_KEPT: usize = 10_000;

impl Database {
    /// Opens; makes the bootstrap rows (transaction 1: schema `public`) in a new ledger.
    /// `options.store.derive` is replaced by the catalog's own.
    pub fn open(host: Host, dir: &Path, options: Options) -> Result<Database> {
        match Database::open_once(host.clone(), dir, options.clone(), None) {
            // What the index holds could not be read: the log can.
            Err(error) if error.state == SqlState::IndexCorrupted => {
                kv::index::distrust_index(&host, dir)?;
                Database::open_once(host, dir, options, Some(error.message.clone()))
            }
            opened => opened,
        }
    }

    /// `index_damage`: why it is opened again.
    fn open_once(host: Host, dir: &Path, options: Options, index_damage: Option<String>) -> Result<Database> {
        let Options { store: mut store_options, columns, binder } = options;
        let derive = Arc::new(CatalogDerive::new(binder.clone()));
        store_options.derive = derive.clone();
        let store = Store::open(host, dir, store_options)?;
        let groups = Arc::new(RowGroups::new(columns, store.snapshot(At::Latest)?.tx()));
        store.set_watch(groups.clone());
        if store.ledger().size() <= 1 {
            bootstrap(&store)?;
        }
        let snapshot = store.snapshot(At::Latest)?;
        let latest = Arc::new(with_from(State::load(&snapshot, 1)?, snapshot.tx()));
        let mut changes = vec![];
        for object in [system_tables::SCHEMAS, system_tables::RELATIONS, system_tables::GRANTS] {
            let mut versions = snapshot.versions(object, &Span::all(), 0, snapshot.tx());
            while let Some((_, version)) = versions.next()? {
                changes.push(version.tx);
            }
        }
        changes.sort_unstable();
        changes.dedup();
        let counter = snapshot.get(system_tables::COUNTERS, &system_tables::counter_key("oid")?)?;
        let next = match counter.and_then(|row| row.cells) {
            Some(cells) => system_tables::counter(&cells)? as Oid,
            None => FIRST_USER_OID,
        };
        let index_damage = index_damage.or_else(|| store.index_damage().map(str::to_owned));
        let database = Database {
            shared: Arc::new(Shared {
                store,
                index_damage,
                binder,
                states: Mutex::new(States { latest, pending: false, past: vec![], changes }),
                settled: Condvar::new(),
                next_version: AtomicU64::new(2),
                oids: Mutex::new(Oids { next, reserved: next }),
                tables: RwLock::default(),
                row_ids: Mutex::default(),
                prepared_row_ids: Mutex::default(),
                sequences: Mutex::default(),
                statistics: Mutex::default(),
                distincts: Mutex::default(),
                statistics_version: AtomicU64::new(0),
                role_oid: RwLock::new(Arc::new(|_: &str| Ok(None))),
                groups,
                prepared: Mutex::default(),
            }),
        };
        database.shared.build_missing_indexes(&derive.take_missing())?;
        database.resume_prepared()?;
        Ok(database)
    }

    /// What was unusual when it was opened, and what was done about it: for the operator.
    pub fn warnings(&self) -> Vec<String> {
        let Shared { store, index_damage, .. } = &*self.shared;
        let rebuilt =
            index_damage.as_ref().map(|why| format!("the index was made again from the log: {why}"));
        store.ledger().notices().iter().cloned().chain(rebuilt).collect()
    }

    /// Compares the index with a replay of the log: what `stele check` reports of it. Also what was wrong with it when
    /// it was opened, which has made it anew.
    pub fn check_index(
        &self,
        folder: &Path,
        progress: Option<&kv::ledger::Progress>,
    ) -> Result<Vec<kv::check::Finding>> {
        let finding = |transaction, what| kv::check::Finding {
            verdict: kv::check::Verdict::Derived,
            file: folder.join("index"),
            offset: None,
            transaction,
            what,
        };
        let Shared { store, index_damage, .. } = &*self.shared;
        if let Some(damage) = index_damage {
            return Ok(vec![finding(None, format!("the index is not what it was left as: {damage}"))]);
        }
        let derive = CatalogDerive::new(self.shared.binder.clone());
        let differences = kv::index::check_index(store, &derive, progress)?;
        let differences = differences.into_iter().map(|found| finding(Some(found.tx), found.to_string()));
        Ok(differences.collect())
    }

    /// Memory that columns take which scans have read.
    pub fn column_cache_bytes(&self) -> usize {
        self.shared.groups.size_bytes()
    }

    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// How GRANT and OWNER TO find a role by its name.
    pub fn set_role_oid(&self, role_oid: RoleOid) {
        *self.shared.role_oid.write().unwrap_or_else(PoisonError::into_inner) = role_oid;
    }

    /// Calls `on_fatal` once when nothing can be written any more.
    pub fn set_on_fatal(&self, on_fatal: kv::OnFatal) {
        self.shared.store.set_on_fatal(on_fatal);
    }

    pub fn begin(&self, begin: Begin) -> Result<Box<Transaction>> {
        self.begin_at_least(begin, 0)
    }

    /// With a snapshot that sees transaction `tx` even where it is ordered and not yet durable: a session that
    /// committed without waiting (`synchronous_commit = off`) reads its own writes.
    pub fn begin_at_least(&self, begin: Begin, tx: TxId) -> Result<Box<Transaction>> {
        Transaction::begin(self.shared.clone(), begin, tx)
    }

    pub fn close(&self) -> Result<()> {
        // Else the next open builds again what it cannot know to be whole.
        let marked = self.shared.mark_indexes_built();
        lock(&self.shared.prepared).clear();
        self.shared.store.close().and(marked)
    }
}

fn with_from(mut state: State, tx: TxId) -> State {
    state.from_tx = tx;
    state
}

fn bootstrap(store: &Store) -> Result<()> {
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.set_system(true);
    let public = Namespace {
        oid: PUBLIC_SCHEMA,
        name: "public".into(),
        owner: BOOTSTRAP_ROLE,
        comment: Some("standard public schema".into()),
    };
    let usage = GrantRow {
        object: PUBLIC_SCHEMA,
        grantee: PUBLIC_ROLE,
        privilege: types::ddl::Privilege::Usage,
        grantor: BOOTSTRAP_ROLE,
        grantable: false,
    };
    let key = system_tables::oid_key(PUBLIC_SCHEMA);
    transaction.put(system_tables::SCHEMAS, &key, system_tables::namespace_cells(&public)?, 0, vec![])?;
    let key = system_tables::grant_key(&usage)?;
    transaction.put(system_tables::GRANTS, &key, system_tables::grant_cells(&usage)?, 0, vec![])?;
    let key = system_tables::counter_key("oid")?;
    let cells = system_tables::counter_cells("oid", FIRST_USER_OID as i64)?;
    transaction.put(system_tables::COUNTERS, &key, cells, 0, vec![])?;
    transaction.commit(Meta::default(), true)?;
    Ok(())
}

/// A panic elsewhere does not make what a lock guards wrong: every update of it is one assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// A state's number, unlike any before.
    pub fn version(&self) -> u64 {
        self.next_version.fetch_add(1, Ordering::Relaxed)
    }

    pub fn latest(&self) -> Arc<State> {
        lock(&self.states).latest.clone()
    }

    /// The newest state, once no commit is about to replace it. The caller holds a lock that such a commit released.
    pub fn settled(&self) -> Arc<State> {
        let mut states = lock(&self.states);
        while states.pending {
            states = self.settled.wait(states).unwrap_or_else(PoisonError::into_inner);
        }
        states.latest.clone()
    }

    /// The newest state if nothing is pending: for a quick comparison.
    pub fn settled_version(&self) -> Option<u64> {
        let states = lock(&self.states);
        (!states.pending).then_some(states.latest.version)
    }

    /// The state that a snapshot of the present sees.
    pub fn state_at(&self, tx: TxId) -> Result<Arc<State>> {
        let latest = self.latest();
        if latest.from_tx <= tx {
            return Ok(latest);
        }
        self.past_state(tx)
    }

    /// The state after transaction `tx`, with the indexes that exist now.
    pub fn past_state(&self, tx: TxId) -> Result<Arc<State>> {
        let (change, latest) = {
            let mut states = lock(&self.states);
            if states.latest.from_tx <= tx {
                return Ok(states.latest.clone());
            }
            let count = states.changes.partition_point(|change| *change <= tx);
            let change = count.checked_sub(1).and_then(|at| states.changes.get(at)).copied().unwrap_or(0);
            let version = states.latest.version;
            if let Some(at) = states.past.iter().position(|(tx, of, _)| (*tx, *of) == (change, version)) {
                let found = states.past.remove(at);
                let state = found.2.clone();
                states.past.push(found);
                return Ok(state);
            }
            (change, states.latest.clone())
        };
        let snapshot = self.store.snapshot(At::Transaction(change))?;
        let loaded = with_from(State::load(&snapshot, 0)?, change);
        let state = Arc::new(loaded.with_indexes_of(&latest, self.version()));
        let mut states = lock(&self.states);
        states.past.push((change, latest.version, state.clone()));
        if states.past.len() > PAST_STATES_KEPT {
            states.past.remove(0);
        }
        Ok(state)
    }

    /// A commit that changes the catalog begins: whoever asks for the settled state waits for its end.
    pub fn announce(self: &Arc<Self>) -> Announced {
        lock(&self.states).pending = true;
        Announced { shared: self.clone(), state: None }
    }

    /// The descriptor made ready. `own`: it is of an open transaction and will not be asked for again.
    pub fn table(&self, relation: &Arc<Relation>) -> Result<Arc<Table>> {
        let address = Arc::as_ptr(relation) as usize;
        if let Some(table) = self.tables.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
            return Ok(table.clone());
        }
        let table = Arc::new(Table::new(relation, &*self.binder)?);
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= TABLES_KEPT {
            tables.clear();
        }
        tables.insert(address, table.clone());
        Ok(table)
    }

    /// A new OID, reserved in the ledger before it is used.
    pub fn allocate_oid(&self) -> Result<Oid> {
        let mut oids = lock(&self.oids);
        if oids.next >= oids.reserved {
            let reserved = oids.next.checked_add(OIDS_RESERVED_AT_ONCE).ok_or_else(|| {
                types::err!(ProgramLimitExceeded, "all object identifiers of this database have been used")
            })?;
            let mut transaction = self.store.begin(Isolation::ReadCommitted);
            transaction.set_system(true);
            let cells = system_tables::counter_cells("oid", reserved as i64)?;
            transaction.put(
                system_tables::COUNTERS,
                &system_tables::counter_key("oid")?,
                cells,
                0,
                vec![],
            )?;
            transaction.commit(Meta::default(), false)?;
            oids.reserved = reserved;
        }
        let oid = oids.next;
        oids.next += 1;
        Ok(oid)
    }

    /// A new hidden row id of a storage generation: above every one that is or was.
    pub fn allocate_row_id(&self, object: ObjectId) -> Result<u64> {
        let mut row_ids = lock(&self.row_ids);
        let counter = match row_ids.get(&object) {
            Some(counter) => counter.clone(),
            None => {
                let counter = Arc::new(AtomicU64::new(self.highest_row_id(object)?));
                row_ids.insert(object, counter.clone());
                counter
            }
        };
        drop(row_ids);
        Ok(counter.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn highest_row_id(&self, object: ObjectId) -> Result<u64> {
        let number = |key: &[u8]| {
            key.try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| Error::corrupted("a hidden row key that is no number"))
        };
        // The newest ordered state: a committed row may not be durable yet.
        let reader = self.store.begin(Isolation::ReadCommitted);
        let snapshot = self.store.snapshot(At::Latest)?;
        let mut highest = match snapshot.scan(object, &Span::all(), true).next()? {
            Some((key, _)) => number(&key)?,
            None => 0,
        };
        if let Some(prepared) = lock(&self.prepared_row_ids).get(&object) {
            highest = highest.max(*prepared);
        }
        // Deleted rows above the last live one.
        let span = Span {
            from: std::ops::Bound::Included(highest.to_be_bytes().to_vec()),
            to: std::ops::Bound::Unbounded,
        };
        let mut versions = snapshot.versions(object, &span, 0, snapshot.tx());
        while let Some((key, _)) = versions.next()? {
            highest = highest.max(number(&key)?);
        }
        let mut newest = reader.newest_scan(object, &span);
        while let Some((key, _)) = newest.next()? {
            highest = highest.max(number(&key)?);
        }
        Ok(highest)
    }

    pub fn statistics_version(&self) -> u64 {
        self.statistics_version.load(Ordering::Relaxed)
    }

    /// Rows of a storage generation, about: the index has counted them, and commits keep the number.
    pub fn estimated_rows(&self, object: ObjectId) -> f64 {
        if let Some(rows) = lock(&self.statistics).get(&object) {
            return rows.now;
        }
        let rows = self.store.live_rows(object) as f64;
        lock(&self.statistics).entry(object).or_insert(Rows { now: rows, noted: rows }).now
    }

    /// What is known without counting.
    pub fn known_rows(&self, object: ObjectId) -> Option<f64> {
        lock(&self.statistics).get(&object).map(|rows| rows.now)
    }

    /// Before a commit that changes them: the index may count it at any moment from there on.
    pub fn note_rows(&self, changes: &HashMap<ObjectId, i64>) {
        for object in changes.keys() {
            self.estimated_rows(*object);
        }
    }

    pub fn analyze(&self, object: ObjectId) {
        let now = self.store.live_rows(object) as f64;
        lock(&self.statistics).insert(object, Rows { now, noted: now });
        self.statistics_version.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_rows(&self, object: ObjectId, change: i64) {
        if let Some(rows) = lock(&self.statistics).get_mut(&object) {
            rows.now = (rows.now + change as f64).max(0.0);
            // Small tables come and go without that.
            const SMALL: f64 = 1_000.0;
            let (now, noted) = (rows.now.max(SMALL), rows.noted.max(SMALL));
            if now > noted * 4.0 || now < noted / 4.0 {
                rows.noted = rows.now;
                self.statistics_version.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// 42704 where there is no such role.
    pub fn role(&self, name: &str) -> Result<Oid> {
        if name.eq_ignore_ascii_case("public") {
            return Ok(PUBLIC_ROLE);
        }
        let role_oid = self.role_oid.read().unwrap_or_else(PoisonError::into_inner).clone();
        role_oid(name)?.ok_or_else(|| types::err!(UndefinedObject, "role \"{name}\" does not exist"))
    }
}

/// A commit that changes the catalog. Dropped without a state: it did not happen.
pub(crate) struct Announced {
    shared: Arc<Shared>,
    state: Option<State>,
}

impl Announced {
    pub fn publish(mut self, state: State) {
        self.state = Some(state);
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        let mut states = lock(&self.shared.states);
        if let Some(state) = self.state.take() {
            states.changes.push(state.from_tx);
            let now = state.version;
            states.latest = Arc::new(state);
            // States of the past carry the indexes of now.
            states.past.retain(|(_, of, _)| *of == now);
            self.shared.tables.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
        states.pending = false;
        drop(states);
        self.shared.settled.notify_all();
    }
}
