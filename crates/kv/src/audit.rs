//! `stele audit`: full replay recomputing every hash.
