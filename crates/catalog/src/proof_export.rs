//! Proof bundles of rows and transactions, from what the ledger keeps.
//!
//! Every one is made under the newest signed checkpoint. Nothing is verified here: a verifier elsewhere decides. A row's
//! proof shows its key and cells and the descriptor that names its columns; who wrote it is shown by a transaction's
//! proof only, because user, client address and statement come undivided.

use crate::system_tables::{self, FIRST_USER_OID, RELATIONS};
use crate::table::Table;
use crate::transaction::Transaction;
use codec::StoredKey;
use kv::ledger::ProvenChange;
use kv::{At, ObjectId, Snapshot, Span, TxId};
use proof::bundle::{Bundle, Change, DisclosedKey, DisclosedMeta, Link, Row, descriptor_tx};
use proof::checkpoint::SignedCheckpoint;
use proof::consistency::Consistency;
use proof::hash::Sha2;
use proof::layout;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use types::schema::Relation;
use types::{Error, Result, Value};

impl Transaction {
    /// P3: the newest version of a row, which may be its delete (as of `as_of`, or of this transaction's snapshot).
    /// `key`: the whole primary key, or the hidden row id.
    pub fn row_proof(&self, relation: &Arc<Relation>, key: &[Value], as_of: Option<TxId>) -> Result<Bundle> {
        let snapshot = match as_of {
            Some(tx) => self.shared.store.snapshot(At::Transaction(tx))?,
            None => self.snapshot().clone(),
        };
        let (table, key) = self.proof_key(relation, key)?;
        let tx = match snapshot.get(relation.object_id, &key)? {
            Some(version) => version.tx,
            None => {
                newest_version(&snapshot, relation.object_id, &key)?.ok_or_else(|| no_row(&table, &key))?
            }
        };
        let signed = self.signed()?;
        let link = self.link(tx, relation.object_id, &key, &signed)?;
        let descriptors = self.descriptors(relation, std::slice::from_ref(&link), &signed)?;
        Bundle::row(link, descriptors, signed).map_err(not_built)
    }

    /// P4: every version of a row, back to its first insert.
    pub fn history_proof(&self, relation: &Arc<Relation>, key: &[Value]) -> Result<Bundle> {
        let (table, key) = self.proof_key(relation, key)?;
        let newest = newest_version(self.snapshot(), relation.object_id, &key)?;
        let Some(mut tx) = newest else { return Err(no_row(&table, &key)) };
        let signed = self.signed()?;
        let mut links = vec![];
        // Each entry names the transaction of the one before it; 0 = none.
        while tx != 0 {
            self.check_interrupt()?;
            let link = self.link(tx, relation.object_id, &key, &signed)?;
            tx = link.change.as_ref().map_or(0, |change| change.entry.prev_tx);
            links.push(link);
        }
        let descriptors = self.descriptors(relation, &links, &signed)?;
        Bundle::history(links, descriptors, signed).map_err(not_built)
    }

    /// P1, with who and why.
    pub fn transaction_proof(&self, tx: TxId) -> Result<Bundle> {
        let ledger = self.shared.store.ledger();
        let tx = ledger.resolve(At::Transaction(tx))?;
        let signed = self.signed()?;
        let head = ledger.head(tx)?;
        let link = Link {
            transaction: layout::Transaction::decode(&head.transaction).map_err(not_built)?,
            log_path: ledger.inclusion(tx, signed.unverified().size)?,
            meta: Some(DisclosedMeta { salt: head.meta_salt, bytes: head.meta.encode() }),
            change: None,
        };
        Bundle::transaction(link, signed).map_err(not_built)
    }

    /// P2: the first `from_size` transactions are a prefix of what the newest checkpoint covers.
    pub fn consistency_proof(&self, from_size: u64) -> Result<Consistency> {
        let signed = self.signed()?;
        let size = signed.unverified().size;
        if from_size > size {
            return Err(types::err!(
                InvalidParameterValue,
                "checkpoint size {from_size} is not between 0 and {size}"
            ));
        }
        let path = self.shared.store.ledger().consistency(from_size, size)?;
        Ok(Consistency { old_size: from_size, path, checkpoint: signed })
    }

