//! Operators, comparisons of rows, IN lists, ANY and ALL over arrays.

use super::{Binder, Place};
use expr::Expr;
use sqlparser::ast::{self, BinaryOperator, Expr as Sql};
use types::cast::Context;
use types::{DataType, Error, Result, bail, err};

impl Binder<'_> {
    /// `left symbol right`, coerced. Without position: see [`Binder::binary`].
    pub(crate) fn operate(&mut self, symbol: &str, left: Option<Expr>, right: Expr) -> Result<Expr> {
        let resolved =
            expr::operator::resolve(symbol, left.as_ref().map(Expr::data_type), right.data_type())?;
        let given: Vec<Expr> = left.into_iter().chain([right]).collect();
        let mut args = Vec::with_capacity(given.len());
        for (arg, ty) in given.into_iter().zip(&resolved.arguments) {
            args.push(self.argument(arg, *ty)?);
        }
        self.note(resolved.function);
        Ok(Expr::Call { function: resolved.function, args, ty: resolved.returns.into() })
    }

    /// An argument in the type that resolution chose.
    pub(crate) fn argument(&mut self, arg: Expr, ty: DataType) -> Result<Expr> {
        let from = arg.data_type();
        if from == ty || ty == DataType::Record {
            return Ok(arg);
        }
        match self.try_coerce(arg, ty.into(), Context::Implicit)? {
            Some(arg) => Ok(arg),
            None => Err(err!(CannotCoerce, "cannot cast type {from} to {ty}")),
        }
    }

    /// A binary operator with error positions.
    pub(crate) fn binary(
        &mut self,
        left: &Sql,
        op: &BinaryOperator,
        right: &Sql,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        if *op == BinaryOperator::Overlaps {
            return self.overlaps(left, right, place);
        }
        let symbol = symbol(op)?;
        if let (Some(lefts), Some(rights)) = (row_elements(left), row_elements(right)) {
            return self.compare_rows(&symbol, &lefts, &rights, left, place);
        }
        if let (Some(lefts), Sql::Subquery(query)) = (row_elements(left), strip(right)) {
            return self.compare_row_with_subquery(&symbol, &lefts, query, place);
        }
        let left_expr = self.expr(left, place)?;
        let right_expr = self.expr(right, place)?;
        self.operate_at(&symbol, left_expr, right_expr, left, right)
    }

    /// `(start, end) OVERLAPS (start, length)`
    fn overlaps(&mut self, left: &Sql, right: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        let mut args = vec![];
        for (side, sql) in [("left", left), ("right", right)] {
            match row_elements(sql).as_deref() {
                Some(&[start, end]) => args.extend([start, end]),
                _ => {
                    let message = "wrong number of parameters on {side} side of OVERLAPS expression";
                    return Err(self.at(err!(SyntaxError, "{}", message.replace("{side}", side)), sql));
                }
            }
        }
        self.call_named("overlaps", &args, left, place)
    }

    pub(crate) fn operate_at(
        &mut self,
        symbol: &str,
        l: Expr,
        r: Expr,
        left: &Sql,
        right: &Sql,
    ) -> Result<Expr> {
        let (l_unknown, r_unknown) = (literal(&l), literal(&r));
        self.operate(symbol, Some(l), r).map_err(|error| match error.state {
            // A bad literal is shown itself, a missing operator at the operator.
            types::SqlState::UndefinedFunction | types::SqlState::AmbiguousFunction => {
                self.source.locate_operator(error, left, symbol)
            }
            _ if r_unknown => self.at(error, right),
            _ if l_unknown => self.at(error, left),
            _ => self.source.locate_operator(error, left, symbol),
        })
    }

    /// `(a, b) < (c, d)`, element by element.
    pub(crate) fn compare_rows(
        &mut self,
        symbol: &str,
        lefts: &[&Sql],
        rights: &[&Sql],
        at: &Sql,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        if lefts.len() != rights.len() {
            return Err(self.at(err!(SyntaxError, "unequal number of entries in row expressions"), at));
        }
        if lefts.is_empty() {
            return Err(self.at(err!(FeatureNotSupported, "cannot compare rows of zero length"), at));
        }
        match symbol {
            "=" | "<>" => {
                let mut all = vec![];
                for (left, right) in lefts.iter().zip(rights) {
                    all.push(self.binary(left, &operator_of(symbol), right, place)?);
                }
                Ok(if symbol == "=" { and(all) } else { or(all) })
            }
            "<" | "<=" | ">" | ">=" => {
                // a < c OR (a = c AND (b < d ...))
                let strict = &symbol[..1];
                let mut result: Option<Expr> = None;
                for (left, right) in lefts.iter().zip(rights).rev() {
                    result = Some(match result {
                        None => self.binary(left, &operator_of(symbol), right, place)?,
                        Some(rest) => {
                            let differs = self.binary(left, &operator_of(strict), right, place)?;
                            let equal = self.binary(left, &BinaryOperator::Eq, right, place)?;
                            Expr::Or(vec![differs, Expr::And(vec![equal, rest])])
                        }
                    });
                }
                result.ok_or_else(|| Error::internal("a comparison of empty rows"))
            }
            _ => {
                let error = err!(
                    FeatureNotSupported,
                    "could not determine interpretation of row comparison operator {symbol}"
                );
                Err(self.at(
                    error.hint("Row comparison operators must be associated with btree operator families."),
                    at,
                ))
            }
        }
    }

    /// [`Binder::compare_rows`] of expressions that are bound.
    pub(crate) fn compare_bound_rows(
        &mut self,
        symbol: &str,
        lefts: Vec<Expr>,
        rights: Vec<Expr>,
    ) -> Result<Expr> {
        let pairs: Vec<(Expr, Expr)> = lefts.into_iter().zip(rights).collect();
        match symbol {
            "=" | "<>" => {
                let mut all = vec![];
                for (left, right) in pairs {
                    all.push(self.operate(symbol, Some(left), right)?);
                }
                Ok(if symbol == "=" { and(all) } else { or(all) })
            }
            "<" | "<=" | ">" | ">=" => {
                let mut result: Option<Expr> = None;
                for (left, right) in pairs.into_iter().rev() {
                    result = Some(match result {
                        None => self.operate(symbol, Some(left), right)?,
                        Some(rest) => {
                            let differs = self.operate(&symbol[..1], Some(left.clone()), right.clone())?;
                            let equal = self.operate("=", Some(left), right)?;
                            Expr::Or(vec![differs, Expr::And(vec![equal, rest])])
                        }
                    });
                }
                result.ok_or_else(|| Error::internal("a comparison of empty rows"))
            }
            _ => bail!(
                FeatureNotSupported,
                "could not determine interpretation of row comparison operator {symbol}"
            ),
        }
    }

    /// `x [NOT] IN (a, b)`.
    pub(crate) fn in_list(
        &mut self,
        left: &Sql,
        list: &[Sql],
        negated: bool,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let symbol = if negated { "<>" } else { "=" };
        let join = |all| if negated { and(all) } else { or(all) };
        if let Some(lefts) = row_elements(left) {
            let mut all = vec![];
            for item in list {
                let Some(rights) = row_elements(item) else {
                    return Err(
                        self.at(err!(SyntaxError, "unequal number of entries in row expressions"), item)
                    );
                };
                all.push(self.compare_rows(symbol, &lefts, &rights, item, place)?);
            }
            return Ok(join(all));
        }
        let input = self.expr(left, place)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            items.push(self.expr(item, place)?);
        }
        if items.len() == 1 {
            let item = items.remove(0);
            return self.operate_at(symbol, input, item, left, &list[0]);
        }
        let types: Vec<_> = [input.ty()].into_iter().chain(items.iter().map(Expr::ty)).collect();
        let common = match self.common_type(&types, "IN") {
            Ok(common) => types::ColumnType::from(common.data_type),
            Err(_) => {
                // No common type: PostgreSQL falls back to one comparison each.
                let mut all = vec![];
                for (item, at) in items.into_iter().zip(list) {
                    all.push(self.operate_at(symbol, input.clone(), item, left, at)?);
                }
                return Ok(join(all));
            }
        };
        let resolved = expr::operator::resolve("=", Some(input.data_type()), common.data_type)
            .map_err(|error| self.source.locate_operator(error, left, "in"))?;
        let &[left_type, right_type] = resolved.arguments.as_slice() else {
            return Err(Error::internal("an equality has two operands"));
        };
        let input = self.argument(input, left_type).map_err(|error| self.at(error, left))?;
        let mut all = Vec::with_capacity(items.len());
        for (item, at) in items.into_iter().zip(list) {
            let item = self.coerce(item, common, Context::Implicit, at)?;
            all.push(self.argument(item, right_type).map_err(|error| self.at(error, at))?);
        }
        Ok(Expr::InList { input: Box::new(input), list: all, equal: resolved.function, negated })
    }

    /// `x op ANY (array)`, `x op ALL (array)`; over a subquery: see `subquery.rs`.
    pub(crate) fn quantified(
        &mut self,
        left: &Sql,
        op: &BinaryOperator,
        right: &Sql,
        all: bool,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let symbol = symbol(op)?;
        if let Sql::Subquery(query) = strip(right) {
            return self.quantified_subquery(left, &symbol, query, all, place);
        }
        let left_expr = self.expr(left, place)?;
        let array = self.expr(right, place)?;
        let side = if all { "ALL" } else { "ANY" };
        let element = match array.data_type() {
            DataType::Unknown => DataType::Unknown,
            ty => match element_of(ty) {
                Some(element) => element,
                None => {
                    let error = err!(WrongObjectType, "op {side} (array) requires array on right side");
                    return Err(self.source.locate_operator(error, left, &symbol));
                }
            },
        };
        let resolved = expr::operator::resolve(&symbol, Some(left_expr.data_type()), element)
            .map_err(|error| self.source.locate_operator(error, left, &symbol))?;
        if resolved.returns != DataType::Bool {
            bail!(WrongObjectType, "op {side} (array) requires operator to yield boolean");
        }
        let &[left_type, right_type] = resolved.arguments.as_slice() else {
            return Err(Error::internal("a binary operator has two operands"));
        };
        let left_expr = self.argument(left_expr, left_type).map_err(|error| self.at(error, left))?;
        let array = if array.data_type() == DataType::Unknown || element != right_type {
            match right_type.array() {
                Some(array_type) => self.coerce(array, array_type, Context::Implicit, right)?,
                None => bail!(UndefinedObject, "could not find array type for data type {right_type}"),
            }
        } else {
            array
        };
        self.note(resolved.function);
        Ok(Expr::Quantified {
            left: Box::new(left_expr),
            array: Box::new(array),
            operator: resolved.function,
            all,
        })
    }

    /// `a IS [NOT] DISTINCT FROM b`.
    pub(crate) fn is_distinct(
        &mut self,
        left: &Sql,
        right: &Sql,
        negated: bool,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        if let (Some(lefts), Some(rights)) = (row_elements(left), row_elements(right)) {
            if lefts.len() != rights.len() {
                return Err(self.at(err!(SyntaxError, "unequal number of entries in row expressions"), left));
            }
            let mut all = vec![];
            for (l, r) in lefts.iter().zip(rights) {
                all.push(self.is_distinct(l, r, negated, place)?);
            }
            return Ok(if negated { and(all) } else { or(all) });
        }
        let l = self.expr(left, place)?;
        let r = self.expr(right, place)?;
        // `x IS DISTINCT FROM NULL` is a null test, also for types without equality.
        for (one, other) in [(&l, &r), (&r, &l)] {
            if matches!(one, Expr::Constant { value: types::Value::Null, .. }) {
                return Ok(Expr::IsNull { input: Box::new(other.clone()), negated: !negated });
            }
        }
        match self.operate_at("=", l, r, left, right)? {
            Expr::Call { function, mut args, .. } if args.len() == 2 => {
                let right = args.remove(1);
                let left = args.remove(0);
                Ok(Expr::IsDistinct {
                    left: Box::new(left),
                    right: Box::new(right),
                    equal: function,
                    negated,
                })
            }
            _ => Err(Error::internal("an equality is a call of two operands")),
        }
    }

    /// Remembers what a called function makes of the whole statement.
    pub(crate) fn note(&mut self, function: &'static expr::Function) {
        if function.volatility != expr::Volatility::Immutable {
            self.volatile = true;
        }
    }
}

