//! One expression.

use super::associate::{self, Corrected};
use super::operator::{and, row_elements, strip, symbol};
use super::scope::Found;
use super::{Binder, Clause, Place, names};
use expr::Expr;
use sqlparser::ast::{self, Expr as Sql, UnaryOperator};
use types::cast::Context;
use types::{DataType, Error, Result, bail, err};

impl Binder<'_> {
    pub(crate) fn expr(&mut self, sql: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        self.deeper(|binder| binder.expr_here(sql, place))
    }

    fn expr_here(&mut self, sql: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        match sql {
            Sql::Nested(inner) => self.expr(inner, place),
            Sql::Identifier(ident) => self.identifier(ident, place),
            Sql::CompoundIdentifier(parts) => self.compound(parts, place),
            Sql::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain, place),
            Sql::Value(value) => self.literal(value).map_err(|error| self.at(error, sql)),
            Sql::TypedString(typed) => self.typed_string(typed),
            Sql::Interval(interval) => self.interval(interval, place),
            Sql::BinaryOp { .. } | Sql::UnaryOp { .. } => self.operators(sql, place),
            Sql::IsNull(inner) => self.is_null(inner, false, place),
            Sql::IsNotNull(inner) => self.is_null(inner, true, place),
            Sql::IsTrue(inner) => self.boolean_test(inner, Some(true), false, "IS TRUE", place),
            Sql::IsNotTrue(inner) => self.boolean_test(inner, Some(true), true, "IS NOT TRUE", place),
            Sql::IsFalse(inner) => self.boolean_test(inner, Some(false), false, "IS FALSE", place),
            Sql::IsNotFalse(inner) => self.boolean_test(inner, Some(false), true, "IS NOT FALSE", place),
            Sql::IsUnknown(inner) => self.boolean_test(inner, None, false, "IS UNKNOWN", place),
            Sql::IsNotUnknown(inner) => self.boolean_test(inner, None, true, "IS NOT UNKNOWN", place),
            Sql::IsDistinctFrom(left, right) => self.is_distinct(left, right, false, place),
            Sql::IsNotDistinctFrom(left, right) => self.is_distinct(left, right, true, place),
            Sql::InList { expr, list, negated } => self.in_list(expr, list, *negated, place),
            Sql::InSubquery { expr, subquery, negated } => self.in_subquery(expr, subquery, *negated, place),
            Sql::Between { expr, negated, low, high } => self.between(expr, low, high, *negated, place),
            Sql::Like { negated, any, expr, pattern, escape_char } => {
                let symbol = if *negated { "!~~" } else { "~~" };
                self.like(symbol, *any, expr, pattern, escape_char.as_deref(), place)
            }
            Sql::ILike { negated, any, expr, pattern, escape_char } => {
                let symbol = if *negated { "!~~*" } else { "~~*" };
                self.like(symbol, *any, expr, pattern, escape_char.as_deref(), place)
            }
            Sql::SimilarTo { negated, expr, pattern, escape_char } => {
                let symbol = if *negated { "!~" } else { "~" };
                let mut args = vec![&**pattern];
                args.extend(escape_char.as_deref());
                let input = self.expr(expr, place)?;
                let pattern_expr = self.call_named("similar_to_escape", &args, sql, place)?;
                self.operate_at(symbol, input, pattern_expr, expr, pattern)
            }
            Sql::AnyOp { left, compare_op, right, is_some: _ } => {
                self.quantified(left, compare_op, right, false, place)
            }
            Sql::AllOp { left, compare_op, right } => self.quantified(left, compare_op, right, true, place),
            Sql::Cast { kind, expr, data_type, format } => {
                if !matches!(kind, ast::CastKind::Cast | ast::CastKind::DoubleColon) || format.is_some() {
                    return Err(Error::unsupported("this form of CAST"));
                }
                let written = matches!(kind, ast::CastKind::DoubleColon);
                let locate = |binder: &Self, error: types::Error, offset: usize| match written {
                    true => {
                        let had = error.position;
                        let mut error = binder.source.locate_operator(error, expr, "::");
                        if had.is_none() {
                            error.position = error.position.map(|position| position + offset);
                        }
                        error
                    }
                    false => binder.at(error, &**expr),
                };
                let to = super::data_type(data_type).map_err(|error| locate(self, error, 2))?;
                let input = match (strip(expr), to.data_type.is_array()) {
                    (Sql::Array(array), true) if array.elem.is_empty() => {
                        return Ok(Expr::Array { elements: vec![], ty: to });
                    }
                    _ => self.expr(expr, place)?,
                };
                let from = input.data_type();
                match self.try_coerce(input, to, Context::Explicit) {
                    Ok(Some(expr)) => Ok(expr),
                    Ok(None) => {
                        let error = err!(CannotCoerce, "cannot cast type {from} to {}", to.data_type);
                        Err(locate(self, error, 0))
                    }
                    Err(error) => Err(self.at(error, &**expr)),
                }
            }
            Sql::AtTimeZone { timestamp, time_zone } => {
                self.call_named("timezone", &[time_zone, timestamp], sql, place)
            }
            Sql::Extract { field, syntax: _, expr } => {
                let field = match field {
                    ast::DateTimeField::Custom(ident) => names::fold(ident),
                    field => field.to_string().to_lowercase(),
                };
                let field = Expr::constant(types::Value::text(field.trim_matches('\'')), DataType::Text);
                let input = self.expr(expr, place)?;
                self.call_with("extract", vec![field, input], sql)
            }
            Sql::Ceil { expr, field } => match field {
                ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
                    self.call_named("ceil", &[expr], sql, place)
                }
                _ => Err(Error::unsupported("CEIL with a scale or a field")),
            },
            Sql::Floor { expr, field } => match field {
                ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
                    self.call_named("floor", &[expr], sql, place)
                }
                _ => Err(Error::unsupported("FLOOR with a scale or a field")),
            },
            Sql::Position { expr, r#in } => self.call_named("position", &[r#in, expr], sql, place),
            Sql::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                let mut args = vec![self.expr(expr, place)?];
                match (substring_from, substring_for) {
                    (None, Some(length)) => {
                        args.push(Expr::constant(types::Value::Int4(1), DataType::Int4));
                        args.push(self.expr(length, place)?);
                    }
                    (from, length) => {
                        for arg in from.iter().chain(length) {
                            args.push(self.expr(arg, place)?);
                        }
                    }
                }
                self.call_with("substring", args, sql)
            }
            Sql::Trim { trim_where, trim_what, expr, trim_characters } => {
                let name = match trim_where {
                    None | Some(ast::TrimWhereField::Both) => "btrim",
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                };
                let mut args: Vec<&Sql> = vec![expr];
                args.extend(trim_what.as_deref());
                args.extend(trim_characters.iter().flatten());
                self.call_named(name, &args, sql, place)
            }
            Sql::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut args: Vec<&Sql> = vec![expr, overlay_what, overlay_from];
                args.extend(overlay_for.as_deref());
                self.call_named("overlay", &args, sql, place)
            }
            Sql::Collate { expr, collation } => {
                let input = self.expr(expr, place)?;
                let (_, collation_name) = names::object_name(collation)?;
                match collation_name.as_str() {
                    "default" | "C" | "POSIX" | "ucs_basic" | "C.UTF-8" | "C.utf8" => {}
                    other => {
                        let error = err!(
                            UndefinedObject,
                            "collation \"{other}\" for encoding \"UTF8\" does not exist"
                        );
                        return Err(self.at(error, collation));
                    }
                }
                match input.data_type() {
                    ty if ty.is_text() || ty.element().is_some_and(DataType::is_text) => Ok(input),
                    ty => {
                        Err(self
                            .at(err!(DatatypeMismatch, "collations are not supported by type {ty}"), &**expr))
                    }
                }
            }
            Sql::Function(function) => self.function(function, sql, place),
            Sql::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                let outside = self.conditional.replace("CASE");
                let case = self.case(operand.as_deref(), conditions, else_result.as_deref(), place);
                self.conditional = outside;
                case
            }
            Sql::Exists { subquery, negated } => self.exists(subquery, *negated, place),
            Sql::Subquery(query) => self.scalar_subquery(query, place),
            Sql::Tuple(elements) => self.row(&elements.iter().collect::<Vec<_>>(), place),
            Sql::Array(array) => self.array(array, sql, place),
            Sql::Named { .. } | Sql::Struct { .. } | Sql::Dictionary(_) | Sql::Map(_) => {
                Err(Error::unsupported("a struct or map literal"))
            }
            Sql::GroupingSets(_) | Sql::Cube(_) | Sql::Rollup(_) => {
                Err(err!(SyntaxError, "GROUPING SETS, CUBE and ROLLUP belong in GROUP BY"))
            }
            Sql::Prefixed { prefix, value: _ } => {
                Err(self.at(err!(SyntaxError, "syntax error at or near \"{prefix}\""), prefix))
            }
            Sql::QualifiedWildcard(name, _) => {
                let (schema, table) = names::object_name(name)?;
                match self.find_table(schema.as_deref(), &table, place.scope)?.cloned() {
                    Some(table) => Ok(self.whole_row(&table)),
                    None => {
                        let error = err!(UndefinedTable, "missing FROM-clause entry for table \"{table}\"");
                        Err(self.at(error, name))
                    }
                }
            }
            Sql::Wildcard(_) => Err(self.at(err!(SyntaxError, "syntax error at or near \"*\""), sql)),
            Sql::IsJson { .. } => Err(Error::unsupported("IS JSON")),
            Sql::IsNormalized { .. } => Err(Error::unsupported("IS NORMALIZED")),
            Sql::JsonAccess { .. }
            | Sql::InUnnest { .. }
            | Sql::RLike { .. }
            | Sql::Convert { .. }
            | Sql::MatchAgainst { .. }
            | Sql::OuterJoin(_)
            | Sql::Prior(_)
            | Sql::Lambda(_)
            | Sql::MemberOf(_) => Err(err!(SyntaxError, "syntax error at or near \"{sql}\"")),
        }
    }

    fn operators(&mut self, sql: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        match associate::corrected(sql) {
            Corrected::Same => {}
            Corrected::Rearranged(sql) => return self.expr(&sql, place),
            Corrected::Chained(op) => {
                let op = symbol(&op)?;
                let error = err!(SyntaxError, "syntax error at or near \"{op}\"");
                return Err(self.source.locate_operator(error, sql, &op));
            }
        }
        match sql {
            Sql::UnaryOp { op, expr } => self.unary(op, expr, sql, place),
            _ => self.binary_chain(sql, place),
        }
    }

    /// A chain of binary operators leans to the left: walked by a loop, because clients send thousands of ORs.
    fn binary_chain(&mut self, sql: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        let Sql::BinaryOp { left, op, right } = sql else { return Err(Error::internal("a binary operator")) };
        match op {
            ast::BinaryOperator::And | ast::BinaryOperator::Or => {
                let mut operands = vec![];
                let mut rest = sql;
                while let Sql::BinaryOp { left, op: next, right } = rest {
                    if next != op {
                        break;
                    }
                    operands.push(&**right);
                    rest = left;
                }
                operands.push(rest);
                let clause = if *op == ast::BinaryOperator::And { "AND" } else { "OR" };
                let mut all = Vec::with_capacity(operands.len());
                for operand in operands.into_iter().rev() {
                    let bound = self.expr(operand, place)?;
                    all.push(self.condition(bound, clause, operand)?);
                }
                Ok(if *op == ast::BinaryOperator::And { Expr::And(all) } else { Expr::Or(all) })
            }
            _ => self.binary(left, op, right, place),
        }
    }

    pub(crate) fn identifier(&mut self, ident: &ast::Ident, place: &mut Place<'_>) -> Result<Expr> {
        let name = names::fold(ident);
        match self.find_column(&name, place.scope).map_err(|error| self.at(error, ident))? {
            Some(Found::Column(named)) => {
                if let Some(position) = self.source.position(ident) {
                    self.named_at.entry(named.number).or_insert(position);
                }
                Ok(self.column(&named))
            }
            Some(Found::Row(table)) => Ok(self.whole_row(&table)),
            None => {
                if ident.quote_style.is_none() && matches!(name.as_str(), "current_schema" | "current_role") {
                    let function = if name == "current_role" { "current_user" } else { "current_schema" };
                    return self.call_with(function, vec![], &Sql::Identifier(ident.clone()));
                }
                if name == "ctid" {
                    let error = Error::unsupported("column ctid").hint("Use the primary key, or \"_row\".");
                    return Err(self.at(error, ident));
                }
                Err(self.at(err!(UndefinedColumn, "column \"{name}\" does not exist"), ident))
            }
        }
    }

    pub(crate) fn compound(&mut self, parts: &[ast::Ident], place: &mut Place<'_>) -> Result<Expr> {
        let folded: Vec<String> = parts.iter().map(names::fold).collect();
        let Some(first) = parts.first() else { return Err(Error::internal("a name without parts")) };
        let found = match folded.as_slice() {
            [table, column] => self.find_qualified(None, table, column, place.scope),
            [schema, table, column] => self.find_qualified(Some(schema), table, column, place.scope),
            [database, schema, table, column] if *database == self.environment.database => {
                self.find_qualified(Some(schema), table, column, place.scope)
            }
            _ => Err(err!(
                FeatureNotSupported,
                "cross-database references are not implemented: {}",
                folded.join(".")
            )),
        };
        let named = found.map_err(|error| self.at(error, first))?;
        if let Some(position) = self.source.position(first) {
            self.named_at.entry(named.number).or_insert(position);
        }
        Ok(self.column(&named))
    }

    fn unary(&mut self, op: &UnaryOperator, operand: &Sql, at: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        match (op, operand) {
            (UnaryOperator::Minus, Sql::Value(value)) => {
                if let ast::Value::Number(digits, false) = &value.value {
                    return self.number(&format!("-{digits}"));
                }
            }
            (UnaryOperator::Not, _) => {
                let bound = self.expr(operand, place)?;
                return Ok(Expr::Not(Box::new(self.condition(bound, "NOT", operand)?)));
            }
            _ => {}
        }
        let symbol = match op {
            UnaryOperator::PGPostfixFactorial | UnaryOperator::PGPrefixFactorial => {
                bail!(UndefinedFunction, "operator does not exist: {op}")
            }
            other => other.to_string(),
        };
        let bound = self.expr(operand, place)?;
        self.operate(&symbol, None, bound).map_err(|error| self.at(error, at))
    }

    fn is_null(&mut self, inner: &Sql, negated: bool, place: &mut Place<'_>) -> Result<Expr> {
        if let Some(elements) = row_elements(inner) {
            // A row is null if all its fields are, not null if none is.
            let mut all = vec![];
            for element in elements {
                let input = Box::new(self.expr(element, place)?);
                all.push(Expr::IsNull { input, negated });
            }
            return Ok(and(all));
        }
        let bound = match self.expr(inner, place)? {
            // A row that an outer join made up has no field either.
            Expr::Case { default: Some(row), .. } if matches!(*row, Expr::Row { .. }) => *row,
            bound => bound,
        };
        match bound {
            Expr::Row { fields, names: _ } => Ok(and(fields
                .into_iter()
                .map(|field| Expr::IsNull { input: Box::new(field), negated })
                .collect())),
            input => Ok(Expr::IsNull { input: Box::new(input), negated }),
        }
    }

    fn boolean_test(
        &mut self,
        inner: &Sql,
        value: Option<bool>,
        negated: bool,
        clause: &str,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let bound = self.expr(inner, place)?;
        let input = Box::new(self.condition(bound, clause, inner)?);
        Ok(Expr::BooleanTest { input, value, negated })
    }

    fn between(
        &mut self,
        value: &Sql,
        low: &Sql,
        high: &Sql,
        negated: bool,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        // SYMMETRIC, as the parser's spelling has it: either order of the bounds.
        if let Sql::UnaryOp { op: UnaryOperator::Not, expr: inner } = low
            && let Sql::UnaryOp { op: UnaryOperator::Not, expr: low } = &**inner
        {
            let upward = self.between(value, low, high, negated, place)?;
            let downward = self.between(value, high, low, negated, place)?;
            let both = vec![upward, downward];
            return Ok(if negated { Expr::And(both) } else { Expr::Or(both) });
        }
        let (first, second) = if negated { ("<", ">") } else { (">=", "<=") };
        // PostgreSQL writes the operand twice as well: a volatile one is computed twice.
        let input = self.expr(value, place)?;
        let low_expr = self.expr(low, place)?;
        let first = self.operate_at(first, input.clone(), low_expr, value, low)?;
        let high_expr = self.expr(high, place)?;
        let second = self.operate_at(second, self.refresh(input), high_expr, value, high)?;
        Ok(if negated { Expr::Or(vec![first, second]) } else { Expr::And(vec![first, second]) })
    }

    /// A parameter that was bound before its type was decided has that type now.
    fn refresh(&self, expr: Expr) -> Expr {
        match expr {
            Expr::Parameter { index, ty } if ty.data_type == DataType::Unknown => {
                let ty = self.parameters.get(index).copied().flatten().unwrap_or(DataType::Unknown);
                Expr::Parameter { index, ty: ty.into() }
            }
            other => other,
        }
    }

    /// An operand that we write more than once must give the same value each time.
    fn once(&self, operand: &Expr, at: &Sql) -> Result<()> {
        let volatile = |expr: &Expr| matches!(expr, Expr::Call { function, .. } if function.volatility == expr::Volatility::Volatile);
        if crate::rel::any(operand, &volatile) {
            let error =
                Error::unsupported("a volatile function as the operand of a CASE of several branches");
            return Err(self.at(error.hint("Compute it in a subquery first."), at));
        }
        Ok(())
    }

    fn like(
        &mut self,
        symbol: &str,
        any: bool,
        input: &Sql,
        pattern: &Sql,
        escape: Option<&Sql>,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        if any {
            // `x LIKE ANY (array)` parses into this flag.
            let op = ast::BinaryOperator::Custom(symbol.to_owned());
            return self.quantified(input, &op, pattern, false, place);
        }
        if let (Some(array), None) = (array_of_all(pattern), escape) {
            let op = ast::BinaryOperator::Custom(symbol.to_owned());
            return self.quantified(input, &op, array, true, place);
        }
        let left = self.expr(input, place)?;
        let right = match escape {
            None => self.expr(pattern, place)?,
            Some(escape) => self.call_named("like_escape", &[pattern, escape], pattern, place)?,
        };
        self.operate_at(symbol, left, right, input, pattern)
    }

    fn case(
        &mut self,
        operand: Option<&Sql>,
        conditions: &[ast::CaseWhen],
        default: Option<&Sql>,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let operand_expr = match operand {
            None => None,
            Some(sql) => {
                let bound = self.expr(sql, place)?;
                if conditions.len() > 1 {
                    self.once(&bound, sql)?;
                }
                // An undecided operand is text, as in PostgreSQL.
                Some(self.decided(bound, sql)?)
            }
        };
        let mut tests = vec![];
        let mut results = vec![];
        for ast::CaseWhen { condition, result } in conditions {
            let test = match (&operand_expr, operand) {
                (Some(input), Some(sql)) => {
                    let value = self.expr(condition, place)?;
                    let test = self.operate_at("=", input.clone(), value, sql, condition)?;
                    self.condition(test, "CASE/WHEN", condition)?
                }
                _ => {
                    let test = self.expr(condition, place)?;
                    self.condition(test, "CASE/WHEN", condition)?
                }
            };
            tests.push(test);
            results.push((self.expr(result, place)?, Some(result)));
        }
        // PostgreSQL resolves the default's type first.
        let default = match default {
            Some(sql) => (self.expr(sql, place)?, Some(sql)),
            None => (Expr::null(DataType::Unknown), None),
        };
        results.insert(0, default);
        let (mut results, ty) = self.unify(results, "CASE")?;
        let default = results.remove(0);
        let default = match default {
            Expr::Constant { value: types::Value::Null, .. } => None,
            other => Some(Box::new(other)),
        };
        Ok(Expr::Case { branches: tests.into_iter().zip(results).collect(), default, ty })
    }

    pub(crate) fn row(&mut self, elements: &[&Sql], place: &mut Place<'_>) -> Result<Expr> {
        let mut all = Vec::with_capacity(elements.len());
        for element in elements {
            let bound = self.expr(element, place)?;
            match (element, bound) {
                // `row(1, t.*)`
                (Sql::QualifiedWildcard(..), Expr::Row { fields, names: _ }) => all.extend(fields),
                (Sql::QualifiedWildcard(..), Expr::Case { default: Some(row), .. }) => match *row {
                    Expr::Row { fields, names: _ } => all.extend(fields),
                    row => all.push(row),
                },
                (_, bound) => all.push(self.decided(bound, *element)?),
            }
        }
        Ok(Expr::row(all))
    }

    fn array(&mut self, array: &ast::Array, at: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        let ast::Array { elem, named } = array;
        if !named {
            return Err(self.at(err!(SyntaxError, "syntax error at or near \"[\""), at));
        }
        if elem.is_empty() {
            let error = err!(IndeterminateDatatype, "cannot determine type of empty array")
                .hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].");
            return Err(self.at(error, at));
        }
        if elem.iter().any(|element| matches!(element, Sql::Array(_))) {
            return Err(self.at(Error::unsupported("an array of more than one dimension"), at));
        }
        let mut elements = Vec::with_capacity(elem.len());
        for element in elem {
            elements.push((self.expr(element, place)?, Some(element)));
        }
        let (elements, element) = self.unify(elements, "ARRAY")?;
        if element.data_type.is_array() {
            return Err(self.at(Error::unsupported("an array of more than one dimension"), at));
        }
        let Some(ty) = element.data_type.array() else {
            let error =
                err!(UndefinedObject, "could not find array type for data type {}", element.data_type);
            return Err(self.at(error, at));
        };
        Ok(Expr::Array { elements, ty: ty.into() })
    }

    /// An expression that may name no column at all.
    pub(crate) fn constant_expr(&mut self, sql: &Sql, clause: Clause) -> Result<Expr> {
        let scope = super::Scope::default();
        self.expr(sql, &mut Place::new(&scope, clause))
    }
}

/// `LIKE ALL (array)` parses as LIKE a call of ALL.
fn array_of_all(pattern: &Sql) -> Option<&Sql> {
    let Sql::Function(function) = pattern else { return None };
    let [ast::ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    if name.quote_style.is_some() || !name.value.eq_ignore_ascii_case("all") {
        return None;
    }
    let ast::FunctionArguments::List(list) = &function.args else { return None };
    match super::operator::plain_arguments(list)?.as_slice() {
        [array] => Some(array),
        _ => None,
    }
}
