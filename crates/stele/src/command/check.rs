//! `stele check`.

use super::{Data, progress};
use anyhow::Result;
use clap::Parser;
use host::Host;
use kv::check::{Finding, Report, Verdict};
use session::cluster;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use types::SqlState;

/// Check the files of a data folder
#[derive(Parser)]
pub struct Check {
    #[command(flatten)]
    data: Data,
    /// Throw derived data (index, tiles) away and make it again from the log, if the log is sound
    #[arg(long)]
    rebuild_index: bool,
}

impl Check {
    pub fn run(self) -> Result<ExitCode> {
        let host = Host::real();
        // Nobody writes to a backup but a backup, and that one adds to it.
        let system = kv::ledger::Paths::new(&self.data.dir.join("databases/system"));
        let _lock = match system.is_backup(&*host.disk) {
            true => None,
            false => Some(cluster::lock_folder(&host, &self.data.dir)?),
        };
        let mut sound = system_is_there(&host, &self.data.dir);
        for (name, folder) in cluster::ledger_folders(&host, &self.data.dir)? {
            let mut report = kv::check::check(&host, &folder, Some(progress::bar()))?;
            let log_is_sound = !report.findings.iter().any(|finding| finding.verdict == Verdict::Damaged);
            let mut removed = Vec::new();
            // Only a sound log can say what is derived from it.
            if log_is_sound && self.rebuild_index {
                removed = cluster::rebuild_derived(host.clone(), &folder, progress::bar())?;
                report = kv::check::check(&host, &folder, Some(progress::bar()))?;
            }
            if report.findings.is_empty() && report.transactions > 1 {
                report.findings.extend(compare_index(&host, &folder)?);
            }
            sound &= report.is_sound();
            print(&name, &report);
            if name == "system" && report.is_sound() {
                sound &= databases_are_there(&host, &self.data.dir)?;
            }
            if self.rebuild_index && !log_is_sound {
                println!("  nothing was removed: what is derived can only be made again from a sound log");
            }
            for folder in removed {
                println!("  removed {} and made it again from the log", folder.display());
            }
        }
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// Says so where the system ledger is missing.
pub fn system_is_there(host: &Host, dir: &Path) -> bool {
    let Some(folder) = cluster::missing_system(host, dir) else { return true };
    println!("system: NOT SOUND");
    println!(
        "  {}: the system ledger (roles, list of databases) is missing [damaged: restore it from a backup]",
        folder.display()
    );
    false
}

/// Names the databases that the system ledger lists and whose folders are missing.
fn databases_are_there(host: &Host, dir: &Path) -> Result<bool> {
    let missing = session::backup::missing_databases(host, dir)?;
    for (name, folder) in &missing {
        println!("{name}: NOT SOUND");
        println!("  {}: this database is missing [damaged: restore it from a backup]", folder.display());
    }
    Ok(missing.is_empty())
}

/// What a copy of the ledger says of its index: opening an index changes its files, and a check must not.
fn compare_index(host: &Host, folder: &Path) -> Result<Vec<Finding>> {
    if !folder.join("index").is_dir() {
        return Ok(Vec::new());
    }
    let copy = Copy::of(folder)?;
    let mut findings = match cluster::check_index(host.clone(), &copy.folder, progress::bar()) {
        Ok(findings) => findings,
        // A transaction that the index is compared with is not what was hashed.
        Err(error) if error.state == SqlState::DataCorrupted => vec![Finding {
            verdict: Verdict::Damaged,
            file: copy.folder.join("log"),
            offset: None,
            transaction: None,
            what: error.message.clone(),
        }],
        Err(error) => return Err(error.into()),
    };
    let shown = |path: &Path| path.strip_prefix(&copy.folder).map(|rest| folder.join(rest));
    for finding in &mut findings {
        if let Ok(path) = shown(&finding.file) {
            finding.file = path;
        }
        finding.what = finding.what.replace(&*copy.folder.to_string_lossy(), &folder.to_string_lossy());
        if finding.offset.is_none()
            && let Some(offset) = offset_in(&finding.what)
        {
            finding.offset = Some(offset);
            finding.file = folder.join("index/sled/db");
        }
    }
    Ok(findings)
}

/// Where the engine says that its file is corrupted.
fn offset_in(what: &str) -> Option<u64> {
    let (_, rest) = what.split_once("corrupted data at offset ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A ledger's folder beside itself, its log by links; removed when dropped, or at the next start.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn of(folder: &Path) -> Result<Copy> {
        let name = format!(".new-check-{}", std::process::id());
        let copy = Copy { folder: folder.with_file_name(name) };
        copy_folder(folder, &copy.folder)?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What stays is removed at the next start.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let is_segment = path.extension().is_some_and(|extension| extension == "seg");
        if entry.file_type()?.is_dir() {
            copy_folder(&path, &target)?;
        } else if !(is_segment && fs::hard_link(&path, &target).is_ok()) && entry.file_name() != "lock" {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
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
            Verdict::Derived => {
                "derived: made again by `stele check --rebuild-index`, or at a start after something has met it"
            }
            Verdict::Unfinished => "unfinished write, never acknowledged: set aside at the next start",
        };
        let offset = finding.offset.map(|offset| format!(", offset {offset}")).unwrap_or_default();
        let transaction = finding.transaction.map(|tx| format!(", transaction {tx}")).unwrap_or_default();
        println!("  {}{offset}{transaction}: {} [{meaning}]", finding.file.display(), finding.what);
    }
}