    fn signed(&self) -> Result<SignedCheckpoint> {
        SignedCheckpoint::parse(&self.shared.store.ledger().checkpoint()?).map_err(not_built)
    }

    fn proof_key(&self, relation: &Arc<Relation>, key: &[Value]) -> Result<(Arc<Table>, Vec<u8>)> {
        let table = self.shared.table(relation)?;
        let wanted = table.key_positions.len().max(1);
        if key.len() != wanted {
            return Err(types::err!(
                InvalidParameterValue,
                "a row of table \"{}\" is named by {wanted} key value(s), not {}",
                relation.name,
                key.len()
            ));
        }
        if !table.has_hidden_key() {
            let key = table.key_of(key.to_vec())?;
            return Ok((table, key));
        }
        let row = key[0].as_i64().and_then(|row| u64::try_from(row).ok());
        let row =
            row.ok_or_else(|| types::err!(InvalidParameterValue, "a hidden row id is a number from 1"))?;
        let key = StoredKey::HiddenRow(row).encode(&[])?;
        Ok((table, key))
    }

    /// One change in the log, its key and cells shown.
    fn link(&self, tx: TxId, object: ObjectId, key: &[u8], signed: &SignedCheckpoint) -> Result<Link> {
        let ledger = self.shared.store.ledger();
        let size = signed.unverified().size;
        if tx >= size {
            return Err(Error::internal(format!(
                "transaction {tx} is not covered by a checkpoint of {size}"
            )));
        }
        let Some(ProvenChange { head, unsealed, entries_path }) = ledger.entry(tx, object, key)? else {
            return Err(Error::corrupted(format!(
                "transaction {tx} does not hold the change that the index names"
            )));
        };
        let change = &unsealed.change;
        let row = change.cells.as_ref().map(|cells| {
            let cells = cells.iter().map(|cell| (cell.column, cell.code, cell.bytes));
            Row::disclose::<Sha2>(change.schema_tx, &unsealed.row_salt, cells, |_| true)
        });
        let key = Some(DisclosedKey { salt: change.key_salt, key: change.key.clone() });
        let entry = layout::Entry::decode(&unsealed.entry).map_err(not_built)?;
        let change = Change { entry, entry_index: unsealed.number, entries_path, key, row };
        Ok(Link {
            transaction: layout::Transaction::decode(&head.transaction).map_err(not_built)?,
            log_path: ledger.inclusion(tx, size)?,
            meta: None,
            change: Some(change),
        })
    }

    /// The catalog rows that name the columns of these versions, ascending by transaction.
    fn descriptors(
        &self,
        relation: &Relation,
        links: &[Link],
        signed: &SignedCheckpoint,
    ) -> Result<Vec<Link>> {
        if relation.object_id < FIRST_USER_OID {
            return Ok(vec![]);
        }
        let key = system_tables::oid_key(relation.oid);
        let mut found = BTreeMap::new();
        for tx in links.iter().filter_map(descriptor_tx) {
            if let Entry::Vacant(vacant) = found.entry(tx) {
                vacant.insert(self.link(tx, RELATIONS, &key, signed)?);
            }
        }
        Ok(found.into_values().collect())
    }
}

/// The transaction of a key's newest entry, a delete included.
fn newest_version(snapshot: &Snapshot, object: ObjectId, key: &[u8]) -> Result<Option<TxId>> {
    let point = std::ops::Bound::Included(key.to_vec());
    let mut versions = snapshot.versions(object, &Span { from: point.clone(), to: point }, 0, snapshot.tx());
    let mut newest = None;
    while let Some((_, version)) = versions.next()? {
        newest = Some(version.tx);
    }
    Ok(newest)
}

fn no_row(table: &Table, key: &[u8]) -> Error {
    let shown = codec::stored_key::to_text(key, &table.key_columns).unwrap_or_default();
    types::err!(InvalidParameterValue, "table \"{}\" has no row with the key {shown}", table.relation.name)
}

fn not_built(rejection: proof::Rejection) -> Error {
    Error::internal(format!("the proof could not be built: {rejection}"))
}
