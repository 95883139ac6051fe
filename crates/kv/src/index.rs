//! The derived index: a small trait, its engines, its checkpoint.
