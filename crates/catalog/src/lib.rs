//! Tables over the store: rows, constraints, indexes, history, proofs; and the catalog itself, which is rows too.
//!
//! ```text
//!   Database ── begin ──> Transaction ── scan / insert / update / delete / lock_row ──> kv::Transaction
//!      │                     │  apply(Ddl)                                                  rows as cells, keys by codec
//!      │                     └─ schema() ──> SchemaView: types::schema::Schema of one moment
//!      └── system relations: pg_catalog, information_schema, ledger (computed from descriptors)
//! ```
//! The only writer of row keys. It never parses SQL: expressions are bound by a [`expr::Binder`] that it is given.

pub mod constraint;
pub mod database;
pub mod ddl;
pub mod foreign_key;
pub mod history;
pub mod proof_export;
pub mod row;
pub mod scan;
pub mod schema;
pub mod sequence;
pub mod system;
pub mod transaction;

pub use database::{Database, Options};
pub use scan::{Access, KeyRange, Scan, ScanRequest, Versions};
pub use transaction::{Begin, Insert, LockedRow, RowKey, Transaction};
