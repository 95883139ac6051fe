//! The walk over all segments that check and audit share.

use super::tile_comparison::TileComparison;
use super::{Finding, Report, Verdict, segment_files};
use crate::TxId;
use crate::fault::disk_error;
use crate::ledger::{Paths, Progress, pieces};
use crate::log::Slot;
use crate::log::block::{self, Content, Header, Kind, Parts};
use crate::log::directory::{self, Entry};
use crate::log::scan::{Scan, Step};
use crate::log::segments::directory_path;
use crate::record::Pieces;
use crate::tiles::Growth;
use host::{Host, OpenMode};
use proof::checkpoint::Checkpoint;
use proof::hash::{self, Hash, Sha2};
use proof::tree::Compact;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use types::Result;

/// A broken segment may be wrong everywhere: more findings of one kind than this are only counted.
const FINDINGS_MAX: usize = 100;

/// A whole block for the audit, and where the parts of its large transactions are.
pub struct Job {
    pub file: PathBuf,
    pub offset: u64,
    pub block: Vec<u8>,
    pub parts: PartPlaces,
}

/// Where part blocks are: file, offset and length.
#[derive(Default)]
pub struct PartPlaces(HashMap<Slot, (PathBuf, u64, u64)>);

impl PartPlaces {
    /// A large transaction's payload, read part by part.
    pub(crate) fn pieces<'a>(&'a self, host: &'a Host, parts: Parts<'a>) -> Pieces<'a> {
        let get = |slot: Slot| {
            let Some((path, offset, length)) = self.0.get(&slot) else { return Ok(None) };
            let mut bytes = vec![0; *length as usize];
            let read =
                host.disk.open(path, OpenMode::Read).and_then(|file| file.read_exact_at(&mut bytes, *offset));
            read.map_err(|error| disk_error("could not read", path, &error))?;
            Ok(Some(bytes))
        };
        let place = |slot: Slot| match self.0.get(&slot) {
            Some((path, offset, _)) => format!("file \"{}\", offset {offset}", path.display()),
            None => "no file".to_owned(),
        };
        pieces(parts, get, place)
    }
}

pub struct Walk<'a> {
    host: &'a Host,
    paths: &'a Paths,
    progress: Option<Progress>,
    audit: Option<&'a dyn Fn(Job)>,
    report: Report,
    signed: Option<Checkpoint>,
    /// The root of the signed size, once the walk has come there.
    root_at_signed: Option<Hash>,
    tree: Compact<Sha2>,
    /// False once leaves are unknown: roots say nothing any more.
    tree_whole: bool,
    tiles: TileComparison<'a>,
    /// A backup has no derived data.
    is_backup: bool,
    /// Transactions whose leaf is not the one in the tiles. The checkpoint says who is right.
    strange_leaves: Vec<Finding>,
    strange_nodes: Vec<(PathBuf, u64)>,
    database_id: Option<[u8; 16]>,
    last_commit_us: i64,
    /// Parts whose transaction has not come yet.
    parts: PartPlaces,
    /// Bad ends that are damage only if a later block or the checkpoint says so.
    doubtful: Vec<Doubtful>,
    durable_slot: Slot,
    bytes_done: u64,
    bytes_total: u64,
}

/// A bad end of the log.
struct Doubtful {
    slot: Slot,
    tx: TxId,
    /// It can be of a write that was cut short.
    torn: bool,
    finding: Finding,
}

