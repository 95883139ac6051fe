use super::*;
use crate::{ColumnType, TextSettings, text};
use proptest::prelude::*;

/// One vector per type: `docs/file-format.md` shows the same bytes.
#[rustfmt::skip]
const VECTORS: &[(DataType, &str, &str)] = &[
    (DataType::Bool, "t", "01"),
    (DataType::Int2, "-2", "fffe"),
    (DataType::Int4, "16909060", "01020304"),
    (DataType::Int8, "-1", "ffffffffffffffff"),
    (DataType::Float4, "-0", "80000000"),
    (DataType::Float4, "NaN", "7fc00000"),
    (DataType::Float8, "1.5", "3ff8000000000000"),
    (DataType::Float8, "NaN", "7ff8000000000000"),
    (DataType::Numeric, "0.00", "00 0000 0002"),
    (DataType::Numeric, "-12345.670", "01 0001 0003 0001 0929 1a2c"),
    (DataType::Numeric, "NaN", "02 0000 0000"),
    (DataType::Numeric, "Infinity", "03 0000 0000"),
    (DataType::Numeric, "-Infinity", "04 0000 0000"),
    (DataType::Text, "Zoë", "5a6fc3ab"),
    (DataType::Bytea, "\\x00ff", "00ff"),
    (DataType::Json, "{\"b\": 1,  \"a\":2}", "7b2262223a20312c20202261223a327d"),
    (DataType::Jsonb, "null", "00"),
    (DataType::Jsonb, "1.50", "03 00 0000 0002 0001 1388"),
    (DataType::Jsonb, "[true, \"x\"]", "05 0001 00000002 00000001 00000003  02 0478"),
    (DataType::Jsonb, "{\"a\": [], \"bb\": 1}",
        "06 0002 00000002 00000001 00000007 00000003 0000000f  61 6262  05 0001 00000000  03 00 0000 0000 0001"),
    (DataType::Date, "1970-01-02", "00000001"),
    (DataType::Date, "-infinity", "80000000"),
    (DataType::Time, "00:00:01", "00000000000f4240"),
    (DataType::Timestamp, "1969-12-31 23:59:59.999999", "ffffffffffffffff"),
    (DataType::TimestampTz, "infinity", "7fffffffffffffff"),
    (DataType::Interval, "1 mon -2 days +00:00:01", "00000001 fffffffe 00000000000f4240"),
    (DataType::TimeTz, "00:00:01+01", "00000000000f4240 fffff1f0"),
    (DataType::Uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
    (DataType::Oid, "26", "0000001a"),
    (DataType::Int4Array, "{}", "13 00"),
    (DataType::Int4Array, "[0:1]={7,NULL}", "13 01 00000002 00000000  13 00000004 00000007  00 00000000"),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = vec![];
    encode(value, &mut out);
    out
}

#[test]
fn each_type_has_its_bytes() {
    for (data_type, shown, hex) in VECTORS {
        let value = text::parse(shown, ColumnType::from(*data_type), &TextSettings::default()).unwrap();
        let expected = bytes(hex);
        assert_eq!(encoded(&value), expected, "{data_type} {shown}");
        let code = type_code(&value, *data_type).unwrap();
        let back = decode_as(*data_type, code, &expected).unwrap();
        assert_eq!(text::to_string(&back, *data_type, &TextSettings::default()), *shown, "{data_type}");
        assert_eq!(encoded(&back), expected);
    }
}

#[test]
fn a_row_is_a_composite() {
    let row = Value::record(vec![(DataType::Int4, Value::Int4(1)), (DataType::Text, Value::Null)]);
    assert_eq!(encoded(&row), bytes("0002 13 00000004 00000001 00 00000000"));
    assert_eq!(encoded(&decode(0x41, &encoded(&row)).unwrap()), encoded(&row));
}

#[test]
fn another_form_of_the_same_value_is_refused() {
    let refused = |code: u8, hex: &str| {
        let error = decode(code, &bytes(hex)).unwrap_err();
        assert_eq!(error.state.code(), "XX001", "{code:02x} {hex}");
    };
    refused(0x00, "00");
    refused(0x10, "02");
    refused(0x13, "000001");
    refused(0x13, "0000000100");
    refused(0x15, "7fc00001");
    refused(0x16, "fff8000000000000");
    // Numerics: a zero group at the end, negative zero, a digit of 10000, a digit beyond the scale, NaN with a weight.
    refused(0x17, "00 0000 0000 0001 0000");
    refused(0x17, "01 0000 0000");
    refused(0x17, "00 0000 0000 2710");
    refused(0x17, "00 0000 0001 0001 1482");
    refused(0x17, "02 0001 0000");
    refused(0x17, "05 0000 0000");
    refused(0x17, "00 0000 0000 00");
    refused(0x19, "ff");
    // jsonb: keys out of order, a depth that is wrong, bytes between, NaN, an unknown tag.
    refused(0x1c, "06 0001 00000002 00000001 00000001 00000002 00000002 62 61 00 00");
    refused(0x1c, "05 0002 00000001 00000001 00");
    refused(0x1c, "05 0001 00000001 00000001 00 00");
    refused(0x1c, "03 02 0000 0000");
    refused(0x1c, "07");
    refused(0x1c, "");
    refused(0x20, "7ffffffe");
    refused(0x21, "ffffffffffffffff");
    refused(0x22, "8000000000000001");
    refused(0x25, "0000000000000000 7fffffff");
    // Arrays: of an unknown type, with another type's element, of a length that is not there, empty with a dimension.
    refused(0x40, "ff 00");
    refused(0x40, "13 01 00000001 00000001 12 00000002 0001");
    refused(0x40, "13 01 7fffffff 00000001");
    refused(0x40, "13 01 00000000 00000001");
    refused(0x40, "13 07");
    refused(0x41, "0001 41 ffffffff");
    refused(0x99, "");
    assert_eq!(
        decode_as(DataType::Int4, 0x14, &bytes("0000000000000001")).unwrap_err().state.code(),
        "XX001"
    );
    assert_eq!(decode_as(DataType::TextArray, 0x40, &bytes("13 00")).unwrap_err().state.code(), "XX001");
}

#[test]
fn rows_in_rows_end_somewhere() {
    let mut nested = bytes("0000");
    for _ in 0..100 {
        let mut outer = bytes("0001 41");
        outer.extend_from_slice(&(nested.len() as u32).to_be_bytes());
        outer.extend_from_slice(&nested);
        nested = outer;
    }
    assert_eq!(decode(0x41, &nested).unwrap_err().state.code(), "XX001");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is accepted is written back unchanged; nothing panics.
    #[test]
    fn decoding_is_total_and_canonical(
        code in prop::sample::select(vec![0u8, 0x10, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x19, 0x1a, 0x1b, 0x1c, 0x20, 0x21,
            0x22, 0x23, 0x24, 0x25, 0x28, 0x29, 0x2a, 0x40, 0x41, 0xff]),
        bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), 0u8..8, Just(0x13), Just(0x19), any::<u8>()], 0..40),
    ) {
        if let Ok(value) = decode(code, &bytes) {
            prop_assert_eq!(encoded(&value), bytes);
        }
    }

    #[test]
    fn floats_round_trip(value in any::<f64>(), short in any::<f32>()) {
        let settings = TextSettings::default();
        for (value, data_type, code) in
            [(Value::Float8(value), DataType::Float8, 0x16), (Value::Float4(short), DataType::Float4, 0x15)]
        {
            let bytes = encoded(&value);
            prop_assert_eq!(encoded(&decode(code, &bytes).unwrap()), bytes.clone());
            let shown = text::to_string(&value, data_type, &settings);
            prop_assert_eq!(encoded(&text::parse(&shown, data_type.into(), &settings).unwrap()), bytes);
        }
    }

    #[test]
    fn a_numeric_held_as_an_i64_has_the_bytes_of_its_parts(units in any::<i64>(), small in -20_000i64..20_000, scale in 0i32..19) {
        for units in [units, small, small * 10_000, small * 1_000_000] {
            let value = Numeric::from_units(units as i128, scale);
            let Parts { form, weight, dscale, digits } = value.parts();
            let mut expected = vec![form as u8];
            expected.extend_from_slice(&weight.to_be_bytes());
            expected.extend_from_slice(&dscale.to_be_bytes());
            digits.iter().for_each(|digit| expected.extend_from_slice(&digit.to_be_bytes()));
            prop_assert_eq!(encoded(&Value::Numeric(value)), expected);
        }
    }
}
