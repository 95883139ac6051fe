//! For every type that has an order: round trip, byte order = SQL order, no key is a prefix of another.

use codec::key::{decode, encode};
use codec::stored_key::{KeyColumn, StoredKey};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cmp::Ordering;
use types::compare::compare;
use types::{Array, DataType, Interval, Value, canonical};

fn numeric() -> impl Strategy<Value = Value> {
    let digits = vec(0u16..10000, 0..4);
    (any::<bool>(), -3i16..4, 0u16..12, digits, 0u8..20).prop_map(
        |(negative, weight, scale, digits, special)| {
            let form = match special {
                0 => 2,
                1 => 3,
                2 => 4,
                _ => negative as u8,
            };
            let digits = if form > 1 { vec![] } else { digits };
            let first = digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len());
            let last = digits.iter().rposition(|digit| *digit != 0).map_or(first, |at| at + 1);
            let kept = &digits[first..last.max(first)];
            let (form, weight) = match (form, kept.is_empty()) {
                (form @ 2.., _) => (form, 0),
                (_, true) => (0, 0),
                (form, false) => (form, weight - first as i16),
            };
            // A scale that shows every digit.
            let scale =
                if form > 1 { 0 } else { scale.max(((kept.len() as i16 - 1 - weight).max(0) * 4) as u16) };
            let mut bytes = vec![form];
            bytes.extend_from_slice(&weight.to_be_bytes());
            bytes.extend_from_slice(&scale.to_be_bytes());
            kept.iter().for_each(|digit| bytes.extend_from_slice(&digit.to_be_bytes()));
            canonical::decode(0x17, &bytes).expect("a numeric")
        },
    )
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof!["[a-c\u{0}]{0,4}", "\\PC{0,6}"].prop_map(Value::Text)
}

fn interval() -> impl Strategy<Value = Value> {
    let part = prop_oneof![-2i32..3, any::<i32>()];
    (part.clone(), part, prop_oneof![-2i64..3, any::<i64>()])
        .prop_map(|(months, days, micros)| Value::Interval(Interval { months, days, micros }))
}

/// A type and two of its values.
fn pair() -> impl Strategy<Value = (DataType, Value, Value)> {
    fn two(
        data_type: DataType,
        value: impl Strategy<Value = Value> + Clone + 'static,
    ) -> BoxedStrategy<(DataType, Value, Value)> {
        (value.clone(), value).prop_map(move |(left, right)| (data_type, left, right)).boxed()
    }
    let small = prop_oneof![-3i64..4, any::<i64>()];
    let array = vec(prop_oneof![Just(Value::Null), (-2i32..3).prop_map(Value::Int4)], 0..4)
        .prop_map(|values| Value::Array(Box::new(Array::new(DataType::Int4, values))));
    prop_oneof![
        two(DataType::Bool, any::<bool>().prop_map(Value::Bool).boxed()),
        two(DataType::Int2, any::<i16>().prop_map(Value::Int2)),
        two(DataType::Int4, prop_oneof![-3i32..4, any::<i32>()].prop_map(Value::Int4).boxed()),
        two(DataType::Int8, small.clone().prop_map(Value::Int8).boxed()),
        two(DataType::Float4, any::<f32>().prop_map(Value::Float4)),
        two(DataType::Float8, any::<f64>().prop_map(Value::Float8)),
        two(DataType::Numeric, numeric().boxed()),
        two(DataType::Text, text().boxed()),
        two(DataType::Bytea, vec(0u8..3, 0..5).prop_map(Value::Bytea).boxed()),
        two(DataType::Date, any::<i32>().prop_map(Value::Date)),
        two(DataType::Timestamp, small.clone().prop_map(Value::Timestamp).boxed()),
        two(DataType::Time, (0i64..86_400_000_000).prop_map(Value::Time).boxed()),
        two(
            DataType::TimeTz,
            (0i64..3, -2i32..3).prop_map(|(us, west)| Value::TimeTz(us * 1_000_000, west)).boxed()
        ),
        two(DataType::Interval, interval().boxed()),
        two(DataType::Uuid, any::<[u8; 16]>().prop_map(Value::Uuid)),
        two(DataType::Oid, any::<u32>().prop_map(Value::Oid)),
        two(DataType::Int4Array, array.boxed()),
    ]
}

