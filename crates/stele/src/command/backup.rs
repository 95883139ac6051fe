//! `stele backup`.

use super::{Data, exit_code, progress};
use anyhow::Result;
use clap::Parser;
use host::Host;
use std::path::PathBuf;
use std::process::ExitCode;

/// Copy a data folder's ledgers, or what is new of them
#[derive(Parser)]
pub struct Backup {
    #[command(flatten)]
    data: Data,
    /// The backup: a new folder, or that of an earlier backup, which is extended
    #[arg(long, value_name = "BACKUP")]
    to: PathBuf,
    /// Copy the signing keys too: who has them can sign in the ledger's name
    #[arg(long)]
    with_key: bool,
}

impl Backup {
    pub fn run(self) -> Result<ExitCode> {
        let bar = progress::bar();
        let done = match session::backup::backup(&Host::real(), &self.data.dir, &self.to, self.with_key, &bar)
        {
            Ok(done) => done,
            Err(error) => return exit_code(error),
        };
        for (name, kv::backup::BackedUp { transactions, new_transactions, new_bytes, .. }) in done {
            println!(
                "{name}: {transactions} transactions, {new_transactions} of them new ({new_bytes} bytes)"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
