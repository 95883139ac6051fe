//! Listening, accepting, stopping.

use crate::connection::Connection;
use crate::wire::{Greeting, Wire};
use crate::{Options, Tls, startup};
use session::{Cluster, Interrupt};
use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig, pki_types};
use types::{Error, Result, err};

/// Connections at a time, with those that have no session yet. Each that has one has a thread.
const MAX_SOCKETS: usize = 1_200;
/// Recursive evaluation of deep expressions needs it.
const STACK_BYTES: usize = 16 << 20;
/// From connecting to the session (PostgreSQL's authentication_timeout).
const GREETING_LIMIT: Duration = Duration::from_secs(60);
/// What a client that comes too early has to say what it wants.
const REFUSAL_LIMIT: Duration = Duration::from_secs(1);
/// How often it is looked which sessions are to end.
const TICK: Duration = Duration::from_millis(100);
/// What running statements are given at shutdown.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What all connections share.
pub struct Shared {
    pub cluster: Cluster,
    pub tls: Option<TlsAcceptor>,
    pub trust_loopback: bool,
    pub random: Arc<dyn host::Random>,
    /// Makes up verifiers.
    pub mock_secret: [u8; 32],
    listed: Mutex<HashMap<i32, Listed>>,
    sockets: Arc<Semaphore>,
}

/// A session, to be woken when it is to end.
struct Listed {
    interrupt: Arc<Interrupt>,
    bell: Box<dyn Fn() + Send + Sync>,
}

/// A server that listens and has nothing to serve yet.
pub struct Bound {
    runtime: Runtime,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    trust_loopback: bool,
    pub address: SocketAddr,
}

pub fn bind(options: Options, worker_threads: Option<usize>) -> Result<Bound> {
    let Options { listen, tls, trust_loopback } = options;
    let io = |error: std::io::Error| err!(IoError, "could not listen on {listen}: {error}");
    let mut builder = Builder::new_multi_thread();
    if let Some(count) = worker_threads {
        builder.worker_threads(count);
    }
    // No connection may wait for another's thread.
    let builder =
        builder.thread_name("pg").thread_stack_size(STACK_BYTES).max_blocking_threads(MAX_SOCKETS + 64);
    let runtime = builder.enable_all().build().map_err(io)?;
    let listener = runtime.block_on(TcpListener::bind(listen)).map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    Ok(Bound { runtime, listener, tls: tls.map(acceptor).transpose()?, trust_loopback, address })
}

fn acceptor(tls: Tls) -> Result<TlsAcceptor> {
    use pki_types::pem::PemObject;
    let wrong = |what: &str, error: String| {
        Error::new(types::SqlState::ConfigFileError, format!("TLS {what}: {error}"))
    };
    let certificates = pki_types::CertificateDer::pem_slice_iter(&tls.certificate_pem)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| wrong("certificate", error.to_string()))?;
    let key = pki_types::PrivateKeyDer::from_pem_slice(&tls.key_pem)
        .map_err(|error| wrong("key", error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| wrong("configuration", error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Bound {
    /// While `open` works on this thread, clients are told 57P03 and what `doing` says.
    pub fn opening<T>(
        self,
        doing: impl Fn() -> Option<String> + Send + Sync + 'static,
        open: impl FnOnce() -> T,
    ) -> Result<(Bound, T)> {
        let Bound { runtime, listener, tls, trust_loopback, address } = self;
        let (opened, is_open) = oneshot::channel::<()>();
        let refusing = runtime.spawn(async move {
            tokio::select! {
                () = refuse_all(&listener, tls.as_ref(), &doing) => {}
                _ = is_open => {}
            }
            (listener, tls)
        });
        let outcome = open();
        drop(opened);
        let (listener, tls) = runtime
            .block_on(refusing)
            .map_err(|error| Error::internal(format!("listening failed while starting: {error}")))?;
        Ok((Bound { runtime, listener, tls, trust_loopback, address }, outcome))
    }

    /// Serves until `end`, then ends every session. The cluster stays open: it is the caller's.
    pub fn run(self, cluster: Cluster, end: impl Future<Output = ()>) {
        let Bound { runtime, listener, tls, trust_loopback, address: _ } = self;
        let random = host::Host::real().random;
        let shared = Arc::new(Shared {
            cluster,
            tls,
            trust_loopback,
            mock_secret: host::random::bytes(&*random),
            random,
            listed: Mutex::default(),
            sockets: Arc::new(Semaphore::new(MAX_SOCKETS)),
        });
        let (stop, stopping) = watch::channel(false);
        runtime.block_on(async {
            let ticker = tokio::spawn(tick(shared.clone(), stopping.clone()));
            tokio::select! {
                () = accept(&listener, &shared, &stopping) => {}
                () = end => {}
            }
            drop(listener);
            stop.send_replace(true);
            let all = shared.sockets.acquire_many(MAX_SOCKETS as u32);
            if tokio::time::timeout(STOP_LIMIT, all).await.is_err() {
                let _ = writeln!(
                    std::io::stderr(),
                    "some sessions did not end in {} s and are cut off",
                    STOP_LIMIT.as_secs()
                );
            }
            ticker.abort();
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

/// One client after the other: none of them has long to wait, and there is nothing to gain from being many.
async fn refuse_all(
    listener: &TcpListener,
    tls: Option<&TlsAcceptor>,
    doing: &(impl Fn() -> Option<String> + Sync),
) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let mut why = err!(CannotConnectNow, "the database system is starting up");
        if let Some(doing) = doing() {
            why = why.detail(doing);
        }
        let _ = tokio::time::timeout(REFUSAL_LIMIT, startup::refuse(tls, socket, why)).await;
    }
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>, stopping: &watch::Receiver<bool>) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                let task = connection(shared.clone(), socket, peer, stopping.clone());
                tokio::spawn(task);
            }
            // Too many open files and the like: it passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(
    shared: Arc<Shared>,
    socket: TcpStream,
    peer: SocketAddr,
    mut stopping: watch::Receiver<bool>,
) {
    // Without it an answer in two writes waits for the client's delayed acknowledgement.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let Ok(permit) = shared.sockets.clone().try_acquire_owned() else {
        let mut wire = Wire::new(Greeting::Plain(socket));
        wire.put_report(b'E', "FATAL", &err!(TooManyConnections, "sorry, too many clients already"));
        // It fits into the socket's buffer, or the client does without.
        let _ = tokio::time::timeout(Duration::from_secs(1), wire.flush()).await;
        return;
    };
    let greeting = tokio::time::timeout(GREETING_LIMIT, startup::greet(&shared, socket, peer));
    let greeted = tokio::select! {
        greeted = greeting => greeted.ok().flatten(),
        _ = stopping.wait_for(|stop| *stop) => None,
    };
    let Some((wire, session)) = greeted else { return };
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        // A session's end may block, wherever it comes.
        if let Ok(wire) = wire.serve(session.interrupt()) {
            serve(&shared, Connection::new(wire, session));
        }
    });
}

