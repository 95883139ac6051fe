//! `stele restore` of one ledger out of its backup: whole, or up to a transaction or a time.
//!
//! ```text
//!   whole            log, checkpoint and key as they were: the same ledger goes on under the same origin
//!   up to N          the log to the end of N, a new origin `<origin>/2-<8 hex digits>`, and as the first new transaction
//!                    a row {old origin, its newest checkpoint that the backup knows}
//! ```
//! All of the backup's log is verified against its checkpoint in either case, also what is not restored. Where N is not
//! the last transaction of its block, the block is written anew with those up to N: block bounds are hashed by nothing.
//! A new origin is never one that was used before, so two restores of one backup are two ledgers and no fork.

use crate::backup::{Writer, copy_private, is_root};
use crate::checkpoint::{self, KeyFile};
use crate::fault::disk_error;
use crate::ledger::{Ledger, LedgerOptions, Paths};
use crate::log::chain::{self, Chain, Link};
use crate::record::{self, Change, Op};
use crate::{Cells, Meta, ObjectId, TxId};
use host::{Host, Random};
use proof::checkpoint::SignedCheckpoint;
use proof::hash::Sha2;
use proof::note::VerifierKey;
use proof::tree::Compact;
use std::path::Path;
use types::{Error, Result, bail, err};

/// How much of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    End,
    /// This one is the last.
    Transaction(TxId),
    /// Microseconds since 1970-01-01 UTC: the last transaction committed at or before.
    Time(i64),
}

/// The row that tells where a ledger comes from: object, key, cells of (old origin, its last known checkpoint).
pub type OriginRow<'a> = &'a dyn Fn(&str, &str) -> Result<(ObjectId, Vec<u8>, Cells)>;

pub struct Restore<'a> {
    pub until: Until,
    /// A new origin also where nothing is cut: clients may have seen newer checkpoints than the backup has.
    pub new_origin: bool,
    /// Where the backup holds no key: make one, under a new origin.
    pub new_key: bool,
    pub origin_row: OriginRow<'a>,
    pub ledger: LedgerOptions,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Of the backup's, without the row of the new origin.
    pub transactions: u64,
    pub of_transactions: u64,
    pub old_origin: String,
    pub new_origin: Option<String>,
}

/// Restores the backup in `from` to the folder `to`, which must not be there.
pub fn restore(host: &Host, from: &Path, to: &Path, restore: Restore) -> Result<Restored> {
    let disk = &*host.disk;
    let (source, target) = (Paths::new(from), Paths::new(to));
    let key = checkpoint::verifier_key(disk, &source)?;
    let Some(newest) = checkpoint::load(disk, &source.checkpoint, &key)? else {
        return Err(Error::corrupted(format!("the backup in \"{}\" was not finished", from.display()))
            .detail("It has no checkpoint."));
    };
    let has_key = disk.exists(&source.key);
    if !has_key && !restore.new_key {
        return Err(err!(
            ObjectNotInPrerequisiteState,
            "the backup in \"{}\" holds no key",
            from.display()
        )
        .hint("Put the key file there, as \"key\", or use --new-key: the ledger goes on under a new origin then."));
    }
    let size = newest.unverified().size;
    if let Until::Transaction(tx) = restore.until
        && tx >= size
    {
        bail!(InvalidParameterValue, "the backup holds transactions 0 to {}, not {tx}", size - 1);
    }
    if disk.exists(&target.folder) {
        bail!(ObjectNotInPrerequisiteState, "\"{}\" is there already", to.display());
    }
    disk.make_folder(&target.log).map_err(|error| disk_error("could not create", &target.log, &error))?;
    let kept = copy(host, &source, &target, &newest, &restore)?;

    let old_origin = key.name().to_owned();
    let fresh = kept.size() < size || restore.new_origin || !has_key;
    let new_origin = match fresh {
        false => {
            copy_private(disk, &source.key, &target.key)?;
            checkpoint::save(disk, &target.checkpoint, &newest)?;
            open(host, to, &kept, &restore)?;
            None
        }
        true => {
            let origin = next_origin(&old_origin, &*host.random);
            match has_key {
                true => KeyFile::create_renamed(disk, &source.key, &target.key, &origin)?,
                false => KeyFile::create(disk, &target.key, &origin, &*host.random)?,
            };
            begin_anew(host, to, &kept, &newest, &key, &restore)?;
            Some(origin)
        }
    };
    let (transactions, of_transactions) = (kept.size(), size);
    Ok(Restored { transactions, of_transactions, old_origin, new_origin })
}

