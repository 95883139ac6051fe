//! Subqueries inside expressions: scalar, EXISTS, IN, ANY, ALL, ARRAY.

use super::operator::row_elements;
use super::query::Bound;
use super::{Binder, Place};
use crate::rel::Subquery;
use expr::{Expr, SubplanKind};
use sqlparser::ast::{self, Expr as Sql};
use types::{ColumnType, DataType, Result, err};

impl Binder<'_> {
    fn subquery(&mut self, query: &ast::Query, place: &Place<'_>) -> Result<Bound> {
        let outside = self.conditional.take();
        let bound = self.deeper(|binder| binder.query(query, Some(place.scope), true));
        self.conditional = outside;
        bound
    }

    /// The expression that runs a bound subquery.
    fn subplan(&mut self, bound: Bound, kind: SubplanKind, ty: impl Into<ColumnType>) -> Expr {
        let mut outer = bound.rel.free();
        let made = bound.rel.outputs();
        outer
            .extend(bound.columns.iter().map(|column| column.number).filter(|number| !made.contains(number)));
        let parameters: Vec<_> = outer.into_iter().collect();
        let args = parameters.iter().map(|number| self.arena.expr(*number)).collect();
        let outputs = bound.columns.iter().map(|column| column.number).collect();
        self.arena.subqueries.push(Subquery { rel: bound.rel, outputs, parameters });
        let plan = self.arena.subqueries.len() - 1;
        Expr::Subplan { plan, kind: Box::new(kind), first_slot: 0, args, ty: ty.into() }
    }

    /// A bound query of one column as a value.
    pub(crate) fn scalar(&mut self, bound: Bound) -> Expr {
        let ty =
            bound.columns.first().map_or(DataType::Text.into(), |column| self.arena.types[column.number]);
        self.subplan(bound, SubplanKind::Scalar, ty)
    }

    pub(crate) fn scalar_subquery(&mut self, query: &ast::Query, place: &mut Place<'_>) -> Result<Expr> {
        let bound = self.subquery(query, place)?;
        let [column] = bound.columns.as_slice() else {
            return Err(self
                .source
                .locate_parenthesis(err!(SyntaxError, "subquery must return only one column"), query));
        };
        let ty = self.arena.types[column.number];
        Ok(self.subplan(bound, SubplanKind::Scalar, ty))
    }

    pub(crate) fn exists(
        &mut self,
        query: &ast::Query,
        negated: bool,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let bound = self.subquery(query, place)?;
        Ok(self.subplan(bound, SubplanKind::Exists { negated }, DataType::Bool))
    }

    pub(crate) fn array_subquery(&mut self, query: &ast::Query, place: &mut Place<'_>) -> Result<Expr> {
        let bound = self.subquery(query, place)?;
        let [column] = bound.columns.as_slice() else {
            return Err(self
                .source
                .locate_parenthesis(err!(SyntaxError, "subquery must return only one column"), query));
        };
        let element = self.arena.types[column.number];
        let Some(array) = element.data_type.array() else {
            let error =
                err!(UndefinedObject, "could not find array type for data type {}", element.data_type);
            return Err(self.at(error, query));
        };
        Ok(self.subplan(bound, SubplanKind::Array, ColumnType::new(array, element.typmod)))
    }

    pub(crate) fn in_subquery(
        &mut self,
        left: &Sql,
        query: &ast::Query,
        negated: bool,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let symbol = if negated { "<>" } else { "=" };
        self.member(left, symbol, query, negated, true, place)
    }

    /// `left symbol ANY (query)`, or ALL.
    pub(crate) fn quantified_subquery(
        &mut self,
        left: &Sql,
        symbol: &str,
        query: &ast::Query,
        all: bool,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        self.member(left, symbol, query, all, false, place)
    }

    fn member(
        &mut self,
        left: &Sql,
        symbol: &str,
        query: &ast::Query,
        all: bool,
        written_in: bool,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let lefts = match row_elements(left) {
            Some(elements) => elements,
            None => vec![left],
        };
        let mut bound_left = Vec::with_capacity(lefts.len());
        for sql in &lefts {
            bound_left.push(self.expr(sql, place)?);
        }
        let mut bound = self.subquery(query, place)?;
        match bound.columns.len().cmp(&bound_left.len()) {
            std::cmp::Ordering::Greater => {
                let error = err!(SyntaxError, "subquery has too many columns");
                return Err(self.source.locate_operator(error, left, if written_in { "in" } else { symbol }));
            }
            std::cmp::Ordering::Less => {
                let error = err!(SyntaxError, "subquery has too few columns");
                return Err(self.source.locate_operator(error, left, if written_in { "in" } else { symbol }));
            }
            std::cmp::Ordering::Equal => {}
        }
        let (mut args, mut operators, mut casts) = (vec![], vec![], vec![]);
        for ((sql, value), column) in lefts.iter().zip(bound_left).zip(bound.columns.iter_mut()) {
            let right = self.arena.expr(column.number);
            let resolved = expr::operator::resolve(symbol, Some(value.data_type()), right.data_type())
                .map_err(|error| self.source.locate_operator(error, sql, symbol))?;
            let &[left_type, right_type] = resolved.arguments.as_slice() else {
                return Err(types::Error::internal("a binary operator has two operands"));
            };
            if resolved.returns != DataType::Bool {
                let error = err!(
                    DatatypeMismatch,
                    "row comparison operator must yield type boolean, not type {}",
                    resolved.returns
                );
                return Err(self.source.locate_operator(error, sql, symbol));
            }
            args.push(self.argument(value, left_type).map_err(|error| self.at(error, *sql))?);
            operators.push(resolved.function);
            self.note(resolved.function);
            if right.data_type() != right_type {
                let cast = self.argument(right, right_type).map_err(|error| self.at(error, query))?;
                let number = self.arena.column(right_type);
                casts.push((number, cast));
                column.number = number;
            }
        }
        let rel = std::mem::replace(&mut bound.rel, crate::rel::Rel::OneRow);
        bound.rel = rel.project(casts);
        let kind = match all {
            true => SubplanKind::All { left: args, operators },
            false => SubplanKind::Any { left: args, operators },
        };
        Ok(self.subplan(bound, kind, DataType::Bool))
    }

    /// `(a, b) = (SELECT c, d ...)`: NULL for no row, an error for more than one.
    pub(crate) fn compare_row_with_subquery(
        &mut self,
        symbol: &str,
        lefts: &[&Sql],
        query: &ast::Query,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let mut left = Vec::with_capacity(lefts.len());
        for sql in lefts {
            left.push(self.expr(sql, place)?);
        }
        let bound = self.subquery(query, place)?;
        if bound.columns.len() != left.len() {
            let many = if bound.columns.len() > left.len() { "many" } else { "few" };
            return Err(self.at(err!(SyntaxError, "subquery has too {many} columns"), query));
        }
        let mut volatile = false;
        bound.rel.visit(&mut |rel| {
            let one = |expr: &Expr| matches!(expr, Expr::Call { function, .. } if function.volatility == expr::Volatility::Volatile);
            volatile |= rel.exprs().into_iter().any(|expr| crate::rel::any(expr, &one));
        });
        if volatile {
            return Err(self.at(types::Error::unsupported("comparing a row with a volatile subquery"), query));
        }
        // One record, whose fields are compared.
        let fields: Vec<Expr> = bound.columns.iter().map(|column| self.arena.expr(column.number)).collect();
        let types: Vec<ColumnType> = fields.iter().map(Expr::ty).collect();
        let record = self.arena.column(DataType::Record);
        let named = super::Named { name: "row".into(), number: record, origin: None };
        let rel = bound.rel.project(vec![(record, Expr::row(fields))]);
        let row = self.scalar(Bound { rel, columns: vec![named] });
        let right: Vec<Expr> = types
            .into_iter()
            .enumerate()
            .map(|(index, ty)| Expr::Field { record: Box::new(row.clone()), index, ty })
            .collect();
        self.compare_bound_rows(symbol, left, right).map_err(|error| self.at(error, query))
    }
}
