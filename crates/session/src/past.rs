//! Which past is meant: the texts of `SET ledger.as_of`, `BEGIN READ ONLY AS OF` and `SET TRANSACTION SNAPSHOT`.

use crate::stored::nothing;
use crate::surroundings::Known;
use types::{ColumnType, DataType, Error, Moment, Result, Value, err};

impl Known {
    /// `tx:42`, a timestamp, or a negative interval before now.
    pub(crate) fn moment_of_text(&self, text: &str) -> Result<Moment> {
        let text = text.trim();
        if let Some(number) = text.strip_prefix("tx:") {
            return number.trim().parse().map(Moment::Transaction).map_err(|_| {
                err!(InvalidParameterValue, "invalid transaction number: \"{number}\"").hint("Write tx:42.")
            });
        }
        let settings = self.text_settings();
        if text.starts_with('-')
            && let Ok(Value::Interval(interval)) =
                types::text::parse(text, types::DataType::Interval.into(), &settings)
        {
            let time = types::datetime::add_interval_tz(settings.now, &interval, &settings.time_zone)?;
            return Ok(Moment::Time(time));
        }
        match types::text::parse(text, types::DataType::TimestampTz.into(), &settings) {
            Ok(Value::Timestamp(time)) => Ok(Moment::Time(time)),
            Ok(_) => Err(types::Error::internal("a timestamp was read as something else")),
            Err(error) => Err(error.hint("A past is named by a transaction (tx:42) or a time.")),
        }
    }

    /// `BEGIN READ ONLY AS OF TIMESTAMP now() - interval '1 hour'`: what needs no table to be known.
    pub(crate) fn moment_of_expression(&self, text: &str) -> Result<Moment> {
        let settings = self.text_settings();
        let environment = plan::Environment {
            schema: nothing(),
            parameters: vec![],
            values: vec![],
            settings: settings.clone(),
            as_of: None,
            current_user: self.current_user_name(),
            database: self.database.clone(),
        };
        let bound = plan::bind::constant(text, &environment)?;
        let runtime = expr::context::NoRuntime;
        let context = expr::Context { parameters: &[], slots: &[], settings: &settings, runtime: &runtime };
        let value = expr::eval_constant(&bound, &context)?;
        let from = bound.data_type();
        if from.is_numeric() {
            return Err(err!(DatatypeMismatch, "AS OF TIMESTAMP needs a time, not {from}")
                .hint("For a transaction write AS OF TRANSACTION 42."));
        }
        let time = ColumnType::from(DataType::TimestampTz);
        let time = match value {
            Value::Text(text) => types::text::parse(&text, time, &settings)?,
            value => types::cast::cast(&value, from, time, false, &settings)?,
        };
        match time {
            Value::Timestamp(time) => Ok(Moment::Time(time)),
            Value::Null => Err(err!(NullValueNotAllowed, "the time of AS OF must not be null")),
            _ => Err(Error::internal("a timestamp was read as something else")),
        }
    }
}
