//! Sequences: reserved ranges in memory, reservations in the ledger.
