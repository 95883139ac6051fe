//! What a table is, as everyone above storage sees it: descriptors, and how the planner finds them.
//!
//! Descriptors are immutable and shared (`Arc`). DDL makes a new descriptor; a query of the past gets the one of then.
//! Expressions (defaults, checks, index predicates, views) are kept as SQL text, because printed syntax trees do not
//! re-parse; the planner binds them.

use crate::{ColumnType, Oid, Result, TxId, Value};
use std::sync::Arc;

/// A column's number within its table: `pg_attribute.attnum` and the ledger's col_id. From 1, never reused.
pub type ColumnId = u32;

/// Names a storage generation of a table (`ledger.md` 1). Equal to the table's OID for the first generation.
pub type ObjectId = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    View,
    Sequence,
    /// A relation computed from the catalog: pg_catalog, information_schema, ledger.
    System,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    pub oid: Oid,
    /// Where its rows are now; TRUNCATE and ADD/DROP PRIMARY KEY start a new one.
    pub object_id: ObjectId,
    /// The generation before this one, 0 for the first.
    pub predecessor: ObjectId,
    pub kind: RelationKind,
    pub schema_oid: Oid,
    pub schema: String,
    pub name: String,
    pub owner: Oid,
    /// Live and dropped columns in the order of `*`. Ids ascend, but for a column that ALTER TYPE gave a new id: it
    /// stays where it was, and the dropped one goes last.
    pub columns: Vec<Column>,
    /// Column ids of the primary key in key order; empty = hidden row id.
    pub primary_key: Vec<ColumnId>,
    pub constraints: Vec<Constraint>,
    /// Of this table; a primary key and each unique constraint has one of the same name.
    pub indexes: Vec<Index>,
    /// Foreign keys of other tables that point here, by the referencing table's OID and the constraint's OID.
    pub referenced_by: Vec<(Oid, Oid)>,
    /// `WITH (ledger = append_only)`.
    pub append_only: bool,
    /// A view's SELECT as written.
    pub view: Option<String>,
    /// What a view reads: (relation, column), column 0 for the relation as a whole.
    pub references: Vec<(Oid, ColumnId)>,
    pub sequence: Option<Sequence>,
    /// The transaction that wrote this descriptor: `schema_tx` of rows written under it. 0 = the current, uncommitted one.
    pub descriptor_tx: TxId,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub id: ColumnId,
    pub name: String,
    pub ty: ColumnType,
    pub not_null: bool,
    /// SQL text.
    pub default: Option<String>,
    pub identity: Option<Identity>,
    /// What rows written before ADD COLUMN hold (a constant default), else NULL.
    pub missing: Value,
    pub dropped: bool,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    Always,
    ByDefault,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub oid: Oid,
    pub name: String,
    pub kind: ConstraintKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintKind {
    PrimaryKey {
        columns: Vec<ColumnId>,
        index: Oid,
    },
    Unique {
        columns: Vec<ColumnId>,
        index: Oid,
    },
    /// SQL text of the condition.
    Check {
        expression: String,
    },
    ForeignKey(ForeignKey),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ForeignKey {
    pub columns: Vec<ColumnId>,
    pub target: Oid,
    pub target_columns: Vec<ColumnId>,
    pub on_delete: Action,
    pub on_update: Action,
    pub match_full: bool,
    pub deferrable: bool,
    pub initially_deferred: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    pub oid: Oid,
    pub name: String,
    pub unique: bool,
    pub primary: bool,
    pub columns: Vec<IndexColumn>,
    /// SQL text of a partial index's condition.
    pub predicate: Option<String>,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct IndexColumn {
    pub key: IndexKey,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum IndexKey {
    Column(ColumnId),
    /// SQL text over the table's columns, and its type.
    Expression(String, ColumnType),
}

/// `pg_sequence`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub ty: ColumnType,
    pub start: i64,
    pub increment: i64,
    pub minimum: i64,
    pub maximum: i64,
    pub cache: i64,
    pub cycle: bool,
    /// The column that owns it (serial, identity): dropped with it.
    pub owned_by: Option<(Oid, ColumnId)>,
}

impl Relation {
    /// Live columns, in order.
    pub fn live(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.dropped)
    }
    pub fn column(&self, id: ColumnId) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }
    pub fn column_named(&self, name: &str) -> Option<&Column> {
        self.live().find(|column| column.name == name)
    }
}

