//! Proof files: P1, P3 and P4 as `c2sp.org/tlog-proof@v1` text and as JSON, and their verification.
//!
//! ```text
//!   Bundle ── kind: transaction (P1), row (P3), history (P4)
//!    ├─ links, newest first ─ Link ── T ── audit path to the checkpoint's root
//!    │                         └─ Change ── E ── audit path to T's entries_root
//!    │                              ├─ key, or hidden
//!    │                              └─ Row ── cells, each disclosed or hidden
//!    ├─ descriptors ─ Links to the catalog rows that give the columns their names, under the same checkpoint
//!    └─ checkpoint ── signed
//! ```
//! [`Bundle::verify`] is the only way to a [`Verified`], and only a `Verified` says that something is so.

mod binary;
mod json;
mod text;
mod verify;

pub use verify::{Verified, descriptor_tx};

use crate::checkpoint::SignedCheckpoint;
use crate::hash::{self, Hash, Sha256};
use crate::layout::{Entry, Transaction};
use crate::rejection::{Rejection, unreadable};
use crate::tree;
use alloc::string::String;
use alloc::vec::Vec;

/// Longest proof file, read or written. A row with larger values is proven with those cells hidden.
pub const BUNDLE_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Objects below this are system tables: their layouts are pinned, not proven.
pub const FIRST_USER_OBJECT: u32 = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// P1: this transaction is in the log.
    Transaction,
    /// P3: this row version was written by this transaction.
    Row,
    /// P4: all versions of a row, back to its insert.
    History,
}

/// A proof as read or built: nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    kind: Kind,
    links: Vec<Link>,
    descriptors: Vec<Link>,
    checkpoint: SignedCheckpoint,
}

/// A transaction in the log and, but for P1, one change of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub transaction: Transaction,
    /// From the transaction's leaf to the root of the checkpoint.
    pub log_path: Vec<Hash>,
    /// None keeps who and why to ourselves.
    pub meta: Option<DisclosedMeta>,
    pub change: Option<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosedMeta {
    pub salt: [u8; 32],
    pub bytes: Vec<u8>,
}

/// A row change, and where it is among its transaction's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub entry: Entry,
    pub entry_index: u32,
    /// From the entry's leaf to the transaction's `entries_root`.
    pub entries_path: Vec<Hash>,
    /// None hides the key; equal key commitments still show that two entries are of one row.
    pub key: Option<DisclosedKey>,
    /// None for a delete.
    pub row: Option<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosedKey {
    pub salt: [u8; 16],
    pub key: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The transaction of the table's descriptor; 0 = the row's own, and for system tables their pinned layout.
    pub schema_tx: u64,
    /// Ascending by column.
    pub cells: Vec<Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub column: u32,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The cell's commitment only.
    Hidden(Hash),
    /// Type code 0 is NULL and has no bytes.
    Disclosed { salt: [u8; 16], code: u8, value: Vec<u8> },
}

impl Bundle {
    /// P1.
    pub fn transaction(link: Link, checkpoint: SignedCheckpoint) -> Result<Bundle, Rejection> {
        Bundle { kind: Kind::Transaction, links: alloc::vec![link], descriptors: Vec::new(), checkpoint }
            .shaped()
    }

    /// P3. `descriptors`: the link of the catalog row that the row's `schema_tx` names, or none for a system table.
    pub fn row(
        link: Link,
        descriptors: Vec<Link>,
        checkpoint: SignedCheckpoint,
    ) -> Result<Bundle, Rejection> {
        Bundle { kind: Kind::Row, links: alloc::vec![link], descriptors, checkpoint }.shaped()
    }

    /// P4: newest version first. `descriptors`: ascending by transaction, one for each `schema_tx` that occurs.
    pub fn history(
        links: Vec<Link>,
        descriptors: Vec<Link>,
        checkpoint: SignedCheckpoint,
    ) -> Result<Bundle, Rejection> {
        Bundle { kind: Kind::History, links, descriptors, checkpoint }.shaped()
    }

    /// Text or JSON. Exactly the bytes that [`Bundle::to_text`] or [`Bundle::to_json`] writes are read.
    pub fn decode(bytes: &[u8]) -> Result<Bundle, Rejection> {
        if bytes.len() > BUNDLE_MAX_BYTES {
            return unreadable("a proof file of more than 64 MiB");
        }
        let file = match core::str::from_utf8(bytes) {
            Ok(file) => file,
            Err(_) => return unreadable("a proof file that is not UTF-8"),
        };
        let is_json = file.starts_with('{');
        let bundle = if is_json { json::read(file)? } else { text::read(file)? }.shaped()?;
        // One form only: whatever a reader might have let through is caught by writing it again.
        let written = if is_json { bundle.to_json() } else { bundle.to_text() };
        if written != file {
            return unreadable("a proof file that is not in its canonical form");
        }
        Ok(bundle)
    }

