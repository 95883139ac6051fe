//! The two hashed structures, byte for byte: transaction T (112 bytes) and entry E (86 bytes).
//!
//! To be written: `Transaction { version, flags, database_id, tx_id, commit_time, entry_count, entries_root, meta_commit }`
//! and `Entry { op, object, prev_tx, key_commit, row_commit }`, each with `encode() -> [u8; N]` and `decode(&[u8])`.
