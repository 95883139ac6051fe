//! The commands of the `stele` binary. A file each; everything worth testing alone is in a library crate.

mod audit;
mod backup;
mod check;
mod progress;
mod restore;
mod serve;
mod shell;
mod sql;
mod trust;

use clap::{Args, Parser, Subcommand};
use session::ClusterOptions;
use std::path::PathBuf;
use std::process::ExitCode;

/// A tamper-evident SQL database that speaks the PostgreSQL protocol.
///
/// Without a command it serves ./stele-data on 127.0.0.1:5433.
#[derive(Parser)]
#[command(name = "stele", version, about, long_about)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve PostgreSQL clients (the default)
    Serve(serve::Serve),
    /// Run an SQL script in process, without a server; without a file, an interactive shell
    Sql(sql::Sql),
    /// Check the files of a data folder: log, tree, checkpoint, index against log
    ///
    /// Names the file, offset and transaction of whatever is wrong. The database must not be open.
    /// Exit code: 0 sound, 1 something is wrong, 2 it could not be checked.
    Check(check::Check),
    /// Replay the whole log and recompute every hash of it
    ///
    /// Exit code: 0 sound, 1 something is wrong, 2 it could not be audited.
    Audit(audit::Audit),
    /// Copy the ledgers of a data folder, which a server may be using; again into the same place: what is new
    ///
    /// A backup holds logs, checkpoints and password verifiers; the signing keys only if asked. `check` and `audit` work
    /// on it as on a data folder. Exit code: 0 done, 1 something is wrong with the data or the backup, 2 it could not be done.
    Backup(backup::Backup),
    /// Make a data folder of a backup, whole or up to a transaction or a time
    ///
    /// What is not whole goes on under a new origin. Exit code: 0 done, 1 the backup is damaged, 2 it could not be done.
    Restore(restore::Restore),
    /// Print the trust file of a database: origin, verifier key, newest checkpoint
    ///
    /// Whoever keeps this file can check every proof with `stele-verify`, and notice a rewritten history.
    Trust(trust::Trust),
}

/// Where the data is.
#[derive(Args, Clone)]
pub struct Data {
    /// The data folder (serve and sql make it if it is missing)
    #[arg(long = "data", value_name = "DIR", default_value = "stele-data", env = "STELE_DATA")]
    pub dir: PathBuf,
}

/// How to open it.
#[derive(Args, Clone)]
pub struct Open {
    #[command(flatten)]
    pub data: Data,
    /// The host part of new databases' names in checkpoints (fixed when a database is made)
    #[arg(long, value_name = "NAME", default_value = "stele.local")]
    pub origin_host: String,
    /// What keeps the index, which is derived: another one than before is made again from the log
    #[arg(long, value_enum, default_value_t = IndexEngine::Lsm, env = "STELE_INDEX_ENGINE")]
    pub index_engine: IndexEngine,
    /// Memory for the index: what was read, and what waits to be written, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    pub index_cache_mib: u64,
    /// Memory for columns that scans have read, in MiB (0: none are kept)
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub column_cache_mib: u64,
    /// Memory for what one transaction writes, in MiB: what is more goes to files beside the index
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    pub transaction_memory_mib: u64,
    /// How long a log's files become, in KiB (a transaction of more than half of that is written in parts)
    #[arg(long, value_name = "KIB", default_value_t = 64 << 10, value_parser = clap::value_parser!(u64).range(4..=4 << 20))]
    pub log_segment_kib: u64,
    /// Start although a database has a log and no signed checkpoint (after restoring files by hand)
    #[arg(long)]
    pub accept_missing_checkpoint: bool,
    /// Start although the clock lies behind the last commit, or far ahead of it
    #[arg(long)]
    pub accept_clock: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum IndexEngine {
    Lsm,
    Sled,
}

impl Open {
    fn options(&self) -> ClusterOptions {
        ClusterOptions {
            index: match self.index_engine {
                IndexEngine::Lsm => kv::store::IndexEngine::Lsm,
                IndexEngine::Sled => kv::store::IndexEngine::Sled,
            },
            index_cache_bytes: self.index_cache_mib << 20,
            columns: catalog::ColumnCache {
                memory_bytes: self.column_cache_mib << 20,
                ..catalog::ColumnCache::default()
            },
            transaction_memory_bytes: usize::try_from(self.transaction_memory_mib << 20)
                .unwrap_or(usize::MAX),
            origin_host: self.origin_host.clone(),
            accept_missing_checkpoint: self.accept_missing_checkpoint,
            accept_clock: self.accept_clock,
            segment_size_bytes: self.log_segment_kib << 10,
            progress: Some(progress::bar()),
            ..ClusterOptions::default()
        }
    }
}

/// 1 for damage, said on standard error; every other error is for the caller to end with 2.
fn exit_code(error: types::Error) -> anyhow::Result<ExitCode> {
    if error.state != types::SqlState::DataCorrupted {
        return Err(error.into());
    }
    eprintln!("stele: {error}");
    Ok(ExitCode::from(1))
}

/// What was unusual at opening, for the operator.
fn warn(cluster: &session::Cluster) {
    for warning in cluster.warnings() {
        eprintln!("stele: WARNING: {warning}");
    }
}

impl Arguments {
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            None => serve::Serve::parse_from(["stele"]).run(),
            Some(Command::Serve(serve)) => serve.run(),
            Some(Command::Sql(sql)) => sql.run(),
            Some(Command::Check(check)) => check.run(),
            Some(Command::Audit(audit)) => audit.run(),
            Some(Command::Backup(backup)) => backup.run(),
            Some(Command::Restore(restore)) => restore.run(),
            Some(Command::Trust(trust)) => trust.run(),
        };
        result.unwrap_or_else(|error| {
            eprintln!("stele: {error:#}");
            ExitCode::from(2)
        })
    }
}