/// Columns that every table has and `*` never shows. Their ids lie above all real ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenColumn {
    /// `_tx` int8: the transaction that wrote this version.
    Tx,
    /// `_tx_end` int8: the transaction that superseded it, NULL while current.
    TxEnd,
    /// `_committed_at` timestamptz.
    CommittedAt,
    /// `_op` text: insert, update, delete.
    Op,
    /// `_user` text.
    User,
    /// `_row` int8: the hidden row id of a table without a primary key (NULL otherwise).
    Row,
    /// `tableoid` oid.
    TableOid,
    /// `ctid` is refused with a hint.
    /// `xmin` xid: `_tx` cut to 32 bits, for ORMs.
    Xmin,
}

impl HiddenColumn {
    pub const ALL: [HiddenColumn; 8] = {
        use HiddenColumn::*;
        [Tx, TxEnd, CommittedAt, Op, User, Row, TableOid, Xmin]
    };
    pub const fn id(self) -> ColumnId {
        0xffff_ff00 + self as u32
    }
    pub fn from_id(id: ColumnId) -> Option<HiddenColumn> {
        HiddenColumn::ALL.into_iter().find(|hidden| hidden.id() == id)
    }
    pub const fn name(self) -> &'static str {
        match self {
            HiddenColumn::Tx => "_tx",
            HiddenColumn::TxEnd => "_tx_end",
            HiddenColumn::CommittedAt => "_committed_at",
            HiddenColumn::Op => "_op",
            HiddenColumn::User => "_user",
            HiddenColumn::Row => "_row",
            HiddenColumn::TableOid => "tableoid",
            HiddenColumn::Xmin => "xmin",
        }
    }
    pub fn from_name(name: &str) -> Option<HiddenColumn> {
        HiddenColumn::ALL.into_iter().find(|hidden| hidden.name() == name)
    }
    pub const fn data_type(self) -> crate::DataType {
        use crate::DataType;
        match self {
            HiddenColumn::Tx | HiddenColumn::TxEnd | HiddenColumn::Row => DataType::Int8,
            HiddenColumn::CommittedAt => DataType::TimestampTz,
            HiddenColumn::Op | HiddenColumn::User => DataType::Text,
            HiddenColumn::TableOid => DataType::Oid,
            HiddenColumn::Xmin => DataType::Xid,
        }
    }
}

/// A point of the ledger's time, as a statement names it. A time means the last transaction committed at or before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    Transaction(TxId),
    /// Microseconds since 1970-01-01 UTC.
    Time(i64),
}

/// Names, resolved. The planner asks; the catalog answers. A `Schema` is one moment's: [`Schema::at`] gives another's.
pub trait Schema {
    /// By name; without a schema along the search path (`pg_catalog` first unless it is named in the path).
    fn relation(&self, schema: Option<&str>, name: &str) -> Result<Option<Arc<Relation>>>;
    fn relation_by_oid(&self, oid: Oid) -> Result<Option<Arc<Relation>>>;
    /// The schema's OID.
    fn namespace(&self, name: &str) -> Result<Option<Oid>>;
    /// `current_schemas(true)`: existing schemas of the search path, implicit ones included.
    fn search_path(&self) -> Vec<String>;
    /// The schema as of then (same roles, privileges and search path). 22023 out of range.
    fn at(&self, moment: Moment) -> Result<Arc<dyn Schema>>;
    /// The newest table of this name that was dropped, as it was last.
    fn dropped(&self, _schema: Option<&str>, _name: &str) -> Result<Option<Arc<Relation>>> {
        Ok(None)
    }
    /// Estimated number of rows.
    fn estimated_rows(&self, relation: &Relation) -> f64;
    /// Estimated number of values of a column; None: nothing is known.
    fn distinct_values(&self, _relation: &Arc<Relation>, _column: ColumnId) -> Option<f64> {
        None
    }
    /// Changes whenever any descriptor may have changed: the key of plan caches.
    fn version(&self) -> u64;
}
