//! CREATE INDEX.

use super::constraint::check_orderable;
use super::names;
use crate::transaction::Transaction;
use kv::TableMode;
use types::ddl::{CreateIndex, IndexColumnDefinition};
use types::schema::{Index, IndexColumn, IndexKey, RelationKind};
use types::{Error, Result, SqlState};

/// PostgreSQL's `INDEX_MAX_KEYS`.
const INDEX_COLUMNS_LIMIT: usize = 32;

impl Transaction {
    pub(super) fn create_index(&mut self, create: &CreateIndex, notices: &mut Vec<Error>) -> Result<()> {
        let Some(relation) = self.find_relation(&create.table)? else {
            return Err(super::no_relation(&create.table));
        };
        if relation.kind != RelationKind::Table {
            return Err(types::err!(
                WrongObjectType,
                "cannot create index on relation \"{}\"",
                relation.name
            )
            .detail(format!(
                "This operation is not supported for {}s.",
                super::relation_word(relation.kind)
            )));
        }
        self.lock_for_ddl(&relation, TableMode::Share)?;
        if let Some(name) = &create.name
            && self.state.named(relation.schema_oid, name).is_some()
        {
            if create.if_not_exists {
                let message = format!("relation \"{name}\" already exists");
                notices.push(super::exists_already(SqlState::DuplicateTable, &message));
                return Ok(());
            }
            return Err(types::err!(DuplicateTable, "relation \"{name}\" already exists"));
        }
        if create.columns.len() > INDEX_COLUMNS_LIMIT {
            return Err(types::err!(
                TooManyColumns,
                "cannot use more than {INDEX_COLUMNS_LIMIT} columns in an index"
            ));
        }
        let mut columns = vec![];
        let mut labels: Vec<String> = vec![];
        for definition in &create.columns {
            let IndexColumnDefinition { column, expression, descending, nulls_first } = definition;
            let (key, data_type, label) = match (column, expression) {
                (Some(name), _) => {
                    let column = relation
                        .column_named(name)
                        .ok_or_else(|| types::err!(UndefinedColumn, "column \"{name}\" does not exist"))?;
                    (IndexKey::Column(column.id), column.ty.data_type, name.clone())
                }
                (None, Some((text, ty))) => {
                    let label = expression_label(text);
                    (IndexKey::Expression(text.clone(), *ty), ty.data_type, label)
                }
                (None, None) => return Err(Error::internal("an index column that is nothing")),
            };
            check_orderable(data_type)?;
            columns.push(IndexColumn { key, descending: *descending, nulls_first: *nulls_first });
            labels.push(label);
        }
        // A second expression is expr1, and so on.
        for at in 1..labels.len() {
            let base = labels[at].clone();
            let mut number = 0;
            while labels[..at].contains(&labels[at]) {
                number += 1;
                labels[at] = format!("{base}{number}");
            }
        }
        let name = create.name.clone().unwrap_or_else(|| {
            let joined = names::joined(&labels.iter().map(String::as_str).collect::<Vec<_>>());
            names::relation_name(&self.state, relation.schema_oid, &relation.name, Some(&joined), "idx", &[])
        });
        let oid = self.shared.allocate_oid()?;
        let index = Index {
            oid,
            name,
            unique: create.unique,
            primary: false,
            columns,
            predicate: create.predicate.clone(),
            comment: None,
        };
        let changed = self.change_relation(relation.oid, |relation| relation.indexes.push(index))?;
        self.build_index(&changed, oid)
    }
}

/// What PostgreSQL calls an expression in an index's name: a function's name, else `expr`.
fn expression_label(text: &str) -> String {
    let text = text.trim().trim_start_matches('(').trim_start();
    let name: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let called = text[name.len()..].trim_start().starts_with('(');
    if called && name.chars().next().is_some_and(|c| !c.is_ascii_digit()) {
        name.to_ascii_lowercase()
    } else {
        "expr".into()
    }
}
