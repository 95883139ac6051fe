//! RETURNING: a select list over the changed row.

use super::aggregate::Collected;
use super::scope::Named;
use super::{Binder, Clause, Place, Scope, names};
use expr::Expr;
use sqlparser::ast::{self, SelectItem};
use types::schema::HiddenColumn;
use types::{Result, err};

impl Binder<'_> {
    pub(crate) fn returning(&mut self, items: &[SelectItem], scope: Scope<'_>) -> Result<Vec<(Named, Expr)>> {
        let mut all = vec![];
        for item in items {
            match item {
                SelectItem::UnnamedExpr(sql) | SelectItem::ExprWithAlias { expr: sql, alias: _ } => {
                    let bound = self.expr(sql, &mut Place::new(&scope, Clause::Returning));
                    let bound = bound.map_err(|error| unknown_yet(sql, error))?;
                    let bound = self.decided(bound, sql)?;
                    let origin = match &bound {
                        Expr::Column { index, .. } => super::select::origin(*index, &scope),
                        _ => None,
                    };
                    let name = match item {
                        SelectItem::ExprWithAlias { alias, .. } => names::fold(alias),
                        _ => super::output_name::of(sql),
                    };
                    all.push((Named { name, number: 0, origin }, bound));
                }
                star => {
                    let mut collected = Collected::default();
                    for item in self.select_list(std::slice::from_ref(star), &scope, &mut collected)? {
                        all.push((Named { name: item.name, number: 0, origin: item.origin }, item.expr));
                    }
                }
            }
        }
        Ok(all)
    }
}

/// The transaction's number is given at commit: RETURNING cannot know it.
fn unknown_yet(sql: &ast::Expr, error: types::Error) -> types::Error {
    let name = match sql {
        ast::Expr::Identifier(ident) => names::fold(ident),
        ast::Expr::CompoundIdentifier(parts) => parts.last().map(names::fold).unwrap_or_default(),
        _ => return error,
    };
    if error.state != types::SqlState::UndefinedColumn || HiddenColumn::from_name(&name).is_none() {
        return error;
    }
    let mut refused = err!(FeatureNotSupported, "column {name} in RETURNING is not supported")
        .hint("It is decided when the transaction commits: read it afterwards.");
    refused.position = error.position;
    refused
}
