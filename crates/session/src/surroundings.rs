//! What a session knows beside its transaction: who it is, its settings, its sequences' last values.
//!
//! Kept apart from the transaction, because a running statement holds the transaction and asks for these.

use crate::cluster::Cluster;
use crate::conversation::Notice;
use crate::identity::Directory;
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use types::{Error, Oid, TextSettings};

pub struct Known {
    pub cluster: Cluster,
    pub process_id: i32,
    pub interrupt: Arc<Interrupt>,
    /// Asks it.
    pub check: catalog::Interrupt,
    pub locks: kv::SessionLocks,
    pub database: String,
    pub database_owner: Oid,
    pub client_address: Option<String>,
    /// Who logged in.
    pub authenticated: (Oid, String),
    /// SET SESSION AUTHORIZATION.
    pub session_user: RefCell<(Oid, String)>,
    /// SET ROLE.
    pub role: RefCell<Option<(Oid, String)>>,
    pub settings: RefCell<Settings>,
    pub path: RefCell<Option<SearchPath>>,
    pub notices: RefCell<Vec<Notice>>,
    /// currval by sequence, and lastval's.
    pub sequences: RefCell<HashMap<Oid, i64>>,
    pub last_sequence: Cell<Option<Oid>>,
    /// The transaction's start, microseconds since 1970-01-01 UTC.
    pub transaction_start: Cell<i64>,
    pub statement_start: Cell<i64>,
    /// random()'s, when setseed() was called.
    pub seed: Cell<Option<u64>>,
    /// What set_config(..., true) has set in this statement, with the values before.
    pub pending_local: RefCell<Vec<(String, String)>>,
    /// For pg_prepared_statements and pg_cursors: name, statement, ...
    pub listings: RefCell<HashMap<String, Vec<Vec<types::Value>>>>,
}

/// The search path as it was resolved last.
pub struct SearchPath {
    named: Arc<[String]>,
    user: Oid,
    schemas: Arc<[String]>,
}

impl Known {
    pub fn current_user(&self) -> Oid {
        match &*self.role.borrow() {
            Some((oid, _)) => *oid,
            None => self.session_user.borrow().0,
        }
    }

    pub fn current_user_name(&self) -> String {
        match &*self.role.borrow() {
            Some((_, name)) => name.clone(),
            None => self.session_user.borrow().1.clone(),
        }
    }

    /// Whether a commit waits until it is on disk.
    pub fn commits_durably(&self) -> bool {
        self.settings.borrow().ready.commits_durably
    }

    /// ledger.last_tx, if the client wants to hear of it.
    pub fn report_tx(&self, tx: Option<types::TxId>) {
        if let Some(tx) = tx.filter(|_| self.settings.borrow().ready.reports_tx) {
            let setting = Notice::Setting { name: "ledger.last_tx".into(), value: tx.to_string() };
            self.notices.borrow_mut().push(setting);
        }
    }

    pub fn directory(&self) -> Arc<Directory> {
        self.cluster.directory()
    }

    pub fn is_superuser(&self, role: Oid) -> bool {
        self.directory().role_by_oid(role).is_some_and(|role| role.superuser)
    }

    pub fn closure(&self, role: Oid) -> Vec<Oid> {
        let mut closure = self.directory().closure(role);
        // Whoever owns the database is a member of pg_database_owner, who owns schema public.
        if closure.contains(&self.database_owner) {
            closure.push(PG_DATABASE_OWNER);
        }
        closure
    }

    pub fn owns_database(&self) -> bool {
        self.closure(self.current_user()).contains(&self.database_owner)
    }

    /// The search path's schemas, `$user` replaced.
    pub fn search_path(&self) -> Arc<[String]> {
        let named = self.settings.borrow().ready.search_path.clone();
        let user = self.current_user();
        if let Some(path) = &*self.path.borrow()
            && Arc::ptr_eq(&path.named, &named)
            && path.user == user
        {
            return path.schemas.clone();
        }
        let name = self.current_user_name();
        let schema = |schema: &String| if schema == "$user" { name.clone() } else { schema.clone() };
        let schemas: Arc<[String]> = named.iter().map(schema).collect();
        *self.path.borrow_mut() = Some(SearchPath { named, user, schemas: schemas.clone() });
        schemas
    }

    pub fn text_settings(&self) -> TextSettings {
        let mut text = self.settings.borrow().text.clone();
        text.now = self.transaction_start.get();
        text
    }

    pub fn notice(&self, severity: &'static str, report: Error) {
        const LEVELS: [&str; 9] =
            ["DEBUG5", "DEBUG4", "DEBUG3", "DEBUG2", "DEBUG1", "LOG", "NOTICE", "WARNING", "ERROR"];
        let rank =
            |level: &str| LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level)).unwrap_or(0);
        let least = self.settings.borrow().get("client_min_messages").unwrap_or_default();
        if severity == "INFO" || rank(severity) >= rank(&least) {
            self.notices.borrow_mut().push(Notice::Message { severity, report });
        }
    }

    /// The messages so far; changed settings stay for the statement's end.
    pub fn take_messages(&self) -> Vec<Notice> {
        let mut notices = self.notices.borrow_mut();
        if notices.is_empty() {
            return Vec::new();
        }
        let (messages, settings) = std::mem::take(&mut *notices)
            .into_iter()
            .partition(|notice| matches!(notice, Notice::Message { .. }));
        *notices = settings;
        messages
    }

    /// A reported setting has a new value.
    pub fn report(&self, name: &str) {
        if let Some(name) = Settings::is_reported(name) {
            let value = self.settings.borrow().get(name).unwrap_or_default();
            self.notices.borrow_mut().push(Notice::Setting { name: name.into(), value });
        }
    }
}

/// `pg_database_owner` (PostgreSQL 15, 22.5).
pub const PG_DATABASE_OWNER: Oid = 6171;
