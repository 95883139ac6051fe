//! One fsync for all who wait for one: the first who comes does it, the others hear of it, or of the next.

use super::{Core, LOG};
use crate::TxId;
use crate::guard;
use std::sync::atomic::Ordering;
use types::Result;

impl Core {
    /// Returns when `tx` is durable; makes it so if nobody else does.
    pub(crate) fn wait_durable(&self, tx: TxId) -> Result<()> {
        if self.durable() >= tx {
            return Ok(());
        }
        let mut syncing = guard::lock(&self.syncing);
        loop {
            if self.durable() >= tx {
                return Ok(());
            }
            if let Some(error) = self.fatal() {
                return Err(error);
            }
            if !*syncing {
                break;
            }
            syncing = self.synced.wait(syncing).unwrap_or_else(|poison| poison.into_inner());
        }
        *syncing = true;
        drop(syncing);
        let _leading = Leading(self);
        let target = self.ordered();
        if let Err(error) = self.ledger.sync() {
            return Err(self.fail(LOG, &error));
        }
        self.durable.store(target, Ordering::Release);
        self.applier.ring();
        Ok(())
    }
}

/// Whoever syncs for all. However that ends, the next one may.
struct Leading<'a>(&'a Core);

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        *guard::lock(&self.0.syncing) = false;
        self.0.synced.notify_all();
    }
}
