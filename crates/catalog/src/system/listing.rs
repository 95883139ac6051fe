//! The views that list relations by name: pg_tables, pg_views, pg_indexes, pg_sequences, pg_rules, pg_stat_*.

use super::definition;
use super::row::{NULL, Rows, row};
use super::source::{Source, kind};
use expr::functions::quote::identifier;
use std::sync::Arc;
use types::Value;
use types::ddl::Privilege;
use types::schema::Relation;

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    let system = || super::relations().iter();
    Some(match name {
        "pg_tables" => Ok(source
            .all()
            .filter(|relation| kind(relation) == 'r')
            .map(|relation| {
                row![
                    &relation.schema,
                    &relation.name,
                    source.role(relation.owner),
                    NULL,
                    !relation.indexes.is_empty(),
                    false,
                    !relation.referenced_by.is_empty(),
                    false,
                ]
            })
            .collect()),
        "pg_views" => Ok(source
            .all()
            .filter(|relation| kind(relation) == 'v')
            .map(|relation| {
                let text = relation.view.as_deref().map(definition::view);
                row![&relation.schema, &relation.name, source.role(relation.owner), text]
            })
            .collect()),
        "pg_indexes" => Ok(source.tables().flat_map(indexes).collect()),
        "pg_sequences" => sequences(source),
        "pg_rules" => Ok(vec![]),
        "pg_stat_user_tables" => Ok(source.tables().map(|relation| statistics(relation, source)).collect()),
        "pg_stat_sys_tables" => {
            Ok(system().filter(|r| kind(r) == 'r').map(|relation| statistics(relation, source)).collect())
        }
        "pg_stat_all_tables" => {
            let tables = source.all().filter(|relation| kind(relation) == 'r');
            Ok(tables.map(|relation| statistics(relation, source)).collect())
        }
        "pg_stat_user_indexes" | "pg_stat_all_indexes" => {
            Ok(source.tables().flat_map(|relation| index_statistics(relation)).collect())
        }
        _ => return None,
    })
}

fn indexes(relation: &Arc<Relation>) -> Vec<Vec<Value>> {
    let table = format!("{}.{}", identifier(&relation.schema), identifier(&relation.name));
    let rows = relation.indexes.iter().map(|index| {
        let text = definition::index(relation, index, &table, false);
        row![&relation.schema, &relation.name, &index.name, NULL, text]
    });
    rows.collect()
}

fn sequences(source: &Source<'_>) -> Rows {
    let user = source.surroundings.current_user();
    let roles = super::privilege::closure(user, source)?;
    let mut out = vec![];
    for relation in source.sequences() {
        let Some(sequence) = &relation.sequence else { continue };
        let superuser = source.roles.iter().any(|role| role.oid == user && role.superuser);
        let may = superuser
            || source.transaction.may(&roles, relation, Privilege::Select)?
            || source.transaction.may(&roles, relation, Privilege::Usage)?;
        let last = if may {
            let (value, called) = source.transaction.sequence_value(relation.oid)?;
            called.then_some(value)
        } else {
            None
        };
        out.push(row![
            &relation.schema,
            &relation.name,
            source.role(relation.owner),
            sequence.ty.data_type.oid(),
            sequence.start,
            sequence.minimum,
            sequence.maximum,
            sequence.increment,
            sequence.cycle,
            sequence.cache,
            last,
        ]);
    }
    Ok(out)
}

/// Scans and changes are not counted: NULL, where a number would be a claim.
fn statistics(relation: &Relation, source: &Source<'_>) -> Vec<Value> {
    let rows = source.transaction.known_rows(relation).map(|rows| rows as i64);
    let mut row = row![relation.oid, &relation.schema, &relation.name];
    row.extend(std::iter::repeat_n(NULL, 8));
    row.push(rows.map_or(NULL, Value::Int8));
    row.extend(std::iter::repeat_n(NULL, 11));
    row
}

fn index_statistics(relation: &Relation) -> Vec<Vec<Value>> {
    let rows = relation.indexes.iter().map(|index| {
        row![relation.oid, index.oid, &relation.schema, &relation.name, &index.name, NULL, NULL, NULL]
    });
    rows.collect()
}
