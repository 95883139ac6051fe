//! Signed checkpoints and the key that signs them.
