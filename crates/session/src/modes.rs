//! The modes of a transaction: its isolation level, whether it may write, the moment that it reads.

use crate::conversation::Outcome;
use crate::session::Session;
use crate::settings::on_or_off;
use catalog::Begin;
use kv::Isolation;
use plan::statement::{AsOf, IsolationLevel, TransactionModes};
use types::{Moment, Result, err};

/// The name of a level, as SHOW prints it.
pub(crate) fn level_name(level: IsolationLevel) -> &'static str {
    match level {
        IsolationLevel::ReadCommitted => "read committed",
        IsolationLevel::RepeatableRead => "repeatable read",
        IsolationLevel::Serializable => "serializable",
    }
}

pub(crate) fn level_named(name: &str) -> IsolationLevel {
    match name {
        "serializable" => IsolationLevel::Serializable,
        "repeatable read" => IsolationLevel::RepeatableRead,
        _ => IsolationLevel::ReadCommitted,
    }
}

impl Session {
    pub(crate) fn show_modes(&self, isolation: IsolationLevel, read_only: bool) {
        let mut settings = self.known.settings.borrow_mut();
        (settings.ready.isolation, settings.ready.read_only) = (isolation, read_only);
    }

    pub(crate) fn moment(&self, modes: &TransactionModes) -> Result<Option<Moment>> {
        match &modes.as_of {
            None => Ok(None),
            Some(AsOf::Transaction(tx)) => Ok(Some(Moment::Transaction(*tx))),
            Some(AsOf::Time(text)) => self.known.moment_of_text(text).map(Some),
            Some(AsOf::Expression(text)) => self.known.moment_of_expression(text).map(Some),
        }
    }

    /// SET SESSION CHARACTERISTICS.
    pub(crate) fn set_defaults(&mut self, modes: &TransactionModes) -> Result<Outcome> {
        let TransactionModes { isolation, read_only, deferrable, as_of } = modes;
        if as_of.is_some() {
            return Err(types::Error::unsupported("AS OF as a session characteristic")
                .hint("SET ledger.as_of = 'tx:42'."));
        }
        let mut settings = self.known.settings.borrow_mut();
        if let Some(level) = isolation {
            settings.set("default_transaction_isolation", Some(level_name(*level)))?;
        }
        if let Some(read_only) = read_only {
            settings.set("default_transaction_read_only", Some(on_or_off(*read_only)))?;
        }
        if let Some(deferrable) = deferrable {
            settings.set("default_transaction_deferrable", Some(on_or_off(*deferrable)))?;
        }
        drop(settings);
        self.known.report("default_transaction_read_only");
        Ok(Outcome::done("SET"))
    }

    /// SET TRANSACTION in a block.
    pub(crate) fn set_modes(&mut self, modes: &TransactionModes) -> Result<()> {
        let moment = self.moment(modes)?;
        let Some(open) = &self.open else { return Ok(()) };
        let (used, isolation) = (open.used, modes.isolation.unwrap_or(open.isolation));
        if used && isolation != open.isolation {
            return Err(err!(
                ActiveSqlTransaction,
                "SET TRANSACTION ISOLATION LEVEL must be called before any query"
            ));
        }
        let was_read_only = open.transaction.as_ref().is_some_and(|transaction| transaction.is_read_only());
        if was_read_only && modes.read_only == Some(false) {
            if !open.savepoints.is_empty() {
                return Err(err!(
                    ActiveSqlTransaction,
                    "cannot set transaction read-write mode inside a read-only transaction"
                ));
            }
            if used {
                return Err(err!(
                    ActiveSqlTransaction,
                    "transaction read-write mode must be set before any query"
                ));
            }
        }
        if let Some(moment) = moment {
            return self.restart_at(moment);
        }
        if isolation != open.isolation {
            self.restart(isolation, modes.read_only.unwrap_or(was_read_only), None)?;
        } else if let Some(read_only) = modes.read_only {
            if let Some(transaction) = self.open.as_mut().and_then(|open| open.transaction.as_mut()) {
                transaction.set_read_only(read_only);
            }
            self.show_modes(isolation, read_only);
        }
        Ok(())
    }

    /// The block goes on at a past.
    pub(crate) fn restart_at(&mut self, moment: Moment) -> Result<()> {
        match &self.open {
            Some(open) if open.used => {
                Err(err!(ActiveSqlTransaction, "SET TRANSACTION SNAPSHOT must be called before any query"))
            }
            Some(open) => {
                let isolation = open.isolation;
                self.restart(isolation, true, Some(moment))
            }
            None => Ok(()),
        }
    }

    /// Begins the unused block's transaction again, otherwise.
    fn restart(&mut self, isolation: IsolationLevel, read_only: bool, as_of: Option<Moment>) -> Result<()> {
        let own = as_of.or(self.open.as_ref().and_then(|open| open.as_of));
        let as_of = own.or(self.session_moment()?);
        let setting = self.as_of_setting();
        let begin =
            Begin { isolation: kv_isolation(isolation), read_only: read_only || own.is_some(), as_of };
        let transaction = self.begun(begin)?;
        if let Some(open) = &mut self.open {
            open.transaction = Some(transaction);
            open.isolation = isolation;
            (open.as_of, open.setting) = (own, setting);
        }
        self.show_modes(isolation, read_only || as_of.is_some());
        Ok(())
    }
}

pub(crate) fn kv_isolation(level: IsolationLevel) -> Isolation {
    match level {
        IsolationLevel::ReadCommitted => Isolation::ReadCommitted,
        IsolationLevel::RepeatableRead => Isolation::RepeatableRead,
        IsolationLevel::Serializable => Isolation::Serializable,
    }
}
