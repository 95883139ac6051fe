//! The shapes of the system relations: a line each, `schema.name oid kind column:type! ..` (`!` NOT NULL).
//!
//! shapes.txt is what PostgreSQL 15 itself says of its relations. Its types that have no [`DataType`] here become the
//! nearest one: expression trees are kept as SQL text, so `pg_node_tree` is text; the standard's domains are what they
//! are made of.

use crate::system_tables::{BOOTSTRAP_ROLE, SYSTEM_SCHEMAS};
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use types::schema::{Column, Relation, RelationKind};
use types::{DataType, Oid, Value};

pub(super) const POSTGRES: &str = include_str!("shapes.txt");

pub(super) struct Shapes {
    pub relations: Vec<Arc<Relation>>,
    /// Those that are views in PostgreSQL.
    pub views: HashSet<Oid>,
}

pub(super) fn shapes() -> &'static Shapes {
    static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
        let lines = POSTGRES.lines().chain(super::ledger::SHAPES.lines());
        let shapes: Vec<(Relation, bool)> = lines.filter_map(shape).collect();
        Shapes {
            views: shapes.iter().filter(|(_, view)| *view).map(|(relation, _)| relation.oid).collect(),
            relations: shapes.into_iter().map(|(relation, _)| Arc::new(relation)).collect(),
        }
    });
    &SHAPES
}

/// The nearest type of ours.
pub(super) fn data_type(name: &str) -> DataType {
    match name {
        "sql_identifier" => DataType::Name,
        "character_data" | "yes_or_no" => DataType::Varchar,
        "cardinal_number" => DataType::Int4,
        "time_stamp" => DataType::TimestampTz,
        "xid8" => DataType::Int8,
        // pg_node_tree, anyarray, pg_lsn, inet, statistics
        _ => DataType::from_name(name).unwrap_or(DataType::Text),
    }
}

fn shape(line: &str) -> Option<(Relation, bool)> {
    let mut words = line.split(' ');
    let (schema, name) = words.next()?.split_once('.')?;
    let oid = words.next()?.parse().ok()?;
    let view = words.next()? == "v";
    let columns = words.zip(1u32..).filter_map(|(word, id)| column(word, id)).collect();
    let (schema_oid, _) = SYSTEM_SCHEMAS.iter().find(|(_, known)| *known == schema)?;
    let relation = Relation {
        oid,
        object_id: oid,
        predecessor: 0,
        kind: RelationKind::System,
        schema_oid: *schema_oid,
        schema: schema.into(),
        name: name.into(),
        owner: BOOTSTRAP_ROLE,
        columns,
        primary_key: vec![],
        constraints: vec![],
        indexes: vec![],
        referenced_by: vec![],
        append_only: false,
        view: None,
        references: vec![],
        sequence: None,
        descriptor_tx: 0,
        comment: None,
    };
    Some((relation, view))
}

fn column(word: &str, id: u32) -> Option<Column> {
    let (name, ty) = word.split_once(':')?;
    Some(Column {
        id,
        name: name.into(),
        ty: data_type(ty.trim_end_matches('!')).into(),
        not_null: ty.ends_with('!'),
        default: None,
        identity: None,
        missing: Value::Null,
        dropped: false,
        comment: None,
    })
}
