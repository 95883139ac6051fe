//! Aggregates, grouping sets, DISTINCT and ORDER BY within calls.

use super::{aggregate, ascending, call, descending, int, node, show, show_sorted, values};
use expr::{AggregateCall, Expr, SortKey};
use plan::node::Aggregate;
use plan::{Node, Plan};
use types::DataType;

fn rows() -> Plan {
    values("itii", "1 a 1 10 | 2 a 2 20 | 3 a 2 30 | 4 a 5 - | 5 a - 50 | 6 b 3 60 | 7 b 3 70 | 8 b 9 80")
}

fn i() -> Expr {
    Expr::column(0, DataType::Int4)
}
fn g() -> Expr {
    Expr::column(1, DataType::Text)
}
fn o() -> Expr {
    Expr::column(2, DataType::Int4)
}
fn x() -> Expr {
    Expr::column(3, DataType::Int4)
}

fn grouped(input: Plan, groups: Vec<Expr>, sets: Vec<Vec<usize>>, calls: Vec<AggregateCall>) -> Plan {
    let mut types: Vec<_> = groups.iter().map(Expr::ty).collect();
    types.extend(calls.iter().map(|call| call.ty));
    if sets.len() > 1 {
        types.push(DataType::Int4.into());
    }
    node(Node::Aggregate(Aggregate { input: Box::new(input), groups, sets, calls }), types)
}

fn distinct(mut call: AggregateCall) -> AggregateCall {
    call.distinct = true;
    call
}

fn ordered(mut call: AggregateCall, order_by: Vec<SortKey>) -> AggregateCall {
    call.order_by = order_by;
    call
}

#[test]
fn calls_count_sort_and_drop_as_in_postgresql() {
    let mut filtered = ordered(aggregate("array_agg", vec![i()]), vec![ascending(o()), descending(i())]);
    filtered.filter = Some(call("<>", i(), int(3)));
    let by_x = vec![SortKey { expr: x(), descending: true, nulls_first: false }, ascending(i())];
    let calls = vec![
        aggregate("count", vec![]),
        aggregate("count", vec![x()]),
        distinct(aggregate("count", vec![o()])),
        distinct(aggregate("sum", vec![o()])),
        distinct(aggregate("array_agg", vec![o()])),
        ordered(aggregate("array_agg", vec![i()]), by_x),
        filtered,
    ];
    assert_eq!(
        show(grouped(rows(), vec![g()], vec![vec![0]], calls)),
        "a 5 4 3 8 {1,2,5,-} {5,3,2,1,4} {1,2,4,5} | b 3 3 2 12 {3,9} {8,7,6} {7,6,8}"
    );
}

#[test]
fn grouping_sets_share_their_calls() {
    let input = rows();
    let predicate = Expr::IsNull { input: Box::new(o()), negated: true };
    let types = input.types.clone();
    let input = node(Node::Filter { input: Box::new(input), predicate }, types);
    let calls = vec![aggregate("count", vec![]), aggregate("sum", vec![x()])];
    assert_eq!(
        show(grouped(input, vec![g(), o()], vec![vec![0, 1], vec![0], vec![]], calls)),
        "a 1 1 10 0 | a 2 2 50 0 | a 5 1 - 0 | b 3 2 130 0 | b 9 1 80 0 | a - 4 60 1 | b - 3 210 1 | - - 7 270 3"
    );
}

#[test]
fn no_rows_are_one_group_only_without_group_by() {
    let calls = || vec![aggregate("count", vec![]), aggregate("sum", vec![i()])];
    let none = || values("i", "");
    assert_eq!(show(grouped(none(), vec![], vec![vec![]], calls())), "0 -");
    assert_eq!(show(grouped(none(), vec![i()], vec![vec![0]], calls())), "");
    assert_eq!(show(grouped(none(), vec![i()], vec![vec![0], vec![]], calls())), "- 0 - 1");
}

#[test]
fn nulls_form_a_group() {
    let calls = vec![aggregate("count", vec![])];
    let input = values("i", "1 | - | 1 | -");
    assert_eq!(show_sorted(grouped(input, vec![i()], vec![vec![0]], calls)), "- 2 | 1 2");
}

#[test]
fn many_groups_come_out_in_batches() {
    let input: String = (0..5000).map(|row| format!("{} | ", row % 2500)).collect();
    let shown =
        show(grouped(values("i", &input), vec![i()], vec![vec![0]], vec![aggregate("count", vec![])]));
    assert_eq!(shown.split(" | ").filter(|row| row.ends_with(" 2")).count(), 2500);
}
