//! Proof bundles of rows and transactions.
