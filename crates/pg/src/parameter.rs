//! Parameters of Bind: text or binary, to values of the statement's types.

use crate::binary;
use crate::row::{BINARY, TEXT, format_of};
use session::Session;
use types::{ColumnType, DataType, Result, Value, bail, text};

pub fn decode(
    session: &Session,
    types: &[DataType],
    formats: &[i16],
    parameters: &[Option<&[u8]>],
) -> Result<Vec<Value>> {
    check_formats(formats, parameters.len(), |given| {
        format!("bind message has {given} parameter formats but {} parameters", parameters.len())
    })?;
    if parameters.is_empty() {
        return Ok(Vec::new());
    }
    let settings = session.text_settings();
    let mut values = Vec::with_capacity(parameters.len());
    for (index, parameter) in parameters.iter().enumerate() {
        // The session refuses a wrong number of parameters.
        let data_type = types.get(index).copied().unwrap_or(DataType::Text);
        let value = match parameter {
            None => Value::Null,
            Some(bytes) if format_of(formats, index) == BINARY => {
                binary::decode(bytes, data_type).map_err(|mut error| {
                    if error.message == "incorrect binary data format" {
                        error.message =
                            format!("incorrect binary data format in bind parameter {}", index + 1);
                    }
                    error
                })?
            }
            Some(bytes) => text::parse(binary::plain(bytes)?, ColumnType::from(data_type), &settings)?,
        };
        values.push(value);
    }
    Ok(values)
}

/// None, one, or one each; text or binary.
pub fn check_formats(formats: &[i16], count: usize, message: impl FnOnce(usize) -> String) -> Result<()> {
    if formats.len() > 1 && formats.len() != count {
        bail!(ProtocolViolation, "{}", message(formats.len()));
    }
    match formats.iter().find(|format| ![TEXT, BINARY].contains(format)) {
        Some(format) => bail!(InvalidParameterValue, "unsupported format code: {format}"),
        None => Ok(()),
    }
}
