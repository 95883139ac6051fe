//! What a session and its caller say to each other.

use plan::Field;
use types::{Batch, Error, Result, TextSettings};

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
    Message {
        severity: &'static str,
        report: Error,
    },
    /// ParameterStatus.
    Setting {
        name: String,
        value: String,
    },
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The command tag, complete: `SELECT 3`, `INSERT 0 1`, `BEGIN`.
    Done {
        tag: String,
    },
    /// The portal has more rows (PortalSuspended).
    Suspended,
    /// COPY FROM STDIN: feed `Session::copy_*`. Columns' count and the format (0 text, 1 binary).
    CopyIn {
        columns: usize,
        binary: bool,
    },
    Empty,
}

impl Outcome {
    pub fn done(tag: impl Into<String>) -> Outcome {
        Outcome::Done { tag: tag.into() }
    }
}

/// Receives a result while it is made. Called in order: `fields` once if there are rows to come, `batch` any number of
/// times, or `copy_data` for COPY TO STDOUT after `copy_out`. An error from it stops the statement.
pub trait Rows {
    fn fields(&mut self, fields: &[Field], settings: &TextSettings) -> Result<()>;
    fn batch(&mut self, batch: &Batch, settings: &TextSettings) -> Result<()>;
    fn copy_out(&mut self, columns: usize, binary: bool) -> Result<()>;
    fn copy_data(&mut self, data: &[u8]) -> Result<()>;
    /// Messages that came before the rows that follow. Who ignores them does without: they are told once.
    fn notices(&mut self, messages: Vec<Notice>);
}
