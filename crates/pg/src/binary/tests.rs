use super::*;
use bytes::BytesMut;
use types::{Array, ColumnType, DataType, Numeric, TextSettings, Value, Vector, text};

/// Type, text, and the bytes that PostgreSQL 15's send functions make of it.
#[rustfmt::skip]
const POSTGRES: &[(&str, &str, &str)] = &[
    ("bool", r#"t"#, "01"),
    ("int2", r#"-2"#, "fffe"),
    ("int4", r#"7"#, "00000007"),
    ("int8", r#"-9223372036854775808"#, "8000000000000000"),
    ("float4", r#"1.5"#, "3fc00000"),
    ("float8", r#"-Infinity"#, "fff0000000000000"),
    ("numeric", r#"0"#, "0000000000000000"),
    ("numeric", r#"0.00"#, "0000000000000002"),
    ("numeric", r#"1"#, "00010000000000000001"),
    ("numeric", r#"-1.5"#, "000200004000000100011388"),
    ("numeric", r#"10000"#, "00010001000000000001"),
    ("numeric", r#"12345678.9012"#, "000300010000000404d2162e2334"),
    ("numeric", r#"0.0001"#, "0001ffff000000040001"),
    ("numeric", r#"0.00001"#, "0001fffe0000000503e8"),
    ("numeric", r#"-0.10"#, "0001ffff4000000203e8"),
    ("numeric", r#"100000000"#, "00010002000000000001"),
    ("numeric", r#"NaN"#, "00000000c0000000"),
    ("numeric", r#"Infinity"#, "00000000d0000020"),
    ("numeric", r#"-Infinity"#, "00000000f0000020"),
    ("numeric", r#"1000000000000000000000000000000"#, "00010007000000000064"),
    ("numeric", r#"123456789012345678901234567890.5"#, "0009000700000001000c0d801ed204d2162e23340d801ed21388"),
    ("numeric", r#"9223372036854775807"#, "0005000400000000039a0d2c0170156516af"),
    ("numeric", r#"922337203685477580.7"#, "0006000400000001005c092107f421631d9c1b58"),
    ("numeric", r#"0.000000000000000001"#, "0001fffb000000120064"),
    ("numeric", r#"0.000000000000000000000000000001"#, "0001fff80000001e0064"),
    ("numeric", r#"-10000.0001"#, "0003000140000004000100000001"),
    ("text", r#"aä"#, "61c3a4"),
    ("varchar", r#"x"#, "78"),
    ("name", r#"n"#, "6e"),
    ("char", r#"c"#, "63"),
    ("char", r#""#, "00"),
    ("bytea", r#"\x00ff"#, "00ff"),
    ("json", r#"{"a": 1}"#, "7b2261223a20317d"),
    ("jsonb", r#"{"a": 1.0}"#, "017b2261223a20312e307d"),
    ("date", r#"2000-01-01"#, "00000000"),
    ("date", r#"1970-01-01"#, "ffffd533"),
    ("date", r#"infinity"#, "7fffffff"),
    ("date", r#"-infinity"#, "80000000"),
    ("date", r#"4714-11-24 BC"#, "ffda97a7"),
    ("date", r#"5874897-12-31"#, "7fda970c"),
    ("time", r#"12:34:56.789"#, "0000000a8be62608"),
    ("timetz", r#"12:34:56.789+02"#, "0000000a8be62608ffffe3e0"),
    ("timestamp", r#"2000-01-01 00:00:00"#, "0000000000000000"),
    ("timestamp", r#"1999-12-31 23:59:59.999999"#, "ffffffffffffffff"),
    ("timestamp", r#"infinity"#, "7fffffffffffffff"),
    ("timestamp", r#"-infinity"#, "8000000000000000"),
    ("timestamp", r#"4714-11-24 00:00:00 BC"#, "fd0f7cc1411fa000"),
    ("timestamp", r#"294246-12-31 23:59:59.999999"#, "7ffca2465aa35fff"),
    ("timestamptz", r#"2024-02-29 12:00:00+00"#, "0002b582c4781000"),
    ("interval", r#"1 year 2 mons -3 days +04:05:06.7"#, "000000036c966ee0fffffffd0000000e"),
    ("uuid", r#"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"#, "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
    ("oid", r#"4294967295"#, "ffffffff"),
    ("regclass", r#"1259"#, "000004eb"),
    ("xid", r#"5"#, "00000005"),
    ("_int4", r#"{1,NULL,3}"#, "00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003"),
    ("_int4", r#"{}"#, "000000000000000000000017"),
    ("_int4", r#"[0:1]={5,6}"#, "000000010000000000000017000000020000000000000004000000050000000400000006"),
    ("_text", r#"{a,"b,c",""}"#, "0000000100000000000000190000000300000001000000016100000003622c6300000000"),
    ("_date", r#"{2000-01-02}"#, "00000001000000000000043a00000001000000010000000400000001"),
    ("int2vector", r#"1 2"#, "0000000100000000000000150000000200000000000000020001000000020002"),
    ("oidvector", r#""#, "00000001000000000000001a0000000000000000"),
    ("oidvector", r#"23"#, "00000001000000000000001a00000001000000000000000400000017"),
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn sent(value: &Value, data_type: DataType) -> Vec<u8> {
    let mut out = BytesMut::new();
    let column = Vector::from_values(data_type, [value]);
    encode_row(&column, 0, &TextSettings::default(), &mut String::new(), &mut out).unwrap();
    out.to_vec()
}

#[test]
fn sends_and_receives_what_postgres_does() {
    let settings = TextSettings::default();
    for (name, shown, bytes) in POSTGRES {
        let data_type = DataType::from_name(name).unwrap();
        let value = text::parse(shown, ColumnType::from(data_type), &settings).unwrap();
        assert_eq!(sent(&value, data_type), hex(bytes), "{name} {shown} is sent");
        let received = decode(&hex(bytes), data_type).unwrap();
        assert_eq!(text::to_string(&received, data_type, &settings), *shown, "{name} {shown} is received");
    }
}

#[test]
fn a_record_carries_its_types() {
    let record = Value::record(vec![
        (DataType::Int4, Value::Int4(1)),
        (DataType::Text, Value::Null),
        (DataType::Text, Value::text("x")),
    ]);
    let bytes = "0000000300000017000000040000000100000019ffffffff000000190000000178";
    assert_eq!(sent(&record, DataType::Record), hex(bytes));
    assert_eq!(decode(&hex(bytes), DataType::Record).unwrap_err().state.code(), "0A000");
}

#[test]
fn bytes_that_are_no_value_are_refused() {
    for (data_type, bytes, state) in [
        (DataType::Int4, "000000", "22P03"),
        (DataType::Int4, "0000000000", "22P03"),
        (DataType::Bool, "", "22P03"),
        (DataType::Text, "ff", "22021"),
        (DataType::Text, "6100", "22021"),
        (DataType::Char, "80", "22021"),
        (DataType::Jsonb, "027b7d", "22P03"),
        (DataType::Jsonb, "017b", "22P02"),
        (DataType::Json, "7b", "22P02"),
        (DataType::Uuid, "00", "22P03"),
        (DataType::Date, "7ffffffe", "22008"),
        (DataType::Timestamp, "7ffffffffffffffe", "22008"),
        (DataType::Time, "ffffffffffffffff", "22008"),
        (DataType::TimeTz, "00000000000000007fffffff", "22008"),
        // One digit is announced, none is there; 10000 is no digit; sign 1 is none.
        (DataType::Numeric, "0001000000000000", "22P03"),
        (DataType::Numeric, "00010000000000002710", "22P03"),
        (DataType::Numeric, "0000000000010000", "22P03"),
        (DataType::Numeric, "ffff000000000000", "22P03"),
        // Seven dimensions; another element type; a million elements that are not there; flags 2.
        (DataType::Int4Array, "000000070000000000000017", "54000"),
        (DataType::Int4Array, "000000000000000000000019", "42804"),
        (DataType::Int4Array, "000000010000000000000017000f424000000001", "22P03"),
        (DataType::Int4Array, "000000010000000000000017ffffffff00000001", "22P03"),
        (DataType::Int4Array, "0000000100000000000000170000000100000001fffffff0", "22P03"),
        (DataType::Int4Array, "000000000000000200000017", "22P03"),
    ] {
        assert_eq!(decode(&hex(bytes), data_type).unwrap_err().state.code(), state, "{data_type} {bytes}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64), at in 0..DataType::ALL.len()) {
        let _ = decode(&bytes, DataType::ALL[at]);
    }

    /// The path without allocation says the same as the general one.
    #[test]
    fn small_numbers_round_trip(units: i64, scale in 0i32..=18) {
        let number = Numeric::from_units(units as i128, scale);
        let value = Value::Numeric(number.clone());
        let bytes = sent(&value, DataType::Numeric);
        let parts = number.parts();
        assert_eq!(bytes.len(), 8 + parts.digits.len() * 2);
        assert_eq!(bytes[2..4], parts.weight.to_be_bytes());
        let Value::Numeric(back) = decode(&bytes, DataType::Numeric).unwrap() else { panic!("not a number") };
        assert_eq!(back.parts(), parts);
    }

    #[test]
    fn fixed_layouts_round_trip(days in types::datetime::DATE_MIN..=types::datetime::DATE_MAX, micros in types::datetime::TIMESTAMP_MIN..=types::datetime::TIMESTAMP_MAX - types::datetime::MICROS_PER_DAY, float: f64, uuid: [u8; 16]) {
        for (value, data_type) in [
            (Value::Date(days), DataType::Date),
            (Value::Timestamp(micros), DataType::Timestamp),
            (Value::Timestamp(micros), DataType::TimestampTz),
            (Value::Uuid(uuid), DataType::Uuid),
            (Value::Float8(float), DataType::Float8),
            (Value::Array(Box::new(Array::new(DataType::Date, vec![Value::Date(days), Value::Null]))), DataType::DateArray),
        ] {
            assert_eq!(decode(&sent(&value, data_type), data_type).unwrap(), value);
        }
    }
}
