//! Reading a table: spans to cursors, cells straight into column vectors.

use crate::database::Shared;
use crate::groups::GroupScan;
use crate::lineage::{Generation, Translated};
use crate::row::ColumnDecoder;
use crate::schema::at;
use crate::table::Table;
use crate::transaction::{RowKey, Transaction};
use codec::key;
use codec::stored_key::KeyColumn;
use kv::snapshot::IndexCursor;
use kv::{Cursor, Op, Snapshot, Span, Store, TxId, Version};
use std::collections::{HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use types::schema::{ColumnId, HiddenColumn, Relation, RelationKind};
use types::{Batch, DataType, Error, Moment, Oid, Result, Value, Vector};

/// What to read.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    pub relation: Arc<Relation>,
    /// Output columns in order: real and hidden ids. Only these are decoded.
    pub columns: Vec<ColumnId>,
    pub access: Access,
    pub backward: bool,
    pub versions: Versions,
}

#[derive(Debug, Clone)]
pub enum Access {
    All,
    Primary(Vec<KeyRange>),
    Index(Oid, Vec<KeyRange>),
}

/// Evaluated: no NULLs, values of the key columns' types.
#[derive(Debug, Clone, Default)]
pub struct KeyRange {
    pub equal: Vec<Value>,
    pub lower: Option<(Value, bool)>,
    pub upper: Option<(Value, bool)>,
}

#[derive(Debug, Clone, Copy)]
pub enum Versions {
    Snapshot,
    At(Moment),
    /// Every version that overlaps the range; None = unbounded. `closed`: `to` itself included.
    Range {
        from: Option<Moment>,
        to: Option<Moment>,
        closed: bool,
    },
}

/// An open scan. It owns what it reads from: the transaction may go on writing.
pub struct Scan {
    sources: VecDeque<Source>,
    decoder: ColumnDecoder,
    /// (vector, column)
    hidden: Vec<(usize, HiddenColumn)>,
    /// (vector, place in `Relation::columns`)
    places: Vec<(usize, usize)>,
    types: Vec<DataType>,
    facts: Facts,
    has_hidden_key: bool,
    oid: Oid,
    /// The newest transaction that the snapshot sees: a newer version is an own write.
    seen: TxId,
    interrupt: Option<crate::transaction::Interrupt>,
}

enum Source {
    Ready(std::vec::IntoIter<(RowKey, Version)>),
    Rows(Box<dyn Cursor + Send>),
    /// The same, where columns of them are kept.
    Groups(Box<GroupScan>),
    /// Index entries, each fetched by its primary key.
    Entries {
        cursor: Box<dyn IndexCursor + Send>,
        snapshot: Snapshot,
        object: kv::ObjectId,
    },
    /// Every version that lived within [from, to]; rows of an older generation end with it.
    Versions {
        cursor: Box<dyn Cursor + Send>,
        from: TxId,
        to: TxId,
        end: Option<TxId>,
    },
    /// Versions in the places of the relation's columns, and whether their keys are row ids.
    Translated(std::vec::IntoIter<Translated>),
    /// A sequence's one row.
    Row(Option<Vec<Value>>),
}

