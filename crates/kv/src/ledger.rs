//! The ledger: log, tree and checkpoints as one thing with one order.
//!
//! ```text
//!   append ──> block in the log, tree grown       ordered    size()
//!   sync   ──> fsync                              durable    durable_size()
//!   publish ─> tiles, then the signed checkpoint  signed     checkpoint()
//! ```
//! Nobody but the committer appends and syncs. Reading and publishing are for everyone, at any time.

mod clock;
mod create;
mod read;
mod trust;

pub use read::ProvenChange;
pub(crate) use read::pieces;

use crate::TxId;
use crate::checkpoint::{self, KeyFile, Signer};
use crate::guard::lock;
use crate::log::block::{self, Codec, HEADER_BYTES, Header, Kind};
use crate::log::{Log, Put, Slot};
use crate::record::Sealed;
use crate::recovery::{self, Recovered};
use crate::tiles::{Growth, Tiles};
use clock::CommitClock;
use host::{Clock, Disk, Host};
use proof::checkpoint::SignedCheckpoint;
use proof::hash::{self, Sha2};
use proof::layout::Transaction;
use proof::tree::Compact;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
pub use trust::trust;
use types::{Error, Result, SqlState};

/// How to open a ledger.
#[derive(Clone)]
pub struct LedgerOptions {
    /// `<host>/<database>`: the checkpoint's origin, fixed when the ledger is made. An existing one keeps its own.
    pub origin: String,
    /// Make a new ledger (genesis, key) if the folder is empty. Without it an empty folder is an error.
    pub create: bool,
    pub accept_missing_checkpoint: bool,
    pub accept_clock: bool,
    pub segment_size_bytes: u64,
    /// Told about long work: what, done, total.
    pub progress: Option<Progress>,
}

/// Called with what is being done, and how much of how much.
pub type Progress = Arc<dyn Fn(&str, u64, u64) + Send + Sync>;

/// Payloads longer than this go into parts; segments should not be much smaller.
const PART_MAX_BYTES: u64 = 4 << 20;
/// What a block holds besides.
const GROUP_MAX_BYTES: usize = 16 << 20;

/// An open ledger. It holds the folder's lock (`<folder>/lock`): a second one on the same folder fails with 55006.
pub struct Ledger {
    log: Box<dyn Log>,
    tiles: Tiles,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    signer: Box<dyn Signer>,
    paths: Paths,
    database_id: [u8; 16],
    part_bytes: usize,
    notices: Vec<String>,
    writer: Mutex<Writer>,
    size: AtomicU64,
    durable: Mutex<Durable>,
    durable_size: AtomicU64,
    published: Mutex<Option<SignedCheckpoint>>,
    /// The last block read: neighbours are often read next.
    last_read: Mutex<Option<(Slot, Arc<Vec<u8>>)>>,
    stopped: OnceLock<Error>,
    _lock: Box<dyn host::Lock>,
}

/// What only the committer touches.
struct Writer {
    tree: Compact<Sha2>,
    last_commit_us: i64,
    commit_clock: CommitClock,
    epoch: u64,
    nonce: [u8; 16],
    durable_slot: Slot,
    buffer: Vec<u8>,
    growth: Growth,
}

struct Durable {
    tree: Compact<Sha2>,
}

/// Where everything of a ledger is.
pub struct Paths {
    pub folder: PathBuf,
    pub log: PathBuf,
    pub tiles: PathBuf,
    pub checkpoint: PathBuf,
    pub key: PathBuf,
    /// In a backup, where the key need not be.
    pub verifier_key: PathBuf,
    pub creating: PathBuf,
}

impl Paths {
    pub fn new(folder: &Path) -> Paths {
        let at = |name| folder.join(name);
        Paths {
            folder: folder.to_path_buf(),
            log: at("log"),
            tiles: at("tiles"),
            checkpoint: at("checkpoint"),
            key: at("key"),
            verifier_key: at("verifier-key"),
            creating: at("creating"),
        }
    }

    /// Whether this is a backup: nothing derived belongs to it.
    pub fn is_backup(&self, disk: &dyn Disk) -> bool {
        disk.exists(&self.verifier_key)
    }
}

