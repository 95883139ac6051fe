//! `stele serve`.

use super::Open;
use anyhow::{Context, Result};
use clap::Parser;
use host::Host;
use session::Cluster;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// Serve PostgreSQL clients
#[derive(Parser)]
pub struct Serve {
    #[command(flatten)]
    open: Open,
    /// Where to listen
    ///
    /// Clients from this machine are trusted; all others need a role with a password (CREATE ROLE ... LOGIN PASSWORD).
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5433", env = "STELE_LISTEN")]
    listen: SocketAddr,
    /// Ask clients of this machine for a password too
    #[arg(long)]
    no_trust_loopback: bool,
    /// A certificate chain (PEM): clients may then use TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
}

impl Serve {
    pub fn run(self) -> Result<ExitCode> {
        let dir = self.open.data.dir.clone();
        let tls = match self.tls_certificate.as_ref().zip(self.tls_key.as_ref()) {
            None => None,
            Some((certificate, key)) => Some(pg::Tls {
                certificate_pem: std::fs::read(certificate)
                    .with_context(|| certificate.display().to_string())?,
                key_pem: std::fs::read(key).with_context(|| key.display().to_string())?,
            }),
        };
        let mut options = self.open.options();
        options.on_fatal = Some(Arc::new(|error: &types::Error| {
            // A failed fsync may have lost pages that a second one would call clean: only a restart tells.
            let _ = writeln!(std::io::stderr(), "stele: stopping: {error}");
            std::process::exit(3);
        }));
        let doing = Arc::new(Mutex::new(None));
        options.progress = Some(super::progress::noted(super::progress::bar(), doing.clone()));
        let doing = move || doing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open = || {
            // The errors name the folder.
            let cluster = Cluster::open(Host::real(), &dir, options)?;
            cluster.open_databases()?;
            super::warn(&cluster);
            anyhow::Ok(cluster)
        };
        let listen = pg::Options { listen: self.listen, tls, trust_loopback: !self.no_trust_loopback };
        let cluster = pg::serve(listen, doing, open, |address| {
            let host =
                if address.ip().is_unspecified() { "127.0.0.1".into() } else { address.ip().to_string() };
            let (version, port) = (env!("CARGO_PKG_VERSION"), address.port());
            // Whoever reads this may have closed the pipe: no reason to stop.
            let _ = write!(
                std::io::stdout(),
                "stele {version} serves {} on {address}\n\n    psql -h {host} -p {port} -U stele stele\n\n\
                 Stop with Ctrl-C.\n",
                dir.display()
            );
        })?;
        cluster.shutdown()?;
        Ok(ExitCode::SUCCESS)
    }
}
