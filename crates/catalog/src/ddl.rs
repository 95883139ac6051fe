//! Schema changes: descriptors rewritten, objects made and dropped.
