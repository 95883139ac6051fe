//! The whole, from outside: commands, files, the order of crates.

mod ranks;
