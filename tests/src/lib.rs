//! End-to-end tests of Stele, and the comparison with PostgreSQL.
//!
//! - `fixtures/`: the files of `sql-fixtures/`, in process, over the wire, and against PostgreSQL 15; its schedules of
//!   several sessions.
//! - `system/`: the commands, the files, the drivers, load, isolation, kill -9, the order of crates.
//! - `interop/`: programs of others that check our proofs.
//! - `drivers/`: scripts for the drivers of other languages.
//! - `power_loss/`: the library that makes a program's disk lose power.
//! - `compare/`: the benchmark command.
//!
//! Here is what they share: a Stele and a PostgreSQL as processes of their own, loss of
//! power, and TPC-H.

pub mod postgres;
pub mod power_loss;
pub mod random;
pub mod server;
pub mod tpch;

/// How much a test of load does: little, or with STELE_LOAD=full as much as the published results say.
pub fn full_load() -> bool {
    std::env::var("STELE_LOAD").is_ok_and(|load| load == "full")
}

/// How many rounds: what the environment variable says, or else few, or many with STELE_LOAD=full.
pub fn rounds(variable: &str, few: u32, many: u32) -> u32 {
    match std::env::var(variable) {
        Ok(rounds) => rounds.parse().unwrap_or_else(|_| panic!("{variable} is no number")),
        Err(_) => {
            if full_load() {
                many
            } else {
                few
            }
        }
    }
}
