//! A scan over row groups: what they hold by whole columns, what they do not by rows.
//!
//! ```text
//!   group   rows as they were ──> slices of columns      dirty keys, rows newer than the snapshot ──> one by one
//!   gap     many rows wanted: read, made a group, kept for the next scan, and given out like one that was there
//!           few rows wanted, or no room: by rows
//! ```

use super::group::Keys;
use super::{At, Edge, RowGroup, RowGroups, between};
use crate::row::ColumnDecoder;
use crate::transaction::RowKey;
use kv::{Cursor, ObjectId, Op, Snapshot, Span};
use std::collections::VecDeque;
use std::sync::Arc;
use types::schema::{ColumnId, Relation};
use types::{DataType, Error, Result, Vector};

/// A group ends here too.
const GROUP_BYTES: usize = 16 << 20;

pub(crate) struct GroupScan {
    groups: Arc<RowGroups>,
    snapshot: Snapshot,
    relation: Arc<Relation>,
    object: ObjectId,
    /// What is wanted, by vector.
    columns: Vec<Wanted>,
    decoder: ColumnDecoder,
    /// Where to go on after what is being read. None: that is all.
    ahead: Option<Edge>,
    end: Option<Edge>,
    reading: Reading,
    /// Groups are not asked before the scan turns out to be long.
    short: bool,
    no_room: bool,
    /// Who wants fewer rows than this gets them as rows, where there is no group.
    rows_to_group: usize,
}

/// A column by the type it is read as.
type Wanted = (ColumnId, DataType);

enum Reading {
    Nothing,
    Group { group: Arc<RowGroup>, steps: VecDeque<Step> },
    Rows { cursor: Box<dyn Cursor + Send>, last: Option<RowKey> },
}

enum Step {
    /// Rows of the group, from and to.
    Rows(usize, usize),
    /// A row that the snapshot has otherwise, if it has it.
    Fetch(Box<[u8]>),
}

/// Rows on their way out: vectors by column, and keys where they are asked for.
struct Out<'a> {
    columns: &'a mut [Vector],
    keys: Option<&'a mut Vec<RowKey>>,
    count: usize,
}

impl GroupScan {
    /// `short`: it is not known to be long.
    pub fn new(
        groups: Arc<RowGroups>,
        snapshot: Snapshot,
        relation: Arc<Relation>,
        columns: Vec<Wanted>,
        span: &Span,
        short: bool,
    ) -> Result<GroupScan> {
        // A short scan makes no group: its table's changes need not be noted.
        if !short {
            groups.open(relation.object_id);
        }
        Ok(GroupScan {
            snapshot,
            rows_to_group: (groups.group_rows / 32).max(1),
            object: relation.object_id,
            decoder: decoder(&relation, &columns)?,
            groups,
            relation,
            columns,
            ahead: Some(Edge::start_of(span)),
            end: Edge::end_of(span),
            reading: Reading::Nothing,
            short,
            no_room: false,
        })
    }

    /// Appends up to `limit` rows to `columns`, a vector for each that is wanted, and their keys. Returns how many; 0 = the
    /// end.
    pub fn next(
        &mut self,
        columns: &mut [Vector],
        keys: Option<&mut Vec<RowKey>>,
        limit: usize,
    ) -> Result<usize> {
        let mut out = Out { columns, keys, count: 0 };
        if limit >= self.rows_to_group && !self.no_room {
            self.leave_rows();
        }
        while out.count < limit {
            match &mut self.reading {
                Reading::Group { group, steps } => match steps.pop_front() {
                    None => self.reading = Reading::Nothing,
                    Some(Step::Rows(from, to)) => {
                        let end = to.min(from + limit - out.count);
                        if end < to {
                            steps.push_front(Step::Rows(end, to));
                        }
                        out.slice(group, &self.columns, from, end)?;
                    }
                    Some(Step::Fetch(key)) => {
                        let found = self.snapshot.get(self.object, &key)?;
                        if let Some(cells) = found.and_then(|version| version.cells) {
                            self.decoder.append(&cells, out.columns)?;
                            out.added(key.into());
                        }
                    }
                },
                Reading::Rows { cursor, last } => match cursor.next()? {
                    None => self.reading = Reading::Nothing,
                    Some((key, version)) => {
                        let Some(cells) = &version.cells else { continue };
                        self.decoder.append(cells, out.columns)?;
                        if !self.no_room {
                            *last = Some(key.clone());
                        }
                        out.added(key);
                    }
                },
                Reading::Nothing => {
                    let Some(place) = self.ahead.take() else { break };
                    self.enter(place, limit)?;
                }
            }
        }
        Ok(out.count)
    }

