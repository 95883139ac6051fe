//! Window functions and frames. Each line of an expectation is what `SELECT i, call, ... ORDER BY i` gives.

use super::{aggregate, ascending, call, descending, int, node, show, values};
use expr::window::{FrameBound, FrameMode, WindowFunction, WindowTarget};
use expr::{Expr, Frame, FrameExclusion, SortKey, WindowCall};
use plan::{Node, Plan};
use types::{ColumnType, DataType, Value};

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

fn over(function: WindowTarget, ty: ColumnType) -> WindowCall {
    WindowCall {
        function,
        partition_by: vec![g()],
        order_by: vec![ascending(o())],
        frame: Frame::default(),
        ty,
    }
}

fn function(function: WindowFunction, args: Vec<Expr>) -> WindowCall {
    use WindowFunction::*;
    let ty = match function {
        RowNumber | Rank | DenseRank => DataType::Int8,
        PercentRank | CumeDist => DataType::Float8,
        _ => DataType::Int4,
    };
    over(WindowTarget::Function(function, args), ty.into())
}

fn agg(name: &str, args: Vec<Expr>) -> WindowCall {
    let call = aggregate(name, args);
    let ty = call.ty;
    over(WindowTarget::Aggregate(call), ty)
}

fn framed(mut call: WindowCall, mode: FrameMode, start: FrameBound, end: FrameBound) -> WindowCall {
    call.frame = Frame { mode, start, end, exclusion: FrameExclusion::NoOthers };
    call
}

fn excluding(mut call: WindowCall, exclusion: FrameExclusion) -> WindowCall {
    call.frame.exclusion = exclusion;
    call
}

fn by(mut call: WindowCall, partition_by: Vec<Expr>, order_by: Vec<SortKey>) -> WindowCall {
    (call.partition_by, call.order_by) = (partition_by, order_by);
    call
}

fn preceding(offset: i32) -> FrameBound {
    FrameBound::Preceding(Box::new(int(offset)))
}

fn following(offset: i32) -> FrameBound {
    FrameBound::Following(Box::new(int(offset)))
}

const FIRST: FrameBound = FrameBound::UnboundedPreceding;
const CURRENT: FrameBound = FrameBound::CurrentRow;
const LAST: FrameBound = FrameBound::UnboundedFollowing;

/// `SELECT i, calls... FROM rows ORDER BY i`
fn select(calls: Vec<WindowCall>) -> String {
    let input = rows();
    let width = input.types.len();
    let mut types = input.types.clone();
    types.extend(calls.iter().map(|call| call.ty));
    let outputs: Vec<Expr> = std::iter::once(i())
        .chain(types[width..].iter().enumerate().map(|(position, ty)| Expr::column(width + position, *ty)))
        .collect();
    let window = node(Node::Window { input: Box::new(input), calls }, types);
    let types: Vec<ColumnType> = outputs.iter().map(Expr::ty).collect();
    let project = node(Node::Project { input: Box::new(window), exprs: outputs }, types.clone());
    show(node(Node::Sort { input: Box::new(project), keys: vec![ascending(i())], limit: None }, types))
        .replace(" | ", "\n")
}

#[test]
fn ranks() {
    use WindowFunction::*;
    let mut calls: Vec<WindowCall> =
        [RowNumber, Rank, DenseRank, PercentRank, CumeDist].map(|rank| function(rank, vec![])).into();
    calls.push(function(Ntile, vec![int(3)]));
    let expected = "\
1 1 1 1 0 0.2 1
2 2 2 2 0.25 0.6 1
3 3 2 2 0.25 0.6 2
4 4 4 3 0.75 0.8 2
5 5 5 4 1 1 3
6 1 1 1 0 0.6666666666666666 1
7 2 1 1 0 0.6666666666666666 2
8 3 3 2 1 1 3";
    assert_eq!(select(calls), expected);
}

