//! Each join kind by each method, over keys with duplicates and NULLs.

use super::{call, column, node, show, show_sorted, text, values};
use expr::Expr;
use plan::node::{Join, JoinMethod};
use plan::{JoinKind, Node, Plan};
use types::DataType;

fn left() -> Plan {
    values("it", "1 a | 2 b | 2 c | - d | 4 e")
}

fn right() -> Plan {
    values("it", "2 x | 2 y | - z | 5 q | 1 p")
}

const ALL: [JoinKind; 6] =
    [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full, JoinKind::Semi, JoinKind::Anti];

fn join(kind: JoinKind, left: Plan, right: Plan, method: JoinMethod, filter: Option<Expr>) -> Plan {
    let mut types = left.types.clone();
    if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
        types.extend(&right.types);
    }
    node(Node::Join(Join { kind, left: Box::new(left), right: Box::new(right), method, filter }), types)
}

fn hash(kind: JoinKind, filter: Option<Expr>) -> Plan {
    let keys = vec![Expr::column(0, DataType::Int4)];
    join(kind, left(), right(), JoinMethod::Hash { left: keys.clone(), right: keys }, filter)
}

fn nested(kind: JoinKind, filter: Option<Expr>) -> Plan {
    join(kind, left(), right(), JoinMethod::NestedLoop, Some(all(keys_equal(), filter)))
}

/// The right side filtered by the left row's key.
fn apply(kind: JoinKind, filter: Option<Expr>) -> Plan {
    let right = right();
    let outer = Expr::Outer { slot: 2, ty: DataType::Int4.into() };
    let predicate = call("=", column(&right, 0), outer);
    let types = right.types.clone();
    let right = node(Node::Filter { input: Box::new(right), predicate }, types);
    let args = vec![Expr::column(0, DataType::Int4)];
    join(kind, left(), right, JoinMethod::Apply { first_slot: 2, args }, filter)
}

fn keys_equal() -> Expr {
    call("=", Expr::column(0, DataType::Int4), Expr::column(2, DataType::Int4))
}

fn all(first: Expr, second: Option<Expr>) -> Expr {
    Expr::And(std::iter::once(first).chain(second).collect())
}

/// `w <> 'y' AND v <> 'c'`
fn residual() -> Option<Expr> {
    let (v, w) = (Expr::column(1, DataType::Text), Expr::column(3, DataType::Text));
    Some(all(call("<>", w, text("y")), Some(call("<>", v, text("c")))))
}

#[test]
fn every_method_answers_as_postgresql() {
    let inner = "1 a 1 p | 2 b 2 x | 2 b 2 y | 2 c 2 x | 2 c 2 y";
    for kind in ALL {
        let expected = match kind {
            JoinKind::Inner => inner.to_owned(),
            JoinKind::Left => format!("- d - - | {inner} | 4 e - -"),
            JoinKind::Right => format!("- - - z | - - 5 q | {inner}"),
            JoinKind::Full => format!("- - - z | - - 5 q | - d - - | {inner} | 4 e - -"),
            JoinKind::Semi => "1 a | 2 b | 2 c".to_owned(),
            JoinKind::Anti => "- d | 4 e".to_owned(),
        };
        assert_eq!(show_sorted(hash(kind, None)), expected, "hash {kind:?}");
        assert_eq!(show_sorted(nested(kind, None)), expected, "nested loop {kind:?}");
        if !matches!(kind, JoinKind::Right | JoinKind::Full) {
            assert_eq!(show_sorted(apply(kind, None)), expected, "apply {kind:?}");
        }
    }
}

#[test]
fn a_residual_filter_decides_what_matches() {
    for kind in ALL {
        let expected = match kind {
            JoinKind::Inner => "1 a 1 p | 2 b 2 x",
            JoinKind::Left => "- d - - | 1 a 1 p | 2 b 2 x | 2 c - - | 4 e - -",
            JoinKind::Right => "- - - z | - - 2 y | - - 5 q | 1 a 1 p | 2 b 2 x",
            JoinKind::Full => "- - - z | - - 2 y | - - 5 q | - d - - | 1 a 1 p | 2 b 2 x | 2 c - - | 4 e - -",
            JoinKind::Semi => "1 a | 2 b",
            JoinKind::Anti => "- d | 2 c | 4 e",
        };
        assert_eq!(show_sorted(hash(kind, residual())), expected, "hash {kind:?}");
        assert_eq!(show_sorted(nested(kind, residual())), expected, "nested loop {kind:?}");
        if !matches!(kind, JoinKind::Right | JoinKind::Full) {
            assert_eq!(show_sorted(apply(kind, residual())), expected, "apply {kind:?}");
        }
    }
}

