//! Portals and cursors: statements with their parameters, run in pieces.

use crate::conversation::{Outcome, Rows};
use crate::prepared::Prepared;
use crate::session::Session;
use exec::Execution;
use exec::run::Functions;
use plan::statement::TableLock;
use plan::{Field, Query, QueryKind, Statement};
use std::collections::VecDeque;
use std::sync::Arc;
use types::{Batch, DataType, Result, Value, err};

/// One portal. A cursor is a portal with a history of its rows.
pub struct Portal {
    pub prepared: Arc<Prepared>,
    pub parameters: Vec<Value>,
    pub state: PortalState,
    pub cursor: Option<Cursor>,
    /// Its text is part of the transaction's hash.
    noted: bool,
    /// When it was made, for pg_cursors.
    pub created_us: i64,
}

/// What DECLARE adds.
pub struct Cursor {
    pub hold: bool,
    pub scroll: bool,
    /// Rows met so far, kept to go back to (only if `scroll` or `hold`).
    pub rows: Vec<Vec<Value>>,
    /// Where it stands: 0 before the first row, n on the n-th.
    pub position: usize,
    /// How many savepoints there were when it was declared; 0 once its transaction has ended.
    pub depth: usize,
}

pub enum PortalState {
    Ready,
    Running(Box<Execution>),
    /// Rows made whole by a statement that is no query (SHOW, EXPLAIN, FETCH), and its tag.
    Rows(VecDeque<Batch>, String),
    /// The statement has ended. `rows`: asked again, it has no more of them.
    Done {
        rows: bool,
    },
}

impl Portal {
    pub fn new(prepared: Arc<Prepared>, parameters: Vec<Value>) -> Portal {
        Portal { prepared, parameters, state: PortalState::Ready, cursor: None, noted: false, created_us: 0 }
    }

    pub fn fields(&self) -> Option<Arc<[Field]>> {
        self.prepared.fields.clone()
    }
}

/// `SELECT 3`, `INSERT 0 1`.
pub fn tag(kind: QueryKind, rows: u64) -> String {
    let command = match kind {
        QueryKind::Select => "SELECT ",
        QueryKind::Insert => "INSERT 0 ",
        QueryKind::Update => "UPDATE ",
        QueryKind::Delete => "DELETE ",
    };
    let mut tag = String::with_capacity(24);
    tag.push_str(command);
    types::text::push_integer(&mut tag, rows as i64);
    tag
}

/// The tag of a result that is kept, told after `sent` of its rows: PostgreSQL counts those of each Execute.
fn counted(tag: &str, sent: usize) -> String {
    match tag.rsplit_once(' ') {
        Some((command, count)) if count.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{command} {sent}")
        }
        _ => tag.to_owned(),
    }
}

/// Whether it changes rows, itself or in a WITH.
fn writes(query: &Query) -> bool {
    query.locks.iter().any(|(_, mode)| *mode == TableLock::RowExclusive)
}

/// What a read-only transaction calls a query that it refuses.
pub fn writing_command(query: &Query) -> Option<&'static str> {
    let locks = query.locks.iter().any(|(_, mode)| *mode == TableLock::RowShare);
    match query.kind {
        QueryKind::Insert => Some("INSERT"),
        QueryKind::Update => Some("UPDATE"),
        QueryKind::Delete => Some("DELETE"),
        QueryKind::Select if writes(query) => Some("SELECT"),
        QueryKind::Select if locks => Some("SELECT FOR UPDATE"),
        QueryKind::Select => None,
    }
}

/// A query's columns, of which there may be none; None: it returns no rows.
pub fn result_fields(query: &Query) -> Option<Arc<[Field]>> {
    let returns = query.kind == QueryKind::Select || !query.fields.is_empty();
    returns.then(|| Arc::from(&query.fields[..]))
}

impl Session {
    /// Runs a client's statement, and takes its `text` down if it wrote.
    pub(crate) fn fetch_noting(
        &mut self,
        portal: &mut Portal,
        text: &str,
        max_rows: usize,
        rows: &mut dyn Rows,
        describe: bool,
    ) -> Result<Outcome> {
        let before = self.rows_put();
        let outcome = self.fetch(portal, max_rows, rows, describe)?;
        if !portal.noted {
            portal.noted = self.note_text(text, before);
        }
        Ok(outcome)
    }

    /// Runs a portal up to `max_rows` rows (0 = all). `describe`: tell the columns first.
    pub(crate) fn fetch(
        &mut self,
        portal: &mut Portal,
        max_rows: usize,
        rows: &mut dyn Rows,
        describe: bool,
    ) -> Result<Outcome> {
        let depth = portal.prepared.statement.depth();
        plan::stack::with(depth, || self.fetch_here(portal, max_rows, rows, describe))
    }

