//! Types as users spell them.

use super::names;
use sqlparser::ast::{self, ArrayElemTypeDef, CharacterLength, ExactNumberInfo, TimezoneInfo};
use types::{ColumnType, DataType, Error, Result, bail, err};

/// A type's name to the type, modifiers included. serial and friends are the business of CREATE TABLE.
pub fn data_type(ty: &ast::DataType) -> Result<ColumnType> {
    use ast::DataType as Sql;
    let plain = |ty: DataType| Ok(ty.into());
    match ty {
        Sql::Character(length) | Sql::Char(length) => characters(DataType::Bpchar, length, Some(1)),
        Sql::CharacterVarying(length) | Sql::CharVarying(length) | Sql::Varchar(length) => {
            characters(DataType::Varchar, length, None)
        }
        Sql::Nvarchar(_) => undefined("nvarchar"),
        Sql::Uuid => plain(DataType::Uuid),
        Sql::Numeric(info) | Sql::Decimal(info) | Sql::Dec(info) => numeric(info),
        Sql::Float(info) => match info {
            ExactNumberInfo::None => plain(DataType::Float8),
            ExactNumberInfo::Precision(1..=24) => plain(DataType::Float4),
            ExactNumberInfo::Precision(25..=53) => plain(DataType::Float8),
            ExactNumberInfo::Precision(0) => {
                bail!(InvalidParameterValue, "precision for type float must be at least 1 bit")
            }
            _ => bail!(InvalidParameterValue, "precision for type float must be less than 54 bits"),
        },
        Sql::Int2(None) | Sql::SmallInt(None) => plain(DataType::Int2),
        Sql::Int(None) | Sql::Int4(None) | Sql::Integer(None) => plain(DataType::Int4),
        Sql::Int8(None) | Sql::BigInt(None) => plain(DataType::Int8),
        Sql::Float4 | Sql::Real => plain(DataType::Float4),
        Sql::Float8 | Sql::DoublePrecision => plain(DataType::Float8),
        Sql::Bool | Sql::Boolean => plain(DataType::Bool),
        Sql::Date => plain(DataType::Date),
        Sql::Time(precision, zone) => {
            let zoned = matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz);
            precise(if zoned { DataType::TimeTz } else { DataType::Time }, *precision)
        }
        Sql::Timestamp(precision, zone) => {
            let zoned = matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz);
            precise(if zoned { DataType::TimestampTz } else { DataType::Timestamp }, *precision)
        }
        Sql::Interval { fields: None, precision: None } => plain(DataType::Interval),
        Sql::Interval { .. } => Err(Error::unsupported("interval with fields or precision as a type")),
        Sql::JSON => plain(DataType::Json),
        Sql::JSONB => plain(DataType::Jsonb),
        Sql::Regclass => plain(DataType::Regclass),
        Sql::Text => plain(DataType::Text),
        Sql::Bytea => plain(DataType::Bytea),
        Sql::Array(element) => match element {
            ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::Qualified(element, _) => {
                array_of(data_type(element)?)
            }
            ArrayElemTypeDef::None | ArrayElemTypeDef::AngleBracket(_) | ArrayElemTypeDef::Parenthesis(_) => {
                undefined(&ty.to_string())
            }
        },
        Sql::Custom(name, modifiers) => custom(name, modifiers),
        Sql::Bit(_)
        | Sql::BitVarying(_)
        | Sql::VarBit(_)
        | Sql::TsVector
        | Sql::TsQuery
        | Sql::GeometricType(_) => Err(Error::unsupported(format!("type {}", ty.to_string().to_lowercase()))),
        // A trigger function's result type, a pseudo-type.
        other => undefined(&other.to_string().to_lowercase()),
    }
}

fn undefined<T>(name: &str) -> Result<T> {
    Err(err!(UndefinedObject, "type \"{name}\" does not exist"))
}

/// `ty[]`. PostgreSQL has no arrays of arrays: `int[][]` is `int[]`.
fn array_of(element: ColumnType) -> Result<ColumnType> {
    if element.data_type.is_array() {
        return Ok(element);
    }
    match element.data_type.array() {
        Some(array) => Ok(ColumnType::new(array, element.typmod)),
        None => undefined(&format!("{element}[]")),
    }
}

