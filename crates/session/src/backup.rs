//! Backup and restore of a data folder: its ledgers, each as `kv` does it, and the password verifiers.
//!
//! ```text
//!   BACKUP/databases/system/   log, checkpoint, verifier-key [, key]; secrets
//!   BACKUP/databases/<name>/   the same without secrets
//! ```
//! Each ledger is copied up to a checkpoint of its own; the system ledger first, and again until every database that its
//! copy lists is in the backup. Databases are not of one moment.

use crate::cluster::{ClusterOptions, database_options, folder_name, ledger_folders};
use crate::identity::Identity;
use catalog::system_tables;
use host::{Host, MemoryDisk, OpenMode};
use kv::backup::BackedUp;
use kv::checkpoint::KeyFile;
use kv::ledger::{Paths, Progress};
use kv::log::segments;
use kv::restore::{Restored, Until};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use types::{Error, Result, err};

const SYSTEM: &str = "system";
const SECRETS: &str = "secrets";
/// A server signs a checkpoint within a second.
const NEXT_CHECKPOINT: Duration = Duration::from_millis(1_500);
const ATTEMPTS: u32 = 20;

/// Backs the data folder `dir` up, whether a server has it open or not; into the backup `to`, or a new one.
pub fn backup(
    host: &Host,
    dir: &Path,
    to: &Path,
    with_key: bool,
    progress: &Progress,
) -> Result<Vec<(String, BackedUp)>> {
    let io = |path: &Path, error: std::io::Error| err!(IoError, "{}: {error}", path.display());
    let databases = to.join("databases");
    ledger_folders(host, dir)?;
    host.disk.make_folder(&databases).map_err(|error| io(&databases, error))?;
    let _one = host.disk.lock(to).map_err(|error| io(to, error))?;
    for _ in 0..ATTEMPTS {
        let done = copy_ledgers(host, dir, &databases, with_key, progress)?;
        let system = databases.join(SYSTEM);
        let listed = listed_databases(host, &system)?;
        // One that was dropped while this ran is no longer listed after the next checkpoint.
        if listed.iter().all(|(_, folder)| host.disk.is_dir(&databases.join(folder))) {
            return Ok(done);
        }
        std::thread::sleep(NEXT_CHECKPOINT);
    }
    Err(Error::corrupted(format!(
        "databases that the system ledger in \"{}\" lists are missing",
        dir.display()
    ))
    .hint("Run `stele check` to see which."))
}

fn copy_ledgers(
    host: &Host,
    dir: &Path,
    databases: &Path,
    with_key: bool,
    progress: &Progress,
) -> Result<Vec<(String, BackedUp)>> {
    let mut done = Vec::new();
    for (name, folder) in ledger_folders(host, dir)? {
        let target = databases.join(&name);
        match kv::backup::backup(host, &folder, &target, with_key, Some(progress)) {
            Ok(backed_up) => done.push((name.clone(), backed_up)),
            // Dropped meanwhile.
            Err(_) if name != SYSTEM && !host.disk.is_dir(&folder) => continue,
            Err(error) => return Err(error),
        }
        // After the rows that name them: a verifier is kept before its role's row is committed.
        let secrets = folder.join(SECRETS);
        if name == SYSTEM && host.disk.exists(&secrets) {
            kv::backup::copy_private(&*host.disk, &secrets, &target.join(SECRETS))?;
        }
    }
    Ok(done)
}

/// How to restore.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// What is restored up to `until`: this database, or all and the system ledger with them.
    pub database: Option<String>,
    pub until: Until,
    pub new_origin: bool,
    pub new_key: bool,
}

