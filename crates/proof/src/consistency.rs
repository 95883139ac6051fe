//! Consistency proofs (tlog-witness request body) and fork evidence: P2 and P7.