    fn fetch_here(
        &mut self,
        portal: &mut Portal,
        max_rows: usize,
        rows: &mut dyn Rows,
        describe: bool,
    ) -> Result<Outcome> {
        let limit = if max_rows == 0 { usize::MAX } else { max_rows };
        if matches!(portal.state, PortalState::Ready) {
            // Another moment may be read since it was bound.
            if portal.cursor.is_none() {
                portal.prepared = self.current_locked(&portal.prepared, &portal.parameters, describe)?;
            }
            if let Statement::Query(query) = &*portal.prepared.statement {
                self.begin_query(query)?;
                let mut execution = Box::new(Execution::new(query.clone(), false));
                portal.state = match limit != usize::MAX && writes(query) && !query.fields.is_empty() {
                    false => PortalState::Running(execution),
                    // A command is done as a whole, however few of its rows are asked for.
                    true => {
                        let batches = self.pull_all(&mut execution, &portal.parameters)?;
                        self.end_query()?;
                        PortalState::Rows(batches, tag(query.kind, 0))
                    }
                };
            } else {
                match self.utility(&portal.prepared.clone(), &portal.parameters, rows, describe)? {
                    crate::run::Ended::Outcome(outcome) => {
                        if let Outcome::Done { tag } = &outcome {
                            portal.state = PortalState::Done { rows: tag.starts_with("SELECT") };
                        }
                        return Ok(outcome);
                    }
                    crate::run::Ended::Rows(batches, tag) => portal.state = PortalState::Rows(batches, tag),
                }
            }
        }
        if describe && let Some(fields) = portal.fields() {
            rows.fields(&fields, &self.known.text_settings())?;
        }
        match &mut portal.state {
            PortalState::Running(execution) => {
                let Statement::Query(query) = &*portal.prepared.statement else {
                    return Err(types::Error::internal("a portal runs what is no query"));
                };
                let (sent, ended) = self.pull(execution, &portal.parameters, limit, rows)?;
                if !ended {
                    return Ok(Outcome::Suspended);
                }
                let count = if query.kind == QueryKind::Select { sent } else { execution.rows() };
                portal.state = match query.kind {
                    QueryKind::Select => PortalState::Done { rows: true },
                    _ if query.fields.is_empty() => PortalState::Done { rows: false },
                    // Asked again, it has no more rows.
                    kind => PortalState::Rows(VecDeque::new(), tag(kind, 0)),
                };
                let tag = tag(query.kind, count);
                self.end_query()?;
                Ok(Outcome::Done { tag })
            }
            PortalState::Rows(batches, tag) => {
                let mut settings = self.known.text_settings();
                let mut left = limit;
                while let Some(mut batch) = batches.pop_front() {
                    if batch.rows > left {
                        let rest: Vec<usize> = (left..batch.rows).collect();
                        batches.push_front(batch.take(&rest));
                        batch = batch.take(&(0..left).collect::<Vec<_>>());
                    }
                    left -= batch.rows;
                    if !batch.is_empty() {
                        self.name_objects(&batch, &mut settings)?;
                        rows.notices(self.known.take_messages());
                        rows.batch(&batch, &settings)?;
                    }
                    if left == 0 {
                        break;
                    }
                }
                if left == 0 && limit != usize::MAX {
                    return Ok(Outcome::Suspended);
                }
                Ok(Outcome::Done { tag: counted(tag, limit - left) })
            }
            PortalState::Done { rows: true } => Ok(Outcome::done("SELECT 0")),
            PortalState::Done { rows: false } => {
                Err(err!(ObjectNotInPrerequisiteState, "portal cannot be run").hint("Bind it again."))
            }
            PortalState::Ready => Err(types::Error::internal("a portal did not start")),
        }
    }

    /// Pulls up to `limit` rows. True = the end was reached.
    fn pull(
        &mut self,
        execution: &mut Execution,
        parameters: &[Value],
        limit: usize,
        rows: &mut dyn Rows,
    ) -> Result<(u64, bool)> {
        let mut settings = self.known.text_settings();
        let mut batch = Batch::default();
        let mut sent = 0u64;
        loop {
            let left = limit.saturating_sub(sent as usize);
            if left == 0 {
                return Ok((sent, false));
            }
            if !self.pull_batch(execution, parameters, &settings, left, &mut batch)? {
                return Ok((sent, true));
            }
            sent += batch.rows as u64;
            if !batch.columns.is_empty() || batch.rows > 0 {
                self.name_objects(&batch, &mut settings)?;
                rows.notices(self.known.take_messages());
                rows.batch(&batch, &settings)?;
            }
        }
    }

    /// Pulls every row.
    fn pull_all(&mut self, execution: &mut Execution, parameters: &[Value]) -> Result<VecDeque<Batch>> {
        let settings = self.known.text_settings();
        let mut batches = VecDeque::new();
        let mut batch = Batch::default();
        while self.pull_batch(execution, parameters, &settings, usize::MAX, &mut batch)? {
            batches.push_back(std::mem::take(&mut batch));
        }
        Ok(batches)
    }

    /// Lists the names of what regclass columns and their kin hold, so that they print as names.
    fn name_objects(&mut self, batch: &Batch, settings: &mut types::TextSettings) -> Result<()> {
        let shown = |ty: DataType| ty.is_oid() && !matches!(ty, DataType::Oid | DataType::Xid);
        if !batch.columns.iter().any(|column| shown(column.data_type)) {
            return Ok(());
        }
        let mut names = types::settings::Names::new();
        let Some(transaction) = self.open.as_ref().and_then(|open| open.transaction.as_ref()) else {
            return Ok(());
        };
        let answers = crate::functions::Answers { known: &self.known };
        for column in batch.columns.iter().filter(|column| shown(column.data_type)) {
            for row in 0..batch.rows {
                let Value::Oid(oid) = column.get(row) else { continue };
                let key = (column.data_type, oid);
                if !names.contains_key(&key)
                    && let Some(name) = answers.name_of(transaction, column.data_type, oid)?
                {
                    names.insert(key, name);
                }
            }
        }
        settings.names = Some(Arc::new(names));
        Ok(())
    }
}
