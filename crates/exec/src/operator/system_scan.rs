//! A relation that is computed: pg_catalog, information_schema, ledger.

use super::filter::retain;
use crate::context::Run;
use expr::Expr;
use std::sync::Arc;
use types::schema::{ColumnId, HiddenColumn, Relation};
use types::{Batch, DataType, Result, Value, Vector, err};

#[derive(Default)]
pub(super) struct SystemScan {
    done: bool,
}

impl SystemScan {
    pub fn next(
        &mut self,
        relation: &Arc<Relation>,
        columns: &[ColumnId],
        filter: Option<&Expr>,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        let rows = rows(relation, run)?;
        let columns =
            columns.iter().map(|&id| column(relation, id, &rows)).collect::<Result<Vec<Vector>>>()?;
        *out = Batch { columns, rows: rows.rows };
        if let Some(filter) = filter {
            retain(filter, run, out)?;
        }
        Ok(true)
    }
}

/// Computed once per execution: a nested loop may read it for every row.
fn rows(relation: &Relation, run: &Run<'_, '_>) -> Result<Arc<Batch>> {
    let cache = &run.shared.state.system;
    if let Some(rows) = cache.borrow().get(&relation.oid) {
        return Ok(rows.clone());
    }
    let rows = Arc::new(catalog::system::rows(relation, &*run.transaction()?, run.shared.system)?);
    cache.borrow_mut().insert(relation.oid, rows.clone());
    Ok(rows)
}

fn column(relation: &Relation, id: ColumnId, rows: &Batch) -> Result<Vector> {
    if let Some(position) = relation.columns.iter().position(|column| column.id == id)
        && let Some(column) = rows.columns.get(position)
    {
        return Ok(column.clone());
    }
    match HiddenColumn::from_id(id) {
        Some(HiddenColumn::TableOid) => {
            Ok(Vector::repeat(DataType::Oid, &Value::Oid(relation.oid), rows.rows))
        }
        Some(hidden) => Err(err!(UndefinedColumn, "column \"{}\" does not exist", hidden.name())
            .hint(format!("{} is computed: its rows have no versions.", relation.name))),
        None => Err(types::Error::internal(format!("relation {} has no column {id}", relation.name))),
    }
}
