//! The catalog of one moment, in memory: immutable, shared by every transaction that sees that moment.
//!
//! ```text
//!   namespaces, relations, grants      rows, decoded
//!      └─ names, objects, indexes      found by; and in each relation its schema's name and who refers to it
//! ```
//! DDL clones it, changes it and, at commit, publishes it. It never reads the store by itself. The large maps share what
//! two states have in common, so that a change costs the same in a database of ten tables and of ten thousand.

use crate::system_tables::{self, GrantRow, Namespace, SYSTEM_SCHEMAS};
use imbl::ordmap::DiffItem;
use imbl::{HashMap, OrdMap};
use kv::{ObjectId, Snapshot, Span, TxId};
use std::collections::{BTreeMap, BTreeSet};
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
    pub relations: OrdMap<Oid, Arc<Relation>>,
    pub grants: OrdMap<Oid, Vec<GrantRow>>,
    names: BTreeMap<Oid, HashMap<String, Named>>,
    schemas: BTreeMap<String, Oid>,
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

    /// Makes everything derived anew.
    fn index(&mut self) {
        self.names.clear();
        self.objects.clear();
        self.indexes.clear();
        self.schemas = self.namespaces.values().map(|schema| (schema.name.clone(), schema.oid)).collect();
        let mut referenced: BTreeMap<Oid, Vec<(Oid, Oid)>> = BTreeMap::new();
        for relation in self.relations.values() {
            for (target, constraint) in foreign_keys(relation) {
                referenced.entry(target).or_default().push((relation.oid, constraint));
            }
        }
        for relation in self.relations.values().cloned().collect::<Vec<_>>() {
            let referenced_by = referenced.remove(&relation.oid).unwrap_or_default();
            self.derive(&relation, referenced_by);
            self.learn(&relation);
        }
    }

    /// Brings what is derived up to date after changes of the maps of rows. `before` is the state that they were made in.
    pub fn index_since(&mut self, before: &State) {
        if self.namespaces != before.namespaces {
            // The names of schemas are in their relations.
            return self.index();
        }
        let (mut old, mut new) = (vec![], vec![]);
        for change in before.relations.diff(&self.relations) {
            match change {
                DiffItem::Add(_, relation) => new.push(relation.clone()),
                DiffItem::Remove(_, relation) => old.push(relation.clone()),
                DiffItem::Update { old: (_, was), new: (_, is) } => {
                    old.push(was.clone());
                    new.push(is.clone());
                }
            }
        }
        // A name may pass from one to the other.
        old.iter().for_each(|relation| self.forget(relation));
        new.iter().for_each(|relation| self.learn(relation));
        let changed: BTreeSet<Oid> = old.iter().chain(&new).map(|relation| relation.oid).collect();
        let targets =
            old.iter().chain(&new).flat_map(|relation| foreign_keys(relation)).map(|(target, _)| target);
        for oid in targets.chain(changed.iter().copied()).collect::<BTreeSet<Oid>>() {
            let Some(relation) = self.relations.get(&oid).cloned() else { continue };
            let kept = before.relations.get(&oid).map_or(&[][..], |relation| &relation.referenced_by);
            let kept = kept.iter().filter(|(by, _)| !changed.contains(by)).copied();
            let now = new.iter().flat_map(|by| foreign_keys(by).map(|(target, key)| (target, (by.oid, key))));
            let now = now.filter(|(target, _)| *target == oid).map(|(_, reference)| reference);
            let mut referenced_by: Vec<(Oid, Oid)> = kept.chain(now).collect();
            // The constraints of one relation stay in their order.
            referenced_by.sort_by_key(|(by, _)| *by);
            self.derive(&relation, referenced_by);
        }
        #[cfg(debug_assertions)]
        self.assert_indexed();
    }

    /// What was brought up to date is what would have been made anew.
    #[cfg(debug_assertions)]
    fn assert_indexed(&self) {
        let mut anew = self.clone();
        anew.index();
        assert!(anew.relations == self.relations, "derived fields of relations");
        let names = |state: &State| state.names.values().map(HashMap::len).sum::<usize>();
        assert!(names(&anew) == names(self) && anew.objects == self.objects && anew.indexes == self.indexes);
        assert!(anew.names.iter().all(|(schema, names)| self.names.get(schema) == Some(names)));
    }

    /// Sets what a relation does not say of itself.
    fn derive(&mut self, relation: &Arc<Relation>, referenced_by: Vec<(Oid, Oid)>) {
        let schema =
            self.namespaces.get(&relation.schema_oid).map_or("", |namespace| namespace.name.as_str());
        if relation.schema != schema || relation.referenced_by != referenced_by {
            let mut relation = Relation::clone(relation);
            relation.schema = schema.to_owned();
            relation.referenced_by = referenced_by;
            self.relations.insert(relation.oid, Arc::new(relation));
        }
    }

    fn learn(&mut self, relation: &Relation) {
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

    fn forget(&mut self, relation: &Relation) {
        let names = self.names.entry(relation.schema_oid).or_default();
        names.remove(&relation.name);
        for index in &relation.indexes {
            names.remove(&index.name);
            self.indexes.remove(&index.oid);
        }
        self.objects.remove(&relation.object_id);
    }

    /// Relations whose descriptors an open transaction has written, since `before`.
    pub fn written_since(&self, before: &State) -> Vec<Oid> {
        let changes = before.relations.diff(&self.relations).filter_map(|change| match change {
            DiffItem::Add(_, relation) | DiffItem::Update { old: _, new: (_, relation) } => Some(relation),
            DiffItem::Remove(..) => None,
        });
        changes.filter(|relation| relation.descriptor_tx == 0).map(|relation| relation.oid).collect()
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
        for relation in self.relations.values() {
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
                let relation = Relation { indexes, ..Relation::clone(relation) };
                past.relations.insert(relation.oid, Arc::new(relation));
            }
        }
        past.index();
        past
    }
}

/// Target and OID of each.
fn foreign_keys(relation: &Relation) -> impl Iterator<Item = (Oid, Oid)> {
    relation.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some((key.target, constraint.oid)),
        _ => None,
    })
}
