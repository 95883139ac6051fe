//! `stele audit`.

use super::{Data, progress};
use anyhow::Result;
use clap::Parser;
use host::Host;
use std::process::ExitCode;
use std::time::Instant;

/// Replay the whole log and recompute every hash
#[derive(Parser)]
pub struct Audit {
    #[command(flatten)]
    data: Data,
}

impl Audit {
    pub fn run(self) -> Result<ExitCode> {
        let host = Host::real();
        let mut sound = super::check::system_is_there(&host, &self.data.dir);
        for (name, folder) in session::cluster::ledger_folders(&host, &self.data.dir)? {
            let started = Instant::now();
            let report = kv::audit::audit(&host, &folder, Some(progress::bar()))?;
            sound &= report.is_sound();
            super::check::print(&name, &report);
            let seconds = started.elapsed().as_secs_f64().max(1e-9);
            println!(
                "  every hash recomputed in {seconds:.2} s, {:.1} MB/s",
                report.bytes as f64 / 1e6 / seconds
            );
        }
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
