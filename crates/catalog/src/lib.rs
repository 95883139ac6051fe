//! Tables over the store: rows, constraints, indexes, history, proofs; and the catalog itself, which is rows too.
//!
//! ```text
//!   Database ── begin ──> Transaction ── scan / insert / update / delete / lock_row ──> kv::Transaction
//!      │                     │  apply(Ddl)                                                  rows as cells, keys by codec
//!      │                     └─ schema() ──> SchemaView: types::schema::Schema of one moment
//!      ├── State: all descriptors of one moment in memory, immutable; DDL makes the next one
//!      └── system relations: pg_catalog, information_schema, ledger (computed from descriptors)
//! ```
//! The only writer of row keys. It never parses SQL: expressions are bound by a [`expr::Binder`] that it is given.

mod changes;
pub mod constraint;
pub mod database;
pub mod ddl;
mod derive;
mod distinct;
pub mod foreign_key;
mod groups;
pub mod history;
mod index_build;
mod lineage;
mod point;
mod prepared;
pub mod privilege;
pub mod proof_export;
pub mod row;
pub mod scan;
pub mod schema;
pub mod sequence;
pub mod state;
pub mod system;
pub mod system_tables;
pub mod table;
pub mod transaction;
mod write;

pub use database::{ColumnCache, Database, Options, RoleOid};
pub use ddl::FollowingView;
pub use prepared::PreparedTransaction;
pub use scan::{Access, KeyRange, Scan, ScanRequest, Versions};
pub use transaction::{Begin, Insert, Interrupt, LockedRow, RowKey, Transaction};
