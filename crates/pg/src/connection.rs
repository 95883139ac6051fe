//! One client's messages, in order: the simple protocol, the extended protocol, COPY.
//!
//! ```text
//!   wait ──> work: every whole message that has come ──> flush ──> wait
//! ```
//! All of it blocks: a connection has a thread of its own, as its statements wait for locks and for the disk.
//! Answers are sent at Sync, Flush, the end of a simple query, or when 64 KiB of them have gathered. After an error in
//! the extended protocol everything up to Sync is skipped.

mod extended;

use crate::frame::{self, Frame, Message};
use crate::input::Input;
use crate::row::Results;
use crate::wire::{Wire, timed_out};
use foldhash::{HashMap, HashMapExt};
use pgwire::messages::copy::CopyInResponse;
use plan::Parsed;
use session::{Interrupt, Notice, Outcome, Session, TransactionStatus};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use std::vec::IntoIter;
use types::{Error, Result, SqlState, err};

pub struct Connection {
    wire: Wire,
    session: Session,
    interrupt: Arc<Interrupt>,
    /// Result formats of bound portals.
    formats: HashMap<String, Vec<i16>>,
    /// After an error in the extended protocol, until Sync.
    skipping: bool,
    copying: Option<Copying>,
    /// Changed settings, told before ReadyForQuery.
    settings: Vec<(String, String)>,
    /// The last thing said was ReadyForQuery: the idle timeouts run.
    idle: bool,
}

/// COPY FROM STDIN, and what follows it.
enum Copying {
    /// The rest of the query string.
    Simple(IntoIter<Parsed>),
    Extended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Go,
    End,
}

impl Connection {
    pub fn new(wire: Wire, session: Session) -> Connection {
        Connection {
            interrupt: session.interrupt(),
            wire,
            session,
            formats: HashMap::new(),
            skipping: false,
            copying: None,
            settings: Vec::new(),
            idle: false,
        }
    }

    pub fn process_id(&self) -> i32 {
        self.session.process_id()
    }

    pub fn interrupt(&self) -> Arc<Interrupt> {
        self.interrupt.clone()
    }

    /// Wakes it while it waits for the client.
    pub fn bell(&self) -> impl Fn() + Send + Sync + use<> {
        self.wire.stream.bell()
    }

    /// Until the client leaves, or has to.
    pub fn converse(mut self) {
        self.ready();
        let mut flow = Flow::Go;
        loop {
            if (self.wire.flush_due || flow == Flow::End) && self.wire.flush().is_err() {
                break;
            }
            if flow == Flow::End {
                break;
            }
            flow = match frame::is_complete(self.wire.input.unread()) {
                true => self.work(),
                false => self.wait(),
            };
        }
        // The session's end rolls back and gives up locks.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(self)));
    }

    /// For more input, but not for ever.
    fn wait(&mut self) -> Flow {
        let limit = if self.idle { self.idle_limit() } else { None };
        match self.wire.fill(limit.map(|(limit, _)| limit)) {
            Ok(true) => Flow::Go,
            // The bell ends the input too.
            _ if self.interrupt.is_terminated() => {
                self.fatal(err!(AdminShutdown, "terminating connection due to administrator command"))
            }
            Err(error) if timed_out(&error) => match limit {
                Some((_, state)) => self.idle_too_long(state),
                None => Flow::Go,
            },
            Ok(false) | Err(_) => Flow::End,
        }
    }

    /// How long the client may be silent, and in which state.
    fn idle_limit(&self) -> Option<(Duration, TransactionStatus)> {
        let limit_ms = self.session.idle_limit_ms();
        (limit_ms > 0).then(|| (Duration::from_millis(limit_ms), self.session.status()))
    }

    fn idle_too_long(&mut self, state: TransactionStatus) -> Flow {
        self.fatal(match state {
            TransactionStatus::Idle => {
                err!(IdleSessionTimeout, "terminating connection due to idle-session timeout")
            }
            _ => err!(
                IdleInTransactionSessionTimeout,
                "terminating connection due to idle-in-transaction timeout"
            ),
        })
    }

    /// Handles the messages that have come.
    fn work(&mut self) -> Flow {
        let mut input = std::mem::take(&mut self.wire.input);
        let flow = self.messages(&mut input);
        self.wire.input = input;
        flow
    }

