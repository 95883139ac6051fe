//! Order-preserving keys.

use types::{DataType, Result, Value};

/// Appends one key column. `descending` inverts every byte; `nulls_first` chooses the NULL marker.
/// char(n) is stripped of trailing blanks, -0 is +0, numeric loses its scale, intervals are normalised.
/// A type without an order (json) is 42883.
pub fn encode(_value: &Value, _data_type: DataType, _descending: bool, _nulls_first: bool, _out: &mut Vec<u8>) -> Result<()> {
    todo!()
}

/// Reads one key column back and returns the rest. What the encoding normalised stays normalised.
pub fn decode(_bytes: &[u8], _data_type: DataType, _descending: bool, _nulls_first: bool) -> Result<(Value, &[u8])> {
    todo!()
}
