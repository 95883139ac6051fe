//! The catalog of one moment, in memory: immutable, shared by every transaction that sees that moment.
//!
//! ```text
//!   namespaces, relations, grants      rows, decoded
//!      └─ names, objects, indexes      found by; and in each relation its schema's name and who refers to it
//! ```
//! DDL clones it, changes it and, at commit, publishes it. It never reads the store by itself.

use crate::system_tables::{self, GrantRow, Namespace, SYSTEM_SCHEMAS};
use kv::{ObjectId, Snapshot, Span, TxId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use types::schema::{ConstraintKind, IndexKey, Relation, RelationKind};
use types::{Oid, Result};

/// Tables, views, sequences and indexes share their names within a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Relation(Oid),
    Index { index: Oid, table: Oid },
}

#[derive(Clone, Default)]
pub struct State {
    /// Unique among all states of the process.
    pub version: u64,
    /// The newest transaction that changed it.
    pub from_tx: TxId,
    pub namespaces: BTreeMap<Oid, Arc<Namespace>>,
    pub relations: BTreeMap<Oid, Arc<Relation>>,
    pub grants: BTreeMap<Oid, Vec<GrantRow>>,
    names: HashMap<Oid, HashMap<String, Named>>,
    schemas: HashMap<String, Oid>,
    objects: HashMap<ObjectId, Oid>,
    indexes: HashMap<Oid, Oid>,
}

impl State {
    /// Reads the rows that a snapshot sees.
    pub fn load(snapshot: &Snapshot, version: u64) -> Result<State> {
        let mut state = State { version, ..State::default() };
        let mut rows = |object, visit: &mut dyn FnMut(&mut State, &kv::Cells, TxId) -> Result<()>| {
            let mut cursor = snapshot.scan(object, &Span::all(), false);
            while let Some((_, row)) = cursor.next()? {
                if let Some(cells) = &row.cells {
                    visit(&mut state, cells, row.tx)?;
                }
            }
            Ok::<(), types::Error>(())
        };
        rows(system_tables::SCHEMAS, &mut |state, cells, _| {
            let namespace = system_tables::namespace(cells)?;
            state.namespaces.insert(namespace.oid, Arc::new(namespace));
            Ok(())
        })?;
        rows(system_tables::RELATIONS, &mut |state, cells, tx| {
            let relation = system_tables::relation(cells, tx)?;
            state.relations.insert(relation.oid, Arc::new(relation));
            Ok(())
        })?;
        rows(system_tables::GRANTS, &mut |state, cells, _| {
            let grant = system_tables::grant(cells)?;
            state.grants.entry(grant.object).or_default().push(grant);
            Ok(())
        })?;
        state.index();
        Ok(state)
    }

    /// Makes everything derived anew; to be called after changing the maps of rows.
    pub fn index(&mut self) {
        let mut referenced: HashMap<Oid, Vec<(Oid, Oid)>> = HashMap::new();
        for relation in self.relations.values() {
            for constraint in &relation.constraints {
                if let ConstraintKind::ForeignKey(key) = &constraint.kind {
                    referenced.entry(key.target).or_default().push((relation.oid, constraint.oid));
                }
            }
        }
        self.names.clear();
        self.objects.clear();
        self.indexes.clear();
        self.schemas = self.namespaces.values().map(|schema| (schema.name.clone(), schema.oid)).collect();
        for relation in self.relations.values_mut() {
            let referenced_by = referenced.remove(&relation.oid).unwrap_or_default();
            let schema = match self.namespaces.get(&relation.schema_oid) {
                Some(namespace) => namespace.name.as_str(),
                None => "",
            };
            if relation.schema != schema || relation.referenced_by != referenced_by {
                let relation = Arc::make_mut(relation);
                relation.schema = schema.to_owned();
                relation.referenced_by = referenced_by;
            }
            let names = self.names.entry(relation.schema_oid).or_default();
            names.insert(relation.name.clone(), Named::Relation(relation.oid));
            for index in &relation.indexes {
                names.insert(index.name.clone(), Named::Index { index: index.oid, table: relation.oid });
                self.indexes.insert(index.oid, relation.oid);
            }
            if relation.kind == RelationKind::Table {
                self.objects.insert(relation.object_id, relation.oid);
            }
        }
    }

    /// The schema's OID, system schemas included.
    pub fn namespace_oid(&self, name: &str) -> Option<Oid> {
        self.schemas
            .get(name)
            .copied()
            .or_else(|| SYSTEM_SCHEMAS.iter().find(|(_, system)| *system == name).map(|(oid, _)| *oid))
    }

    pub fn named(&self, schema: Oid, name: &str) -> Option<Named> {
        self.names.get(&schema)?.get(name).copied()
    }

    pub fn relation_named(&self, schema: Oid, name: &str) -> Option<&Arc<Relation>> {
        match self.named(schema, name)? {
            Named::Relation(oid) => self.relations.get(&oid),
            Named::Index { .. } => None,
        }
    }

    /// By storage generation: the current one only.
    pub fn relation_of_object(&self, object: ObjectId) -> Option<&Arc<Relation>> {
        self.relations.get(self.objects.get(&object)?)
    }

    /// The table that an index is of.
    pub fn table_of_index(&self, index: Oid) -> Option<&Arc<Relation>> {
        self.relations.get(self.indexes.get(&index)?)
    }

    pub fn grants_on(&self, object: Oid) -> &[GrantRow] {
        self.grants.get(&object).map_or(&[], Vec::as_slice)
    }

    /// This state as a query of the past sees it: its descriptors with the indexes that exist now, where they are over
    /// columns that existed then.
    pub fn with_indexes_of(&self, now: &State, version: u64) -> State {
        let mut past = self.clone();
        past.version = version;
        for relation in past.relations.values_mut() {
            let current = now.relations.get(&relation.oid);
            let indexes = relation
                .indexes
                .iter()
                .filter(|index| index.primary)
                .chain(current.iter().flat_map(|now| now.indexes.iter()).filter(|index| {
                    !index.primary
                        && index.predicate.is_none()
                        && index.columns.iter().all(|column| match &column.key {
                            IndexKey::Column(id) => {
                                relation.columns.iter().any(|c| c.id == *id && !c.dropped)
                            }
                            IndexKey::Expression(..) => false,
                        })
                }))
                .cloned()
                .collect::<Vec<_>>();
            if indexes != relation.indexes {
                Arc::make_mut(relation).indexes = indexes;
            }
        }
        past.index();
        past
    }
}
