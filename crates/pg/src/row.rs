//! Results on the wire: RowDescription, DataRow straight from column vectors, COPY TO.

use crate::wire::{Wire, close, open};
use crate::{binary, report};
use bytes::{BufMut, BytesMut};
use pgwire::messages::copy::CopyOutResponse;
use plan::Field;
use session::{Notice, Rows};
use types::vector::Data;
use types::{Batch, Error, Result, TextSettings, Vector, err, text};

pub const TEXT: i16 = 0;
pub const BINARY: i16 = 1;

/// A column's format: no code means text, one code is for all columns.
pub fn format_of(formats: &[i16], column: usize) -> i16 {
    match formats {
        [] => TEXT,
        [all] => *all,
        each => each.get(column).copied().unwrap_or(TEXT),
    }
}

/// RowDescription.
pub fn describe(fields: &[Field], formats: &[i16], out: &mut BytesMut) {
    let start = open(out, b'T');
    out.put_u16(fields.len() as u16);
    for (index, field) in fields.iter().enumerate() {
        report::put_string(out, &field.name);
        out.put_u32(field.table);
        out.put_i16(field.column as i16);
        out.put_u32(field.ty.data_type.oid());
        out.put_i16(field.ty.data_type.len());
        out.put_i32(field.ty.typmod);
        out.put_i16(format_of(formats, index));
    }
    close(out, start);
}

/// Sends a result while it is made; holds at most one row beyond the flush threshold.
pub struct Results<'a> {
    wire: &'a mut Wire,
    formats: &'a [i16],
    /// COPY TO STDOUT has begun.
    pub copying: bool,
}

impl<'a> Results<'a> {
    pub fn new(wire: &'a mut Wire, formats: &'a [i16]) -> Results<'a> {
        Results { wire, formats, copying: false }
    }
}

impl Rows for Results<'_> {
    fn fields(&mut self, fields: &[Field], _settings: &TextSettings) -> Result<()> {
        describe(fields, self.formats, &mut self.wire.output);
        Ok(())
    }

    fn batch(&mut self, batch: &Batch, settings: &TextSettings) -> Result<()> {
        for row in 0..batch.rows {
            let Wire { output, scratch, .. } = &mut *self.wire;
            let begin = output.len();
            data_row(batch, row, self.formats, settings, scratch, output).inspect_err(|_| {
                // Half a row must not be sent before the error.
                output.truncate(begin);
            })?;
            self.wire.flush_if_full()?;
        }
        Ok(())
    }

    fn copy_out(&mut self, columns: usize, binary: bool) -> Result<()> {
        self.copying = true;
        let format = i16::from(binary);
        self.wire.put(&CopyOutResponse::new(format as i8, columns as i16, vec![format; columns]))
    }

    fn copy_data(&mut self, data: &[u8]) -> Result<()> {
        let start = open(&mut self.wire.output, b'd');
        self.wire.output.extend_from_slice(data);
        close(&mut self.wire.output, start);
        self.wire.flush_if_full()
    }

    fn notices(&mut self, messages: Vec<Notice>) {
        for notice in messages {
            if let Notice::Message { severity, report } = notice {
                self.wire.put_report(b'N', severity, &report);
            }
        }
    }
}

fn data_row(
    batch: &Batch,
    row: usize,
    formats: &[i16],
    settings: &TextSettings,
    scratch: &mut String,
    out: &mut BytesMut,
) -> Result<()> {
    let start = open(out, b'D');
    out.put_u16(batch.columns.len() as u16);
    for (index, column) in batch.columns.iter().enumerate() {
        if column.is_null(row) {
            out.put_i32(-1);
            continue;
        }
        let field = out.len();
        out.put_i32(0);
        match format_of(formats, index) {
            BINARY => binary::encode_row(column, row, settings, scratch, out)?,
            _ => put_text(column, row, settings, scratch, out),
        }
        binary::set_length(out, field)?;
    }
    if out.len() - start > i32::MAX as usize {
        return Err(too_large());
    }
    close(out, start);
    Ok(())
}

fn put_text(column: &Vector, row: usize, settings: &TextSettings, scratch: &mut String, out: &mut BytesMut) {
    match &column.data {
        // Text is its own text.
        Data::Bytes(values) if column.data_type.is_text() || column.data_type == types::DataType::Json => {
            out.extend_from_slice(values.get(row));
        }
        _ => {
            scratch.clear();
            text::format_vector_row(column, row, settings, scratch);
            out.extend_from_slice(scratch.as_bytes());
        }
    }
}

pub fn too_large() -> Error {
    err!(ProgramLimitExceeded, "a row of a result may not be longer than 2 GB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{FLUSH_BYTES, Socket};
    use std::io::Read;
    use std::net::TcpStream;
    use std::sync::Arc;
    use types::{DataType, Value};

    /// Our end of a connection, and the client's.
    fn connected() -> (Wire, TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let interrupt = Arc::new(session::Interrupt::new(host::Host::real().clock));
        (Wire::new(Socket::new(listener.accept().unwrap().0, None, interrupt).unwrap()), theirs)
    }

    /// A result of any size takes the memory of a buffer, however slow its reader.
    #[test]
    fn a_result_is_sent_while_it_is_made() {
        let (mut wire, mut theirs) = connected();
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).unwrap();
            all.len()
        });
        let mut batch = Batch::new([DataType::Text]);
        (0..1000).for_each(|_| batch.push_row(&[Value::text("x".repeat(89))]));
        for _ in 0..50 {
            Results::new(&mut wire, &[]).batch(&batch, &TextSettings::default()).unwrap();
            assert!(wire.output.len() < FLUSH_BYTES && wire.output.capacity() <= 4 * FLUSH_BYTES);
        }
        wire.flush().unwrap();
        drop(wire);
        assert_eq!(reader.join().unwrap(), 50 * 1000 * 100);
    }

    #[test]
    fn a_reader_that_has_left_stops_the_statement() {
        let (mut wire, theirs) = connected();
        drop(theirs);
        let mut batch = Batch::new([DataType::Text]);
        batch.push_row(&[Value::text("x".repeat(FLUSH_BYTES))]);
        // What the system has taken before it knows counts as sent.
        let mut send = || Results::new(&mut wire, &[]).batch(&batch, &TextSettings::default());
        let stopped = (0..10).find_map(|_| send().err()).expect("an error");
        assert_eq!(stopped.state.code(), "08006");
        assert!(wire.broken && wire.output.is_empty());
    }

    #[test]
    fn one_code_is_for_all_columns() {
        assert_eq!([format_of(&[], 3), format_of(&[1], 3), format_of(&[1, 0], 1)], [TEXT, BINARY, TEXT]);
    }
}
