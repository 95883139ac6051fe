//! A relation's descriptor as the cells of its row in the system table `relations` (object 2), and back.
//!
//! One row holds all of a relation, rewritten whole by every DDL, so that one row proof proves a table's columns. The
//! layout is pinned: docs/file-format.md, "System tables". Numbers are big-endian, v32 is u32 length and bytes.
//!
//! What is not in the row follows from other rows and is filled in by the reader: the schema's name, `referenced_by`,
//! and `descriptor_tx` (the transaction that wrote the row).

use crate::bytes::{Reader, Writer};
use types::schema::{
    Action, Column, Constraint, ConstraintKind, ForeignKey, Identity, Index, IndexColumn, IndexKey, Relation,
    RelationKind, Sequence,
};
use types::{ColumnType, DataType, Error, Result, Value, canonical};

/// Column ids of the row.
mod id {
    pub const OID: u32 = 1;
    pub const OBJECT: u32 = 2;
    pub const PREDECESSOR: u32 = 3;
    pub const KIND: u32 = 4;
    pub const SCHEMA: u32 = 5;
    pub const NAME: u32 = 6;
    pub const OWNER: u32 = 7;
    pub const COLUMNS: u32 = 8;
    pub const PRIMARY_KEY: u32 = 9;
    pub const CONSTRAINTS: u32 = 10;
    pub const INDEXES: u32 = 11;
    pub const APPEND_ONLY: u32 = 12;
    pub const VIEW: u32 = 13;
    pub const REFERENCES: u32 = 14;
    pub const SEQUENCE: u32 = 15;
    pub const COMMENT: u32 = 16;
}

/// A cell: column id, type code, canonical bytes.
pub type EncodedCell = (u32, u8, Vec<u8>);

/// The row's cells, ascending by column id.
pub fn encode(relation: &Relation) -> Result<Vec<EncodedCell>> {
    let oid = |column, value: u32| (column, 0x29, value.to_be_bytes().to_vec());
    let bytes = |column, value: Vec<u8>| (column, 0x1a, value);
    let text = |column, value: &Option<String>| match value {
        Some(text) => (column, 0x19, text.as_bytes().to_vec()),
        None => (column, 0, vec![]),
    };
    let kind: i16 = match relation.kind {
        RelationKind::Table => 0,
        RelationKind::View => 1,
        RelationKind::Sequence => 2,
        RelationKind::System => return Err(Error::internal("a system relation has no descriptor row")),
    };
    let mut references = Writer::default();
    references.u32(relation.references.len() as u32);
    relation.references.iter().for_each(|(oid, column)| {
        references.u32(*oid).u32(*column);
    });
    Ok(vec![
        oid(id::OID, relation.oid),
        oid(id::OBJECT, relation.object_id),
        oid(id::PREDECESSOR, relation.predecessor),
        (id::KIND, 0x12, kind.to_be_bytes().to_vec()),
        oid(id::SCHEMA, relation.schema_oid),
        (id::NAME, 0x19, relation.name.as_bytes().to_vec()),
        oid(id::OWNER, relation.owner),
        bytes(id::COLUMNS, encode_columns(&relation.columns)?),
        bytes(id::PRIMARY_KEY, encode_ids(&relation.primary_key)),
        bytes(id::CONSTRAINTS, encode_constraints(&relation.constraints)),
        bytes(id::INDEXES, encode_indexes(&relation.indexes)),
        (id::APPEND_ONLY, 0x10, vec![relation.append_only as u8]),
        text(id::VIEW, &relation.view),
        bytes(id::REFERENCES, references.0),
        match &relation.sequence {
            Some(sequence) => bytes(id::SEQUENCE, encode_sequence(sequence)),
            None => (id::SEQUENCE, 0, vec![]),
        },
        text(id::COMMENT, &relation.comment),
    ])
}

