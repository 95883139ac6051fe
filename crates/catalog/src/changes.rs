//! ledger.changes: what each transaction did to the rows of every table, in the ledger's order.

use crate::history::{Rows, changes_columns, document, key_document};
use crate::lineage::{End, Epoch, Lineage, fingerprint};
use crate::scan::op_text;
use crate::system_tables::{self, RELATIONS};
use crate::transaction::Transaction;
use kv::record::{Head, Unsealed};
use kv::{At, Cells, Change, ObjectId, Op, Span, TxId};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use types::schema::Relation;
use types::{Oid, Result, Value};

/// What is known of the tables while the ledger is walked.
struct Tables<'a> {
    /// Only those that may be read.
    lineages: BTreeMap<Oid, Lineage>,
    objects: HashMap<ObjectId, Oid>,
    /// By table and transaction of its descriptor.
    names: HashMap<(Oid, TxId), String>,
    /// Rows that a new generation may have written again, as the transaction before left them.
    before: HashMap<ObjectId, HashMap<Vec<u8>, Vec<Value>>>,
    transaction: &'a Transaction,
}

impl Transaction {
    /// Every change of every table after `from`, up to and including `to`, in the ledger's order.
    /// `tx_id, committed_at, user, table, op, key, old, new`. Tables that `may_read` denies are left out.
    pub fn changes(
        &self,
        from: TxId,
        to: TxId,
        may_read: &dyn Fn(&Relation) -> Result<bool>,
    ) -> Result<Rows> {
        let (from, to) = self.range(from, to)?;
        let store = &self.shared.store;
        let mut tables = Tables {
            lineages: BTreeMap::new(),
            objects: HashMap::new(),
            names: HashMap::new(),
            before: HashMap::new(),
            transaction: self,
        };
        for (oid, lineage) in self.lineages(&Span::all(), &store.snapshot(At::Latest)?)? {
            let Some(last) = lineage.epochs.last() else { continue };
            if may_read(&last.table.relation)? {
                tables.objects.extend(lineage.generations.iter().map(|one| (one.object, oid)));
                tables.lineages.insert(oid, lineage);
            }
        }
        let mut rows = vec![];
        store.ledger().walk(from + 1, &mut |mut unsealing| {
            let head = unsealing.head().clone();
            if head.tx > to {
                return Ok(ControlFlow::Break(()));
            }
            while let Some(Unsealed { change, .. }) = unsealing.next()? {
                self.check_interrupt()?;
                if change.object == RELATIONS {
                    tables.ended(&head, &change, &mut rows)?;
                } else if let Some(oid) = tables.objects.get(&change.object).copied() {
                    rows.push(tables.changed(&head, &change, oid)?);
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Rows { columns: changes_columns(), rows })
    }
}

impl Tables<'_> {
    /// TRUNCATE and DROP TABLE are one entry in the ledger: here each row that they ended is shown.
    fn ended(&mut self, head: &Head, change: &Change, out: &mut Vec<Vec<Value>>) -> Result<()> {
        let ended = self.lineages.iter().find_map(|(oid, lineage)| {
            let of = system_tables::oid_key(*oid) == change.key;
            let generation = lineage.generations.iter().find(|one| of && one.to == Some(head.tx))?;
            Some((*oid, *generation))
        });
        let Some((oid, generation)) = ended else { return Ok(()) };
        let Some(end) = generation.end.filter(|end| end.ends_rows()) else { return Ok(()) };
        let before = self.transaction.shared.store.snapshot(At::Transaction(head.tx - 1))?;
        let mut rows = before.scan(generation.object, &Span::all(), false);
        while let Some((key, version)) = rows.next()? {
            self.transaction.check_interrupt()?;
            let Some(cells) = &version.cells else { continue };
            let name = self.name(oid, generation.object, head.tx - 1)?;
            let Some(lineage) = self.lineages.get(&oid) else { continue };
            let (_, epoch) = lineage.epoch_of(generation.object, head.tx - 1)?;
            let old = lineage.row_as(&epoch.table.relation, generation.object, version.tx, None, cells)?;
            let mut row = facts(head, name, end.op());
            row.push(key_document(&epoch.table, &key)?);
            row.push(document(&epoch.table.relation, Some(&old))?);
            row.push(Value::Null);
            out.push(row);
        }
        Ok(())
    }

    fn changed(&mut self, head: &Head, change: &Change, oid: Oid) -> Result<Vec<Value>> {
        let object = change.object;
        let old = match change.prev_tx {
            0 => None,
            tx => {
                let snapshot = self.transaction.shared.store.snapshot(At::Transaction(tx))?;
                snapshot.get(object, &change.key)?.and_then(|version| Some((tx, version.cells?)))
            }
        };
        self.written_before(object, oid, head.tx)?;
        let name = self.name(oid, object, head.tx)?;
        let Some(lineage) = self.lineages.get(&oid) else {
            return Err(types::Error::internal("a change of a table that is not known"));
        };
        let (_, epoch) = lineage.epoch_of(object, head.tx)?;
        let (_, then) = lineage.epoch_of(object, head.tx.saturating_sub(1))?;
        let show = |epoch: &Epoch, tx: TxId, cells: &Cells| {
            let row = lineage.row_as(&epoch.table.relation, object, tx, None, cells)?;
            let document = document(&epoch.table.relation, Some(&row))?;
            Ok::<_, types::Error>((row, document))
        };
        let mut op = op_text(change.op);
        let mut old = match &old {
            Some((tx, cells)) => show(then, *tx, cells)?.1,
            None => Value::Null,
        };
        let new = match &change.cells {
            None => Value::Null,
            Some(cells) => {
                let (row, document) = show(epoch, head.tx, cells)?;
                let before = self.before.get_mut(&object).filter(|_| change.op == Op::Insert);
                if let Some(before) = before.and_then(|rows| rows.get_mut(&fingerprint(&row))?.pop()) {
                    (op, old) = (End::Rewrite.op(), before);
                }
                document
            }
        };
        let mut row = facts(head, name, op);
        row.extend([key_document(&epoch.table, &change.key)?, old, new]);
        Ok(row)
    }

    /// Before the first change of a generation that went on from another: the rows of that one.
    fn written_before(&mut self, object: ObjectId, oid: Oid, tx: TxId) -> Result<()> {
        let Some(lineage) = self.lineages.get(&oid).filter(|_| !self.before.contains_key(&object)) else {
            return Ok(());
        };
        let at = lineage.generations.iter().position(|one| one.object == object && one.from == tx);
        let before = at.and_then(|at| lineage.generations.get(at.checked_sub(1)?));
        let Some(before) = before.filter(|before| before.end == Some(End::Rewrite)) else { return Ok(()) };
        let snapshot = self.transaction.shared.store.snapshot(At::Transaction(tx - 1))?;
        let mut rows = snapshot.scan(before.object, &Span::all(), false);
        let (_, then) = lineage.epoch_of(before.object, tx - 1)?;
        let (_, now) = lineage.epoch_of(object, tx)?;
        let mut found: HashMap<Vec<u8>, Vec<Value>> = HashMap::new();
        while let Some((_, version)) = rows.next()? {
            self.transaction.check_interrupt()?;
            let Some(cells) = &version.cells else { continue };
            let row =
                |epoch: &Epoch| lineage.row_as(&epoch.table.relation, before.object, version.tx, None, cells);
            let shown = document(&then.table.relation, Some(&row(then)?))?;
            found.entry(fingerprint(&row(now)?)).or_default().push(shown);
        }
        self.before.insert(object, found);
        Ok(())
    }

    /// What the table was called: with its schema, but for `public`.
    fn name(&mut self, oid: Oid, object: ObjectId, tx: TxId) -> Result<String> {
        let Some(lineage) = self.lineages.get(&oid) else { return Ok(String::new()) };
        let (_, epoch) = lineage.epoch_of(object, tx)?;
        if let Some(name) = self.names.get(&(oid, epoch.from)) {
            return Ok(name.clone());
        }
        let state = self.transaction.shared.past_state(epoch.from)?;
        let relation = &epoch.table.relation;
        let schema = state.namespaces.get(&relation.schema_oid).map_or("public", |one| one.name.as_str());
        let name = match schema {
            "public" => relation.name.clone(),
            schema => format!("{schema}.{}", relation.name),
        };
        self.names.insert((oid, epoch.from), name.clone());
        Ok(name)
    }
}

fn facts(head: &Head, table: String, op: &str) -> Vec<Value> {
    vec![
        Value::Int8(head.tx as i64),
        Value::Timestamp(head.committed_at),
        head.meta.user.clone().map_or(Value::Null, Value::Text),
        Value::Text(table),
        Value::text(op),
    ]
}
