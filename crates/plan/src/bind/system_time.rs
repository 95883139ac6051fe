//! FOR SYSTEM_TIME and AS OF: which versions of a table's rows a query reads.
//!
//! The pre-pass leaves one expression: a time, `__tx(n)`, `__between BETWEEN a AND b`, `__from(a, b)` or `__all`.

use super::{Binder, Clause};
use crate::node::{Bound, Versions};
use crate::statement::PlannedMoment;
use expr::Expr;
use sqlparser::ast::{self, Expr as Sql};
use types::cast::Context;
use types::{DataType, Error, Moment, Result, Value, bail, err};

impl Binder<'_> {
    pub(crate) fn versions(&mut self, version: &ast::TableVersion) -> Result<Versions> {
        let sql = match version {
            ast::TableVersion::ForSystemTimeAsOf(sql) => sql,
            ast::TableVersion::TimestampAsOf(_)
            | ast::TableVersion::VersionAsOf(_)
            | ast::TableVersion::Function(_)
            | ast::TableVersion::Changes { .. } => {
                return Err(
                    Error::unsupported("this form of time travel").hint("Write t FOR SYSTEM_TIME AS OF ...")
                );
            }
        };
        if self.environment.as_of.is_some() {
            // A table's own clause wins over the session's: its numbers are those of the whole ledger.
            self.volatile = true;
        }
        match sql {
            Sql::Identifier(ident) if ident.value == "__all" => {
                Ok(Versions::Range { from: None, to: None, closed: true })
            }
            Sql::Between { expr, negated: false, low, high } if is_marker(expr, "__between") => {
                let (from, to) = (self.bound(low)?, self.bound(high)?);
                Ok(Versions::Range { from: Some(from), to: Some(to), closed: true })
            }
            Sql::Function(function) if function.name.to_string() == "__from" => {
                let args = arguments(function)?;
                let [low, high] = args.as_slice() else { bail!(SyntaxError, "FROM needs TO") };
                let (from, to) = (self.bound(low)?, self.bound(high)?);
                Ok(Versions::Range { from: Some(from), to: Some(to), closed: false })
            }
            sql => {
                let Bound { value, time } = self.bound(sql)?;
                match moment(&value, time)? {
                    Some(moment) => Ok(Versions::At(moment)),
                    None => self.moment_of(value, time),
                }
            }
        }
    }

    /// A query's `AS OF SYSTEM TIME e`: for every table without a clause of its own. As in CockroachDB, a string that
    /// is an interval counts from now.
    pub(crate) fn query_as_of(&mut self, sql: &Sql) -> Result<()> {
        let relative = match sql {
            Sql::Value(ast::ValueWithSpan {
                value: ast::Value::SingleQuotedString(text) | ast::Value::EscapedStringLiteral(text),
                span: _,
            }) => {
                let trimmed = text.trim_start();
                (trimmed.starts_with('-') && !trimmed.starts_with("-inf")).then(|| text.clone())
            }
            _ => None,
        };
        self.versions = match relative {
            None => self.versions(&ast::TableVersion::ForSystemTimeAsOf(sql.clone()))?,
            Some(text) => {
                let now = self.call_with("now", vec![], sql)?;
                let interval = super::literal::unknown(&text);
                let interval = self.coerce(interval, DataType::Interval, Context::Explicit, sql)?;
                let value = self.operate("+", Some(now), interval)?;
                self.moment_of(value, true)?
            }
        };
        Ok(())
    }

    /// What a parameter or the time decides: known now where the parameters are, so that the schema is that of then.
    /// What it was planned with is kept, to plan again when it has changed.
    fn moment_of(&mut self, value: Expr, time: bool) -> Result<Versions> {
        let values = &self.environment.values;
        let unknown = |expr: &Expr| matches!(expr, Expr::Parameter { index, .. } if *index >= values.len());
        let mut moment = PlannedMoment { value, time, planned: None };
        if !crate::rel::any(&moment.value, &unknown) {
            moment.planned = match moment.evaluate(values, &self.environment.settings) {
                // A function that asks the session: refused when it is run.
                Err(error) if error.state == types::SqlState::FeatureNotSupported => None,
                found => Some(found?),
            };
        }
        let versions = match moment.planned {
            Some(moment) => Versions::At(moment),
            None => Versions::AtExpr { value: Box::new(moment.value.clone()), time },
        };
        self.moments.push(moment);
        Ok(versions)
    }

    /// One point of time: constant within the statement.
    fn bound(&mut self, sql: &Sql) -> Result<Bound> {
        let (inner, time) = match sql {
            Sql::Function(function) if function.name.to_string() == "__tx" => {
                match arguments(function)?.as_slice() {
                    [number] => (*number, false),
                    _ => bail!(SyntaxError, "one transaction number is expected"),
                }
            }
            sql => (sql, true),
        };
        let bound = self.constant_expr(inner, Clause::SystemTime).map_err(|mut error| {
            if error.state == types::SqlState::UndefinedColumn {
                error = err!(InvalidColumnReference, "a column cannot decide FOR SYSTEM_TIME");
            }
            self.at(error, inner)
        })?;
        if crate::rel::any(&bound, &|expr| matches!(expr, Expr::Subplan { .. })) {
            let error =
                Error::unsupported("a subquery in FOR SYSTEM_TIME").hint("Pass its value as a parameter.");
            return Err(self.at(error, inner));
        }
        let volatile = |expr: &Expr| matches!(expr, Expr::Call { function, .. } if function.volatility == expr::Volatility::Volatile);
        if crate::rel::any(&bound, &volatile) {
            return Err(self.at(Error::unsupported("a volatile function in FOR SYSTEM_TIME"), inner));
        }
        if time && bound.data_type().is_numeric() {
            let error = err!(DatatypeMismatch, "FOR SYSTEM_TIME AS OF needs a time")
                .hint("For a transaction write FOR SYSTEM_TIME AS OF TRANSACTION n.");
            return Err(self.at(error, inner));
        }
        let ty = if time { DataType::TimestampTz } else { DataType::Int8 };
        let value = self.coerce(bound, ty, Context::Assignment, inner)?;
        Ok(Bound { value, time })
    }
}