impl Transaction {
    pub fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        let relation = &request.relation;
        let mut scan = self.empty_scan(request)?;
        if relation.kind == RelationKind::Sequence {
            let (value, called) = self.sequence_value(relation.oid)?;
            let row = request.columns.iter().map(|id| match id {
                1 => Value::Int8(value),
                2 => Value::Int8(0),
                3 => Value::Bool(called),
                _ => Value::Null,
            });
            scan.sources.push_back(Source::Row(Some(row.collect())));
            return Ok(scan);
        }
        if relation.kind != RelationKind::Table {
            return Err(Error::internal(format!("\"{}\" has no rows of its own", relation.name)));
        }
        let table = self.shared.table(relation)?;
        match request.versions {
            Versions::Snapshot if self.past.is_none() => self.scan_present(&table, request, &mut scan)?,
            Versions::Snapshot => {
                let snapshot = self.snapshot().clone();
                scan_past(&self.shared, &table, request, snapshot, &mut scan)?;
            }
            Versions::At(moment) => {
                let snapshot = self.shared.store.snapshot(at(moment))?;
                scan.seen = snapshot.tx();
                scan_past(&self.shared, &table, request, snapshot, &mut scan)?;
            }
            Versions::Range { from, to, closed } => {
                self.scan_range(&table, request, from, to, closed, &mut scan)?
            }
        }
        if request.backward {
            scan.sources.make_contiguous().reverse();
        }
        Ok(scan)
    }

    fn empty_scan(&self, request: &ScanRequest) -> Result<Scan> {
        let relation = &request.relation;
        let (mut real, mut hidden, mut types, mut places) = (vec![], vec![], vec![], vec![]);
        for (output, id) in request.columns.iter().enumerate() {
            if let Some(column) = HiddenColumn::from_id(*id) {
                hidden.push((output, column));
                types.push(column.data_type());
                continue;
            }
            let column = relation.column(*id).filter(|column| !column.dropped);
            let column = column
                .ok_or_else(|| Error::internal(format!("table {} has no column {id}", relation.name)))?;
            types.push(column.ty.data_type);
            if relation.kind == RelationKind::Table {
                real.push((output, column));
                let place = relation.columns.iter().position(|candidate| candidate.id == *id);
                places.extend(place.map(|place| (output, place)));
            }
        }
        Ok(Scan {
            sources: VecDeque::new(),
            decoder: ColumnDecoder::new(real)?,
            hidden,
            places,
            types,
            facts: Facts { store: self.shared.store.clone(), known: HashMap::new() },
            has_hidden_key: relation.primary_key.is_empty(),
            oid: relation.oid,
            seen: self.snapshot_tx(),
            interrupt: self.interrupt(),
        })
    }

    /// The snapshot with own writes over it.
    fn scan_present(&self, table: &Table, request: &ScanRequest, scan: &mut Scan) -> Result<()> {
        let object = table.relation.object_id;
        match &request.access {
            Access::All => scan.sources.push_back(self.rows(request, &Span::all())?),
            Access::Primary(ranges) => {
                let mut ready = vec![];
                for range in ranges {
                    match primary_span(table, range)? {
                        Target::Nothing => {}
                        Target::Point(key) => {
                            let found = self.kv.get(object, &key)?.filter(|version| version.cells.is_some());
                            ready.extend(found.map(|version| (key, version)));
                        }
                        Target::Span(span) => {
                            scan.ready(&mut ready, request.backward);
                            scan.sources.push_back(self.rows(request, &span)?);
                        }
                    }
                }
                scan.ready(&mut ready, request.backward);
            }
            Access::Index(oid, ranges) => {
                let Some(index) = secondary(table, *oid)? else {
                    let request = ScanRequest { access: Access::Primary(ranges.clone()), ..request.clone() };
                    return self.scan_present(table, &request, scan);
                };
                let own = self.written.contains(&object);
                for range in ranges {
                    let Target::Span(span) = span(object.to_be_bytes().to_vec(), &index.columns, range)?
                    else {
                        continue;
                    };
                    let mut cursor = self.kv.scan_index(*oid, &span, request.backward);
                    if !own {
                        let snapshot = self.kv.snapshot().clone();
                        scan.sources.push_back(Source::Entries { cursor, snapshot, object });
                        continue;
                    }
                    // Own rows are only seen through the transaction: fetch now.
                    let mut ready = vec![];
                    while let Some((_, key)) = cursor.next()? {
                        let found = self.kv.get(object, &key)?.filter(|version| version.cells.is_some());
                        ready.extend(found.map(|version| (key, version)));
                    }
                    scan.sources.push_back(Source::Ready(ready.into_iter()));
                }
            }
        }
        Ok(())
    }

    /// Rows of a span of the present.
    fn rows(&self, request: &ScanRequest, span: &Span) -> Result<Source> {
        let object = request.relation.object_id;
        if self.written.contains(&object) || !self.shared.may_group(request) {
            return Ok(Source::Rows(self.kv.scan(object, span, request.backward)));
        }
        self.kv.reads(object, span);
        self.shared.group_scan(request, span, self.kv.snapshot())
    }

    fn scan_range(
        &self,
        table: &Table,
        request: &ScanRequest,
        from: Option<Moment>,
        to: Option<Moment>,
        closed: bool,
        scan: &mut Scan,
    ) -> Result<()> {
        let newest = self.shared.store.snapshot(kv::At::Latest)?;
        let Some((from, to)) = self.bounds(newest.tx(), from, to, closed)? else { return Ok(()) };
        scan.seen = newest.tx();
        let lineage = self.lineage(request.relation.oid, &newest)?;
        if !lineage.is_plain(&request.relation) {
            let ranges = match &request.access {
                Access::Primary(ranges) => Some(ranges.as_slice()),
                Access::All => None,
                Access::Index(..) => return Err(Error::internal("a scan of versions by index")),
            };
            let found = self.translated(&lineage, table, ranges, (from, to), &newest)?;
            scan.sources.push_back(Source::Translated(found.into_iter()));
            return Ok(());
        }
        let spans = match &request.access {
            Access::Primary(ranges) => {
                let targets = ranges.iter().map(|range| primary_span(table, range));
                targets.map(|target| Ok(target?.into_span())).collect::<Result<Vec<_>>>()?
            }
            // Every version has to be looked at: its index columns may have changed.
            Access::All => vec![Some(Span::all())],
            Access::Index(..) => return Err(Error::internal("a scan of versions by index")),
        };
        for generation in &lineage.generations {
            let Generation { object, from: first, to: end, end: _ } = *generation;
            if first > to || end.is_some_and(|end| end <= from) {
                continue;
            }
            for span in spans.iter().flatten() {
                let cursor = newest.versions(object, span, from, to);
                scan.sources.push_back(Source::Versions { cursor, from, to, end });
            }
        }
        Ok(())
    }
}

