//! `stele restore`.

use super::{exit_code, progress};
use anyhow::{Context, Result};
use clap::Parser;
use host::Host;
use kv::restore::{Restored, Until};
use session::backup::RestoreOptions;
use std::path::PathBuf;
use std::process::ExitCode;
use types::{DataType, TextSettings, Value};

/// Make a data folder of a backup
#[derive(Parser)]
pub struct Restore {
    /// The backup
    #[arg(long, value_name = "BACKUP")]
    from: PathBuf,
    /// The data folder to make; it must be empty or missing
    #[arg(long = "data", value_name = "DIR", env = "STELE_DATA")]
    dir: PathBuf,
    /// Restore this transaction of --database and what was before it, and nothing after
    #[arg(long, value_name = "N", conflicts_with = "to_time", requires = "database")]
    to_transaction: Option<u64>,
    /// Restore what was committed at or before this time (without a zone: UTC)
    #[arg(long, value_name = "TIMESTAMP")]
    to_time: Option<String>,
    /// The database that ends there; without it all do, and the list of databases and roles with them
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Go on under a new origin although nothing is left out: for when clients may hold newer checkpoints than the backup
    #[arg(long)]
    new_origin: bool,
    /// Where the backup holds no key, make one; the ledger goes on under a new origin
    #[arg(long)]
    new_key: bool,
}

impl Restore {
    pub fn run(self) -> Result<ExitCode> {
        let until = match (self.to_transaction, &self.to_time) {
            (Some(transaction), _) => Until::Transaction(transaction),
            (None, Some(time)) => Until::Time(microseconds(time)?),
            (None, None) => Until::End,
        };
        let options = RestoreOptions {
            database: self.database,
            until,
            new_origin: self.new_origin,
            new_key: self.new_key,
        };
        let bar = progress::bar();
        let done = match session::backup::restore(&Host::real(), &self.from, &self.dir, &options, &bar) {
            Ok(done) => done,
            Err(error) => return exit_code(error),
        };
        for (name, Restored { transactions, of_transactions, old_origin, new_origin }) in done {
            println!("{name}: {transactions} of {of_transactions} transactions");
            if let Some(new_origin) = new_origin {
                println!(
                    "  goes on as {new_origin}, no longer as {old_origin}: clients need its new trust file"
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn microseconds(time: &str) -> Result<i64> {
    let value = types::text::parse(time, DataType::TimestampTz.into(), &TextSettings::default());
    match value.with_context(|| format!("--to-time {time}"))? {
        Value::Timestamp(us) => Ok(us),
        _ => anyhow::bail!("--to-time {time}: not a time"),
    }
}
