//! Constant folding: what does not depend on rows, parameters or settings is computed once.
//!
//! An error stays where it is: `1/0` in a branch that is never reached must not fail the statement.

use crate::rel::Rel;
use expr::{Context, Expr, Volatility};
use types::{DataType, TextSettings, Value};

/// Folds every expression of a tree.
pub(crate) fn tree(rel: &mut Rel, settings: &TextSettings) {
    for expr in rel.exprs_mut() {
        let taken = std::mem::replace(expr, Expr::row(vec![]));
        *expr = fold(taken, settings);
    }
    for child in rel.children_mut() {
        tree(child, settings);
    }
}

/// The expression with its constant parts computed.
pub fn fold(mut expr: Expr, settings: &TextSettings) -> Expr {
    if let Expr::Constant { .. } | Expr::Column { .. } | Expr::Parameter { .. } | Expr::Outer { .. } = expr {
        return expr;
    }
    expr.for_each_child_mut(&mut |child| {
        let taken = std::mem::replace(child, Expr::row(vec![]));
        *child = fold(taken, settings);
    });
    let expr = simplified(expr);
    if !foldable(&expr) {
        return expr;
    }
    let context = Context { parameters: &[], slots: &[], settings, runtime: &expr::context::NoRuntime };
    match expr::eval_constant(&expr, &context) {
        Ok(value) => Expr::constant(value, expr.ty()),
        Err(_) => expr,
    }
}

/// A node over constants that always gives the same value.
fn foldable(expr: &Expr) -> bool {
    let mut constant = true;
    expr.for_each_child(&mut |child| constant = constant && matches!(child, Expr::Constant { .. }));
    constant
        && match expr {
            Expr::Call { function, .. } => {
                function.volatility == Volatility::Immutable
                    && !function.returns_set()
                    && !matches!(function.implementation, expr::Implementation::Runtime)
            }
            Expr::Cast { input, to, .. } => immutable_cast(input.data_type(), to.data_type),
            Expr::Quantified { operator, .. } => operator.volatility == Volatility::Immutable,
            Expr::Not(_)
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::IsNull { .. }
            | Expr::BooleanTest { .. }
            | Expr::IsDistinct { .. }
            | Expr::Case { .. }
            | Expr::Coalesce { .. }
            | Expr::NullIf { .. }
            | Expr::Extreme { .. }
            | Expr::InList { .. }
            | Expr::Array { .. }
            | Expr::Subscript { .. }
            | Expr::Slice { .. } => true,
            Expr::Constant { .. }
            | Expr::Column { .. }
            | Expr::Parameter { .. }
            | Expr::Outer { .. }
            | Expr::Row { .. }
            | Expr::Field { .. }
            | Expr::Subplan { .. } => false,
        }
}

/// Casts whose result no setting and no catalog decides.
pub(crate) fn immutable_cast(from: DataType, to: DataType) -> bool {
    let base = |ty: DataType| ty.element().unwrap_or(ty);
    let (from, to) = (base(from), base(to));
    let named = |ty: DataType| ty.is_oid() && !matches!(ty, DataType::Oid | DataType::Xid);
    use DataType::*;
    let timed = |ty: DataType| matches!(ty, Date | Time | TimeTz | Timestamp | TimestampTz | Interval);
    let text = |ty: DataType| ty.is_text() || matches!(ty, Json | Jsonb);
    if named(from) || named(to) {
        return false;
    }
    if (timed(from) && text(to)) || (text(from) && timed(to)) || (from == Bytea && text(to)) {
        return false;
    }
    // Between a zoned and a zoneless time the session's zone decides.
    let zoned = |ty: DataType| matches!(ty, TimestampTz | TimeTz);
    !(timed(from) && timed(to) && zoned(from) != zoned(to))
}