    fn messages(&mut self, input: &mut Input) -> Flow {
        loop {
            let (frame, size_bytes) = match frame::first(input.unread()) {
                Ok(None) => return Flow::Go,
                Ok(Some(first)) => first,
                Err(error) => return self.fatal(error),
            };
            // More is coming, but what the client waits for goes first.
            if self.wire.flush_due && self.wire.flush().is_err() {
                return Flow::End;
            }
            self.idle = false;
            let flow = catch_unwind(AssertUnwindSafe(|| self.message(frame))).unwrap_or_else(|_| {
                // What the statement left half-done is unknown: the session ends, the server lives on.
                self.fatal(
                    Error::internal("the statement failed in a way that ended this connection")
                        .hint("This is a bug of the server. Please report it with the statement."),
                )
            });
            if flow == Flow::End || self.wire.broken {
                return Flow::End;
            }
            input.skip(size_bytes);
        }
    }

    fn message(&mut self, frame: Frame<'_>) -> Flow {
        let kind = frame.kind;
        if self.skipping && !matches!(kind, b'S' | b'X') {
            return Flow::Go;
        }
        if self.copying.is_some() {
            return self.copy_message(frame);
        }
        match kind {
            // Sent before the client learnt that its COPY had failed.
            b'd' | b'c' | b'f' => return Flow::Go,
            b'p' => return self.fatal(err!(ProtocolViolation, "invalid frontend message type {kind}")),
            b'F' => {
                let error = Error::unsupported("the fastpath function call").hint("Use SELECT.");
                self.session.fail();
                let flow = self.error(&error);
                return self.end_and_ready(flow);
            }
            _ => {}
        }
        let message = match frame.decode() {
            Ok(message) => message,
            // A query is answered by ReadyForQuery, the rest by Sync.
            Err(error) if kind == b'Q' => {
                self.session.fail();
                let flow = self.error(&error);
                return self.end_and_ready(flow);
            }
            Err(error) => return self.extended_error(&error),
        };
        let result = match message {
            Message::Query(query) => return self.query(query),
            Message::Parse { name, query, types } => self.parse(name, query, &types),
            Message::Bind(bind) => self.bind(bind),
            Message::Describe { kind, name } => self.describe(kind, name),
            Message::Execute { portal, max_rows } => self.execute(portal, max_rows),
            Message::Close { kind, name } => self.close(kind, name),
            Message::Flush => {
                self.wire.flush_due = true;
                Ok(())
            }
            Message::Sync => {
                self.skipping = false;
                return self.end_and_ready(Flow::Go);
            }
            Message::Terminate => return Flow::End,
            Message::CopyFail(_) => Err(Error::internal("CopyFail outside of COPY")),
        };
        match result {
            Ok(()) => Flow::Go,
            Err(error) => self.extended_error(&error),
        }
    }

    fn query(&mut self, sql: &str) -> Flow {
        if let Some(recalled) = self.session.recall(sql) {
            let outcome = self.session.run_recalled(recalled, &mut Results::new(&mut self.wire, &[]));
            let flow = match self.ended(outcome, false, true) {
                Ok(()) => Flow::Go,
                Err(error) => self.error(&error),
            };
            return self.end_and_ready(flow);
        }
        match self.session.parse(sql) {
            Ok(statements) if statements.is_empty() => {
                self.wire.put_bare(b'I');
                self.end_and_ready(Flow::Go)
            }
            Ok(statements) => self.statements(statements.into_iter()),
            Err(error) => {
                self.session.fail();
                let flow = self.error(&error);
                self.end_and_ready(flow)
            }
        }
    }

    /// Runs a query string's statements, or what COPY left of them.
    fn statements(&mut self, mut rest: IntoIter<Parsed>) -> Flow {
        while let Some(statement) = rest.next() {
            let mut results = Results::new(&mut self.wire, &[]);
            let outcome = self.session.simple(&statement, &mut results);
            let copied_out = results.copying;
            let last = rest.len() == 0;
            match outcome {
                Ok(Outcome::CopyIn { columns, binary }) => {
                    self.copying = Some(Copying::Simple(rest));
                    return self.copy_in(columns, binary);
                }
                outcome => {
                    if let Err(error) = self.ended(outcome, copied_out, last) {
                        let flow = self.error(&error);
                        return self.end_and_ready(flow);
                    }
                }
            }
        }
        self.end_and_ready(Flow::Go)
    }

