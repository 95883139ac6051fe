//! The conversation: the two protocols' entry points.

use crate::cluster::{Cluster, Registered};
use crate::conversation::{Notice, Outcome, Rows, SessionOptions, TransactionStatus};
use crate::copy::CopyIn;
use crate::interrupt::Interrupt;
use crate::plans::{Current, Recalled};
use crate::portal::Portal;
use crate::prepared::Prepared;
use crate::settings::on_or_off;
use crate::surroundings::Known;
use crate::transaction::Open;
use catalog::Database;
use catalog::system::Role;
use foldhash::{HashMap, HashMapExt};
use plan::parse::lift::Skeleton;
use plan::{Field, Parsed};
use std::sync::Arc;
use types::{DataType, Error, Moment, Result, TextSettings, Value, err};

/// One client's conversation with one database.
pub struct Session {
    pub(crate) known: Known,
    pub(crate) catalog: Database,
    pub(crate) secret: i32,
    pub(crate) open: Option<Open>,
    pub(crate) prepared: HashMap<String, Arc<Prepared>>,
    pub(crate) portals: HashMap<String, Portal>,
    pub(crate) copy: Option<CopyIn>,
    /// Where plans are shared.
    pub(crate) plans: Option<Current>,
    /// What the running query string is known by once it has run.
    pub(crate) learning: Option<(String, Skeleton)>,
    /// `name@42`.
    pub(crate) connection_as_of: Option<Moment>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Portals hold scans of the transaction: they go first.
        self.portals.clear();
        self.open = None;
        self.known.cluster.forget(self.known.process_id);
    }
}

impl Session {
    pub(crate) fn start(
        cluster: Cluster,
        catalog: Database,
        process_id: i32,
        registered: Registered,
        role: Role,
        connection_as_of: Option<Moment>,
        options: SessionOptions,
    ) -> Result<Session> {
        let directory = cluster.directory();
        let found = directory.databases.iter().find(|(_, name, _)| *name == registered.database);
        let (_, _, database_owner) = found.cloned().unwrap_or_default();
        let user = (role.oid, role.name.clone());
        let now = cluster.host().clock.now_us();
        let mut session = Session {
            known: Known {
                locks: catalog.store().session_locks(process_id),
                cluster,
                process_id,
                check: {
                    let interrupt = registered.interrupt.clone();
                    Arc::new(move || interrupt.check())
                },
                interrupt: registered.interrupt,
                database: registered.database,
                database_owner,
                client_address: registered.client_address,
                authenticated: user.clone(),
                session_user: user.into(),
                role: None.into(),
                settings: Default::default(),
                path: Default::default(),
                notices: Default::default(),
                sequences: Default::default(),
                last_sequence: Default::default(),
                transaction_start: now.into(),
                statement_start: now.into(),
                seed: Default::default(),
                pending_local: Default::default(),
                listings: Default::default(),
            },
            catalog,
            secret: registered.secret,
            open: None,
            prepared: HashMap::new(),
            portals: HashMap::new(),
            copy: None,
            plans: None,
            learning: None,
            connection_as_of,
        };
        {
            let mut settings = session.known.settings.borrow_mut();
            settings.force("is_superuser", on_or_off(role.superuser));
            settings.force("session_authorization", &role.name);
            for (name, value) in &options.settings {
                settings.set(name, Some(value))?;
            }
            settings.keep_as_reset();
        }
        // A past that cannot be read is refused now, not at the first statement.
        if session.session_moment()?.is_some() {
            session.open_transaction()?;
            session.end_implicit()?;
        }
        Ok(session)
    }

    pub fn process_id(&self) -> i32 {
        self.known.process_id
    }

    /// For BackendKeyData.
    pub fn secret(&self) -> i32 {
        self.secret
    }

    pub fn status(&self) -> TransactionStatus {
        match &self.open {
            Some(open) if open.block && open.failed => TransactionStatus::Failed,
            Some(open) if open.block => TransactionStatus::InTransaction,
            _ => TransactionStatus::Idle,
        }
    }

