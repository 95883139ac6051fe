//! A query: WITH, a body, ORDER BY, LIMIT, row locks.

use super::scope::Named;
use super::select::Finish;
use super::{Binder, Clause, Place, Scope};
use crate::rel::{Number, Rel};
use expr::{Expr, SortKey};
use sqlparser::ast::{self, Expr as Sql, SetExpr};
use types::cast::Context;
use types::{DataType, Error, Result, bail, err};

/// A bound query: its tree and its columns, which the tree's rows have among others.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub rel: Rel,
    pub columns: Vec<Named>,
}

impl Bound {
    pub(crate) fn numbers(&self) -> Vec<Number> {
        self.columns.iter().map(|column| column.number).collect()
    }
}

/// What a query says after its body.
pub(crate) struct Tail<'q> {
    pub order_by: &'q [ast::OrderByExpr],
    pub limit: Option<&'q Sql>,
    pub offset: Option<&'q Sql>,
    pub with_ties: bool,
    pub locks: &'q [ast::LockClause],
}

impl Tail<'_> {
    pub(crate) fn none() -> Tail<'static> {
        Tail { order_by: &[], limit: None, offset: None, with_ties: false, locks: &[] }
    }
    pub(crate) fn is_none(&self) -> bool {
        let Tail { order_by, limit, offset, with_ties, locks } = self;
        order_by.is_empty() && limit.is_none() && offset.is_none() && !with_ties && locks.is_empty()
    }
}

