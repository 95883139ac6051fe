//! Parts of a value: fields, array elements and slices, jsonb subscripts.

use super::operator::{element_of, strip};
use super::scope::Found;
use super::{Binder, Place, names};
use expr::Expr;
use sqlparser::ast::{self, AccessExpr, Expr as Sql};
use types::cast::Context;
use types::{ColumnType, DataType, Error, Result, bail, err};

impl Binder<'_> {
    /// `a[1]`, `(f(x)).field`, `t.a[1:2]`.
    pub(crate) fn access(&mut self, root: &Sql, chain: &[AccessExpr], place: &mut Place<'_>) -> Result<Expr> {
        // Leading dots of a bare name belong to the name: t.a[1].
        let mut parts = vec![];
        if let Sql::Identifier(ident) = root {
            parts.push(ident.clone());
        } else if let Sql::CompoundIdentifier(idents) = root {
            parts.extend(idents.iter().cloned());
        }
        let mut rest = chain;
        while let (false, [AccessExpr::Dot(Sql::Identifier(ident)), tail @ ..]) = (parts.is_empty(), rest) {
            parts.push(ident.clone());
            rest = tail;
        }
        // (t).a of a table's row is t.a.
        if let (Sql::Nested(inner), [AccessExpr::Dot(Sql::Identifier(field)), tail @ ..]) = (root, rest)
            && let Sql::Identifier(ident) = strip(inner)
            && let Some(Found::Row(table)) = self.find_column(&names::fold(ident), place.scope)?
            && !table.scalar
        {
            parts = vec![ident.clone(), field.clone()];
            rest = tail;
        }
        let mut value = match parts.as_slice() {
            [] => self.expr(root, place)?,
            [ident] => self.identifier(ident, place)?,
            parts => self.compound(parts, place)?,
        };
        let subscripts = rest.iter().filter(|access| matches!(access, AccessExpr::Subscript(_))).count();
        if subscripts > 1 && value.data_type().is_array() {
            let error = Error::unsupported("subscripts of more than one dimension")
                .hint("Arrays of one dimension are supported.");
            return Err(self.at(error, root));
        }
        for access in rest {
            value = match access {
                AccessExpr::Dot(Sql::Identifier(field)) => self.field(value, field)?,
                AccessExpr::Dot(other) => {
                    return Err(self.at(err!(SyntaxError, "syntax error at or near \"{other}\""), other));
                }
                AccessExpr::Subscript(subscript) => self.subscript(value, subscript, root, place)?,
            };
        }
        Ok(value)
    }

    fn field(&mut self, record: Expr, field: &ast::Ident) -> Result<Expr> {
        let name = names::fold(field);
        let Some(fields) = self.fields_of(&record) else {
            let error = match record.data_type() {
                DataType::Record => {
                    err!(UndefinedColumn, "could not identify column \"{name}\" in record data type")
                }
                ty => err!(
                    WrongObjectType,
                    "column notation .{name} applied to type {ty}, which is not a composite type"
                ),
            };
            return Err(self.at(error, field));
        };
        let Some(index) = fields.iter().position(|(field, _)| *field == name) else {
            let error = err!(UndefinedColumn, "could not identify column \"{name}\" in record data type");
            return Err(self.at(error, field));
        };
        Ok(Expr::Field { record: Box::new(record), index, ty: fields[index].1 })
    }

    /// The fields of a record, where they are known.
    pub(crate) fn fields_of(&self, record: &Expr) -> Option<Vec<(String, ColumnType)>> {
        match record {
            Expr::Column { index, .. } => self.arena.records.get(index).cloned(),
            Expr::Row { fields, names } => {
                let name = |i: usize| match names.as_ref().and_then(|names| names.get(i)) {
                    Some(name) => name.clone(),
                    None => format!("f{}", i + 1),
                };
                Some(fields.iter().enumerate().map(|(i, field)| (name(i), field.ty())).collect())
            }
            // A row that an outer join may have made NULL.
            Expr::Case { default: Some(row), .. } if matches!(**row, Expr::Row { .. }) => self.fields_of(row),
            Expr::Call { function, .. } if !function.columns.is_empty() => {
                Some(function.columns.iter().map(|(name, ty)| (name.to_string(), (*ty).into())).collect())
            }
            _ => None,
        }
    }

    fn subscript(
        &mut self,
        array: Expr,
        subscript: &ast::Subscript,
        at: &Sql,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let ty = array.data_type();
        if ty == DataType::Jsonb {
            return self.json_subscript(array, subscript, at, place);
        }
        if let (DataType::Name, ast::Subscript::Index { index }) = (ty, subscript) {
            return self.name_subscript(array, index, place);
        }
        let Some(element) = element_of(ty) else {
            let error =
                err!(DatatypeMismatch, "cannot subscript type {ty} because it does not support subscripting");
            return Err(self.at(error, at));
        };
        match subscript {
            ast::Subscript::Index { index } => {
                let index = self.array_index(index, place)?;
                let ty = ColumnType::new(element, array.ty().typmod);
                Ok(Expr::Subscript { array: Box::new(array), index: Box::new(index), ty })
            }
            ast::Subscript::Slice { lower_bound, upper_bound, stride } => {
                if stride.is_some() {
                    bail!(SyntaxError, "an array slice has no stride");
                }
                let mut bound = |bound: &Option<Sql>| match bound {
                    None => Ok(None),
                    Some(bound) => self.array_index(bound, place).map(|bound| Some(Box::new(bound))),
                };
                let (lower, upper) = (bound(lower_bound)?, bound(upper_bound)?);
                let ty = array.ty();
                Ok(Expr::Slice { array: Box::new(array), lower, upper, ty })
            }
        }
    }

    /// `document['field']`, `document[0]`.
    fn json_subscript(
        &mut self,
        document: Expr,
        subscript: &ast::Subscript,
        at: &Sql,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let ast::Subscript::Index { index } = subscript else {
            return Err(self.at(err!(DatatypeMismatch, "jsonb subscript does not support slices"), at));
        };
        let bound = self.expr(index, place)?;
        let from = bound.data_type();
        let wanted =
            if matches!(from, DataType::Int2 | DataType::Int4) { DataType::Int4 } else { DataType::Text };
        match self.try_coerce(bound, wanted.into(), Context::Implicit) {
            Ok(Some(step)) => {
                let ty = DataType::Jsonb.into();
                Ok(Expr::Subscript { array: Box::new(document), index: Box::new(step), ty })
            }
            Ok(None) => {
                let error = err!(DatatypeMismatch, "subscript type {from} is not supported")
                    .hint("jsonb subscript must be coercible to either integer or text.");
                Err(self.at(error, index))
            }
            Err(error) => Err(self.at(error, index)),
        }
    }

    /// `typname[0]`: a character of a name, counted from 0.
    fn name_subscript(&mut self, name: Expr, index: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        let index_expr = self.array_index(index, place)?;
        let int = |value| Expr::constant(types::Value::Int4(value), DataType::Int4);
        let outside = Expr::Or(vec![
            self.operate("<", Some(index_expr.clone()), int(0))?,
            self.operate(">", Some(index_expr.clone()), int(63))?,
        ]);
        let text = Expr::Cast { input: Box::new(name), to: DataType::Text.into(), explicit: true };
        let start = self.operate("+", Some(index_expr), int(1))?;
        let character = self.call_with("substring", vec![text, start, int(1)], index)?;
        let ty = ColumnType::from(DataType::Char);
        let character = Expr::Cast { input: Box::new(character), to: ty, explicit: true };
        Ok(Expr::Case {
            branches: vec![(outside, Expr::null(DataType::Char))],
            default: Some(Box::new(character)),
            ty,
        })
    }

    fn array_index(&mut self, index: &Sql, place: &mut Place<'_>) -> Result<Expr> {
        let bound = self.expr(index, place)?;
        match self.try_coerce(bound, DataType::Int4.into(), Context::Assignment) {
            Ok(Some(bound)) => Ok(bound),
            Ok(None) => Err(self.at(err!(DatatypeMismatch, "array subscript must have type integer"), index)),
            Err(error) => Err(self.at(error, index)),
        }
    }
}
