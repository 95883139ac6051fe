//! NOT NULL, unique: checks on rows as they are written.
