//! ledger.history, ledger.diff, ledger.changes, ledger.transactions: what happened, as rows.
//!
//! Plain functions on a transaction; whoever calls them has checked the privileges of now. The columns of each are
//! beside it. A table's rows may lie in several storage generations (TRUNCATE, a new primary key): each is walked.

use crate::row::decode_row;
use crate::scan::{Facts, KeyRange, Target, op_text, primary_span};
use crate::state::State;
use crate::system_tables;
use crate::table::Table;
use crate::transaction::Transaction;
use codec::StoredKey;
use kv::{At, Cells, Change, ObjectId, Span, TxId};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use types::schema::Relation;
use types::{ColumnType, DataType, Error, Oid, Result, TextSettings, Value};

/// Rows and the columns they have.
pub struct Rows {
    pub columns: Vec<(String, ColumnType)>,
    pub rows: Vec<Vec<Value>>,
}

/// A storage generation of a table, and when it was the current one: `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Generation {
    pub object: ObjectId,
    pub from: TxId,
    pub to: Option<TxId>,
}

/// A row before and after, and the newest transaction that changed it.
type NetChange = (Option<Vec<Value>>, Option<Vec<Value>>, TxId);

impl Transaction {
    /// A table's storage generations, oldest first. One that ended in the transaction that made it is not among them.
    pub(crate) fn generations(&self, table: Oid) -> Result<Vec<Generation>> {
        let snapshot = self.shared.store.snapshot(At::Latest)?;
        let key = system_tables::oid_key(table);
        let span = Span { from: std::ops::Bound::Included(key.clone()), to: std::ops::Bound::Included(key) };
        let mut versions = snapshot.versions(system_tables::RELATIONS, &span, 0, snapshot.tx());
        let mut generations: Vec<Generation> = vec![];
        while let Some((_, version)) = versions.next()? {
            let object = match &version.cells {
                Some(cells) => Some(system_tables::relation(cells, version.tx)?.object_id),
                None => None,
            };
            if let Some(last) = generations.last_mut().filter(|last| last.to.is_none()) {
                if Some(last.object) == object {
                    continue;
                }
                last.to = Some(version.tx);
            }
            generations.extend(object.map(|object| Generation { object, from: version.tx, to: None }));
        }
        Ok(generations)
    }

    /// Every version of a table's rows, or of those whose leading key columns are `key`, oldest first; deletes with
    /// what the row held. `_tx, _tx_end, _committed_at, _op, _user`, then the table's columns.
    pub fn history(&self, relation: &Arc<Relation>, key: &[Value]) -> Result<Rows> {
        let snapshot = self.snapshot().clone();
        let table = self.shared.table(relation)?;
        let mut facts = Facts { store: self.shared.store.clone(), known: HashMap::new() };
        let live =
            (0..relation.columns.len()).filter(|&at| !relation.columns[at].dropped).collect::<Vec<_>>();
        let span = match primary_span(&table, &KeyRange { equal: key.to_vec(), ..KeyRange::default() })? {
            Target::Nothing => None,
            Target::Point(key) => Some(Span {
                from: std::ops::Bound::Included(key.clone()),
                to: std::ops::Bound::Included(key),
            }),
            Target::Span(span) => Some(span),
        };
        let mut found: Vec<(TxId, Vec<Value>)> = vec![];
        for generation in self.generations(relation.oid)? {
            let Some(span) = &span else { break };
            let mut versions = snapshot.versions(generation.object, span, 0, snapshot.tx());
            let mut held: Option<(Vec<u8>, Cells)> = None;
            while let Some((key, version)) = versions.next()? {
                let cells = match (&version.cells, &held) {
                    (Some(cells), _) => cells.clone(),
                    // A delete shows what was deleted.
                    (None, Some((of, cells))) if *of == key => cells.clone(),
                    (None, _) => continue,
                };
                let row = decode_row(&table, &cells)?;
                let end = version.end.or(generation.to);
                let (committed_at, user) = facts.of(version.tx)?.clone();
                let mut out = vec![
                    Value::Int8(version.tx as i64),
                    end.map_or(Value::Null, |end| Value::Int8(end as i64)),
                    committed_at.map_or(Value::Null, Value::Timestamp),
                    Value::text(op_text(version.op)),
                    user.map_or(Value::Null, Value::Text),
                ];
                out.extend(live.iter().map(|&at| row[at].clone()));
                found.push((version.tx, out));
                held = Some((key, cells));
                self.check_interrupt()?;
            }
        }
        found.sort_by_key(|(tx, _)| *tx);
        Ok(Rows { columns: history_columns(relation), rows: found.into_iter().map(|(_, row)| row).collect() })
    }

