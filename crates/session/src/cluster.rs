//! A data folder: its databases, roles and password verifiers, and what all sessions share.

use host::Host;
use std::path::Path;
use types::{Oid, Result};

#[derive(Clone)]
pub struct ClusterOptions {
    pub index: kv::store::IndexEngine,
    pub index_cache_bytes: u64,
    /// The host part of checkpoint origins.
    pub origin_host: String,
    pub accept_missing_checkpoint: bool,
    pub accept_clock: bool,
    pub progress: Option<kv::ledger::Progress>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    // ...
}

/// A SCRAM-SHA-256 verifier (RFC 5803): what is kept of a password.
#[derive(Clone)]
pub struct ScramVerifier {
    pub iterations: u32,
    pub salt: Vec<u8>,
    pub stored_key: [u8; 32],
    pub server_key: [u8; 32],
}

impl Cluster {
    /// Opens `dir`, or makes it with role and database `stele`.
    pub fn open(_host: Host, _dir: &Path, _options: ClusterOptions) -> Result<Cluster> {
        todo!()
    }

    /// The verifier of a role that may log in with a password. None: no such role, no password, or no LOGIN — the
    /// caller must go on with a made-up verifier so that a client cannot tell.
    pub fn scram_verifier(&self, _role: &str) -> Result<Option<ScramVerifier>> {
        todo!()
    }

    /// Starts a session after authentication. 3D000, 28000 (no such role, no LOGIN), 42501 (CONNECT), 53300.
    pub fn connect(&self, _options: crate::SessionOptions) -> Result<crate::Session> {
        todo!()
    }

    /// Cancels the running statement of the session with this process id and secret; wrong ones are ignored.
    pub fn cancel(&self, _process_id: i32, _secret: i32) {
        todo!()
    }

    pub fn role_oid(&self, _name: &str) -> Result<Option<Oid>> {
        todo!()
    }

    /// Ends: sessions get 57P01 at their next statement, databases are closed.
    pub fn shutdown(&self) -> Result<()> {
        todo!()
    }
}