/// Copies what is to be restored; reads and verifies all. The tree of what was copied.
fn copy(
    host: &Host,
    source: &Paths,
    target: &Paths,
    newest: &SignedCheckpoint,
    restore: &Restore,
) -> Result<Compact<Sha2>> {
    let signed = newest.unverified();
    let mut chain = Chain::new();
    let mut writer = Writer { disk: &*host.disk, log: &target.log, open: None, bytes: 0 };
    let mut kept = Kept { tree: Compact::new(), ended: false };
    chain.follow(&*host.disk, &source.log, signed.size, &mut |link| {
        if let Some(progress) = &restore.ledger.progress {
            progress("restoring", link.header.end_tx().unwrap_or(0), signed.size);
        }
        kept.put(link, restore.until, &mut writer)
    })?;
    is_root(&chain, &signed.root, source)?;
    writer.finish()?;
    if kept.tree.size() == 0 {
        bail!(InvalidParameterValue, "the backup in \"{}\" begins after that time", source.folder.display());
    }
    Ok(kept.tree)
}

struct Kept {
    tree: Compact<Sha2>,
    ended: bool,
}

impl Kept {
    fn put(&mut self, link: &Link, until: Until, writer: &mut Writer) -> Result<()> {
        let first = link.header.first_tx;
        let beyond = matches!(until, Until::Transaction(last) if first > last);
        if self.ended || beyond {
            return Ok(());
        }
        let count = match until {
            Until::End => link.leaves.len(),
            Until::Transaction(last) => link.leaves.len().min((last - first) as usize + 1),
            Until::Time(time) => link.committed_at.partition_point(|at| *at <= time),
        };
        if count == link.leaves.len() {
            writer.put(link.place, link.block)?;
        } else {
            self.ended = true;
            if count > 0 {
                let block = chain::first_of(link.header, link.block, count).map_err(Error::internal)?;
                writer.put(link.place, &block)?;
            }
        }
        for leaf in link.leaves.iter().take(count) {
            self.tree.append(*leaf, |_, _, _| ());
        }
        Ok(())
    }
}

/// Signs what was kept under the new origin, and writes where it comes from.
fn begin_anew(
    host: &Host,
    to: &Path,
    kept: &Compact<Sha2>,
    newest: &SignedCheckpoint,
    key: &VerifierKey,
    restore: &Restore,
) -> Result<()> {
    let ledger = open(host, to, kept, restore)?;
    let (object, key, cells) = (restore.origin_row)(key.name(), &newest.to_string())?;
    let change = Change {
        object,
        key,
        op: Op::Insert,
        prev_tx: 0,
        key_salt: host::random::bytes(&*host.random),
        schema_tx: 0,
        cells: Some(cells),
        moved_to: None,
    };
    ledger.append(&[record::seal(vec![change], Meta::default(), true, &*host.random)?])?;
    ledger.sync()?;
    ledger.publish()
}

/// Reads back what was written, which makes its tiles.
fn open(host: &Host, to: &Path, kept: &Compact<Sha2>, restore: &Restore) -> Result<Ledger> {
    let options = LedgerOptions {
        create: false,
        // What was kept is a prefix of what was signed, which is better known here than by any checkpoint.
        accept_missing_checkpoint: true,
        // A backup is as old as it is.
        accept_clock: true,
        ..restore.ledger.clone()
    };
    let ledger = Ledger::open(host.clone(), to, options)?;
    if (ledger.size(), ledger.root(kept.size())?) != (kept.size(), kept.root()) {
        return Err(Error::internal("what was restored reads back as something else"));
    }
    Ok(ledger)
}

/// `host/db` -> `host/db/2-<8 hex digits>` -> `host/db/3-...`: random, because a backup can be restored twice.
fn next_origin(old: &str, random: &dyn Random) -> String {
    let numbered = |last: &str| -> Option<u32> {
        let (number, tag) = last.split_once('-')?;
        let is_tag = tag.len() == 8 && tag.bytes().all(|digit| digit.is_ascii_hexdigit());
        number.parse::<u32>().ok().filter(|_| is_tag)?.checked_add(1)
    };
    let split = old.rsplit_once('/').and_then(|(base, last)| Some((base, numbered(last)?)));
    let (base, number) = split.unwrap_or((old, 2));
    let tag = u32::from_be_bytes(host::random::bytes(random));
    format!("{base}/{number}-{tag:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::SeededRandom;

    #[test]
    fn origins_are_numbered_and_differ() {
        let random = SeededRandom::new(3);
        let second = next_origin("host.example/shop", &random);
        assert!(second.starts_with("host.example/shop/2-"), "{second}");
        assert_ne!(second, next_origin("host.example/shop", &random));
        assert!(next_origin(&second, &random).starts_with("host.example/shop/3-"));
        assert!(next_origin("host/2-x", &random).starts_with("host/2-x/2-"));
    }
}
