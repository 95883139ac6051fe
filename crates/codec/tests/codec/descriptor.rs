//! A descriptor is one row; its bytes are pinned.

use crate::golden::check;
use codec::descriptor::{decode, encode};
use proptest::prelude::*;
use std::fmt::Write;
use types::schema::{
    Action, Column, Constraint, ConstraintKind, ForeignKey, Identity, Index, IndexColumn, IndexKey, Relation,
    RelationKind, Sequence,
};
use types::{ColumnType, DataType, Value};

fn column(id: u32, name: &str, data_type: DataType) -> Column {
    Column {
        id,
        name: name.into(),
        ty: data_type.into(),
        not_null: false,
        default: None,
        identity: None,
        missing: Value::Null,
        dropped: false,
        comment: None,
    }
}

fn item() -> Relation {
    Relation {
        oid: 16384,
        object_id: 16390,
        predecessor: 16384,
        kind: RelationKind::Table,
        schema_oid: 2200,
        schema: String::new(),
        name: "item".into(),
        owner: 10,
        columns: vec![
            Column { not_null: true, identity: Some(Identity::Always), ..column(1, "id", DataType::Int4) },
            Column {
                ty: ColumnType::new(DataType::Varchar, 24),
                default: Some("'x'".into()),
                missing: Value::text("x"),
                comment: Some("why".into()),
                ..column(3, "name", DataType::Varchar)
            },
            Column { dropped: true, ..column(2, "........pg.dropped.2........", DataType::Text) },
        ],
        primary_key: vec![1],
        constraints: vec![
            Constraint {
                oid: 16386,
                name: "item_pkey".into(),
                kind: ConstraintKind::PrimaryKey { columns: vec![1], index: 16385 },
            },
            Constraint {
                oid: 16387,
                name: "item_check".into(),
                kind: ConstraintKind::Check { expression: "id > 0".into() },
            },
            Constraint {
                oid: 16388,
                name: "item_id_fkey".into(),
                kind: ConstraintKind::ForeignKey(ForeignKey {
                    columns: vec![1],
                    target: 16384,
                    target_columns: vec![1],
                    on_delete: Action::SetDefault,
                    on_update: Action::Cascade,
                    match_full: true,
                    deferrable: true,
                    initially_deferred: true,
                }),
            },
        ],
        indexes: vec![
            Index {
                oid: 16385,
                name: "item_pkey".into(),
                unique: true,
                primary: true,
                columns: vec![IndexColumn {
                    key: IndexKey::Column(1),
                    descending: false,
                    nulls_first: false,
                }],
                predicate: None,
                comment: None,
            },
            Index {
                oid: 16389,
                name: "item_lower_idx".into(),
                unique: false,
                primary: false,
                columns: vec![IndexColumn {
                    key: IndexKey::Expression("lower(name)".into(), DataType::Text.into()),
                    descending: true,
                    nulls_first: true,
                }],
                predicate: Some("id > 3".into()),
                comment: Some("quick".into()),
            },
        ],
        referenced_by: vec![],
        append_only: true,
        view: None,
        references: vec![],
        sequence: None,
        descriptor_tx: 0,
        comment: Some("things".into()),
    }
}

fn sequence() -> Relation {
    Relation {
        oid: 16400,
        object_id: 16400,
        predecessor: 0,
        kind: RelationKind::Sequence,
        columns: vec![],
        primary_key: vec![],
        constraints: vec![],
        indexes: vec![],
        append_only: false,
        name: "item_id_seq".into(),
        sequence: Some(Sequence {
            ty: DataType::Int4.into(),
            start: 1,
            increment: 1,
            minimum: 1,
            maximum: i32::MAX as i64,
            cache: 1,
            cycle: false,
            owned_by: Some((16384, 1)),
        }),
        comment: None,
        ..item()
    }
}

fn view() -> Relation {
    Relation {
        kind: RelationKind::View,
        view: Some("select id from item".into()),
        references: vec![(16384, 0), (16384, 1)],
        ..sequence()
    }
}

fn cells(relation: &Relation) -> Vec<(u32, u8, Vec<u8>)> {
    encode(relation).expect("a descriptor")
}

fn read(cells: &[(u32, u8, Vec<u8>)]) -> types::Result<Relation> {
    decode(cells.iter().map(|(column, code, bytes)| (*column, *code, bytes.as_slice())))
}

#[test]
fn what_goes_in_comes_out() {
    for relation in [item(), sequence(), view()] {
        assert_eq!(read(&cells(&relation)).unwrap(), relation);
    }
    let mut short = cells(&item());
    short.remove(5);
    assert_eq!(read(&short).unwrap_err().state.code(), "XX001");
}

#[test]
fn its_bytes_are_pinned() {
    let mut out = String::new();
    for (column, code, bytes) in cells(&item()) {
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let _ = writeln!(out, "{column:>2} {code:02x} {hex}");
    }
    check("file-format.md", "descriptor", &out);
}

proptest! {
    #[test]
    fn damaged_cells_are_an_error_or_a_descriptor(cell in 0..16usize, at: prop::sample::Index, byte: u8, cut: bool) {
        let mut cells = cells(&item());
        let bytes = &mut cells[cell].2;
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
        }
        let _ = read(&cells);
    }
}
