//! Calls: plain functions, special forms, aggregates, window and set-returning functions told apart.

use super::aggregate::SetCall;
use super::{Binder, Clause, Place, names};
use expr::Expr;
use sqlparser::ast::{self, Expr as Sql, FunctionArguments};
use types::{DataType, Error, Result, bail, err};

impl Binder<'_> {
    pub(crate) fn function(
        &mut self,
        function: &ast::Function,
        at: &Sql,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let ast::Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        if *uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) {
            return Err(self.at(err!(SyntaxError, "syntax error in the call of {name}"), at));
        }
        if null_treatment.is_some() {
            return Err(self.at(Error::unsupported("IGNORE NULLS and RESPECT NULLS"), at));
        }
        let (schema, folded) = names::object_name(name).map_err(|error| self.at(error, name))?;
        let plain = filter.is_none() && over.is_none() && within_group.is_empty();
        let list = match args {
            FunctionArguments::Subquery(query) if folded == "array" && schema.is_none() && plain => {
                return self.array_subquery(query, place);
            }
            FunctionArguments::Subquery(_) => {
                return Err(
                    self.at(err!(SyntaxError, "a subquery as an argument needs its own parentheses"), at)
                );
            }
            FunctionArguments::None => {
                if schema.is_none() && plain {
                    return self.bare_keyword(&folded, at);
                }
                return Err(self.at(err!(SyntaxError, "syntax error at or near \"{folded}\""), at));
            }
            FunctionArguments::List(list) => list,
        };
        // `(VALUES (1))`, which the parser takes for a call: a subquery of one row is that value.
        if let ("values", None, true, Some(values)) =
            (folded.as_str(), &schema, plain, super::operator::plain_arguments(list))
        {
            return match values.as_slice() {
                [value] => self.expr(value, place),
                _ => Err(self.at(err!(SyntaxError, "subquery must return only one column"), at)),
            };
        }
        let ast::FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        let mut order_by: &[ast::OrderByExpr] = &[];
        for clause in clauses {
            match clause {
                ast::FunctionArgumentClause::OrderBy(keys) => order_by = keys,
                _ => return Err(self.at(Error::unsupported("this clause in a function's arguments"), at)),
            }
        }
        let distinct = matches!(duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
        let placed = self.placed(schema.as_deref(), &folded, args, name)?;
        let folded = match placed.as_ref().and_then(|placed| placed.name) {
            Some(instead) => instead.to_owned(),
            None => folded,
        };
        let (mut star, mut syntax) = (false, vec![]);
        // `count(t.*)` is of t's rows.
        let rows: Vec<Sql> = args
            .iter()
            .filter_map(|arg| match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::QualifiedWildcard(name)) => {
                    Some(Sql::QualifiedWildcard(
                        name.clone(),
                        ast::helpers::attached_token::AttachedToken::empty(),
                    ))
                }
                _ => None,
            })
            .collect();
        let mut rows = rows.iter();
        if let Some(placed) = &placed {
            syntax.extend(&placed.args);
        }
        for arg in args.iter().filter(|_| placed.is_none()) {
            match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(sql)) => syntax.push(sql),
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard) => star = true,
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::QualifiedWildcard(_)) => {
                    syntax.extend(rows.next());
                }
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::WildcardWithOptions(_))
                | ast::FunctionArg::ExprNamed { .. }
                | ast::FunctionArg::Named { .. } => {
                    return Err(self.at(err!(SyntaxError, "syntax error in the call of {folded}"), at));
                }
            }
        }
        let call = Call {
            schema,
            name: folded,
            syntax,
            star,
            distinct,
            order_by,
            within_group,
            filter: filter.as_deref(),
            at,
        };
        if let Some(window) = over {
            return self.window_call(&call, window, place);
        }
        if let Some(special) = self.special_form(&call, place)? {
            return Ok(special);
        }
        if let Some(aggregate) = self.aggregate_call(&call, place)? {
            return Ok(aggregate);
        }
        if call.star || distinct || !order_by.is_empty() || !within_group.is_empty() || filter.is_some() {
            let what = match () {
                _ if call.star => {
                    format!("{}(*) specified, but {} is not an aggregate function", call.name, call.name)
                }
                _ if distinct => {
                    format!("DISTINCT specified, but {} is not an aggregate function", call.name)
                }
                _ if filter.is_some() => {
                    format!("FILTER specified, but {} is not an aggregate function", call.name)
                }
                _ if !within_group.is_empty() => {
                    format!("WITHIN GROUP specified, but {} is not an aggregate function", call.name)
                }
                _ => format!("ORDER BY specified, but {} is not an aggregate function", call.name),
            };
            // A name that is no function at all is said to be missing first.
            if expr::function::exists(call.schema.as_deref(), &call.name) {
                return Err(self.at(err!(WrongObjectType, "{what}"), at));
            }
        }
        let bound = self.arguments(&call, place)?;
        if call.schema.is_none() {
            let types: Vec<DataType> = bound.iter().map(Expr::data_type).collect();
            if expr::window::resolve(&call.name, &types).is_some() {
                return Err(self
                    .at(err!(WrongObjectType, "window function {} requires an OVER clause", call.name), at));
            }
        }
        let expr = self.call_resolved(call.schema.as_deref(), &call.name, bound, at)?;
        match &expr {
            Expr::Call { function, .. } if function.returns_set() => self.set_call(expr, at, place),
            _ => Ok(expr),
        }
    }

    pub(crate) fn arguments(&mut self, call: &Call<'_>, place: &mut Place<'_>) -> Result<Vec<Expr>> {
        call.syntax.iter().map(|sql| self.expr(sql, place)).collect()
    }

    /// Resolves and coerces; set-returning functions come back as plain calls.
    pub(crate) fn call_resolved(
        &mut self,
        schema: Option<&str>,
        name: &str,
        args: Vec<Expr>,
        at: &Sql,
    ) -> Result<Expr> {
        let types: Vec<DataType> = args.iter().map(Expr::data_type).collect();
        let resolved = match expr::function::resolve(schema, name, &types) {
            Ok(resolved) => resolved,
            Err(error) => {
                // A type's name called as a function is a cast: int4('1'), text(x).
                if let ([only], Some(ty)) = (args.as_slice(), cast_name(schema, name)) {
                    return self.coerce(only.clone(), ty, types::cast::Context::Explicit, at);
                }
                return Err(self.at(error, at));
            }
        };
        let mut coerced = Vec::with_capacity(args.len());
        for (arg, ty) in args.into_iter().zip(&resolved.arguments) {
            coerced.push(self.argument(arg, *ty).map_err(|error| self.at(error, at))?);
        }
        self.note(resolved.function);
        Ok(Expr::Call { function: resolved.function, args: coerced, ty: resolved.returns.into() })
    }

    pub(crate) fn call_named(
        &mut self,
        name: &str,
        args: &[&Sql],
        at: &Sql,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let args = args.iter().map(|sql| self.expr(sql, place)).collect::<Result<Vec<_>>>()?;
        self.call_with(name, args, at)
    }

    pub(crate) fn call_with(&mut self, name: &str, args: Vec<Expr>, at: &Sql) -> Result<Expr> {
        self.call_resolved(Some("pg_catalog"), name, args, at)
    }

    /// `current_date` and its kin, which are called without parentheses.
    fn bare_keyword(&mut self, name: &str, at: &Sql) -> Result<Expr> {
        match name {
            "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp"
            | "current_user" | "session_user" | "current_catalog" | "current_schema" => {
                self.call_with(name, vec![], at)
            }
            "user" | "current_role" => self.call_with("current_user", vec![], at),
            _ => Err(self.at(err!(SyntaxError, "syntax error at or near \"{name}\""), at)),
        }
    }

    /// COALESCE and friends: grammar, not functions. None for a plain call.
    fn special_form(&mut self, call: &Call<'_>, place: &mut Place<'_>) -> Result<Option<Expr>> {
        if call.schema.is_some() || call.star || call.distinct || call.filter.is_some() {
            return Ok(None);
        }
        Ok(Some(match call.name.as_str() {
            "coalesce" | "greatest" | "least" => {
                let what = call.name.to_uppercase();
                if call.syntax.is_empty() {
                    return Err(self.at(err!(SyntaxError, "syntax error at or near \")\""), call.at));
                }
                let mut args = vec![];
                let outside = self.conditional;
                if what == "COALESCE" {
                    self.conditional = Some("COALESCE");
                }
                for sql in &call.syntax {
                    args.push((self.expr(sql, place)?, Some(*sql)));
                }
                self.conditional = outside;
                let (args, ty) = self.unify(args, &what)?;
                match call.name.as_str() {
                    "coalesce" => Expr::Coalesce { args, ty },
                    name => Expr::Extreme { args, greatest: name == "greatest", ty },
                }
            }
            "nullif" => {
                let &[left, right] = call.syntax.as_slice() else {
                    return Err(self.at(err!(SyntaxError, "NULLIF takes two arguments"), call.at));
                };
                let l = self.expr(left, place)?;
                let r = self.expr(right, place)?;
                match self.operate_at("=", l, r, left, right)? {
                    Expr::Call { function, mut args, .. } if args.len() == 2 => {
                        let right = Box::new(args.remove(1));
                        let left = Box::new(args.remove(0));
                        let ty = left.ty();
                        Expr::NullIf { left, right, equal: function, ty }
                    }
                    _ => return Err(Error::internal("an equality is a call of two operands")),
                }
            }
            "row" => self.row(&call.syntax, place)?,
            "grouping" => self.grouping_call(call, place)?,
            "current_time" | "current_timestamp" | "localtime" | "localtimestamp"
                if call.syntax.len() == 1 =>
            {
                let precision = match call.syntax.first() {
                    Some(Sql::Value(ast::ValueWithSpan {
                        value: ast::Value::Number(digits, false), ..
                    })) => digits.parse::<i32>().ok(),
                    _ => None,
                };
                let Some(precision) = precision else {
                    return Err(
                        self.at(err!(SyntaxError, "{} takes a literal precision", call.name), call.at)
                    );
                };
                let now = self.call_with(&call.name, vec![], call.at)?;
                let to = types::ColumnType::new(now.data_type(), precision.clamp(0, 6));
                Expr::Cast { input: Box::new(now), to, explicit: true }
            }
            _ => return Ok(None),
        }))
    }

    /// A set-returning function among the expressions of a select list: rows multiply, see `Rel::ProjectSet`.
    fn set_call(&mut self, expr: Expr, at: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        if let Some(what) = self.conditional {
            let error = err!(FeatureNotSupported, "set-returning functions are not allowed in {what}")
                .hint("You might be able to move the set-returning function into a LATERAL FROM item.");
            return Err(self.at(error, at));
        }
        let clause = place.clause;
        let allowed =
            matches!(clause, Clause::SelectList | Clause::OrderBy | Clause::DistinctOn | Clause::GroupBy);
        let (true, Some(collected)) = (allowed, place.collected.as_deref_mut()) else {
            if clause == Clause::FromFunction {
                return Ok(expr);
            }
            let error =
                err!(FeatureNotSupported, "set-returning functions are not allowed in {}", clause.name());
            return Err(self.at(error, at));
        };
        if let Some(same) = collected.sets.iter().find(|set| set.call == expr) {
            return Ok(self.arena.expr(same.number));
        }
        let mut inner = crate::rel::columns_in(&expr);
        inner.retain(|number| collected.sets.iter().any(|set| set.number == *number));
        let below =
            collected.sets.iter().filter(|set| inner.contains(&set.number)).map(|set| set.stage + 1).max();
        let number = self.arena.column(expr.ty());
        if let Expr::Call { function, .. } = &expr
            && !function.columns.is_empty()
        {
            let fields = function.columns.iter().map(|(name, ty)| (name.to_string(), (*ty).into())).collect();
            self.arena.records.insert(number, fields);
        }
        collected.sets.push(SetCall { number, call: expr, stage: below.unwrap_or(0) });
        Ok(self.arena.expr(number))
    }
}

