//! End-to-end tests of Stele.
//!
//! - `fixtures/`: the files of `sql-fixtures/`, in process, over the wire, and against PostgreSQL 15.
//! - `system/`: the commands, the files, the drivers, the order of crates.
//! - `interop/`: programs of others that check our proofs.