    /// Net changes of rows after transaction `from`, up to and including `to`.
    /// `op`, the primary key, `old`, `new`, `changed`, `tx_id`, `committed_at`, `user`.
    pub fn diff(&self, relation: &Arc<Relation>, from: TxId, to: TxId) -> Result<Rows> {
        let (from, to) = self.range(from, to)?;
        let columns = diff_columns(relation);
        let table = self.shared.table(relation)?;
        let store = &self.shared.store;
        let (before, after) = (store.snapshot(At::Transaction(from))?, store.snapshot(At::Transaction(to))?);
        let generations = self.generations(relation.oid)?;
        let object_at = |tx: TxId| {
            let mut current = generations.iter().filter(|generation| generation.from <= tx);
            current
                .rfind(|generation| generation.to.is_none_or(|to| to > tx))
                .map(|generation| generation.object)
        };
        let (old_object, new_object) = (object_at(from), object_at(to));
        // Old rows by their key as the table has it now.
        let mut changes: BTreeMap<Vec<u8>, NetChange> = BTreeMap::new();
        let key_of = |key: &[u8], row: &[Value]| match table.has_hidden_key() {
            true => Ok(key.to_vec()),
            false => table.row_key(row),
        };
        for object in [old_object, new_object].into_iter().flatten() {
            let mut versions = after.versions(object, &Span::all(), from, to);
            let mut last: Option<Vec<u8>> = None;
            while let Some((key, version)) = versions.next()? {
                self.check_interrupt()?;
                if last.as_ref() == Some(&key) {
                    continue;
                }
                last = Some(key.clone());
                let changed = version.tx > from || version.end.is_some_and(|end| end <= to);
                if !changed && old_object == new_object {
                    continue;
                }
                let old = match old_object == Some(object) {
                    true => before.get(object, &key)?,
                    false => None,
                };
                let new = match new_object == Some(object) {
                    true => after.get(object, &key)?,
                    false => None,
                };
                let tx = match &new {
                    Some(version) => version.tx,
                    None => self.ended_at(&after, object, &key, from, to, &generations)?,
                };
                let row = |cells: Option<Cells>| cells.map(|cells| decode_row(&table, &cells)).transpose();
                let old = row(old.and_then(|version| version.cells))?;
                let new = row(new.and_then(|version| version.cells))?;
                if let Some(old) = old {
                    let entry = changes.entry(key_of(&key, &old)?).or_insert((None, None, tx));
                    entry.0 = Some(old);
                    entry.2 = entry.2.max(tx);
                }
                if let Some(new) = new {
                    let entry = changes.entry(key_of(&key, &new)?).or_insert((None, None, tx));
                    entry.1 = Some(new);
                    entry.2 = entry.2.max(tx);
                }
            }
        }
        let mut facts = Facts { store: store.clone(), known: HashMap::new() };
        let mut rows = vec![];
        for (old, new, tx) in changes.into_values() {
            let op = match (&old, &new) {
                (None, None) => continue,
                (Some(old), Some(new)) if old == new => continue,
                (None, Some(_)) => "insert",
                (Some(_), Some(_)) => "update",
                (Some(_), None) => "delete",
            };
            let Some(shown) = new.as_ref().or(old.as_ref()) else { continue };
            let mut row = vec![Value::text(op)];
            row.extend(table.key_positions.iter().map(|&at| shown[at].clone()));
            let (committed_at, user) = facts.of(tx)?.clone();
            row.push(document(relation, old.as_deref())?);
            row.push(document(relation, new.as_deref())?);
            row.push(changed_columns(relation, old.as_deref(), new.as_deref()));
            row.push(Value::Int8(tx as i64));
            row.push(committed_at.map_or(Value::Null, Value::Timestamp));
            row.push(user.map_or(Value::Null, Value::Text));
            rows.push(row);
        }
        Ok(Rows { columns, rows })
    }

    /// The transaction that ended a row: its delete, or the end of its generation.
    fn ended_at(
        &self,
        snapshot: &kv::Snapshot,
        object: ObjectId,
        key: &[u8],
        from: TxId,
        to: TxId,
        generations: &[Generation],
    ) -> Result<TxId> {
        let point = std::ops::Bound::Included(key.to_vec());
        let mut versions = snapshot.versions(object, &Span { from: point.clone(), to: point }, from, to);
        let mut newest = from;
        let mut lives = false;
        while let Some((_, version)) = versions.next()? {
            newest = version.tx;
            lives = version.cells.is_some();
        }
        let end = generations.iter().find(|generation| generation.object == object).and_then(|one| one.to);
        Ok(if lives { end.unwrap_or(newest) } else { newest })
    }