/// A call, taken apart.
pub(crate) struct Call<'a> {
    pub schema: Option<String>,
    pub name: String,
    pub syntax: Vec<&'a Sql>,
    pub star: bool,
    pub distinct: bool,
    pub order_by: &'a [ast::OrderByExpr],
    pub within_group: &'a [ast::OrderByExpr],
    pub filter: Option<&'a Sql>,
    pub at: &'a Sql,
}

fn cast_name(schema: Option<&str>, name: &str) -> Option<DataType> {
    if schema.is_some_and(|schema| schema != "pg_catalog") {
        return None;
    }
    DataType::from_name(name)
        .filter(|ty| !matches!(ty, DataType::Unknown | DataType::Record | DataType::Void))
}

/// ORDER BY's direction: descending, nulls first.
pub(crate) fn direction(options: &ast::OrderByOptions) -> Result<(bool, bool)> {
    let ast::OrderByOptions { sort, nulls_first } = options;
    let descending = match sort {
        None | Some(ast::OrderBySort::Asc) => false,
        Some(ast::OrderBySort::Desc) => true,
        Some(ast::OrderBySort::Using(operator)) => match operator.to_string().as_str() {
            "<" => false,
            ">" => true,
            other => bail!(WrongObjectType, "operator {other} is not a valid ordering operator"),
        },
    };
    Ok((descending, nulls_first.unwrap_or(descending)))
}
