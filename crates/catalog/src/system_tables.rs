//! The tables that the catalog itself is kept in. Their layouts are pinned (docs/file-format.md, "System tables"):
//! a verifier knows them without a descriptor, so their rows carry schema_tx 0.
//!
//! ```text
//!   1 schemas     key oid                          1 oid, 2 name, 3 owner, 4 comment
//!   2 relations   key oid                          codec::descriptor: all of a table, view or sequence in one row
//!   3 grants      key object, grantee, privilege   .. 4 grantor, 5 with grant option
//!   4 sequences   key oid                          1 oid, 2 last value that may have been given out, 3 called
//!   5 counters    key name                         1 name, 2 value: no OID below `oid` is free
//!   6 prepared    key gid                          1 gid, 2 owner, 3 prepared at, 4 state (`kv::Prepared`)
//!   7 origins     key origin                       1 origin, 2 its last checkpoint: what this ledger was restored from
//! ```

use codec::key;
use kv::{Cell, Cells, ObjectId};
use types::ddl::Privilege;
use types::schema::Relation;
use types::{DataType, Error, Oid, Result, Value, canonical};

pub const SCHEMAS: ObjectId = 1;
pub const RELATIONS: ObjectId = 2;
pub const GRANTS: ObjectId = 3;
pub const SEQUENCES: ObjectId = 4;
pub const COUNTERS: ObjectId = 5;
pub const PREPARED: ObjectId = 6;
pub const ORIGINS: ObjectId = 7;

/// User objects start here.
pub const FIRST_USER_OID: Oid = 16384;
/// `pg_namespace.oid` of `public`.
pub const PUBLIC_SCHEMA: Oid = 2200;
/// The role that a new database's objects belong to.
pub const BOOTSTRAP_ROLE: Oid = 10;
/// Everyone, as a grantee.
pub const PUBLIC_ROLE: Oid = 0;

/// A schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Namespace {
    pub oid: Oid,
    pub name: String,
    pub owner: Oid,
    pub comment: Option<String>,
}

/// A privilege given on a relation or a schema. The owner's own are not kept: an owner has all.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantRow {
    pub object: Oid,
    /// 0 = PUBLIC.
    pub grantee: Oid,
    pub privilege: Privilege,
    pub grantor: Oid,
    pub grantable: bool,
}

/// How far a sequence has been reserved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequenceRow {
    pub oid: Oid,
    pub value: i64,
    pub called: bool,
}

/// A transaction that waits for COMMIT PREPARED or ROLLBACK PREPARED.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedRow {
    pub gid: String,
    pub owner: Oid,
    /// Microseconds since 1970-01-01 UTC.
    pub prepared_at: i64,
    /// What the store makes it again of.
    pub state: Vec<u8>,
}

/// Schemas that are in every database and in no row: their relations are computed.
pub const SYSTEM_SCHEMAS: [(Oid, &str); 4] =
    [(11, "pg_catalog"), (99, "pg_toast"), (13000, "information_schema"), (13001, "ledger")];

pub fn is_system_schema(oid: Oid) -> bool {
    SYSTEM_SCHEMAS.iter().any(|(system, _)| *system == oid)
}

pub fn oid_key(oid: Oid) -> Vec<u8> {
    let mut out = Vec::with_capacity(5);
    out.push(1);
    out.extend_from_slice(&oid.to_be_bytes());
    out
}

pub fn namespace_cells(namespace: &Namespace) -> Result<Cells> {
    cells(&[
        (DataType::Oid, Value::Oid(namespace.oid)),
        (DataType::Text, Value::text(&namespace.name)),
        (DataType::Oid, Value::Oid(namespace.owner)),
        (DataType::Text, namespace.comment.as_ref().map_or(Value::Null, Value::text)),
    ])
}

pub fn namespace(row: &Cells) -> Result<Namespace> {
    match values(row)?.as_slice() {
        [Value::Oid(oid), Value::Text(name), Value::Oid(owner), comment] => Ok(Namespace {
            oid: *oid,
            name: name.clone(),
            owner: *owner,
            comment: comment.as_str().map(str::to_owned),
        }),
        _ => Err(Error::corrupted("a row of schemas that does not fit its layout")),
    }
}

pub fn relation_cells(relation: &Relation) -> Result<Cells> {
    let encoded = codec::descriptor::encode(relation)?;
    Ok(Cells::new(encoded.iter().map(|(column, code, bytes)| Cell { column: *column, code: *code, bytes })))
}

/// The schema's name and what refers to it are the reader's to fill in.
pub fn relation(row: &Cells, tx: kv::TxId) -> Result<Relation> {
    let mut relation =
        codec::descriptor::decode(row.iter().map(|cell| (cell.column, cell.code, cell.bytes)))?;
    relation.descriptor_tx = tx;
    Ok(relation)
}

pub fn grant_key(grant: &GrantRow) -> Result<Vec<u8>> {
    let mut out = vec![];
    key::encode(&Value::Oid(grant.object), DataType::Oid, false, false, &mut out)?;
    key::encode(&Value::Oid(grant.grantee), DataType::Oid, false, false, &mut out)?;
    key::encode(&Value::text(privilege_letter(grant.privilege)), DataType::Text, false, false, &mut out)?;
    Ok(out)
}