    /// Every change of every table after `from`, up to and including `to`, in the ledger's order.
    /// `tx_id, committed_at, user, table, op, key, old, new`.
    pub fn changes(&self, from: TxId, to: TxId) -> Result<Rows> {
        let (from, to) = self.range(from, to)?;
        let store = &self.shared.store;
        let mut rows = vec![];
        let mut names: HashMap<(Oid, TxId), Option<Arc<Table>>> = HashMap::new();
        store.ledger().replay(from + 1, &mut |record| {
            if record.tx > to {
                return Ok(ControlFlow::Break(()));
            }
            self.check_interrupt()?;
            let mut state: Option<Arc<State>> = None;
            for change in &record.changes {
                if change.object < system_tables::FIRST_USER_OID {
                    continue;
                }
                let state = match &state {
                    Some(state) => state.clone(),
                    None => state.insert(self.shared.past_state(record.tx)?).clone(),
                };
                let key = (change.object, state.from_tx);
                let table = match names.get(&key) {
                    Some(table) => table.clone(),
                    None => {
                        let relation = state.relation_of_object(change.object);
                        let table = relation.map(|relation| self.shared.table(relation)).transpose()?;
                        names.insert(key, table.clone());
                        table
                    }
                };
                let Some(table) = table else { continue };
                rows.push(self.change_row(&record, change, &table)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Rows { columns: changes_columns(), rows })
    }

    fn change_row(&self, record: &kv::record::Record, change: &Change, table: &Table) -> Result<Vec<Value>> {
        let relation = &table.relation;
        let old = match change.prev_tx {
            0 => None,
            tx => {
                let version =
                    self.shared.store.snapshot(At::Transaction(tx))?.get(change.object, &change.key)?;
                version.and_then(|version| version.cells)
            }
        };
        let old = old.map(|cells| decode_row(table, &cells)).transpose()?;
        let new = change.cells.as_ref().map(|cells| decode_row(table, cells)).transpose()?;
        let name = match relation.schema.as_str() {
            "public" => relation.name.clone(),
            schema => format!("{schema}.{}", relation.name),
        };
        Ok(vec![
            Value::Int8(record.tx as i64),
            Value::Timestamp(record.committed_at),
            record.meta.user.clone().map_or(Value::Null, Value::Text),
            Value::Text(name),
            Value::text(op_text(change.op)),
            key_document(table, &change.key)?,
            document(relation, old.as_deref())?,
            document(relation, new.as_deref())?,
        ])
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
        self.shared.store.ledger().replay(from, &mut |record| {
            if record.tx > to {
                return Ok(ControlFlow::Break(()));
            }
            self.check_interrupt()?;
            rows.push(vec![
                Value::Int8(record.tx as i64),
                Value::Timestamp(record.committed_at),
                text(record.meta.user),
                text(record.meta.application_name),
                text(record.meta.reason),
                Value::Int4(record.changes.len() as i32),
            ]);
            Ok(ControlFlow::Continue(()))
        })?;
        let columns = columns.into_iter().map(|(name, ty)| (name.to_owned(), ty.into())).collect();
        Ok(Rows { columns, rows })
    }

    /// Both must exist; 22023 otherwise.
    fn range(&self, from: TxId, to: TxId) -> Result<(TxId, TxId)> {
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

fn changed_columns(relation: &Relation, old: Option<&[Value]>, new: Option<&[Value]>) -> Value {
    let (Some(old), Some(new)) = (old, new) else { return Value::Null };
    let changed = relation
        .columns
        .iter()
        .zip(old.iter().zip(new))
        .filter(|(column, (old, new))| !column.dropped && old != new);
    Value::array(DataType::Text, changed.map(|(column, _)| Value::text(&column.name)).collect())
}

/// A row as jsonb, as `to_jsonb(row)` gives it.
fn document(relation: &Relation, row: Option<&[Value]>) -> Result<Value> {
    let Some(row) = row else { return Ok(Value::Null) };
    let live = relation.columns.iter().zip(row).filter(|(column, _)| !column.dropped);
    let fields = live.map(|(column, value)| (column.name.as_str(), column.ty.data_type, value));
    object(fields)
}

/// A row's key as jsonb: its primary key columns, or `{"_row": n}`.
fn key_document(table: &Table, key: &[u8]) -> Result<Value> {
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
