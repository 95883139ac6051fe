//! Start-up: what the log really holds.
