//! Text in and out against what PostgreSQL 15.18 answered: `type | text | result`.

mod golden_file;

use golden_file::{check, column_type, literal, show_result};

#[test]
fn scalars_arrays_and_json_read_and_print_as_postgresql_s() {
    check(include_str!("golden/scalar.txt"), 2, |fields, settings| {
        let ty = column_type(fields[0]);
        show_result(literal(fields[1], ty, settings), ty.data_type, settings)
    });
}

#[test]
fn dates_times_and_intervals_read_and_print_as_postgresql_s() {
    check(include_str!("golden/datetime.txt"), 2, |fields, settings| {
        let ty = column_type(fields[0]);
        show_result(literal(fields[1], ty, settings), ty.data_type, settings)
    });
}
