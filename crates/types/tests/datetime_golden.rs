//! Functions on dates, times and intervals against what PostgreSQL 15.18 answered: `op | a | b | c | result`.

mod golden_file;

use golden_file::{check, column_type, literal, show, show_error, show_result};
use stele_types as types;
use types::datetime::{self, NamedZone};
use types::{DataType, Interval, Result, TextSettings, Value};

fn timestamp(text: &str, data_type: DataType, settings: &TextSettings) -> i64 {
    match literal(text, data_type.into(), settings).unwrap() {
        Value::Timestamp(micros) => micros,
        other => panic!("{other:?}"),
    }
}

fn interval(text: &str, settings: &TextSettings) -> Interval {
    Interval::parse(text, -1, settings.interval_style).unwrap()
}

fn answer(fields: &[&str], settings: &TextSettings) -> String {
    let [op, a, b, c] = fields else { panic!("{fields:?}") };
    let show_interval =
        |result: Result<Interval>| show_result(result.map(Value::Interval), DataType::Interval, settings);
    let show_timestamp =
        |result: Result<i64>, ty: DataType| show_result(result.map(Value::Timestamp), ty, settings);
    match *op {
        "extract" => {
            let ty = column_type(b).data_type;
            let value = literal(c, ty.into(), settings).unwrap();
            match datetime::extract(a, &value, ty, settings) {
                Ok(Some(number)) => number.to_string(),
                Ok(None) => "NULL".into(),
                Err(error) => show_error(&error),
            }
        }
        "date_part" => {
            let ty = column_type(b).data_type;
            let value = literal(c, ty.into(), settings).unwrap();
            match datetime::date_part(a, &value, ty, settings) {
                Ok(Some(number)) => show(&Value::Float8(number), DataType::Float8, settings),
                Ok(None) => "NULL".into(),
                Err(error) => show_error(&error),
            }
        }
        "date_trunc" => {
            let ty = column_type(b).data_type;
            let value = literal(c, ty.into(), settings).unwrap();
            show_result(datetime::date_trunc(a, &value, ty, &settings.time_zone), ty, settings)
        }
        "add" | "sub" => {
            let ty = column_type(a).data_type;
            let start = timestamp(b, ty, settings);
            let span = interval(c, settings);
            let span = if *op == "sub" { span.neg() } else { Ok(span) };
            let sum = span.and_then(|span| match ty {
                DataType::Timestamp => datetime::add_interval(start, &span),
                _ => datetime::add_interval_tz(start, &span, &settings.time_zone),
            });
            show_timestamp(sum, ty)
        }
        "minus" | "age" => {
            let (x, y) =
                (timestamp(b, DataType::Timestamp, settings), timestamp(c, DataType::Timestamp, settings));
            show_interval(if *op == "age" { datetime::age(x, y) } else { datetime::sub_timestamps(x, y) })
        }
        "time+" => match literal(b, DataType::Time.into(), settings).unwrap() {
            Value::Time(time) => {
                let sum = datetime::add_interval_to_time(time, &interval(c, settings));
                show(&Value::Time(sum), DataType::Time, settings)
            }
            other => panic!("{other:?}"),
        },
        "zone" => {
            let zone = NamedZone::parse(b);
            if *a == "timestamp" {
                let local = timestamp(c, DataType::Timestamp, settings);
                show_timestamp(
                    zone.and_then(|zone| datetime::timestamp_at_zone(local, &zone)),
                    DataType::TimestampTz,
                )
            } else {
                let utc = timestamp(c, DataType::TimestampTz, settings);
                show_timestamp(
                    zone.and_then(|zone| datetime::timestamp_tz_at_zone(utc, &zone)),
                    DataType::Timestamp,
                )
            }
        }
        "iadd" => show_interval(interval(b, settings).add(&interval(c, settings))),
        "imul" => show_interval(interval(b, settings).mul(c.parse().unwrap())),
        "idiv" => show_interval(interval(b, settings).div(c.parse().unwrap())),
        "ineg" => show_interval(interval(b, settings).neg()),
        "justify" => {
            let span = interval(b, settings);
            show_interval(match *a {
                "hours" => span.justify_hours(),
                "days" => span.justify_days(),
                _ => span.justify_interval(),
            })
        }
        "bin" => {
            let (source, origin) =
                (timestamp(b, DataType::Timestamp, settings), timestamp(c, DataType::Timestamp, settings));
            show_timestamp(datetime::date_bin(&interval(a, settings), source, origin), DataType::Timestamp)
        }
        "make_date" => {
            let date = datetime::make_date(a.parse().unwrap(), b.parse().unwrap(), c.parse().unwrap());
            show_result(date.map(Value::Date), DataType::Date, settings)
        }
        "make_time" => {
            let time = datetime::make_time(a.parse().unwrap(), b.parse().unwrap(), c.parse().unwrap());
            show_result(time.map(Value::Time), DataType::Time, settings)
        }
        "to_timestamp" => {
            show_timestamp(datetime::timestamp_of_epoch(a.parse().unwrap()), DataType::TimestampTz)
        }
        other => panic!("{other}?"),
    }
}

#[test]
fn functions_give_what_postgresql_gives() {
    check(include_str!("golden/datetime_functions.txt"), 4, answer);
}
