//! Subqueries: scalar, EXISTS, IN and NOT IN with NULLs, correlated ones.

use super::{call, column, int, node, query, show_query, text, values};
use expr::{Expr, SubplanKind};
use plan::{Node, Plan, Query};
use types::DataType;

fn outer_rows() -> Plan {
    values("it", "1 a | 2 b | 2 c | - d | 4 e")
}

/// `SELECT v, <each kind over its subquery> FROM outer_rows`
fn select(subqueries: Vec<(Plan, SubplanKind, Vec<Expr>)>) -> Query {
    let input = outer_rows();
    let (mut exprs, mut subplans) = (vec![column(&input, 1)], vec![]);
    for (number, (plan, kind, args)) in subqueries.into_iter().enumerate() {
        let ty = match kind {
            SubplanKind::Scalar => plan.types[0],
            SubplanKind::Array => DataType::Int4Array.into(),
            _ => DataType::Bool.into(),
        };
        exprs.push(Expr::Subplan { plan: number, kind: Box::new(kind), first_slot: 1, args, ty });
        subplans.push(plan);
    }
    let types = exprs.iter().map(Expr::ty).collect();
    let mut query = query(node(Node::Project { input: Box::new(input), exprs }, types));
    query.subplans = subplans;
    query
}

fn k() -> Expr {
    Expr::column(0, DataType::Int4)
}

fn operator(symbol: &str) -> &'static expr::Function {
    expr::operator::resolve(symbol, Some(DataType::Int4), DataType::Int4).unwrap().function
}

fn any(symbol: &str) -> SubplanKind {
    SubplanKind::Any { left: vec![k()], operators: vec![operator(symbol)] }
}

fn all(symbol: &str) -> SubplanKind {
    SubplanKind::All { left: vec![k()], operators: vec![operator(symbol)] }
}

#[test]
fn in_and_not_in_know_three_truth_values() {
    let with_null = || values("i", "2 | 2 | - | 5 | 1");
    let without = || values("i", "2 | 2 | 5 | 1");
    let none = || values("i", "");
    let query = select(vec![
        (with_null(), any("="), vec![]),
        (with_null(), all("<>"), vec![]),
        (without(), any("="), vec![]),
        (none(), any("="), vec![]),
        (none(), all("<>"), vec![]),
    ]);
    assert_eq!(show_query(query), "a t f t f t | b t f t f t | c t f t f t | d - - - f t | e - - f f t");
}

#[test]
fn other_comparisons_go_through_all_rows() {
    let query = select(vec![
        (values("i", "2 | 2 | 5 | 1"), all("<"), vec![]),
        (values("i", "2 | 2 | - | 5 | 1"), any("<"), vec![]),
        (values("i", "2 | 2 | 5 | 1"), all(">="), vec![]),
    ]);
    assert_eq!(show_query(query), "a f t f | b f t f | c f t f | d - - - | e f t f");
}

#[test]
fn rows_with_a_null_may_still_differ() {
    let pairs = || values("it", "2 x | 2 y | - z | 5 q | 1 p | 2 b | 2 - | 9 e");
    let (number, word) = (operator("="), expr::operator::equality(DataType::Text).unwrap());
    let left = || vec![k(), Expr::column(1, DataType::Text)];
    let unequal = |data_type| expr::operator::resolve("<>", Some(data_type), data_type).unwrap().function;
    let query = select(vec![
        (pairs(), SubplanKind::Any { left: left(), operators: vec![number, word] }, vec![]),
        (
            pairs(),
            SubplanKind::All {
                left: left(),
                operators: vec![unequal(DataType::Int4), unequal(DataType::Text)],
            },
            vec![],
        ),
    ]);
    assert_eq!(show_query(query), "a f t | b t f | c - - | d - - | e f t");
}

/// Rows of `numbers` that equal the outer row's key.
fn matching(numbers: &str) -> Plan {
    let input = values("i", numbers);
    let predicate = call("=", column(&input, 0), Expr::Outer { slot: 1, ty: DataType::Int4.into() });
    let types = input.types.clone();
    node(Node::Filter { input: Box::new(input), predicate }, types)
}

#[test]
fn correlated_subqueries_follow_their_row() {
    let query = select(vec![
        (matching("1 | 2 | 4"), SubplanKind::Scalar, vec![k()]),
        (matching("1 | 2 | 2"), SubplanKind::Exists { negated: false }, vec![k()]),
        (matching("1 | 2 | 2"), SubplanKind::Exists { negated: true }, vec![k()]),
        (matching("1 | 2 | 2"), SubplanKind::Array, vec![k()]),
    ]);
    assert_eq!(show_query(query), "a 1 t f {1} | b 2 t f {2,2} | c 2 t f {2,2} | d - f t {} | e 4 f t {}");
}

#[test]
fn a_scalar_subquery_has_one_row_at_most() {
    let refused = "more than one row returned by a subquery used as an expression (21000)";
    assert_eq!(show_query(select(vec![(values("i", "1 | 2"), SubplanKind::Scalar, vec![])])), refused);
    assert_eq!(show_query(select(vec![(matching("1 | 2 | 2"), SubplanKind::Scalar, vec![k()])])), refused);
}

/// `EXISTS (SELECT 1/0 ...)` is answered by the first row; nothing after it is computed.
#[test]
fn exists_stops_at_the_first_row() {
    let input = values("i", "1 | 0");
    let exprs = vec![call("/", int(1), column(&input, 0))];
    let types = vec![DataType::Int4.into()];
    let plan = || node(Node::Project { input: Box::new(input.clone()), exprs: exprs.clone() }, types.clone());
    let exists = select(vec![(plan(), SubplanKind::Exists { negated: false }, vec![])]);
    assert_eq!(show_query(exists), "a t | b t | c t | d t | e t");
    assert!(show_query(select(vec![(plan(), SubplanKind::Array, vec![])])).contains("22012"));
}

/// A subquery of a subquery that reads the outermost row.
#[test]
fn an_inner_subquery_reads_through_its_parent() {
    let inner = matching("1 | 2 | 2");
    let input = values("t", "x");
    let kind = Box::new(SubplanKind::Exists { negated: false });
    let nested = Expr::Subplan { plan: 1, kind, first_slot: 2, args: vec![], ty: DataType::Bool.into() };
    let case = Expr::Case {
        branches: vec![(nested, text("yes"))],
        default: Some(Box::new(text("no"))),
        ty: DataType::Text.into(),
    };
    let parent =
        node(Node::Project { input: Box::new(input), exprs: vec![case] }, vec![DataType::Text.into()]);
    let mut query = select(vec![(parent, SubplanKind::Scalar, vec![k()])]);
    query.subplans.push(inner);
    assert_eq!(show_query(query), "a yes | b yes | c yes | d no | e no");
}
