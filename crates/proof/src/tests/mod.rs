//! Tests against vectors that others made, and of whole proof files.

mod bundle;
mod consistency;
mod golden;
mod golden_files;
mod sample;
mod transparency_dev;
mod tree;
