//! The schema of one moment: descriptors by name and OID.
