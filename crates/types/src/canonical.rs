//! The bytes that the ledger hashes: `ledger.md` 1, "type codes". One vector per type is in this module's tests.

use crate::{DataType, Result, Value};

/// The code a cell holding `value` in a column of `data_type` carries: 00 for NULL, else the type's code.
pub fn type_code(value: &Value, data_type: DataType) -> Result<u8> {
    if value.is_null() {
        return Ok(0);
    }
    data_type.code().ok_or_else(|| crate::err!(FeatureNotSupported, "type {data_type} cannot be stored"))
}

/// Appends the canonical bytes of `value` (nothing for NULL).
pub fn encode(_value: &Value, _out: &mut Vec<u8>) {
    todo!()
}

/// Reads canonical bytes back. Total: any input is a value or XX001. `code` 00 is NULL.
pub fn decode(_code: u8, _bytes: &[u8]) -> Result<Value> {
    todo!()
}
