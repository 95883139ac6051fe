//! A table through time: its descriptors, its storage generations, and its rows read by the descriptor of their time.
//!
//! A column is a place in `Relation::columns`: no DDL moves or removes one, and ALTER TYPE, which gives a column another
//! number, leaves it in its place. So a value finds its way from the descriptor it was written under to any other.
//!
//! ```text
//!   generation 16384 ─────────────┐ TRUNCATE   16390 ──────┐ ADD PRIMARY KEY   16401 ──>
//!   epochs     v1 ── v2 (+column) ┴ v3 ────────────────────┴ v4 ── v5 (ALTER TYPE) ──>
//! ```

use crate::row::decode_row;
use crate::scan::{Facts, KeyRange, Target, contains, op_text, primary_span};
use crate::schema::at;
use crate::system_tables::{self, RELATIONS};
use crate::table::Table;
use crate::transaction::{RowKey, Transaction};
use kv::{At, Cells, ObjectId, Op, Snapshot, Span, TxId, Version};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use types::schema::{ConstraintKind, Relation, RelationKind};
use types::{ColumnType, Error, Moment, Oid, Result, TextSettings, Value, canonical};

/// A descriptor and when it was the table's: `[from, to)`.
pub(crate) struct Epoch {
    pub from: TxId,
    pub to: Option<TxId>,
    pub table: Arc<Table>,
}

/// A storage generation and when it was the table's: `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Generation {
    pub object: ObjectId,
    pub from: TxId,
    pub to: Option<TxId>,
    /// How it ended.
    pub end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Truncate,
    Drop,
    /// Another primary key: the rows went on in the next generation.
    Rewrite,
}

impl End {
    /// What `ledger.history` and `ledger.changes` call it.
    pub fn op(self) -> &'static str {
        match self {
            End::Truncate => "truncate",
            End::Drop => "drop",
            End::Rewrite => "rewrite",
        }
    }

    /// Whether the rows went with it.
    pub fn ends_rows(self) -> bool {
        self != End::Rewrite
    }
}

pub(crate) struct Lineage {
    /// Oldest first. A descriptor that was replaced in the transaction that made it is not among them.
    pub epochs: Vec<Epoch>,
    pub generations: Vec<Generation>,
}

/// A version in the places of a relation's columns, and whether its key is a row id.
pub(crate) type Translated = (RowKey, Version, Vec<Value>, bool);

/// A version of a row in the places of some descriptor; a delete holds what was deleted.
pub(crate) struct Found {
    /// Of the newest generation that the row went on in, with its key there.
    pub object: ObjectId,
    pub key: RowKey,
    pub tx: TxId,
    pub end: Option<TxId>,
    pub op: Op,
    /// It ended with its generation, or has not ended.
    pub open: bool,
    pub row: Vec<Value>,
}

impl Transaction {
    /// A table's past as a snapshot sees it. Empty where it sees none.
    pub(crate) fn lineage(&self, table: Oid, snapshot: &Snapshot) -> Result<Lineage> {
        let key = Bound::Included(system_tables::oid_key(table));
        let found = self.lineages(&Span { from: key.clone(), to: key }, snapshot)?;
        Ok(found.into_values().next().unwrap_or(Lineage { epochs: vec![], generations: vec![] }))
    }

    /// Of every table whose key is in the span.
    pub(crate) fn lineages(&self, span: &Span, snapshot: &Snapshot) -> Result<BTreeMap<Oid, Lineage>> {
        let mut versions = snapshot.versions(RELATIONS, span, 0, snapshot.tx());
        let mut found: BTreeMap<Oid, Lineage> = BTreeMap::new();
        let mut current: Option<(Vec<u8>, Oid)> = None;
        while let Some((key, version)) = versions.next()? {
            let Some(cells) = &version.cells else {
                let dropped = current.as_ref().filter(|(of, _)| *of == key);
                if let Some(lineage) = dropped.and_then(|(_, oid)| found.get_mut(oid)) {
                    lineage.ended(version.tx);
                }
                continue;
            };
            let relation = system_tables::relation(cells, version.tx)?;
            if relation.kind != RelationKind::Table {
                continue;
            }
            current = Some((key, relation.oid));
            let lineage =
                found.entry(relation.oid).or_insert_with(|| Lineage { epochs: vec![], generations: vec![] });
            lineage.went_on(relation, version.tx, &*self.shared.binder)?;
        }
        Ok(found)
    }