impl Ledger {
    /// Opens or makes the ledger in `dir`, recovers it (cuts an uncovered torn tail, recomputes the tree over the tail,
    /// compares with the signed checkpoint) and says no where the log is shorter than or differs from it.
    pub fn open(host: Host, dir: &Path, options: LedgerOptions) -> Result<Ledger> {
        if options.create {
            host.disk
                .make_folder(dir)
                .map_err(|error| crate::fault::disk_error("could not create", dir, &error))?;
        } else if !host.disk.is_dir(dir) {
            types::bail!(UndefinedObject, "there is no ledger in \"{}\"", dir.display());
        }
        let paths = Paths::new(dir);
        if paths.is_backup(&*host.disk) {
            return Err(types::err!(ObjectNotInPrerequisiteState, "\"{}\" is a backup", dir.display())
                .hint("A backup is not written to: make a data folder of it with `stele restore`."));
        }
        let folder_lock = host.disk.lock(dir).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => {
                types::err!(ObjectInUse, "the ledger in \"{}\" is in use by another process", dir.display())
            }
            _ => crate::fault::disk_error("could not lock", dir, &error),
        })?;
        create::create_if_missing(&host, &paths, &options)?;
        let signer = KeyFile::open(&*host.disk, &paths.key)?;
        let recovered = recovery::recover(&host, &paths, signer.verifier_key(), &options)?;
        let Recovered { log, tiles, tree, database_id, last_commit_us, epoch, checkpoint, notices } =
            recovered;
        let size = tree.size();
        let mut ledger = Ledger {
            writer: Mutex::new(Writer {
                tree: tree.clone(),
                last_commit_us,
                commit_clock: CommitClock::start(&*host.clock, last_commit_us, options.accept_clock),
                epoch: epoch + 1,
                nonce: host::random::bytes(&*host.random),
                durable_slot: log.tip(),
                buffer: Vec::new(),
                growth: Growth::default(),
            }),
            log: Box::new(log),
            tiles,
            disk: host.disk,
            clock: host.clock,
            signer: Box::new(signer),
            paths,
            database_id,
            part_bytes: PART_MAX_BYTES.min(options.segment_size_bytes / 2).max(1024) as usize,
            notices,
            size: AtomicU64::new(size),
            durable: Mutex::new(Durable { tree }),
            durable_size: AtomicU64::new(size),
            published: Mutex::new(checkpoint),
            last_read: Mutex::new(None),
            stopped: OnceLock::new(),
            _lock: folder_lock,
        };
        match ledger.publish() {
            Ok(()) => {}
            // Reads need no room, and whoever writes is told.
            Err(error) if error.state == SqlState::DiskFull => {
                ledger
                    .notices
                    .push(format!("no checkpoint is signed until there is room: {}", error.message));
            }
            Err(error) => return Err(error),
        }
        Ok(ledger)
    }

    /// Opens it again: tiles that were found wrong are made again from the log.
    pub(crate) fn reopen(self, host: Host, dir: &Path, options: LedgerOptions) -> Result<Ledger> {
        let mut notices = self.notices.clone();
        drop(self);
        let mut again = Ledger::open(host, dir, options)?;
        notices.append(&mut again.notices);
        Ok(Ledger { notices, ..again })
    }

    /// Orders and writes a group: one block (or part blocks for a large one). Assigns consecutive numbers and
    /// non-decreasing times. Not durable until [`Ledger::sync`]. An error leaves the ledger as it was (53100: disk full,
    /// 55000: the clock); where even that fails it stops for good ([`Ledger::is_stopped`]).
    pub fn append(&self, group: &[Sealed]) -> Result<Vec<(TxId, i64)>> {
        self.check_running()?;
        if group.is_empty() {
            return Ok(Vec::new());
        }
        let mut writer = lock(&self.writer);
        let first_slot = self.log.tip() + 1;
        let given = self.write(&mut writer, first_slot, group);
        if given.is_err()
            && let Err(error) = self.log.cut(first_slot)
        {
            return Err(self.stop(error));
        }
        given
    }

    fn write(&self, writer: &mut Writer, mut slot: Slot, group: &[Sealed]) -> Result<Vec<(TxId, i64)>> {
        let committed_at = writer.commit_clock.stamp(&*self.clock, writer.last_commit_us)?;
        let first_tx = writer.tree.size();
        let transactions =
            u32::try_from(group.len()).map_err(|_| Error::internal("a group beyond all measure"))?;
        let mut header = Header {
            kind: Kind::Part,
            codec: Codec::None,
            body_bytes: 0,
            database_id: self.database_id,
            slot,
            epoch: writer.epoch,
            nonce: writer.nonce,
            first_tx,
            transactions: 0,
            root_before: writer.tree.root(),
            durable_slot: writer.durable_slot,
        };
        let mut tree = writer.tree.clone();
        let Writer { buffer, growth, .. } = writer;
        growth.clear();
        buffer.clear();
        buffer.resize(HEADER_BYTES, 0);
        for (tx, sealed) in (first_tx..).zip(group) {
            let transaction = Transaction {
                system: sealed.system,
                database_id: self.database_id,
                tx_id: tx,
                commit_time: committed_at,
                entry_count: sealed.entry_count,
                entries_root: sealed.entries_root,
                meta_commit: sealed.meta_commit,
            }
            .encode();
            growth.append(&mut tree, hash::leaf::<Sha2>(&transaction));
            if let Some(payload) = sealed.whole_payload()
                && payload.len() <= self.part_bytes
                && buffer.len() + payload.len() <= GROUP_MAX_BYTES
            {
                block::put_inline(buffer, &transaction, payload);
                continue;
            }
            let stream = slot;
            let mut slots = Vec::new();
            sealed.each_piece(self.part_bytes, &mut |bytes| {
                let mut part = Vec::with_capacity(HEADER_BYTES + 12 + bytes.len());
                part.resize(HEADER_BYTES, 0);
                block::put_part(&mut part, stream, slots.len() as u32, bytes);
                header.slot = slot;
                self.put(&header, &mut part)?;
                slots.push(slot);
                slot += 1;
                Ok(())
            })?;
            block::put_in_parts(buffer, &transaction, stream, sealed.payload_bytes(), &slots);
        }
        header.kind = Kind::Transactions;
        header.transactions = transactions;
        header.slot = slot;
        self.put(&header, buffer)?;
        if buffer.capacity() > 2 * GROUP_MAX_BYTES {
            *buffer = Vec::new();
        }
        self.tiles.extend(growth);
        writer.tree = tree;
        writer.last_commit_us = committed_at;
        self.size.store(writer.tree.size(), Ordering::Release);
        Ok((first_tx..).zip(group).map(|(tx, _)| (tx, committed_at)).collect())
    }

    fn put(&self, header: &Header, block: &mut Vec<u8>) -> Result<()> {
        if !block::close(header, block) {
            return Err(Error::internal("a block beyond all measure"));
        }
        match self.log.put_at(header.slot, block)? {
            Put::Stored => Ok(()),
            Put::Occupied => {
                Err(Error::internal(format!("another writer took block {} of the log", header.slot)))
            }
        }
    }

    /// Makes everything appended durable: one fsync. An error is fatal to the ledger: no later append succeeds.
    pub fn sync(&self) -> Result<()> {
        self.check_running()?;
        let (tree, slot) = {
            let writer = lock(&self.writer);
            (writer.tree.clone(), self.log.tip())
        };
        if tree.size() == self.durable_size() {
            return Ok(());
        }
        self.log.sync().map_err(|error| self.stop(error))?;
        let mut writer = lock(&self.writer);
        writer.durable_slot = writer.durable_slot.max(slot);
        let mut durable = lock(&self.durable);
        if tree.size() > durable.tree.size() {
            self.durable_size.store(tree.size(), Ordering::Release);
            durable.tree = tree;
        }
        Ok(())
    }

    /// Signs and stores a checkpoint over what is durable, if that has grown; writes tiles before it. A full disk is
    /// 53100 and may be tried again; any other error of the disk is fatal to the ledger.
    pub fn publish(&self) -> Result<()> {
        self.publish_and(|_| ())
    }

    /// The newest signed checkpoint, published first if the log has grown: the note's text.
    pub fn checkpoint(&self) -> Result<String> {
        self.publish_and(|signed| signed.to_string())
    }

    fn publish_and<T>(&self, use_it: impl FnOnce(&SignedCheckpoint) -> T) -> Result<T> {
        let mut published = lock(&self.published);
        let tree = lock(&self.durable).tree.clone();
        let from = published.as_ref().map_or(0, |signed| signed.unverified().size);
        if let Some(signed) = &*published
            && from == tree.size()
        {
            return Ok(use_it(signed));
        }
        self.check_running()?;
        let fatal = |error: Error| if error.state == SqlState::DiskFull { error } else { self.stop(error) };
        self.log.catch_up().map_err(fatal)?;
        // First: all that it needs is in memory until it is saved.
        let consistency = self.consistency(from, tree.size())?;
        self.tiles.save(tree.size()).map_err(fatal)?;
        let signed = self.signer.sign(tree.size(), &tree.root(), from, &consistency)?;
        checkpoint::save(&*self.disk, &self.paths.checkpoint, &signed).map_err(fatal)?;
        Ok(use_it(published.insert(signed)))
    }

    /// Transactions that are ordered (the tree's size), genesis included.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Transactions that are durable.
    pub fn durable_size(&self) -> u64 {
        self.durable_size.load(Ordering::Acquire)
    }

    pub fn database_id(&self) -> [u8; 16] {
        self.database_id
    }

    pub fn origin(&self) -> &str {
        self.signer.verifier_key().name()
    }

    /// The verifier key (`origin+hash+base64`) of the note's signature.
    pub fn verifier_key(&self) -> String {
        self.signer.verifier_key().to_string()
    }

    /// What was unusual at opening and what was done about it, for the operator.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// What was found wrong with a tile since the ledger was opened. The next opening makes the tiles again.
    pub fn wrong_tile(&self) -> Option<&Error> {
        self.tiles.wrong()
    }

    /// Whether an error has ended all writing: a failed fsync, or damage that was found. Reading goes on.
    pub fn is_stopped(&self) -> bool {
        self.stopped.get().is_some()
    }

    fn check_running(&self) -> Result<()> {
        match self.stopped.get() {
            Some(cause) => Err(recovery::stopped(cause)),
            None => Ok(()),
        }
    }

    fn stop(&self, error: Error) -> Error {
        self.stopped.get_or_init(|| error.clone());
        error
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
pub(crate) mod tests;
