//! COPY: rows as text in and out (PostgreSQL 15, COPY, "File Formats").

mod format;
mod parse;

use crate::conversation::{Outcome, Rows};
use crate::session::Session;
use parse::{Record, Records};
use plan::Query;
use plan::statement::{Copy, CopyFormat, CopyOptions, CopySource};
use std::sync::Arc;
use types::batch::BATCH_ROWS;
use types::schema::Relation;
use types::vector::Bytes;
use types::{Batch, ColumnType, Error, Result, err};

/// A COPY FROM STDIN in progress.
pub struct CopyIn {
    relation: Arc<Relation>,
    /// Positions in `relation.columns`.
    columns: Vec<usize>,
    insert: Arc<Query>,
    options: CopyOptions,
    records: Records,
    batch: Batch,
    /// Of the fields of `batch`.
    batch_bytes: usize,
    /// Of the rows in `batch`.
    places: Places,
    count: u64,
    /// The statement, and how much the transaction had written before it.
    text: String,
    before: u64,
}

impl Session {
    pub(crate) fn copy(&mut self, copy: &Copy, rows: &mut dyn Rows, text: &str) -> Result<Outcome> {
        let Copy { source, to, options } = copy;
        if options.format == CopyFormat::Binary {
            return Err(Error::unsupported("COPY in binary format").hint("Use text or csv."));
        }
        match (source, to) {
            (CopySource::Table { relation, columns, insert: Some(insert), .. }, false) => {
                self.copy_start(relation, columns, insert, options, text)
            }
            (CopySource::Table { select: Some(query), relation, columns, .. }, true) => {
                let names = columns.iter().map(|&at| relation.columns[at].name.clone()).collect();
                self.copy_out(query, names, options, rows)
            }
            (CopySource::Query(query), true) => {
                let names = query.fields.iter().map(|field| field.name.clone()).collect();
                self.copy_out(query, names, options, rows)
            }
            _ => Err(Error::internal("COPY without a plan")),
        }
    }

    fn copy_out(
        &mut self,
        query: &Arc<Query>,
        names: Vec<String>,
        options: &CopyOptions,
        rows: &mut dyn Rows,
    ) -> Result<Outcome> {
        self.begin_query(query)?;
        rows.copy_out(names.len(), false)?;
        let forced: Vec<bool> = match &options.force_quote {
            None => vec![false; names.len()],
            Some(columns) if columns.is_empty() => vec![true; names.len()],
            Some(columns) => names.iter().map(|name| columns.contains(name)).collect(),
        };
        let settings = self.known.text_settings();
        let mut out = String::new();
        if options.header {
            format::header(&names, options, &mut out);
            rows.copy_data(out.as_bytes())?;
        }
        let mut execution = exec::Execution::new(query.clone(), false);
        let mut batch = Batch::default();
        let mut count = 0u64;
        while self.pull_batch(&mut execution, &[], &settings, usize::MAX, &mut batch)? {
            for row in 0..batch.rows {
                out.clear();
                format::row(&batch, row, &forced, options, &settings, &mut out);
                rows.copy_data(out.as_bytes())?;
            }
            count += batch.rows as u64;
        }
        self.end_query()?;
        Ok(Outcome::done(format!("COPY {count}")))
    }

    fn copy_start(
        &mut self,
        relation: &Arc<Relation>,
        columns: &[usize],
        insert: &Arc<Query>,
        options: &CopyOptions,
        text: &str,
    ) -> Result<Outcome> {
        self.begin_query(insert)?;
        if self.open_transaction()?.is_read_only() {
            return Err(err!(ReadOnlySqlTransaction, "cannot execute COPY FROM in a read-only transaction"));
        }
        let types = columns.iter().map(|&at| relation.columns[at].ty.data_type);
        self.copy = Some(CopyIn {
            relation: relation.clone(),
            columns: columns.to_vec(),
            insert: insert.clone(),
            options: options.clone(),
            records: Records::new(options),
            batch: Batch::new(types),
            batch_bytes: 0,
            places: Places::default(),
            count: 0,
            text: text.to_owned(),
            before: self.rows_put(),
        });
        Ok(Outcome::CopyIn { columns: columns.len(), binary: false })
    }

    /// Takes more of the data; rows are inserted a batch at a time.
    pub(crate) fn copy_in(&mut self, data: &[u8]) -> Result<()> {
        let Some(mut copy) = self.copy.take() else {
            return Err(err!(ProtocolViolation, "unexpected message type 0x64 outside of COPY"));
        };
        copy.records.feed(data)?;
        self.copy_records(&mut copy, false)?;
        self.copy = Some(copy);
        Ok(())
    }

    pub(crate) fn copy_end(&mut self) -> Result<Outcome> {
        let Some(mut copy) = self.copy.take() else {
            return Err(err!(ProtocolViolation, "unexpected message type 0x63 outside of COPY"));
        };
        self.copy_records(&mut copy, true)?;
        self.copy_batch(&mut copy)?;
        self.end_query()?;
        self.note_text(&copy.text, copy.before);
        Ok(Outcome::done(format!("COPY {}", copy.count)))
    }

    fn copy_records(&mut self, copy: &mut CopyIn, last: bool) -> Result<()> {
        let settings = self.known.text_settings();
        let mut record = Record::default();
        loop {
            let line = copy.records.line();
            let more = copy.records.next(last, &mut record);
            if !more.map_err(|error| with_context(error, &copy.relation, line, Place::Line))? {
                return Ok(());
            }
            if copy.options.header && line == 1 {
                copy.check_header(&record)?;
                continue;
            }
            copy.push(&record, line, &settings)?;
            if copy.batch.rows >= BATCH_ROWS || copy.batch_bytes >= BATCH_BYTES {
                // A large one need not be in memory twice while it is inserted.
                record = Record::default();
                self.copy_batch(copy)?;
            }
        }
    }

