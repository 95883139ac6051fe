//! End-to-end tests of Stele: see `tests/*.rs`.