#[test]
fn lag_and_lead() {
    use WindowFunction::{Lag, Lead};
    let calls = vec![
        function(Lag, vec![x()]),
        function(Lead, vec![x(), int(2)]),
        function(Lag, vec![x(), int(1), int(-1)]),
        function(Lag, vec![x(), int(-1), int(0)]),
        function(Lag, vec![x(), Expr::null(DataType::Int4)]),
    ];
    let calls = calls.into_iter().map(|call| by(call, vec![g()], vec![ascending(o()), ascending(i())]));
    let expected = "\
1 - 30 -1 20 -
2 10 - 10 30 -
3 20 50 20 - -
4 30 - 30 50 -
5 - - - 0 -
6 - 80 -1 70 -
7 60 - 60 80 -
8 70 - 70 0 -";
    assert_eq!(select(calls.collect()), expected);
}

#[test]
fn values_of_the_frame() {
    use WindowFunction::{FirstValue, LastValue, NthValue};
    let calls = vec![
        function(FirstValue, vec![x()]),
        function(LastValue, vec![x()]),
        function(NthValue, vec![x(), int(2)]),
    ];
    let expected = "\
1 10 10 -
2 10 30 20
3 10 30 20
4 10 - 20
5 10 50 20
6 60 70 70
7 60 70 70
8 60 80 70";
    assert_eq!(select(calls), expected);
}

#[test]
fn default_frames() {
    let mut filtered = agg("sum", vec![x()]);
    if let WindowTarget::Aggregate(aggregate) = &mut filtered.function {
        aggregate.filter = Some(call("<>", i(), int(2)));
    }
    let calls = vec![
        agg("sum", vec![x()]),
        by(agg("sum", vec![x()]), vec![g()], vec![]),
        by(agg("count", vec![]), vec![], vec![ascending(o())]),
        filtered,
    ];
    let expected = "\
1 10 110 1 10
2 60 110 3 40
3 60 110 3 40
4 60 110 6 40
5 110 110 8 90
6 130 210 5 130
7 130 210 5 130
8 210 210 7 210";
    assert_eq!(select(calls), expected);
}

#[test]
fn rows_frames() {
    let sum = |start, end| {
        framed(by(agg("sum", vec![x()]), vec![g()], vec![ascending(i())]), FrameMode::Rows, start, end)
    };
    let count = by(agg("count", vec![]), vec![], vec![ascending(i())]);
    let calls = vec![
        sum(preceding(1), following(1)),
        sum(following(2), following(3)),
        sum(CURRENT, LAST),
        framed(count, FrameMode::Rows, preceding(2), preceding(1)),
    ];
    let expected = "\
1 30 30 110 0
2 60 50 100 1
3 50 50 80 2
4 80 - 50 2
5 50 - 50 2
6 130 80 210 2
7 210 - 150 2
8 150 - 80 2";
    assert_eq!(select(calls), expected);
}

#[test]
fn range_frames() {
    let count = |order, start, end| {
        framed(by(agg("count", vec![]), vec![g()], vec![order]), FrameMode::Range, start, end)
    };
    let nulls_last = SortKey { expr: o(), descending: true, nulls_first: false };
    let nulls_first = SortKey { expr: o(), descending: false, nulls_first: true };
    let calls = vec![
        count(ascending(o()), preceding(1), following(1)),
        count(descending(o()), preceding(1), CURRENT),
        count(ascending(o()), following(3), LAST),
        count(nulls_first, FIRST, preceding(1)),
        framed(
            by(agg("sum", vec![i()]), vec![], vec![nulls_last]),
            FrameMode::Range,
            following(2),
            following(7),
        ),
    ];
    let expected = "\
1 3 3 2 1 -
2 3 2 2 2 -
3 3 2 2 2 -
4 1 1 1 4 19
5 1 1 1 1 5
6 2 2 1 0 1
7 2 2 1 0 1
8 1 1 0 2 22";
    assert_eq!(select(calls), expected);
}

#[test]
fn groups_frames() {
    let calls = vec![
        framed(agg("count", vec![]), FrameMode::Groups, preceding(1), CURRENT),
        framed(agg("sum", vec![i()]), FrameMode::Groups, following(1), following(2)),
        framed(agg("sum", vec![i()]), FrameMode::Groups, FIRST, preceding(1)),
    ];
    let expected = "\
1 1 9 -
2 3 9 1
3 3 9 1
4 3 5 6
5 2 - 10
6 2 8 -
7 2 8 -
8 3 - 13";
    assert_eq!(select(calls), expected);
}

