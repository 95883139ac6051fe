//! The tree in tile files.
