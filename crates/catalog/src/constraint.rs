//! NOT NULL, unique: checks on rows as they are written, and how their violations read.

use crate::table::{Table, TableIndex};
use types::schema::{Column, IndexKey, Relation};
use types::{DataType, Error, Result, TextSettings, Value};

/// 23502 if a NOT NULL column is NULL.
pub(crate) fn check_not_null(relation: &Relation, row: &[Value], settings: &TextSettings) -> Result<()> {
    for (column, value) in relation.columns.iter().zip(row) {
        if value.is_null() && column.not_null && !column.dropped {
            return Err(not_null(relation, column, row, settings));
        }
    }
    Ok(())
}

fn not_null(relation: &Relation, column: &Column, row: &[Value], settings: &TextSettings) -> Error {
    types::err!(
        NotNullViolation,
        "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
        column.name,
        relation.name
    )
    .detail(failing_row(relation, row, settings))
    .on_table(&relation.schema, &relation.name)
    .on_column(&column.name)
}

/// 23514 with PostgreSQL's text, for whoever evaluates CHECK constraints.
pub fn check_violation(
    relation: &Relation,
    constraint: &str,
    row: &[Value],
    settings: &TextSettings,
) -> Error {
    types::err!(
        CheckViolation,
        "new row for relation \"{}\" violates check constraint \"{constraint}\"",
        relation.name
    )
    .detail(failing_row(relation, row, settings))
    .on_table(&relation.schema, &relation.name)
    .on_constraint(constraint)
}

/// `Failing row contains (1, null).`
pub fn failing_row(relation: &Relation, row: &[Value], settings: &TextSettings) -> String {
    let live = relation.columns.iter().zip(row).filter(|(column, _)| !column.dropped);
    let values = live.map(|(column, value)| shortened(&text(value, column.ty.data_type, settings)));
    format!("Failing row contains ({}).", values.collect::<Vec<_>>().join(", "))
}

/// 23505.
pub(crate) fn unique_violation(
    table: &Table,
    index: &TableIndex,
    values: &[Value],
    settings: &TextSettings,
) -> Error {
    types::err!(UniqueViolation, "duplicate key value violates unique constraint \"{}\"", index.name)
        .detail(format!("{} already exists.", index_key(table, index, values, settings)))
        .on_table(&table.relation.schema, &table.relation.name)
        .on_constraint(&index.name)
}

/// 23505 while an index is built.
pub(crate) fn not_unique(
    table: &Table,
    index: &TableIndex,
    values: &[Value],
    settings: &TextSettings,
) -> Error {
    types::err!(UniqueViolation, "could not create unique index \"{}\"", index.name)
        .detail(format!("{} is duplicated.", index_key(table, index, values, settings)))
        .on_table(&table.relation.schema, &table.relation.name)
        .on_constraint(&index.name)
}

/// `Key (a, lower(b))=(1, x)`
fn index_key(table: &Table, index: &TableIndex, values: &[Value], settings: &TextSettings) -> String {
    let definition = table.relation.indexes.iter().find(|definition| definition.oid == index.oid);
    let names: Vec<String> = match definition {
        Some(definition) => definition
            .columns
            .iter()
            .map(|column| match &column.key {
                IndexKey::Column(id) => {
                    table.relation.column(*id).map_or_else(String::new, |c| c.name.clone())
                }
                IndexKey::Expression(text, _) => text.clone(),
            })
            .collect(),
        None => vec![],
    };
    let types = index.columns.iter().map(|column| column.data_type);
    key_text(&names, values.iter().zip(types), settings)
}

/// `Key (a, b)=(1, x)`
pub(crate) fn key_text<'a>(
    names: &[String],
    values: impl Iterator<Item = (&'a Value, DataType)>,
    settings: &TextSettings,
) -> String {
    let values = values.map(|(value, data_type)| text(value, data_type, settings)).collect::<Vec<_>>();
    format!("Key ({})=({})", names.join(", "), values.join(", "))
}

fn text(value: &Value, data_type: DataType, settings: &TextSettings) -> String {
    if value.is_null() {
        return "null".into();
    }
    let mut out = String::new();
    types::text::format(value, data_type, settings, &mut out);
    out
}

/// PostgreSQL shows 64 bytes of each value.
fn shortened(text: &str) -> String {
    const LIMIT_BYTES: usize = 64;
    if text.len() <= LIMIT_BYTES {
        return text.to_owned();
    }
    let end = (0..=LIMIT_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}...", &text[..end])
}
