//! Start-up: what the log really holds.
//!
//! ```text
//!   checkpoint: size n, root r          signed, hence the measure of everything else
//!   tiles 0..n                          the right edge must have r: a read of a tile further left compares it with the
//!                                       hash above it. Wrong ones are made again from the log, and only a log that then
//!                                       has another root is to blame
//!   log, from the block of n-1 on       every T read, its leaf added to the tree; the last segment always
//! ```
//! The end of the last segment may be torn: it is set aside if no checkpoint covers it and no later block says that it
//! was durable. Everything else that is not as it should be is a refusal; nothing is repaired in silence. A start takes as long
//! as the tail is, and not as the ledger is: what is older is compared when it is read.

use crate::checkpoint;
use crate::fault::disk_error;
use crate::ledger::{LedgerOptions, Paths};
use crate::log::block;
use crate::log::segments::{Segments, Torn};
use crate::log::{Log, Slot};
use crate::tiles::{self, Growth, Tiles};
use host::Host;
use proof::checkpoint::{Checkpoint, SignedCheckpoint};
use proof::hash::{self, Sha2};
use proof::note::VerifierKey;
use proof::tree::Compact;
use std::path::PathBuf;
use types::{Error, Result, SqlState, TxId, err};

/// A ledger as it was found, whole.
pub struct Recovered {
    pub log: Segments,
    pub tiles: Tiles,
    pub tree: Compact<Sha2>,
    pub database_id: [u8; 16],
    pub last_commit_us: i64,
    pub epoch: u64,
    /// None only where its absence was accepted.
    pub checkpoint: Option<SignedCheckpoint>,
    /// What was unusual and what was done about it, for the operator.
    pub notices: Vec<String>,
}

pub fn recover(host: &Host, paths: &Paths, key: &VerifierKey, options: &LedgerOptions) -> Result<Recovered> {
    let mut notices = Vec::new();
    let mut recovered = attempt(host, paths, key, options, &mut notices);
    // A tile of the tail was found wrong: with all of them made again the log can be told right or wrong.
    if recovered.is_err() && tiles::found_wrong(&*host.disk, &paths.tiles).is_some() {
        recovered = attempt(host, paths, key, options, &mut notices);
    }
    Ok(Recovered { notices, ..recovered? })
}

fn attempt(
    host: &Host,
    paths: &Paths,
    key: &VerifierKey,
    options: &LedgerOptions,
    notices: &mut Vec<String>,
) -> Result<Recovered> {
    let checkpoint = read_checkpoint(host, paths, key, options, notices)?;
    let signed_size = checkpoint.as_ref().map_or(0, |signed| signed.unverified().size);

    let (log, torn) = Segments::open(host.disk.clone(), &paths.log, options.segment_size_bytes)?;
    if let Some(torn) = torn {
        notices.push(set_torn_aside(&log, &torn, signed_size)?);
    }
    let end = log.end_tx();
    let Some(database_id) = log.database_id().filter(|_| end > 0) else {
        return Err(Error::corrupted(format!("the log in \"{}\" holds no transaction", paths.log.display()))
            .hint("Restore the folder from a backup or replica."));
    };
    if end < signed_size {
        return Err(Error::corrupted(format!(
            "the log is shorter than its signed checkpoint: {} ends before transaction {end}, \
             but the checkpoint \"{}\" covers transactions 0 to {}",
            log.place(log.tip()),
            paths.checkpoint.display(),
            signed_size - 1
        ))
        .hint("The log was cut or replaced by an older one. Restore the folder from a backup or replica."));
    }
    // What a killed process left may be in the system's cache only: it is signed once it is on disk.
    unless_full(log.settle())?;

    let tiles = open_tiles(host, paths, checkpoint.as_ref(), notices)?;
    let trusted = tiles.size();
    let replay = Replay {
        tree: tiles.compact(trusted)?,
        log,
        tiles,
        database_id,
        next_tx: None,
        last_commit_us: i64::MIN,
        epoch: 0,
        checkpoint,
    };
    replay.run(trusted, paths, options)
}

