//! What a verified proof says, in the words of SQL: column names by the proven descriptor, values by their types.
//!
//! A value that is not in its canonical bytes, a cell that its descriptor does not know, a key that is not the row's:
//! each rejects the proof, although every hash of it is right.

use codec::StoredKey;
use codec::stored_key::KeyColumn;
use proof::Rejection;
use proof::bundle::{Cell, Change, Content, FIRST_USER_OBJECT, Kind, Link, Row, Verified, descriptor_tx};
use proof::checkpoint::Checkpoint;
use proof::layout::Op;
use proof::meta::Meta;
use types::schema::{ColumnId, Relation};
use types::{DataType, TextSettings, Value, canonical};

/// The system table whose rows are descriptors (docs/file-format.md, "System tables").
const RELATIONS: u32 = 2;

/// A proven statement and the checkpoint under which it is so.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub checkpoint: Checkpoint,
    pub standing: Seen,
    pub statement: Statement,
}

/// The checkpoint, seen from the trust file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is the trust file's own, or was proven to extend it.
    Same,
    /// A consistency proof connects it with the trust file's.
    Connected,
    /// The trust file has no checkpoint.
    Never,
    /// The signature is good; that both are of one history is not shown.
    Unconnected { newer: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// P1.
    Transaction(Transaction),
    /// P3.
    Row(Version),
    /// P4: newest first.
    History(Vec<Version>),
    /// P2: the trust file with the new checkpoint.
    Extends { old_size: u64, advanced: String },
    /// P7: the report's checkpoint and this one cannot both be true.
    Fork { other: Checkpoint },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Transaction {
    pub tx_id: u64,
    /// Microseconds since 1970-01-01 UTC: the server's claim.
    pub commit_time: i64,
    pub entry_count: u32,
    pub system: bool,
    /// Who and why, by name; None if hidden.
    pub meta: Option<Vec<(&'static str, String)>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub transaction: Transaction,
    pub op: Op,
    pub object: u32,
    pub prev_tx: u64,
    /// By the proven descriptor.
    pub table: Option<String>,
    pub key: Option<Key>,
    /// None for a delete.
    pub columns: Option<Vec<Column>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub bytes: Vec<u8>,
    /// As values, if a descriptor tells its columns.
    pub text: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub id: ColumnId,
    pub name: Option<String>,
    pub shown: Shown,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    Hidden,
    Null,
    Text(String),
    /// Of a type that is not printed: its code and canonical bytes.
    Bytes(u8, Vec<u8>),
}

impl Report {
    pub(crate) fn new(checkpoint: &Checkpoint, statement: Statement) -> Report {
        Report { checkpoint: checkpoint.clone(), standing: Seen::Same, statement }
    }
}

pub(crate) fn of_bundle(verified: &Verified) -> Result<Report, Rejection> {
    let statement = match (verified.kind(), verified.links()) {
        (Kind::Transaction, [link]) => Statement::Transaction(transaction(link)?),
        (Kind::Row, [link]) => Statement::Row(version(link, descriptor(verified, link)?.as_ref())?),
        (_, links) => Statement::History(history(verified, links)?),
    };
    Ok(Report::new(verified.checkpoint(), statement))
}

fn history(verified: &Verified, links: &[Link]) -> Result<Vec<Version>, Rejection> {
    // Oldest first: a delete has no descriptor of its own, its key is read by that of the version before it. All
    // versions are of one object, so that a descriptor is read and checked once for all that name it.
    let mut versions = Vec::new();
    let mut known: Option<(u64, Relation)> = None;
    for link in links.iter().rev() {
        match descriptor_tx(link) {
            Some(tx_id) if known.as_ref().is_none_or(|(known, _)| *known != tx_id) => {
                known = descriptor(verified, link)?.map(|relation| (tx_id, relation));
            }
            _ => {}
        }
        versions.push(version(link, known.as_ref().map(|(_, relation)| relation))?);
    }
    versions.reverse();
    Ok(versions)
}

/// `relation`: by the version's own descriptor, or for a delete by the version's before it.
fn version(link: &Link, relation: Option<&Relation>) -> Result<Version, Rejection> {
    let change = match &link.change {
        Some(change) => change,
        None => return rejected("a version without a change"),
    };
    let columns = match &change.row {
        Some(row) => Some(columns(row, relation)?),
        None => None,
    };
    Ok(Version {
        transaction: transaction(link)?,
        op: change.entry.op,
        object: change.entry.object,
        prev_tx: change.entry.prev_tx,
        table: relation.map(|relation| relation.name.clone()),
        key: key(change, relation)?,
        columns,
    })
}

fn transaction(link: &Link) -> Result<Transaction, Rejection> {
    let transaction = &link.transaction;
    let meta = match &link.meta {
        Some(meta) => Some(meta_fields(&Meta::decode(&meta.bytes)?)),
        None => None,
    };
    Ok(Transaction {
        tx_id: transaction.tx_id,
        commit_time: transaction.commit_time,
        entry_count: transaction.entry_count,
        system: transaction.system,
        meta,
    })
}

fn meta_fields(meta: &Meta) -> Vec<(&'static str, String)> {
    let Meta { user, application_name, client_address, reason, statement_sha256 } = *meta;
    let texts = [
        ("user", user),
        ("application_name", application_name),
        ("client_address", client_address),
        ("reason", reason),
    ];
    let mut fields: Vec<(&'static str, String)> =
        texts.into_iter().filter_map(|(name, text)| Some((name, text?.to_string()))).collect();
    fields.extend(statement_sha256.map(|hash| ("statement_sha256", proof::text::hex_encode(hash))));
    fields
}

/// The table's descriptor, if the proof has it. One that does not fit rejects the proof.
fn descriptor(verified: &Verified, link: &Link) -> Result<Option<Relation>, Rejection> {
    let (described, change) = match (verified.descriptor(link), &link.change) {
        (Some(described), Some(change)) => (described, change),
        _ => return Ok(None),
    };
    let row = match &described.row {
        Some(row) if described.entry.object == RELATIONS => row,
        _ => return rejected("a descriptor that is no row of the system table of relations"),
    };
    let mut cells = Vec::new();
    for cell in &row.cells {
        match &cell.content {
            Content::Disclosed { code, value, .. } => cells.push((cell.column, *code, value.as_slice())),
            Content::Hidden(_) => return rejected("a descriptor with hidden cells"),
        }
    }
    let relation = match codec::descriptor::decode(cells) {
        Ok(relation) => relation,
        Err(error) => return rejected(format!("a descriptor that cannot be read: {error}")),
    };
    if relation.object_id != change.entry.object {
        return rejected("a descriptor of another table");
    }
    Ok(Some(relation))
}

fn columns(row: &Row, relation: Option<&Relation>) -> Result<Vec<Column>, Rejection> {
    row.cells.iter().map(|cell| column(cell, relation)).collect()
}

fn column(cell: &Cell, relation: Option<&Relation>) -> Result<Column, Rejection> {
    let described = match relation {
        Some(relation) => match relation.column(cell.column) {
            Some(column) => Some(column),
            None => return rejected(format!("column {} is not in the table's descriptor", cell.column)),
        },
        None => None,
    };
    let shown = match &cell.content {
        Content::Hidden(_) => Shown::Hidden,
        Content::Disclosed { code: 0, .. } => Shown::Null,
        Content::Disclosed { code, value, .. } => {
            let data_type = described.map(|column| column.ty.data_type);
            if data_type.is_some_and(|data_type| data_type.code() != Some(*code)) {
                return rejected(format!(
                    "column {} has a value of another type than its descriptor says",
                    cell.column
                ));
            }
            show(cell.column, *code, value, data_type)?
        }
    };
    Ok(Column { id: cell.column, name: described.map(|column| column.name.clone()), shown })
}

fn show(column: ColumnId, code: u8, bytes: &[u8], data_type: Option<DataType>) -> Result<Shown, Rejection> {
    let value = match (read(code, bytes), data_type) {
        (Some(value), _) => value,
        (None, None) if !is_printable(code) => return Ok(Shown::Bytes(code, bytes.to_vec())),
        (None, _) => {
            return rejected(format!("column {column} has a value that is not in its canonical bytes"));
        }
    };
    let data_type = match (data_type, &value) {
        (Some(data_type), _) => data_type,
        (None, Value::Array(array)) => array.element.array().unwrap_or(DataType::Unknown),
        (None, _) => {
            DataType::ALL.iter().copied().find(|ty| ty.code() == Some(code)).unwrap_or(DataType::Unknown)
        }
    };
    let mut text = String::new();
    types::text::format(&value, data_type, &TextSettings::default(), &mut text);
    Ok(Shown::Text(text))
}

/// The value, if the bytes are exactly its canonical ones.
fn read(code: u8, bytes: &[u8]) -> Option<Value> {
    let value = canonical::decode(code, bytes).ok()?;
    let mut written = Vec::with_capacity(bytes.len());
    canonical::encode(&value, &mut written);
    if written == bytes { Some(value) } else { None }
}

/// Whether this build has a type with that code.
fn is_printable(code: u8) -> bool {
    DataType::ALL.iter().any(|data_type| data_type.code() == Some(code))
}

/// The disclosed key as values. If the row shows its key columns too, they must say the same.
fn key(change: &Change, relation: Option<&Relation>) -> Result<Option<Key>, Rejection> {
    let (bytes, relation) = match (&change.key, relation) {
        (Some(key), Some(relation)) => (&key.key, relation),
        (Some(key), None) => return Ok(Some(Key { bytes: key.key.clone(), text: None })),
        (None, _) => return Ok(None),
    };
    let described =
        relation.primary_key.iter().map(|id| relation.column(*id).map(|column| column.ty.data_type));
    let columns: Vec<KeyColumn> = match described.collect::<Option<Vec<DataType>>>() {
        Some(types) => types.into_iter().map(KeyColumn::ascending).collect(),
        None => return rejected("a descriptor whose primary key is of unknown columns"),
    };
    let key = match StoredKey::decode_row(bytes, &columns) {
        Ok(key) => key,
        Err(_) => return rejected("a key that is not one of its table"),
    };
    if let (StoredKey::Row(_), Some(row)) = (&key, &change.row) {
        let shown: Option<Vec<Value>> = relation.primary_key.iter().map(|id| disclosed(row, *id)).collect();
        if let Some(values) = shown {
            let encoded = StoredKey::Row(values).encode(&columns);
            if !encoded.is_ok_and(|encoded| encoded == *bytes) {
                return rejected("the row's key is not what its primary key columns say");
            }
        }
    }
    Ok(Some(Key { bytes: bytes.clone(), text: Some(key.to_text(&columns)) }))
}

fn disclosed(row: &Row, column: ColumnId) -> Option<Value> {
    let cell = row.cells.iter().find(|cell| cell.column == column)?;
    match &cell.content {
        Content::Disclosed { code, value, .. } => read(*code, value),
        Content::Hidden(_) => None,
    }
}

impl Version {
    /// Whether names could have been proven but are not.
    pub fn lacks_descriptor(&self) -> bool {
        self.table.is_none() && self.object >= FIRST_USER_OBJECT && self.columns.is_some()
    }
}

fn rejected<T>(reason: impl Into<String>) -> Result<T, Rejection> {
    Err(Rejection::Rejected(reason.into()))
}