impl Shared {
    /// Rows of a span of a past state.
    fn past_rows(&self, request: &ScanRequest, span: &Span, snapshot: &Snapshot) -> Result<Source> {
        if self.may_group(request) {
            return self.group_scan(request, span, snapshot);
        }
        Ok(Source::Rows(snapshot.scan(request.relation.object_id, span, request.backward)))
    }

    /// Whether a scan may read columns that are kept, and keep them: forward, of stored columns, of many rows.
    fn may_group(&self, request: &ScanRequest) -> bool {
        !request.backward
            && request.columns.iter().all(|id| HiddenColumn::from_id(*id).is_none())
            && self.groups.are_worth(self.estimated_rows(request.relation.object_id))
    }

    fn group_scan(&self, request: &ScanRequest, span: &Span, snapshot: &Snapshot) -> Result<Source> {
        let relation = &request.relation;
        let typed = |id: &ColumnId| relation.column(*id).map(|column| (*id, column.ty.data_type));
        let columns = request.columns.iter().filter_map(typed).collect();
        let (groups, short) = (self.groups.clone(), matches!(request.access, Access::Primary(_)));
        let scan = GroupScan::new(groups, snapshot.clone(), relation.clone(), columns, span, short)?;
        Ok(Source::Groups(Box::new(scan)))
    }
}

