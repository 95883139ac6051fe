//! The schema `ledger`: what the log says of itself.

use super::row::{Rows, row};
use super::source::Source;

/// As in shapes.txt; OIDs of our own, below those of users.
pub(super) const SHAPES: &str = "\
ledger.transactions 13901 v tx_id:int8 committed_at:timestamptz user:text application_name:text reason:text entries:int4
ledger.checkpoints 13902 v origin:text size:int8 root:text note:text
ledger.keys 13903 v origin:text verifier_key:text database_id:uuid";

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
            let id = types::Value::Uuid(ledger.database_id());
            Ok(vec![row![ledger.origin(), ledger.verifier_key(), id]])
        }
        _ => return None,
    })
}
