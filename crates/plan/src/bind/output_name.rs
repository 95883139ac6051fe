//! The name of a result column without an alias (`FigureColname` in PostgreSQL).

use super::names;
use sqlparser::ast::{self, AccessExpr, Expr as Sql, SelectItem, SetExpr};

pub(crate) fn of(sql: &Sql) -> String {
    strong(sql).or_else(|| weak(sql)).unwrap_or_else(|| "?column?".into())
}

/// A name that wins over everything an enclosing cast could offer.
fn strong(sql: &Sql) -> Option<String> {
    match sql {
        Sql::Nested(inner) => strong(inner),
        Sql::Identifier(ident) => Some(names::fold(ident)),
        Sql::CompoundIdentifier(parts) => parts.last().map(names::fold),
        Sql::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Sql::Identifier(ident)) => Some(names::fold(ident)),
                _ => None,
            });
            field.or_else(|| strong(root))
        }
        Sql::Function(function) => Some(function_name(function)),
        Sql::Collate { expr, .. } => strong(expr),
        Sql::Cast { expr, .. } => strong(expr),
        Sql::Subquery(query) => subquery(query),
        Sql::Exists { negated: false, .. } => Some("exists".into()),
        Sql::Array(_) => Some("array".into()),
        Sql::Tuple(_) => Some("row".into()),
        Sql::BinaryOp { op: ast::BinaryOperator::Overlaps, .. } => Some("overlaps".into()),
        Sql::Extract { .. } => Some("extract".into()),
        Sql::AtTimeZone { .. } => Some("timezone".into()),
        Sql::Position { .. } => Some("position".into()),
        Sql::Substring { shorthand: true, .. } => Some("substr".into()),
        Sql::Substring { .. } => Some("substring".into()),
        Sql::Overlay { .. } => Some("overlay".into()),
        Sql::Ceil { .. } => Some("ceil".into()),
        Sql::Floor { .. } => Some("floor".into()),
        Sql::Trim { trim_where, .. } => Some(
            match trim_where {
                None | Some(ast::TrimWhereField::Both) => "btrim",
                Some(ast::TrimWhereField::Leading) => "ltrim",
                Some(ast::TrimWhereField::Trailing) => "rtrim",
            }
            .into(),
        ),
        Sql::Case { else_result: Some(default), .. } => strong(default),
        _ => None,
    }
}

/// A cast's type, and CASE: used where nothing inside has a name.
fn weak(sql: &Sql) -> Option<String> {
    match sql {
        Sql::Nested(inner) => weak(inner),
        Sql::Case { else_result, .. } => match else_result {
            Some(default) => weak(default).or_else(|| Some("case".into())),
            None => Some("case".into()),
        },
        Sql::Cast { data_type, .. } => type_name(data_type),
        Sql::TypedString(typed) => type_name(&typed.data_type),
        Sql::Interval(_) => Some("interval".into()),
        Sql::Collate { expr, .. } => weak(expr),
        Sql::CompoundFieldAccess { root, .. } => weak(root),
        _ => None,
    }
}

fn type_name(ty: &ast::DataType) -> Option<String> {
    let ty = super::data_type(ty).ok()?.data_type;
    Some(ty.element().unwrap_or(ty).name().to_owned())
}

fn function_name(function: &ast::Function) -> String {
    let last = function.name.0.last();
    match last {
        Some(ast::ObjectNamePart::Identifier(ident)) => match names::fold(ident).as_str() {
            "user" => "user".into(),
            name => name.to_owned(),
        },
        _ => "?column?".into(),
    }
}

/// A scalar subquery takes the name of its only column.
fn subquery(query: &ast::Query) -> Option<String> {
    let mut body = &*query.body;
    loop {
        match body {
            SetExpr::Select(select) => {
                return match select.projection.first() {
                    Some(SelectItem::ExprWithAlias { alias, .. }) => Some(names::fold(alias)),
                    Some(SelectItem::UnnamedExpr(sql)) => Some(of(sql)),
                    _ => None,
                };
            }
            SetExpr::Query(inner) => body = &inner.body,
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Values(_) => return Some("column1".into()),
            _ => return None,
        }
    }
}