fn scan_past(
    shared: &Shared,
    table: &Table,
    request: &ScanRequest,
    snapshot: Snapshot,
    scan: &mut Scan,
) -> Result<()> {
    let object = table.relation.object_id;
    match &request.access {
        Access::All => scan.sources.push_back(shared.past_rows(request, &Span::all(), &snapshot)?),
        Access::Primary(ranges) => {
            let mut ready = vec![];
            for range in ranges {
                match primary_span(table, range)? {
                    Target::Nothing => {}
                    Target::Point(key) => {
                        let found = snapshot.get(object, &key)?.filter(|version| version.cells.is_some());
                        ready.extend(found.map(|version| (key, version)));
                    }
                    Target::Span(span) => {
                        scan.ready(&mut ready, request.backward);
                        scan.sources.push_back(shared.past_rows(request, &span, &snapshot)?);
                    }
                }
            }
            scan.ready(&mut ready, request.backward);
        }
        Access::Index(oid, ranges) => {
            let Some(index) = secondary(table, *oid)? else {
                let request = ScanRequest { access: Access::Primary(ranges.clone()), ..request.clone() };
                return scan_past(shared, table, &request, snapshot, scan);
            };
            for range in ranges {
                let Target::Span(span) = span(object.to_be_bytes().to_vec(), &index.columns, range)? else {
                    continue;
                };
                let cursor = snapshot.scan_index(*oid, &span, request.backward);
                scan.sources.push_back(Source::Entries { cursor, snapshot: snapshot.clone(), object });
            }
        }
    }
    Ok(())
}

impl Scan {
    /// Replaces `out` with up to `limit` next rows and, if asked, `keys` with their keys. False, with `out` empty, at
    /// the end.
    pub fn next(&mut self, out: &mut Batch, keys: Option<&mut Vec<RowKey>>, limit: usize) -> Result<bool> {
        let mut columns: Vec<Vector> = self.types.iter().map(|data_type| Vector::new(*data_type)).collect();
        let (wants_keys, mut discarded) = (keys.is_some(), vec![]);
        let keys = keys.unwrap_or(&mut discarded);
        keys.clear();
        let mut rows = 0;
        if let Some(interrupt) = &self.interrupt {
            interrupt()?;
        }
        while rows < limit {
            let Some(source) = self.sources.front_mut() else { break };
            if let Source::Row(row) = source {
                match row.take() {
                    Some(row) => {
                        columns.iter_mut().zip(&row).for_each(|(column, value)| column.push(value));
                        keys.push(vec![]);
                        rows += 1;
                    }
                    None => drop(self.sources.pop_front()),
                }
                continue;
            }
            if let Source::Translated(found) = source {
                match found.next() {
                    Some((key, version, row, numbered)) => {
                        for (output, place) in &self.places {
                            if let (Some(column), Some(value)) = (columns.get_mut(*output), row.get(*place)) {
                                column.push(value);
                            }
                        }
                        for (output, hidden) in &self.hidden {
                            let value =
                                self.facts.value(*hidden, &key, &version, self.seen, numbered, self.oid)?;
                            if let Some(column) = columns.get_mut(*output) {
                                column.push(&value);
                            }
                        }
                        keys.push(key);
                        rows += 1;
                    }
                    None => drop(self.sources.pop_front()),
                }
                continue;
            }
            if let Source::Groups(groups) = source {
                match groups.next(&mut columns, wants_keys.then_some(&mut *keys), limit - rows)? {
                    0 => drop(self.sources.pop_front()),
                    more => rows += more,
                }
                continue;
            }
            let Some((key, version)) = source.next()? else {
                self.sources.pop_front();
                continue;
            };
            let Some(cells) = &version.cells else { continue };
            self.decoder.append(cells, &mut columns)?;
            for (output, hidden) in &self.hidden {
                let value =
                    self.facts.value(*hidden, &key, &version, self.seen, self.has_hidden_key, self.oid)?;
                if let Some(column) = columns.get_mut(*output) {
                    column.push(&value);
                }
            }
            keys.push(key);
            rows += 1;
        }
        *out = Batch::from_columns(columns, rows);
        Ok(rows > 0)
    }

    fn ready(&mut self, rows: &mut Vec<(RowKey, Version)>, backward: bool) {
        if rows.is_empty() {
            return;
        }
        let mut rows = std::mem::take(rows);
        if backward {
            rows.reverse();
        }
        self.sources.push_back(Source::Ready(rows.into_iter()));
    }
}