/// Makes the data folder `dir`, which must be empty or missing, of the backup `from`. The system ledger is there last:
/// without it a folder is not opened, so one that is half restored is never taken for whole.
pub fn restore(
    host: &Host,
    from: &Path,
    dir: &Path,
    options: &RestoreOptions,
    progress: &Progress,
) -> Result<Vec<(String, Restored)>> {
    let io = |path: &Path, error: std::io::Error| err!(IoError, "{}: {error}", path.display());
    if host.disk.exists(dir) && !host.disk.list(dir).map_err(|error| io(dir, error))?.is_empty() {
        return Err(err!(ObjectNotInPrerequisiteState, "\"{}\" is not empty", dir.display())
            .hint("Restore into an empty folder, or one that is not there yet."));
    }
    let (source, databases) = (from.join("databases"), dir.join("databases"));
    if !Paths::new(&source.join(SYSTEM)).is_backup(&*host.disk) {
        return Err(err!(UndefinedObject, "there is no backup in \"{}\"", from.display()));
    }
    if matches!(options.until, Until::Transaction(_)) && options.database.is_none() {
        return Err(err!(InvalidParameterValue, "transactions are numbered by each database for itself")
            .hint("Say which database is to end with it, by --database."));
    }
    host.disk.make_folder(&databases).map_err(|error| io(&databases, error))?;
    let ledger = |name: &str, target: &Path| {
        let chosen = options.database.as_deref().is_none_or(|database| database == name);
        kv::restore::restore(
            host,
            &source.join(folder_of(name)),
            target,
            kv::restore::Restore {
                until: if chosen { options.until } else { Until::End },
                new_origin: options.new_origin,
                new_key: options.new_key,
                origin_row: &|origin, checkpoint| {
                    Ok((
                        system_tables::ORIGINS,
                        system_tables::origin_key(origin)?,
                        system_tables::origin_cells(origin, checkpoint)?,
                    ))
                },
                ledger: database_options(
                    &ClusterOptions { progress: Some(progress.clone()), ..ClusterOptions::default() },
                    "",
                    false,
                )
                .store
                .ledger,
            },
        )
    };
    let made = databases.join("system.restoring");
    let mut done = vec![(SYSTEM.to_owned(), ledger(SYSTEM, &made)?)];
    let listed = listed_databases(host, &made)?;
    if let Some(database) = &options.database
        && !listed.iter().any(|(name, _)| name == database)
    {
        return Err(err!(InvalidCatalogName, "the backup lists no database \"{database}\""));
    }
    for (name, folder) in listed {
        if !host.disk.is_dir(&source.join(&folder)) {
            return Err(err!(UndefinedObject, "database \"{name}\" of then is not in the backup")
                .detail("It was dropped before the first backup into this folder."));
        }
        done.push((name.clone(), ledger(&name, &databases.join(folder))?));
    }
    let secrets = source.join(SYSTEM).join(SECRETS);
    if host.disk.exists(&secrets) {
        kv::backup::copy_private(&*host.disk, &secrets, &made.join(SECRETS))?;
    }
    let place = databases.join(SYSTEM);
    host.disk.rename(&made, &place).map_err(|error| io(&place, error))?;
    host.disk.sync_dir(&databases).map_err(|error| io(&databases, error))?;
    Ok(done)
}

fn folder_of(name: &str) -> String {
    if name == SYSTEM { SYSTEM.to_owned() } else { folder_name(name) }
}

/// The databases that the system ledger in `system` lists: name and folder. It is read in memory, with a key that is
/// thrown away: its folder may be a live server's, or a backup without a key.
pub fn listed_databases(host: &Host, system: &Path) -> Result<Vec<(String, PathBuf)>> {
    let memory = Host { disk: Arc::new(MemoryDisk::new()), ..host.clone() };
    let (paths, copy) = (Paths::new(system), Paths::new(Path::new(SYSTEM)));
    let io = |error: std::io::Error| err!(IoError, "{}: {error}", system.display());
    memory.disk.make_folder(&copy.log).map_err(io)?;
    for first_slot in segments::list(&*host.disk, &paths.log)? {
        let bytes = host.disk.read(&segments::segment_path(&paths.log, first_slot)).map_err(io)?;
        let path = segments::segment_path(&copy.log, first_slot);
        let file = memory.disk.open(&path, OpenMode::Create).map_err(io)?;
        file.write_all_at(&bytes, 0).map_err(io)?;
    }
    KeyFile::create(&*memory.disk, &copy.key, "memory/system", &*host.random)?;
    let options = ClusterOptions {
        index: kv::store::IndexEngine::Memory,
        accept_missing_checkpoint: true,
        accept_clock: true,
        ..ClusterOptions::default()
    };
    let identity = Identity::open(memory, &copy.folder, database_options(&options, SYSTEM, false))?;
    let listed = identity.directory().databases.clone();
    identity.close()?;
    Ok(listed.into_iter().map(|(_, name, _)| (name.clone(), folder_name(&name).into())).collect())
}

/// Databases that the system ledger lists and that are not there: name and folder.
pub fn missing_databases(host: &Host, dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let databases = dir.join("databases");
    let listed = listed_databases(host, &databases.join(SYSTEM))?;
    let folders = listed.into_iter().map(|(name, folder)| (name, databases.join(folder)));
    Ok(folders.filter(|(_, folder)| !host.disk.is_dir(folder)).collect())
}
