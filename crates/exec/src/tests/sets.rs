//! Set operations, DISTINCT, recursion.

use super::{ascending, call, column, int, node, query, show, show_query, values};
use plan::node::SetKind;
use plan::{Node, Plan};
use types::DataType;

fn operation(kind: SetKind, all: bool) -> String {
    let left = Box::new(values("i", "1 | 1 | 1 | 2 | - | - | 3"));
    let right = Box::new(values("i", "1 | 1 | - | 4 | 3 | 3"));
    let types = left.types.clone();
    show(node(Node::SetOperation { kind, all, left, right }, types))
}

#[test]
fn duplicates_and_nulls_count_as_in_postgresql() {
    assert_eq!(operation(SetKind::Union, false), "1 | 2 | - | 3 | 4");
    assert_eq!(operation(SetKind::Union, true), "1 | 1 | 1 | 2 | - | - | 3 | 1 | 1 | - | 4 | 3 | 3");
    assert_eq!(operation(SetKind::Intersect, false), "1 | - | 3");
    assert_eq!(operation(SetKind::Intersect, true), "1 | 1 | - | 3");
    assert_eq!(operation(SetKind::Except, false), "2");
    assert_eq!(operation(SetKind::Except, true), "1 | 2 | -");
}

#[test]
fn append_goes_through_empty_inputs() {
    let inputs = vec![values("i", ""), values("i", "1"), values("i", ""), values("i", "1 | 2")];
    let types = inputs[0].types.clone();
    assert_eq!(show(node(Node::Append(inputs), types)), "1 | 1 | 2");
}

#[test]
fn distinct_keeps_first_rows() {
    let distinct = |on: Option<Vec<expr::Expr>>| {
        let input = values("it", "1 a | 1 b | 2 a | 1 a | - a | - a");
        let types = input.types.clone();
        show(node(Node::Distinct { input: Box::new(input), on }, types))
    };
    assert_eq!(distinct(None), "1 a | 1 b | 2 a | - a");
    assert_eq!(distinct(Some(vec![expr::Expr::column(0, DataType::Int4)])), "1 a | 2 a | 1 a | - a");
}

/// `WITH RECURSIVE c(n) AS (base UNION [ALL] SELECT (n + add) % modulus FROM c) SELECT * FROM c [LIMIT]`
fn recursive(all: bool, modulus: i32, limit: Option<i32>) -> String {
    let types = vec![DataType::Int4.into()];
    let work = node(Node::WorkTable { cte: 0 }, types.clone());
    let next = call("%", call("+", column(&work, 0), int(1)), int(modulus));
    let below = call("<", column(&work, 0), int(1000));
    let work = node(Node::Filter { input: Box::new(work), predicate: below }, types.clone());
    let step = node(Node::Project { input: Box::new(work), exprs: vec![next] }, types.clone());
    let union = Node::RecursiveUnion { cte: 0, base: Box::new(values("i", "1")), step: Box::new(step), all };
    let mut plan = node(Node::CteScan { cte: 0 }, types.clone());
    if let Some(limit) = limit {
        let input = Box::new(plan);
        plan = node(
            Node::Limit { input, limit: Some(int(limit)), offset: None, with_ties: None },
            types.clone(),
        );
    }
    let mut query = query(plan);
    query.ctes = vec![node(union, types)];
    show_query(query)
}

#[test]
fn recursion_ends_when_a_round_brings_nothing_new() {
    assert_eq!(recursive(false, 5, None), "1 | 2 | 3 | 4 | 0");
    assert_eq!(recursive(true, 100_000, None).split(" | ").count(), 1000);
}

#[test]
fn an_endless_recursion_is_cut_by_a_limit() {
    assert_eq!(recursive(true, 3, Some(7)), "1 | 2 | 0 | 1 | 2 | 0 | 1");
}

/// Two readers of one WITH query see the same rows.
#[test]
fn a_with_query_is_shared() {
    let scan = || node(Node::CteScan { cte: 0 }, vec![DataType::Int4.into()]);
    let types = scan().types;
    let mut query = query(node(Node::Append(vec![scan(), scan()]), types));
    query.ctes = vec![values("i", "1 | 2")];
    assert_eq!(show_query(query), "1 | 2 | 1 | 2");
}

#[test]
fn sorting_is_stable_and_top_n_agrees_with_it() {
    let rows: String = (0..5000).map(|row| format!("{} {row} | ", row * 7919 % 13)).collect();
    let sort = |limit: Option<i32>| -> Plan {
        let input = values("ii", &rows);
        let (keys, types) = (vec![ascending(column(&input, 0))], input.types.clone());
        let limit = limit.map(|limit| Box::new(int(limit)));
        node(Node::Sort { input: Box::new(input), keys, limit }, types)
    };
    let all = show(sort(None));
    let all: Vec<&str> = all.split(" | ").collect();
    let numbers: Vec<(i32, i32)> = all
        .iter()
        .map(|row| {
            row.split_once(' ').map(|(key, row)| (key.parse().unwrap(), row.parse().unwrap())).unwrap()
        })
        .collect();
    assert!(numbers.is_sorted() && numbers.len() == 5000);
    for limit in [0, 1, 400, 1024, 3000] {
        let top = show(sort(Some(limit)));
        let expected = all[..limit as usize].join(" | ");
        assert_eq!(top, expected, "top {limit}");
    }
}
