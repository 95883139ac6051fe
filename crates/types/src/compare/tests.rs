use super::*;
use crate::{Interval, Numeric};
use std::collections::hash_map::DefaultHasher;

fn hash_of(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(value, &mut hasher);
    hasher.finish()
}

fn ascending(values: &[Value]) {
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate() {
            assert_eq!(compare(a, b), i.cmp(&j), "{a:?} {b:?}");
        }
    }
}

fn equal(a: Value, b: Value) {
    assert_eq!(compare(&a, &b), Ordering::Equal, "{a:?} {b:?}");
    assert_eq!(hash_of(&a), hash_of(&b), "{a:?} {b:?}");
}

fn interval(months: i32, days: i32, micros: i64) -> Value {
    Value::Interval(Interval { months, days, micros })
}

#[test]
fn each_type_has_sql_s_order() {
    let float = Value::Float8;
    ascending(&[
        float(f64::NEG_INFINITY),
        float(-1.0),
        float(0.0),
        float(f64::INFINITY),
        float(f64::NAN),
        Value::Null,
    ]);
    let texts: Vec<Value> = ["", "B", "a", "a ", "é"].into_iter().map(Value::text).collect();
    ascending(&texts);
    // 12:00+01 is 11:00 UTC; of one moment, the zone further east comes first.
    let noon = 43_200_000_000;
    ascending(&[Value::TimeTz(noon, -3600), Value::TimeTz(noon, 0), Value::TimeTz(noon, 3600)]);
    ascending(&[Value::TimeTz(noon, -3600), Value::TimeTz(noon - 3_600_000_000, 0)]);
    ascending(&[Value::Bool(false), Value::Bool(true), Value::Null]);
    ascending(&[interval(0, 29, 86_399_999_999), interval(1, 0, 0), interval(1, 0, 1)]);
    let ints =
        |values: &[i32]| Value::array(DataType::Int4, values.iter().map(|v| Value::Int4(*v)).collect());
    ascending(&[
        ints(&[]),
        ints(&[1]),
        ints(&[1, 2]),
        ints(&[2]),
        Value::array(DataType::Int4, vec![Value::Null]),
    ]);
    let row = |a: Value, b: Value| Value::record(vec![(DataType::Int4, a), (DataType::Int4, b)]);
    ascending(&[
        row(Value::Int4(1), Value::Int4(2)),
        row(Value::Int4(1), Value::Null),
        row(Value::Int4(2), Value::Int4(0)),
    ]);
}

#[test]
fn equal_values_hash_equally() {
    equal(Value::Float8(0.0), Value::Float8(-0.0));
    equal(Value::Float8(f64::NAN), Value::Float8(-f64::NAN));
    equal(Value::Numeric(Numeric::from_units(100, 2)), Value::Numeric(Numeric::from(1)));
    equal(interval(1, 0, 0), interval(0, 30, 0));
    let chars = |text: &str| Value::array(DataType::Bpchar, vec![Value::text(text)]);
    equal(chars("a"), chars("a  "));
    let json = |text: &str| Value::Jsonb(json::parse(text).unwrap());
    equal(json("{\"a\": [1, 2.50]}"), json("{\"a\": [1.0, 2.5]}"));
}
