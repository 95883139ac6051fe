//! ledger.history, ledger.diff and ledger.changes: what the ledger remembers of a table.

use super::slice;
use crate::context::Run;
use expr::Expr;
use plan::Plan;
use plan::node::LedgerScanKind;
use std::sync::Arc;
use types::batch::BATCH_ROWS;
use types::schema::Relation;
use types::{Batch, Error, Result, TxId, Value, err};

#[derive(Default)]
pub(super) struct LedgerScan {
    rows: Option<Batch>,
    position: usize,
}

impl LedgerScan {
    pub fn next(
        &mut self,
        kind: LedgerScanKind,
        relation: Option<&Arc<Relation>>,
        args: &[Expr],
        plan: &Plan,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if self.rows.is_none() {
            self.rows = Some(all_rows(kind, relation, args, plan, run)?);
        }
        let Some(rows) = &mut self.rows else { return Ok(false) };
        let end = rows.rows.min(self.position + BATCH_ROWS);
        let start = std::mem::replace(&mut self.position, end);
        if start >= end {
            return Ok(false);
        }
        *out = slice(rows, start, end);
        Ok(true)
    }
}

fn all_rows(
    kind: LedgerScanKind,
    relation: Option<&Arc<Relation>>,
    args: &[Expr],
    plan: &Plan,
    run: &Run<'_, '_>,
) -> Result<Batch> {
    let args = args.iter().map(|arg| run.eval_constant(arg)).collect::<Result<Vec<Value>>>()?;
    let mut batch = Batch::new(plan.types.iter().map(|ty| ty.data_type));
    // As PostgreSQL's strict functions in FROM: no rows for a NULL.
    if args.iter().any(Value::is_null) {
        return Ok(batch);
    }
    let found = match (kind, relation, args.as_slice()) {
        (LedgerScanKind::History, Some(relation), key) => run.transaction()?.history(relation, key)?,
        (LedgerScanKind::Diff, Some(relation), [from, to]) => {
            run.transaction()?.diff(relation, number(from)?, number(to)?)?
        }
        (LedgerScanKind::Changes, _, [from, to]) => {
            let transaction = run.transaction()?;
            let may_read = |relation: &Relation| run.shared.functions.may_read(&transaction, relation);
            transaction.changes(number(from)?, number(to)?, &may_read)?
        }
        _ => return Err(Error::internal("a ledger function without its table or range")),
    };
    found.rows.iter().for_each(|row| batch.push_row(row));
    Ok(batch)
}

fn number(value: &Value) -> Result<TxId> {
    let number = value.as_i64().and_then(|number| TxId::try_from(number).ok());
    number.ok_or_else(|| err!(InvalidParameterValue, "a transaction number must not be negative"))
}
