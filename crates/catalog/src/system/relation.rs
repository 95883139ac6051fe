//! pg_class, pg_attribute, pg_attrdef, pg_index, pg_sequence, pg_namespace, pg_description.

use super::base_type::{collation, layout};
use super::row::{NULL, Rows, count, number, row, vector};
use super::source::{Source, kind};
use super::{acl, definition};
use types::schema::{Column, ConstraintKind, Identity, Index, IndexKey, Relation, RelationKind};
use types::{ColumnType, DataType, Oid, Value};

pub(super) const PG_CLASS: Oid = 1259;
const BTREE: Oid = 403;
const HEAP: Oid = 2;

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    Some(Ok(match name {
        "pg_class" => source.all().flat_map(|relation| class(relation, source)).collect(),
        "pg_attribute" => source.all().flat_map(|relation| attributes(relation)).collect(),
        "pg_attrdef" => source.tables().flat_map(|relation| defaults(relation)).collect(),
        "pg_index" => source.tables().flat_map(|relation| indexes(relation)).collect(),
        "pg_sequence" => source.sequences().filter_map(|relation| sequence(relation)).collect(),
        "pg_namespace" => namespaces(source),
        "pg_description" => descriptions(source),
        _ => return None,
    }))
}

/// The relation and its indexes.
fn class(relation: &Relation, source: &Source<'_>) -> Vec<Vec<Value>> {
    let kind = kind(relation);
    let is_table = kind == 'r';
    let checks =
        relation.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::Check { .. })).count();
    let foreign = relation.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::ForeignKey(_)));
    let known = source.transaction.known_rows(relation);
    let options = if relation.append_only {
        Value::array(DataType::Text, vec![Value::text("ledger=append_only")])
    } else {
        NULL
    };
    let mut out = vec![row![
        relation.oid,
        &relation.name,
        relation.schema_oid,
        0u32,
        0u32,
        relation.owner,
        if is_table { HEAP } else { 0 },
        if kind == 'v' { 0 } else { relation.object_id },
        0u32,
        0,
        known.map_or(-1.0f32, |rows| rows as f32),
        0,
        0u32,
        !relation.indexes.is_empty(),
        false,
        'p',
        kind,
        count(relation.columns.len()),
        count(checks),
        relation.kind == RelationKind::View,
        // A foreign key is triggers in PostgreSQL, and clients ask for foreign keys where there are some.
        foreign || !relation.referenced_by.is_empty(),
        false,
        false,
        false,
        true,
        if relation.kind == RelationKind::Table { 'd' } else { 'n' },
        false,
        0u32,
        0u32,
        0u32,
        acl::relation(relation, source),
        options,
        NULL,
    ]];
    out.extend(relation.indexes.iter().map(|index| {
        row![
            index.oid,
            &index.name,
            relation.schema_oid,
            0u32,
            0u32,
            relation.owner,
            BTREE,
            index.oid,
            0u32,
            0,
            known.map_or(0.0f32, |rows| rows as f32),
            0,
            0u32,
            false,
            false,
            'p',
            'i',
            count(index.columns.len()),
            0i16,
            false,
            false,
            false,
            false,
            false,
            true,
            'n',
            false,
            0u32,
            0u32,
            0u32,
            NULL,
            NULL,
            NULL,
        ]
    }));
    out
}

/// Columns of the relation and of its indexes.
fn attributes(relation: &Relation) -> Vec<Vec<Value>> {
    let mut columns: Vec<&Column> = relation.columns.iter().collect();
    columns.sort_by_key(|column| column.id);
    let mut out: Vec<_> = columns.into_iter().map(|column| attribute(relation.oid, column)).collect();
    for index in &relation.indexes {
        for ((ty, name), position) in index_columns(relation, index).into_iter().zip(1i16..) {
            out.push(attribute_row(index.oid, &name, ty, position, Flags::default()));
        }
    }
    out
}

fn attribute(relation: Oid, column: &Column) -> Vec<Value> {
    let flags = Flags {
        not_null: column.not_null && !column.dropped,
        has_default: definition::default(column).is_some() && !column.dropped,
        has_missing: !column.missing.is_null(),
        identity: column.identity,
        dropped: column.dropped,
    };
    let name = match column.dropped {
        true => &format!("........pg.dropped.{}........", column.id),
        false => &column.name,
    };
    attribute_row(relation, name, column.ty, number(column.id), flags)
}

#[derive(Default)]
struct Flags {
    not_null: bool,
    has_default: bool,
    has_missing: bool,
    identity: Option<Identity>,
    dropped: bool,
}

