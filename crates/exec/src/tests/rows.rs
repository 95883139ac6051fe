//! Row by row: values, projections, limits, pulls.

use super::{ascending, batches, call, column, int, node, query, show, values};
use expr::{Expr, SortKey};
use plan::{Node, Plan};
use types::{DataType, Value};

fn limit(input: Plan, limit: Option<i64>, offset: Option<i64>, with_ties: Option<Vec<SortKey>>) -> String {
    let types = input.types.clone();
    let count = |count: Option<i64>| count.map(|count| Expr::constant(Value::Int8(count), DataType::Int8));
    show(node(
        Node::Limit { input: Box::new(input), limit: count(limit), offset: count(offset), with_ties },
        types,
    ))
}

fn numbers() -> Plan {
    values("i", "1 | 2 | 2 | 2 | 3 | 5")
}

#[test]
fn limits_and_offsets() {
    assert_eq!(limit(numbers(), Some(2), None, None), "1 | 2");
    assert_eq!(limit(numbers(), Some(2), Some(4), None), "3 | 5");
    assert_eq!(limit(numbers(), None, Some(5), None), "5");
    assert_eq!(limit(numbers(), Some(3), Some(9), None), "");
    assert_eq!(limit(numbers(), Some(0), None, None), "");
    assert_eq!(limit(numbers(), Some(-1), None, None), "LIMIT must not be negative (2201W)");
    assert_eq!(limit(numbers(), None, Some(-1), None), "OFFSET must not be negative (2201X)");
}

#[test]
fn ties_belong_to_the_last_row() {
    let by_number = || Some(vec![ascending(Expr::column(0, DataType::Int4))]);
    assert_eq!(limit(numbers(), Some(2), None, by_number()), "1 | 2 | 2 | 2");
    assert_eq!(limit(numbers(), Some(1), None, by_number()), "1");
    assert_eq!(limit(numbers(), Some(1), Some(2), by_number()), "2 | 2");
    assert_eq!(limit(numbers(), Some(0), None, by_number()), "");
    let many: String = (0..3000).map(|_| "4 | ").collect();
    assert_eq!(
        limit(values("i", &format!("{many} 5")), Some(1500), None, by_number()).split(" | ").count(),
        3000
    );
}

#[test]
fn a_portal_is_pulled_in_pieces() {
    let rows: String = (0..2500).map(|row| format!("{row} | ")).collect();
    let sizes = |limit| -> Vec<usize> {
        batches(query(values("i", &rows)), limit).unwrap().iter().map(|batch| batch.rows).collect()
    };
    assert_eq!(sizes(usize::MAX), [1024, 1024, 452]);
    assert_eq!(sizes(1000), [1000, 24, 1000, 24, 452]);
    assert_eq!(sizes(1).len(), 2500);
}

#[test]
fn projections_move_and_copy_columns() {
    let input = values("it", "1 a | 2 b");
    let (number, word) = (column(&input, 0), column(&input, 1));
    let exprs = vec![word.clone(), number.clone(), call("+", number.clone(), int(10)), number, word];
    let types = exprs.iter().map(Expr::ty).collect();
    assert_eq!(show(node(Node::Project { input: Box::new(input), exprs }, types)), "a 1 11 1 a | b 2 12 2 b");
}

#[test]
fn one_row_without_columns() {
    let input = Box::new(node(Node::OneRow, vec![]));
    let types = vec![DataType::Int4.into()];
    assert_eq!(show(node(Node::Project { input, exprs: vec![int(7)] }, types)), "7");
}

#[test]
fn a_filter_drops_false_and_null() {
    let input = values("i", "1 | - | 3");
    let predicate = call(">", column(&input, 0), int(1));
    let types = input.types.clone();
    assert_eq!(show(node(Node::Filter { input: Box::new(input), predicate }, types)), "3");
}

fn series(from: i32, to: Expr) -> Expr {
    let resolved =
        expr::function::resolve(None, "generate_series", &[DataType::Int4, DataType::Int4]).unwrap();
    Expr::Call { function: resolved.function, args: vec![int(from), to], ty: DataType::Int4.into() }
}

#[test]
fn functions_side_by_side_are_padded() {
    let types = vec![DataType::Int4.into(), DataType::Int4.into(), DataType::Int8.into()];
    let calls = vec![series(1, int(3)), series(5, int(5))];
    assert_eq!(show(node(Node::FunctionScan { calls, ordinality: true }, types)), "1 5 1 | 2 - 2 | 3 - 3");
}

#[test]
fn sets_in_a_select_list_multiply_rows() {
    let input = values("i", "2 | 0 | - | 1");
    let number = column(&input, 0);
    let exprs = vec![number.clone(), series(1, number), series(8, int(8))];
    let types = exprs.iter().map(Expr::ty).collect();
    let shown = show(node(Node::ProjectSet { input: Box::new(input), exprs }, types));
    assert_eq!(shown, "2 1 8 | 2 2 - | 0 - 8 | - - 8 | 1 1 8");
}

/// A session and its portals may move between threads.
#[test]
fn an_execution_can_be_sent() {
    fn sent<T: Send>() {}
    sent::<crate::Execution>();
}
