//! `stele check`: log, tree, tiles and checkpoint, each against the others. Reads only; needs no lock.
//!
//! ```text
//!   segments ──> every block's checksum, slot, root before, every T ──> leaves ──> tree
//!                                                                          tiles ──┤ compared hash by hash
//!                                                             signed checkpoint ───┘ compared at its size
//! ```
//! A backup has nothing derived, and none is missed. It does not look into the transactions: `audit` does. Whether the index agrees with the log is the store's to say.

mod tile_comparison;
mod walk;

use crate::TxId;
use crate::checkpoint;
use crate::ledger::{Paths, Progress};
use crate::log::Slot;
use crate::log::segments::segment_path;
use host::Host;
use proof::checkpoint::Checkpoint;
use std::fmt;
use std::path::{Path, PathBuf};
use types::{Result, bail};
pub(crate) use walk::{Job, Walk};

/// What was found wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    pub file: PathBuf,
    pub offset: Option<u64>,
    pub transaction: Option<TxId>,
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Not what was committed: restore it from a backup or replica.
    Damaged,
    /// Derived data that is wrong or missing: it is made again.
    Derived,
    /// The end of a write that was never acknowledged: it is set aside at the next start.
    Unfinished,
}

/// What was looked at and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub segments: u64,
    pub blocks: u64,
    pub transactions: u64,
    pub bytes: u64,
    /// Transactions under the signed checkpoint; None if there is no good one.
    pub signed_size: Option<u64>,
    /// Worst first, then by file and offset.
    pub findings: Vec<Finding>,
}

/// Checks the ledger in `dir`. An error means that it could not be read at all; what is wrong is in the report.
pub fn check(host: &Host, dir: &Path, progress: Option<Progress>) -> Result<Report> {
    inspect(host, dir, progress, None)
}

/// Checks, and gives every whole block to `audit`.
pub(crate) fn inspect(
    host: &Host,
    dir: &Path,
    progress: Option<Progress>,
    audit: Option<&dyn Fn(Job)>,
) -> Result<Report> {
    let paths = Paths::new(dir);
    if !host.disk.is_dir(&paths.folder) {
        bail!(UndefinedObject, "there is no ledger in \"{}\"", dir.display());
    }
    let mut report = Report::default();
    let signed = read_checkpoint(host, &paths, &mut report);
    if !host.disk.is_dir(&paths.log) {
        report.damaged(&paths.log, None, Some(0), "the log is missing".into());
        return Ok(report);
    }
    report.signed_size = signed.as_ref().map(|signed| signed.size);
    let mut walk = Walk::new(host, &paths, signed, progress, audit, report);
    walk.segments()?;
    let mut report = walk.finish()?;
    report.sort();
    Ok(report)
}

/// What the checkpoint says, if it is whole and signed by the ledger's key.
fn read_checkpoint(host: &Host, paths: &Paths, report: &mut Report) -> Option<Checkpoint> {
    let key = match checkpoint::verifier_key(&*host.disk, paths) {
        Ok(key) => key,
        Err(error) => {
            report.damaged(
                if paths.is_backup(&*host.disk) { &paths.verifier_key } else { &paths.key },
                None,
                None,
                format!("signatures cannot be verified: {}", error.message),
            );
            return None;
        }
    };
    match checkpoint::load(&*host.disk, &paths.checkpoint, &key) {
        Ok(Some(signed)) => Some(signed.unverified().clone()),
        Ok(None) => {
            report.damaged(&paths.checkpoint, None, None, "the signed checkpoint is missing".into());
            None
        }
        Err(error) => {
            report.damaged(&paths.checkpoint, Some(0), None, error.message.clone());
            None
        }
    }
}

impl Report {
    /// Whether everything is as it was committed. A write that was cut short is no damage.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict == Verdict::Unfinished)
    }

    pub(crate) fn damaged(
        &mut self,
        file: &Path,
        offset: Option<u64>,
        transaction: Option<TxId>,
        what: String,
    ) {
        self.findings.push(Finding {
            verdict: Verdict::Damaged,
            file: file.to_path_buf(),
            offset,
            transaction,
            what,
        });
    }

    pub(crate) fn derived(
        &mut self,
        file: &Path,
        offset: Option<u64>,
        transaction: Option<TxId>,
        what: String,
    ) {
        self.findings.push(Finding {
            verdict: Verdict::Derived,
            file: file.to_path_buf(),
            offset,
            transaction,
            what,
        });
    }

    pub(crate) fn sort(&mut self) {
        self.findings.sort_by(|a, b| (a.verdict, &a.file, a.offset).cmp(&(b.verdict, &b.file, b.offset)));
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Damaged => "DAMAGED",
            Verdict::Derived => "derived",
            Verdict::Unfinished => "unfinished",
        };
        write!(f, "{verdict}: file \"{}\"", self.file.display())?;
        if let Some(offset) = self.offset {
            write!(f, ", offset {offset}")?;
        }
        if let Some(transaction) = self.transaction {
            write!(f, ", transaction {transaction}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        write!(
            f,
            "{} segments, {} blocks, {} transactions, {} bytes",
            self.segments, self.blocks, self.transactions, self.bytes
        )?;
        match self.signed_size {
            Some(size) => writeln!(f, "; signed checkpoint over {size} transactions"),
            None => writeln!(f, "; no signed checkpoint"),
        }
    }
}

/// The segment files of a log with their first slots.
fn segment_files(host: &Host, paths: &Paths) -> Result<Vec<(Slot, PathBuf)>> {
    let slots = crate::log::segments::list(&*host.disk, &paths.log)?;
    Ok(slots.into_iter().map(|slot| (slot, segment_path(&paths.log, slot))).collect())
}

#[cfg(test)]
mod tests;