/// Total: any cells give a descriptor or XX001.
pub fn decode<'a>(cells: impl IntoIterator<Item = (u32, u8, &'a [u8])>) -> Result<Relation> {
    let mut found: [Option<(u8, &[u8])>; 17] = [None; 17];
    for (column, code, bytes) in cells {
        if let Some(slot) = found.get_mut(column as usize) {
            *slot = Some((code, bytes));
        }
    }
    let cell = |column: u32, code: u8| match found.get(column as usize).copied().flatten() {
        Some((0, _)) => Ok(None),
        Some((actual, bytes)) if actual == code => Ok(Some(bytes)),
        _ => Err(Error::corrupted(format!("a descriptor without its cell {column}"))),
    };
    let needed = |column, code| {
        cell(column, code)?
            .ok_or_else(|| Error::corrupted(format!("a descriptor whose cell {column} is NULL")))
    };
    let oid = |column| Reader::new(needed(column, 0x29)?).u32();
    let optional_text = |column| match cell(column, 0x19)? {
        Some(bytes) => utf8(bytes).map(Some),
        None => Ok(None),
    };
    let mut references = Reader::new(needed(id::REFERENCES, 0x1a)?);
    let count = references.u32()?;
    let references =
        (0..count).map(|_| Ok((references.u32()?, references.u32()?))).collect::<Result<Vec<_>>>()?;
    Ok(Relation {
        oid: oid(id::OID)?,
        object_id: oid(id::OBJECT)?,
        predecessor: oid(id::PREDECESSOR)?,
        kind: match Reader::new(needed(id::KIND, 0x12)?).u16()? {
            0 => RelationKind::Table,
            1 => RelationKind::View,
            2 => RelationKind::Sequence,
            _ => return Err(Error::corrupted("a descriptor of an unknown kind")),
        },
        schema_oid: oid(id::SCHEMA)?,
        schema: String::new(),
        name: utf8(needed(id::NAME, 0x19)?)?,
        owner: oid(id::OWNER)?,
        columns: decode_columns(needed(id::COLUMNS, 0x1a)?)?,
        primary_key: decode_ids(&mut Reader::new(needed(id::PRIMARY_KEY, 0x1a)?))?,
        constraints: decode_constraints(needed(id::CONSTRAINTS, 0x1a)?)?,
        indexes: decode_indexes(needed(id::INDEXES, 0x1a)?)?,
        referenced_by: vec![],
        append_only: needed(id::APPEND_ONLY, 0x10)? == [1],
        view: optional_text(id::VIEW)?,
        references,
        sequence: cell(id::SEQUENCE, 0x1a)?.map(decode_sequence).transpose()?,
        descriptor_tx: 0,
        comment: optional_text(id::COMMENT)?,
    })
}

fn utf8(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| Error::corrupted("a descriptor with text that is not UTF-8"))
}

// u16 count ‖ per column: u32 id ‖ v32 name ‖ u32 type OID ‖ u8 type code ‖ i32 typmod ‖ u8 flags
//   (1 not null, 2 dropped, 4 default, 8 comment, 16 identity always, 32 identity by default)
//   ‖ u8 missing code ‖ v32 missing ‖ [v32 default] ‖ [v32 comment]

fn encode_columns(columns: &[Column]) -> Result<Vec<u8>> {
    let mut out = Writer::default();
    out.u16(columns.len() as u16);
    for column in columns {
        let data_type = column.ty.data_type;
        let flags = column.not_null as u8
            | (column.dropped as u8) << 1
            | (column.default.is_some() as u8) << 2
            | (column.comment.is_some() as u8) << 3
            | match column.identity {
                None => 0,
                Some(Identity::Always) => 16,
                Some(Identity::ByDefault) => 32,
            };
        out.u32(column.id).text(&column.name).u32(data_type.oid());
        out.u8(data_type.code().unwrap_or(0)).i32(column.ty.typmod).u8(flags);
        out.u8(canonical::type_code(&column.missing, data_type)?);
        let mut missing = vec![];
        canonical::encode(&column.missing, &mut missing);
        out.block(&missing);
        column.default.iter().chain(&column.comment).for_each(|text| {
            out.text(text);
        });
    }
    Ok(out.0)
}

fn decode_columns(bytes: &[u8]) -> Result<Vec<Column>> {
    let mut reader = Reader::new(bytes);
    let count = reader.u16()?;
    let columns = (0..count).map(|_| decode_column(&mut reader)).collect::<Result<Vec<_>>>()?;
    reader.end()?;
    Ok(columns)
}

