//! The conversation.

use plan::Field;
use std::sync::Arc;
use types::{Batch, DataType, Error, Result, TextSettings, Value};

#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    pub user: String,
    /// `name` or `name@42` (a past, read-only).
    pub database: String,
    /// Startup parameters: application_name, client_encoding, options' `-c name=value`, ... Unknown ones are 42704.
    pub settings: Vec<(String, String)>,
    pub client_address: Option<String>,
}

/// ReadyForQuery's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    Idle,
    InTransaction,
    Failed,
}

/// What a client is told beside results: NOTICE, WARNING and a changed reported setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    Message { severity: &'static str, report: Error },
    /// ParameterStatus.
    Setting { name: String, value: String },
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The command tag, complete: `SELECT 3`, `INSERT 0 1`, `BEGIN`.
    Done { tag: String },
    /// The portal has more rows (PortalSuspended).
    Suspended,
    /// COPY FROM STDIN: feed `Session::copy_*`. Columns' count and the format (0 text, 1 binary).
    CopyIn { columns: usize, binary: bool },
    Empty,
}

/// Receives a result while it is made. Called in order: `fields` once if there are rows to come, `batch` any number of
/// times, or `copy_data` for COPY TO STDOUT after `copy_out`. An error from it stops the statement.
pub trait Rows {
    fn fields(&mut self, fields: &[Field], settings: &TextSettings) -> Result<()>;
    fn batch(&mut self, batch: &Batch, settings: &TextSettings) -> Result<()>;
    fn copy_out(&mut self, columns: usize, binary: bool) -> Result<()>;
    fn copy_data(&mut self, data: &[u8]) -> Result<()>;
}

/// A parsed and planned statement. Shared; re-planned by the session when the catalog has changed.
#[derive(Clone)]
pub struct Prepared {
    /// Types of `$1..`.
    pub parameters: Vec<DataType>,
    /// None: the statement returns no rows.
    pub fields: Option<Arc<[Field]>>,
    pub(crate) _inner: (),
}

/// The session's state of a COPY FROM STDIN in progress.
pub struct CopyIn {
    _private: (),
}

pub struct Session {
    _private: (),
}

impl Session {
    pub fn process_id(&self) -> i32 {
        todo!()
    }
    /// For BackendKeyData.
    pub fn secret(&self) -> i32 {
        todo!()
    }
    pub fn status(&self) -> TransactionStatus {
        todo!()
    }
    /// Notices and reported settings since the last call, in order.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        todo!()
    }
    /// The settings that are reported at start (ParameterStatus).
    pub fn reported_settings(&self) -> Vec<(String, String)> {
        todo!()
    }
    pub fn text_settings(&self) -> &TextSettings {
        todo!()
    }

    // The simple protocol: the caller parses the string once, then runs each statement; the whole string is one
    // implicit transaction, closed by `end_implicit`.

    /// Splits and parses. 25P02 is raised per statement, by `simple`.
    pub fn parse(&mut self, _sql: &str) -> Result<Vec<plan::Parsed>> {
        todo!()
    }
    /// Runs one statement of a simple query. An error has already aborted the implicit transaction or put the block
    /// into the failed state. `last`: no further statement follows in this string.
    pub fn simple(&mut self, _statement: &plan::Parsed, _rows: &mut dyn Rows) -> Result<Outcome> {
        todo!()
    }
    /// Ends the implicit transaction (end of a simple query, or Sync): commits unless it failed. To be called before
    /// ReadyForQuery; its error goes to the client first.
    pub fn end_implicit(&mut self) -> Result<()> {
        todo!()
    }
    /// After any error in the extended protocol: abort as above. Called once, before skipping to Sync.
    pub fn fail(&mut self) {
        todo!()
    }

    // The extended protocol. Names: "" is the unnamed one. 42P05, 42P03, 26000, 34000, 08P01 as PostgreSQL.

    pub fn prepare(&mut self, _name: &str, _sql: &str, _types: &[Option<DataType>]) -> Result<()> {
        todo!()
    }
    pub fn prepared(&self, _name: &str) -> Result<Prepared> {
        todo!()
    }
    pub fn close_prepared(&mut self, _name: &str) {
        todo!()
    }
    /// Values have been decoded to the parameters' types.
    pub fn bind(&mut self, _portal: &str, _statement: &str, _values: Vec<Value>) -> Result<()> {
        todo!()
    }
    /// A portal's row description: None if it returns no rows.
    pub fn portal_fields(&self, _portal: &str) -> Result<Option<Arc<[Field]>>> {
        todo!()
    }
    /// Runs a portal, up to `max_rows` rows (0 = all). `rows.fields` is not called.
    pub fn execute(&mut self, _portal: &str, _max_rows: usize, _rows: &mut dyn Rows) -> Result<Outcome> {
        todo!()
    }
    pub fn close_portal(&mut self, _portal: &str) {
        todo!()
    }

    // COPY FROM STDIN, after `Outcome::CopyIn`.

    pub fn copy_data(&mut self, _data: &[u8]) -> Result<()> {
        todo!()
    }
    /// The tag: `COPY n`.
    pub fn copy_done(&mut self) -> Result<Outcome> {
        todo!()
    }
    /// 57014 with the client's reason.
    pub fn copy_fail(&mut self, _reason: &str) -> Error {
        todo!()
    }

    /// A cancel request came, or the connection is gone: flag for any thread.
    pub fn interrupt(&self) -> Arc<std::sync::atomic::AtomicBool> {
        todo!()
    }
}
