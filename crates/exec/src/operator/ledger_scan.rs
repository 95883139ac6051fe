//! ledger.history, ledger.diff and ledger.changes: what the ledger remembers of a table.

use crate::context::Run;
use expr::Expr;
use plan::node::LedgerScanKind;
use std::sync::Arc;
use types::schema::Relation;
use types::{Batch, Error, Result};

#[derive(Default)]
pub(super) struct LedgerScan {
    done: bool,
}

impl LedgerScan {
    pub fn next(
        &mut self,
        kind: LedgerScanKind,
        _relation: Option<&Arc<Relation>>,
        _args: &[Expr],
        _run: &Run<'_, '_>,
        _out: &mut Batch,
    ) -> Result<bool> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        Err(Error::unsupported(format!("{kind:?} of a table")))
    }
}
