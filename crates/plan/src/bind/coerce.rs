//! Coercions: unknown literals and parameters to what their context wants, the rest by `pg_cast`.

use super::{Binder, names, position::Start};
use expr::Expr;
use std::sync::Arc;
use types::cast::{self, Context};
use types::{ColumnType, DataType, Error, Result, Value, bail, err};

impl Binder<'_> {
    /// `expr` as a value of `to`, in a place that asks for `context`. None if there is no such cast.
    pub(crate) fn try_coerce(
        &mut self,
        expr: Expr,
        to: ColumnType,
        context: Context,
    ) -> Result<Option<Expr>> {
        let from = expr.ty();
        if from == to || (from.data_type == to.data_type && to.typmod < 0) {
            return Ok(Some(expr));
        }
        if from.data_type == DataType::Unknown {
            return self.coerce_unknown(expr, to, context).map(Some);
        }
        if from.data_type == to.data_type {
            return Ok(Some(cast(expr, to, context)));
        }
        if let (Expr::Array { .. }, Some(element)) = (&expr, to.data_type.element()) {
            // ARRAY['1']::int[]: element by element, so that literals stay literals.
            let Expr::Array { elements, .. } = expr else {
                return Err(Error::internal("an array is an array"));
            };
            let mut all = Vec::with_capacity(elements.len());
            for one in elements {
                match self.try_coerce(one, ColumnType::new(element, to.typmod), context)? {
                    Some(one) => all.push(one),
                    None => return Ok(None),
                }
            }
            return Ok(Some(Expr::Array { elements: all, ty: to }));
        }
        match cast::context(from.data_type, to.data_type) {
            Some(needed) if needed <= context => Ok(Some(cast(expr, to, context))),
            _ => Ok(None),
        }
    }

    /// [`Binder::try_coerce`] for a cast that is known to be allowed.
    pub(crate) fn coerce(
        &mut self,
        expr: Expr,
        to: impl Into<ColumnType>,
        context: Context,
        at: &impl Start,
    ) -> Result<Expr> {
        let (from, to) = (expr.data_type(), to.into());
        match self.try_coerce(expr, to, context) {
            Ok(Some(expr)) => Ok(expr),
            Ok(None) => Err(self.at(err!(CannotCoerce, "cannot cast type {from} to {}", to.data_type), at)),
            Err(error) => Err(self.at(error, at)),
        }
    }

    /// A literal is parsed now; a parameter takes the type.
    fn coerce_unknown(&mut self, expr: Expr, to: ColumnType, context: Context) -> Result<Expr> {
        let base = ColumnType::from(to.data_type);
        match expr {
            Expr::Constant { value: Value::Null, .. } => Ok(Expr::null(to)),
            Expr::Constant { value: Value::Text(text), .. } => {
                let constant = match self.alias_of_oid(&text, to.data_type)? {
                    Some(constant) => return Ok(constant),
                    None => {
                        Expr::constant(types::text::parse(&text, base, &self.environment.settings)?, base)
                    }
                };
                if to.typmod < 0 {
                    return Ok(constant);
                }
                let Expr::Constant { value, .. } = &constant else {
                    return Err(Error::internal("a literal"));
                };
                let explicit = context == Context::Explicit;
                let value = cast::cast(value, to.data_type, to, explicit, &self.environment.settings)?;
                Ok(Expr::constant(value, to))
            }
            Expr::Parameter { index, .. } => {
                self.decide_parameter(index, to.data_type)?;
                let parameter = Expr::Parameter { index, ty: base };
                Ok(if to.typmod < 0 { parameter } else { cast(parameter, to, context) })
            }
            other if to.data_type == DataType::Unknown => Ok(other),
            other => Ok(cast(other, to, context)),
        }
    }

    /// regclass, regtype, ... literals: their names are looked up now, as PostgreSQL does.
    fn alias_of_oid(&mut self, text: &str, to: DataType) -> Result<Option<Expr>> {
        if !to.is_oid() || matches!(to, DataType::Oid | DataType::Xid) {
            return Ok(None);
        }
        let trimmed = text.trim();
        if trimmed == "-" || (!trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit())) {
            let oid = if trimmed == "-" { 0 } else { parse_oid(trimmed)? };
            return Ok(Some(Expr::constant(Value::Oid(oid), to)));
        }
        let constant = |oid| Ok(Some(Expr::constant(Value::Oid(oid), to)));
        match to {
            DataType::Regclass if !self.nameless => {
                let parts = split_name(trimmed)?;
                let (schema, name) = match parts.as_slice() {
                    [name] => (None, name.as_str()),
                    [schema, name] => (Some(schema.as_str()), name.as_str()),
                    _ => bail!(SyntaxError, "invalid name syntax"),
                };
                match self.relation(schema, name)? {
                    Some(relation) => {
                        self.references.insert((relation.oid, 0));
                        self.named_in_literal.insert(relation.oid);
                        constant(relation.oid)
                    }
                    None => Err(err!(UndefinedTable, "relation \"{}\" does not exist", parts.join("."))),
                }
            }
            DataType::Regnamespace if !self.nameless => {
                match self.schema.namespace(&split_name(trimmed)?.join("."))? {
                    Some(oid) => constant(oid),
                    None => Err(err!(InvalidSchemaName, "schema \"{trimmed}\" does not exist")),
                }
            }
            DataType::Regtype => match crate::bind::stored::type_named(trimmed) {
                Ok(ty) => constant(ty.data_type.oid()),
                Err(error) => Err(error),
            },
            // Roles and functions: known to the runtime only; and relations, where no schema is known.
            _ => Ok(Some(Expr::Cast {
                input: Box::new(Expr::constant(Value::text(text), DataType::Text)),
                to: to.into(),
                explicit: true,
            })),
        }
    }

    /// A parameter whose type its context decides.
    fn decide_parameter(&mut self, index: usize, ty: DataType) -> Result<()> {
        let ty = if ty == DataType::Unknown { DataType::Text } else { ty };
        match self.parameters.get(index).copied().flatten() {
            None => {
                if self.parameters.len() <= index {
                    self.parameters.resize(index + 1, None);
                }
                self.parameters[index] = Some(ty);
                Ok(())
            }
            Some(known) if known == ty => Ok(()),
            Some(known) => {
                Err(err!(AmbiguousParameter, "inconsistent types deduced for parameter ${}", index + 1)
                    .detail(format!("{known} versus {ty}")))
            }
        }
    }

    /// A condition: boolean, or 42804 naming the clause.
    pub(crate) fn condition(&mut self, expr: Expr, clause: &str, at: &impl Start) -> Result<Expr> {
        let from = expr.data_type();
        let coerced = self.try_coerce(expr, DataType::Bool.into(), Context::Assignment);
        match coerced.map_err(|error| self.at(error, at))? {
            Some(expr) => Ok(expr),
            None => Err(self.at(
                err!(DatatypeMismatch, "argument of {clause} must be type boolean, not type {from}"),
                at,
            )),
        }
    }

    /// What is left undecided at the end becomes text.
    pub(crate) fn decided(&mut self, expr: Expr, at: &impl Start) -> Result<Expr> {
        if expr.data_type() == DataType::Unknown {
            return self.coerce(expr, super::scope::UNDECIDED, Context::Implicit, at);
        }
        Ok(expr)
    }

    /// The type that all of `types` take together (PostgreSQL 15, 10.5). `what` is UNION, CASE, ... for the message;
    /// Err holds the offending position among `types`.
    pub(crate) fn common_type(&self, types: &[ColumnType], what: &str) -> Result<ColumnType, (usize, Error)> {
        let mut candidate: Option<DataType> = None;
        for (position, ty) in types.iter().enumerate() {
            let ty = ty.data_type;
            let Some(current) = candidate else {
                candidate = (ty != DataType::Unknown).then_some(ty);
                continue;
            };
            if ty == DataType::Unknown || ty == current {
                continue;
            }
            if ty.category() != current.category() {
                let error = err!(DatatypeMismatch, "{what} types {current} and {ty} cannot be matched");
                return Err((position, error));
            }
            let implicit = |from, to| cast::context(from, to) == Some(Context::Implicit);
            if !preferred(current) && implicit(current, ty) && !implicit(ty, current) {
                candidate = Some(ty);
            }
        }
        let Some(chosen) = candidate else { return Ok(DataType::Text.into()) };
        // A modifier survives if all agree on type and modifier.
        let typmod = match types.first() {
            Some(first) if types.iter().all(|ty| ty == first) => first.typmod,
            _ => -1,
        };
        Ok(ColumnType::new(chosen, typmod))
    }

    /// All of `exprs` in their common type, and that type: its modifier holds only if it is that of all.
    pub(crate) fn unify(
        &mut self,
        exprs: Vec<(Expr, Option<&sqlparser::ast::Expr>)>,
        what: &str,
    ) -> Result<(Vec<Expr>, ColumnType)> {
        let types: Vec<ColumnType> = exprs.iter().map(|(expr, _)| expr.ty()).collect();
        let common = match self.common_type(&types, what) {
            Ok(common) => common,
            Err((position, error)) => {
                return Err(match exprs.get(position) {
                    Some((_, Some(at))) => self.at(error, *at),
                    _ => error,
                });
            }
        };
        let exprs: Result<Vec<Expr>> =
            exprs.into_iter().map(|(expr, at)| self.in_common_type(expr, common, what, at)).collect();
        Ok((exprs?, common))
    }

    pub(crate) fn in_common_type(
        &mut self,
        expr: Expr,
        common: ColumnType,
        what: &str,
        at: Option<&sqlparser::ast::Expr>,
    ) -> Result<Expr> {
        let from = expr.data_type();
        let error = match self.try_coerce(expr, common, Context::Implicit) {
            Ok(Some(expr)) => return Ok(expr),
            Ok(None) => err!(CannotCoerce, "{what} could not convert type {from} to {}", common.data_type),
            Err(error) => error,
        };
        Err(match at {
            Some(at) => self.at(error, at),
            None => error,
        })
    }

    /// By name: in a view, its own schema comes first.
    pub(crate) fn relation(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<types::schema::Relation>>> {
        if let (None, Some(view)) = (schema, &self.view)
            && let Some(found) = self.schema.relation(Some(&view.schema), name)?
        {
            return Ok(Some(found));
        }
        self.schema.relation(schema, name)
    }
}

