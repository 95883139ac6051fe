//! A new ledger: a key, transaction 0, a first checkpoint.
//!
//! A file `creating` is there until all of it is durable. A creation that was cut short is begun again; a finished one
//! never is, whatever is missing.

use super::{LedgerOptions, Paths};
use crate::checkpoint::{self, KeyFile, Signer};
use crate::fault::disk_error;
use crate::log::block::{self, Codec, HEADER_BYTES, Header, Kind};
use crate::log::segments::Segments;
use crate::log::{Log, Put};
use crate::record;
use crate::tiles::{Growth, Tiles};
use host::{Disk, Host, OpenMode};
use proof::layout::Transaction;
use proof::tree::Compact;
use types::{Error, Result, bail};

/// Makes the ledger if there is none and `options` ask for it.
pub fn create_if_missing(host: &Host, paths: &Paths, options: &LedgerOptions) -> Result<()> {
    let disk = &*host.disk;
    let unfinished = disk.exists(&paths.creating);
    let finished = disk.exists(&paths.checkpoint);
    match (unfinished, finished) {
        (true, false) if options.create => {
            for folder in [&paths.log, &paths.tiles] {
                if disk.exists(folder) {
                    disk.remove_dir_all(folder)
                        .map_err(|error| disk_error("could not remove", folder, &error))?;
                }
            }
            create(host, paths, options)
        }
        (true, false) => bail!(
            ObjectNotInPrerequisiteState,
            "the making of the ledger in \"{}\" was interrupted",
            paths.folder.display()
        ),
        (true, true) => finish(disk, paths),
        // The marker's end may be in the system's cache only. It must not come back: beside it a checkpoint that is lost
        // looks like one that was never made.
        (false, true) => sync_folder(disk, paths),
        (false, _) if disk.exists(&paths.log) || disk.exists(&paths.key) => Ok(()),
        (false, _) if options.create => create(host, paths, options),
        (false, _) => bail!(UndefinedObject, "there is no ledger in \"{}\"", paths.folder.display()),
    }
}

fn create(host: &Host, paths: &Paths, options: &LedgerOptions) -> Result<()> {
    let disk = &*host.disk;
    let marker = disk.open(&paths.creating, OpenMode::Create).and_then(|file| file.sync());
    marker.map_err(|error| disk_error("could not create", &paths.creating, &error))?;
    sync_folder(disk, paths)?;

    let signer = KeyFile::create(disk, &paths.key, &options.origin, &*host.random)?;
    for folder in [&paths.log, &paths.tiles] {
        disk.create_dir_all(folder).map_err(|error| disk_error("could not create", folder, &error))?;
    }
    sync_folder(disk, paths)?;

    let genesis = record::seal_genesis(&*host.random)?;
    let database_id: [u8; 16] = host::random::bytes(&*host.random);
    let transaction = Transaction {
        system: true,
        database_id,
        tx_id: 0,
        commit_time: host.clock.now_us(),
        entry_count: 0,
        entries_root: genesis.entries_root,
        meta_commit: genesis.meta_commit,
    };
    let mut tree = Compact::new();
    let header = Header {
        kind: Kind::Transactions,
        codec: Codec::None,
        body_bytes: 0,
        database_id,
        slot: 1,
        epoch: 0,
        nonce: host::random::bytes(&*host.random),
        first_tx: 0,
        transactions: 1,
        root_before: tree.root(),
        durable_slot: 0,
    };
    let mut block = vec![0; HEADER_BYTES];
    block::put_inline(&mut block, &transaction.encode(), &genesis.payload);
    let (log, _) = Segments::open(host.disk.clone(), &paths.log, options.segment_size_bytes)?;
    if !block::close(&header, &mut block) || log.put_at(1, &block)? != Put::Stored {
        return Err(Error::internal("a new log with a block in it"));
    }
    log.sync()?;

    let mut growth = Growth::default();
    growth.append(&mut tree, transaction.leaf::<proof::hash::Sha2>());
    let tiles = Tiles::open(host.disk.clone(), &paths.tiles, 0)?
        .ok_or_else(|| Error::internal("no tiles of nothing"))?;
    tiles.extend(&growth);
    tiles.save(1)?;
    checkpoint::save(disk, &paths.checkpoint, &signer.sign(1, &tree.root(), 0, &[])?)?;
    finish(disk, paths)
}

fn finish(disk: &dyn Disk, paths: &Paths) -> Result<()> {
    disk.remove_file(&paths.creating)
        .map_err(|error| disk_error("could not remove", &paths.creating, &error))?;
    sync_folder(disk, paths)
}

fn sync_folder(disk: &dyn Disk, paths: &Paths) -> Result<()> {
    disk.sync_dir(&paths.folder).map_err(|error| disk_error("could not fsync", &paths.folder, &error))
}
