//! VALUES as a query.

use super::query::Bound;
use super::scope::Named;
use super::{Binder, Clause, Place, Scope};
use crate::rel::Rel;
use expr::Expr;
use sqlparser::ast::{self, Expr as Sql};
use types::{Error, Result, err};

impl Binder<'_> {
    pub(crate) fn values(
        &mut self,
        values: &ast::Values,
        outer: Option<&Scope<'_>>,
        resolve: bool,
    ) -> Result<Bound> {
        let ast::Values { explicit_row, value_keyword, rows } = values;
        if *explicit_row || *value_keyword {
            return Err(Error::unsupported("VALUES ROW and VALUE"));
        }
        let scope = Scope::child(outer);
        let width = rows.first().map_or(0, |row| row.content.len());
        let mut by_column: Vec<Vec<(Expr, Option<&Sql>)>> = (0..width).map(|_| vec![]).collect();
        for row in rows {
            if row.content.len() != width {
                let error = err!(SyntaxError, "VALUES lists must all be the same length");
                return Err(match row.content.first() {
                    Some(first) => self.at(error, first),
                    None => error,
                });
            }
            for (sql, column) in row.content.iter().zip(&mut by_column) {
                if is_default(sql) {
                    return Err(self.at(err!(SyntaxError, "DEFAULT is not allowed in this context"), sql));
                }
                column.push((self.expr(sql, &mut Place::new(&scope, Clause::Values))?, Some(sql)));
            }
        }
        let mut columns = vec![];
        let mut unified = vec![];
        for (index, column) in by_column.into_iter().enumerate() {
            let undecided = column.iter().all(|(expr, _)| expr.data_type() == types::DataType::Unknown);
            let (column, ty) = match undecided && !resolve && rows.len() == 1 {
                true => {
                    let column: Vec<Expr> = column.into_iter().map(|(expr, _)| expr).collect();
                    let ty = column.first().map(Expr::ty).unwrap_or(types::DataType::Text.into());
                    (column, ty)
                }
                false => self.unify(column, "VALUES")?,
            };
            let number = self.arena.column(ty);
            columns.push(Named { name: format!("column{}", index + 1), number, origin: None });
            unified.push(column.into_iter());
        }
        let rows = (0..rows.len()).map(|_| unified.iter_mut().filter_map(Iterator::next).collect()).collect();
        let numbers = columns.iter().map(|column| column.number).collect();
        Ok(Bound { rel: Rel::Values { rows, columns: numbers }, columns })
    }
}

/// The keyword DEFAULT in place of a value.
pub(crate) fn is_default(sql: &Sql) -> bool {
    matches!(sql, Sql::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}
