//! pg_depend, as far as clients follow it (who owns a sequence, what a view reads); pg_rewrite, where it leads through.

use super::relation::{PG_CLASS, default_oid};
use super::row::{Rows, row};
use super::source::Source;
use types::Value;
use types::schema::{ConstraintKind, Relation};

const PG_REWRITE: u32 = 2618;
const PG_CONSTRAINT: u32 = 2606;
const PG_ATTRDEF: u32 = 2604;
const PG_NAMESPACE: u32 = 2615;

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    Some(Ok(match name {
        "pg_depend" => source.own().flat_map(|relation| dependencies(relation, source)).collect(),
        // A view's rule has the view's OID: no other is kept, and OIDs are unique within a catalog only.
        "pg_rewrite" => source
            .views()
            .map(|view| {
                row![view.oid, "_RETURN", view.oid, '1', 'O', true, "<>", view.view.as_deref().unwrap_or("")]
            })
            .collect(),
        _ => return None,
    }))
}

fn dependencies(relation: &Relation, source: &Source<'_>) -> Vec<Vec<Value>> {
    let mut out: Vec<Vec<Value>> = vec![];
    let mut depends =
        |(class, object, part): (u32, u32, u32), (on_class, on, on_part): (u32, u32, u32), kind: char| {
            out.push(row![class, object, part as i32, on_class, on, on_part as i32, kind]);
        };
    depends((PG_CLASS, relation.oid, 0), (PG_NAMESPACE, relation.schema_oid, 0), 'n');
    if let Some((table, column)) = relation.sequence.as_ref().and_then(|sequence| sequence.owned_by) {
        let owner = source.state.relations.get(&table);
        let owning = owner.and_then(|owner| owner.column(column));
        let kind = if owning.is_some_and(|column| column.identity.is_some()) { 'i' } else { 'a' };
        depends((PG_CLASS, relation.oid, 0), (PG_CLASS, table, column), kind);
        if owning.is_some_and(|column| super::definition::default(column).is_some()) {
            depends((PG_ATTRDEF, default_oid(table, column), 0), (PG_CLASS, relation.oid, 0), 'n');
        }
    }
    for column in relation.live().filter(|column| super::definition::default(column).is_some()) {
        let default = (PG_ATTRDEF, default_oid(relation.oid, column.id), 0);
        depends(default, (PG_CLASS, relation.oid, column.id), 'a');
    }
    for constraint in &relation.constraints {
        for column in super::constraint::columns(relation, constraint) {
            depends((PG_CONSTRAINT, constraint.oid, 0), (PG_CLASS, relation.oid, column), 'a');
        }
        match &constraint.kind {
            ConstraintKind::PrimaryKey { index, .. } | ConstraintKind::Unique { index, .. } => {
                depends((PG_CLASS, *index, 0), (PG_CONSTRAINT, constraint.oid, 0), 'i');
            }
            ConstraintKind::ForeignKey(key) => {
                for column in &key.target_columns {
                    depends((PG_CONSTRAINT, constraint.oid, 0), (PG_CLASS, key.target, *column), 'n');
                }
            }
            ConstraintKind::Check { .. } => {}
        }
    }
    for index in &relation.indexes {
        for column in &index.columns {
            if let types::schema::IndexKey::Column(id) = column.key {
                depends((PG_CLASS, index.oid, 0), (PG_CLASS, relation.oid, id), 'a');
            }
        }
    }
    if relation.view.is_some() {
        depends((PG_REWRITE, relation.oid, 0), (PG_CLASS, relation.oid, 0), 'i');
        for (on, column) in &relation.references {
            depends((PG_REWRITE, relation.oid, 0), (PG_CLASS, *on, *column), 'n');
        }
    }
    out
}
