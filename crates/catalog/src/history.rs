//! ledger.history, ledger.diff, ledger.changes.
