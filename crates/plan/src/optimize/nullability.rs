//! What a predicate says about NULLs: which columns cannot be null where it holds, which columns never are.

use crate::rel::{JoinKind, Number, Numbers, Rel};
use expr::Expr;
use types::Value;

/// The predicate is not true whenever all of `columns` are NULL.
pub(super) fn rejects_null(predicate: &Expr, columns: &Numbers) -> bool {
    match predicate {
        Expr::And(all) => all.iter().any(|one| rejects_null(one, columns)),
        Expr::Or(all) => all.iter().all(|one| rejects_null(one, columns)),
        Expr::IsNull { input, negated: true } => is_null(input, columns),
        Expr::BooleanTest { input, value: Some(true), negated: false } => rejects_null(input, columns),
        Expr::Constant { value: Value::Bool(false), .. } => true,
        other => is_null(other, columns),
    }
}

/// The expression is NULL whenever all of `columns` are.
fn is_null(expr: &Expr, columns: &Numbers) -> bool {
    match expr {
        Expr::Column { index, .. } => columns.contains(index),
        Expr::Constant { value, .. } => value.is_null(),
        Expr::Call { function, args, .. } => {
            function.strict && !function.returns_set() && args.iter().any(|arg| is_null(arg, columns))
        }
        Expr::Cast { input, .. } | Expr::Not(input) => is_null(input, columns),
        Expr::InList { input, .. } => is_null(input, columns),
        Expr::Quantified { left, array, .. } => {
            // Over an empty array the result is known without the left operand.
            let full = matches!(&**array, Expr::Constant { value: Value::Array(array), .. } if !array.values.is_empty());
            (full && is_null(left, columns)) || is_null(array, columns)
        }
        Expr::Coalesce { args, .. } => args.iter().all(|arg| is_null(arg, columns)),
        Expr::And(all) | Expr::Or(all) => all.iter().all(|one| is_null(one, columns)),
        _ => false,
    }
}

/// The column is never NULL in this tree's rows.
pub(super) fn never_null(number: Number, rel: &Rel) -> bool {
    match rel {
        Rel::Scan(scan) => scan.columns.iter().any(|(id, column)| {
            *column == number
                && (scan.relation.primary_key.contains(id)
                    || scan.relation.column(*id).is_some_and(|column| column.not_null))
        }),
        Rel::Filter { input, predicates } => {
            never_null(number, input)
                || predicates.iter().any(|predicate| rejects_null(predicate, &Numbers::from([number])))
        }
        Rel::Project { input, exprs } => match exprs.iter().find(|(made, _)| *made == number) {
            Some((_, Expr::Column { index, .. })) => never_null(*index, input),
            Some((_, Expr::Constant { value, .. })) => !value.is_null(),
            Some(_) => false,
            None => never_null(number, input),
        },
        Rel::Join { kind, left, right, .. } => match kind {
            JoinKind::Inner => never_null(number, left) || never_null(number, right),
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => never_null(number, left),
            JoinKind::Full => false,
        },
        Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::DistinctOn { input, .. }
        | Rel::Window { input, .. }
        | Rel::LockRows { input, .. } => never_null(number, input),
        Rel::Aggregate(aggregate) if aggregate.sets.len() == 1 => {
            let group = aggregate.groups.iter().find(|(made, _)| *made == number);
            match group {
                Some((_, Expr::Column { index, .. })) => never_null(*index, &aggregate.input),
                _ => false,
            }
        }
        _ => false,
    }
}
