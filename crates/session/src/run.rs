//! Statements that are no query, run.

use crate::conversation::{Outcome, Rows};
use crate::prepared::Prepared;
use crate::session::Session;
use crate::settings::on_or_off;
use crate::surroundings::Known;
use plan::explain;
use plan::statement::{Discard, Set, Statement};
use std::collections::VecDeque;
use std::sync::Arc;
use types::{Batch, DataType, Error, Result, Value, err};

/// How one ended: with an outcome, or with rows to hand out and the tag to end with.
pub enum Ended {
    Outcome(Outcome),
    Rows(VecDeque<Batch>, String),
}

impl Session {
    /// Runs any statement but a query.
    pub(crate) fn utility(
        &mut self,
        prepared: &Arc<Prepared>,
        parameters: &[Value],
        rows: &mut dyn Rows,
        describe: bool,
    ) -> Result<Ended> {
        let outcome = match &*prepared.statement {
            Statement::Query(_) => return Err(Error::internal("a query came as a utility")),
            Statement::Explain { query, options } => return self.explain(query, *options, parameters),
            Statement::Ddl(ddl) => self.ddl(ddl)?,
            Statement::Role(role) => self.role(role)?,
            Statement::CreateTableAs { table, query, with_data } => {
                self.create_table_as(table, query, *with_data, parameters)?
            }
            Statement::Copy(copy) => return self.copy(copy, rows, &prepared.parsed.text).map(Ended::Outcome),
            Statement::Transaction(command) => self.transaction_command(command)?,
            Statement::Set(set) => self.set(set)?,
            Statement::Show(name) => return self.show(name),
            Statement::Prepare { name, types, statement } => {
                self.prepare_sql(name, types, statement, &prepared.parsed.text)?
            }
            Statement::Execute { name, arguments } => {
                return self.execute_sql(name, arguments, rows, describe);
            }
            Statement::Deallocate(name) => self.deallocate(name.as_deref())?,
            Statement::Declare { name, query, hold, scroll, binary } => {
                if *binary {
                    return Err(Error::unsupported("a BINARY cursor")
                        .hint("Ask for binary results in the extended protocol."));
                }
                self.declare(name, query, (*hold, *scroll), prepared, parameters)?
            }
            Statement::Fetch { cursor, direction, move_only } => {
                return self.fetch_cursor(cursor, *direction, *move_only);
            }
            Statement::CloseCursor(name) => self.close_cursor(name.as_deref())?,
            Statement::Discard(what) => self.discard(*what)?,
            Statement::Vacuum { vacuum, analyze, full, verbose: _, tables } => {
                self.vacuum(*vacuum, *analyze, *full, tables)?
            }
            Statement::LockTable { .. } => self.lock_tables(prepared)?,
            Statement::SetConstraints { deferred, names } => {
                self.begin_step()?;
                self.open_transaction()?.set_constraints(*deferred, names)?;
                Outcome::done("SET CONSTRAINTS")
            }
            Statement::Unlisten => Outcome::done("UNLISTEN"),
            Statement::Checkpoint => {
                if !self.known.is_superuser(self.known.current_user()) {
                    return Err(err!(
                        InsufficientPrivilege,
                        "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT"
                    ));
                }
                self.catalog.store().ledger().publish()?;
                Outcome::done("CHECKPOINT")
            }
            Statement::Empty => Outcome::Empty,
        };
        Ok(Ended::Outcome(outcome))
    }

    /// One column of text rows.
    fn text_rows(&self, data_type: DataType, lines: impl IntoIterator<Item = String>) -> VecDeque<Batch> {
        let mut batch = Batch::new([data_type]);
        lines.into_iter().for_each(|line| batch.push_row(&[Value::Text(line)]));
        VecDeque::from([batch])
    }