fn decode_column(reader: &mut Reader<'_>) -> Result<Column> {
    let id = reader.u32()?;
    let name = reader.text()?;
    let data_type = data_type(reader.u32()?)?;
    reader.u8()?;
    let typmod = reader.i32()?;
    let flags = reader.u8()?;
    let code = reader.u8()?;
    let missing = reader.block()?;
    let missing = if code == 0 { Value::Null } else { canonical::decode(code, missing)? };
    let text = |bit: u8, reader: &mut Reader<'_>| match flags & bit {
        0 => Ok(None),
        _ => reader.text().map(Some),
    };
    Ok(Column {
        id,
        name,
        ty: ColumnType { data_type, typmod },
        not_null: flags & 1 != 0,
        dropped: flags & 2 != 0,
        default: text(4, reader)?,
        comment: text(8, reader)?,
        identity: match flags & 48 {
            0 => None,
            16 => Some(Identity::Always),
            32 => Some(Identity::ByDefault),
            _ => return Err(Error::corrupted("a column of two identities")),
        },
        missing,
    })
}

fn data_type(oid: u32) -> Result<DataType> {
    DataType::from_oid(oid).ok_or_else(|| Error::corrupted(format!("a descriptor with unknown type {oid}")))
}

fn encode_ids(ids: &[u32]) -> Vec<u8> {
    let mut out = Writer::default();
    write_ids(&mut out, ids);
    out.0
}

fn write_ids(out: &mut Writer, ids: &[u32]) {
    out.u16(ids.len() as u16);
    ids.iter().for_each(|id| {
        out.u32(*id);
    });
}

fn decode_ids(reader: &mut Reader<'_>) -> Result<Vec<u32>> {
    let count = reader.u16()?;
    (0..count).map(|_| reader.u32()).collect()
}

// u16 count ‖ per constraint: u32 OID ‖ v32 name ‖ u8 kind ‖
//   1 primary key, 2 unique: ids ‖ u32 index OID      3 check: v32 condition
//   4 foreign key: ids ‖ u32 target ‖ ids ‖ u8 on delete ‖ u8 on update ‖ u8 flags (1 full, 2 deferrable, 4 deferred)

fn encode_constraints(constraints: &[Constraint]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u16(constraints.len() as u16);
    for constraint in constraints {
        out.u32(constraint.oid).text(&constraint.name);
        match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, index } => {
                write_ids(out.u8(1), columns);
                out.u32(*index);
            }
            ConstraintKind::Unique { columns, index } => {
                write_ids(out.u8(2), columns);
                out.u32(*index);
            }
            ConstraintKind::Check { expression } => {
                out.u8(3).text(expression);
            }
            ConstraintKind::ForeignKey(key) => {
                write_ids(out.u8(4), &key.columns);
                write_ids(out.u32(key.target), &key.target_columns);
                out.u8(action_code(key.on_delete)).u8(action_code(key.on_update));
                out.u8(key.match_full as u8
                    | (key.deferrable as u8) << 1
                    | (key.initially_deferred as u8) << 2);
            }
        }
    }
    out.0
}

fn decode_constraints(bytes: &[u8]) -> Result<Vec<Constraint>> {
    let mut reader = Reader::new(bytes);
    let count = reader.u16()?;
    let constraints = (0..count)
        .map(|_| {
            let (oid, name) = (reader.u32()?, reader.text()?);
            let kind = match reader.u8()? {
                1 => ConstraintKind::PrimaryKey { columns: decode_ids(&mut reader)?, index: reader.u32()? },
                2 => ConstraintKind::Unique { columns: decode_ids(&mut reader)?, index: reader.u32()? },
                3 => ConstraintKind::Check { expression: reader.text()? },
                4 => {
                    let columns = decode_ids(&mut reader)?;
                    let target = reader.u32()?;
                    let target_columns = decode_ids(&mut reader)?;
                    let (on_delete, on_update) = (action(reader.u8()?)?, action(reader.u8()?)?);
                    let flags = reader.u8()?;
                    ConstraintKind::ForeignKey(ForeignKey {
                        columns,
                        target,
                        target_columns,
                        on_delete,
                        on_update,
                        match_full: flags & 1 != 0,
                        deferrable: flags & 2 != 0,
                        initially_deferred: flags & 4 != 0,
                    })
                }
                _ => return Err(Error::corrupted("a constraint of an unknown kind")),
            };
            Ok(Constraint { oid, name, kind })
        })
        .collect::<Result<Vec<_>>>()?;
    reader.end()?;
    Ok(constraints)
}

fn action_code(action: Action) -> u8 {
    match action {
        Action::NoAction => 0,
        Action::Restrict => 1,
        Action::Cascade => 2,
        Action::SetNull => 3,
        Action::SetDefault => 4,
    }
}