#[test]
fn exclusions() {
    use FrameExclusion::{CurrentRow, Group, Ties};
    let sum = || agg("sum", vec![i()]);
    let first =
        framed(function(WindowFunction::FirstValue, vec![i()]), FrameMode::Rows, preceding(1), following(1));
    let whole = |function| framed(function, FrameMode::Range, FIRST, LAST);
    let calls = vec![
        excluding(sum(), CurrentRow),
        excluding(sum(), Group),
        excluding(sum(), Ties),
        excluding(first, CurrentRow),
        excluding(whole(function(WindowFunction::LastValue, vec![i()])), Ties),
        excluding(whole(function(WindowFunction::NthValue, vec![i(), int(2)])), Group),
    ];
    assert_eq!(select(calls), EXCLUSIONS);
}

const EXCLUSIONS: &str = "\
1 - - 1 2 5 3
2 4 1 3 1 5 4
3 3 1 4 2 5 4
4 6 6 10 3 5 2
5 10 10 15 4 5 2
6 7 - 6 7 8 -
7 6 - 7 6 8 -
8 13 13 21 7 8 7";

#[test]
fn refusals() {
    let sum = |mode, start| framed(agg("sum", vec![i()]), mode, start, CURRENT);
    let null = || FrameBound::Preceding(Box::new(Expr::null(DataType::Int4)));
    for (call, refused) in [
        (sum(FrameMode::Rows, preceding(-1)), "frame starting offset must not be negative (22013)"),
        (sum(FrameMode::Rows, null()), "frame starting offset must not be null (22004)"),
        (
            sum(FrameMode::Range, preceding(-1)),
            "invalid preceding or following size in window function (22013)",
        ),
        (
            function(WindowFunction::Ntile, vec![int(0)]),
            "argument of ntile must be greater than zero (22014)",
        ),
        (
            function(WindowFunction::NthValue, vec![i(), int(0)]),
            "argument of nth_value must be greater than zero (22016)",
        ),
    ] {
        assert_eq!(select(vec![call]), refused);
    }
}

/// A frame offset beyond the type's values reaches to the partition's edge, without overflow.
#[test]
fn a_range_offset_may_pass_the_types_limits() {
    let far = Expr::constant(Value::Int4(i32::MAX), DataType::Int4);
    let far = || FrameBound::Preceding(Box::new(far.clone()));
    let near = framed(agg("count", vec![]), FrameMode::Range, far(), CURRENT);
    assert_eq!(select(vec![near]).lines().last(), Some("8 3"));
}

/// PostgreSQL: an infinite value is within an infinite distance of everything but NaN.
#[test]
fn infinite_floats_have_frames() {
    let numbers = [1.5, f64::NEG_INFINITY, f64::INFINITY, f64::NAN];
    let rows = numbers.into_iter().enumerate().map(|(i, f)| vec![Value::Int4(i as i32), Value::Float8(f)]);
    let types: Vec<ColumnType> = vec![DataType::Int4.into(), DataType::Float8.into()];
    let input = Plan::values(rows.collect(), types.clone());
    let infinity = || Box::new(Expr::constant(Value::Float8(f64::INFINITY), DataType::Float8));
    let (start, end) = (FrameBound::Preceding(infinity()), FrameBound::Following(infinity()));
    let by_f = |key: SortKey| {
        let call = by(agg("count", vec![]), vec![], vec![key]);
        framed(call, FrameMode::Range, start.clone(), end.clone())
    };
    let f = || Expr::column(1, DataType::Float8);
    let calls = vec![by_f(descending(f())), by_f(ascending(f()))];
    let types = types.into_iter().chain(calls.iter().map(|call| call.ty)).collect();
    let window = node(Node::Window { input: Box::new(input), calls }, types);
    let exprs: Vec<Expr> = [0, 2, 3].map(|index| Expr::column(index, window.types[index])).into();
    let types = exprs.iter().map(Expr::ty).collect();
    let shown = show(node(Node::Project { input: Box::new(window), exprs }, types));
    assert_eq!(shown, "1 3 3 | 0 3 3 | 2 3 3 | 3 1 1");
}
