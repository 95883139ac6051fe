//! The functions, a file per family (PostgreSQL 15, chapter 9).
