//! `stele sql`: scripts and a small shell, in process.

use super::{Open, shell};
use anyhow::{Context, Result};
use clap::Parser;
use host::Host;
use session::{Cluster, SessionOptions};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run an SQL script in process, without a server
#[derive(Parser)]
pub struct Sql {
    #[command(flatten)]
    open: Open,
    /// The database
    #[arg(long, value_name = "NAME", default_value = "stele")]
    database: String,
    /// Go on after an error
    #[arg(long)]
    keep_going: bool,
    /// The script; without it, a shell (or standard input, if that is no terminal)
    file: Option<PathBuf>,
}

impl Sql {
    pub fn run(self) -> Result<ExitCode> {
        let dir = &self.open.data.dir;
        let cluster = Cluster::open(Host::real(), dir, self.open.options())?;
        let options = SessionOptions {
            user: "stele".into(),
            database: self.database.clone(),
            settings: vec![("application_name".into(), "stele sql".into())],
            client_address: None,
        };
        let mut shell = shell::Shell::new(cluster.connect(options)?).with_progress(super::progress::bar());
        super::warn(&cluster);
        let whole = match &self.file {
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
                shell.script(&text, self.keep_going)?
            }
            None if std::io::stdin().is_terminal() => shell.interactive()?,
            None => {
                let text = std::io::read_to_string(std::io::stdin())?;
                shell.script(&text, self.keep_going)?
            }
        };
        drop(shell);
        cluster.shutdown()?;
        Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
