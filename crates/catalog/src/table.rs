//! A descriptor made ready for work: where its columns are, how its keys and index entries are made.
//! Built once per descriptor and shared.

use codec::StoredKey;
use codec::stored_key::{KeyColumn, encode_columns};
use expr::{Binder, Context, Expr};
use kv::IndexChange;
use std::sync::Arc;
use types::schema::{ColumnId, ConstraintKind, ForeignKey, IndexKey, Relation};
use types::{Batch, DataType, Error, Oid, Result, TextSettings, Value};

pub struct Table {
    pub relation: Arc<Relation>,
    /// Live columns, ascending by id: the cells of a row.
    pub stored: Vec<StoredColumn>,
    /// The primary key: positions in `relation.columns`. Empty = hidden row id.
    pub key_positions: Vec<usize>,
    pub key_columns: Vec<KeyColumn>,
    /// All, the primary key's first where there is one.
    pub indexes: Vec<TableIndex>,
    /// Types of `relation.columns`.
    pub types: Vec<DataType>,
}

#[derive(Debug, Clone, Copy)]
pub struct StoredColumn {
    pub id: ColumnId,
    pub position: usize,
    pub code: u8,
}

pub struct TableIndex {
    pub oid: Oid,
    pub name: String,
    pub unique: bool,
    pub primary: bool,
    pub sources: Vec<Source>,
    pub columns: Vec<KeyColumn>,
    pub predicate: Option<Expr>,
}

/// Where an index column's value comes from.
pub enum Source {
    Position(usize),
    Expression(Expr),
}

impl Table {
    pub fn new(relation: &Arc<Relation>, binder: &dyn Binder) -> Result<Table> {
        let mut stored = vec![];
        for (position, column) in relation.columns.iter().enumerate().filter(|(_, column)| !column.dropped) {
            let data_type = column.ty.data_type;
            let code = data_type
                .code()
                .ok_or_else(|| types::err!(FeatureNotSupported, "type {data_type} cannot be stored"))?;
            stored.push(StoredColumn { id: column.id, position, code });
        }
        stored.sort_by_key(|column| column.id);
        let key_positions = positions(relation, &relation.primary_key)?;
        let types: Vec<DataType> = relation.columns.iter().map(|column| column.ty.data_type).collect();
        let key_columns = key_positions.iter().map(|&at| KeyColumn::ascending(types[at])).collect();
        let mut indexes = relation
            .indexes
            .iter()
            .map(|index| table_index(relation, index, binder))
            .collect::<Result<Vec<_>>>()?;
        indexes.sort_by_key(|index| !index.primary);
        Ok(Table { relation: relation.clone(), stored, key_positions, key_columns, indexes, types })
    }

    pub fn has_hidden_key(&self) -> bool {
        self.key_positions.is_empty()
    }

    /// The key of a row by its primary key columns.
    pub fn row_key(&self, row: &[Value]) -> Result<Vec<u8>> {
        let values = self.key_positions.iter().filter_map(|&at| row.get(at)).cloned().collect::<Vec<_>>();
        self.key_of(values)
    }

    pub fn key_of(&self, values: Vec<Value>) -> Result<Vec<u8>> {
        StoredKey::Row(values).encode(&self.key_columns)
    }

    /// A row as a batch, for expressions over `relation.columns`.
    pub fn batch(&self, row: &[Value]) -> Batch {
        let mut batch = Batch::new(self.types.iter().copied());
        batch.push_row(row);
        batch
    }

    pub fn index(&self, oid: Oid) -> Option<&TableIndex> {
        self.indexes.iter().find(|index| index.oid == oid)
    }

    /// The changes of secondary indexes that a row's change implies.
    pub fn derive(
        &self,
        old: Option<(&[u8], &[Value])>,
        new: Option<(&[u8], &[Value])>,
        out: &mut Vec<IndexChange>,
    ) -> Result<()> {
        for index in self.indexes.iter().filter(|index| !index.primary) {
            index.derive(self, old, new, out)?;
        }
        Ok(())
    }
}