    /// The descriptor that a table had after a transaction, or its last one before.
    pub fn relation_as_of(&self, relation: &Arc<Relation>, tx: TxId) -> Result<Arc<Relation>> {
        let lineage = self.lineage(relation.oid, self.snapshot())?;
        let epoch = lineage.epochs.iter().rfind(|epoch| epoch.from <= tx);
        let Some(epoch) = epoch else {
            return Err(types::err!(
                InvalidParameterValue,
                "table \"{}\" did not exist at transaction {tx}",
                relation.name
            ));
        };
        Ok(match epoch.table.relation.object_id == relation.object_id {
            true => relation.clone(),
            false => epoch.table.relation.clone(),
        })
    }

    /// Every version of the rows whose key (that of `target`) is in one of the ranges, in the places of `target`, by
    /// key and oldest first. What a new primary key wrote again is not a version: the row goes on.
    pub(crate) fn versions_of(
        &self,
        lineage: &Lineage,
        target: &Table,
        ranges: Option<&[KeyRange]>,
        snapshot: &Snapshot,
    ) -> Result<Vec<Found>> {
        let wanted = ranges.map(|ranges| wanted(target, ranges)).transpose()?;
        let mut found = vec![];
        for (at, generation) in lineage.generations.iter().enumerate() {
            let table = &lineage.epoch_of(generation.object, generation.from)?.1.table;
            // Under another key, or where a row's number may have changed, every row has to be looked at.
            let same_key =
                !target.has_hidden_key() && table.relation.primary_key == target.relation.primary_key;
            let spans = match &wanted {
                Some(spans) if same_key => spans.clone(),
                _ => vec![Span::all()],
            };
            for span in &spans {
                self.versions_within(lineage, *generation, span, target, snapshot, &mut found)?;
            }
            if let Some(before) = at.checked_sub(1).and_then(|at| lineage.generations.get(at))
                && before.end == Some(End::Rewrite)
            {
                go_on(&mut found, before.object, generation);
            }
        }
        if let Some(spans) = &wanted {
            let mut kept = vec![];
            for one in found {
                let key = match target.has_hidden_key() {
                    true if one.object == target.relation.object_id => Some(one.key.clone()),
                    true => None,
                    // A value that is none of the key's type now is no key.
                    false => target.row_key(&one.row).ok(),
                };
                if key.is_some_and(|key| spans.iter().any(|span| contains(span, &key))) {
                    kept.push(one);
                }
            }
            found = kept;
        }
        Ok(found)
    }

    /// The transactions that a range spans. A bound in the time before the first one begins with it; a range that ended
    /// by then spans none.
    pub(crate) fn bounds(
        &self,
        newest: TxId,
        from: Option<Moment>,
        to: Option<Moment>,
        closed: bool,
    ) -> Result<Option<(TxId, TxId)>> {
        let ledger = self.shared.store.ledger();
        let first = ledger.committed_at(0)?;
        let from = match from {
            Some(Moment::Time(micros)) if micros < first => 0,
            Some(moment) => ledger.resolve(at(moment))?,
            None => 0,
        };
        let to = match to {
            None => newest,
            Some(Moment::Time(micros)) => match if closed { micros } else { micros.saturating_sub(1) } {
                micros if micros < first => return Ok(None),
                micros => ledger.resolve(At::Time(micros))?,
            },
            Some(moment) if closed => ledger.resolve(at(moment))?,
            Some(moment) => match ledger.resolve(at(moment))?.checked_sub(1) {
                Some(before) => before,
                None => return Ok(None),
            },
        };
        Ok((from <= to).then_some((from, to)))
    }

