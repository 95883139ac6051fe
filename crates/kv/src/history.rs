//! The versions of a row.
