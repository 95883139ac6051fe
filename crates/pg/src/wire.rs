//! One connection's bytes: what came and is not yet handled, what is to be sent.
//!
//! A client is greeted by a task, as it may say nothing for a minute, and served by a thread of its own: a [`Wire`]
//! begins over the one's stream ([`Greeting`]) and goes on over the other's ([`Socket`]).

use crate::input::Input;
use crate::report;
use bytes::{BufMut, BytesMut};
use pgwire::messages::Message;
use session::Interrupt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::{self, ServerConnection};
use tokio_rustls::server::TlsStream;
use types::{Error, Result, err};

/// Output is sent when it has grown to this, so that a result of any size takes little memory.
pub const FLUSH_BYTES: usize = 64 * 1024;
/// A buffer that one large row has grown beyond this is given back.
const KEEP_BYTES: usize = 1024 * 1024;
/// What a client that does not read is given before an ended session closes its connection.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub struct Wire<S = Socket> {
    pub stream: S,
    pub input: Input,
    pub output: BytesMut,
    /// For the text of one field.
    pub scratch: String,
    /// The output is to be sent before anything else is waited for.
    pub flush_due: bool,
    /// The client is gone: nothing can be sent.
    pub broken: bool,
}

/// The stream of a client that is being greeted.
pub enum Greeting {
    Plain(tokio::net::TcpStream),
    Tls(Box<TlsStream<tokio::net::TcpStream>>),
    /// From one to the other.
    Negotiating,
}

/// The stream of a client that is served. Blocks.
pub struct Socket {
    tcp: Arc<TcpStream>,
    tls: Option<Box<ServerConnection>>,
    read_timeout: Option<Duration>,
    interrupt: Arc<Interrupt>,
}

impl<S> Wire<S> {
    pub fn new(stream: S) -> Wire<S> {
        Wire {
            stream,
            input: Input::default(),
            output: BytesMut::new(),
            scratch: String::new(),
            flush_due: false,
            broken: false,
        }
    }
}

impl Wire<Greeting> {
    /// Reads more input. False: the client has closed. May be dropped half-way.
    pub async fn fill(&mut self) -> io::Result<bool> {
        let room = self.input.room();
        let count = match &mut self.stream {
            Greeting::Plain(socket) => socket.read(room).await?,
            Greeting::Tls(socket) => socket.read(room).await?,
            Greeting::Negotiating => 0,
        };
        self.input.came(count);
        Ok(count > 0)
    }

    pub async fn flush(&mut self) -> io::Result<()> {
        let output = self.output.split();
        match &mut self.stream {
            Greeting::Plain(socket) => socket.write_all(&output).await,
            Greeting::Tls(socket) => {
                socket.write_all(&output).await?;
                socket.flush().await
            }
            Greeting::Negotiating => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// The client has been greeted: from here on whoever reads and writes waits.
    pub fn serve(self, interrupt: Arc<Interrupt>) -> io::Result<Wire> {
        let Wire { stream, input, output, scratch, flush_due, broken } = self;
        let (tcp, tls) = match stream {
            Greeting::Plain(socket) => (socket, None),
            Greeting::Tls(socket) => {
                let (socket, tls) = socket.into_inner();
                (socket, Some(Box::new(tls)))
            }
            Greeting::Negotiating => return Err(ErrorKind::NotConnected.into()),
        };
        let tcp = tcp.into_std()?;
        tcp.set_nonblocking(false)?;
        let stream = Socket::new(tcp, tls, interrupt)?;
        Ok(Wire { stream, input, output, scratch, flush_due, broken })
    }
}

impl Wire {
    /// Reads more input. False: the client has closed. [`timed_out`] after `limit`, if there is one.
    pub fn fill(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.stream.limit_reads(limit)?;
        let count = self.stream.read(self.input.room())?;
        self.input.came(count);
        Ok(count > 0)
    }

    /// Waits as long as the client does not read, unless the session is to end.
    pub fn flush(&mut self) -> Result<()> {
        self.flush_due = false;
        if self.output.is_empty() {
            return Ok(());
        }
        let sent = match self.broken {
            true => Err(ErrorKind::BrokenPipe.into()),
            false => self.stream.send(&self.output),
        };
        self.broken = sent.is_err();
        self.output.clear();
        if self.output.capacity() > KEEP_BYTES {
            self.output = BytesMut::new();
        }
        sent.map_err(|error| err!(ConnectionFailure, "could not send data to client: {error}"))
    }

    /// Back-pressure, row by row.
    pub fn flush_if_full(&mut self) -> Result<()> {
        if self.output.len() < FLUSH_BYTES { Ok(()) } else { self.flush() }
    }
}

impl Socket {
    pub fn new(
        tcp: TcpStream,
        tls: Option<Box<ServerConnection>>,
        interrupt: Arc<Interrupt>,
    ) -> io::Result<Socket> {
        tcp.set_write_timeout(Some(LAST_WORDS))?;
        Ok(Socket { tcp: Arc::new(tcp), tls, read_timeout: None, interrupt })
    }

    /// Wakes whoever waits for the client: nothing more will come from it.
    pub fn bell(&self) -> impl Fn() + Send + Sync + use<> {
        let tcp = self.tcp.clone();
        move || {
            let _ = tcp.shutdown(Shutdown::Read);
        }
    }

    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<()> {
        if self.read_timeout != limit {
            self.tcp.set_read_timeout(limit)?;
            self.read_timeout = limit;
        }
        Ok(())
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.tls {
                None => (&*self.tcp).read(into),
                Some(tls) => rustls::Stream::new(&mut **tls, &mut &*self.tcp).read(into),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn send(&mut self, mut output: &[u8]) -> io::Result<()> {
        while !output.is_empty() {
            let count = self.patiently(|tcp, tls| match tls {
                None => (&*tcp).write(output),
                Some(tls) => rustls::Stream::new(tls, &mut &*tcp).write(output),
            })?;
            if count == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            output = output.get(count..).unwrap_or_default();
        }
        self.patiently(|tcp, tls| match tls {
            None => Ok(()),
            Some(tls) => rustls::Stream::new(tls, &mut &*tcp).flush(),
        })
    }

    /// A client that does not read may take its time, but not when the session is to end.
    fn patiently<T>(
        &mut self,
        mut act: impl FnMut(&TcpStream, Option<&mut ServerConnection>) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match act(&self.tcp, self.tls.as_deref_mut()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if timed_out(&error) && !self.interrupt.is_terminated() => {}
                outcome => return outcome,
            }
        }
    }
}

/// A limit of time has passed.
pub fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

impl<S> Wire<S> {
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