fn characters(ty: DataType, length: &Option<CharacterLength>, missing: Option<u64>) -> Result<ColumnType> {
    let name = if ty == DataType::Bpchar { "char" } else { "varchar" };
    let length = match length {
        None => missing,
        Some(CharacterLength::IntegerLength { length, unit: None }) => Some(*length),
        Some(CharacterLength::IntegerLength { unit: Some(_), .. } | CharacterLength::Max) => {
            return Err(Error::unsupported(format!("this length of {name}")));
        }
    };
    match length {
        None => Ok(ty.into()),
        Some(0) => bail!(InvalidParameterValue, "length for type {name} must be at least 1"),
        Some(length @ 1..=10_485_760) => Ok(ColumnType::new(ty, length as i32 + 4)),
        Some(_) => bail!(InvalidParameterValue, "length for type {name} cannot exceed 10485760"),
    }
}

fn numeric(info: &ExactNumberInfo) -> Result<ColumnType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(DataType::Numeric.into()),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    if !(1..=1000).contains(&precision) {
        bail!(InvalidParameterValue, "NUMERIC precision {precision} must be between 1 and 1000");
    }
    if !(-1000..=1000).contains(&scale) {
        bail!(InvalidParameterValue, "NUMERIC scale {scale} must be between -1000 and 1000");
    }
    Ok(ColumnType::new(DataType::Numeric, (((precision as i32) << 16) | (scale as i32 & 0x7ff)) + 4))
}

/// Times and timestamps: at most microseconds.
fn precise(ty: DataType, precision: Option<u64>) -> Result<ColumnType> {
    Ok(match precision {
        None => ty.into(),
        Some(precision) => ColumnType::new(ty, precision.min(6) as i32),
    })
}

/// Names that sqlparser leaves to us: `name`, `oid`, `"char"`, `pg_catalog.int4`, `timestamptz`, ...
fn custom(name: &ast::ObjectName, modifiers: &[String]) -> Result<ColumnType> {
    let quoted =
        matches!(name.0.last(), Some(ast::ObjectNamePart::Identifier(ident)) if ident.quote_style.is_some());
    let parts = names::parts(name)?;
    let (schema, base) = match parts.as_slice() {
        [base] => (None, base.as_str()),
        [schema, base] => (Some(schema.as_str()), base.as_str()),
        _ => return undefined(&name.to_string()),
    };
    let shown = parts.join(".");
    if schema.is_some_and(|schema| schema != "pg_catalog") {
        return undefined(&shown);
    }
    // "char" is the internal one-byte type, char is character(1).
    let ty = match base {
        "char" if !quoted && schema.is_none() => Some(DataType::Bpchar),
        "void" | "unknown" => return undefined(&shown),
        _ => DataType::from_name(base),
    };
    let Some(ty) = ty else {
        return match base {
            "inet" | "cidr" | "macaddr" | "money" | "bit" | "varbit" | "xml" | "tsvector" | "tsquery"
            | "point" | "box" | "circle" | "line" | "lseg" | "path" | "polygon" | "int4range"
            | "int8range" | "numrange" | "tsrange" | "tstzrange" | "daterange" => {
                Err(Error::unsupported(format!("type {base}")))
            }
            _ => undefined(&shown),
        };
    };
    let numbers: Vec<u64> = modifiers
        .iter()
        .map(|modifier| {
            modifier.trim().parse().map_err(|_| err!(InvalidParameterValue, "invalid type modifier"))
        })
        .collect::<Result<_>>()?;
    match (ty, numbers.as_slice()) {
        (_, []) => Ok(ty.into()),
        (DataType::Varchar | DataType::Bpchar, [length]) => {
            characters(ty, &Some(CharacterLength::IntegerLength { length: *length, unit: None }), None)
        }
        (DataType::Time | DataType::TimeTz | DataType::Timestamp | DataType::TimestampTz, [precision]) => {
            precise(ty, Some(*precision))
        }
        (DataType::Numeric, [precision]) => numeric(&ExactNumberInfo::Precision(*precision)),
        (DataType::Numeric, [precision, scale]) => {
            numeric(&ExactNumberInfo::PrecisionAndScale(*precision, *scale as i64))
        }
        _ => Err(err!(SyntaxError, "type modifier is not allowed for type \"{base}\"")),
    }
}
