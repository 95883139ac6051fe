//! ledger.history, ledger.diff, ledger.changes, ledger.transactions: what happened, as rows.
//!
//! Plain functions on a transaction; whoever calls them has checked the privileges of now. The columns of each are
//! beside it. Every version is read by the descriptor of its time (`lineage`); a table's rows may lie in several
//! storage generations (TRUNCATE, a new primary key): each is walked.

use crate::lineage::{Found, Lineage, facts_of, fingerprint};
use crate::scan::{Facts, KeyRange};
use crate::table::Table;
use crate::transaction::Transaction;
use codec::StoredKey;
use kv::{At, Cells, ObjectId, Op, Snapshot, Span, TxId};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use types::schema::Relation;
use types::{ColumnType, DataType, Error, Result, TextSettings, Value};

/// Rows and the columns they have.
pub struct Rows {
    pub columns: Vec<(String, ColumnType)>,
    pub rows: Vec<Vec<Value>>,
}

/// One side of a difference: a row in the places of the newer descriptor, as jsonb, and its key as the table has it now.
#[derive(Clone)]
struct Side {
    row: Vec<Value>,
    document: Value,
    key: Vec<Value>,
    tx: TxId,
}

/// Rows before and after that are called the same: more than one only where no key tells them apart.
type Sides = (Vec<Side>, Vec<Side>);

impl Transaction {
    /// Every version of a table's rows, or of those whose leading key columns are `key`, oldest first; deletes with
    /// what the row held. `_tx, _tx_end, _committed_at, _op, _user`, then the table's columns.
    pub fn history(&self, relation: &Arc<Relation>, key: &[Value]) -> Result<Rows> {
        let snapshot = self.snapshot().clone();
        let target = self.shared.table(relation)?;
        let lineage = self.lineage(relation.oid, &snapshot)?;
        let range = [KeyRange { equal: key.to_vec(), ..KeyRange::default() }];
        let ranges = (!key.is_empty()).then_some(&range[..]);
        let mut found = self.versions_of(&lineage, &target, ranges, &snapshot)?;
        found.sort_by_key(|one| one.tx);
        let mut facts = Facts { store: self.shared.store.clone(), known: HashMap::new() };
        let live =
            (0..relation.columns.len()).filter(|&at| !relation.columns[at].dropped).collect::<Vec<_>>();
        let shown = |one: &Found, mut out: Vec<Value>| {
            out.extend(live.iter().map(|&at| one.row.get(at).cloned().unwrap_or(Value::Null)));
            out
        };
        let mut rows = vec![];
        for one in &found {
            rows.push((one.tx, shown(one, one.facts(&mut facts)?)));
        }
        // TRUNCATE and DROP TABLE are one entry in the ledger: here each row tells of its end.
        for generation in &lineage.generations {
            let (Some(tx), Some(end)) = (generation.to, generation.end) else { continue };
            if !end.ends_rows() {
                continue;
            }
            let ended = |one: &&Found| one.object == generation.object && one.open && one.op != Op::Delete;
            for one in found.iter().filter(ended) {
                rows.push((tx, shown(one, facts_of(tx, None, end.op(), &mut facts)?)));
            }
        }
        rows.sort_by_key(|(tx, _)| *tx);
        Ok(Rows { columns: history_columns(relation), rows: rows.into_iter().map(|(_, row)| row).collect() })
    }

