//! Checkpoints (C2SP tlog-checkpoint v1.0): origin, size, root.
