//! The PostgreSQL wire protocol (PostgreSQL 15, chapter 55), on pgwire's messages.
//!
//! ```text
//!   server   listen, accept, stop         startup  TLS, authentication (scram), the session
//!   frame    bytes -> checked messages    connection  one client's messages, in order
//!   row      batches -> DataRow           binary   values <-> the binary format
//! ```
//! A client is greeted by a task and served by a thread (docs/decisions/0006). Nothing here decides what SQL means: that
//! is `session`'s.

mod binary;
mod connection;
mod frame;
mod input;
mod parameter;
mod report;
mod row;
mod scram;
mod server;
mod startup;
mod wire;

use std::io::Write;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use types::{Error, Result, err};

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

/// Listens, opens and serves until SIGINT or SIGTERM; then sessions end with 57P01. While `open` is at work, clients are
/// told 57P03 with what `doing` says. Closing the cluster is the caller's business. `ready` is told the bound address
/// (port 0 chooses one).
pub fn serve<E: From<Error>>(
    options: Options,
    doing: impl Fn() -> Option<String> + Send + Sync + 'static,
    open: impl FnOnce() -> std::result::Result<session::Cluster, E>,
    ready: impl FnOnce(SocketAddr),
) -> std::result::Result<session::Cluster, E> {
    let (bound, cluster) = server::bind(options, None)?.opening(doing, open)?;
    let (cluster, address) = (cluster?, bound.address);
    bound.run(cluster.clone(), async move {
        let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        ready(address);
        match signals {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            // Signals then do what they do to any process: the ledger survives that.
            _ => std::future::pending().await,
        }
    });
    Ok(cluster)
}

/// A running server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves in threads of its own.
pub fn start(cluster: session::Cluster, options: Options) -> Result<Server> {
    start_with(cluster, options, None)
}

/// [`start`] with a number of threads that greet: one shows whether clients can starve each other.
pub fn start_with(
    cluster: session::Cluster,
    options: Options,
    worker_threads: Option<usize>,
) -> Result<Server> {
    let bound = server::bind(options, worker_threads)?;
    let address = bound.address;
    let (end, ended) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("pg-accept".into())
        .spawn(move || {
            bound.run(cluster, async {
                // A dropped sender ends it too.
                let _ = ended.await;
            })
        })
        .map_err(|error| err!(InsufficientResources, "could not start a thread: {error}"))?;
    Ok(Server { address, end: Some(end), thread: Some(thread) })
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every session with 57P01 and returns when they are gone. The cluster stays open.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            let _ = writeln!(std::io::stderr(), "the server's thread panicked");
        }
    }
}
