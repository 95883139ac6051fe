//! Casts against what PostgreSQL 15.18 answered.

mod golden_file;

use golden_file::{check, column_type, literal, show_error, show_result};
use stele_types as types;
use types::cast::{self, Context};
use types::{DataType, Value, Vector};

/// `from | to | text | (text::from::to)::text`
#[test]
fn casts_give_what_postgresql_gives() {
    check(include_str!("golden/casts.txt"), 3, |fields, settings| {
        let (from, to) = (column_type(fields[0]), column_type(fields[1]));
        let value = match literal(fields[2], from, settings) {
            Ok(value) => value,
            Err(error) => return show_error(&error),
        };
        let one = cast::cast(&value, from.data_type, to, true, settings);
        let column = Vector::from_values(from.data_type, [&Value::Null, &value]);
        match (&one, cast::cast_vector(&column, to, true, settings)) {
            (Ok(one), Ok(column)) => {
                assert!(column.is_null(0));
                assert_eq!(format!("{:?}", column.get(1)), format!("{one:?}"), "{fields:?}");
            }
            (Err(one), Err(column)) => assert_eq!(*one, column),
            (one, column) => panic!("{fields:?}: {one:?} {column:?}"),
        }
        show_result(one, to.data_type, settings)
    });
}

/// `from | to | i, a, e or -`
#[test]
fn contexts_are_pg_cast_s() {
    for line in include_str!("golden/cast_contexts.txt").lines() {
        let fields: Vec<&str> = line.split(" | ").collect();
        let (from, to) = (DataType::from_name(fields[0]).unwrap(), DataType::from_name(fields[1]).unwrap());
        let expected = match fields[2] {
            "i" => Some(Context::Implicit),
            "a" => Some(Context::Assignment),
            "e" => Some(Context::Explicit),
            _ => None,
        };
        assert_eq!(cast::context(from, to), expected, "{line}");
    }
}

#[test]
fn an_assignment_loses_blanks_only() {
    let settings = types::TextSettings::default();
    let assign = |text: &str, name: &str| {
        cast::cast(&Value::text(text), DataType::Text, column_type(name), false, &settings)
    };
    assert_eq!(assign("ab  ", "varchar(2)").unwrap(), Value::text("ab"));
    assert_eq!(assign("a", "char(3)").unwrap(), Value::text("a  "));
    let error = assign("abc", "varchar(2)").unwrap_err();
    assert_eq!(
        (error.state.code(), error.message.as_str()),
        ("22001", "value too long for type character varying(2)")
    );
    assert_eq!(assign("äbc", "char(2)").unwrap_err().state.code(), "22001");
}

#[test]
fn every_stored_type_casts_to_text_and_back() {
    for ty in DataType::ALL.iter().copied().filter(|ty| ty.code().is_some() || ty.is_oid()) {
        assert!(cast::context(ty, DataType::Text).is_some(), "{ty}");
        assert!(cast::context(DataType::Text, ty).is_some(), "{ty}");
        assert_eq!(cast::context(DataType::Unknown, ty), Some(Context::Implicit));
    }
}
