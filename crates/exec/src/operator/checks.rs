//! CHECK constraints.

use crate::context::Run;
use expr::Expr;
use types::schema::Relation;
use types::{Batch, Error, Result, Value, err};

/// Refuses rows, by `relation.columns`, for which a constraint is false.
pub(super) fn enforce(
    relation: &Relation,
    checks: &[(String, Expr)],
    rows: &Batch,
    run: &Run<'_, '_>,
) -> Result<()> {
    first_violation(relation, checks, rows, run)?.map_or(Ok(()), |(_, error)| Err(error))
}

/// The first row for which a constraint is false, and of its constraints the first by name.
pub(super) fn first_violation(
    relation: &Relation,
    checks: &[(String, Expr)],
    rows: &Batch,
    run: &Run<'_, '_>,
) -> Result<Option<(usize, Error)>> {
    let mut violated: Option<(usize, &str)> = None;
    for (name, check) in checks {
        let truth = run.eval(check, rows)?;
        let broken = (0..rows.rows)
            .find(|&row| truth.get(row) == Value::Bool(false) && !misses_value(relation, rows, row));
        if let Some(row) = broken
            && violated.is_none_or(|first| (row, name.as_str()) < first)
        {
            violated = Some((row, name));
        }
    }
    let Some((row, name)) = violated else { return Ok(None) };
    let error = err!(
        CheckViolation,
        "new row for relation \"{}\" violates check constraint \"{name}\"",
        relation.name
    )
    .detail(format!("Failing row contains ({}).", describe(relation, rows, row, run)))
    .on_table(&relation.schema, &relation.name)
    .on_constraint(name);
    Ok(Some((row, error)))
}

/// NOT NULL is checked first, and by the catalog.
fn misses_value(relation: &Relation, rows: &Batch, row: usize) -> bool {
    let mut columns = relation.columns.iter().zip(&rows.columns);
    columns.any(|(column, values)| column.not_null && !column.dropped && values.is_null(row))
}

/// As PostgreSQL shows a row in an error: each value cut to 64 bytes.
fn describe(relation: &Relation, rows: &Batch, row: usize, run: &Run<'_, '_>) -> String {
    let live = relation.columns.iter().zip(&rows.columns).filter(|(column, _)| !column.dropped);
    let shown = live.map(|(_, values)| {
        if values.is_null(row) {
            return "null".to_owned();
        }
        let mut text = String::new();
        types::text::format(&values.get(row), values.data_type, run.shared.settings, &mut text);
        if text.len() > 64 {
            text.truncate(text.floor_char_boundary(64));
            text.push_str("...");
        }
        text
    });
    shown.collect::<Vec<_>>().join(", ")
}
