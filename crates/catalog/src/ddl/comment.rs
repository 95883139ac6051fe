//! COMMENT ON.

use super::drop::no_object;
use super::no_column;
use crate::state::Named;
use crate::transaction::Transaction;
use types::ddl::{CommentTarget, ObjectKind};
use types::{Error, Result};

impl Transaction {
    pub(super) fn comment(&mut self, on: &CommentTarget, text: Option<&str>) -> Result<()> {
        // An empty comment is none.
        let text = text.filter(|text| !text.is_empty()).map(str::to_owned);
        match on {
            CommentTarget::Relation(ObjectKind::Schema, name) => {
                let mut namespace = self.namespace_named(&name.name)?;
                namespace.comment = text;
                self.put_namespace(namespace)
            }
            CommentTarget::Relation(kind, name) => match self.find(name)? {
                Some(Named::Index { index, table }) if *kind == ObjectKind::Index => {
                    self.change_relation(table, |table| {
                        if let Some(index) = table.indexes.iter_mut().find(|candidate| candidate.oid == index)
                        {
                            index.comment = text;
                        }
                    })?;
                    Ok(())
                }
                Some(Named::Relation(oid)) if *kind != ObjectKind::Index => {
                    self.change_relation(oid, |relation| relation.comment = text)?;
                    Ok(())
                }
                _ if matches!(kind, ObjectKind::Index) => Err(no_object(*kind, name)),
                _ => Err(super::no_relation(name)),
            },
            CommentTarget::Column(name, column) => {
                let Some(relation) = self.find_relation(name)? else { return Err(super::no_relation(name)) };
                let id = relation.column_named(column).map(|column| column.id);
                let id = id.ok_or_else(|| no_column(&relation, column))?;
                self.change_relation(relation.oid, |relation| {
                    if let Some(column) = relation.columns.iter_mut().find(|column| column.id == id) {
                        column.comment = text;
                    }
                })?;
                Ok(())
            }
            CommentTarget::Constraint(..) => {
                Err(Error::unsupported("COMMENT ON CONSTRAINT")
                    .hint("Comment on the table or on the column."))
            }
        }
    }
}