    fn copy_batch(&mut self, copy: &mut CopyIn) -> Result<()> {
        if copy.batch.is_empty() {
            return Ok(());
        }
        self.known.interrupt.check()?;
        copy.batch_bytes = 0;
        let types = copy.batch.types();
        let mut batch = Some(std::mem::replace(&mut copy.batch, Batch::new(types)));
        let places = std::mem::take(&mut copy.places);
        let settings = self.known.text_settings();
        let mut execution = exec::Execution::new(copy.insert.clone(), false);
        let Some(transaction) = self.open.as_mut().and_then(|open| open.transaction.as_mut()) else {
            return Err(Error::internal("COPY without a transaction"));
        };
        let functions = crate::functions::Answers { known: &self.known };
        let mut surroundings = exec::run::Surroundings {
            parameters: &[],
            settings: &settings,
            functions: &functions,
            copy_input: Some(Box::new(|out: &mut Batch| match batch.take() {
                Some(next) => {
                    *out = next;
                    Ok(true)
                }
                None => {
                    out.clear();
                    Ok(false)
                }
            })),
            system: &self.known,
        };
        let mut out = Batch::default();
        loop {
            match execution.next(transaction, &mut surroundings, usize::MAX, &mut out) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    // The row after those that are in.
                    let bad = usize::try_from(execution.rows()).ok().and_then(|row| places.get(row));
                    return Err(match bad {
                        Some((line, text)) => with_context(error, &copy.relation, line, Place::Row(text)),
                        None => error,
                    });
                }
            }
        }
        copy.count += execution.rows();
        Ok(())
    }
}

/// Line and text of each row, for errors.
#[derive(Default)]
struct Places {
    lines: Vec<u64>,
    texts: Bytes,
}

impl Places {
    fn push(&mut self, line: u64, text: &str) {
        self.lines.push(line);
        self.texts.push(text.as_bytes());
    }

    fn get(&self, row: usize) -> Option<(u64, &str)> {
        Some((*self.lines.get(row)?, self.texts.get_str(row)))
    }
}

impl CopyIn {
    fn column_type(&self, at: usize) -> ColumnType {
        self.relation.columns[self.columns[at]].ty
    }

    fn column_name(&self, at: usize) -> &str {
        &self.relation.columns[self.columns[at]].name
    }

    fn check_header(&self, record: &Record) -> Result<()> {
        if !self.options.header_match {
            return Ok(());
        }
        if record.len() != self.columns.len() {
            return Err(err!(
                BadCopyFileFormat,
                "wrong number of fields in header line: got {}, expected {}",
                record.len(),
                self.columns.len()
            ));
        }
        for (at, field) in record.fields().enumerate() {
            let (got, name) = (field.text, self.column_name(at));
            if got != name {
                return Err(err!(
                    BadCopyFileFormat,
                    "column name mismatch in header line field {}: got \"{got}\", expected \"{name}\"",
                    at + 1
                ));
            }
        }
        Ok(())
    }

    /// Reads a record's fields as values.
    fn push(&mut self, record: &Record, line: u64, settings: &types::TextSettings) -> Result<()> {
        if record.len() > self.columns.len() {
            let error = err!(BadCopyFileFormat, "extra data after last expected column");
            return Err(with_context(error, &self.relation, line, Place::Row(&record.raw)));
        }
        for at in 0..self.columns.len() {
            let Some(field) = record.field(at) else {
                let error = err!(BadCopyFileFormat, "missing data for column \"{}\"", self.column_name(at));
                return Err(with_context(error, &self.relation, line, Place::Row(&record.raw)));
            };
            self.batch_bytes += field.text.len();
            let name = self.column_name(at);
            let forced_not_null = self.options.force_not_null.iter().any(|column| column == name);
            let forced_null = self.options.force_null.iter().any(|column| column == name);
            let ty = self.column_type(at);
            let Some(column) = self.batch.columns.get_mut(at) else { continue };
            if (field.null && !forced_not_null) || (field.quoted_null && forced_null) {
                column.push_null();
                continue;
            }
            types::text::parse_into(field.text, ty, settings, column).map_err(|error| {
                with_context(error, &self.relation, line, Place::Column(self.column_name(at), field.text))
            })?;
        }
        self.batch.rows += 1;
        self.places.push(line, &record.raw);
        Ok(())
    }
}

/// Rows are inserted before there are more bytes of them than this: a thousand large ones need not be in memory.
const BATCH_BYTES: usize = 8 << 20;

/// What of a line an error is about.
enum Place<'a> {
    Line,
    Row(&'a str),
    Column(&'a str, &'a str),
}

/// `COPY t, line 3: "1,x"`, `COPY t, line 3, column a: "x"`
fn with_context(mut error: Error, relation: &Relation, line: u64, place: Place<'_>) -> Error {
    if error.context.is_none() {
        let at = format!("COPY {}, line {line}", relation.name);
        error.context = Some(match place {
            Place::Line => at,
            Place::Row(text) => format!("{at}: \"{}\"", shown(text)),
            Place::Column(name, text) => format!("{at}, column {name}: \"{}\"", shown(text)),
        });
    }
    error
}

/// Data in an error: cut to 100 bytes, as PostgreSQL does.
fn shown(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(SHOWN_BYTES)])
}

const SHOWN_BYTES: usize = 100;