/// Identities of three-valued logic.
fn simplified(expr: Expr) -> Expr {
    match expr {
        Expr::And(all) => combined(all, true),
        Expr::Or(all) => combined(all, false),
        Expr::Not(input) => match *input {
            Expr::Constant { value: Value::Bool(value), ty } => {
                Expr::Constant { value: Value::Bool(!value), ty }
            }
            Expr::Not(inner) => *inner,
            Expr::IsNull { input, negated } => Expr::IsNull { input, negated: !negated },
            Expr::BooleanTest { input, value, negated } => {
                Expr::BooleanTest { input, value, negated: !negated }
            }
            Expr::IsDistinct { left, right, equal, negated } => {
                Expr::IsDistinct { left, right, equal, negated: !negated }
            }
            Expr::InList { input, list, equal, negated } => {
                Expr::InList { input, list, equal, negated: !negated }
            }
            Expr::Subplan { plan, kind, first_slot, args, ty } => match *kind {
                expr::SubplanKind::Exists { negated } => {
                    let kind = Box::new(expr::SubplanKind::Exists { negated: !negated });
                    Expr::Subplan { plan, kind, first_slot, args, ty }
                }
                kind => {
                    Expr::Not(Box::new(Expr::Subplan { plan, kind: Box::new(kind), first_slot, args, ty }))
                }
            },
            other => Expr::Not(Box::new(other)),
        },
        Expr::Case { branches, default, ty } => case(branches, default, ty),
        Expr::Coalesce { args, ty } => {
            let mut kept: Vec<Expr> = vec![];
            for arg in args {
                match &arg {
                    Expr::Constant { value: Value::Null, .. } => {}
                    Expr::Constant { .. } => {
                        kept.push(arg);
                        break;
                    }
                    _ => kept.push(arg),
                }
            }
            match kept.len() {
                0 => Expr::null(ty),
                1 => kept.remove(0),
                _ => Expr::Coalesce { args: kept, ty },
            }
        }
        // A strict call of a NULL is NULL.
        Expr::Call { function, args, ty }
            if function.strict
                && !function.returns_set()
                && function.volatility != Volatility::Volatile
                && args.iter().any(|arg| matches!(arg, Expr::Constant { value: Value::Null, .. })) =>
        {
            Expr::null(ty)
        }
        other => other,
    }
}

/// AND (`identity` true) or OR: flattened, without the identity, decided by its opposite.
fn combined(all: Vec<Expr>, identity: bool) -> Expr {
    let mut kept = vec![];
    for one in all {
        match one {
            Expr::Constant { value: Value::Bool(value), .. } if value == identity => {}
            Expr::Constant { value: Value::Bool(value), ty } => {
                return Expr::Constant { value: Value::Bool(value), ty };
            }
            Expr::And(inner) if identity => kept.extend(inner),
            Expr::Or(inner) if !identity => kept.extend(inner),
            other => kept.push(other),
        }
    }
    match kept.len() {
        0 => Expr::constant(Value::Bool(identity), DataType::Bool),
        1 => kept.remove(0),
        _ if identity => Expr::And(kept),
        _ => Expr::Or(kept),
    }
}

/// `(a AND b) OR (a AND c)` is `a AND (b OR c)`: what lets TPC-H's query 19 join by hash.
pub(crate) fn factored(expr: Expr) -> Vec<Expr> {
    let Expr::Or(branches) = expr else { return vec![expr] };
    let parts: Vec<Vec<Expr>> = branches
        .iter()
        .map(|branch| match branch {
            Expr::And(all) => all.clone(),
            other => vec![other.clone()],
        })
        .collect();
    let Some((first, rest)) = parts.split_first() else { return vec![Expr::Or(branches)] };
    let common: Vec<Expr> =
        first.iter().filter(|one| rest.iter().all(|part| part.contains(one))).cloned().collect();
    if common.is_empty() {
        return vec![Expr::Or(branches)];
    }
    let mut remaining = vec![];
    for part in &parts {
        let left: Vec<Expr> = part.iter().filter(|one| !common.contains(one)).cloned().collect();
        match left.len() {
            // A branch that is only the common part: the others say nothing more.
            0 => return common,
            1 => remaining.extend(left),
            _ => remaining.push(Expr::And(left)),
        }
    }
    let mut all = common;
    all.push(Expr::Or(remaining));
    all
}

fn case(branches: Vec<(Expr, Expr)>, default: Option<Box<Expr>>, ty: types::ColumnType) -> Expr {
    let mut kept = vec![];
    for (condition, result) in branches {
        match condition {
            Expr::Constant { value: Value::Bool(true), .. } => {
                if kept.is_empty() {
                    return result;
                }
                return Expr::Case { branches: kept, default: Some(Box::new(result)), ty };
            }
            Expr::Constant { value: Value::Bool(false) | Value::Null, .. } => {}
            condition => kept.push((condition, result)),
        }
    }
    match (kept.is_empty(), default) {
        (true, Some(default)) => *default,
        (true, None) => Expr::null(ty),
        (false, default) => Expr::Case { branches: kept, default, ty },
    }
}
