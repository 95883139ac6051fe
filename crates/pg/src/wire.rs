//! One connection's bytes: what came and is not yet read, what is to be sent.

use crate::report;
use bytes::{BufMut, BytesMut};
use pgwire::messages::Message;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use types::{Error, Result, err};

/// Output is sent when it has grown to this, so that a result of any size takes little memory.
pub const FLUSH_BYTES: usize = 64 * 1024;
/// A buffer that one large row has grown beyond this is given back.
const KEEP_BYTES: usize = 1024 * 1024;
/// What a client that does not read is given before an ended session closes its connection.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

pub struct Wire {
    pub stream: Box<dyn Transport>,
    pub input: BytesMut,
    pub output: BytesMut,
    /// For the text of one field.
    pub scratch: String,
    /// The output is to be sent before anything else is waited for.
    pub flush_due: bool,
    /// The client is gone: nothing can be sent.
    pub broken: bool,
    /// Rung when the session is to end.
    pub bell: Arc<Notify>,
    runtime: Handle,
}

impl Wire {
    pub fn new(stream: Box<dyn Transport>) -> Wire {
        Wire {
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            scratch: String::new(),
            flush_due: false,
            broken: false,
            bell: Arc::new(Notify::new()),
            runtime: Handle::current(),
        }
    }

    /// Reads more input. False: the client has closed. May be dropped half-way.
    pub async fn fill(&mut self) -> io::Result<bool> {
        self.input.reserve(8 * 1024);
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
    }

    pub async fn flush(&mut self) -> io::Result<()> {
        self.flush_due = false;
        if self.output.is_empty() {
            return Ok(());
        }
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let bell = self.bell.clone();
        let sent = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        let result = tokio::select! {
            biased;
            sent = sent => sent,
            _ = async { bell.notified().await; tokio::time::sleep(LAST_WORDS).await } => {
                Err(io::ErrorKind::TimedOut.into())
            }
        };
        self.broken = result.is_err();
        self.output.clear();
        if self.output.capacity() > KEEP_BYTES {
            self.output = BytesMut::new();
        }
        result
    }

    /// [`flush`](Wire::flush) from blocking code: waits as long as the client does not read.
    pub fn flush_blocking(&mut self) -> Result<()> {
        let runtime = self.runtime.clone();
        runtime
            .block_on(self.flush())
            .map_err(|error| err!(ConnectionFailure, "could not send data to client: {error}"))
    }

    /// Back-pressure, row by row.
    pub fn flush_if_full(&mut self) -> Result<()> {
        if self.output.len() < FLUSH_BYTES { Ok(()) } else { self.flush_blocking() }
    }

    /// Appends one of pgwire's messages.
    pub fn put(&mut self, message: &impl Message) -> Result<()> {
        let start = self.output.len();
        message.encode(&mut self.output).map_err(|error| {
            self.output.truncate(start);
            Error::internal(error.to_string())
        })
    }

    /// A message without a body.
    pub fn put_bare(&mut self, kind: u8) {
        let start = open(&mut self.output, kind);
        close(&mut self.output, start);
    }

    pub fn put_parameter_status(&mut self, name: &str, value: &str) {
        let start = open(&mut self.output, b'S');
        report::put_string(&mut self.output, name);
        report::put_string(&mut self.output, value);
        close(&mut self.output, start);
    }

    pub fn put_complete(&mut self, tag: &str) {
        let start = open(&mut self.output, b'C');
        report::put_string(&mut self.output, tag);
        close(&mut self.output, start);
    }

    pub fn put_report(&mut self, kind: u8, severity: &str, report: &Error) {
        report::write(&mut self.output, kind, severity, report);
    }
}

/// Begins a message; its length is written by [`close`].
pub fn open(out: &mut BytesMut, kind: u8) -> usize {
    out.put_u8(kind);
    let start = out.len();
    out.put_i32(0);
    start
}

/// Our own messages are far below 2 GB; rows are checked where they are written.
pub fn close(out: &mut BytesMut, start: usize) {
    let length = i32::try_from(out.len() - start).unwrap_or(i32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}
