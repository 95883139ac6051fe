//! The whole, from outside: commands, files, drivers, load, isolation, kill -9, loss of power, bad disks, the order of crates.

mod backup;
mod commands;
mod disk;
mod drivers;
mod exported;
mod files;
mod formats;
mod history;
mod index;
mod kill;
mod load;
mod power;
mod promises;
mod ranks;
mod tampering;
mod tpch;
mod two_phase;
mod waits;
