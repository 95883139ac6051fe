//! Proof files: P1, P3 and P4 as `c2sp.org/tlog-proof@v1` text and as JSON; trust files; verification.
