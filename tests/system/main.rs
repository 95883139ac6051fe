//! The whole, from outside: commands, files, drivers, load, isolation, kill -9, the order of crates.

mod commands;
mod drivers;
mod exported;
mod files;
mod formats;
mod history;
mod kill;
mod load;
mod ranks;
mod tpch;