    fn explain(
        &mut self,
        statement: &Statement,
        options: plan::statement::ExplainOptions,
        parameters: &[Value],
    ) -> Result<Ended> {
        let (query, parameters) = match statement {
            Statement::Query(query)
            | Statement::CreateTableAs { query, .. }
            | Statement::Declare { query, .. } => (query.clone(), parameters.to_vec()),
            Statement::Execute { name, arguments } => {
                let prepared = self.prepared(name)?;
                let values = self.arguments(&prepared, name, arguments)?;
                match &*self.current_locked(&prepared, &values, true)?.statement {
                    Statement::Query(query) => (query.clone(), values),
                    _ => return Err(Error::unsupported("EXPLAIN of this statement")),
                }
            }
            _ => return Err(Error::unsupported("EXPLAIN of this statement")),
        };
        if options.analyze && !matches!(statement, Statement::Query(_) | Statement::Execute { .. }) {
            return Err(Error::unsupported("EXPLAIN ANALYZE of this statement").hint("Explain its query."));
        }
        let mut actual = None;
        if !options.analyze {
            // It shows what is in the statistics of the tables: who may not read them may not ask.
            self.begin_step()?;
            let Some(transaction) = self.open.as_ref().and_then(|open| open.transaction.as_ref()) else {
                return Err(Error::internal("EXPLAIN without a transaction"));
            };
            crate::access::check_query(&query, transaction, &self.known)?;
        }
        if options.analyze {
            self.begin_query(&query)?;
            let clock = self.known.cluster.host().clock.clone();
            let started = clock.monotonic();
            let mut execution = exec::Execution::new(query.clone(), true);
            let settings = self.known.text_settings();
            let mut batch = Batch::default();
            while self.pull_batch(&mut execution, &parameters, &settings, usize::MAX, &mut batch)? {}
            self.end_query()?;
            let nodes = execution.statistics().nodes;
            let nodes = nodes
                .iter()
                .map(|node| explain::Actual { rows: node.rows, loops: node.loops, time_us: node.time_us })
                .collect();
            actual = Some((nodes, (clock.monotonic() - started).as_micros() as u64));
        }
        let (nodes, total_us): (Vec<explain::Actual>, u64) = actual.unwrap_or_default();
        let text = explain::explain(&query, &options, options.analyze.then_some((&nodes[..], total_us)));
        let batches = match options.json {
            true => self.text_rows(DataType::Json, [text]),
            false => self.text_rows(DataType::Text, text.lines().map(str::to_owned)),
        };
        Ok(Ended::Rows(batches, "EXPLAIN".into()))
    }

    /// SET and RESET.
    fn set(&mut self, set: &Set) -> Result<Outcome> {
        let tag = if set.value.is_none() && !set.local { "RESET" } else { "SET" };
        if set.all {
            self.known.settings.borrow_mut().reset_all()?;
            for (name, _) in self.reported_settings() {
                self.known.report(&name);
            }
            return Ok(Outcome::done("RESET"));
        }
        match set.name.as_str() {
            "role" => self.set_role(set.value.as_deref())?,
            "session_authorization" => self.set_session_authorization(set.value.as_deref())?,
            "transaction_isolation" | "transaction_read_only" => return self.set_transaction(set),
            "seed" => {
                let seed = set.value.as_deref().and_then(|value| value.parse::<f64>().ok());
                self.known.seed.set(seed.map(|seed| seed.to_bits() | 1));
                return Ok(Outcome::done("SET"));
            }
            _ => {}
        }
        if set.local && !self.in_block() {
            self.known.notice(
                "WARNING",
                err!(NoActiveSqlTransaction, "SET LOCAL can only be used in transaction blocks"),
            );
            return Ok(Outcome::done("SET"));
        }
        match set.local {
            true => self.remember_local(&set.name),
            false => self.forget_local(&set.name),
        }
        if set.name == "ledger.as_of" {
            self.check_past(set.value.as_deref())?;
        }
        if set.name != "role" && set.name != "session_authorization" {
            self.known.settings.borrow_mut().set(&set.name, set.value.as_deref())?;
        }
        if set.name == "ledger.as_of" {
            self.follow_setting()?;
        }
        if set.name == "lock_timeout" {
            let timeout = self.known.settings.borrow().ready.lock_timeout_ms;
            if let Some(transaction) = self.open.as_mut().and_then(|open| open.transaction.as_mut()) {
                transaction.set_lock_timeout(timeout);
            }
        }
        self.known.report(&set.name);
        Ok(Outcome::done(tag))
    }

