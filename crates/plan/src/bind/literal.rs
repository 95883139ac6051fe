//! Literals and parameters.

use super::{Binder, Place};
use expr::Expr;
use sqlparser::ast::{self, Value as Sql};
use types::cast::Context;
use types::{ColumnType, DataType, Error, Result, Value, bail, err};

impl Binder<'_> {
    pub(crate) fn literal(&mut self, value: &ast::ValueWithSpan) -> Result<Expr> {
        let ast::ValueWithSpan { value, span: _ } = value;
        match value {
            Sql::Number(digits, false) => self.number(digits),
            Sql::Number(digits, true) => {
                Err(err!(SyntaxError, "trailing junk after numeric literal at or near \"{digits}L\""))
            }
            Sql::SingleQuotedString(text)
            | Sql::EscapedStringLiteral(text)
            | Sql::UnicodeStringLiteral(text) => Ok(unknown(text)),
            Sql::DollarQuotedString(quoted) => Ok(unknown(&quoted.value)),
            Sql::NationalStringLiteral(text) => Ok(Expr::constant(Value::text(text), DataType::Bpchar)),
            Sql::Boolean(value) => Ok(Expr::constant(Value::Bool(*value), DataType::Bool)),
            Sql::Null => Ok(Expr::null(DataType::Unknown)),
            Sql::Placeholder(name) => self.parameter(name),
            Sql::HexStringLiteral(_) | Sql::SingleQuotedByteStringLiteral(_) => {
                Err(Error::unsupported("a bit string literal").hint("For bytes write '\\x...'::bytea."))
            }
            other => Err(err!(SyntaxError, "syntax error at or near \"{other}\"")),
        }
    }

    /// int4 where it fits, else int8, else numeric; numeric with a point or an exponent.
    pub(crate) fn number(&mut self, digits: &str) -> Result<Expr> {
        if let Ok(value) = digits.parse::<i32>() {
            return Ok(Expr::constant(Value::Int4(value), DataType::Int4));
        }
        if let Ok(value) = digits.parse::<i64>() {
            return Ok(Expr::constant(Value::Int8(value), DataType::Int8));
        }
        let ty = ColumnType::from(DataType::Numeric);
        let value = types::text::parse(digits, ty, &self.environment.settings)?;
        Ok(Expr::constant(value, ty))
    }

    fn parameter(&mut self, name: &str) -> Result<Expr> {
        let number: usize = match name.strip_prefix('$').map(str::parse) {
            Some(Ok(number)) if (1..=65535).contains(&number) => number,
            _ => bail!(UndefinedParameter, "there is no parameter {name}"),
        };
        if self.parameters.len() < number {
            self.parameters.resize(number, None);
        }
        let ty = self.parameters.get(number - 1).copied().flatten().unwrap_or(DataType::Unknown);
        Ok(Expr::Parameter { index: number - 1, ty: ty.into() })
    }

    /// `date '2026-01-01'`.
    pub(crate) fn typed_string(&mut self, typed: &ast::TypedString) -> Result<Expr> {
        let ast::TypedString { data_type, value, uses_odbc_syntax: _ } = typed;
        let ty = super::data_type(data_type)?;
        let literal = self.literal(value)?;
        self.coerce(literal, ty, Context::Explicit, &value.span.start)
    }

    /// `interval '1' day`: the unit belongs to the text.
    pub(crate) fn interval(&mut self, interval: &ast::Interval, place: &mut Place<'_>) -> Result<Expr> {
        let ast::Interval {
            value,
            leading_field,
            leading_precision,
            last_field,
            fractional_seconds_precision,
        } = interval;
        if leading_precision.is_some() || fractional_seconds_precision.is_some() || last_field.is_some() {
            return Err(Error::unsupported("an interval literal with a range of fields or a precision"));
        }
        let literal = self.expr(value, place)?;
        let literal = match (literal, leading_field) {
            (literal, None) => literal,
            (Expr::Constant { value: Value::Text(text), ty }, Some(field)) => {
                if text.trim().parse::<f64>().is_err() {
                    return Err(Error::unsupported("an interval literal with fields that its text repeats"));
                }
                Expr::constant(Value::Text(format!("{text} {}", field.to_string().to_lowercase())), ty)
            }
            (_, Some(_)) => bail!(SyntaxError, "interval needs a string literal"),
        };
        self.coerce(literal, DataType::Interval, Context::Explicit, &**value)
    }
}

/// A literal whose type its context decides.
pub(crate) fn unknown(text: &str) -> Expr {
    Expr::constant(Value::text(text), DataType::Unknown)
}