/// The moment of a literal.
fn moment(value: &Expr, time: bool) -> Result<Option<Moment>> {
    Ok(match value {
        Expr::Constant { value: Value::Timestamp(micros), .. } if time => Some(Moment::Time(*micros)),
        Expr::Constant { value: Value::Int8(number), .. } if !time => match u64::try_from(*number) {
            Ok(number) => Some(Moment::Transaction(number)),
            Err(_) => bail!(InvalidParameterValue, "transaction {number} does not exist"),
        },
        Expr::Cast { input, .. } if !time => match &**input {
            Expr::Constant { value, .. } => match value.as_i64() {
                Some(number) => match u64::try_from(number) {
                    Ok(number) => Some(Moment::Transaction(number)),
                    Err(_) => bail!(InvalidParameterValue, "transaction {number} does not exist"),
                },
                None => None,
            },
            _ => None,
        },
        Expr::Constant { value: Value::Null, .. } => {
            bail!(NullValueNotAllowed, "FOR SYSTEM_TIME AS OF NULL has no meaning")
        }
        _ => None,
    })
}

fn is_marker(sql: &Sql, marker: &str) -> bool {
    matches!(sql, Sql::Identifier(ident) if ident.value == marker)
}

fn arguments(function: &ast::Function) -> Result<Vec<&Sql>> {
    // The pre-pass builds the markers' calls: only plain arguments.
    match &function.args {
        ast::FunctionArguments::List(list) => {
            super::operator::plain_arguments(list).ok_or_else(|| err!(SyntaxError, "an argument is expected"))
        }
        _ => bail!(SyntaxError, "an argument is expected"),
    }
}