fn attribute_row(relation: Oid, name: &str, ty: ColumnType, position: i16, flags: Flags) -> Vec<Value> {
    let (length, by_value, align, storage) = layout(ty.data_type);
    row![
        relation,
        name,
        if flags.dropped { 0 } else { ty.data_type.oid() },
        -1,
        length,
        position,
        i32::from(ty.data_type.is_array()),
        -1,
        ty.typmod,
        by_value,
        align,
        storage,
        "",
        flags.not_null,
        flags.has_default,
        flags.has_missing,
        match flags.identity {
            Some(Identity::Always) => "a",
            Some(Identity::ByDefault) => "d",
            None => "",
        },
        "",
        flags.dropped,
        true,
        0,
        collation(ty.data_type),
        NULL,
        NULL,
        NULL,
        NULL,
    ]
}

/// Type and name of each column of an index.
fn index_columns(relation: &Relation, index: &Index) -> Vec<(ColumnType, String)> {
    let columns = index.columns.iter().map(|column| match &column.key {
        IndexKey::Column(id) => match relation.column(*id) {
            Some(column) => (column.ty, column.name.clone()),
            None => (DataType::Unknown.into(), String::new()),
        },
        IndexKey::Expression(_, ty) => (*ty, "expr".to_owned()),
    });
    columns.collect()
}

/// `pg_attrdef.oid`: no OID is kept for a default, so it is made of the column's.
pub(super) fn default_oid(relation: Oid, column: u32) -> Oid {
    relation.wrapping_mul(1600).wrapping_add(column)
}

fn defaults(relation: &Relation) -> Vec<Vec<Value>> {
    let columns = relation.live().filter_map(|column| Some((column, definition::default(column)?)));
    columns
        .map(|(column, text)| {
            row![default_oid(relation.oid, column.id), relation.oid, number(column.id), text]
        })
        .collect()
}

fn indexes(relation: &Relation) -> Vec<Vec<Value>> {
    let rows = relation.indexes.iter().map(|index| {
        let key = |column: &types::schema::IndexColumn| match column.key {
            IndexKey::Column(id) => Value::Int2(number(id)),
            IndexKey::Expression(..) => Value::Int2(0),
        };
        let expressions: Vec<&str> = index
            .columns
            .iter()
            .filter_map(|column| match &column.key {
                IndexKey::Expression(text, _) => Some(text.as_str()),
                IndexKey::Column(_) => None,
            })
            .collect();
        let types: Vec<DataType> =
            index_columns(relation, index).into_iter().map(|(ty, _)| ty.data_type).collect();
        let option = |column: &types::schema::IndexColumn| {
            Value::Int2(i16::from(column.descending) | i16::from(column.nulls_first) << 1)
        };
        row![
            index.oid,
            relation.oid,
            count(index.columns.len()),
            count(index.columns.len()),
            index.unique,
            false,
            index.primary,
            false,
            true,
            false,
            true,
            false,
            true,
            true,
            false,
            vector(DataType::Int2, index.columns.iter().map(key).collect()),
            vector(DataType::Oid, types.iter().map(|ty| Value::Oid(collation(*ty))).collect()),
            vector(
                DataType::Oid,
                types.iter().map(|ty| Value::Oid(super::data_type::operator_class(*ty))).collect()
            ),
            vector(DataType::Int2, index.columns.iter().map(option).collect()),
            (!expressions.is_empty()).then(|| expressions.join(", ")),
            index.predicate.as_deref(),
        ]
    });
    rows.collect()
}

fn sequence(relation: &Relation) -> Option<Vec<Value>> {
    let sequence = relation.sequence.as_ref()?;
    Some(row![
        relation.oid,
        sequence.ty.data_type.oid(),
        sequence.start,
        sequence.increment,
        sequence.maximum,
        sequence.minimum,
        sequence.cache,
        sequence.cycle,
    ])
}

fn namespaces(source: &Source<'_>) -> Vec<Vec<Value>> {
    let rows = source.namespaces().into_iter().map(|(oid, name, owner)| {
        let list = if crate::system_tables::is_system_schema(oid) && oid != 99 {
            let owner = source.role(owner);
            acl::array(vec![format!("{owner}=UC/{owner}"), format!("=U/{owner}")])
        } else {
            acl::object(oid, owner, "UC", source)
        };
        row![oid, name, owner, list]
    });
    rows.collect()
}

fn descriptions(source: &Source<'_>) -> Vec<Vec<Value>> {
    let mut out = vec![];
    for relation in source.own() {
        out.extend(relation.comment.iter().map(|text| row![relation.oid, PG_CLASS, 0, text]));
        for column in relation.live() {
            let number = i32::from(number(column.id));
            out.extend(column.comment.iter().map(|text| row![relation.oid, PG_CLASS, number, text]));
        }
        for index in &relation.indexes {
            out.extend(index.comment.iter().map(|text| row![index.oid, PG_CLASS, 0, text]));
        }
    }
    for schema in source.state.namespaces.values() {
        out.extend(schema.comment.iter().map(|text| row![schema.oid, 2615u32, 0, text]));
    }
    for (oid, text) in [(11u32, "system catalog schema"), (99, "reserved schema for TOAST tables")] {
        out.push(row![oid, 2615u32, 0, text]);
    }
    out
}