impl TableIndex {
    /// The index columns' values of a row; None where a partial index leaves the row out.
    pub fn values(&self, table: &Table, row: &[Value]) -> Result<Option<Vec<Value>>> {
        let settings = TextSettings::default();
        let context =
            Context { parameters: &[], slots: &[], settings: &settings, runtime: &expr::context::NoRuntime };
        if let Some(predicate) = &self.predicate
            && expr::eval_filter(predicate, &table.batch(row), &context)?.is_empty()
        {
            return Ok(None);
        }
        let values = self.sources.iter().map(|source| match source {
            Source::Position(at) => Ok(row.get(*at).cloned().unwrap_or(Value::Null)),
            Source::Expression(expr) => Ok(expr::eval(expr, &table.batch(row), &context)?.get(0)),
        });
        values.collect::<Result<_>>().map(Some)
    }

    /// What every entry with these values starts with.
    pub fn prefix(&self, object: kv::ObjectId, values: &[Value]) -> Result<Vec<u8>> {
        let mut out = object.to_be_bytes().to_vec();
        encode_columns(values, &self.columns, &mut out)?;
        codec::stored_key::check_length(out.len())?;
        Ok(out)
    }

    /// Whether two rows have equal values in this index, as SQL compares them.
    pub fn same(&self, table: &Table, left: &[Value], right: &[Value]) -> Result<bool> {
        let bytes = |row| match self.values(table, row)? {
            Some(values) => self.prefix(table.relation.object_id, &values).map(Some),
            None => Ok(None),
        };
        Ok(bytes(left)? == bytes(right)?)
    }

    pub fn derive(
        &self,
        table: &Table,
        old: Option<(&[u8], &[Value])>,
        new: Option<(&[u8], &[Value])>,
        out: &mut Vec<IndexChange>,
    ) -> Result<()> {
        let entry = |side: Option<(&[u8], &[Value])>| -> Result<Option<(Vec<u8>, Vec<u8>)>> {
            let Some((key, row)) = side else { return Ok(None) };
            let Some(values) = self.values(table, row)? else { return Ok(None) };
            let mut entry = self.prefix(table.relation.object_id, &values)?;
            entry.extend_from_slice(key);
            Ok(Some((entry, key.to_vec())))
        };
        let (old, new) = (entry(old)?, entry(new)?);
        if old == new {
            return Ok(());
        }
        let change = |add, (key, primary_key)| IndexChange { index: self.oid, key, primary_key, add };
        out.extend(old.map(|entry| change(false, entry)));
        out.extend(new.map(|entry| change(true, entry)));
        Ok(())
    }
}

/// Where columns are in `relation.columns`.
pub fn positions(relation: &Relation, ids: &[ColumnId]) -> Result<Vec<usize>> {
    ids.iter()
        .map(|id| {
            let position = relation.columns.iter().position(|column| column.id == *id && !column.dropped);
            position.ok_or_else(|| Error::internal(format!("table {} has no column {id}", relation.name)))
        })
        .collect()
}

/// A table's foreign keys with their constraints' OIDs and names.
pub fn foreign_keys(relation: &Relation) -> impl Iterator<Item = (Oid, &str, &ForeignKey)> {
    relation.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey(key) => Some((constraint.oid, constraint.name.as_str(), key)),
        _ => None,
    })
}

fn table_index(
    relation: &Arc<Relation>,
    index: &types::schema::Index,
    binder: &dyn Binder,
) -> Result<TableIndex> {
    let (mut sources, mut columns) = (vec![], vec![]);
    for column in &index.columns {
        let data_type = match &column.key {
            IndexKey::Column(id) => {
                let position = positions(relation, &[*id])?[0];
                sources.push(Source::Position(position));
                relation.columns[position].ty.data_type
            }
            IndexKey::Expression(text, ty) => {
                sources.push(Source::Expression(binder.bind(text, relation, Some(*ty))?));
                ty.data_type
            }
        };
        columns.push(KeyColumn { data_type, descending: column.descending, nulls_first: column.nulls_first });
    }
    let predicate = match &index.predicate {
        Some(text) => Some(binder.bind(text, relation, Some(DataType::Bool.into()))?),
        None => None,
    };
    Ok(TableIndex {
        oid: index.oid,
        name: index.name.clone(),
        unique: index.unique,
        primary: index.primary,
        sources,
        columns,
        predicate,
    })
}
