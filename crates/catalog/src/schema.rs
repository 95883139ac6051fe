//! The schema of one moment: descriptors by name and OID, along a search path.

use crate::database::Shared;
use crate::state::State;
use crate::system;
use crate::system_tables::{self, RELATIONS, is_system_schema};
use kv::{At, Span};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use types::schema::{ColumnId, Moment, Relation, RelationKind, Schema};
use types::{Oid, Result};

/// What a statement is planned against.
pub struct SchemaView {
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: Arc<State>,
    pub(crate) search_path: Vec<String>,
}

impl SchemaView {
    fn in_schema(&self, schema: &str, name: &str) -> Option<Arc<Relation>> {
        let oid = self.state.namespace_oid(schema)?;
        if is_system_schema(oid) {
            return system_relation(schema, name);
        }
        self.state.relation_named(oid, name).cloned()
    }
}

impl Schema for SchemaView {
    fn relation(&self, schema: Option<&str>, name: &str) -> Result<Option<Arc<Relation>>> {
        if let Some(schema) = schema {
            return Ok(self.in_schema(schema, name));
        }
        if !self.search_path.iter().any(|schema| schema == "pg_catalog")
            && let Some(found) = system_relation("pg_catalog", name)
        {
            return Ok(Some(found));
        }
        Ok(self.search_path.iter().find_map(|schema| self.in_schema(schema, name)))
    }

    fn relation_by_oid(&self, oid: Oid) -> Result<Option<Arc<Relation>>> {
        Ok(self
            .state
            .relations
            .get(&oid)
            .cloned()
            .or_else(|| system::relations().iter().find(|relation| relation.oid == oid).cloned()))
    }

    fn namespace(&self, name: &str) -> Result<Option<Oid>> {
        Ok(self.state.namespace_oid(name))
    }

    fn search_path(&self) -> Vec<String> {
        let implicit =
            (!self.search_path.iter().any(|schema| schema == "pg_catalog")).then(|| "pg_catalog".to_owned());
        let existing = self.search_path.iter().filter(|schema| self.state.namespace_oid(schema).is_some());
        implicit.into_iter().chain(existing.cloned()).collect()
    }

    fn at(&self, moment: Moment) -> Result<Arc<dyn Schema>> {
        let tx = self.shared.store.ledger().resolve(at(moment))?;
        let state = self.shared.past_state(tx)?;
        Ok(Arc::new(SchemaView { shared: self.shared.clone(), state, search_path: self.search_path.clone() }))
    }

    fn dropped(&self, schema: Option<&str>, name: &str) -> Result<Option<Arc<Relation>>> {
        let snapshot = self.shared.store.snapshot(At::Latest)?;
        let mut versions = snapshot.versions(RELATIONS, &Span::all(), 0, snapshot.tx());
        let (mut named, mut ends) = (None, vec![]);
        while let Some((key, version)) = versions.next()? {
            match &version.cells {
                Some(cells) => {
                    let relation = system_tables::relation(cells, version.tx)?;
                    let table = relation.kind == RelationKind::Table && relation.name == name;
                    named = table.then_some((key, relation.oid));
                }
                None => {
                    ends.extend(named.take().filter(|(of, _)| *of == key).map(|(_, oid)| (version.tx, oid)))
                }
            }
        }
        ends.sort_unstable();
        for (tx, oid) in ends.into_iter().rev() {
            let state = self.shared.past_state(tx.saturating_sub(1))?;
            let Some(relation) = state.relations.get(&oid) else { continue };
            let found = match schema {
                Some(schema) => relation.schema == schema,
                None => self.search_path.contains(&relation.schema),
            };
            if found {
                return Ok(Some(relation.clone()));
            }
        }
        Ok(None)
    }

    fn estimated_rows(&self, relation: &Relation) -> f64 {
        match relation.kind {
            types::schema::RelationKind::Table => self.shared.estimated_rows(relation.object_id),
            _ => 1000.0,
        }
    }

    fn distinct_values(&self, relation: &Arc<Relation>, column: ColumnId) -> Option<f64> {
        match relation.kind {
            types::schema::RelationKind::Table => self.shared.distinct_values(relation, column),
            _ => None,
        }
    }

    fn version(&self) -> u64 {
        self.state.version
    }
}

pub(crate) fn at(moment: Moment) -> At {
    match moment {
        Moment::Transaction(tx) => At::Transaction(tx),
        Moment::Time(micros) => At::Time(micros),
    }
}

fn system_relation(schema: &str, name: &str) -> Option<Arc<Relation>> {
    static NAMES: OnceLock<HashMap<(&'static str, &'static str), &'static Arc<Relation>>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let key = |relation: &'static Arc<Relation>| (relation.schema.as_str(), relation.name.as_str());
        system::relations().iter().map(|relation| (key(relation), relation)).collect()
    });
    names.get(&(schema, name)).map(|relation| (*relation).clone())
}