fn read_checkpoint(
    host: &Host,
    paths: &Paths,
    key: &VerifierKey,
    options: &LedgerOptions,
    notices: &mut Vec<String>,
) -> Result<Option<SignedCheckpoint>> {
    let missing = match checkpoint::load(&*host.disk, &paths.checkpoint, key) {
        Ok(Some(signed)) => return Ok(Some(signed)),
        Ok(None) => Error::corrupted(format!(
            "the checkpoint file \"{}\" is missing beside a log",
            paths.checkpoint.display()
        )),
        Err(error) => error,
    };
    if !options.accept_missing_checkpoint {
        return Err(missing.hint(
            "Without it nothing shows that the log is whole. Restore it from a backup, or confirm with \
             --accept-missing-checkpoint that the log is to be taken as it is.",
        ));
    }
    notices.push(format!("{}: the log is taken as it is", missing.message));
    Ok(None)
}

fn set_torn_aside(log: &Segments, torn: &Torn, signed_size: u64) -> Result<String> {
    let Torn { path, offset, bytes, slot, reason, proof } = torn;
    let place =
        format!("file \"{}\", offset {offset}, block {slot}, transaction {}", path.display(), log.end_tx());
    let covered = if log.end_tx() < signed_size {
        Some(format!("the signed checkpoint covers transactions 0 to {}", signed_size - 1))
    } else {
        proof.map(|later| format!("block {later} after it says that it was durable"))
    };
    if let Some(covered) = covered {
        return Err(Error::corrupted(format!("the log is damaged: {place}: {reason}"))
            .detail(format!("This is no torn end of a write: {covered}."))
            .hint("Restore the folder from a backup or replica."));
    }
    match log.set_aside(torn) {
        Ok(kept) => Ok(format!(
            "cut {bytes} bytes of an unfinished write off the log ({place}: {reason}); kept as \"{}\"",
            kept.display()
        )),
        Err(error) if error.state == SqlState::DiskFull => Ok(format!(
            "{bytes} bytes of an unfinished write are cut off the log before anything is written ({place}: {reason}): {}",
            error.message
        )),
        Err(error) => Err(error),
    }
}

/// Tiles that the checkpoint proves; or none of them, to be made again.
fn open_tiles(
    host: &Host,
    paths: &Paths,
    checkpoint: Option<&SignedCheckpoint>,
    notices: &mut Vec<String>,
) -> Result<Tiles> {
    let disk = &host.disk;
    let mut wrong = tiles::found_wrong(&**disk, &paths.tiles);
    if let Some(signed) = checkpoint
        && wrong.is_none()
        && disk.exists(&paths.tiles)
    {
        match sound_tiles(host, paths, signed.unverified())? {
            Ok(tiles) => return Ok(tiles),
            Err(found) => wrong = Some(found),
        }
    }
    let made_again = "the tiles are made again from the log";
    match wrong {
        Some(wrong) => {
            let kept = set_tiles_aside(host, paths)?;
            notices.push(format!("{wrong}: {made_again}; what was there is kept as \"{}\"", kept.display()));
        }
        None => notices.push(made_again.into()),
    }
    Tiles::open(disk.clone(), &paths.tiles, 0)?.ok_or_else(|| Error::internal("no tiles of nothing"))
}

/// Kept: they may tell what happened.
fn set_tiles_aside(host: &Host, paths: &Paths) -> Result<PathBuf> {
    let mut kept = paths.folder.join("tiles-damaged");
    let mut number = 1;
    while host.disk.exists(&kept) {
        number += 1;
        kept = paths.folder.join(format!("tiles-damaged-{number}"));
    }
    host.disk
        .rename(&paths.tiles, &kept)
        .map_err(|error| disk_error("could not rename", &paths.tiles, &error))?;
    Ok(kept)
}

/// The tiles, if their right edge has the signed root; else what is wrong with them.
fn sound_tiles(host: &Host, paths: &Paths, signed: &Checkpoint) -> Result<Result<Tiles, String>> {
    let folder = paths.tiles.display();
    Ok(match Tiles::open(host.disk.clone(), &paths.tiles, signed.size)? {
        None => {
            Err(format!("tile files in \"{folder}\" are missing or end before transaction {}", signed.size))
        }
        Some(tiles) if tiles.root(signed.size)? == signed.root => Ok(tiles),
        Some(_) => Err(format!("the tiles in \"{folder}\" do not have the root of the signed checkpoint")),
    })
}

/// The walk over the log's tail.
struct Replay {
    log: Segments,
    tiles: Tiles,
    tree: Compact<Sha2>,
    database_id: [u8; 16],
    /// What the next block must begin with; unknown before the first.
    next_tx: Option<TxId>,
    last_commit_us: i64,
    epoch: u64,
    checkpoint: Option<SignedCheckpoint>,
}

