//! Values as text: what `typinput` accepts and `typoutput` prints in PostgreSQL 15.

use crate::{ColumnType, DataType, Result, TextSettings, Value};

/// Parses `text` as a value of `ty` and applies its modifier as an assignment would (22001 when too long).
/// Errors are PostgreSQL's: 22P02, 22003, 22007, 22008 with the same message.
/// regclass and friends accept a number here; names need a catalog and are resolved above.
pub fn parse(_text: &str, _ty: ColumnType, _settings: &TextSettings) -> Result<Value> {
    todo!()
}

/// Appends what `typoutput` prints. NULL prints nothing: the caller shows it in its own way.
pub fn format(_value: &Value, _data_type: DataType, _settings: &TextSettings, _out: &mut String) {
    todo!()
}

/// stub
pub(crate) fn float_to_text(value: f64, _extra_digits: i32) -> String {
    value.to_string()
}