fn serve(shared: &Shared, connection: Connection) {
    let process_id = connection.process_id();
    let listed = Listed { interrupt: connection.interrupt(), bell: Box::new(connection.bell()) };
    lock(shared).insert(process_id, listed);
    let _unlist = Unlist { shared, process_id };
    connection.converse();
}

struct Unlist<'a> {
    shared: &'a Shared,
    process_id: i32,
}

impl Drop for Unlist<'_> {
    fn drop(&mut self) {
        lock(self.shared).remove(&self.process_id);
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, HashMap<i32, Listed>> {
    shared.listed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes idle sessions that are to end (pg_terminate_backend, shutdown): a flag wakes nobody.
async fn tick(shared: Arc<Shared>, stopping: watch::Receiver<bool>) {
    let mut interval = tokio::time::interval(TICK);
    loop {
        interval.tick().await;
        let stop = *stopping.borrow();
        for listed in lock(&shared).values() {
            if stop {
                listed.interrupt.terminate();
            }
            if listed.interrupt.is_terminated() {
                (listed.bell)();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn packet(code: u32, rest: &[u8]) -> Vec<u8> {
        let length = 8 + rest.len() as u32;
        [&length.to_be_bytes()[..], &code.to_be_bytes(), rest].concat()
    }

    #[test]
    fn who_comes_before_the_cluster_is_open_is_told_so() {
        let listen = "127.0.0.1:0".parse().unwrap();
        let bound = bind(Options { listen, tls: None, trust_loopback: true }, Some(1)).unwrap();
        let address = bound.address;
        let doing = || Some("At work: index, 40 % done.".to_owned());
        let (_, answers) = bound
            .opening(doing, || {
                [b"user\0a\0\0".to_vec(), b"".to_vec()].map(|parameters| {
                    let mut socket = std::net::TcpStream::connect(address).unwrap();
                    socket.write_all(&packet(80_877_103, b"")).unwrap();
                    let mut no_tls = [0];
                    socket.read_exact(&mut no_tls).unwrap();
                    assert_eq!(&no_tls, b"N");
                    socket.write_all(&packet(196_608, &parameters)).unwrap();
                    let mut answer = Vec::new();
                    socket.read_to_end(&mut answer).unwrap();
                    String::from_utf8(answer).unwrap()
                })
            })
            .unwrap();
        for answer in answers {
            assert!(answer.starts_with('E'), "{answer}");
            for field in
                ["SFATAL", "C57P03", "Mthe database system is starting up", "DAt work: index, 40 % done."]
            {
                assert!(answer.split('\0').any(|found| found.ends_with(field)), "{answer:?}");
            }
        }
    }
}
