//! Locks that outlive a transaction: a session's advisory locks (PostgreSQL 15, 13.3.5).
//!
//! All transactions of a session own their locks under one number, so that a session never waits for itself, and a
//! deadlock over both kinds is found.

use super::{AdvisoryKey, LockWait, Owner, Resource};
use crate::commit::Core;
use crate::{Transaction, guard};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use types::Result;

/// Modes of an advisory lock: those of a transaction first.
const SHARED: u8 = 0;
const EXCLUSIVE: u8 = 1;
/// What a session's own modes are higher by.
const OF_SESSION: u8 = 2;

/// By mode: shared, exclusive, and the same of a session.
pub(super) const ADVISORY_CONFLICTS: [u8; 4] = [0b1010, 0b1111, 0b1010, 0b1111];
pub(super) const ADVISORY_MODES: [&str; 4] = ["ShareLock", "ExclusiveLock", "ShareLock", "ExclusiveLock"];

fn mode(shared: bool) -> u8 {
    if shared { SHARED } else { EXCLUSIVE }
}

/// What a session holds beyond its transactions. Dropped, it frees all of it.
pub struct SessionLocks {
    core: Arc<Core>,
    pub(crate) owner: Owner,
    pub(crate) process: i32,
    /// How often each lock has been taken: as often it must be freed.
    taken: Mutex<HashMap<(AdvisoryKey, u8), u32>>,
}

impl SessionLocks {
    pub(crate) fn new(core: Arc<Core>, owner: Owner, process: i32) -> SessionLocks {
        SessionLocks { core, owner, process, taken: Mutex::default() }
    }

    /// Within `transaction`, whose timeouts end the wait. False only with [`LockWait::SkipLocked`].
    pub fn lock(
        &self,
        transaction: &Transaction,
        key: AdvisoryKey,
        shared: bool,
        wait: LockWait,
    ) -> Result<bool> {
        let mode = mode(shared) + OF_SESSION;
        let held = guard::lock(&self.taken).contains_key(&(key, mode));
        let resource = Arc::new(Resource::Advisory(key));
        if !held && !self.core.locks.grant(self.owner, &resource, mode, wait, transaction.patience())? {
            return Ok(false);
        }
        *guard::lock(&self.taken).entry((key, mode)).or_default() += 1;
        Ok(true)
    }

    /// False: the session does not hold it.
    pub fn unlock(&self, key: AdvisoryKey, shared: bool) -> bool {
        let mode = mode(shared) + OF_SESSION;
        let mut taken = guard::lock(&self.taken);
        let Some(count) = taken.get_mut(&(key, mode)) else { return false };
        *count -= 1;
        if *count == 0 {
            taken.remove(&(key, mode));
            self.core.locks.free(self.owner, &Arc::new(Resource::Advisory(key)), mode);
        }
        true
    }

    pub fn unlock_all(&self) {
        for ((key, mode), _) in guard::lock(&self.taken).drain() {
            self.core.locks.free(self.owner, &Arc::new(Resource::Advisory(key)), mode);
        }
    }
}

impl Drop for SessionLocks {
    fn drop(&mut self) {
        self.unlock_all();
    }
}

impl Transaction {
    /// What follows is this session's: to be said before anything is locked.
    pub fn set_session(&mut self, session: &SessionLocks) {
        self.own_locks_as(session.owner, session.process);
    }

    /// To the end of the transaction, or the rollback of the savepoint it was first taken after. False only with
    /// [`LockWait::SkipLocked`].
    pub fn lock_advisory(&mut self, key: AdvisoryKey, shared: bool, wait: LockWait) -> Result<bool> {
        self.acquire(Resource::Advisory(key), mode(shared), wait)
    }
}
