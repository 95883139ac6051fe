//! The schema `ledger`: what the log says of itself.

use super::row::{Rows, row};
use super::source::Source;
use crate::system_tables;
use kv::{At, Span};
use types::Value;

/// As in shapes.txt; OIDs of our own, below those of users.
pub(super) const SHAPES: &str = "\
ledger.transactions 13901 v tx_id:int8 committed_at:timestamptz user:text application_name:text reason:text entries:int4
ledger.checkpoints 13902 v origin:text size:int8 root:text note:text
ledger.keys 13903 v origin:text verifier_key:text database_id:uuid
ledger.origins 13904 v origin:text size:int8 note:text tx_id:int8 committed_at:timestamptz";

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    let ledger = source.transaction.store().ledger();
    Some(match name {
        "transactions" => {
            source.transaction.transactions(0, source.transaction.snapshot_tx()).map(|found| found.rows)
        }
        // The newest: each covers those before it.
        "checkpoints" => ledger.checkpoint().map(|note| {
            let mut lines = note.lines();
            let (origin, size, root) = (lines.next(), lines.next(), lines.next());
            let size = size.and_then(|size| size.parse::<i64>().ok());
            vec![row![origin, size, root, note.as_str()]]
        }),
        "keys" => {
            let id = Value::Uuid(ledger.database_id());
            Ok(vec![row![ledger.origin(), ledger.verifier_key(), id]])
        }
        "origins" => origins(source),
        _ => return None,
    })
}

/// The ledgers that this one was restored from, each with the newest checkpoint that its backup had.
fn origins(source: &Source<'_>) -> Rows {
    let store = source.transaction.store();
    let snapshot = store.snapshot(At::Transaction(source.transaction.snapshot_tx()))?;
    let mut found = snapshot.scan(system_tables::ORIGINS, &Span::all(), false);
    let mut rows = Vec::new();
    while let Some((_, version)) = found.next()? {
        let Some(cells) = &version.cells else { continue };
        let (origin, note) = system_tables::origin(cells)?;
        let size = note.lines().nth(1).and_then(|size| size.parse::<i64>().ok());
        let committed_at = Value::Timestamp(store.ledger().committed_at(version.tx)?);
        rows.push(row![origin.as_str(), size, note.as_str(), version.tx as i64, committed_at]);
    }
    Ok(rows)
}
