//! One row group: the live rows of a stretch of keys, column by column.

use super::Edge;
use kv::TxId;
use types::schema::ColumnId;
use types::vector::Data;
use types::{DataType, Numeric, Value, Vector};

/// Immutable.
pub(crate) struct RowGroup {
    /// As this transaction left it, or an earlier one if nothing changed between.
    pub made_at: TxId,
    pub keys: Keys,
    /// Each row's transaction.
    pub txs: Txs,
    /// Every row is as it was inserted.
    pub all_inserted: bool,
    pub columns: Vec<(ColumnId, Vector)>,
    size_bytes: usize,
}

/// Keys in order, one after the other.
#[derive(Default)]
pub(crate) struct Keys {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Keys {
    pub fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len() as u32);
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.bytes[start..self.ends[row] as usize]
    }

    /// The first row after an edge.
    pub fn row_at(&self, edge: &Edge) -> usize {
        match self.search(&edge.key) {
            Ok(row) => row + usize::from(edge.after),
            Err(row) => row,
        }
    }

    /// Which row has this key; Err: before which row it would be.
    pub fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.get(middle).cmp(key) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

pub(crate) enum Txs {
    Same(TxId),
    Each { txs: Vec<TxId>, newest: TxId },
}

impl Txs {
    fn new(txs: Vec<TxId>) -> Txs {
        let newest = txs.iter().copied().max().unwrap_or(0);
        match txs.iter().all(|tx| *tx == newest) {
            true => Txs::Same(newest),
            false => Txs::Each { txs, newest },
        }
    }

    pub fn newest(&self) -> TxId {
        match self {
            Txs::Same(newest) | Txs::Each { newest, .. } => *newest,
        }
    }

    pub fn of(&self, row: usize) -> TxId {
        match self {
            Txs::Same(tx) => *tx,
            Txs::Each { txs, .. } => txs[row],
        }
    }
}

impl RowGroup {
    pub fn new(
        made_at: TxId,
        keys: Keys,
        txs: Vec<TxId>,
        all_inserted: bool,
        columns: Vec<(ColumnId, Vector)>,
    ) -> RowGroup {
        let txs = Txs::new(txs);
        let of_txs = if let Txs::Each { txs, .. } = &txs { txs.len() * size_of::<TxId>() } else { 0 };
        let of_columns: usize = columns.iter().map(|(_, column)| vector_bytes(column)).sum();
        let size_bytes = size_of::<RowGroup>() + keys.bytes.len() + keys.len() * 4 + of_txs + of_columns;
        RowGroup { made_at, keys, txs, all_inserted, columns, size_bytes }
    }

    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// A column, if it is here and of the type.
    pub fn column(&self, (id, data_type): (ColumnId, DataType)) -> Option<&Vector> {
        let found = self.columns.iter().find(|(have, column)| *have == id && column.data_type == data_type);
        found.map(|(_, column)| column)
    }
}

/// About what a column takes.
fn vector_bytes(column: &Vector) -> usize {
    let rows = column.len();
    let data = match &column.data {
        Data::Bool(_) => rows,
        Data::I16(_) => rows * 2,
        Data::I32(_) | Data::U32(_) | Data::F32(_) => rows * 4,
        Data::I64(_) | Data::F64(_) => rows * 8,
        Data::Numeric(_) => rows * size_of::<Numeric>(),
        Data::Interval(_) | Data::Uuid(_) => rows * 16,
        Data::Bytes(values) => rows * size_of::<usize>() + values.bytes.len(),
        // What they point at is told by none of them.
        Data::Value(_) => rows * (size_of::<Value>() + 128),
    };
    data + column.nulls.as_ref().map_or(0, Vec::len)
}
