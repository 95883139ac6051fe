//! DELETE: USING, WHERE, RETURNING.

use super::update::{Change, filtered, target_columns};
use super::{Binder, Scope};
use crate::statement::TableLock;
use sqlparser::ast;
use types::ddl::Privilege;
use types::{Error, Result, err};

impl Binder<'_> {
    pub(crate) fn delete(&mut self, delete: &ast::Delete) -> Result<Change> {
        let ast::Delete {
            delete_token: _,
            optimizer_hints: _,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        if !tables.is_empty() || output.is_some() || !order_by.is_empty() || limit.is_some() {
            return Err(Error::unsupported("a clause of DELETE that PostgreSQL does not have"));
        }
        let ast::FromTable::WithFromKeyword(from) = from else {
            return Err(err!(SyntaxError, "DELETE needs FROM"));
        };
        let [table] = from.as_slice() else {
            return Err(
                err!(SyntaxError, "the target of delete is one table").hint("Name the others in USING.")
            );
        };
        let (relation, item) = self.changed_table(table, "delete from")?;
        self.need(&relation, Privilege::Delete, TableLock::RowExclusive);
        if selection.is_some() || returning.is_some() {
            self.need(&relation, Privilege::Select, TableLock::RowExclusive);
        }
        let (columns, key) = target_columns(&item)?;
        let mut item = self.beside(item, using.as_deref().unwrap_or_default(), None)?;
        let mut scope = Scope {
            parent: None,
            tables: std::mem::take(&mut item.tables),
            columns: std::mem::take(&mut item.columns),
        };
        let recheck = self.where_of(selection.as_ref(), &scope)?;
        let returning = match returning {
            None => None,
            Some(items) => {
                if let Some(target) = scope.tables.first_mut() {
                    target.hidden.clear();
                }
                Some(self.returning(items, scope)?)
            }
        };
        let input = filtered(item.rel, recheck.clone());
        Ok(Change {
            relation,
            input,
            columns,
            key,
            set: vec![],
            recheck,
            returning,
            stored: vec![],
            checks: vec![],
        })
    }
}