impl Source {
    fn next(&mut self) -> Result<Option<(RowKey, Version)>> {
        match self {
            Source::Ready(rows) => Ok(rows.next()),
            Source::Rows(cursor) => cursor.next(),
            Source::Entries { cursor, snapshot, object } => {
                while let Some((_, key)) = cursor.next()? {
                    if let Some(version) = snapshot.get(*object, &key)? {
                        return Ok(Some((key, version)));
                    }
                }
                Ok(None)
            }
            Source::Versions { cursor, from, to, end } => {
                while let Some((key, mut version)) = cursor.next()? {
                    if version.end.is_none() {
                        version.end = *end;
                    }
                    let alive = version.tx <= *to && version.end.is_none_or(|end| end > *from);
                    if alive && version.op != Op::Delete {
                        return Ok(Some((key, version)));
                    }
                }
                Ok(None)
            }
            Source::Groups(_) | Source::Row(_) | Source::Translated(_) => Ok(None),
        }
    }
}

/// What hidden columns say, remembered per transaction.
pub(crate) struct Facts {
    pub store: Store,
    pub known: HashMap<TxId, (Option<i64>, Option<String>)>,
}

impl Facts {
    fn value(
        &mut self,
        column: HiddenColumn,
        key: &[u8],
        version: &Version,
        seen: TxId,
        has_hidden_key: bool,
        oid: Oid,
    ) -> Result<Value> {
        // A version newer than the snapshot is this transaction's own: it has no number yet.
        let own = version.tx > seen;
        Ok(match column {
            HiddenColumn::Tx if own => Value::Null,
            HiddenColumn::Tx => Value::Int8(version.tx as i64),
            HiddenColumn::TxEnd => version.end.map_or(Value::Null, |end| Value::Int8(end as i64)),
            HiddenColumn::CommittedAt | HiddenColumn::User | HiddenColumn::Op if own => Value::Null,
            HiddenColumn::CommittedAt => Value::Timestamp(self.store.ledger().committed_at(version.tx)?),
            HiddenColumn::User => self.user(version.tx)?.map_or(Value::Null, Value::Text),
            HiddenColumn::Op => Value::text(op_text(version.op)),
            HiddenColumn::Row if has_hidden_key => match key.try_into() {
                Ok(bytes) => Value::Int8(u64::from_be_bytes(bytes) as i64),
                Err(_) => return Err(Error::corrupted("a hidden row key that is no number")),
            },
            HiddenColumn::Row => Value::Null,
            HiddenColumn::TableOid => Value::Oid(oid),
            HiddenColumn::Xmin if own => Value::Null,
            HiddenColumn::Xmin => Value::Oid(version.tx as u32),
        })
    }

    pub fn user(&mut self, tx: TxId) -> Result<Option<String>> {
        Ok(self.of(tx)?.1.clone())
    }

    /// Commit time and user.
    pub fn of(&mut self, tx: TxId) -> Result<&(Option<i64>, Option<String>)> {
        if let std::collections::hash_map::Entry::Vacant(vacant) = self.known.entry(tx) {
            let head = self.store.ledger().head(tx)?;
            vacant.insert((Some(head.committed_at), head.meta.user));
        }
        self.known.get(&tx).ok_or_else(|| Error::internal("a transaction that was just read"))
    }
}

pub(crate) fn op_text(op: Op) -> &'static str {
    match op {
        Op::Insert => "insert",
        Op::Update => "update",
        Op::Delete => "delete",
    }
}

/// What a key range comes to.
pub(crate) enum Target {
    Nothing,
    Point(Vec<u8>),
    Span(Span),
}

impl Target {
    fn into_span(self) -> Option<Span> {
        match self {
            Target::Nothing => None,
            Target::Point(key) => Some(Span { from: Bound::Included(key.clone()), to: Bound::Included(key) }),
            Target::Span(span) => Some(span),
        }
    }
}

/// Whether a key lies within a span.
pub(crate) fn contains(span: &Span, key: &[u8]) -> bool {
    let from = match &span.from {
        Bound::Included(from) => key >= from.as_slice(),
        Bound::Excluded(from) => key > from.as_slice(),
        Bound::Unbounded => true,
    };
    from && match &span.to {
        Bound::Included(to) => key <= to.as_slice(),
        Bound::Excluded(to) => key < to.as_slice(),
        Bound::Unbounded => true,
    }
}

