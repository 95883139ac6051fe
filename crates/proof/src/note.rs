//! Signed notes (C2SP signed-note v1.0): text, signatures, verifier keys, Ed25519.
