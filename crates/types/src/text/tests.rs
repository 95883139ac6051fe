use super::*;
use proptest::prelude::*;

fn settings() -> TextSettings {
    TextSettings::default()
}

/// Every type that has a text form, with values of it.
fn any_value() -> impl Strategy<Value = (DataType, Value)> {
    let text = "[ -~äß€😀\\n]{0,12}";
    let date = prop_oneof![
        (datetime::DATE_MIN..=datetime::DATE_MAX),
        -20_000i32..20_000,
        Just(i32::MIN),
        Just(i32::MAX)
    ];
    let timestamp = prop_oneof![
        (datetime::TIMESTAMP_MIN..=datetime::TIMESTAMP_MAX),
        -2_000_000_000_000_000i64..4_000_000_000_000_000,
        Just(i64::MIN),
        Just(i64::MAX)
    ];
    let time = 0..=datetime::MICROS_PER_DAY;
    prop_oneof![
        any::<bool>().prop_map(|v| (DataType::Bool, Value::Bool(v))),
        any::<i16>().prop_map(|v| (DataType::Int2, Value::Int2(v))),
        any::<i32>().prop_map(|v| (DataType::Int4, Value::Int4(v))),
        any::<i64>().prop_map(|v| (DataType::Int8, Value::Int8(v))),
        any::<u32>().prop_map(|v| (DataType::Oid, Value::Oid(v))),
        any::<f32>().prop_map(|v| (DataType::Float4, Value::Float4(v))),
        any::<f64>().prop_map(|v| (DataType::Float8, Value::Float8(v))),
        (any::<i128>(), 0..60)
            .prop_map(|(v, scale)| (DataType::Numeric, Value::Numeric(Numeric::from_units(v, scale)))),
        text.prop_map(|v| (DataType::Text, Value::Text(v))),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|v| (DataType::Bytea, Value::Bytea(v))),
        any::<[u8; 16]>().prop_map(|v| (DataType::Uuid, Value::Uuid(v))),
        date.prop_map(|v| (DataType::Date, Value::Date(v))),
        timestamp.clone().prop_map(|v| (DataType::Timestamp, Value::Timestamp(v))),
        timestamp.prop_map(|v| (DataType::TimestampTz, Value::Timestamp(v))),
        time.clone().prop_map(|v| (DataType::Time, Value::Time(v))),
        (time, -57_599..57_600).prop_map(|(v, west)| (DataType::TimeTz, Value::TimeTz(v, west))),
        (any::<i32>(), any::<i32>(), any::<i64>()).prop_map(|(months, days, micros)| (
            DataType::Interval,
            Value::Interval(Interval { months, days, micros })
        )),
    ]
}

fn bytes(value: &Value) -> Vec<u8> {
    let mut out = vec![];
    crate::canonical::encode(value, &mut out);
    out
}

/// Intervals of one hour less than 2^63 microseconds and more cannot be read back: PostgreSQL's cannot either.
fn is_readable(value: &Value) -> bool {
    !matches!(value, Value::Interval(interval) if interval.micros == i64::MIN)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_printed_reads_back((ty, value) in any_value()) {
        prop_assume!(is_readable(&value));
        let shown = to_string(&value, ty, &settings());
        let back = parse(&shown, ty.into(), &settings());
        let back = back.map_err(|error| TestCaseError::fail(format!("{ty} {shown}: {error}")))?;
        prop_assert_eq!(bytes(&back), bytes(&value), "{}", shown);
        // A column prints it the same way.
        let column = Vector::from_values(ty, [&Value::Null, &value]);
        let mut row = String::new();
        format_vector_row(&column, 0, &settings(), &mut row);
        prop_assert_eq!(&row, "");
        format_vector_row(&column, 1, &settings(), &mut row);
        prop_assert_eq!(row, shown);
    }

    #[test]
    fn arrays_read_back((ty, value) in any_value(), length in 0usize..4, bound in -3i32..4) {
        prop_assume!(is_readable(&value));
        let Some(array_type) = ty.array() else { return Ok(()) };
        let mut values = vec![value; length];
        values.push(Value::Null);
        let dimensions = vec![(values.len() as i32, bound)];
        let array = Value::Array(Box::new(crate::Array { element: ty, dimensions, values }));
        let shown = to_string(&array, array_type, &settings());
        let back = parse(&shown, array_type.into(), &settings()).unwrap();
        prop_assert_eq!(bytes(&back), bytes(&array), "{}", shown);
    }

    #[test]
    fn no_text_panics(text in "[-+0-9a-zA-Z{}\\[\\],.:/\\\\\" \\u{e4}T]{0,24}", index in 0usize..DataType::ALL.len()) {
        let _ = parse(&text, DataType::ALL[index].into(), &settings());
    }
}

#[test]
fn a_string_that_is_too_long_is_refused_or_cut() {
    assert_eq!(fit_varchar("äöü", 6, true).unwrap(), "äö");
    assert_eq!(fit_varchar("äö ", 6, false).unwrap(), "äö");
    assert_eq!(fit_varchar("äöü", 6, false).unwrap_err().state.code(), "22001");
    assert_eq!(fit_varchar("äöü", -1, false).unwrap(), "äöü");
    assert_eq!(fit_bpchar("ä", 7, false).unwrap(), "ä  ");
    assert_eq!(cut_name(&"ä".repeat(40)).len(), 62);
}

#[test]
fn names_of_registered_objects_are_left_to_the_catalog() {
    let state = |text: &str, ty: DataType| parse(text, ty.into(), &settings()).unwrap_err().state.code();
    assert_eq!(parse("1259", DataType::Regclass.into(), &settings()).unwrap(), Value::Oid(1259));
    assert_eq!(parse("-", DataType::Regproc.into(), &settings()).unwrap(), Value::Oid(0));
    assert_eq!(to_string(&Value::Oid(0), DataType::Regclass, &settings()), "-");
    assert_eq!(state("pg_class", DataType::Regclass), "42P01");
    assert_eq!(state("int4", DataType::Regtype), "42704");
    assert_eq!(state("public", DataType::Regnamespace), "3F000");
}

#[test]
fn rows_quote_what_would_be_read_differently() {
    let row = Value::record(vec![
        (DataType::Int4, Value::Int4(1)),
        (DataType::Text, Value::text("a b")),
        (DataType::Text, Value::Null),
        (DataType::Text, Value::text("")),
        (DataType::Text, Value::text("x\"y\\")),
    ]);
    assert_eq!(to_string(&row, DataType::Record, &settings()), "(1,\"a b\",,\"\",\"x\"\"y\\\\\")");
}
