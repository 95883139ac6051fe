//! Stele, embedded: a tamper-evident SQL database in a Rust program.
//!
//! ```
//! use stele::{Database, Moment, Value};
//! # fn main() -> stele::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path();
//! let db = Database::open(path)?;
//! db.execute("CREATE TABLE account (id int PRIMARY KEY, owner text, balance numeric(12,2))", &[])?;
//! db.execute("INSERT INTO account VALUES ($1, $2, $3)", &[7.into(), "Ada".into(), "100.50".into()])?;
//!
//! let before = db.last_transaction()?;
//! db.execute("UPDATE account SET balance = balance - 30 WHERE id = $1", &[7.into()])?;
//!
//! let now = db.query("SELECT balance FROM account WHERE id = $1", &[7.into()])?;
//! assert_eq!(now.text(0, "balance").as_deref(), Some("70.50"));
//!
//! let then = db.as_of(Moment::Transaction(before), "SELECT balance FROM account", &[])?;
//! assert_eq!(then.text(0, "balance").as_deref(), Some("100.50"));
//!
//! // A proof that anyone can check with `stele-verify`, without the database.
//! let proof = db.proof("account", &[7.into()])?;
//! assert!(proof.starts_with("c2sp.org/tlog-proof@v1"));
//! db.close()
//! # }
//! ```
//! This is the same engine as the server's, in process: it only lacks the wire.

pub mod command;
mod embedded;

pub use embedded::{Database, Rows};
pub use session::{Cluster, ClusterOptions, Session, SessionOptions};
pub use types::{Error, Moment, Result, SqlState, Value};

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