    /// Many rows are wanted now: goes on by groups.
    fn leave_rows(&mut self) {
        if std::mem::take(&mut self.short) {
            self.groups.open(self.object);
        }
        if let Reading::Rows { last: Some(last), .. } = &self.reading {
            self.ahead = Some(Edge::after(last));
            self.reading = Reading::Nothing;
        }
    }

    /// Finds what lies at `place`, and how to read it.
    fn enter(&mut self, place: Edge, limit: usize) -> Result<()> {
        if self.short {
            self.read_rows(&place, None);
            return Ok(());
        }
        let may_group = limit >= self.rows_to_group && !self.no_room;
        match self.groups.find(self.object, &place) {
            At::Gap(end) if may_group => self.make_group(place, end, &[]),
            At::Gap(end) => {
                self.read_rows(&place, end);
                Ok(())
            }
            At::Group { group, dirty, end } => {
                let has_columns = self.columns.iter().all(|wanted| group.column(*wanted).is_some());
                if !has_columns && may_group && self.snapshot.tx() >= group.made_at {
                    let kept = group.columns.iter().map(|(id, column)| (*id, column.data_type));
                    let others: Vec<Wanted> = kept.filter(|wanted| self.is_there(*wanted)).collect();
                    return self.make_group(place, Some(end), &others);
                }
                let newer = self.snapshot.tx() < group.made_at
                    && self.snapshot.may_miss_deleted(self.object, group.made_at);
                if !has_columns || newer {
                    self.read_rows(&place, Some(end));
                    return Ok(());
                }
                let steps = self.steps(&group, &place, dirty);
                self.reading = Reading::Group { group, steps };
                self.go_on_at(Some(end));
                Ok(())
            }
        }
    }

    /// Whether the table has the column still, and of the type.
    fn is_there(&self, (id, data_type): Wanted) -> bool {
        let column = self.relation.column(id).filter(|column| !column.dropped);
        column.is_some_and(|column| column.ty.data_type == data_type)
    }

    fn go_on_at(&mut self, place: Option<Edge>) {
        self.ahead = place.filter(|place| self.end.as_ref().is_none_or(|end| place < end));
    }

    /// The nearer of the scan's end and another one.
    fn nearer(&self, end: Option<Edge>) -> Option<Edge> {
        match (end, &self.end) {
            (Some(end), Some(last)) => Some(end.min(last.clone())),
            (end, last) => end.or_else(|| last.clone()),
        }
    }

    fn read_rows(&mut self, place: &Edge, end: Option<Edge>) {
        let end = self.nearer(end);
        let cursor = self.snapshot.scan(self.object, &between(place, end.as_ref()), false);
        self.reading = Reading::Rows { cursor, last: None };
        self.go_on_at(end);
    }

    /// How a group's rows between `place` and the scan's end are as the snapshot sees them.
    fn steps(&self, group: &RowGroup, place: &Edge, dirty: Vec<Box<[u8]>>) -> VecDeque<Step> {
        let end = self.end.as_ref();
        let mut row = group.keys.row_at(place);
        let last = end.map_or(group.rows(), |end| group.keys.row_at(end));
        let mut steps = VecDeque::new();
        for key in dirty {
            if !place.is_before(&key) || end.is_some_and(|end| end.is_before(&key)) {
                continue;
            }
            let at = group.keys.search(&key);
            let (Ok(before) | Err(before)) = at;
            self.unchanged(group, row, before, &mut steps);
            steps.push_back(Step::Fetch(key));
            row = before + usize::from(at.is_ok());
        }
        self.unchanged(group, row, last, &mut steps);
        steps
    }