    /// Net changes of rows after transaction `from`, up to and including `to`: what reading the table AS OF the one and
    /// the other would show. `op`, the primary key, `old`, `new`, `changed`, `tx_id`, `committed_at`, `user`.
    pub fn diff(&self, relation: &Arc<Relation>, from: TxId, to: TxId) -> Result<Rows> {
        let (from, to) = self.range(from, to)?;
        let store = &self.shared.store;
        let after = store.snapshot(At::Transaction(to))?;
        let lineage = self.lineage(relation.oid, &store.snapshot(At::Latest)?)?;
        let sides = self.sides(&lineage, relation, from, to, &after)?;
        let target = lineage.epoch_at(to).or_else(|| lineage.epoch_at(from));
        let mut facts = Facts { store: store.clone(), known: HashMap::new() };
        let mut rows = vec![];
        for (mut olds, mut news) in sides.into_values() {
            // What is as it was is no change, nor what was only written again.
            olds.retain(|old| match news.iter().position(|new| new.row == old.row) {
                Some(at) => {
                    news.remove(at);
                    false
                }
                None => true,
            });
            let pairs = olds.len().max(news.len());
            let (mut olds, mut news) = (olds.into_iter(), news.into_iter());
            for (old, new) in (0..pairs).map(|_| (olds.next(), news.next())) {
                let op = match (&old, &new) {
                    (None, _) => "insert",
                    (Some(_), Some(_)) => "update",
                    (Some(_), None) => "delete",
                };
                let Some(shown) = new.as_ref().or(old.as_ref()) else { continue };
                let tx = shown.tx;
                let mut row = vec![Value::text(op)];
                row.extend(shown.key.iter().cloned());
                let (committed_at, user) = facts.of(tx)?.clone();
                let changed = match (&old, &new, target) {
                    (Some(old), Some(new), Some(epoch)) => {
                        changed_columns(&epoch.table.relation, &old.row, &new.row)
                    }
                    _ => Value::Null,
                };
                let document = |side: Option<Side>| side.map_or(Value::Null, |side| side.document);
                row.extend([document(old), document(new), changed, Value::Int8(tx as i64)]);
                row.push(committed_at.map_or(Value::Null, Value::Timestamp));
                row.push(user.map_or(Value::Null, Value::Text));
                rows.push(row);
            }
        }
        Ok(Rows { columns: diff_columns(relation), rows })
    }

    /// The rows that may differ, by what they are called in both states.
    fn sides(
        &self,
        lineage: &Lineage,
        relation: &Arc<Relation>,
        from: TxId,
        to: TxId,
        after: &Snapshot,
    ) -> Result<BTreeMap<Vec<u8>, Sides>> {
        let before = self.shared.store.snapshot(At::Transaction(from))?;
        let (then, now) = (lineage.epoch_at(from), lineage.epoch_at(to));
        let objects = [then, now].map(|epoch| epoch.map(|epoch| epoch.table.relation.object_id));
        let mut sides: BTreeMap<Vec<u8>, Sides> = BTreeMap::new();
        let Some(target) = now.or(then) else { return Ok(sides) };
        let called = |object: ObjectId, key: &[u8], row: &[Value]| match (then, now) {
            (Some(then), Some(now)) if objects[0] != objects[1] => name_across(&then.table, &now.table, row),
            _ => Ok([&object.to_be_bytes(), key].concat()),
        };
        let shown = self.shared.table(relation)?;
        let side = |epoch: &crate::lineage::Epoch, object, tx, written, cells: &Cells| {
            let then = lineage.row_as(&epoch.table.relation, object, written, None, cells)?;
            let now = lineage.row_as(relation, object, written, None, cells)?;
            let key = shown.key_positions.iter().map(|&at| now[at].clone()).collect();
            let row = lineage.row_as(&target.table.relation, object, written, None, cells)?;
            let document = document(&epoch.table.relation, Some(&then))?;
            Ok::<Side, Error>(Side { row, document, key, tx })
        };
        let walked = if objects[0] == objects[1] { &objects[..1] } else { &objects[..] };
        for object in walked.iter().copied().flatten() {
            let mut versions = after.versions(object, &Span::all(), from, to);
            let mut last: Option<Vec<u8>> = None;
            while let Some((key, version)) = versions.next()? {
                self.check_interrupt()?;
                if last.as_ref() == Some(&key) {
                    continue;
                }
                last = Some(key.clone());
                let changed = version.tx > from || version.end.is_some_and(|end| end <= to);
                if !changed && objects[0] == objects[1] {
                    continue;
                }
                let old = match objects[0] == Some(object) {
                    true => before.get(object, &key)?,
                    false => None,
                };
                let new = match objects[1] == Some(object) {
                    true => after.get(object, &key)?,
                    false => None,
                };
                let tx = match &new {
                    Some(version) => version.tx,
                    None => self.ended_at(after, object, &key, from, to, lineage)?,
                };
                for (epoch, version, is_new) in [(then, old, false), (now, new, true)] {
                    let (Some(epoch), Some(version)) = (epoch, version) else { continue };
                    let Some(cells) = &version.cells else { continue };
                    let side = side(epoch, object, tx, version.tx, cells)?;
                    let entry = sides.entry(called(object, &key, &side.row)?).or_default();
                    if is_new { entry.1.push(side) } else { entry.0.push(side) }
                }
            }
        }
        Ok(sides)
    }

