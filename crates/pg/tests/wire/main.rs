//! The server as clients see it: raw messages, a driver, psql.

mod authentication;
mod drivers;
mod findings;
mod protocol;
mod raw;
mod sessions;

use session::{Cluster, ClusterOptions};
use std::path::Path;
use stele_pg::{Options, Server, Tls};

pub fn cluster() -> Cluster {
    let options = ClusterOptions { index: kv::store::IndexEngine::Memory, ..ClusterOptions::default() };
    Cluster::open(host::Host::volatile(), Path::new("/stele"), options).unwrap()
}

pub fn options() -> Options {
    Options { listen: ([127, 0, 0, 1], 0).into(), tls: None, trust_loopback: true }
}

/// A server of its own, with role and database `stele`.
pub fn server() -> Server {
    stele_pg::start_with(cluster(), options(), Some(2)).unwrap()
}

/// A self-signed certificate for localhost.
pub fn certificate() -> (Tls, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let tls = Tls {
        certificate_pem: made.cert.pem().into_bytes(),
        key_pem: made.signing_key.serialize_pem().into_bytes(),
    };
    (tls, made.cert.der().to_vec())
}
