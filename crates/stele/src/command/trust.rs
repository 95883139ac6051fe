//! `stele trust`.

use super::Data;
use anyhow::{Context, Result};
use clap::Parser;
use host::Host;
use std::process::ExitCode;

/// Print the trust file of a database
#[derive(Parser)]
pub struct Trust {
    #[command(flatten)]
    data: Data,
    /// The database's folder under databases/
    #[arg(long, value_name = "NAME", default_value = "stele")]
    database: String,
}

impl Trust {
    pub fn run(self) -> Result<ExitCode> {
        let host = Host::real();
        let folders = session::cluster::ledger_folders(&host, &self.data.dir)?;
        let (_, folder) = folders.iter().find(|(name, _)| *name == self.database).with_context(|| {
            format!("there is no database \"{}\" in {}", self.database, self.data.dir.display())
        })?;
        print!("{}", kv::ledger::trust(&host, folder)?);
        Ok(ExitCode::SUCCESS)
    }
}