    /// The versions alive within `from..=to`, each read by its own descriptor.
    pub(crate) fn translated(
        &self,
        lineage: &Lineage,
        table: &Table,
        ranges: Option<&[KeyRange]>,
        (from, to): (TxId, TxId),
        newest: &Snapshot,
    ) -> Result<Vec<Translated>> {
        let object = table.relation.object_id;
        let rows = self.versions_of(lineage, table, ranges, newest)?.into_iter().filter_map(|one| {
            let alive = one.tx <= to && one.end.is_none_or(|end| end > from) && one.op != Op::Delete;
            let version =
                Version { tx: one.tx, op: one.op, schema_tx: 0, cells: None, moved_to: None, end: one.end };
            let numbered = table.has_hidden_key() && one.object == object;
            alive.then_some((one.key, version, one.row, numbered))
        });
        Ok(rows.collect())
    }

    fn versions_within(
        &self,
        lineage: &Lineage,
        generation: Generation,
        span: &Span,
        target: &Table,
        snapshot: &Snapshot,
        found: &mut Vec<Found>,
    ) -> Result<()> {
        let object = generation.object;
        let mut versions = snapshot.versions(object, span, 0, snapshot.tx());
        let mut held: Option<(RowKey, TxId, Cells)> = None;
        while let Some((key, version)) = versions.next()? {
            self.check_interrupt()?;
            let (written, cells) = match (version.cells, held.take()) {
                (Some(cells), _) => (version.tx, cells),
                // A delete shows what was deleted.
                (None, Some((of, written, cells))) if of == key => (written, cells),
                (None, _) => continue,
            };
            let open = version.end.is_none();
            let end = version.end.or(generation.to.filter(|_| version.op != Op::Delete));
            // A deleted row's columns are those it had until then.
            let lived = if version.op == Op::Delete { Some(version.tx) } else { end };
            let row = lineage.row_as(&target.relation, object, written, lived, &cells)?;
            let (tx, op) = (version.tx, version.op);
            found.push(Found { object, key: key.clone(), tx, end, op, open, row });
            held = Some((key, written, cells));
        }
        Ok(())
    }
}

impl Lineage {
    fn ended(&mut self, tx: TxId) {
        if let Some(last) = self.epochs.last_mut().filter(|last| last.to.is_none()) {
            last.to = Some(tx);
        }
        if let Some(last) = self.generations.last_mut().filter(|last| last.to.is_none()) {
            last.to = Some(tx);
            last.end = Some(End::Drop);
        }
    }

    fn went_on(&mut self, mut relation: Relation, tx: TxId, binder: &dyn expr::Binder) -> Result<()> {
        // Rows are read by it, never written: its other indexes may not even bind any more.
        relation.indexes.clear();
        let object = relation.object_id;
        let relation = Arc::new(relation);
        let table = Arc::new(Table::new(&relation, binder)?);
        let before = self.epochs.last_mut();
        if let Some(last) =
            self.generations.last_mut().filter(|last| last.object != object && last.to.is_none())
        {
            let same =
                before.as_ref().is_some_and(|before| key_of(&before.table.relation) == key_of(&relation));
            last.to = Some(tx);
            last.end = Some(if same { End::Truncate } else { End::Rewrite });
        }
        if let Some(before) = before {
            before.to = Some(tx);
        }
        if self.generations.last().is_none_or(|last| last.object != object) {
            self.generations.push(Generation { object, from: tx, to: None, end: None });
        }
        self.epochs.push(Epoch { from: tx, to: None, table });
        Ok(())
    }