impl Binder<'_> {
    /// `resolve`: what is still undecided becomes text. INSERT decides by its columns instead.
    pub(crate) fn query(
        &mut self,
        query: &ast::Query,
        outer: Option<&Scope<'_>>,
        resolve: bool,
    ) -> Result<Bound> {
        let ast::Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if for_clause.is_some() || settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty()
        {
            return Err(Error::unsupported("FOR XML, SETTINGS, FORMAT and pipe operators"));
        }
        let tail = tail(order_by.as_ref(), limit_clause.as_ref(), fetch.as_ref(), locks)?;
        let visible = self.ctes.len();
        let bound = match with {
            Some(with) => self.with(with, outer),
            None => Ok(()),
        }
        .and_then(|()| self.body(body, &tail, outer, resolve));
        self.ctes.truncate(visible);
        bound
    }

    fn body(
        &mut self,
        body: &SetExpr,
        tail: &Tail<'_>,
        outer: Option<&Scope<'_>>,
        resolve: bool,
    ) -> Result<Bound> {
        match body {
            SetExpr::Select(select) => self.select(select, tail, outer, resolve),
            SetExpr::Query(query) if tail.is_none() => {
                self.deeper(|binder| binder.query(query, outer, resolve))
            }
            SetExpr::Query(query) => {
                let inner = self.deeper(|binder| binder.query(query, outer, resolve))?;
                self.finish_plain(inner, tail, outer)
            }
            SetExpr::SetOperation { .. } => {
                let bound = self.set_operation(body, outer)?;
                self.finish_plain(bound, tail, outer)
            }
            SetExpr::Values(values) => {
                let bound = self.values(values, outer, resolve)?;
                self.finish_plain(bound, tail, outer)
            }
            SetExpr::Table(table) => {
                let ast::Table { table_name, schema_name } = &**table;
                let name = table_name.iter().chain(schema_name).cloned().collect::<Vec<_>>().join(".");
                Err(Error::unsupported("TABLE name").hint(format!("Write SELECT * FROM {name}.")))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(Error::unsupported("a data-modifying statement inside a query"))
            }
        }
    }

    /// An operand of a set operation, without ORDER BY of its own.
    pub(crate) fn operand(&mut self, body: &SetExpr, outer: Option<&Scope<'_>>) -> Result<Bound> {
        self.deeper(|binder| binder.body(body, &Tail::none(), outer, false))
    }

    /// ORDER BY and LIMIT over a result whose columns are all there is: names and positions only.
    fn finish_plain(&mut self, bound: Bound, tail: &Tail<'_>, outer: Option<&Scope<'_>>) -> Result<Bound> {
        if !tail.locks.is_empty() {
            return Err(err!(
                FeatureNotSupported,
                "FOR UPDATE is not allowed with UNION/INTERSECT/EXCEPT or VALUES"
            ));
        }
        let Bound { mut rel, columns } = bound;
        let mut keys = vec![];
        for item in tail.order_by {
            let ast::OrderByExpr { expr: sql, options, with_fill } = item;
            if with_fill.is_some() {
                return Err(Error::unsupported("WITH FILL"));
            }
            let number = match self.output_reference(sql, &columns, "ORDER BY")? {
                Some(number) => number,
                None => {
                    let error = err!(FeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                        .detail("Only result column names can be used, not expressions or functions.")
                        .hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
                    return Err(self.at(error, sql));
                }
            };
            let (descending, nulls_first) = super::function::direction(options)?;
            let expr = self.arena.expr(number);
            expr::operator::ordering(expr.data_type()).map_err(|error| self.at(error, sql))?;
            keys.push(SortKey { expr, descending, nulls_first });
        }
        if !keys.is_empty() {
            rel = Rel::Sort { input: Box::new(rel), keys: keys.clone() };
        }
        let rel = self.limited(rel, tail, &keys, outer)?;
        Ok(Bound { rel, columns })
    }

    /// An output column that ORDER BY or GROUP BY names by position or by a bare name.
    pub(crate) fn output_reference(
        &mut self,
        sql: &Sql,
        columns: &[Named],
        clause: &str,
    ) -> Result<Option<Number>> {
        match sql {
            Sql::Value(ast::ValueWithSpan { value: ast::Value::Number(digits, _), span: _ }) => {
                let position: Option<usize> = digits.parse().ok();
                let Some(position) = position else {
                    return Err(self.at(err!(SyntaxError, "non-integer constant in {clause}"), sql));
                };
                match position.checked_sub(1).and_then(|index| columns.get(index)) {
                    Some(column) => Ok(Some(column.number)),
                    None => {
                        let error = err!(
                            InvalidColumnReference,
                            "{clause} position {position} is not in select list"
                        );
                        Err(self.at(error, sql))
                    }
                }
            }
            Sql::Value(ast::ValueWithSpan {
                value:
                    ast::Value::SingleQuotedString(_)
                    | ast::Value::EscapedStringLiteral(_)
                    | ast::Value::Boolean(_)
                    | ast::Value::Null,
                span: _,
            }) => Err(self.at(err!(SyntaxError, "non-integer constant in {clause}"), sql)),
            Sql::Identifier(ident) => {
                let name = super::names::fold(ident);
                let mut found: Option<Number> = None;
                for column in columns.iter().filter(|column| column.name == name) {
                    if found.is_some_and(|found| found != column.number) {
                        return Err(self.at(err!(AmbiguousColumn, "{clause} \"{name}\" is ambiguous"), ident));
                    }
                    found = Some(column.number);
                }
                Ok(found)
            }
            _ => Ok(None),
        }
    }

    /// LIMIT and OFFSET.
    pub(crate) fn limited(
        &mut self,
        rel: Rel,
        tail: &Tail<'_>,
        keys: &[SortKey],
        outer: Option<&Scope<'_>>,
    ) -> Result<Rel> {
        // PostgreSQL binds OFFSET first.
        let offset = self.row_count(tail.offset, Clause::Offset, outer)?;
        let limit = self.row_count(tail.limit, Clause::Limit, outer)?;
        let limit = limit.filter(|limit| !matches!(limit, Expr::Constant { value: types::Value::Null, .. }));
        if limit.is_none() && offset.is_none() {
            return Ok(rel);
        }
        if tail.with_ties && keys.is_empty() {
            bail!(SyntaxError, "WITH TIES cannot be specified without ORDER BY clause");
        }
        let with_ties = tail.with_ties.then(|| keys.to_vec());
        Ok(Rel::Limit { input: Box::new(rel), limit, offset, with_ties })
    }

    fn row_count(
        &mut self,
        sql: Option<&Sql>,
        clause: Clause,
        outer: Option<&Scope<'_>>,
    ) -> Result<Option<Expr>> {
        let Some(sql) = sql else { return Ok(None) };
        let scope = Scope::child(outer);
        let bound = self.expr(sql, &mut Place::new(&scope, clause)).map_err(|mut error| {
            if error.state == types::SqlState::UndefinedColumn {
                error.state = types::SqlState::InvalidColumnReference;
                error.message = format!("argument of {} must not contain variables", clause.name());
            }
            error
        })?;
        let from = bound.data_type();
        match self.try_coerce(bound, DataType::Int8.into(), Context::Assignment) {
            Ok(Some(count)) => Ok(Some(count)),
            Ok(None) => {
                let name = clause.name();
                let error = err!(DatatypeMismatch, "argument of {name} must be type bigint, not type {from}");
                Err(self.at(error, sql))
            }
            Err(error) => Err(self.at(error, sql)),
        }
    }

    /// For callers that have already bound everything but the end.
    pub(crate) fn finish(
        &mut self,
        finish: Finish,
        tail: &Tail<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Result<Rel> {
        let Finish { rel, keys } = finish;
        self.limited(rel, tail, &keys, outer)
    }
}

/// Takes ORDER BY, LIMIT, OFFSET, FETCH apart.
fn tail<'q>(
    order_by: Option<&'q ast::OrderBy>,
    limit_clause: Option<&'q ast::LimitClause>,
    fetch: Option<&'q ast::Fetch>,
    locks: &'q [ast::LockClause],
) -> Result<Tail<'q>> {
    let mut tail = Tail { order_by: &[], limit: None, offset: None, with_ties: false, locks };
    if let Some(ast::OrderBy { kind, interpolate }) = order_by {
        if interpolate.is_some() {
            return Err(Error::unsupported("INTERPOLATE"));
        }
        match kind {
            ast::OrderByKind::Expressions(exprs) => tail.order_by = exprs,
            ast::OrderByKind::All(_) => return Err(Error::unsupported("ORDER BY ALL")),
        }
    }
    match limit_clause {
        None => {}
        Some(ast::LimitClause::LimitOffset { limit, offset, limit_by }) => {
            if !limit_by.is_empty() {
                return Err(Error::unsupported("LIMIT BY"));
            }
            tail.limit = limit.as_ref();
            tail.offset = offset.as_ref().map(|ast::Offset { value, rows: _ }| value);
        }
        Some(ast::LimitClause::OffsetCommaLimit { .. }) => {
            return Err(err!(SyntaxError, "LIMIT #,# syntax is not supported")
                .hint("Use separate LIMIT and OFFSET clauses."));
        }
    }
    if let Some(ast::Fetch { with_ties, percent, quantity }) = fetch {
        if *percent {
            return Err(Error::unsupported("FETCH ... PERCENT"));
        }
        if tail.limit.is_some() {
            bail!(SyntaxError, "multiple LIMIT clauses not allowed");
        }
        tail.with_ties = *with_ties;
        tail.limit = match quantity {
            Some(quantity) => Some(quantity),
            None => Some(&ONE_ROW),
        };
    }
    Ok(tail)
}

/// FETCH FIRST ROW ONLY.
static ONE_ROW: std::sync::LazyLock<Sql> = std::sync::LazyLock::new(|| {
    Sql::Value(ast::ValueWithSpan {
        value: ast::Value::Number("1".into(), false),
        span: sqlparser::tokenizer::Span::empty(),
    })
});