fn cast(input: Expr, to: ColumnType, context: Context) -> Expr {
    Expr::Cast { input: Box::new(input), to, explicit: context == Context::Explicit }
}

/// `pg_type.typispreferred`.
fn preferred(ty: DataType) -> bool {
    use DataType::*;
    matches!(ty, Bool | Float8 | Oid | Text | TimestampTz | Interval)
}

fn parse_oid(text: &str) -> Result<types::Oid> {
    text.parse().map_err(|_| err!(NumericValueOutOfRange, "value \"{text}\" is out of range for type oid"))
}

/// `"Schema".name`, as `stringToQualifiedNameList` reads it.
pub(crate) fn split_name(text: &str) -> Result<Vec<String>> {
    let mut parts = vec![];
    let mut rest = text.trim();
    loop {
        let part = if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut chars = quoted.char_indices().peekable();
            let mut end = None;
            while let Some((index, c)) = chars.next() {
                match c {
                    '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                        name.push('"');
                        chars.next();
                    }
                    '"' => {
                        end = Some(index + 1);
                        break;
                    }
                    c => name.push(c),
                }
            }
            let Some(end) = end else { bail!(InvalidName, "invalid name syntax") };
            rest = quoted[end..].trim_start();
            name
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let name = rest[..end].trim();
            if name.is_empty() || name.contains(['"', '(', ')']) {
                bail!(InvalidName, "invalid name syntax");
            }
            let ident = sqlparser::ast::Ident::new(name);
            rest = &rest[end..];
            names::fold(&ident)
        };
        parts.push(part);
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => return Ok(parts),
            None => bail!(InvalidName, "invalid name syntax"),
        }
    }
}
