//! `stele check`.

use super::{Data, progress};
use anyhow::Result;
use clap::Parser;
use host::Host;
use kv::check::{Report, Verdict};
use std::process::ExitCode;

/// Check the files of a data folder
#[derive(Parser)]
pub struct Check {
    #[command(flatten)]
    data: Data,
    /// Throw derived data (index, tiles) away: it is made again at the next start
    #[arg(long)]
    rebuild_index: bool,
}

impl Check {
    pub fn run(self) -> Result<ExitCode> {
        let host = Host::real();
        let _lock = host.disk.lock(&self.data.dir)?;
        let mut sound = true;
        for (name, folder) in session::cluster::ledger_folders(&host, &self.data.dir)? {
            if self.rebuild_index {
                kv::index::rebuild_index(&host, &folder)?;
            }
            let mut report = kv::check::check(&host, &folder, Some(progress::bar()))?;
            // Only a sound log can say what the index should hold.
            if report.is_sound() {
                report.findings.extend(session::cluster::check_index(
                    host.clone(),
                    &folder,
                    progress::bar(),
                )?);
            }
            sound &= report.is_sound();
            print(&name, &report);
        }
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// What was looked at, then what is wrong: file, offset, transaction, and what it means.
pub fn print(name: &str, report: &Report) {
    let verdict = if report.is_sound() { "sound" } else { "NOT SOUND" };
    println!(
        "{name}: {verdict} ({} transactions in {} blocks, {} segments, {} bytes{})",
        report.transactions,
        report.blocks,
        report.segments,
        report.bytes,
        match report.signed_size {
            Some(size) => format!(", checkpoint over {size}"),
            None => ", no good checkpoint".into(),
        }
    );
    for finding in &report.findings {
        let meaning = match finding.verdict {
            Verdict::Damaged => "damaged: restore it from a backup",
            Verdict::Derived => "derived: made again by `stele check --rebuild-index`",
            Verdict::Unfinished => "unfinished write, never acknowledged: set aside at the next start",
        };
        let offset = finding.offset.map(|offset| format!(", offset {offset}")).unwrap_or_default();
        let transaction = finding.transaction.map(|tx| format!(", transaction {tx}")).unwrap_or_default();
        println!("  {}{offset}{transaction}: {} [{meaning}]", finding.file.display(), finding.what);
    }
}
