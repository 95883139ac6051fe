//! Whether a bundle is true: from the cells up to the signature.

use super::{Bundle, Change, Content, FIRST_USER_OBJECT, Kind, Link, Row};
use crate::checkpoint::Checkpoint;
use crate::hash::{self, Default256, Hash};
use crate::layout::{Op, Transaction};
use crate::meta::Meta;
use crate::note::VerifyEd25519;
use crate::rejection::{Rejection, ensure, rejected};
use crate::tree;
use crate::trust::{Standing, Trust};
use alloc::collections::BTreeSet;
use alloc::format;

/// A bundle that was verified. What it says is so, as far as its checkpoint is believed: see [`Verified::standing`].
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    bundle: &'a Bundle,
    standing: Standing,
}

impl Bundle {
    /// Verifies with `ed25519-dalek`.
    #[cfg(any(test, feature = "ed25519"))]
    pub fn verify(&self, trust: &Trust) -> Result<Verified<'_>, Rejection> {
        self.verify_with(trust, &crate::note::verify_ed25519)
    }

    /// Verifies with another Ed25519.
    pub fn verify_with(&self, trust: &Trust, ed25519: VerifyEd25519) -> Result<Verified<'_>, Rejection> {
        let checkpoint = self.checkpoint.verify(&trust.key, ed25519)?;
        for link in self.links.iter().chain(&self.descriptors) {
            verify_link(link, checkpoint, trust)?;
        }
        if self.kind == Kind::History {
            verify_chain(&self.links)?;
        }
        verify_descriptors(&self.links, &self.descriptors)?;
        Ok(Verified { bundle: self, standing: trust.standing(checkpoint, ed25519)? })
    }
}

impl<'a> Verified<'a> {
    pub fn kind(&self) -> Kind {
        self.bundle.kind
    }
    pub fn checkpoint(&self) -> &'a Checkpoint {
        self.bundle.checkpoint.unverified()
    }
    /// Whether the checkpoint is the one that the verifier has seen before, or needs a consistency proof with it.
    pub fn standing(&self) -> Standing {
        self.standing
    }
    /// The proven transactions, newest first; each with its change but for P1.
    pub fn links(&self) -> &'a [Link] {
        &self.bundle.links
    }
    /// The change of the catalog row that describes the columns of this version, if it is part of the proof. Versions
    /// with the same [`descriptor_tx`] have the same.
    pub fn descriptor(&self, link: &Link) -> Option<&'a Change> {
        let tx_id = descriptor_tx(link)?;
        let descriptors = &self.bundle.descriptors;
        // Ascending, and each with a change: verified.
        let at = descriptors.binary_search_by_key(&tx_id, |descriptor| descriptor.transaction.tx_id).ok()?;
        descriptors.get(at).and_then(|descriptor| descriptor.change.as_ref())
    }
}

fn verify_link(link: &Link, checkpoint: &Checkpoint, trust: &Trust) -> Result<(), Rejection> {
    let transaction = &link.transaction;
    ensure(
        transaction.database_id == trust.database_id,
        "the transaction is of another database than the trusted one",
    )?;
    let leaf = transaction.leaf::<Default256>();
    let included = tree::verify_inclusion::<Default256>(
        &leaf,
        transaction.tx_id,
        checkpoint.size,
        &link.log_path,
        &checkpoint.root,
    );
    ensure(included, &format!("transaction {} is not in the log under this checkpoint", transaction.tx_id))?;

    let is_empty = transaction.entry_count == 0;
    ensure(is_empty == (transaction.tx_id == 0), "only genesis is without entries")?;
    ensure(
        !is_empty || transaction.entries_root == hash::empty::<Default256>(),
        "a root of entries without entries",
    )?;

    if let Some(meta) = &link.meta {
        let commit = hash::meta_commit::<Default256>(&meta.salt, &meta.bytes);
        ensure(commit == transaction.meta_commit, "the transaction was not made with this meta data")?;
        Meta::decode(&meta.bytes)?;
    }
    match &link.change {
        Some(change) => verify_change(change, transaction),
        None => Ok(()),
    }
}