/// An operator as it is written.
pub(crate) fn symbol(op: &BinaryOperator) -> Result<String> {
    Ok(match op {
        BinaryOperator::NotEq => "<>".into(),
        BinaryOperator::PGCustomBinaryOperator(path) => match path.as_slice() {
            [symbol] => symbol.clone(),
            [schema, symbol] if schema == "pg_catalog" => symbol.clone(),
            _ => bail!(UndefinedFunction, "operator does not exist: {}", path.join(".")),
        },
        BinaryOperator::Overlaps => return Err(Error::unsupported("OVERLAPS")),
        BinaryOperator::Assignment => return Err(Error::unsupported("a named argument")),
        other => other.to_string(),
    })
}

fn operator_of(symbol: &str) -> BinaryOperator {
    match symbol {
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        _ => BinaryOperator::GtEq,
    }
}

/// The elements of `(a, b)` or `ROW(a, b)`.
pub(crate) fn row_elements(sql: &Sql) -> Option<Vec<&Sql>> {
    match sql {
        Sql::Tuple(elements) => Some(elements.iter().collect()),
        Sql::Nested(inner) => row_elements(inner),
        Sql::Function(function)
            if function.over.is_none() && function.name.to_string().eq_ignore_ascii_case("row") =>
        {
            match &function.args {
                ast::FunctionArguments::List(list) => plain_arguments(list),
                _ => None,
            }
        }
        _ => None,
    }
}

pub(crate) fn strip(sql: &Sql) -> &Sql {
    match sql {
        Sql::Nested(inner) => strip(inner),
        other => other,
    }
}

fn literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Constant { .. } | Expr::Parameter { .. }) && expr.data_type() == DataType::Unknown
}

/// The element type of arrays and of PostgreSQL's vectors.
pub(crate) fn element_of(ty: DataType) -> Option<DataType> {
    match ty {
        DataType::Int2Vector => Some(DataType::Int2),
        DataType::OidVector => Some(DataType::Oid),
        ty => ty.element(),
    }
}

pub(crate) fn and(mut all: Vec<Expr>) -> Expr {
    if all.len() == 1 { all.remove(0) } else { Expr::And(all) }
}

pub(crate) fn or(mut all: Vec<Expr>) -> Expr {
    if all.len() == 1 { all.remove(0) } else { Expr::Or(all) }
}

/// A call's arguments as syntax, for `ROW(...)`.
pub(crate) fn plain_arguments(list: &ast::FunctionArgumentList) -> Option<Vec<&Sql>> {
    list.args
        .iter()
        .map(|arg| match arg {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(sql)) => Some(sql),
            _ => None,
        })
        .collect()
}
