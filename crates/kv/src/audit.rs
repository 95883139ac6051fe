//! `stele audit`: full replay recomputing every hash.
//!
//! Everything that `check` does, and then every transaction is opened: cells to rows, keys and rows to entries, entries
//! to their root, meta, T. On all cores. It reads only and needs no lock: it runs against a live server's files, a backup
//! or a replica. State roots and the index are the store's to compare.

use crate::check::{Finding, Job, Report, Verdict, inspect};
use crate::guard::lock;
use crate::ledger::Progress;
use crate::log::block::{self, Content};
use crate::record::{Pieces, Unsealing, nothing_more, reason_alone};
use host::Host;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use types::Result;

/// Audits the ledger in `dir`. An error means that it could not be read at all; what is wrong is in the report.
pub fn audit(host: &Host, dir: &Path, progress: Option<Progress>) -> Result<Report> {
    let workers = thread::available_parallelism().map_or(1, |count| count.get());
    let (sender, receiver) = sync_channel::<Job>(2 * workers);
    let receiver = Mutex::new(receiver);
    let findings = Mutex::new(Vec::new());
    let mut report = thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(job) = next(&receiver) {
                    let found = open_all(host, job);
                    lock(&findings).extend(found);
                }
            });
        }
        let audit = move |job| {
            // The workers end only after the sender does.
            sender.send(job).ok();
        };
        let report = inspect(host, dir, progress, Some(&audit));
        drop(audit);
        report
    })?;
    report.findings.extend(std::mem::take(&mut *lock(&findings)));
    report.sort();
    Ok(report)
}

fn next(receiver: &Mutex<Receiver<Job>>) -> Option<Job> {
    lock(receiver).recv().ok()
}

fn open_all(host: &Host, job: Job) -> Vec<Finding> {
    let Job { file, offset, block, parts } = job;
    let mut findings = Vec::new();
    let Ok((header, body)) = block::open(&block) else { return findings };
    for (tx, stored) in (header.first_tx..).zip(block::transactions(&header, &body)) {
        // What the block's form is concerned, the walk has said it.
        let Ok(stored) = stored else { break };
        let (bytes, more): (&[u8], (Pieces, u64)) = match stored.content {
            Content::Inline(payload) => (payload, nothing_more()),
            Content::InParts(of) => (&[], (parts.pieces(host, of), of.payload_bytes)),
        };
        let opened = Unsealing::new(stored.transaction, Cow::Borrowed(bytes), more, reason_alone());
        if let Err(error) = opened.and_then(read_all) {
            findings.push(Finding {
                verdict: Verdict::Damaged,
                file: file.clone(),
                offset: Some(offset),
                transaction: Some(tx),
                what: error.message.clone(),
            });
        }
    }
    findings
}

fn read_all(mut unsealing: Unsealing) -> Result<()> {
    while unsealing.next()?.is_some() {}
    Ok(())
}