    /// The transaction that ended a row: its delete, or the end of its generation.
    fn ended_at(
        &self,
        snapshot: &Snapshot,
        object: ObjectId,
        key: &[u8],
        from: TxId,
        to: TxId,
        lineage: &Lineage,
    ) -> Result<TxId> {
        let point = std::ops::Bound::Included(key.to_vec());
        let mut versions = snapshot.versions(object, &Span { from: point.clone(), to: point }, from, to);
        let mut newest = from;
        let mut lives = false;
        while let Some((_, version)) = versions.next()? {
            newest = version.tx;
            lives = version.cells.is_some();
        }
        let end = lineage.generation(object).and_then(|one| one.to);
        Ok(if lives { end.unwrap_or(newest) } else { newest })
    }

    /// `ledger.transactions`: tx_id, committed_at, user, application_name, reason, entries; `from..=to`.
    pub fn transactions(&self, from: TxId, to: TxId) -> Result<Rows> {
        let columns = [
            ("tx_id", DataType::Int8),
            ("committed_at", DataType::TimestampTz),
            ("user", DataType::Text),
            ("application_name", DataType::Text),
            ("reason", DataType::Text),
            ("entries", DataType::Int4),
        ];
        let to = to.min(self.snapshot_tx());
        let mut rows = vec![];
        let text = |value: Option<String>| value.map_or(Value::Null, Value::Text);
        self.shared.store.ledger().walk(from, &mut |unsealing| {
            let head = unsealing.head().clone();
            if head.tx > to {
                return Ok(ControlFlow::Break(()));
            }
            self.check_interrupt()?;
            rows.push(vec![
                Value::Int8(head.tx as i64),
                Value::Timestamp(head.committed_at),
                text(head.meta.user),
                text(head.meta.application_name),
                text(head.meta.reason),
                Value::Int4(i32::try_from(head.entry_count).unwrap_or(i32::MAX)),
            ]);
            Ok(ControlFlow::Continue(()))
        })?;
        let columns = columns.into_iter().map(|(name, ty)| (name.to_owned(), ty.into())).collect();
        Ok(Rows { columns, rows })
    }

    /// Both must exist; 22023 otherwise.
    pub(crate) fn range(&self, from: TxId, to: TxId) -> Result<(TxId, TxId)> {
        let ledger = self.shared.store.ledger();
        let (from, to) = (ledger.resolve(At::Transaction(from))?, ledger.resolve(At::Transaction(to))?);
        if from > to {
            return Err(types::err!(
                InvalidParameterValue,
                "the first transaction ({from}) must not be after the second ({to})"
            ));
        }
        Ok((from, to))
    }
}

pub fn history_columns(relation: &Relation) -> Vec<(String, ColumnType)> {
    let fixed = [
        ("_tx", DataType::Int8),
        ("_tx_end", DataType::Int8),
        ("_committed_at", DataType::TimestampTz),
        ("_op", DataType::Text),
        ("_user", DataType::Text),
    ];
    let mut columns: Vec<_> = fixed.into_iter().map(|(name, ty)| (name.to_owned(), ty.into())).collect();
    columns.extend(relation.live().map(|column| (column.name.clone(), column.ty)));
    columns
}

pub fn diff_columns(relation: &Relation) -> Vec<(String, ColumnType)> {
    let mut columns = vec![("op".to_owned(), DataType::Text.into())];
    let key = relation.primary_key.iter().filter_map(|id| relation.column(*id));
    columns.extend(key.map(|column| (column.name.clone(), column.ty)));
    let fixed = [
        ("old", DataType::Jsonb),
        ("new", DataType::Jsonb),
        ("changed", DataType::TextArray),
        ("tx_id", DataType::Int8),
        ("committed_at", DataType::TimestampTz),
        ("user", DataType::Text),
    ];
    columns.extend(fixed.into_iter().map(|(name, ty)| (name.to_owned(), ty.into())));
    columns
}

