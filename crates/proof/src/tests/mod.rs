//! Tests against vectors that others made.

mod golden;
mod transparency_dev;
mod tree;
