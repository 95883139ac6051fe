//! What every statement and every transaction asks for, in the form that it is asked for.

use super::{Unit, integer, split_identifiers};
use crate::modes::level_named;
use plan::statement::IsolationLevel;
use std::sync::Arc;

/// Follows the texts of the settings; durations are 0 where there is no limit.
#[derive(Debug, Clone)]
pub struct Ready {
    pub statement_timeout_ms: u64,
    pub lock_timeout_ms: u64,
    pub idle_session_timeout_ms: u64,
    pub idle_in_transaction_session_timeout_ms: u64,
    pub default_isolation: IsolationLevel,
    /// Of the transaction.
    pub isolation: IsolationLevel,
    pub default_read_only: bool,
    /// Of the transaction.
    pub read_only: bool,
    /// A commit waits until it is on disk.
    pub commits_durably: bool,
    /// The client wants to hear of ledger.last_tx.
    pub reports_tx: bool,
    /// `ledger.as_of`. Empty: the present.
    pub as_of: Arc<str>,
    /// The schemas named by `search_path`, `$user` not replaced.
    pub search_path: Arc<[String]>,
    pub application_name: Arc<str>,
    /// `ledger.reason`.
    pub reason: Arc<str>,
}

impl Default for Ready {
    fn default() -> Ready {
        Ready {
            statement_timeout_ms: 0,
            lock_timeout_ms: 0,
            idle_session_timeout_ms: 0,
            idle_in_transaction_session_timeout_ms: 0,
            default_isolation: IsolationLevel::ReadCommitted,
            isolation: IsolationLevel::ReadCommitted,
            default_read_only: false,
            read_only: false,
            commits_durably: true,
            reports_tx: false,
            as_of: Arc::from(""),
            search_path: Arc::from(["$user".to_owned(), "public".to_owned()]),
            application_name: Arc::from(""),
            reason: Arc::from(""),
        }
    }
}

impl Ready {
    /// A setting has a new text.
    pub fn note(&mut self, name: &str, value: &str) {
        let ms =
            || integer(value, Unit::Milliseconds).and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default();
        match name {
            "statement_timeout" => self.statement_timeout_ms = ms(),
            "lock_timeout" => self.lock_timeout_ms = ms(),
            "idle_session_timeout" => self.idle_session_timeout_ms = ms(),
            "idle_in_transaction_session_timeout" => self.idle_in_transaction_session_timeout_ms = ms(),
            "default_transaction_isolation" => self.default_isolation = level_named(value),
            "transaction_isolation" => self.isolation = level_named(value),
            "default_transaction_read_only" => self.default_read_only = value == "on",
            "transaction_read_only" => self.read_only = value == "on",
            "synchronous_commit" => self.commits_durably = value != "off",
            "ledger.report_tx" => self.reports_tx = value == "on",
            "ledger.as_of" => self.as_of = Arc::from(value),
            "search_path" => self.search_path = split_identifiers(value).into(),
            "application_name" => self.application_name = Arc::from(value),
            "ledger.reason" => self.reason = Arc::from(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SETTINGS, Settings};
    use super::*;

    /// What is ready at the start is what the defaults say.
    #[test]
    fn defaults_agree_with_the_texts() {
        let mut noted = Ready { search_path: [].into(), ..Ready::default() };
        SETTINGS.iter().for_each(|setting| noted.note(setting.name, setting.default));
        assert_eq!(format!("{noted:?}"), format!("{:?}", Ready::default()));
    }

    #[test]
    fn every_text_is_followed() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("statement_timeout", "2s"),
            ("lock_timeout", "1min"),
            ("idle_session_timeout", "3"),
            ("idle_in_transaction_session_timeout", "4ms"),
            ("default_transaction_isolation", "serializable"),
            ("default_transaction_read_only", "true"),
            ("synchronous_commit", "false"),
            ("ledger.report_tx", "1"),
            ("ledger.as_of", "tx:7"),
            ("search_path", "a, \"B\""),
            ("application_name", "app"),
            ("ledger.reason", "why"),
        ] {
            settings.set(name, Some(value)).unwrap();
        }
        let before = settings.clone();
        assert_eq!(
            format!("{:?}", settings.ready),
            "Ready { statement_timeout_ms: 2000, lock_timeout_ms: 60000, idle_session_timeout_ms: 3, \
             idle_in_transaction_session_timeout_ms: 4, default_isolation: Serializable, \
             isolation: ReadCommitted, default_read_only: true, read_only: false, commits_durably: false, \
             reports_tx: true, as_of: \"tx:7\", search_path: [\"a\", \"B\"], application_name: \"app\", \
             reason: \"why\" }"
        );
        settings.reset_all().unwrap();
        assert_eq!(format!("{:?}", settings.ready), format!("{:?}", Ready::default()));
        assert_eq!(before.get("ledger.reason").unwrap(), "why", "a copy is not touched");
    }
}
