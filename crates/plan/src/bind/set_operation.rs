//! UNION, INTERSECT, EXCEPT.

use super::Binder;
use super::query::Bound;
use super::scope::Named;
use crate::node::SetKind;
use crate::rel::{Number, Rel};
use expr::Expr;
use sqlparser::ast::{SelectItem, SetExpr, SetOperator, SetQuantifier};
use types::{ColumnType, DataType, Error, Result, Value, err};

impl Binder<'_> {
    pub(crate) fn set_operation(
        &mut self,
        body: &SetExpr,
        outer: Option<&super::Scope<'_>>,
    ) -> Result<Bound> {
        // A chain leans to the left: walked by a loop.
        let mut spine = vec![];
        let mut rest = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = rest {
            spine.push((op, set_quantifier, &**right));
            rest = left;
        }
        let mut result = self.operand(rest, outer)?;
        for (op, quantifier, right) in spine.into_iter().rev() {
            let bound = self.operand(right, outer)?;
            result = self.combine(op, quantifier, result, bound, right)?;
        }
        Ok(result)
    }

    fn combine(
        &mut self,
        op: &SetOperator,
        quantifier: &SetQuantifier,
        left: Bound,
        right: Bound,
        right_syntax: &SetExpr,
    ) -> Result<Bound> {
        let (kind, name) = match op {
            SetOperator::Union => (SetKind::Union, "UNION"),
            SetOperator::Intersect => (SetKind::Intersect, "INTERSECT"),
            SetOperator::Except => (SetKind::Except, "EXCEPT"),
            SetOperator::Minus => return Err(err!(SyntaxError, "syntax error at or near \"MINUS\"")),
        };
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::None | SetQuantifier::Distinct => false,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                return Err(Error::unsupported("BY NAME"));
            }
        };
        if left.columns.len() != right.columns.len() {
            let error = err!(SyntaxError, "each {name} query must have the same number of columns");
            return Err(self.at_item(
                error,
                right_syntax,
                left.columns.len().min(right.columns.len()).saturating_sub(1),
            ));
        }
        let mut types = vec![];
        for (index, (l, r)) in left.columns.iter().zip(&right.columns).enumerate() {
            let pair = [self.arena.types[l.number], self.arena.types[r.number]];
            let ty = self
                .common_type(&pair, name)
                .map_err(|(_, error)| self.at_item(error, right_syntax, index))?;
            if !all {
                expr::operator::equality(ty.data_type)?;
            }
            types.push(ty);
        }
        let columns: Vec<Named> = left
            .columns
            .iter()
            .zip(&types)
            .map(|(column, ty)| Named {
                name: column.name.clone(),
                number: self.arena.column(*ty),
                origin: None,
            })
            .collect();
        let (left, left_columns) = self.retyped(left, &types, name)?;
        let (right, right_columns) = self.retyped(right, &types, name)?;
        let numbers = columns.iter().map(|column| column.number).collect();
        let rel = Rel::SetOperation {
            kind,
            all,
            left: Box::new(left),
            left_columns,
            right: Box::new(right),
            right_columns,
            columns: numbers,
        };
        Ok(Bound { rel, columns })
    }

    /// Points an error at an item of an operand's select list.
    fn at_item(&self, error: Error, operand: &SetExpr, index: usize) -> Error {
        let item = match operand {
            SetExpr::Select(select) => match select.projection.get(index) {
                Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, alias: _ }) => {
                    Some(expr)
                }
                _ => None,
            },
            SetExpr::Values(values) => values.rows.first().and_then(|row| row.content.get(index)),
            _ => None,
        };
        match item {
            Some(expr) => self.at(error, expr),
            None => error,
        }
    }

    /// A query whose columns have these types.
    pub(crate) fn retyped(
        &mut self,
        bound: Bound,
        types: &[ColumnType],
        what: &str,
    ) -> Result<(Rel, Vec<Number>)> {
        let Bound { mut rel, columns } = bound;
        let (mut numbers, mut casts) = (vec![], vec![]);
        for (column, ty) in columns.iter().zip(types) {
            let from = self.arena.types[column.number];
            if from == *ty || (from.data_type == ty.data_type && ty.typmod < 0) {
                numbers.push(column.number);
                continue;
            }
            // A literal of undecided type is parsed as the type that was decided.
            let literal =
                (from.data_type == DataType::Unknown).then(|| literal_of(&rel, column.number)).flatten();
            let expr = literal.unwrap_or_else(|| self.arena.expr(column.number));
            let cast = self.in_common_type(expr, *ty, what, None)?;
            let number = self.arena.column(*ty);
            casts.push((number, cast));
            numbers.push(number);
        }
        rel = rel.project(casts);
        Ok((rel, numbers))
    }
}

/// The literal or parameter that a column of undecided type is in every row.
pub(crate) fn literal_of(rel: &Rel, number: Number) -> Option<Expr> {
    let constant =
        |expr: &Expr| matches!(expr, Expr::Constant { .. } | Expr::Parameter { .. }).then(|| expr.clone());
    match rel {
        Rel::Project { input, exprs } => match exprs.iter().find(|(made, _)| *made == number) {
            Some((_, Expr::Column { index, .. })) => literal_of(input, *index),
            Some((_, expr)) => constant(expr),
            None => literal_of(input, number),
        },
        Rel::Values { rows, columns } => {
            let position = columns.iter().position(|column| *column == number)?;
            match rows.as_slice() {
                [row] => row.get(position).and_then(constant),
                _ => None,
            }
        }
        Rel::Filter { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::DistinctOn { input, .. }
        | Rel::LockRows { input, .. } => literal_of(input, number),
        // Both sides undecided and the same NULL: what `SELECT NULL UNION SELECT NULL` leaves.
        Rel::SetOperation { left, left_columns, right, right_columns, columns, .. } => {
            let position = columns.iter().position(|column| *column == number)?;
            let left = literal_of(left, *left_columns.get(position)?)?;
            let right = literal_of(right, *right_columns.get(position)?)?;
            let null = |expr: &Expr| matches!(expr, Expr::Constant { value: Value::Null, .. });
            (null(&left) && null(&right)).then_some(left)
        }
        _ => None,
    }
}
