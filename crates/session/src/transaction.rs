//! Transaction state: implicit transactions and blocks, savepoints, the failed state, commit.
//!
//! ```text
//!   none ── any statement ──> implicit ── Sync, or the string's end ──> commit
//!     └──── BEGIN ──────────> block ── error ──> failed ── ROLLBACK [TO] ──> none / block
//! ```

use crate::conversation::Outcome;
use crate::modes::kv_isolation;
use crate::session::Session;
use crate::settings::Settings;
use catalog::{Begin, Transaction};
use kv::{Meta, Savepoint};
use plan::statement::{IsolationLevel, TransactionCommand, TransactionModes};
use plan::{Parsed, Query};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{Moment, Result, TextSettings, Value, err};

/// The open transaction.
pub struct Open {
    /// None once it failed without a savepoint to go back to.
    pub transaction: Option<Box<Transaction>>,
    /// Begun by BEGIN.
    pub block: bool,
    pub failed: bool,
    /// Some statement has run in it: the isolation level is fixed.
    pub used: bool,
    pub savepoints: Vec<Kept>,
    /// As they were before: what a rollback goes back to.
    settings_before: Settings,
    /// Values before SET LOCAL, by name: what a commit goes back to.
    local: BTreeMap<String, String>,
    pub(crate) isolation: IsolationLevel,
    /// Its own AS OF.
    pub(crate) as_of: Option<Moment>,
    /// The text of ledger.as_of that it follows otherwise.
    pub(crate) setting: Arc<str>,
    statements: Statements,
}

/// What a savepoint brings back.
#[derive(Clone)]
pub struct Kept {
    name: String,
    savepoint: Savepoint,
    settings: Settings,
    statements: Statements,
}

/// Field 5 of the ledger's meta: SHA-256 over the texts of the statements that wrote, a line feed between two.
#[derive(Clone, Default)]
struct Statements {
    hash: Sha256,
    any: bool,
}

impl Statements {
    fn add(&mut self, text: &str) {
        if self.any {
            self.hash.update(b"\n");
        }
        self.hash.update(text.as_bytes());
        self.any = true;
    }

    /// None: no statement wrote (the transaction is of what sequences had to keep).
    fn finish(self) -> Option<[u8; 32]> {
        self.any.then(|| self.hash.finalize().into())
    }
}

pub(crate) fn failed_block() -> types::Error {
    err!(
        InFailedSqlTransaction,
        "current transaction is aborted, commands ignored until end of transaction block"
    )
}

