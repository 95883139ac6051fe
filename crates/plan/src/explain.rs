//! EXPLAIN: a plan as text, as PostgreSQL prints it.