pub fn changes_columns() -> Vec<(String, ColumnType)> {
    let fixed = [
        ("tx_id", DataType::Int8),
        ("committed_at", DataType::TimestampTz),
        ("user", DataType::Text),
        ("table", DataType::Text),
        ("op", DataType::Text),
        ("key", DataType::Jsonb),
        ("old", DataType::Jsonb),
        ("new", DataType::Jsonb),
    ];
    fixed.into_iter().map(|(name, ty)| (name.to_owned(), ty.into())).collect()
}

fn changed_columns(relation: &Relation, old: &[Value], new: &[Value]) -> Value {
    let changed = relation
        .columns
        .iter()
        .zip(old.iter().zip(new))
        .filter(|(column, (old, new))| !column.dropped && old != new);
    Value::array(DataType::Text, changed.map(|(column, _)| Value::text(&column.name)).collect())
}

/// What a row is called in two storage generations with different keys: by the newer primary key, else the older one's
/// values, else all that it holds. `row` is in the places of the newer descriptor.
fn name_across(then: &Table, now: &Table, row: &[Value]) -> Result<Vec<u8>> {
    let places = if now.has_hidden_key() { &then.key_positions } else { &now.key_positions };
    if places.is_empty() {
        return Ok(fingerprint(row));
    }
    let values = places.iter().map(|&at| row.get(at).cloned().unwrap_or(Value::Null)).collect::<Vec<_>>();
    match now.has_hidden_key() || values.iter().any(Value::is_null) {
        true => Ok(fingerprint(&values)),
        false => now.key_of(values),
    }
}

/// A row as jsonb, as `to_jsonb(row)` gives it.
pub(crate) fn document(relation: &Relation, row: Option<&[Value]>) -> Result<Value> {
    let Some(row) = row else { return Ok(Value::Null) };
    let live = relation.columns.iter().zip(row).filter(|(column, _)| !column.dropped);
    let fields = live.map(|(column, value)| (column.name.as_str(), column.ty.data_type, value));
    object(fields)
}

/// A row's key as jsonb: its primary key columns, or `{"_row": n}`.
pub(crate) fn key_document(table: &Table, key: &[u8]) -> Result<Value> {
    match StoredKey::decode_row(key, &table.key_columns)? {
        StoredKey::HiddenRow(row) => object([("_row", DataType::Int8, &Value::Int8(row as i64))].into_iter()),
        StoredKey::Row(values) => {
            let names = table.key_positions.iter().map(|&at| table.relation.columns[at].name.as_str());
            let types = table.key_columns.iter().map(|column| column.data_type);
            object(names.zip(types).zip(&values).map(|((name, data_type), value)| (name, data_type, value)))
        }
        StoredKey::Entry { .. } => Err(Error::internal("an index entry where a row's key should be")),
    }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, DataType, &'a Value)>) -> Result<Value> {
    let settings = TextSettings::default();
    let mut text = String::from("{");
    for (at, (name, data_type, value)) in fields.enumerate() {
        if at > 0 {
            text.push(',');
        }
        quote(name, &mut text);
        text.push(':');
        json(value, data_type, &settings, &mut text);
    }
    text.push('}');
    types::text::parse(&text, DataType::Jsonb.into(), &settings)
}

fn json(value: &Value, data_type: DataType, settings: &TextSettings, out: &mut String) {
    let mut text = String::new();
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Array(array) if array.dimensions.len() <= 1 => {
            out.push('[');
            for (at, element) in array.values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json(element, array.element, settings, out);
            }
            out.push(']');
        }
        value => {
            types::text::format(value, data_type, settings, &mut text);
            let is_number = data_type.is_numeric()
                && text.bytes().all(|byte| !byte.is_ascii_alphabetic() || byte == b'e');
            match value {
                Value::Jsonb(_) => out.push_str(&text),
                Value::Text(_) if data_type == DataType::Json => out.push_str(&text),
                _ if is_number => out.push_str(&text),
                Value::Timestamp(_) => quote(&text.replacen(' ', "T", 1), out),
                _ => quote(&text, out),
            }
        }
    }
}

fn quote(text: &str, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
