//! End-to-end tests of Stele, and the comparison with PostgreSQL.
//!
//! - `fixtures/`: the files of `sql-fixtures/`, in process, over the wire, and against PostgreSQL 15; its schedules of
//!   several sessions.
//! - `system/`: the commands, the files, the drivers, load, isolation, kill -9, the order of crates.
//! - `interop/`: programs of others that check our proofs.
//! - `drivers/`: scripts for the drivers of other languages.
//! - `compare/`: the benchmark command.
//!
//! Here is what they share: a Stele and a PostgreSQL as processes of their own, and TPC-H.

pub mod postgres;
pub mod server;
pub mod tpch;

/// How much a test of load does: little, or with STELE_LOAD=full as much as the published results say.
pub fn full_load() -> bool {
    std::env::var("STELE_LOAD").is_ok_and(|load| load == "full")
}
