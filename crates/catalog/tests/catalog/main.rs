//! The catalog over a database in memory.

extern crate stele_catalog as catalog;

mod constraints;
mod ddl;
mod foreign_keys;
mod history;
mod indexes;
mod proofs;
mod races;
mod row_groups;
mod sequences;
mod support;
mod system_relations;