fn action(code: u8) -> Result<Action> {
    Ok(match code {
        0 => Action::NoAction,
        1 => Action::Restrict,
        2 => Action::Cascade,
        3 => Action::SetNull,
        4 => Action::SetDefault,
        _ => return Err(Error::corrupted("an unknown foreign key action")),
    })
}

// u16 count ‖ per index: u32 OID ‖ v32 name ‖ u8 flags (1 unique, 2 primary, 4 predicate, 8 comment) ‖ u16 count ‖
//   per column: u8 flags (1 descending, 2 nulls first, 4 expression) ‖ u32 id | v32 text ‖ u32 type OID ‖ i32 typmod
//   ‖ [v32 predicate] ‖ [v32 comment]

fn encode_indexes(indexes: &[Index]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u16(indexes.len() as u16);
    for index in indexes {
        out.u32(index.oid).text(&index.name);
        out.u8(index.unique as u8
            | (index.primary as u8) << 1
            | (index.predicate.is_some() as u8) << 2
            | (index.comment.is_some() as u8) << 3);
        out.u16(index.columns.len() as u16);
        for column in &index.columns {
            let flags = column.descending as u8 | (column.nulls_first as u8) << 1;
            match &column.key {
                IndexKey::Column(id) => {
                    out.u8(flags).u32(*id);
                }
                IndexKey::Expression(text, ty) => {
                    out.u8(flags | 4).text(text).u32(ty.data_type.oid()).i32(ty.typmod);
                }
            }
        }
        index.predicate.iter().chain(&index.comment).for_each(|text| {
            out.text(text);
        });
    }
    out.0
}

fn decode_indexes(bytes: &[u8]) -> Result<Vec<Index>> {
    let mut reader = Reader::new(bytes);
    let count = reader.u16()?;
    let indexes = (0..count).map(|_| decode_index(&mut reader)).collect::<Result<Vec<_>>>()?;
    reader.end()?;
    Ok(indexes)
}

fn decode_index(reader: &mut Reader<'_>) -> Result<Index> {
    let (oid, name, flags) = (reader.u32()?, reader.text()?, reader.u8()?);
    let count = reader.u16()?;
    let columns = (0..count)
        .map(|_| {
            let flags = reader.u8()?;
            let key = match flags & 4 {
                0 => IndexKey::Column(reader.u32()?),
                _ => {
                    let text = reader.text()?;
                    let data_type = data_type(reader.u32()?)?;
                    IndexKey::Expression(text, ColumnType { data_type, typmod: reader.i32()? })
                }
            };
            Ok(IndexColumn { key, descending: flags & 1 != 0, nulls_first: flags & 2 != 0 })
        })
        .collect::<Result<Vec<_>>>()?;
    let predicate = if flags & 4 != 0 { Some(reader.text()?) } else { None };
    let comment = if flags & 8 != 0 { Some(reader.text()?) } else { None };
    Ok(Index { oid, name, unique: flags & 1 != 0, primary: flags & 2 != 0, columns, predicate, comment })
}

// u32 type OID ‖ i64 start, increment, minimum, maximum, cache ‖ u8 flags (1 cycle, 2 owned) ‖ [u32 table ‖ u32 column]

fn encode_sequence(sequence: &Sequence) -> Vec<u8> {
    let mut out = Writer::default();
    out.u32(sequence.ty.data_type.oid());
    out.i64(sequence.start).i64(sequence.increment).i64(sequence.minimum).i64(sequence.maximum);
    out.i64(sequence.cache).u8(sequence.cycle as u8 | (sequence.owned_by.is_some() as u8) << 1);
    if let Some((table, column)) = sequence.owned_by {
        out.u32(table).u32(column);
    }
    out.0
}

fn decode_sequence(bytes: &[u8]) -> Result<Sequence> {
    let mut reader = Reader::new(bytes);
    let ty = data_type(reader.u32()?)?.into();
    let (start, increment, minimum) = (reader.i64()?, reader.i64()?, reader.i64()?);
    let (maximum, cache, flags) = (reader.i64()?, reader.i64()?, reader.u8()?);
    let owned_by = if flags & 2 != 0 { Some((reader.u32()?, reader.u32()?)) } else { None };
    reader.end()?;
    Ok(Sequence { ty, start, increment, minimum, maximum, cache, cycle: flags & 1 != 0, owned_by })
}