pub fn grant_cells(grant: &GrantRow) -> Result<Cells> {
    cells(&[
        (DataType::Oid, Value::Oid(grant.object)),
        (DataType::Oid, Value::Oid(grant.grantee)),
        (DataType::Text, Value::text(privilege_letter(grant.privilege))),
        (DataType::Oid, Value::Oid(grant.grantor)),
        (DataType::Bool, Value::Bool(grant.grantable)),
    ])
}

pub fn grant(row: &Cells) -> Result<GrantRow> {
    match values(row)?.as_slice() {
        [
            Value::Oid(object),
            Value::Oid(grantee),
            Value::Text(letter),
            Value::Oid(grantor),
            Value::Bool(grantable),
        ] => Ok(GrantRow {
            object: *object,
            grantee: *grantee,
            privilege: privilege(letter)
                .ok_or_else(|| Error::corrupted(format!("an unknown privilege {letter:?}")))?,
            grantor: *grantor,
            grantable: *grantable,
        }),
        _ => Err(Error::corrupted("a row of grants that does not fit its layout")),
    }
}

pub fn sequence_cells(row: &SequenceRow) -> Result<Cells> {
    cells(&[
        (DataType::Oid, Value::Oid(row.oid)),
        (DataType::Int8, Value::Int8(row.value)),
        (DataType::Bool, Value::Bool(row.called)),
    ])
}

pub fn sequence(row: &Cells) -> Result<SequenceRow> {
    match values(row)?.as_slice() {
        [Value::Oid(oid), Value::Int8(value), Value::Bool(called)] => {
            Ok(SequenceRow { oid: *oid, value: *value, called: *called })
        }
        _ => Err(Error::corrupted("a row of sequences that does not fit its layout")),
    }
}

pub fn counter_key(name: &str) -> Result<Vec<u8>> {
    text_key(name)
}

pub fn prepared_key(gid: &str) -> Result<Vec<u8>> {
    text_key(gid)
}

pub fn prepared_cells(row: &PreparedRow) -> Result<Cells> {
    cells(&[
        (DataType::Text, Value::text(&row.gid)),
        (DataType::Oid, Value::Oid(row.owner)),
        (DataType::TimestampTz, Value::Timestamp(row.prepared_at)),
        (DataType::Bytea, Value::Bytea(row.state.clone())),
    ])
}

pub fn prepared(row: &Cells) -> Result<PreparedRow> {
    match <[Value; 4]>::try_from(values(row)?) {
        Ok([Value::Text(gid), Value::Oid(owner), Value::Timestamp(prepared_at), Value::Bytea(state)]) => {
            Ok(PreparedRow { gid, owner, prepared_at, state })
        }
        _ => Err(Error::corrupted("a row of prepared transactions that does not fit its layout")),
    }
}

pub fn counter_cells(name: &str, value: i64) -> Result<Cells> {
    cells(&[(DataType::Text, Value::text(name)), (DataType::Int8, Value::Int8(value))])
}

pub fn counter(row: &Cells) -> Result<i64> {
    match values(row)?.as_slice() {
        [Value::Text(_), Value::Int8(value)] => Ok(*value),
        _ => Err(Error::corrupted("a row of counters that does not fit its layout")),
    }
}

pub fn origin_key(origin: &str) -> Result<Vec<u8>> {
    text_key(origin)
}

pub fn origin_cells(origin: &str, checkpoint: &str) -> Result<Cells> {
    cells(&[(DataType::Text, Value::text(origin)), (DataType::Text, Value::text(checkpoint))])
}

/// Origin and checkpoint.
pub fn origin(row: &Cells) -> Result<(String, String)> {
    match values(row)?.as_slice() {
        [Value::Text(origin), Value::Text(checkpoint)] => Ok((origin.clone(), checkpoint.clone())),
        _ => Err(Error::corrupted("a row of origins that does not fit its layout")),
    }
}

/// `aclitem`'s letter.
pub fn privilege_letter(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::Select => "r",
        Privilege::Insert => "a",
        Privilege::Update => "w",
        Privilege::Delete => "d",
        Privilege::Truncate => "D",
        Privilege::References => "x",
        Privilege::Trigger => "t",
        Privilege::Usage => "U",
        Privilege::Create => "C",
        Privilege::Connect => "c",
        Privilege::Temporary => "T",
        Privilege::Execute => "X",
    }
}

fn privilege(letter: &str) -> Option<Privilege> {
    use Privilege::*;
    [
        Select, Insert, Update, Delete, Truncate, References, Trigger, Usage, Create, Connect, Temporary,
        Execute,
    ]
    .into_iter()
    .find(|privilege| privilege_letter(*privilege) == letter)
}

fn text_key(text: &str) -> Result<Vec<u8>> {
    let mut out = vec![];
    key::encode(&Value::text(text), DataType::Text, false, false, &mut out)?;
    Ok(out)
}

/// Columns 1, 2, .. in order.
fn cells(columns: &[(DataType, Value)]) -> Result<Cells> {
    let mut encoded = Vec::with_capacity(columns.len());
    for (data_type, value) in columns {
        let mut bytes = vec![];
        canonical::encode(value, &mut bytes);
        encoded.push((canonical::type_code(value, *data_type)?, bytes));
    }
    Ok(Cells::new(encoded.iter().zip(1u32..).map(|((code, bytes), column)| Cell {
        column,
        code: *code,
        bytes,
    })))
}

fn values(row: &Cells) -> Result<Vec<Value>> {
    row.iter().map(|cell| canonical::decode(cell.code, cell.bytes)).collect()
}
