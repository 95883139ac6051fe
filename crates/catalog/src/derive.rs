//! Index entries at replay, when no session is there to say: from the rows and the descriptors of then.
//!
//! Descriptors pass by in the log like any row, before the rows under them. An index that is made within the replayed
//! range is left out and reported: its entries are built over all history when the catalog is open.

use crate::database::lock;
use crate::row::decode_row;
use crate::system_tables;
use crate::table::Table;
use expr::Binder;
use kv::{Cells, Derive, IndexChange, ObjectId, TxId};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use types::schema::{Relation, RelationKind};
use types::{Oid, Result};

pub(crate) struct CatalogDerive {
    binder: Arc<dyn Binder>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    tables: HashMap<ObjectId, Table>,
    objects: HashMap<Oid, ObjectId>,
    /// Indexes that existed when the replay began.
    known: BTreeSet<Oid>,
    /// Indexes made since.
    missing: BTreeSet<Oid>,
}

impl CatalogDerive {
    pub fn new(binder: Arc<dyn Binder>) -> CatalogDerive {
        CatalogDerive { binder, seen: Mutex::default() }
    }

    /// Indexes whose entries must be built.
    pub fn take_missing(&self) -> BTreeSet<Oid> {
        let mut seen = lock(&self.seen);
        seen.tables.clear();
        std::mem::take(&mut seen.missing)
    }

    fn describe(&self, seen: &mut Seen, cells: &Cells, tx: TxId) -> Result<()> {
        let mut relation = system_tables::relation(cells, tx)?;
        if relation.kind != RelationKind::Table {
            return Ok(());
        }
        for index in
            relation.indexes.iter().filter(|index| !index.primary && !seen.known.contains(&index.oid))
        {
            seen.missing.insert(index.oid);
        }
        relation.indexes.retain(|index| seen.known.contains(&index.oid));
        if let Some(object) = seen.objects.insert(relation.oid, relation.object_id) {
            seen.tables.remove(&object);
        }
        self.keep(seen, relation)
    }

    fn keep(&self, seen: &mut Seen, relation: Relation) -> Result<()> {
        let object = relation.object_id;
        if relation.indexes.iter().any(|index| !index.primary) {
            seen.tables.insert(object, Table::new(&Arc::new(relation), &*self.binder)?);
        }
        Ok(())
    }

    fn forget(&self, seen: &mut Seen, cells: &Cells, tx: TxId) -> Result<()> {
        let relation = system_tables::relation(cells, tx)?;
        seen.tables.remove(&relation.object_id);
        seen.objects.remove(&relation.oid);
        relation.indexes.iter().for_each(|index| {
            seen.missing.remove(&index.oid);
        });
        Ok(())
    }
}

impl Derive for CatalogDerive {
    fn begin(&self, read: &dyn Fn(ObjectId) -> Result<Vec<(Vec<u8>, TxId, Cells)>>) -> Result<()> {
        let mut seen = lock(&self.seen);
        *seen = Seen::default();
        for (_, tx, cells) in read(system_tables::RELATIONS)? {
            let relation = system_tables::relation(&cells, tx)?;
            if relation.kind != RelationKind::Table {
                continue;
            }
            seen.known.extend(relation.indexes.iter().map(|index| index.oid));
            seen.objects.insert(relation.oid, relation.object_id);
            self.keep(&mut seen, relation)?;
        }
        Ok(())
    }

    fn derive(
        &self,
        tx: TxId,
        object: ObjectId,
        key: &[u8],
        old: Option<&Cells>,
        new: Option<&Cells>,
        out: &mut Vec<IndexChange>,
    ) -> Result<()> {
        let mut seen = lock(&self.seen);
        if object == system_tables::RELATIONS {
            return match (old, new) {
                (_, Some(cells)) => self.describe(&mut seen, cells, tx),
                (Some(cells), None) => self.forget(&mut seen, cells, tx),
                (None, None) => Ok(()),
            };
        }
        let Some(table) = seen.tables.get(&object) else { return Ok(()) };
        let old = old.map(|cells| decode_row(table, cells)).transpose()?;
        let new = new.map(|cells| decode_row(table, cells)).transpose()?;
        table.derive(old.as_deref().map(|row| (key, row)), new.as_deref().map(|row| (key, row)), out)
    }
}