fn key(value: &Value, data_type: DataType, descending: bool, nulls_first: bool) -> Vec<u8> {
    let mut out = vec![];
    encode(value, data_type, descending, nulls_first, &mut out).expect("an orderable type");
    out
}

proptest! {
    #[test]
    fn order_round_trip_and_no_prefix((data_type, left, right) in pair(), descending: bool, nulls_first: bool) {
        let (a, b) = (key(&left, data_type, descending, nulls_first), key(&right, data_type, descending, nulls_first));
        let expected = compare(&left, &right);
        let expected = if descending { expected.reverse() } else { expected };
        prop_assert_eq!(a.cmp(&b), expected);
        if expected != Ordering::Equal {
            prop_assert!(!a.starts_with(&b) && !b.starts_with(&a));
        }
        let mut followed = a.clone();
        followed.extend_from_slice(&b);
        let (back, rest) = decode(&followed, data_type, descending, nulls_first).unwrap();
        prop_assert_eq!(compare(&back, &left), Ordering::Equal);
        prop_assert_eq!(rest, b.as_slice());
        let null = key(&Value::Null, data_type, descending, nulls_first);
        prop_assert_eq!(null < a, nulls_first);
        prop_assert!(decode(&null, data_type, descending, nulls_first).unwrap().0.is_null());
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in vec(any::<u8>(), 0..40), at in 0..DataType::ALL.len(), descending: bool) {
        let data_type = DataType::ALL[at];
        let mut marked = vec![1];
        marked.extend_from_slice(&bytes);
        let _ = decode(&bytes, data_type, descending, false);
        let _ = decode(&marked, data_type, descending, false);
        let columns = [KeyColumn::ascending(data_type)];
        let _ = StoredKey::decode_row(&marked, &columns);
        let _ = StoredKey::decode_entry(&marked, &columns);
    }
}

#[test]
fn equal_values_have_equal_keys() {
    let equal = |left: Value, right: Value, data_type| {
        assert_eq!(key(&left, data_type, false, false), key(&right, data_type, false, false));
    };
    equal(Value::Float8(0.0), Value::Float8(-0.0), DataType::Float8);
    equal(Value::Float4(f32::NAN), Value::Float4(-f32::NAN), DataType::Float4);
    equal(Value::text("a  "), Value::text("a"), DataType::Bpchar);
    let interval = |months, days| Value::Interval(Interval { months, days, micros: 0 });
    equal(interval(1, 0), interval(0, 30), DataType::Interval);
    let mut out = vec![];
    let error = encode(&Value::text("{}"), DataType::Json, false, false, &mut out).unwrap_err();
    assert_eq!(error.state.code(), "42883");
}

#[test]
fn stored_keys_come_back_and_read_well() {
    let columns = [KeyColumn::ascending(DataType::Int4), KeyColumn::ascending(DataType::Text)];
    let row = StoredKey::Row(vec![Value::Int4(7), Value::text("abc")]);
    let bytes = row.encode(&columns).unwrap();
    assert_eq!(StoredKey::decode_row(&bytes, &columns).unwrap(), row);
    assert_eq!(row.to_text(&columns), "(7, abc)");
    let hidden = StoredKey::HiddenRow(12).encode(&[]).unwrap();
    assert_eq!(StoredKey::decode_row(&hidden, &[]).unwrap().to_text(&[]), "#12");
    let entry = StoredKey::Entry { object: 16384, values: vec![Value::text("x")], row: vec![1, 2] };
    let columns = [KeyColumn { data_type: DataType::Text, descending: true, nulls_first: true }];
    let bytes = entry.encode(&columns).unwrap();
    assert_eq!(StoredKey::decode_entry(&bytes, &columns).unwrap(), entry);
    assert_eq!(entry.to_text(&columns), "16384 (x) -> 01 02");
    let long = StoredKey::Row(vec![Value::text("x".repeat(3000))]);
    assert_eq!(long.encode(&columns).unwrap_err().state.code(), "54000");
}
