//! The whole, from outside: commands, files, the order of crates.

mod files;
mod proofs;
mod ranks;
