//! The annotated bytes of docs/key-encoding.md and of docs/file-format.md are these. `STELE_GOLDEN=write cargo test
//! -p stele-codec` writes them after a change that is meant.

use codec::key::encode;
use codec::stored_key::{KeyColumn, StoredKey};
use std::fmt::Write;
use std::path::Path;
use types::{DataType, Value, canonical};

/// Compares a file's block between `<!-- name -->` and the next fence's end.
pub fn check(file: &str, name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    let text = std::fs::read_to_string(&path).expect("the page");
    let open = format!("<!-- {name} -->\n```\n");
    let start = text.find(&open).unwrap_or_else(|| panic!("{file} has no block {name}")) + open.len();
    let end = start + text[start..].find("```").expect("the block ends");
    if std::env::var("STELE_GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, format!("{}{actual}{}", &text[..start], &text[end..])).expect("written");
        return;
    }
    assert_eq!(&text[start..end], actual, "{file}, block {name}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn numeric(form: u8, weight: i16, scale: u16, digits: &[u16]) -> Value {
    let mut bytes = vec![form];
    bytes.extend_from_slice(&weight.to_be_bytes());
    bytes.extend_from_slice(&scale.to_be_bytes());
    digits.iter().for_each(|digit| bytes.extend_from_slice(&digit.to_be_bytes()));
    canonical::decode(0x17, &bytes).expect("a numeric")
}

#[test]
fn one_column_of_each_type() {
    use DataType::*;
    let interval = |months, days, micros| Value::Interval(types::Interval { months, days, micros });
    let array = |values| Value::Array(Box::new(types::Array::new(Int4, values)));
    let mut uuid = [0; 16];
    uuid[0] = 0xa0;
    uuid[15] = 0x11;
    let samples: Vec<(&str, Value, DataType, bool, bool)> = vec![
        ("NULL, nulls last", Value::Null, Int4, false, false),
        ("NULL, nulls first", Value::Null, Int4, false, true),
        ("bool true", Value::Bool(true), Bool, false, false),
        ("int2 -1", Value::Int2(-1), Int2, false, false),
        ("int4 0", Value::Int4(0), Int4, false, false),
        ("int4 7", Value::Int4(7), Int4, false, false),
        ("int4 7 desc", Value::Int4(7), Int4, true, true),
        ("int8 -2", Value::Int8(-2), Int8, false, false),
        ("float4 1.5", Value::Float4(1.5), Float4, false, false),
        ("float8 -1.5", Value::Float8(-1.5), Float8, false, false),
        ("float8 NaN", Value::Float8(f64::NAN), Float8, false, false),
        ("numeric 0", numeric(0, 0, 0, &[]), Numeric, false, false),
        ("numeric 12345.67", numeric(0, 1, 2, &[1, 2345, 6700]), Numeric, false, false),
        ("numeric -12345.67", numeric(1, 1, 2, &[1, 2345, 6700]), Numeric, false, false),
        ("numeric NaN", numeric(2, 0, 0, &[]), Numeric, false, false),
        ("text ab", Value::text("ab"), Text, false, false),
        ("text ab desc", Value::text("ab"), Text, true, true),
        ("char(4) ab", Value::text("ab  "), Bpchar, false, false),
        ("bytea \\x0001", Value::Bytea(vec![0, 1]), Bytea, false, false),
        ("date 1970-01-02", Value::Date(1), Date, false, false),
        ("time 00:00:01", Value::Time(1_000_000), Time, false, false),
        ("timestamp 1970-01-01", Value::Timestamp(0), Timestamp, false, false),
        ("timetz 00:00:00+01", Value::TimeTz(0, -3600), TimeTz, false, false),
        ("interval 1 month", interval(1, 0, 0), Interval, false, false),
        ("interval -1 us", interval(0, 0, -1), Interval, false, false),
        ("uuid", Value::Uuid(uuid), Uuid, false, false),
        ("oid 16384", Value::Oid(16384), Oid, false, false),
        ("int4[] {1,NULL}", array(vec![Value::Int4(1), Value::Null]), Int4Array, false, false),
        ("int4[] {}", array(vec![]), Int4Array, false, false),
    ];
    let mut out = String::new();
    for (name, value, data_type, descending, nulls_first) in samples {
        let mut key = vec![];
        encode(&value, data_type, descending, nulls_first, &mut key).expect("a key");
        let _ = writeln!(out, "{name:<22}{}", hex(&key));
    }
    check("key-encoding.md", "columns", &out);
}

#[test]
fn whole_keys() {
    let columns = [KeyColumn::ascending(DataType::Int4), KeyColumn::ascending(DataType::Text)];
    let row = StoredKey::Row(vec![Value::Int4(7), Value::text("ab")]).encode(&columns).unwrap();
    let hidden = StoredKey::HiddenRow(12).encode(&[]).unwrap();
    let index = [KeyColumn { data_type: DataType::Text, descending: true, nulls_first: true }];
    let entry = StoredKey::Entry { object: 16384, values: vec![Value::text("x")], row: hidden.clone() };
    let entry = entry.encode(&index).unwrap();
    let mut out = String::new();
    let _ = writeln!(out, "row (7, ab)           {}", hex(&row));
    let _ = writeln!(out, "hidden row 12         {}", hex(&hidden));
    let _ = writeln!(out, "entry 'x' desc of it  {}", hex(&entry));
    check("key-encoding.md", "keys", &out);
}