    /// Tells how a statement ended. The last one of a query string is told only when its transaction is committed.
    fn ended(&mut self, outcome: Result<Outcome>, copied_out: bool, last: bool) -> Result<()> {
        let outcome = outcome?;
        if copied_out {
            self.wire.put_bare(b'c');
        }
        if last {
            self.session.end_implicit()?;
        }
        self.notices();
        match outcome {
            Outcome::Done { tag } => self.wire.put_complete(&tag),
            Outcome::Suspended => self.wire.put_bare(b's'),
            Outcome::Empty => self.wire.put_bare(b'I'),
            Outcome::CopyIn { .. } => return Err(Error::internal("COPY did not start")),
        }
        Ok(())
    }

    fn copy_in(&mut self, columns: usize, binary: bool) -> Flow {
        self.notices();
        self.wire.flush_due = true;
        let format = i16::from(binary);
        match self.wire.put(&CopyInResponse::new(format as i8, columns as i16, vec![format; columns])) {
            Ok(()) => Flow::Go,
            Err(error) => self.fatal(error),
        }
    }

    fn copy_message(&mut self, frame: Frame<'_>) -> Flow {
        match frame.kind {
            b'd' => match self.session.copy_data(frame.body) {
                Ok(()) => Flow::Go,
                Err(error) => self.copy_ended(Err(error)),
            },
            b'c' => {
                let outcome = self.session.copy_done();
                self.copy_ended(outcome)
            }
            b'f' => {
                let error = match frame.decode() {
                    Ok(Message::CopyFail(reason)) => self.session.copy_fail(reason),
                    _ => self.session.copy_fail("the client's reason is not valid text"),
                };
                self.copy_ended(Err(error))
            }
            // Allowed and meaningless here.
            b'H' | b'S' => Flow::Go,
            b'X' => Flow::End,
            kind => self.fatal(err!(
                ProtocolViolation,
                "unexpected message type 0x{kind:02X} during COPY from stdin"
            )),
        }
    }

    fn copy_ended(&mut self, outcome: Result<Outcome>) -> Flow {
        match self.copying.take() {
            Some(Copying::Simple(rest)) => match self.ended(outcome, false, rest.len() == 0) {
                Ok(()) => self.statements(rest),
                Err(error) => {
                    let flow = self.error(&error);
                    self.end_and_ready(flow)
                }
            },
            _ => match self.ended(outcome, false, false) {
                Ok(()) => Flow::Go,
                Err(error) => self.extended_error(&error),
            },
        }
    }

    /// Everything up to Sync is void.
    fn extended_error(&mut self, error: &Error) -> Flow {
        self.skipping = true;
        self.copying = None;
        self.session.fail();
        self.error(error)
    }

    fn error(&mut self, error: &Error) -> Flow {
        self.notices();
        let ends = error.state == SqlState::AdminShutdown && self.interrupt.is_terminated();
        self.wire.put_report(b'E', if ends { "FATAL" } else { "ERROR" }, error);
        if ends { Flow::End } else { Flow::Go }
    }

    fn fatal(&mut self, error: Error) -> Flow {
        self.wire.put_report(b'E', "FATAL", &error);
        Flow::End
    }

    /// Ends the implicit transaction; its error goes first.
    fn end_and_ready(&mut self, flow: Flow) -> Flow {
        if flow == Flow::End {
            return flow;
        }
        if let Err(error) = self.session.end_implicit()
            && self.error(&error) == Flow::End
        {
            return Flow::End;
        }
        self.ready();
        Flow::Go
    }

    fn ready(&mut self) {
        self.notices();
        for (name, value) in self.settings.drain(..) {
            self.wire.put_parameter_status(&name, &value);
        }
        let status = match self.session.status() {
            TransactionStatus::Idle => b'I',
            TransactionStatus::InTransaction => b'T',
            TransactionStatus::Failed => b'E',
        };
        if status == b'I' {
            // The portals are gone with their transaction.
            self.formats.clear();
        }
        self.wire.output.extend_from_slice(&[b'Z', 0, 0, 0, 5, status]);
        self.wire.flush_due = true;
        self.idle = true;
    }

    /// Messages are told at once, settings before ReadyForQuery: the last value of each.
    fn notices(&mut self) {
        for notice in self.session.take_notices() {
            match notice {
                Notice::Message { severity, report } => self.wire.put_report(b'N', severity, &report),
                Notice::Setting { name, value } => {
                    self.settings.retain(|(known, _)| *known != name);
                    self.settings.push((name, value));
                }
            }
        }
    }
}