    /// The transaction whose state is read now, unless it is the present.
    fn past_now(&mut self) -> Result<Option<types::TxId>> {
        if self.in_block() {
            return Ok(self.open_transaction()?.past_tx());
        }
        let Some(moment) = self.session_moment()? else { return Ok(None) };
        let begin =
            catalog::Begin { isolation: kv::Isolation::ReadCommitted, read_only: true, as_of: Some(moment) };
        Ok(Some(self.catalog.begin(begin)?.snapshot_tx()))
    }

    /// A past that cannot be read is refused at SET.
    fn check_past(&mut self, value: Option<&str>) -> Result<()> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(()) };
        let moment = self.known.moment_of_text(value)?;
        let begin =
            catalog::Begin { isolation: kv::Isolation::ReadCommitted, read_only: true, as_of: Some(moment) };
        self.catalog.begin(begin)?.rollback();
        Ok(())
    }

    fn set_transaction(&mut self, set: &Set) -> Result<Outcome> {
        use plan::statement::{IsolationLevel, TransactionModes};
        let value = set.value.clone().unwrap_or_default().to_ascii_lowercase();
        let mut modes = TransactionModes::default();
        if set.name == "transaction_isolation" {
            modes.isolation = Some(match value.as_str() {
                "serializable" => IsolationLevel::Serializable,
                "repeatable read" => IsolationLevel::RepeatableRead,
                "read committed" | "read uncommitted" | "" => IsolationLevel::ReadCommitted,
                _ => {
                    return Err(err!(
                        InvalidParameterValue,
                        "invalid value for parameter \"transaction_isolation\": \"{value}\""
                    ));
                }
            });
        } else {
            modes.read_only = crate::settings::boolean(&value);
        }
        self.set_modes(&modes)?;
        Ok(Outcome::done("SET"))
    }

    fn set_role(&mut self, value: Option<&str>) -> Result<()> {
        let name = value.map(|value| value.trim_matches('"')).filter(|name| *name != "none");
        let role = match name {
            None => None,
            Some(name) => {
                let directory = self.known.directory();
                let Some(role) = directory.role(name) else {
                    return Err(err!(InvalidParameterValue, "role \"{name}\" does not exist"));
                };
                let (session, _) = *self.known.session_user.borrow();
                if !self.known.is_superuser(session) && !directory.is_member(session, role.oid) {
                    return Err(err!(InsufficientPrivilege, "permission denied to set role \"{name}\""));
                }
                Some((role.oid, role.name.clone()))
            }
        };
        self.known.settings.borrow_mut().force("role", role.as_ref().map_or("none", |(_, name)| name));
        *self.known.role.borrow_mut() = role;
        self.show_superuser();
        Ok(())
    }

    fn set_session_authorization(&mut self, value: Option<&str>) -> Result<()> {
        let user = match value.map(|value| value.trim_matches('"')) {
            None | Some("default") => self.known.authenticated.clone(),
            Some(name) => {
                let directory = self.known.directory();
                let Some(role) = directory.role(name) else {
                    return Err(err!(InvalidParameterValue, "role \"{name}\" does not exist"));
                };
                if role.oid != self.known.authenticated.0
                    && !self.known.is_superuser(self.known.authenticated.0)
                {
                    return Err(err!(
                        InsufficientPrivilege,
                        "permission denied to set session authorization"
                    ));
                }
                (role.oid, role.name.clone())
            }
        };
        self.known.settings.borrow_mut().force("session_authorization", &user.1);
        *self.known.session_user.borrow_mut() = user;
        *self.known.role.borrow_mut() = None;
        self.show_superuser();
        Ok(())
    }

    fn show_superuser(&self) {
        let superuser = self.known.is_superuser(self.known.current_user());
        self.known.settings.borrow_mut().force("is_superuser", on_or_off(superuser));
        self.known.report("is_superuser");
    }

    /// A setting's own spelling, for SHOW's column.
    pub(crate) fn setting_name(&self, name: &str) -> String {
        match name {
            "timezone" => "TimeZone".into(),
            "datestyle" => "DateStyle".into(),
            "intervalstyle" => "IntervalStyle".into(),
            other => other.to_owned(),
        }
    }

    fn show(&mut self, name: &str) -> Result<Ended> {
        if name == "all" {
            let mut batch = Batch::new([DataType::Text; 3]);
            for (name, value, description) in self.known.settings.borrow().all() {
                batch.push_row(&[Value::Text(name), Value::Text(value), Value::Text(description)]);
            }
            return Ok(Ended::Rows(VecDeque::from([batch]), "SHOW".into()));
        }
        // Outside a transaction, what the next one will be.
        let shown = match name.to_ascii_lowercase().as_str() {
            "transaction_isolation" if self.open.is_none() => "default_transaction_isolation",
            "transaction_read_only" if self.open.is_none() => "default_transaction_read_only",
            _ => name,
        };
        let mut value = self.known.settings.borrow().get(shown)?;
        // The transaction that a time resolved to is what SHOW reports.
        if name == "ledger.as_of"
            && let Some(tx) = self.past_now()?
        {
            value = format!("tx:{tx}");
        }
        Ok(Ended::Rows(self.text_rows(DataType::Text, [value]), "SHOW".into()))
    }

    fn prepare_sql(
        &mut self,
        name: &str,
        types: &[DataType],
        statement: &plan::Parsed,
        text: &str,
    ) -> Result<Outcome> {
        if self.prepared.contains_key(name) {
            return Err(err!(DuplicatePreparedStatement, "prepared statement \"{name}\" already exists"));
        }
        let given = types.iter().map(|ty| Some(*ty).filter(|ty| *ty != DataType::Unknown)).collect();
        let mut prepared = self.plan(Arc::new(statement.clone()), given)?;
        prepared.from_sql = true;
        prepared.source = format!("{text};").into();
        self.prepared.insert(name.to_owned(), Arc::new(prepared));
        Ok(Outcome::done("PREPARE"))
    }

    /// EXECUTE's arguments, evaluated and cast to the parameters' types.
    fn arguments(&mut self, prepared: &Prepared, name: &str, arguments: &[expr::Expr]) -> Result<Vec<Value>> {
        if arguments.len() != prepared.parameters.len() {
            return Err(err!(SyntaxError, "wrong number of parameters for prepared statement \"{name}\"")
                .detail(format!(
                    "Expected {} parameters but got {}.",
                    prepared.parameters.len(),
                    arguments.len()
                )));
        }
        let settings = self.known.text_settings();
        let runtime = expr::context::NoRuntime;
        let context = expr::Context { parameters: &[], slots: &[], settings: &settings, runtime: &runtime };
        let mut values = Vec::new();
        for (argument, ty) in arguments.iter().zip(&prepared.parameters) {
            let value = expr::eval_constant(argument, &context)?;
            values.push(types::cast::cast(&value, argument.data_type(), (*ty).into(), false, &settings)?);
        }
        Ok(values)
    }

    fn execute_sql(
        &mut self,
        name: &str,
        arguments: &[expr::Expr],
        rows: &mut dyn Rows,
        describe: bool,
    ) -> Result<Ended> {
        let prepared = self.prepared(name)?;
        let values = self.arguments(&prepared, name, arguments)?;
        let current = self.current(&prepared, &values)?;
        let mut portal = crate::portal::Portal::new(current, values);
        self.fetch(&mut portal, 0, rows, describe).map(Ended::Outcome)
    }

    fn deallocate(&mut self, name: Option<&str>) -> Result<Outcome> {
        match name {
            None => {
                self.prepared.clear();
                Ok(Outcome::done("DEALLOCATE ALL"))
            }
            Some(name) => match self.prepared.remove(name) {
                Some(_) => Ok(Outcome::done("DEALLOCATE")),
                None => Err(err!(InvalidSqlStatementName, "prepared statement \"{name}\" does not exist")),
            },
        }
    }

    fn discard(&mut self, what: Discard) -> Result<Outcome> {
        match what {
            Discard::All => {
                if self.in_block() {
                    return Err(err!(
                        ActiveSqlTransaction,
                        "DISCARD ALL cannot run inside a transaction block"
                    ));
                }
                self.portals.clear();
                self.prepared.clear();
                self.known.sequences.borrow_mut().clear();
                self.known.last_sequence.set(None);
                self.known.locks.unlock_all();
                self.set_session_authorization(None)?;
                self.known.settings.borrow_mut().reset_all()?;
                for (name, _) in self.reported_settings() {
                    self.known.report(&name);
                }
                Ok(Outcome::done("DISCARD ALL"))
            }
            // Plans are made again by themselves when they are stale.
            Discard::Plans => Ok(Outcome::done("DISCARD PLANS")),
            Discard::Sequences => {
                self.known.sequences.borrow_mut().clear();
                self.known.last_sequence.set(None);
                Ok(Outcome::done("DISCARD SEQUENCES"))
            }
            Discard::Temp => Ok(Outcome::done("DISCARD TEMP")),
        }
    }

    /// Nothing is ever dead in a ledger: VACUUM says so. ANALYZE has nothing to gather yet: row counts are kept anyway.
    fn vacuum(
        &mut self,
        vacuum: bool,
        analyze: bool,
        full: bool,
        tables: &[types::ddl::Name],
    ) -> Result<Outcome> {
        let command = if vacuum { "VACUUM" } else { "ANALYZE" };
        if vacuum && self.in_block() {
            return Err(err!(ActiveSqlTransaction, "VACUUM cannot run inside a transaction block"));
        }
        self.begin_step()?;
        let path = self.known.search_path();
        let user = self.known.current_user();
        let schema = self.open_transaction()?.schema(&path, user);
        for name in tables {
            let relation = schema.relation(name.schema.as_deref(), &name.name)?;
            let Some(relation) = relation else {
                return Err(err!(UndefinedTable, "relation \"{}\" does not exist", name.name));
            };
            crate::access::check_owner(&relation, &self.known)?;
        }
        if vacuum {
            let what = if full { "VACUUM FULL" } else { "VACUUM" };
            let report =
                err!(SuccessfulCompletion, "{what} removed nothing: every version is part of the ledger")
                    .detail("Superseded and deleted versions stay readable with AS OF.");
            self.known.notice("NOTICE", report);
        }
        if analyze {
            self.known.notice(
                "DEBUG1",
                err!(SuccessfulCompletion, "row counts are kept up to date by every commit"),
            );
        }
        Ok(Outcome::done(command))
    }

    /// A name may mean another table, or none, once the lock was awaited: then it is looked up again.
    fn lock_tables(&mut self, prepared: &Arc<Prepared>) -> Result<Outcome> {
        if !self.in_block() {
            return Err(err!(NoActiveSqlTransaction, "LOCK TABLE can only be used in transaction blocks"));
        }
        let mut prepared = prepared.clone();
        loop {
            self.begin_step()?;
            prepared = self.current(&prepared, &[])?;
            let Statement::LockTable { tables, mode, nowait } = &*prepared.statement else {
                return Err(Error::internal("LOCK TABLE became another statement"));
            };
            if self.lock_all(tables, mode, *nowait)? {
                return Ok(Outcome::done("LOCK TABLE"));
            }
        }
    }

    /// False: one of them has changed meanwhile.
    fn lock_all(
        &mut self,
        tables: &[Arc<types::schema::Relation>],
        mode: &str,
        nowait: bool,
    ) -> Result<bool> {
        use kv::TableMode;
        let mode = match mode {
            "access share" => TableMode::AccessShare,
            "row share" => TableMode::RowShare,
            "row exclusive" => TableMode::RowExclusive,
            "share update exclusive" => TableMode::ShareUpdateExclusive,
            "share" => TableMode::Share,
            "share row exclusive" => TableMode::ShareRowExclusive,
            "exclusive" => TableMode::Exclusive,
            _ => TableMode::AccessExclusive,
        };
        let wait = if nowait { kv::LockWait::Nowait } else { kv::LockWait::Block };
        for relation in tables {
            let privilege = match mode {
                TableMode::AccessShare => types::ddl::Privilege::Select,
                TableMode::RowShare | TableMode::RowExclusive => types::ddl::Privilege::Insert,
                _ => types::ddl::Privilege::Update,
            };
            let user = self.known.current_user();
            let Some(transaction) = self.open.as_mut().and_then(|open| open.transaction.as_mut()) else {
                break;
            };
            crate::access::check_relation(relation, privilege, user, transaction, &self.known)?;
            if !transaction.lock_planned(relation.oid, mode, wait)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What set_config() may set: as SET.
pub fn check_settable(_known: &Known, name: &str) -> Result<()> {
    if ["role", "session_authorization", "transaction_isolation", "transaction_read_only"].contains(&name) {
        return Err(Error::unsupported(format!("set_config of \"{name}\"")).hint("Use SET."));
    }
    Ok(())
}