    /// The descriptor after a transaction.
    pub fn epoch_at(&self, tx: TxId) -> Option<&Epoch> {
        self.epochs.iter().rfind(|epoch| epoch.from <= tx && epoch.to.is_none_or(|to| to > tx))
    }

    pub fn generation(&self, object: ObjectId) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.object == object)
    }

    /// The descriptor under which a transaction wrote to a generation, and where it is.
    pub fn epoch_of(&self, object: ObjectId, tx: TxId) -> Result<(usize, &Epoch)> {
        let of = |epoch: &Epoch| epoch.table.relation.object_id == object;
        let found = self.epochs.iter().rposition(|epoch| of(epoch) && epoch.from <= tx);
        let found = found.or_else(|| self.epochs.iter().position(of));
        found.and_then(|at| Some((at, self.epochs.get(at)?))).ok_or_else(|| {
            Error::corrupted(format!("rows of storage generation {object} without a descriptor"))
        })
    }

    /// A version's values in the places of `target`. A column that came later shows its default where the version
    /// lived to see it, else NULL; so does a value that cannot be cast to its column's later type.
    pub fn row_as(
        &self,
        target: &Relation,
        object: ObjectId,
        tx: TxId,
        end: Option<TxId>,
        cells: &Cells,
    ) -> Result<Vec<Value>> {
        let (at, epoch) = self.epoch_of(object, tx)?;
        let mut row = decode_row(&epoch.table, cells)?;
        let written = &epoch.table.relation.columns;
        let mut value = |(place, column): (usize, &types::schema::Column)| {
            if column.dropped {
                return Value::Null;
            }
            match written.get(place).filter(|written| !written.dropped) {
                Some(written) => {
                    let value =
                        row.get_mut(place).map_or(Value::Null, |value| std::mem::replace(value, Value::Null));
                    converted(value, written.ty, column.ty)
                }
                None => self.added(place, at, end, column),
            }
        };
        Ok(target.columns.iter().enumerate().map(&mut value).collect())
    }

    /// What a version from before a column's time has in it.
    fn added(
        &self,
        place: usize,
        written: usize,
        end: Option<TxId>,
        column: &types::schema::Column,
    ) -> Value {
        for epoch in self.epochs.iter().skip(written + 1) {
            if let Some(first) = epoch.table.relation.columns.get(place).filter(|first| !first.dropped) {
                return match end.is_none_or(|end| end > epoch.from) {
                    true => converted(first.missing.clone(), first.ty, column.ty),
                    false => Value::Null,
                };
            }
        }
        // Of a transaction that has not committed yet.
        if end.is_none() { column.missing.clone() } else { Value::Null }
    }

    /// Whether every version can be read by `relation` alone: no column changed its type or came with a default, and
    /// no key changed.
    pub fn is_plain(&self, relation: &Relation) -> bool {
        let same = |epoch: &Epoch| {
            let then = &epoch.table.relation;
            then.primary_key == relation.primary_key
                && relation.columns.iter().enumerate().filter(|(_, column)| !column.dropped).all(
                    |(place, column)| match then.columns.get(place).filter(|then| !then.dropped) {
                        Some(then) => then.id == column.id && then.ty.data_type == column.ty.data_type,
                        None => column.missing.is_null(),
                    },
                )
        };
        self.generations.iter().all(|one| one.end != Some(End::Rewrite)) && self.epochs.iter().all(same)
    }
}

/// The primary key's constraint and columns.
fn key_of(relation: &Relation) -> Option<(Oid, &[types::schema::ColumnId])> {
    relation.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => Some((constraint.oid, columns.as_slice())),
        ConstraintKind::Unique { .. } | ConstraintKind::Check { .. } | ConstraintKind::ForeignKey(_) => None,
    })
}

