//! The PostgreSQL wire protocol (PostgreSQL 15, chapter 55), on pgwire's messages.

use std::net::SocketAddr;
use types::Result;

/// A certificate chain and its key, for TLS.
pub struct Tls {
    pub certificate_pem: Vec<u8>,
    pub key_pem: Vec<u8>,
}

pub struct Options {
    pub listen: SocketAddr,
    pub tls: Option<Tls>,
    /// Clients of this machine need no password.
    pub trust_loopback: bool,
}

/// A running server.
pub struct Server {}

impl Server {
    pub fn address(&self) -> SocketAddr {
        todo!()
    }
    pub fn stop(self) {
        todo!()
    }
}

/// Serves in threads of its own.
pub fn start(_cluster: session::Cluster, _options: Options) -> Result<Server> {
    todo!()
}

/// Serves until SIGINT or SIGTERM. `ready` is told the bound address.
pub fn serve(_cluster: session::Cluster, _options: Options, _ready: impl FnOnce(SocketAddr)) -> Result<()> {
    todo!()
}
