//! PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED (PostgreSQL 15).

use crate::conversation::Outcome;
use crate::portal::PortalState;
use crate::session::Session;
use types::{Oid, Result, err};

/// Longest identifier, in bytes (PostgreSQL's GIDSIZE, its final zero included).
const GID_MAX_BYTES: usize = 199;

impl Session {
    pub(crate) fn prepare_transaction(&mut self, gid: &str) -> Result<Outcome> {
        if !self.in_block() {
            self.known.notice("WARNING", err!(NoActiveSqlTransaction, "there is no transaction in progress"));
            self.abort();
            return Ok(Outcome::done("ROLLBACK"));
        }
        // PostgreSQL ends a failed block with it as with COMMIT.
        if self.open.as_ref().is_some_and(|open| open.failed) {
            self.abort();
            return Ok(Outcome::done("ROLLBACK"));
        }
        if let Err(error) = self.check_preparable(gid) {
            self.abort();
            return Err(error);
        }
        let owner = self.known.session_user.borrow().0;
        let now = self.known.statement_start.get();
        self.end(|transaction, meta, _| transaction.prepare(gid, owner, now, meta).map(|()| None))?;
        Ok(Outcome::done("PREPARE TRANSACTION"))
    }

    fn check_preparable(&self, gid: &str) -> Result<()> {
        if gid.len() > GID_MAX_BYTES {
            return Err(err!(InvalidParameterValue, "transaction identifier \"{gid}\" is too long"));
        }
        // One of an earlier transaction has all its rows.
        let mut running =
            self.portals.values().filter(|portal| matches!(portal.state, PortalState::Running(_)));
        if running.any(|portal| portal.cursor.as_ref().is_some_and(|cursor| cursor.hold)) {
            return Err(err!(
                FeatureNotSupported,
                "cannot PREPARE a transaction that has created a cursor WITH HOLD"
            ));
        }
        Ok(())
    }

    pub(crate) fn commit_prepared(&mut self, gid: &str) -> Result<Outcome> {
        self.refuse_in_block("COMMIT PREPARED")?;
        let durable = self.known.commits_durably();
        let committed = self.catalog.commit_prepared(gid, |owner| self.may_finish(owner), durable)?;
        self.known.report_tx(committed.tx);
        Ok(Outcome::done("COMMIT PREPARED"))
    }

    pub(crate) fn rollback_prepared(&mut self, gid: &str) -> Result<Outcome> {
        self.refuse_in_block("ROLLBACK PREPARED")?;
        let meta = self.meta(None);
        self.catalog.rollback_prepared(gid, |owner| self.may_finish(owner), meta)?;
        Ok(Outcome::done("ROLLBACK PREPARED"))
    }

    fn refuse_in_block(&self, command: &str) -> Result<()> {
        if self.in_block() {
            return Err(err!(ActiveSqlTransaction, "{command} cannot run inside a transaction block"));
        }
        Ok(())
    }

    fn may_finish(&self, owner: Oid) -> bool {
        let user = self.known.current_user();
        user == owner || self.known.is_superuser(user)
    }
}