/// Keys of `target` as spans of its storage.
fn wanted(target: &Table, ranges: &[KeyRange]) -> Result<Vec<Span>> {
    let mut spans = vec![];
    for range in ranges {
        // A table without a primary key is asked by the number of a row.
        if let (true, Some(row)) = (target.has_hidden_key(), range.equal.first()) {
            let row = row.as_i64().and_then(|row| u64::try_from(row).ok());
            let point = row.map(|row| Bound::Included(row.to_be_bytes().to_vec()));
            spans.extend(point.map(|point| Span { from: point.clone(), to: point }));
            continue;
        }
        match primary_span(target, range)? {
            Target::Nothing => {}
            Target::Point(key) => {
                spans.push(Span { from: Bound::Included(key.clone()), to: Bound::Included(key) });
            }
            Target::Span(span) => spans.push(span),
        }
    }
    Ok(spans)
}

/// Rows that a new generation has written again as they were: the version before goes on, under the new key.
fn go_on(found: &mut Vec<Found>, before: ObjectId, generation: &Generation) {
    let mut ended: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for (at, one) in found.iter().enumerate().rev() {
        if one.object == before && one.open && one.op != Op::Delete {
            ended.entry(fingerprint(&one.row)).or_default().push(at);
        }
    }
    let mut moved: HashMap<RowKey, RowKey> = HashMap::new();
    let mut again = vec![false; found.len()];
    for at in 0..found.len() {
        let Some(one) = found.get(at) else { break };
        if one.object != generation.object || one.tx != generation.from || one.op != Op::Insert {
            continue;
        }
        let Some(earlier) = ended.get_mut(&fingerprint(&one.row)).and_then(Vec::pop) else { continue };
        let (key, end, open) = (one.key.clone(), one.end, one.open);
        if let Some(earlier) = found.get_mut(earlier) {
            (earlier.end, earlier.open) = (end, open);
            moved.insert(earlier.key.clone(), key);
        }
        if let Some(again) = again.get_mut(at) {
            *again = true;
        }
    }
    for one in found.iter_mut().filter(|one| one.object == before) {
        if let Some(key) = moved.get(&one.key) {
            one.key = key.clone();
            one.object = generation.object;
        }
    }
    let mut again = again.into_iter();
    found.retain(|_| !again.next().unwrap_or(false));
}

/// Equal for rows that hold the same.
pub(crate) fn fingerprint(row: &[Value]) -> Vec<u8> {
    let mut out = vec![];
    for value in row {
        let start = out.len();
        out.extend_from_slice(&[u8::from(value.is_null()), 0, 0, 0, 0]);
        canonical::encode(value, &mut out);
        let length = (out.len() - start) as u32;
        if let Some(place) = out.get_mut(start + 1..start + 5) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
    out
}

/// A value of a column as its later type has it: by a cast, else by its text. NULL where neither works.
fn converted(value: Value, from: ColumnType, to: ColumnType) -> Value {
    if value.is_null() || from.data_type == to.data_type {
        return value;
    }
    let settings = TextSettings::default();
    if let Ok(cast) = types::cast::cast(&value, from.data_type, to, true, &settings) {
        return cast;
    }
    let mut text = String::new();
    types::text::format(&value, from.data_type, &settings, &mut text);
    types::text::parse(&text, to, &settings).unwrap_or(Value::Null)
}

impl Found {
    /// `_tx, _tx_end, _committed_at, _op, _user`.
    pub fn facts(&self, facts: &mut Facts) -> Result<Vec<Value>> {
        facts_of(self.tx, self.end, op_text(self.op), facts)
    }
}

pub(crate) fn facts_of(tx: TxId, end: Option<TxId>, op: &str, facts: &mut Facts) -> Result<Vec<Value>> {
    let (committed_at, user) = facts.of(tx)?.clone();
    Ok(vec![
        Value::Int8(tx as i64),
        end.map_or(Value::Null, |end| Value::Int8(end as i64)),
        committed_at.map_or(Value::Null, Value::Timestamp),
        Value::text(op),
        user.map_or(Value::Null, Value::Text),
    ])
}
