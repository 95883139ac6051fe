//! Portals and cursors: statements with their parameters, run in pieces.

use crate::conversation::{Outcome, Rows};
use crate::prepared::Prepared;
use crate::session::Session;
use exec::Execution;
use exec::run::Functions;
use plan::{Field, QueryKind, Statement};
use std::collections::VecDeque;
use std::sync::Arc;
use types::{Batch, DataType, Result, Value, err};

/// One portal. A cursor is a portal with a history of its rows.
pub struct Portal {
    pub prepared: Prepared,
    pub parameters: Vec<Value>,
    pub state: PortalState,
    pub cursor: Option<Cursor>,
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
    /// The tag of a statement that has ended.
    Done(String),
}

impl Portal {
    pub fn new(prepared: Prepared, parameters: Vec<Value>) -> Portal {
        Portal { prepared, parameters, state: PortalState::Ready, cursor: None }
    }

    pub fn fields(&self) -> Option<Arc<[Field]>> {
        self.prepared.fields.clone()
    }
}

/// `SELECT 3`, `INSERT 0 1`.
pub fn tag(kind: QueryKind, rows: u64) -> String {
    match kind {
        QueryKind::Select => format!("SELECT {rows}"),
        QueryKind::Insert => format!("INSERT 0 {rows}"),
        QueryKind::Update => format!("UPDATE {rows}"),
        QueryKind::Delete => format!("DELETE {rows}"),
    }
}

impl Session {
    /// Runs a portal up to `max_rows` rows (0 = all). `describe`: tell the columns first.
    pub(crate) fn fetch(
        &mut self,
        portal: &mut Portal,
        max_rows: usize,
        rows: &mut dyn Rows,
        describe: bool,
    ) -> Result<Outcome> {
        let limit = if max_rows == 0 { usize::MAX } else { max_rows };
        if matches!(portal.state, PortalState::Ready) {
            if let Statement::Query(query) = &*portal.prepared.statement {
                self.begin_query(query)?;
                portal.state = PortalState::Running(Box::new(Execution::new(query.clone(), false)));
            } else {
                match self.utility(&portal.prepared.clone(), &portal.parameters, rows, describe)? {
                    crate::run::Ended::Outcome(outcome) => {
                        if let Outcome::Done { tag } = &outcome {
                            portal.state = PortalState::Done(tag.clone());
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
                let tag = tag(query.kind, count);
                portal.state = PortalState::Done(match query.kind {
                    QueryKind::Select => "SELECT 0".into(),
                    _ => tag.clone(),
                });
                self.end_query()?;
                Ok(Outcome::Done { tag })
            }
            PortalState::Rows(batches, tag) => {
                let settings = self.known.text_settings();
                let mut left = limit;
                while let Some(mut batch) = batches.pop_front() {
                    if batch.rows > left {
                        let rest: Vec<usize> = (left..batch.rows).collect();
                        batches.push_front(batch.take(&rest));
                        batch = batch.take(&(0..left).collect::<Vec<_>>());
                    }
                    left -= batch.rows;
                    if !batch.is_empty() {
                        rows.batch(&batch, &settings)?;
                    }
                    if left == 0 {
                        break;
                    }
                }
                if left == 0 && limit != usize::MAX {
                    return Ok(Outcome::Suspended);
                }
                let tag = std::mem::take(tag);
                portal.state = PortalState::Done(tag.clone());
                Ok(Outcome::Done { tag })
            }
            PortalState::Done(tag) if tag.starts_with("SELECT") => Ok(Outcome::done("SELECT 0")),
            PortalState::Done(_) => {
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
                rows.batch(&batch, &settings)?;
            }
        }
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
