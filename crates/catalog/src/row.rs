//! Rows as cells: encoding to a descriptor, decoding under any later one.
//!
//! A row holds one cell per live column of the descriptor it was written under, ascending by column id, NULLs included.
//! Under a later descriptor a column that the row has no cell of reads as the column's missing value; a cell whose
//! column is gone is not read.

use crate::table::{StoredColumn, Table};
use kv::{Cell, Cells, CellsWriter};
use types::schema::{Column, ColumnId};
use types::vector::Data;
use types::{Error, Result, Value, Vector, canonical};

/// `row` has one value per `relation.columns`.
pub fn encode_row(table: &Table, row: &[Value]) -> Result<Cells> {
    if row.len() != table.relation.columns.len() {
        return Err(Error::internal("a row that does not have its table's columns"));
    }
    let mut cells = CellsWriter::new(row.len() * 32);
    for stored in &table.stored {
        let Some(value) = row.get(stored.position) else { continue };
        let code = if value.is_null() { 0 } else { stored.code };
        cells.push(stored.id, code, |out| canonical::encode(value, out));
    }
    Ok(cells.finish())
}

/// One value per `relation.columns`; dropped ones are NULL.
pub fn decode_row(table: &Table, cells: &Cells) -> Result<Vec<Value>> {
    let mut row = vec![Value::Null; table.relation.columns.len()];
    let mut cells = cells.iter().peekable();
    for stored in &table.stored {
        while cells.next_if(|cell| cell.column < stored.id).is_some() {}
        row[stored.position] = match cells.next_if(|cell| cell.column == stored.id) {
            Some(cell) => decode_cell(cell, stored.code)?,
            None => table.relation.columns[stored.position].missing.clone(),
        };
    }
    Ok(row)
}

/// One row's chosen columns, a vector each. A column that the table has not (or has dropped) is XX000.
pub fn decode_columns(table: &Table, columns: &[ColumnId], cells: &Cells) -> Result<Vec<Vector>> {
    let mut decoded = Vec::with_capacity(columns.len());
    let mut rest = cells.iter().peekable();
    let mut last = 0;
    for &id in columns {
        if id <= last {
            rest = cells.iter().peekable();
        }
        last = id;
        let Ok(at) = table.stored.binary_search_by_key(&id, |stored| stored.id) else {
            return Err(Error::internal(format!("table {} has no column {id}", table.relation.name)));
        };
        let StoredColumn { position, code, .. } = table.stored[at];
        let mut vector = Vector::new(table.types[position]);
        while rest.next_if(|cell| cell.column < id).is_some() {}
        match rest.peek() {
            Some(cell) if cell.column == id => push_cell(&mut vector, *cell, code)?,
            _ => vector.push(&table.relation.columns[position].missing),
        }
        decoded.push(vector);
    }
    Ok(decoded)
}

fn decode_cell(cell: Cell<'_>, code: u8) -> Result<Value> {
    if cell.code == 0 {
        return Ok(Value::Null);
    }
    if cell.code != code {
        return Err(wrong_code(cell.column, cell.code));
    }
    canonical::decode(cell.code, cell.bytes)
}

fn wrong_code(column: u32, code: u8) -> Error {
    Error::corrupted(format!(
        "column {column} of a row has type code {code:02x}, which its table does not say"
    ))
}

/// Decodes chosen columns straight into vectors.
pub struct ColumnDecoder {
    /// Ascending by id.
    wanted: Vec<Wanted>,
}

struct Wanted {
    id: u32,
    /// Which vector.
    output: usize,
    code: u8,
    missing: Value,
}

impl ColumnDecoder {
    /// `columns` with the vector each goes to. A column that the descriptor has not (or has dropped) is XX000.
    pub fn new<'a>(columns: impl IntoIterator<Item = (usize, &'a Column)>) -> Result<ColumnDecoder> {
        let mut wanted = vec![];
        for (output, column) in columns {
            let code = column.ty.data_type.code();
            wanted.push(Wanted {
                id: column.id,
                output,
                code: code.ok_or_else(|| Error::internal("a column of a type that is not stored"))?,
                missing: column.missing.clone(),
            });
        }
        wanted.sort_by_key(|wanted| wanted.id);
        Ok(ColumnDecoder { wanted })
    }

    /// Appends one row. The same column may be wanted twice.
    pub fn append(&self, cells: &Cells, columns: &mut [Vector]) -> Result<()> {
        let mut cells = cells.iter();
        let mut cell = cells.next();
        for wanted in &self.wanted {
            while cell.is_some_and(|cell| cell.column < wanted.id) {
                cell = cells.next();
            }
            let Some(out) = columns.get_mut(wanted.output) else { continue };
            match cell {
                Some(cell) if cell.column == wanted.id => push_cell(out, cell, wanted.code)?,
                _ => out.push(&wanted.missing),
            }
        }
        Ok(())
    }
}

fn push_cell(out: &mut Vector, cell: Cell<'_>, code: u8) -> Result<()> {
    if cell.code == 0 {
        out.push_null();
        return Ok(());
    }
    if cell.code != code {
        return Err(wrong_code(cell.column, cell.code));
    }
    // The layouts that most columns have, without a Value between.
    let pushed = match (&mut out.data, cell.bytes) {
        (Data::Bool(values), [byte @ (0 | 1)]) => {
            values.push(*byte == 1);
            true
        }
        (Data::I32(values), &[a, b, c, d]) => {
            values.push(i32::from_be_bytes([a, b, c, d]));
            true
        }
        (Data::I64(values), &[a, b, c, d, e, f, g, h]) => {
            values.push(i64::from_be_bytes([a, b, c, d, e, f, g, h]));
            true
        }
        (Data::Bytes(values), bytes)
            if code == 0x1a || (code == 0x19 && std::str::from_utf8(bytes).is_ok()) =>
        {
            values.push(bytes);
            true
        }
        _ => false,
    };
    if pushed {
        if let Some(nulls) = &mut out.nulls {
            nulls.push(false);
        }
        return Ok(());
    }
    out.push(&canonical::decode(cell.code, cell.bytes)?);
    Ok(())
}