impl<'a> Walk<'a> {
    pub fn new(
        host: &'a Host,
        paths: &'a Paths,
        signed: Option<Checkpoint>,
        progress: Option<Progress>,
        audit: Option<&'a dyn Fn(Job)>,
        report: Report,
    ) -> Walk<'a> {
        Walk {
            host,
            paths,
            progress,
            audit,
            report,
            signed,
            root_at_signed: None,
            tree: Compact::new(),
            tree_whole: true,
            tiles: TileComparison::new(&*host.disk, &paths.tiles),
            is_backup: paths.is_backup(&*host.disk),
            strange_leaves: Vec::new(),
            strange_nodes: Vec::new(),
            database_id: None,
            last_commit_us: i64::MIN,
            parts: PartPlaces::default(),
            doubtful: Vec::new(),
            durable_slot: 0,
            bytes_done: 0,
            bytes_total: 0,
        }
    }

    pub fn segments(&mut self) -> Result<()> {
        let files = segment_files(self.host, self.paths)?;
        for (_, path) in &files {
            let length = self.host.disk.open(path, OpenMode::Read).and_then(|file| file.len());
            self.bytes_total += length.unwrap_or(0);
        }
        let mut next_slot = Some(1);
        for (number, (first_slot, path)) in files.iter().enumerate() {
            if let Some(next_slot) = next_slot
                && next_slot != *first_slot
            {
                let what = match first_slot.checked_sub(1) {
                    Some(last) if last >= next_slot => {
                        format!("blocks {next_slot} to {last} are not in the log")
                    }
                    _ => format!("it begins with block {first_slot} where {next_slot} should be"),
                };
                self.report.damaged(path, Some(0), Some(self.tree.size()), what);
            }
            next_slot = self.segment(*first_slot, path, number + 1 == files.len())?;
        }
        Ok(())
    }

    /// The slot after the segment's last block; None if its end is bad, and that has been said.
    fn segment(&mut self, first_slot: Slot, path: &Path, is_last: bool) -> Result<Option<Slot>> {
        let failed = |error| disk_error("could not read", path, &error);
        let file = self.host.disk.open(path, OpenMode::Read).map_err(failed)?;
        let mut scan = Scan::new(&*file, 0, first_slot, self.database_id).map_err(failed)?;
        let mut buffer = Vec::new();
        let mut entries = Vec::new();
        let mut whole = true;
        self.report.segments += 1;
        loop {
            match scan.next(&mut buffer).map_err(failed)? {
                Step::Block { offset, header } => {
                    entries.push(Entry { offset, first_tx: header.first_tx });
                    self.block(path, offset, &header, &buffer);
                }
                Step::Bad { offset, reason } => {
                    whole = false;
                    let (slot, tx) = (scan.slot(), self.tree.size());
                    let finding = Finding {
                        verdict: Verdict::Damaged,
                        file: path.to_path_buf(),
                        offset: Some(offset),
                        transaction: Some(tx),
                        what: format!("block {slot}: {reason}"),
                    };
                    if is_last {
                        let torn = !block::is_of_later_program(&buffer);
                        self.doubtful.push(Doubtful { slot, tx, torn, finding });
                    } else {
                        self.report.findings.push(finding);
                    }
                    if !scan.skip(&mut buffer, |_| true).map_err(failed)? {
                        return Ok(None);
                    }
                }
                Step::End => break,
            }
        }
        if whole && !is_last && !self.is_backup {
            self.check_directory(first_slot, &entries);
        }
        Ok(Some(scan.slot()))
    }

    fn check_directory(&mut self, first_slot: Slot, entries: &[Entry]) {
        let path = directory_path(&self.paths.log, first_slot);
        let found = directory::load(&*self.host.disk, &path);
        if found.as_ref().map(|(_, found)| &found[..]) != Some(entries) {
            let what = match found {
                _ if !self.host.disk.exists(&path) => "the segment's directory is missing",
                None => "the segment's directory is damaged",
                Some(_) => "the segment's directory says something else than the segment",
            };
            self.report.derived(&path, Some(0), None, what.into());
        }
    }

    fn block(&mut self, path: &Path, offset: u64, header: &Header, block: &[u8]) {
        self.report.blocks += 1;
        self.report.bytes += block.len() as u64;
        self.bytes_done += block.len() as u64;
        self.durable_slot = self.durable_slot.max(header.durable_slot);
        if self.bytes_done >> 20 != (self.bytes_done - block.len() as u64) >> 20
            && let Some(progress) = &self.progress
        {
            progress("reading the log", self.bytes_done, self.bytes_total);
        }
        if *self.database_id.get_or_insert(header.database_id) != header.database_id {
            self.report.damaged(
                path,
                Some(offset),
                Some(header.first_tx),
                "a block of another database".into(),
            );
            return;
        }
        self.come_to(header.first_tx, path, offset);
        if header.first_tx != self.tree.size() {
            let what = format!("block {}: it begins with transaction {}", header.slot, header.first_tx);
            self.report.damaged(path, Some(offset), Some(self.tree.size()), what);
            return;
        }
        if self.tree_whole && header.root_before != self.tree.root() {
            let what = format!("block {}: the tree before it had another root", header.slot);
            self.report.damaged(path, Some(offset), Some(header.first_tx), what);
        }
        if header.kind == Kind::Part {
            self.parts.0.insert(header.slot, (path.to_path_buf(), offset, block.len() as u64));
        }
        let body = match block::open(block) {
            Ok((_, body)) => body,
            Err(reason) => {
                self.report.damaged(path, Some(offset), Some(header.first_tx), reason);
                return;
            }
        };
        let mut of_this_block = PartPlaces::default();
        for (tx, stored) in (header.first_tx..).zip(block::transactions(header, &body)) {
            let stored = match stored {
                Ok(stored) => stored,
                Err(reason) => {
                    self.report.damaged(path, Some(offset), Some(tx), reason);
                    break;
                }
            };
            self.transaction(path, offset, tx, stored.transaction);
            if let Content::InParts(parts) = stored.content {
                let places = parts.slots().filter_map(|slot| self.parts.0.remove_entry(&slot));
                of_this_block.0.extend(places);
            }
        }
        if let Some(audit) = self.audit
            && header.kind == Kind::Transactions
        {
            audit(Job { file: path.to_path_buf(), offset, block: block.to_vec(), parts: of_this_block });
        }
    }

    /// Where blocks were unreadable, the tiles still know their leaves.
    fn come_to(&mut self, first_tx: TxId, path: &Path, offset: u64) {
        while self.tree.size() < first_tx && self.tree_whole {
            match self.tiles.hash(0, self.tree.size()) {
                Some(leaf) => self.grow(leaf),
                None => {
                    // After a bad block of the end, which is named: it and this one may be of writes that were cut short.
                    if self.doubtful.is_empty() {
                        let what =
                            "from here on the tree cannot be computed: transactions before are missing";
                        self.report.damaged(path, Some(offset), Some(first_tx), what.into());
                    }
                    self.tree_whole = false;
                }
            }
        }
        if self.tree.size() < first_tx && first_tx - self.tree.size() < 1 << 32 {
            // Only the count matters now.
            while self.tree.size() < first_tx {
                self.tree.append([0; 32], |_, _, _| ());
            }
        }
    }

    fn transaction(&mut self, path: &Path, offset: u64, tx: TxId, bytes: &[u8; 112]) {
        self.report.transactions += 1;
        let database_id = self.database_id.unwrap_or_default();
        match block::in_place(bytes, tx, &database_id, self.last_commit_us) {
            Ok(read) => self.last_commit_us = read.commit_time,
            Err(what) => self.report.damaged(path, Some(offset), Some(tx), what),
        }
        let leaf = hash::leaf::<Sha2>(bytes);
        if self.tree_whole && self.tiles.hash(0, tx).is_some_and(|tile| tile != leaf) {
            self.strange_leaves.push(Finding {
                verdict: Verdict::Damaged,
                file: path.to_path_buf(),
                offset: Some(offset),
                transaction: Some(tx),
                what: "it is not the transaction that was hashed".into(),
            });
        }
        self.grow(leaf);
    }

    fn grow(&mut self, leaf: Hash) {
        let mut growth = Growth::default();
        growth.append(&mut self.tree, leaf);
        for (level, hash) in growth.nodes() {
            let index = (self.tree.size() - 1) >> (8 * level);
            if self.tree_whole && self.tiles.hash(level, index).is_some_and(|tile| tile != hash) {
                self.strange_nodes.push((self.tiles.path(level), index));
            }
        }
        if self.signed.as_ref().is_some_and(|signed| signed.size == self.tree.size()) && self.tree_whole {
            self.root_at_signed = Some(self.tree.root());
        }
    }

    /// The verdicts that need the whole: whose fault a difference is.
    pub fn finish(mut self) -> Result<Report> {
        let signed_size = self.signed.as_ref().map_or(0, |signed| signed.size);
        let ordered = self.tree.size();
        let end_is_bad = !self.doubtful.is_empty();
        for Doubtful { slot, tx, torn, mut finding } in std::mem::take(&mut self.doubtful) {
            if torn && slot > self.durable_slot && tx >= signed_size {
                finding.verdict = Verdict::Unfinished;
            }
            self.report.findings.push(finding);
        }
        if ordered == 0 {
            let what = match self.report.segments {
                0 => "there are no log segments",
                _ => "the log holds no transaction",
            };
            self.report.damaged(&self.paths.log, None, Some(0), what.into());
        }
        let mut log_is_signed = self.signed.is_none();
        if let Some(signed) = &self.signed {
            if ordered < signed.size && !end_is_bad {
                let what = format!(
                    "the log ends before transaction {ordered}; transactions up to {} are signed",
                    signed.size - 1
                );
                self.report.damaged(&self.paths.log, None, Some(ordered), what);
            }
            log_is_signed = self.root_at_signed == Some(signed.root);
            if self.tree_whole && ordered >= signed.size && !log_is_signed {
                let what =
                    format!("the root of transactions 0 to {} is another one in the log", signed.size - 1);
                self.report.damaged(&self.paths.checkpoint, Some(0), None, what);
            }
        }
        // A log with the signed root is right, and the tiles are wrong.
        let mut leaves_excused = 0;
        for finding in cut(std::mem::take(&mut self.strange_leaves), &mut leaves_excused) {
            let tx = finding.transaction.unwrap_or(0);
            if log_is_signed && tx < signed_size {
                let what = "the hash of this transaction is not that of the log";
                self.report.derived(&self.tiles.path(0), Some(tx * 32), Some(tx), what.into());
            } else {
                self.report.findings.push(finding);
            }
        }
        let leaves = self.tiles.path(0);
        let mut nodes = std::mem::take(&mut self.strange_nodes);
        nodes.retain(|(path, _)| *path != leaves);
        let mut nodes_excused = 0;
        for (path, index) in cut(nodes, &mut nodes_excused) {
            self.report.derived(
                &path,
                Some(index * 32),
                None,
                "this hash is not that of the log's tree".into(),
            );
        }
        if leaves_excused + nodes_excused > 0 {
            let what = format!("{} more differences", leaves_excused + nodes_excused);
            self.report.derived(&self.paths.tiles, None, None, what);
        }
        if !self.is_backup {
            let (least, most) = (signed_size.min(ordered), signed_size.max(ordered));
            for (path, offset, what) in self.tiles.wrong_lengths(least, most) {
                self.report.derived(&path, Some(offset), None, what);
            }
        }
        Ok(self.report)
    }
}

fn cut<T>(mut list: Vec<T>, excused: &mut usize) -> Vec<T> {
    *excused += list.len().saturating_sub(FINDINGS_MAX);
    list.truncate(FINDINGS_MAX);
    list
}