    /// Notices and reported settings since the last call, in order.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(self.known.notices.get_mut())
    }

    /// The settings that are reported at start (ParameterStatus).
    pub fn reported_settings(&self) -> Vec<(String, String)> {
        self.known.settings.borrow().reported()
    }

    pub fn text_settings(&self) -> TextSettings {
        self.known.text_settings()
    }

    /// How long the client may be silent now; 0 = for ever.
    pub fn idle_limit_ms(&self) -> u64 {
        let ready = &self.known.settings.borrow().ready;
        match self.status() {
            TransactionStatus::Idle => ready.idle_session_timeout_ms,
            _ => ready.idle_in_transaction_session_timeout_ms,
        }
    }

    /// Cancels and ends this session from any thread.
    pub fn interrupt(&self) -> Arc<Interrupt> {
        self.known.interrupt.clone()
    }

    // The simple protocol: the caller parses the string once, then runs each statement; the whole string is one
    // implicit transaction, closed by `end_implicit`.

    /// Splits and parses. 25P02 is raised per statement, by `simple`. An unfinished unnamed statement is forgotten.
    pub fn parse(&mut self, sql: &str) -> Result<Vec<Parsed>> {
        self.prepared.remove("");
        self.portals.remove("");
        plan::parse(sql)
    }

    /// Runs one statement of a simple query. An error has already aborted the implicit transaction or put the block
    /// into the failed state.
    pub fn simple(&mut self, statement: &Parsed, rows: &mut dyn Rows) -> Result<Outcome> {
        self.guarded(|session| {
            session.start_statement(statement)?;
            let prepared = Arc::new(session.plan(Arc::new(statement.clone()), vec![])?);
            if !prepared.parameters.is_empty() {
                return Err(err!(UndefinedParameter, "there is no parameter $1"));
            }
            let mut portal = Portal::new(prepared.clone(), vec![]);
            let outcome = session.fetch_noting(&mut portal, &statement.text, 0, rows, true)?;
            if let Some((sql, skeleton)) = session.learning.take() {
                session.learn(&sql, skeleton, &prepared);
            }
            Ok(outcome)
        })
    }

    /// Runs what [`Session::recall`] has found, as [`Session::simple`] runs the statement.
    pub fn run_recalled(&mut self, recalled: Recalled, rows: &mut dyn Rows) -> Result<Outcome> {
        let is_current = self.guarded(|session| {
            session.start_statement(&recalled.prepared.parsed)?;
            let current = session.current_untold(&recalled.prepared);
            Ok(current.is_ok_and(|current| Arc::ptr_eq(&current, &recalled.prepared)))
        })?;
        if !is_current {
            self.forget(&recalled);
            let mut statement = plan::parse(&recalled.text)?.pop().unwrap_or_else(plan::parse::empty);
            statement.offset += recalled.offset;
            return self.simple(&statement, rows);
        }
        let mut portal = Portal::new(recalled.prepared, recalled.values);
        self.guarded(|session| session.fetch_noting(&mut portal, &recalled.text, 0, rows, true))
    }

    /// Ends the implicit transaction (end of a simple query, or Sync): commits unless it failed. To be called before
    /// ReadyForQuery; its error goes to the client first.
    pub fn end_implicit(&mut self) -> Result<()> {
        match &self.open {
            Some(open) if !open.block => {
                if open.failed {
                    self.abort();
                    return Ok(());
                }
                self.portals.retain(|_, portal| portal.cursor.is_some());
                self.commit().map(drop)
            }
            _ => Ok(()),
        }
    }

    /// After any error in the extended protocol: abort as above. Called once, before skipping to Sync.
    pub fn fail(&mut self) {
        self.copy = None;
        self.failed();
    }

    // The extended protocol. Names: "" is the unnamed one.

    pub fn prepare(&mut self, name: &str, sql: &str, types: &[Option<DataType>]) -> Result<()> {
        if name.is_empty() {
            self.prepared.remove("");
        } else if self.prepared.contains_key(name) {
            return Err(err!(DuplicatePreparedStatement, "prepared statement \"{name}\" already exists"));
        }
        if let Some(found) = self.recall_parsed(sql, types) {
            let current = self.guarded(|session| {
                session.start_statement(&found.parsed)?;
                session.current_untold(&found)
            })?;
            if !Arc::ptr_eq(&current, &found) {
                self.keep_parsed(sql, types, current.clone());
            }
            let prepared_us = self.known.statement_start.get();
            self.prepared.insert(name.to_owned(), Arc::new(Prepared { prepared_us, ..(*current).clone() }));
            return Ok(());
        }
        let mut statements = plan::parse(sql)?;
        let parsed = match (statements.pop(), statements.is_empty()) {
            (None, _) => plan::parse::empty(),
            (Some(parsed), true) => parsed,
            (Some(_), false) => {
                return Err(err!(SyntaxError, "cannot insert multiple commands into a prepared statement"));
            }
        };
        let prepared = self.guarded(|session| {
            session.start_statement(&parsed)?;
            session.plan(Arc::new(parsed), types.to_vec())
        })?;
        let prepared = Arc::new(prepared);
        self.keep_parsed(sql, types, prepared.clone());
        self.prepared.insert(name.to_owned(), prepared);
        Ok(())
    }

    pub fn prepared(&self, name: &str) -> Result<Arc<Prepared>> {
        self.prepared.get(name).cloned().ok_or_else(|| match name {
            "" => err!(InvalidSqlStatementName, "unnamed prepared statement does not exist"),
            _ => err!(InvalidSqlStatementName, "prepared statement \"{name}\" does not exist"),
        })
    }

    pub fn close_prepared(&mut self, name: &str) {
        self.prepared.remove(name);
    }

    /// Values have been decoded to the parameters' types.
    pub fn bind(&mut self, portal: &str, statement: &str, values: Vec<Value>) -> Result<()> {
        let prepared = self.prepared(statement)?;
        if values.len() != prepared.parameters.len() {
            return Err(err!(
                ProtocolViolation,
                "bind message supplies {} parameters, but prepared statement \"{statement}\" requires {}",
                values.len(),
                prepared.parameters.len()
            ));
        }
        if portal.is_empty() {
            self.portals.remove("");
        } else if self.portals.contains_key(portal) {
            return Err(err!(DuplicateCursor, "cursor \"{portal}\" already exists"));
        }
        let current = self.guarded(|session| {
            session.start_statement(&prepared.parsed)?;
            session.current(&prepared, &values)
        })?;
        self.portals.insert(portal.to_owned(), Portal::new(current, values));
        Ok(())
    }

    /// A portal's row description: None if it returns no rows.
    pub fn portal_fields(&self, portal: &str) -> Result<Option<Arc<[Field]>>> {
        self.portals.get(portal).map(Portal::fields).ok_or_else(|| no_portal(portal))
    }

    /// Runs a portal, up to `max_rows` rows (0 = all). `rows.fields` is not called.
    pub fn execute(&mut self, portal: &str, max_rows: usize, rows: &mut dyn Rows) -> Result<Outcome> {
        let mut running = self.portals.remove(portal).ok_or_else(|| no_portal(portal))?;
        let outcome = self.guarded(|session| {
            session.start_statement(&running.prepared.parsed.clone())?;
            let parsed = running.prepared.parsed.clone();
            session.fetch_noting(&mut running, &parsed.text, max_rows, rows, false)
        });
        // A statement that ended the transaction has closed every portal with it.
        if outcome.is_ok() && self.open.is_some() {
            self.portals.insert(portal.to_owned(), running);
        }
        outcome
    }

    pub fn close_portal(&mut self, portal: &str) {
        self.portals.remove(portal);
    }

    // COPY FROM STDIN, after `Outcome::CopyIn`.

    pub fn copy_data(&mut self, data: &[u8]) -> Result<()> {
        self.guarded(|session| session.copy_in(data))
    }

    /// The tag: `COPY n`.
    pub fn copy_done(&mut self) -> Result<Outcome> {
        self.guarded(Session::copy_end)
    }

    /// 57014 with the client's reason.
    pub fn copy_fail(&mut self, reason: &str) -> Error {
        self.copy = None;
        self.failed();
        err!(QueryCanceled, "COPY from stdin failed: {reason}")
    }

    /// Runs a step; an error puts the transaction into its failed state.
    fn guarded<T>(&mut self, step: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let result = step(self);
        self.keep_local();
        if result.is_err() {
            self.copy = None;
            self.failed();
        }
        result
    }
}

fn no_portal(name: &str) -> Error {
    err!(InvalidCursorName, "portal \"{name}\" does not exist")
}
