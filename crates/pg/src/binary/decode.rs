//! From the wire.

use super::*;
use crate::frame::utf8;
use types::datetime::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, in_range,
};
use types::numeric::{Form, Parts};
use types::{Array, DataType, Error, Interval, Numeric, Result, Value, bail, err, json, text};

/// Array dimensions (PostgreSQL's MAXDIM).
const MAX_DIMENSIONS: usize = 6;

/// A value of `data_type`. 22P03 for bytes that are none.
pub fn decode(bytes: &[u8], data_type: DataType) -> Result<Value> {
    let mut input = Input(bytes);
    let value = match data_type {
        DataType::Bool => Value::Bool(input.take::<1>()? != [0]),
        DataType::Int2 => Value::Int2(i16::from_be_bytes(input.take()?)),
        DataType::Int4 => Value::Int4(input.i32()?),
        DataType::Int8 => Value::Int8(input.i64()?),
        DataType::Float4 => Value::Float4(f32::from_be_bytes(input.take()?)),
        DataType::Float8 => Value::Float8(f64::from_be_bytes(input.take()?)),
        DataType::Numeric => Value::Numeric(numeric(&mut input)?),
        DataType::Text | DataType::Varchar | DataType::Bpchar | DataType::Unknown | DataType::AclItem => {
            Value::Text(plain(input.rest())?.to_owned())
        }
        DataType::Name => match plain(input.rest())? {
            name if name.len() > text::cut_name(name).len() => {
                return Err(err!(NameTooLong, "identifier too long")
                    .detail("Identifier must be less than 64 characters."));
            }
            name => Value::text(name),
        },
        DataType::Char => match input.take::<1>()? {
            [0] => Value::text(""),
            byte => Value::text(plain(&byte)?),
        },
        DataType::Json => {
            let document = plain(input.rest())?;
            json::check_text(document)?;
            Value::text(document)
        }
        DataType::Jsonb => match input.take::<1>()? {
            [JSONB_VERSION] => Value::Jsonb(json::parse(plain(input.rest())?)?),
            [other] => bail!(InvalidBinaryRepresentation, "unsupported jsonb version number {other}"),
        },
        DataType::Bytea => Value::Bytea(input.rest().to_vec()),
        DataType::Date => match input.i32()? {
            days @ (DATE_INFINITY | DATE_NEGATIVE_INFINITY) => Value::Date(days),
            days => Value::Date(days.checked_add(EPOCH_DAYS).ok_or_else(|| out_of_range("date"))?),
        },
        DataType::Time => Value::Time(input.i64()?),
        DataType::TimeTz => Value::TimeTz(input.i64()?, input.i32()?),
        DataType::Timestamp | DataType::TimestampTz => match input.i64()? {
            micros @ (TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY) => Value::Timestamp(micros),
            micros => {
                let micros = micros.checked_add(EPOCH_MICROS).filter(|&micros| micros != TIMESTAMP_INFINITY);
                Value::Timestamp(micros.ok_or_else(|| out_of_range("timestamp"))?)
            }
        },
        DataType::Interval => {
            let (micros, days, months) = (input.i64()?, input.i32()?, input.i32()?);
            Value::Interval(Interval { months, days, micros })
        }
        DataType::Uuid => Value::Uuid(input.take()?),
        DataType::Oid
        | DataType::Regclass
        | DataType::Regtype
        | DataType::Regproc
        | DataType::Regnamespace
        | DataType::Regrole
        | DataType::Xid => Value::Oid(u32::from_be_bytes(input.take()?)),
        DataType::Int2Vector => array(&mut input, DataType::Int2)?,
        DataType::OidVector => array(&mut input, DataType::Oid)?,
        DataType::Void => Value::text(""),
        DataType::Record => {
            bail!(FeatureNotSupported, "input of anonymous composite types is not implemented")
        }
        other => match other.element() {
            Some(element) => array(&mut input, element)?,
            None => bail!(FeatureNotSupported, "no binary input function available for type {other}"),
        },
    };
    if !input.0.is_empty() {
        return Err(malformed());
    }
    match in_range(&value) {
        true => Ok(value),
        false => Err(out_of_range(match data_type {
            DataType::Date => "date",
            DataType::Time | DataType::TimeTz => "time",
            _ => "timestamp",
        })),
    }
}

struct Input<'a>(&'a [u8]);

fn malformed() -> Error {
    err!(InvalidBinaryRepresentation, "incorrect binary data format")
}

fn out_of_range(what: &str) -> Error {
    err!(DatetimeFieldOverflow, "{what} out of range")
}

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }
    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take()?))
    }
    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.take()?))
    }
    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// UTF-8 without a zero byte.
pub fn plain(bytes: &[u8]) -> Result<&str> {
    if bytes.contains(&0) {
        bail!(CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00");
    }
    utf8(bytes)
}

fn numeric(input: &mut Input) -> Result<Numeric> {
    let count = u16::from_be_bytes(input.take()?);
    let weight = i16::from_be_bytes(input.take()?);
    let sign = u16::from_be_bytes(input.take()?);
    let dscale = u16::from_be_bytes(input.take()?);
    let form = match sign {
        POSITIVE => Form::Positive,
        NEGATIVE => Form::Negative,
        NAN => Form::NaN,
        INFINITY => Form::Infinity,
        NEGATIVE_INFINITY => Form::NegativeInfinity,
        _ => bail!(InvalidBinaryRepresentation, "invalid sign in external \"numeric\" value"),
    };
    let digits = input.bytes(count as usize * 2)?.chunks_exact(2);
    let digits = digits.map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect();
    Numeric::from_parts(Parts { form, weight, dscale, digits })
}

fn array(input: &mut Input, element: DataType) -> Result<Value> {
    let count = input.i32()?;
    let Some(count) = usize::try_from(count).ok().filter(|&count| count <= MAX_DIMENSIONS) else {
        bail!(
            ProgramLimitExceeded,
            "number of array dimensions ({count}) exceeds the maximum allowed ({MAX_DIMENSIONS})"
        );
    };
    if !(0..=1).contains(&input.i32()?) {
        bail!(InvalidBinaryRepresentation, "invalid array flags");
    }
    let given = u32::from_be_bytes(input.take()?);
    if given != element.oid() {
        bail!(
            DatatypeMismatch,
            "binary data has array element type {given} ({}) instead of expected {} ({element})",
            DataType::from_oid(given).map_or("???", DataType::sql_name),
            element.oid()
        );
    }
    let mut dimensions = Vec::with_capacity(count);
    let mut total = usize::from(count > 0);
    for _ in 0..count {
        let (length, lower) = (input.i32()?, input.i32()?);
        let size = usize::try_from(length).map_err(|_| malformed())?;
        if lower.checked_add(length).is_none() {
            bail!(ProgramLimitExceeded, "array lower bound is too large: {lower}");
        }
        total = total.checked_mul(size).ok_or_else(malformed)?;
        dimensions.push((length, lower));
    }
    // Each element has at least its length: nothing is allocated for elements that are not there.
    if total > input.0.len() / 4 {
        return Err(malformed());
    }
    let mut values = Vec::with_capacity(total);
    for _ in 0..total {
        values.push(match input.i32()? {
            -1 => Value::Null,
            length => decode(input.bytes(usize::try_from(length).map_err(|_| malformed())?)?, element)?,
        });
    }
    if values.is_empty() {
        dimensions.clear();
    }
    Ok(Value::Array(Box::new(Array { element, dimensions, values })))
}