impl Session {
    pub(crate) fn in_block(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.block)
    }

    /// Before anything else of a statement: its time starts, and a failed block lets only its end through.
    pub(crate) fn start_statement(&mut self, parsed: &Parsed) -> Result<()> {
        let now = self.known.cluster.host().clock.now_us();
        self.known.statement_start.set(now);
        if self.open.is_none() {
            self.known.transaction_start.set(now);
        }
        self.known.interrupt.start(self.known.settings.borrow().ready.statement_timeout_ms);
        self.known.interrupt.check()?;
        if self.open.as_ref().is_some_and(|open| open.failed) && !ends_failure(parsed) {
            return Err(failed_block());
        }
        Ok(())
    }

    /// The moment that the session reads at: SET ledger.as_of, else the connection's. The transaction's own is the
    /// transaction's business.
    pub(crate) fn session_moment(&self) -> Result<Option<Moment>> {
        let setting = self.as_of_setting();
        if setting.is_empty() {
            return Ok(self.connection_as_of);
        }
        self.known.moment_of_text(&setting).map(Some)
    }

    /// What SET ledger.as_of says; empty: the present.
    pub(crate) fn as_of_setting(&self) -> Arc<str> {
        self.known.settings.borrow().ready.as_of.clone()
    }

    /// The transaction to run in; begins an implicit one.
    pub(crate) fn open_transaction(&mut self) -> Result<&mut Transaction> {
        match self.open {
            None => self.begin(false, &TransactionModes::default())?,
            Some(_) => self.follow_setting()?,
        }
        match self.open.as_mut().and_then(|open| open.transaction.as_mut()) {
            Some(transaction) => Ok(transaction),
            None => Err(failed_block()),
        }
    }

    /// SET ledger.as_of inside a transaction: what follows reads then, by the schema of then; RESET goes back. A
    /// transaction's own AS OF stands above it.
    pub(crate) fn follow_setting(&mut self) -> Result<()> {
        let setting = self.as_of_setting();
        let Some(open) = self.open.as_ref() else { return Ok(()) };
        if open.as_of.is_some() || open.setting == setting || open.transaction.is_none() {
            return Ok(());
        }
        let running = |portal: &crate::portal::Portal| {
            portal.cursor.is_some() || matches!(portal.state, crate::portal::PortalState::Running(_))
        };
        if self.portals.values().any(running) {
            return Err(err!(
                ObjectNotInPrerequisiteState,
                "ledger.as_of cannot change while a cursor is open"
            )
            .hint("Close the cursor first."));
        }
        let moment = self.session_moment()?;
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        let Some(transaction) = open.transaction.as_mut() else { return Ok(()) };
        transaction.read_at(moment)?;
        open.setting = setting;
        let (isolation, read_only) = (open.isolation, transaction.is_read_only());
        self.show_modes(isolation, read_only);
        Ok(())
    }

    pub(crate) fn begin(&mut self, block: bool, modes: &TransactionModes) -> Result<()> {
        let settings = self.known.settings.borrow().clone();
        let isolation = match modes.isolation {
            Some(level) => level,
            None => settings.ready.default_isolation,
        };
        let own = self.moment(modes)?;
        let as_of = own.or(self.session_moment()?);
        // What is said stays said when SET ledger.as_of has brought the present back.
        let said = modes.read_only.unwrap_or(settings.ready.default_read_only);
        let read_only = said || as_of.is_some();
        let begin = Begin { isolation: kv_isolation(isolation), read_only: said || own.is_some(), as_of };
        let transaction = self.begun(begin)?;
        let setting = self.as_of_setting();
        self.open = Some(Open {
            transaction: Some(transaction),
            block,
            failed: false,
            used: false,
            savepoints: vec![],
            settings_before: settings,
            local: BTreeMap::new(),
            isolation,
            as_of: own,
            setting,
            statements: Statements::default(),
        });
        self.show_modes(isolation, read_only);
        Ok(())
    }

    /// A transaction that this session's cancel and lock_timeout reach, and that deadlock reports know by its process.
    pub(crate) fn begun(&self, begin: Begin) -> Result<Box<Transaction>> {
        let mut transaction = self.catalog.begin(begin)?;
        transaction.set_session(&self.known.locks);
        transaction.set_interrupt(self.known.check.clone());
        transaction.set_lock_timeout(self.known.settings.borrow().ready.lock_timeout_ms);
        Ok(transaction)
    }

    /// Locks the tables of a query. False: one of them has changed since the query was planned.
    pub(crate) fn lock_planned(&mut self, query: &Query) -> Result<bool> {
        let transaction = self.open_transaction()?;
        for (oid, mode) in &query.locks {
            let mode = match mode {
                plan::statement::TableLock::AccessShare => kv::TableMode::AccessShare,
                plan::statement::TableLock::RowShare => kv::TableMode::RowShare,
                plan::statement::TableLock::RowExclusive => kv::TableMode::RowExclusive,
            };
            if !transaction.lock_planned(*oid, mode, kv::LockWait::Block)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Before a query runs whose tables are locked: its snapshot, its privileges.
    pub(crate) fn begin_query(&mut self, query: &Query) -> Result<()> {
        self.begin_step()?;
        self.fill_listings(query);
        let Some(open) = self.open.as_mut() else { return Err(failed_block()) };
        let Some(transaction) = open.transaction.as_mut() else { return Err(failed_block()) };
        if transaction.is_read_only()
            && let Some(command) = crate::portal::writing_command(query)
        {
            return Err(err!(ReadOnlySqlTransaction, "cannot execute {command} in a read-only transaction"));
        }
        crate::access::check_query(query, transaction, &self.known)
    }

    /// Starts a statement in the transaction: a new snapshot at READ COMMITTED.
    pub(crate) fn begin_step(&mut self) -> Result<()> {
        let settings = self.known.text_settings();
        self.open_transaction()?.begin_statement(&settings)?;
        if let Some(open) = &mut self.open {
            open.used = true;
        }
        Ok(())
    }

    /// Ends a statement: constraints that waited for its end.
    pub(crate) fn end_query(&mut self) -> Result<()> {
        self.open_transaction()?.end_statement()
    }

    /// Rows that the open transaction has written so far.
    pub(crate) fn rows_put(&self) -> u64 {
        let transaction = self.open.as_ref().and_then(|open| open.transaction.as_ref());
        transaction.map_or(0, |transaction| transaction.rows_put())
    }

    /// Adds the text of a statement that wrote to what the ledger's meta will hold a hash of. True if it has written
    /// since the transaction had `before` rows.
    pub(crate) fn note_text(&mut self, text: &str, before: u64) -> bool {
        let wrote = self.rows_put() > before;
        if wrote && let Some(open) = &mut self.open {
            open.statements.add(text);
        }
        wrote
    }

    /// What set_config(..., true) has set in the step that has just ended: the transaction's end undoes it.
    pub(crate) fn keep_local(&mut self) {
        let local = std::mem::take(self.known.pending_local.get_mut());
        if let Some(open) = &mut self.open {
            for (name, before) in local {
                open.local.entry(name).or_insert(before);
            }
        }
    }

    /// An error happened: the implicit transaction is gone; a block waits for ROLLBACK, at its last savepoint's state.
    pub(crate) fn failed(&mut self) {
        let Some(open) = &mut self.open else { return };
        open.failed = true;
        self.portals.retain(|_, portal| portal.cursor.as_ref().is_some_and(|cursor| cursor.hold));
        if !open.block {
            self.abort();
            return;
        }
        match (open.savepoints.last(), &mut open.transaction) {
            // Its locks and writes since the savepoint go now, as PostgreSQL's do.
            (Some(kept), Some(transaction)) => transaction.rollback_to(kept.savepoint),
            _ => open.transaction = None,
        }
    }

    /// Rolls back.
    pub(crate) fn abort(&mut self) {
        self.portals.retain(|_, portal| {
            portal.cursor.as_ref().is_some_and(|cursor| cursor.hold)
                && !matches!(portal.state, crate::portal::PortalState::Running(_))
        });
        if let Some(open) = self.open.take() {
            if let Some(transaction) = open.transaction {
                transaction.rollback();
            }
            self.put_settings_back(open.settings_before);
        }
    }

    fn put_settings_back(&mut self, before: Settings) {
        let now = self.known.settings.borrow().reported();
        *self.known.settings.borrow_mut() = before;
        for (name, value) in now {
            if self.known.settings.borrow().get(&name).ok() != Some(value) {
                self.known.report(&name);
            }
        }
    }

    /// Commits what is open. False: it had failed, and was rolled back.
    pub(crate) fn commit(&mut self) -> Result<bool> {
        if self.open.as_ref().is_some_and(|open| open.failed) {
            self.abort();
            return Ok(false);
        }
        if let Err(error) = self.keep_held_cursors() {
            self.abort();
            return Err(error);
        }
        self.end(|transaction, meta, durable| Ok(transaction.commit(meta, durable)?.tx))?;
        Ok(true)
    }

    /// Ends what is open as `finish` does it; settings and cursors stay as after a commit, or go as after a rollback.
    pub(crate) fn end(
        &mut self,
        finish: impl FnOnce(Box<Transaction>, Meta, bool) -> Result<Option<types::TxId>>,
    ) -> Result<()> {
        self.portals.retain(|_, portal| portal.cursor.as_ref().is_some_and(|cursor| cursor.hold));
        // What is held belongs to no savepoint of a later transaction.
        self.portals
            .values_mut()
            .filter_map(|portal| portal.cursor.as_mut())
            .for_each(|cursor| cursor.depth = 0);
        let Some(open) = self.open.take() else { return Ok(()) };
        let Some(transaction) = open.transaction else { return Ok(()) };
        let meta = match transaction.is_idle() {
            true => Meta::default(),
            false => self.meta(open.statements.finish()),
        };
        match finish(transaction, meta, self.known.commits_durably()) {
            Ok(tx) => {
                self.known.report_tx(tx);
                for (name, value) in open.local {
                    let _ = self.known.settings.borrow_mut().set(&name, Some(&value));
                    self.known.report(&name);
                }
                Ok(())
            }
            Err(error) => {
                self.put_settings_back(open.settings_before);
                Err(error)
            }
        }
    }

    /// Who and why, for the ledger.
    pub(crate) fn meta(&self, statement_sha256: Option<[u8; 32]>) -> Meta {
        let settings = self.known.settings.borrow();
        let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        Meta {
            user: Some(self.known.session_user.borrow().1.clone()),
            application_name: text(&settings.ready.application_name),
            client_address: self.known.client_address.clone(),
            reason: text(&settings.ready.reason),
            statement_sha256,
        }
    }

    /// SET without LOCAL: the value outlives the transaction.
    pub(crate) fn forget_local(&mut self, name: &str) {
        if let Some(open) = &mut self.open {
            open.local.remove(name);
        }
    }

    /// SET LOCAL: remembers what a commit goes back to.
    pub(crate) fn remember_local(&mut self, name: &str) {
        let before = self.known.settings.borrow().get(name).unwrap_or_default();
        if let Some(open) = &mut self.open {
            open.local.entry(name.to_owned()).or_insert(before);
        }
    }

    pub(crate) fn transaction_command(&mut self, command: &TransactionCommand) -> Result<Outcome> {
        match command {
            TransactionCommand::Begin { start, modes } => {
                let tag = if *start { "START TRANSACTION" } else { "BEGIN" };
                if self.in_block() {
                    self.known.notice(
                        "WARNING",
                        err!(ActiveSqlTransaction, "there is already a transaction in progress"),
                    );
                    return Ok(Outcome::done(tag));
                }
                match &mut self.open {
                    // BEGIN inside a string of statements: what ran before it belongs to the block.
                    Some(open) if open.used => {
                        open.block = true;
                        self.set_modes(modes)?;
                    }
                    _ => {
                        self.abort();
                        self.begin(true, modes)?;
                    }
                }
                Ok(Outcome::done(tag))
            }
            TransactionCommand::Commit { chain } => {
                if !self.in_block() {
                    self.known.notice(
                        "WARNING",
                        err!(NoActiveSqlTransaction, "there is no transaction in progress"),
                    );
                }
                let isolation = self.open.as_ref().map(|open| open.isolation);
                let committed = self.commit()?;
                self.chain(*chain, isolation)?;
                Ok(Outcome::done(if committed { "COMMIT" } else { "ROLLBACK" }))
            }
            TransactionCommand::Rollback { chain } => {
                if !self.in_block() {
                    self.known.notice(
                        "WARNING",
                        err!(NoActiveSqlTransaction, "there is no transaction in progress"),
                    );
                }
                let isolation = self.open.as_ref().map(|open| open.isolation);
                self.abort();
                self.chain(*chain, isolation)?;
                Ok(Outcome::done("ROLLBACK"))
            }
            TransactionCommand::Savepoint(name) => {
                let settings = self.known.settings.borrow().clone();
                let open = self.block("SAVEPOINT")?;
                let savepoint = open.transaction.as_mut().ok_or_else(failed_block)?.savepoint();
                let (name, statements) = (name.clone(), open.statements.clone());
                open.savepoints.push(Kept { name, savepoint, settings, statements });
                Ok(Outcome::done("SAVEPOINT"))
            }
            TransactionCommand::Release(name) => {
                let open = self.block("RELEASE SAVEPOINT")?;
                let at = open.savepoint(name)?;
                open.savepoints.truncate(at);
                for portal in self.portals.values_mut() {
                    if let Some(cursor) = &mut portal.cursor {
                        cursor.depth = cursor.depth.min(at);
                    }
                }
                Ok(Outcome::done("RELEASE"))
            }
            TransactionCommand::RollbackTo(name) => {
                let open = self.block("ROLLBACK TO SAVEPOINT")?;
                let at = open.savepoint(name)?;
                let Kept { name: _, savepoint, settings, statements } = open.savepoints[at].clone();
                open.savepoints.truncate(at + 1);
                open.failed = false;
                open.statements = statements;
                if let Some(transaction) = &mut open.transaction {
                    transaction.rollback_to(savepoint);
                }
                // Cursors that were declared after the savepoint go with it.
                self.portals
                    .retain(|_, portal| portal.cursor.as_ref().is_some_and(|cursor| cursor.depth <= at));
                self.put_settings_back(settings);
                Ok(Outcome::done("ROLLBACK"))
            }
            TransactionCommand::SetModes { session: true, modes } => self.set_defaults(modes),
            TransactionCommand::SetModes { session: false, modes } => {
                if !self.in_block() {
                    let warning = err!(
                        NoActiveSqlTransaction,
                        "SET TRANSACTION can only be used in transaction blocks"
                    );
                    self.known.notice("WARNING", warning);
                    return Ok(Outcome::done("SET"));
                }
                self.set_modes(modes)?;
                Ok(Outcome::done("SET"))
            }
            TransactionCommand::SetSnapshot(text) => {
                if !self.in_block() {
                    return Err(err!(
                        NoActiveSqlTransaction,
                        "SET TRANSACTION SNAPSHOT can only be used in transaction blocks"
                    ));
                }
                let moment = self.known.moment_of_text(text)?;
                self.restart_at(moment)?;
                Ok(Outcome::done("SET"))
            }
            TransactionCommand::PrepareTransaction(gid) => self.prepare_transaction(gid),
            TransactionCommand::CommitPrepared(gid) => self.commit_prepared(gid),
            TransactionCommand::RollbackPrepared(gid) => self.rollback_prepared(gid),
        }
    }

    fn block(&mut self, command: &str) -> Result<&mut Open> {
        match &mut self.open {
            Some(open) if open.block => Ok(open),
            _ => Err(err!(NoActiveSqlTransaction, "{command} can only be used in transaction blocks")),
        }
    }

    fn chain(&mut self, chain: bool, isolation: Option<IsolationLevel>) -> Result<()> {
        if !chain {
            return Ok(());
        }
        let Some(isolation) = isolation else {
            return Err(err!(
                NoActiveSqlTransaction,
                "COMMIT AND CHAIN can only be used in transaction blocks"
            ));
        };
        self.begin(true, &TransactionModes { isolation: Some(isolation), ..TransactionModes::default() })
    }

    /// One pull of a query, with everything that it may ask.
    pub(crate) fn pull_batch(
        &mut self,
        execution: &mut exec::Execution,
        parameters: &[Value],
        settings: &TextSettings,
        limit: usize,
        batch: &mut types::Batch,
    ) -> Result<bool> {
        let Some(transaction) = self.open.as_mut().and_then(|open| open.transaction.as_mut()) else {
            return Err(failed_block());
        };
        let functions = crate::functions::Answers { known: &self.known };
        let mut surroundings = exec::run::Surroundings {
            parameters,
            settings,
            functions: &functions,
            copy_input: None,
            system: &self.known,
        };
        execution.next(transaction, &mut surroundings, limit, batch)
    }
}

impl Open {
    fn savepoint(&self, name: &str) -> Result<usize> {
        self.savepoints
            .iter()
            .rposition(|kept| kept.name == name)
            .ok_or_else(|| err!(InvalidSavepointSpecification, "savepoint \"{name}\" does not exist"))
    }
}

/// COMMIT, ROLLBACK and ROLLBACK TO may run in a failed block.
fn ends_failure(parsed: &Parsed) -> bool {
    use plan::parse::Syntax;
    let Syntax::Utility(utility) = &parsed.syntax else { return false };
    matches!(
        &**utility,
        plan::utility::Utility::Transaction(
            TransactionCommand::Commit { .. }
                | TransactionCommand::Rollback { .. }
                | TransactionCommand::RollbackTo(_)
                | TransactionCommand::PrepareTransaction(_)
        )
    )
}
