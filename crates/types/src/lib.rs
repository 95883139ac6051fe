//! SQL data: what a value is, and what it looks like as text.
//!
//! ```text
//!   DataType ──┐                       ┌── text       parse / format, as PostgreSQL prints
//!   (OID, len) ├── Value ── Vector ────┼── cast       which casts exist, and doing them
//!   ColumnType ┘   (one)    (a column) └── canonical  the bytes that the ledger hashes
//! ```
//!
//! A [`Value`] is one datum, a [`Vector`] a column of them, a [`Batch`] some columns of equal length.
//! [`schema`] describes tables to everyone above. Every error in the engine is an [`Error`]: a SQLSTATE
//! and a report that a client can show.
//!
//! This crate never does I/O and never sees SQL text (other than the text of a value).

pub mod batch;
pub mod canonical;
pub mod cast;
pub mod compare;
pub mod data_type;
pub mod datetime;
pub mod ddl;
pub mod error;
pub mod interval;
pub mod json;
pub mod numeric;
pub mod schema;
pub mod settings;
pub mod text;
pub mod value;
pub mod vector;

pub use batch::Batch;
pub use data_type::{ColumnType, DataType};
pub use error::{Error, Result, SqlState};
pub use interval::Interval;
pub use numeric::Numeric;
pub use settings::TextSettings;
pub use value::{Array, FieldNames, Record, Value};
pub use vector::Vector;

/// A transaction's number: its leaf's index in the ledger's log. Genesis is 0.
pub type TxId = u64;
/// A PostgreSQL object identifier. User objects start at 16384 and are never reused.
pub type Oid = u32;
pub use schema::Moment;
