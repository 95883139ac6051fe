//! Reads golden files: what PostgreSQL 15.18 answered, `op | argument | ... | result` a line, under settings given by
//! `# DateStyle | TimeZone | IntervalStyle | extra_float_digits | bytea_output` lines.

// Each test uses a part of this.
#![allow(dead_code)]

use std::sync::Arc;
use stele_types as types;
use types::datetime::TimeZone;
use types::settings::{ByteaOutput, DateOrder, DateStyle, IntervalStyle};
use types::{ColumnType, DataType, Error, Result, TextSettings, Value, cast};

/// `ERROR state message / detail // hint`, as the script that asked PostgreSQL writes it.
pub fn show_error(error: &Error) -> String {
    let mut shown = format!("ERROR {} {}", error.state.code(), error.message);
    if let Some(detail) = &error.detail {
        shown.push_str(&format!(" / {detail}"));
    }
    if let Some(hint) = &error.hint {
        shown.push_str(&format!(" // {hint}"));
    }
    shown
}

pub fn settings(line: &str) -> TextSettings {
    let parts: Vec<&str> = line.split(" | ").collect();
    let (style, order) = parts[0].split_once(", ").unwrap();
    TextSettings {
        names: None,
        date_style: match style {
            "ISO" => DateStyle::Iso,
            "SQL" => DateStyle::Sql,
            "German" => DateStyle::German,
            _ => DateStyle::Postgres,
        },
        date_order: match order {
            "DMY" => DateOrder::Dmy,
            "YMD" => DateOrder::Ymd,
            _ => DateOrder::Mdy,
        },
        time_zone: Arc::new(TimeZone::parse(parts[1]).unwrap()),
        interval_style: match parts[2] {
            "postgres_verbose" => IntervalStyle::PostgresVerbose,
            "sql_standard" => IntervalStyle::SqlStandard,
            "iso_8601" => IntervalStyle::Iso8601,
            _ => IntervalStyle::Postgres,
        },
        extra_float_digits: parts[3].parse().unwrap(),
        bytea_output: if parts[4] == "hex" { ByteaOutput::Hex } else { ByteaOutput::Escape },
        // 2026-11-22 12:00 UTC
        now: 1_795_348_800_000_000,
    }
}

/// `varchar(3)`, `numeric(4,2)[]`, `"char"`.
pub fn column_type(name: &str) -> ColumnType {
    let (base, array) = match name.strip_suffix("[]") {
        Some(base) => (base, true),
        None => (name, false),
    };
    let (base, arguments) = match base.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        Some((base, arguments)) => (base, arguments.split(',').map(|n| n.parse().unwrap()).collect()),
        None => (base, vec![]),
    };
    let data_type = match base {
        "\"char\"" => DataType::Char,
        "char" => DataType::Bpchar,
        _ => DataType::from_name(base).unwrap_or_else(|| panic!("type {base}?")),
    };
    let typmod = match (data_type, arguments.as_slice()) {
        (_, []) => -1,
        (DataType::Numeric, [precision]) => types::numeric::typmod(*precision, 0).unwrap(),
        (DataType::Numeric, [precision, scale]) => types::numeric::typmod(*precision, *scale).unwrap(),
        (DataType::Varchar | DataType::Bpchar, [length]) => length + 4,
        (DataType::Interval, [precision]) => 0x7fff << 16 | precision,
        (_, [precision, ..]) => *precision,
    };
    ColumnType::new(if array { data_type.array().unwrap() } else { data_type }, typmod)
}

/// A literal of the type: `'text'::type`.
pub fn literal(text: &str, ty: ColumnType, settings: &TextSettings) -> Result<Value> {
    cast::cast(&Value::text(text), DataType::Unknown, ty, true, settings)
}

/// `value::text`
pub fn show(value: &Value, data_type: DataType, settings: &TextSettings) -> String {
    match cast::cast(value, data_type, DataType::Text.into(), true, settings) {
        Ok(Value::Text(text)) => text,
        Ok(_) => "NULL".into(),
        Err(error) => show_error(&error),
    }
}

pub fn show_result(value: Result<Value>, data_type: DataType, settings: &TextSettings) -> String {
    match value {
        Ok(value) => show(&value, data_type, settings),
        Err(error) => show_error(&error),
    }
}

/// Compares each line; `fields` is how many come before the result.
pub fn check(file: &str, fields: usize, answer: impl Fn(&[&str], &TextSettings) -> String) {
    let mut current = TextSettings::default();
    let (mut right, mut wrong) = (0, vec![]);
    for line in file.lines() {
        if let Some(header) = line.strip_prefix("# ") {
            current = settings(header);
            continue;
        }
        let parts: Vec<&str> = line.splitn(fields + 1, " | ").collect();
        let found = answer(&parts[..fields], &current);
        if found == parts[fields] { right += 1 } else { wrong.push(format!("{line}\n    found {found}")) }
    }
    assert!(wrong.is_empty(), "{right} right, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(right > 50, "the golden file is gone");
}