/// None: the primary key's own index, which is the rows themselves.
fn secondary(table: &Table, oid: Oid) -> Result<Option<&crate::table::TableIndex>> {
    match table.index(oid) {
        Some(index) if index.primary => Ok(None),
        Some(index) => Ok(Some(index)),
        None => Err(Error::internal(format!("table {} has no index {oid}", table.relation.name))),
    }
}

pub(crate) fn primary_span(table: &Table, range: &KeyRange) -> Result<Target> {
    if table.has_hidden_key() && !range.equal.is_empty() {
        return Err(Error::internal("a key range on a table without a primary key"));
    }
    let whole =
        range.equal.len() == table.key_columns.len() && range.lower.is_none() && range.upper.is_none();
    if whole && !table.has_hidden_key() {
        return Ok(point_key(table, &range.equal)?.map_or(Target::Nothing, Target::Point));
    }
    span(vec![], &table.key_columns, range)
}

/// The key with these values of the primary key's columns. None: a NULL is among them, which no key has.
pub(crate) fn point_key(table: &Table, values: &[Value]) -> Result<Option<RowKey>> {
    if values.len() != table.key_columns.len() {
        return Err(Error::internal("a point with another number of columns than the primary key"));
    }
    let mut key = Vec::with_capacity(16);
    for (value, column) in values.iter().zip(&table.key_columns) {
        if value.is_null() {
            return Ok(None);
        }
        key::encode(value, column.data_type, column.descending, column.nulls_first, &mut key)?;
    }
    Ok(Some(key))
}

/// The span of keys that start with `start`, then `range.equal`, then have the next column within the bounds.
fn span(start: Vec<u8>, columns: &[KeyColumn], range: &KeyRange) -> Result<Target> {
    let mut prefix = start;
    let mut rest = columns.iter();
    for value in &range.equal {
        let Some(column) = rest.next() else {
            return Err(Error::internal("a key range longer than its key"));
        };
        if value.is_null() {
            return Ok(Target::Nothing);
        }
        key::encode(value, column.data_type, column.descending, column.nulls_first, &mut prefix)?;
    }
    if range.lower.is_none() && range.upper.is_none() {
        return Ok(Target::Span(if prefix.is_empty() { Span::all() } else { Span::prefix(&prefix) }));
    }
    let Some(column) = rest.next() else { return Err(Error::internal("bounds after the last key column")) };
    let bound = |side: &Option<(Value, bool)>| -> Result<Option<(Vec<u8>, bool)>> {
        let Some((value, inclusive)) = side else { return Ok(None) };
        let mut bytes = prefix.clone();
        key::encode(value, column.data_type, column.descending, column.nulls_first, &mut bytes)?;
        Ok(Some((bytes, *inclusive)))
    };
    if [&range.lower, &range.upper].into_iter().flatten().any(|(value, _)| value.is_null()) {
        return Ok(Target::Nothing);
    }
    let (mut low, mut high) = (bound(&range.lower)?, bound(&range.upper)?);
    if column.descending {
        std::mem::swap(&mut low, &mut high);
    }
    // A comparison is never true of NULL: stay among the values, whose marker is 01.
    let mut values = prefix.clone();
    values.push(1);
    let values = Span::prefix(&values);
    let from = match low {
        None => values.from,
        Some((bytes, true)) => Bound::Included(bytes),
        Some((bytes, false)) => match Span::prefix(&bytes).to {
            Bound::Excluded(after) => Bound::Included(after),
            other => other,
        },
    };
    let to = match high {
        None => values.to,
        Some((bytes, true)) => Span::prefix(&bytes).to,
        Some((bytes, false)) => Bound::Excluded(bytes),
    };
    if let (Bound::Included(from), Bound::Excluded(to)) = (&from, &to)
        && from >= to
    {
        return Ok(Target::Nothing);
    }
    Ok(Target::Span(Span { from, to }))
}