#[test]
fn the_left_order_is_kept() {
    let expected = "1 a 1 p | 2 b 2 x | 2 b 2 y | 2 c 2 x | 2 c 2 y | - d - - | 4 e - -";
    assert_eq!(show(hash(JoinKind::Left, None)), expected);
    assert_eq!(show(nested(JoinKind::Left, None)), expected);
    assert_eq!(show(apply(JoinKind::Left, None)), expected);
}

#[test]
fn an_empty_side() {
    let none = || values("it", "");
    for (kind, left_empty, right_empty) in [
        (JoinKind::Inner, "", ""),
        (JoinKind::Left, "", "1 a - -"),
        (JoinKind::Right, "- - 1 a", ""),
        (JoinKind::Full, "- - 1 a", "1 a - -"),
        (JoinKind::Semi, "", ""),
        (JoinKind::Anti, "", "1 a"),
    ] {
        let keys = vec![Expr::column(0, DataType::Int4)];
        for method in [JoinMethod::Hash { left: keys.clone(), right: keys }, JoinMethod::NestedLoop] {
            let one = || values("it", "1 a");
            assert_eq!(
                show(join(kind, none(), one(), method.clone(), None)),
                left_empty,
                "{kind:?} {method:?}"
            );
            assert_eq!(
                show(join(kind, one(), none(), method.clone(), None)),
                right_empty,
                "{kind:?} {method:?}"
            );
        }
    }
}

/// More pairs than a batch, cut within one left row's candidates.
#[test]
fn matches_are_remembered_across_batches() {
    let many: String = (0..3000).map(|_| "7 x | ").collect();
    let pairs = |kind, filter| {
        let left = values("it", "7 a | 8 b");
        let keys = vec![Expr::column(0, DataType::Int4)];
        show(join(
            kind,
            left,
            values("it", &many),
            JoinMethod::Hash { left: keys.clone(), right: keys },
            filter,
        ))
    };
    assert_eq!(pairs(JoinKind::Inner, None).split(" | ").count(), 3000);
    assert!(pairs(JoinKind::Left, None).ends_with("7 a 7 x | 8 b - -"));
    let never = || Some(call("=", Expr::column(3, DataType::Text), text("y")));
    assert_eq!(pairs(JoinKind::Left, never()), "7 a - - | 8 b - -");
    assert_eq!(pairs(JoinKind::Anti, never()), "7 a | 8 b");
    assert_eq!(pairs(JoinKind::Full, never()).split(" | ").count(), 3002);
    let always = Some(call("=", Expr::column(3, DataType::Text), text("x")));
    assert_eq!(pairs(JoinKind::Semi, always), "7 a");
}

#[test]
fn keys_of_different_widths_join() {
    let wide = || {
        let input = left();
        let cast =
            Expr::Cast { input: Box::new(column(&input, 0)), to: DataType::Int8.into(), explicit: false };
        let types = vec![DataType::Int8.into()];
        node(Node::Project { input: Box::new(input), exprs: vec![cast] }, types)
    };
    let keys = JoinMethod::Hash {
        left: vec![Expr::column(0, DataType::Int8)],
        right: vec![Expr::column(0, DataType::Int4)],
    };
    assert_eq!(show_sorted(join(JoinKind::Semi, wide(), right(), keys, None)), "1 | 2 | 2");
    let unlike = JoinMethod::Hash {
        left: vec![Expr::column(0, DataType::Int8)],
        right: vec![Expr::column(1, DataType::Text)],
    };
    assert!(show(join(JoinKind::Semi, wide(), right(), unlike, None)).contains("XX000"));
}