    /// `c2sp.org/tlog-proof@v1`: any C2SP tool checks index, path and note; the `extra` line holds the rest.
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    /// One line of JSON and a newline. 64-bit numbers are strings, bytes are base64.
    pub fn to_json(&self) -> String {
        json::write(self)
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What every bundle of its kind looks like, true or not.
    fn shaped(self) -> Result<Bundle, Rejection> {
        let with_change = self.kind != Kind::Transaction;
        let fits = match self.kind {
            Kind::Transaction => self.links.len() == 1 && self.descriptors.is_empty(),
            Kind::Row => self.links.len() == 1 && self.descriptors.len() <= 1,
            Kind::History => !self.links.is_empty() && self.descriptors.len() <= self.links.len(),
        };
        let links = self.links.iter().all(|link| link.change.is_some() == with_change && link.is_shaped());
        let descriptors = self.descriptors.iter().all(|link| link.change.is_some() && link.is_shaped());
        if fits && links && descriptors {
            Ok(self)
        } else {
            unreadable("a proof whose parts do not fit its kind")
        }
    }
}

impl Link {
    /// Within what the files can say: counts of one and two bytes.
    fn is_shaped(&self) -> bool {
        self.log_path.len() <= tree::PATH_MAX
            && self.change.as_ref().map_or(true, |change| {
                let cells = change.row.as_ref().map_or(0, |row| row.cells.len());
                change.entries_path.len() <= tree::PATH_MAX
                    && cells <= u16::MAX as usize
                    && change.row.is_none() == (change.entry.op == crate::layout::Op::Delete)
            })
    }
}

impl Change {
    /// The change at `entry_index` of a transaction, given the leaf hashes of all its entries. None if there is no
    /// such entry.
    pub fn prove<S: Sha256>(
        entry: Entry,
        entry_index: u32,
        entry_leaves: &[Hash],
        key: Option<DisclosedKey>,
        row: Option<Row>,
    ) -> Option<Change> {
        let mut levels: Vec<Vec<Hash>> = Vec::new();
        let mut tree = tree::Compact::<S>::new();
        for leaf in entry_leaves {
            tree.append(*leaf, |level, _, hash| {
                if levels.len() <= level as usize {
                    levels.push(Vec::new());
                }
                levels[level as usize].push(*hash);
            });
        }
        let node = |level: u32, index: u64| {
            levels.get(level as usize).and_then(|nodes| nodes.get(index as usize)).copied().ok_or(())
        };
        let entries_path =
            tree::inclusion_path::<S, ()>(u64::from(entry_index), tree.size(), node).ok()??;
        Some(Change { entry, entry_index, entries_path, key, row })
    }
}

impl Row {
    /// A row with the cells that `discloses` names shown and the others hidden. Cells are (column, type code,
    /// canonical bytes), ascending.
    pub fn disclose<'a, S: Sha256>(
        schema_tx: u64,
        row_salt: &[u8; 32],
        cells: impl IntoIterator<Item = (u32, u8, &'a [u8])>,
        mut discloses: impl FnMut(u32) -> bool,
    ) -> Row {
        let cells = cells.into_iter().map(|(column, code, value)| {
            let salt = hash::cell_salt::<S>(row_salt, column);
            let content = if discloses(column) {
                Content::Disclosed { salt, code, value: value.to_vec() }
            } else {
                Content::Hidden(hash::cell_commit::<S>(&salt, column, code, value))
            };
            Cell { column, content }
        });
        Row { schema_tx, cells: cells.collect() }
    }

    /// The row's commitment under `object`.
    pub fn commit<S: Sha256>(&self, object: u32) -> Hash {
        let cells = self.cells.iter().map(|cell| (cell.column, cell.commit::<S>()));
        hash::row_commit::<S>(self.schema_tx, object, cells)
    }
}

impl Cell {
    fn commit<S: Sha256>(&self) -> Hash {
        match &self.content {
            Content::Hidden(commit) => *commit,
            Content::Disclosed { salt, code, value } => {
                hash::cell_commit::<S>(salt, self.column, *code, value)
            }
        }
    }
}
