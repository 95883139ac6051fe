//! A row's cells as the store keeps them: column number, type code, canonical bytes.
//!
//! ```text
//!   u16 count ‖ (u32 col_id ‖ u8 type ‖ u32 length ‖ value)*      big-endian, ascending by col_id
//! ```

/// One cell. `code` 0 is NULL, with no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    pub column: u32,
    pub code: u8,
    pub bytes: &'a [u8],
}

/// Makes [`Cells`], each value encoded where it stays.
pub struct CellsWriter {
    out: Vec<u8>,
    count: u16,
}

impl CellsWriter {
    pub fn new(capacity_bytes: usize) -> CellsWriter {
        let mut out = Vec::with_capacity(2 + capacity_bytes);
        out.extend_from_slice(&[0, 0]);
        CellsWriter { out, count: 0 }
    }

    /// The next cell by column; `value` appends its bytes.
    pub fn push(&mut self, column: u32, code: u8, value: impl FnOnce(&mut Vec<u8>)) {
        self.out.extend_from_slice(&column.to_be_bytes());
        self.out.extend_from_slice(&[code, 0, 0, 0, 0]);
        let start = self.out.len();
        value(&mut self.out);
        let length = (self.out.len() - start) as u32;
        self.out[start - 4..start].copy_from_slice(&length.to_be_bytes());
        self.count += 1;
    }

    pub fn finish(mut self) -> Cells {
        self.out[..2].copy_from_slice(&self.count.to_be_bytes());
        Cells(self.out)
    }
}

/// A row's cells, encoded. Read with [`Cells::iter`], which is total over any bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cells(pub Vec<u8>);

impl Cells {
    pub fn new<'a>(cells: impl IntoIterator<Item = Cell<'a>>) -> Cells {
        let mut writer = CellsWriter::new(64);
        for Cell { column, code, bytes } in cells {
            writer.push(column, code, |out| out.extend_from_slice(bytes));
        }
        writer.finish()
    }

    /// The cells in order; stops at the first malformed one ([`Cells::check`] tells).
    pub fn iter(&self) -> impl Iterator<Item = Cell<'_>> {
        let mut rest = self.0.get(2..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_at_checked(9)?;
            let length = u32::from_be_bytes(head[5..9].try_into().ok()?) as usize;
            let (bytes, tail) = tail.split_at_checked(length)?;
            rest = tail;
            Some(Cell { column: u32::from_be_bytes(head[..4].try_into().ok()?), code: head[4], bytes })
        })
    }

    /// Whether these bytes are exactly what [`Cells::new`] makes.
    pub fn check(&self) -> bool {
        let Some(head) = self.0.get(..2) else { return false };
        let mut last = None;
        let (mut count, mut size) = (0usize, 2usize);
        for cell in self.iter() {
            if last.is_some_and(|last| last >= cell.column) || (cell.code == 0 && !cell.bytes.is_empty()) {
                return false;
            }
            last = Some(cell.column);
            count += 1;
            size += 9 + cell.bytes.len();
        }
        count == u16::from_be_bytes([head[0], head[1]]) as usize && size == self.0.len()
    }
}