fn verify_change(change: &Change, transaction: &Transaction) -> Result<(), Rejection> {
    let entry = &change.entry;
    let included = tree::verify_inclusion::<Default256>(
        &entry.leaf::<Default256>(),
        u64::from(change.entry_index),
        u64::from(transaction.entry_count),
        &change.entries_path,
        &transaction.entries_root,
    );
    ensure(included, &format!("transaction {} did not make this change", transaction.tx_id))?;
    ensure(entry.prev_tx < transaction.tx_id, "a change that follows a later one")?;
    ensure(
        entry.op == Op::Insert || entry.prev_tx != 0,
        "an update or delete of a row that was never inserted",
    )?;
    if let Some(key) = &change.key {
        let commit = hash::key_commit::<Default256>(&key.salt, entry.object, &key.key);
        ensure(commit == entry.key_commit, "the change is of a row with another key")?;
    }
    match &change.row {
        Some(row) => verify_row(row, entry.object, &entry.row_commit, transaction.tx_id),
        None => ensure(entry.op == Op::Delete, "a change without its row"),
    }
}

fn verify_row(row: &Row, object: u32, commit: &Hash, tx_id: u64) -> Result<(), Rejection> {
    ensure(row.commit::<Default256>(object) == *commit, "the row's cells are not those that were written")?;
    ensure(row.schema_tx < tx_id, "a row under a descriptor of a later transaction")?;
    ensure(object >= FIRST_USER_OBJECT || row.schema_tx == 0, "a system table's row under a descriptor")?;
    let ascending = row.cells.windows(2).all(|pair| pair[0].column < pair[1].column);
    ensure(ascending, "a row whose columns do not ascend")?;
    for cell in &row.cells {
        if let Content::Disclosed { code, value, .. } = &cell.content {
            ensure(is_type_code(*code), &format!("a cell of the unknown type {code:#04x}"))?;
            ensure(*code != 0 || value.is_empty(), "a NULL with a value")?;
        }
    }
    Ok(())
}

/// Every version names the one before it, and the first is an insert after nothing.
fn verify_chain(links: &[Link]) -> Result<(), Rejection> {
    let versions = || links.iter().filter_map(|link| Some((&link.transaction, &link.change.as_ref()?.entry)));
    for ((later, next), (earlier, previous)) in versions().zip(versions().skip(1)) {
        ensure(
            next.prev_tx == earlier.tx_id,
            &format!("the version before transaction {} is missing", later.tx_id),
        )?;
        let same_row = next.object == previous.object && next.key_commit == previous.key_commit;
        ensure(same_row, "versions of different rows")?;
        ensure(earlier.commit_time <= later.commit_time, "transactions whose time runs backwards")?;
        let follows = (next.op == Op::Insert) == (previous.op == Op::Delete);
        ensure(follows, &format!("transaction {} cannot follow transaction {}", later.tx_id, earlier.tx_id))?;
    }
    match versions().next_back() {
        Some((_, first)) => ensure(first.prev_tx == 0, "the history does not go back to the row's insert"),
        None => rejected("a history without versions"),
    }
}

/// Each descriptor is a live row of a system table, in a transaction that some version names as its schema's.
fn verify_descriptors(links: &[Link], descriptors: &[Link]) -> Result<(), Rejection> {
    let ascending = descriptors.windows(2).all(|pair| pair[0].transaction.tx_id < pair[1].transaction.tx_id);
    ensure(ascending, "descriptors that do not ascend")?;
    let named: BTreeSet<u64> = links.iter().filter_map(descriptor_tx).collect();
    for descriptor in descriptors {
        let tx_id = descriptor.transaction.tx_id;
        let is_system_row = match &descriptor.change {
            Some(change) => change.entry.object < FIRST_USER_OBJECT && change.row.is_some(),
            None => false,
        };
        ensure(is_system_row, "a descriptor that is no row of a system table")?;
        ensure(
            named.contains(&tx_id),
            &format!("a descriptor of transaction {tx_id}, which no version names"),
        )?;
    }
    Ok(())
}

/// The transaction that wrote the descriptor of this version's table; None for deletes and system tables.
pub fn descriptor_tx(link: &Link) -> Option<u64> {
    let change = link.change.as_ref()?;
    let row = change.row.as_ref()?;
    if change.entry.object < FIRST_USER_OBJECT {
        return None;
    }
    Some(if row.schema_tx == 0 { link.transaction.tx_id } else { row.schema_tx })
}

/// The type codes of format version 1.
fn is_type_code(code: u8) -> bool {
    matches!(code, 0x00 | 0x10 | 0x12..=0x17 | 0x19..=0x1c | 0x20..=0x25 | 0x28..=0x2c | 0x30 | 0x40..=0x42)
}
