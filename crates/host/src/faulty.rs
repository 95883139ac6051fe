//! A seeded disk that fails.