impl Replay {
    fn run(mut self, trusted: u64, paths: &Paths, options: &LedgerOptions) -> Result<Recovered> {
        let from = match trusted.checked_sub(1) {
            Some(last) => self.log.block_of(last)?.unwrap_or(1).min(self.log.last_segment()),
            None => 1,
        };
        let tip = self.log.tip();
        let mut slot = from;
        while slot <= tip {
            for (at, block) in self.log.range(slot, 1 << 20)? {
                self.block(at, &block)?;
                slot = at + 1;
            }
            if let Some(progress) = &options.progress {
                progress("recovering the log", slot - from, tip + 1 - from);
            }
        }
        if let Some(signed) = &self.checkpoint {
            let signed = signed.unverified();
            if self.tiles.root(signed.size)? != signed.root {
                return Err(Error::corrupted(format!(
                    "the log differs from its signed checkpoint: the root of transactions 0 to {} is another one than in \"{}\"",
                    signed.size.saturating_sub(1),
                    paths.checkpoint.display()
                ))
                .hint("The log was changed. Run `stele check`; restore the folder from a backup or replica."));
            }
        }
        // Made again, they are kept even if nothing is ever published after. Where there is no room they are in memory.
        let signed_size = self.checkpoint.as_ref().map_or(0, |signed| signed.unverified().size);
        unless_full(self.tiles.save(trusted.max(signed_size)))?;
        let Replay { log, tiles, tree, database_id, last_commit_us, epoch, checkpoint, .. } = self;
        let notices = Vec::new();
        Ok(Recovered { log, tiles, tree, database_id, last_commit_us, epoch, checkpoint, notices })
    }

    fn block(&mut self, slot: Slot, block: &[u8]) -> Result<()> {
        let damaged = |log: &Segments, tx: TxId, reason: &str| {
            let place = log.place(slot);
            Error::corrupted(format!("the log is damaged: {place}, block {slot}, transaction {tx}: {reason}"))
                .hint("Run `stele check`; restore the folder from a backup or replica.")
        };
        let (header, body) =
            block::open(block).map_err(|reason| damaged(&self.log, self.tree.size(), &reason))?;
        let known = self.tree.size();
        let expected = self.next_tx.unwrap_or(header.first_tx);
        if header.first_tx != expected || header.first_tx > known {
            let reason = format!("a block that begins with transaction {}", header.first_tx);
            return Err(damaged(&self.log, expected, &reason));
        }
        if header.first_tx == known && header.root_before != self.tree.root() {
            return Err(damaged(&self.log, known, "the tree before this block had another root"));
        }
        let signed = known.saturating_sub(header.first_tx).min(u64::from(header.transactions)) as usize;
        let signed_leaves = self.tiles.leaves(header.first_tx, signed)?;
        let mut growth = Growth::default();
        let mut tx = header.first_tx;
        for stored in block::transactions(&header, &body) {
            let stored = stored.map_err(|reason| damaged(&self.log, tx, &reason))?;
            let transaction = block::in_place(stored.transaction, tx, &self.database_id, self.last_commit_us)
                .map_err(|reason| damaged(&self.log, tx, &reason))?;
            let leaf = hash::leaf::<Sha2>(stored.transaction);
            match signed_leaves.get((tx - header.first_tx) as usize) {
                Some(signed) if *signed == leaf => {}
                Some(_) => return Err(damaged(&self.log, tx, "it is not the transaction that was signed")),
                None => growth.append(&mut self.tree, leaf),
            }
            self.last_commit_us = transaction.commit_time;
            tx += 1;
        }
        self.tiles.extend(&growth);
        self.next_tx = Some(tx);
        self.epoch = self.epoch.max(header.epoch);
        // A rebuild must not gather the whole tree in memory.
        if self.tree.size() - self.tiles.size() > 1 << 20 {
            self.tiles.save(self.tree.size())?;
        }
        Ok(())
    }
}

/// Reads need no room: what was not written is written before anything is signed.
fn unless_full(done: Result<()>) -> Result<()> {
    done.or_else(|error| if error.state == SqlState::DiskFull { Ok(()) } else { Err(error) })
}

/// Why the ledger takes no more writes.
pub fn stopped(cause: &Error) -> Error {
    err!(IoError, "the ledger takes no more writes: {}", cause.message)
        .detail("Reading goes on; what was acknowledged is safe.")
        .hint("Look at the disk, then restart the server.")
}