    /// Rows of a group that are as they were made, where the snapshot sees them.
    fn unchanged(&self, group: &RowGroup, from: usize, to: usize, steps: &mut VecDeque<Step>) {
        let tx = self.snapshot.tx();
        if from >= to {
            return;
        }
        if group.txs.newest() <= tx {
            steps.push_back(Step::Rows(from, to));
            return;
        }
        let mut start = from;
        for row in from..to {
            if group.txs.of(row) <= tx {
                continue;
            }
            if start < row {
                steps.push_back(Step::Rows(start, row));
            }
            // No key has been deleted since: what was inserted later was not there before.
            if !group.all_inserted {
                steps.push_back(Step::Fetch(group.keys.get(row).into()));
            }
            start = row + 1;
        }
        if start < to {
            steps.push_back(Step::Rows(start, to));
        }
    }

    /// Reads rows from `place` on, up to `end` at most, and makes them a group. `others`: columns that it shall have too.
    fn make_group(&mut self, place: Edge, end: Option<Edge>, others: &[Wanted]) -> Result<()> {
        let mut wanted = self.columns.clone();
        wanted.sort_unstable_by_key(|(id, _)| *id);
        wanted.dedup();
        wanted.extend(others.iter().filter(|(id, _)| self.columns.iter().all(|(mine, _)| mine != id)));
        let mut columns: Vec<Vector> = wanted.iter().map(|(_, data_type)| Vector::new(*data_type)).collect();
        let decoder = decoder(&self.relation, &wanted)?;

        let bounded = end.is_some();
        let end = self.nearer(end);
        let mut cursor = self.snapshot.scan(self.object, &between(&place, end.as_ref()), false);
        let (mut keys, mut txs, mut all_inserted, mut size_bytes) = (Keys::default(), vec![], true, 0);
        let mut whole = false;
        while keys.len() < self.groups.group_rows && size_bytes < GROUP_BYTES {
            let Some((key, version)) = cursor.next()? else {
                whole = true;
                break;
            };
            let Some(cells) = &version.cells else { continue };
            decoder.append(cells, &mut columns)?;
            keys.push(&key);
            txs.push(version.tx);
            all_inserted &= version.op == Op::Insert;
            size_bytes += key.len() + cells.0.len();
        }
        let rows = keys.len();
        let last = rows.checked_sub(1).map(|last| Edge::after(keys.get(last)));
        let until = if whole { end.clone().or_else(|| last.clone()) } else { last };
        let columns = wanted.iter().map(|(id, _)| *id).zip(columns).collect();
        let group = Arc::new(RowGroup::new(self.snapshot.tx(), keys, txs, all_inserted, columns));
        // At the end of a table, where rows are added, few of them wait for more.
        let worth_it = rows * 8 >= self.groups.group_rows || (bounded && rows > 0);
        if let (true, Some(until)) = (worth_it, until.clone()) {
            self.no_room = !self.groups.keep(self.object, place, until, group.clone());
        }
        self.reading = Reading::Group { group, steps: VecDeque::from([Step::Rows(0, rows)]) };
        match whole {
            true => self.go_on_at(end),
            false => self.go_on_at(until),
        }
        Ok(())
    }
}

impl Out<'_> {
    fn slice(&mut self, group: &RowGroup, wanted: &[Wanted], from: usize, to: usize) -> Result<()> {
        for (vector, wanted) in self.columns.iter_mut().zip(wanted) {
            let column =
                group.column(*wanted).ok_or_else(|| Error::internal("a group without the column"))?;
            let slice = column.slice(from, to);
            if vector.is_empty() {
                *vector = slice;
            } else {
                vector.append(&slice);
            }
        }
        if let Some(keys) = &mut self.keys {
            keys.extend((from..to).map(|row| group.keys.get(row).to_vec()));
        }
        self.count += to - from;
        Ok(())
    }

    fn added(&mut self, key: RowKey) {
        if let Some(keys) = &mut self.keys {
            keys.push(key);
        }
        self.count += 1;
    }
}

fn decoder(relation: &Relation, wanted: &[Wanted]) -> Result<ColumnDecoder> {
    let mut columns = Vec::with_capacity(wanted.len());
    for (output, (id, _)) in wanted.iter().enumerate() {
        let column = relation.column(*id).filter(|column| !column.dropped);
        columns
            .push((output, column.ok_or_else(|| Error::internal("a group of a column that is not there"))?));
    }
    ColumnDecoder::new(columns)
}
