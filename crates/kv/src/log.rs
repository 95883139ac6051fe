//! Log segments: blocks in files.
