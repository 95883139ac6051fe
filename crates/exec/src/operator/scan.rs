//! A table's rows: key ranges evaluated, rows filtered, row keys appended.

mod ranges;

use super::filter::retain;
use crate::context::{Pin, Run};
use catalog::{RowKey, ScanRequest};
use expr::Expr;
use plan::Plan;
use plan::node::{self, Bound};
use types::batch::BATCH_ROWS;
use types::schema::{ColumnId, HiddenColumn};
use types::vector::{Bytes, Data};
use types::{Batch, DataType, Moment, Result, SqlState, Value, Vector, err};

pub(super) struct Scan {
    open: Option<catalog::Scan>,
    done: bool,
    /// How many rows the next batch may have: starts at what is expected, grows to a full batch.
    batch_rows: usize,
    first_rows: usize,
}

impl Scan {
    pub fn new(first_rows: usize) -> Scan {
        Scan { open: None, done: false, batch_rows: 0, first_rows }
    }

    pub fn next(
        &mut self,
        node: &node::Scan,
        plan: &Plan,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        let pin = run.pin(node);
        if let Some(Pin { key, values: Some(values), .. }) = pin {
            self.done = true;
            return pinned(node, key, values, run, out);
        }
        if pin.is_none()
            && let Some(key) = node.point()
        {
            self.done = true;
            return point(node, key, run, out);
        }
        if self.open.is_none() {
            let Some(access) = ranges::access(node, run)? else {
                self.done = true;
                return Ok(false);
            };
            let request = ScanRequest {
                relation: node.relation.clone(),
                columns: node.columns.clone(),
                access,
                backward: node.backward,
                versions: versions(&node.versions, run)?,
            };
            self.open = Some(run.transaction()?.scan(&request)?);
            let expected = plan.rows_estimated.max(1.0).min(BATCH_ROWS as f64) as usize;
            self.batch_rows = expected.min(self.first_rows).max(1);
        }
        let Some(scan) = &mut self.open else { return Ok(false) };
        let mut keys: Vec<RowKey> = Vec::new();
        let more = scan.next(out, node.key.then_some(&mut keys), self.batch_rows)?;
        self.batch_rows = (self.batch_rows * 4).min(BATCH_ROWS);
        if !more {
            self.done = true;
            self.open = None;
            return Ok(false);
        }
        if node.key {
            out.columns.push(key_column(&keys));
        }
        if let Some(pin) = pin {
            let same: Vec<usize> =
                keys.iter().enumerate().filter(|(_, key)| **key == pin.key).map(|(row, _)| row).collect();
            *out = out.take(&same);
        }
        if let Some(filter) = &node.filter {
            retain(filter, run, out)?;
        }
        Ok(true)
    }
}

/// The one row with these values of the primary key.
fn point(node: &node::Scan, key: &[Expr], run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
    let mut values = Vec::with_capacity(key.len());
    for (expr, id) in key.iter().zip(&node.relation.primary_key) {
        let column = node.relation.column(*id).map(|column| column.ty.data_type);
        match ranges::fit(run.eval_constant(expr)?, column) {
            ranges::Fit::Value(value) => values.push(value),
            ranges::Fit::Below(_) | ranges::Fit::Above(_) => return Ok(false),
        }
    }
    let found = run.transaction()?.point(&node.relation, &node.columns, &values, out)?;
    let Some(key) = found else { return Ok(false) };
    if node.key {
        out.columns.push(key_column(&[key]));
    }
    if let Some(filter) = &node.filter {
        retain(filter, run, out)?;
    }
    Ok(true)
}

fn key_column(keys: &[RowKey]) -> Vector {
    let mut bytes = Bytes::default();
    keys.iter().for_each(|key| bytes.push(key));
    Vector { data_type: DataType::Bytea, data: Data::Bytes(bytes), nulls: None }
}

/// The scan's output if the newest version of a row is all that it finds.
fn pinned(
    node: &node::Scan,
    key: &RowKey,
    values: &[Value],
    run: &Run<'_, '_>,
    out: &mut Batch,
) -> Result<bool> {
    if !ranges::contains(node, values, run)? {
        return Ok(false);
    }
    let mut columns = Vec::with_capacity(node.columns.len() + 1);
    for &id in &node.columns {
        let (value, data_type) = pinned_column(node, id, values)?;
        columns.push(Vector::from_values(data_type, [&value]));
    }
    if node.key {
        columns.push(key_column(std::slice::from_ref(key)));
    }
    *out = Batch { columns, rows: 1 };
    if let Some(filter) = &node.filter {
        retain(filter, run, out)?;
    }
    Ok(true)
}

fn pinned_column(node: &node::Scan, id: ColumnId, values: &[Value]) -> Result<(Value, DataType)> {
    let relation = &node.relation;
    if let Some(position) = relation.columns.iter().position(|column| column.id == id)
        && let Some(value) = values.get(position)
    {
        return Ok((value.clone(), relation.columns[position].ty.data_type));
    }
    match HiddenColumn::from_id(id) {
        Some(HiddenColumn::TableOid) => Ok((Value::Oid(relation.oid), DataType::Oid)),
        // The re-check knows the new values, not the transaction they came from.
        _ => Err(types::Error::new(
            SqlState::SerializationFailure,
            "could not serialize access due to concurrent update",
        )
        .hint("A locked row that reads hidden columns has changed meanwhile. Run the statement again.")),
    }
}

fn versions(versions: &node::Versions, run: &Run<'_, '_>) -> Result<catalog::Versions> {
    let bound = |bound: &Option<Bound>| match bound {
        Some(bound) => moment(run.eval_constant(&bound.value)?, bound.time).map(Some),
        None => Ok(None),
    };
    Ok(match versions {
        node::Versions::Snapshot => catalog::Versions::Snapshot,
        node::Versions::At(moment) => catalog::Versions::At(*moment),
        node::Versions::AtExpr { value, time } => {
            catalog::Versions::At(moment(run.eval_constant(value)?, *time)?)
        }
        node::Versions::Range { from, to, closed } => {
            catalog::Versions::Range { from: bound(from)?, to: bound(to)?, closed: *closed }
        }
    })
}

fn moment(value: Value, time: bool) -> Result<Moment> {
    match value {
        Value::Timestamp(micros) if time => Ok(Moment::Time(micros)),
        Value::Null => Err(err!(NullValueNotAllowed, "the time of AS OF must not be null")),
        value => match value.as_i64().map(u64::try_from) {
            Some(Ok(tx)) if !time => Ok(Moment::Transaction(tx)),
            Some(Err(_)) if !time => {
                Err(err!(InvalidParameterValue, "a transaction number must not be negative"))
            }
            _ => Err(types::Error::internal("AS OF was given a value of another type")),
        },
    }
}
