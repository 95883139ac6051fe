//! SCRAM, TLS, startup.

use crate::raw::*;
use crate::{certificate, cluster, options, server};
use std::sync::Arc;
use tokio_postgres::NoTls;

fn with_password() -> stele_pg::Server {
    let cluster = cluster();
    let open = stele_pg::start(cluster.clone(), options()).unwrap();
    let mut raw = Raw::connect(open.address());
    assert_eq!(raw.query("create role ann login password 'geheim'"), "C:CREATE ROLE Z:I");
    open.stop();
    stele_pg::start(cluster, stele_pg::Options { trust_loopback: false, ..options() }).unwrap()
}

fn log_in(server: &stele_pg::Server, user: &str, password: &str) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(server.address().port()).user(user).password(password).dbname("stele");
        let (client, connection) = config.connect(NoTls).await.map_err(|error| {
            error
                .as_db_error()
                .map_or(error.to_string(), |error| format!("{} {}", error.severity(), error.code().code()))
        })?;
        tokio::spawn(connection);
        client.simple_query("show server_version").await.map(drop).map_err(|error| error.to_string())
    })
}

#[test]
fn a_password_is_asked_for_and_checked() {
    let server = with_password();
    assert_eq!(log_in(&server, "ann", "geheim"), Ok(()));
    assert_eq!(log_in(&server, "ann", "falsch"), Err("FATAL 28P01".into()));
    assert_eq!(log_in(&server, "nobody", "geheim"), Err("FATAL 28P01".into()));
    // No password has been given to this one.
    assert_eq!(log_in(&server, "stele", ""), Err("FATAL 28P01".into()));
}

/// Everything a client sees of an unknown role is what it sees of a known one.
#[test]
fn an_unknown_role_looks_like_a_wrong_password() {
    let server = with_password();
    let challenge = |user: &str| {
        let mut raw = Raw::socket(server.address());
        raw.send(&startup(VERSION_3_0, &[("user", user)]));
        let mechanisms = raw.read().unwrap();
        raw.send(&framed('p', b"SCRAM-SHA-256\0\0\0\0\x0cn,,n=,r=abcd"));
        let first = raw.read().unwrap();
        let text = first.text();
        let salt = text[text.find(",s=").unwrap()..].to_owned();
        let nonce = &text[text.find("r=").unwrap()..text.find(",s=").unwrap()];
        let proof = "A".repeat(43);
        raw.send(&framed('p', format!("c=biws,{nonce},p={proof}=").as_bytes()));
        let end = raw.until_closed();
        (mechanisms, first.body.len(), salt, summary(&end), end[0].field('M').unwrap().replace(user, "?"))
    };
    let (known, unknown, again) = (challenge("ann"), challenge("nobody"), challenge("nobody"));
    assert_eq!((&known.0, known.1, &known.3, &known.4), (&unknown.0, unknown.1, &unknown.3, &unknown.4));
    assert_eq!(known.3, "E:28P01");
    assert_eq!(unknown.2, again.2, "the salt of a role is the same each time");
    assert_ne!(known.2, unknown.2);
}

#[test]
fn startup_packets_that_are_wrong() {
    let server = server();
    let fails = |parameters: &[(&str, &str)]| {
        let mut raw = Raw::socket(server.address());
        raw.send(&startup(VERSION_3_0, parameters));
        let answers = raw.until_closed();
        assert_eq!(answers[0].field('V').as_deref(), Some("FATAL"));
        summary(&answers)
    };
    assert_eq!(fails(&[]), "E:28000");
    assert_eq!(fails(&[("user", "nobody")]), "E:28000");
    assert_eq!(fails(&[("user", "stele"), ("database", "none")]), "E:3D000");
    assert_eq!(fails(&[("user", "stele"), ("no_such_setting", "1")]), "E:42704");
    assert_eq!(fails(&[("user", "stele"), ("options", "-c no_such=1")]), "E:42704");
    assert_eq!(fails(&[("user", "stele"), ("replication", "true")]), "E:0A000");
    let mut raw = Raw::socket(server.address());
    raw.send(b"\0\0\0\x10\0\x03\0\0user\0abc");
    assert_eq!(summary(&raw.until_closed()), "E:08P01");
    let mut raw = Raw::socket(server.address());
    raw.send(&startup(VERSION_3_0, &[("user", "stele"), ("options", "-c statement_timeout=7s --geqo=off")]));
    raw.until_ready();
    raw.send(&framed('Q', &string("show statement_timeout")));
    assert_eq!(raw.until_ready()[1].body, b"\0\x01\0\0\0\x027s");
}

#[test]
fn encryption_requests_are_answered_in_any_order() {
    let server = server();
    let mut raw = Raw::socket(server.address());
    for code in [80_877_104u32, 80_877_103] {
        raw.send(&[8u32.to_be_bytes(), code.to_be_bytes()].concat());
        let mut answer = [0];
        std::io::Read::read_exact(&mut raw.stream, &mut answer).unwrap();
        assert_eq!(answer, *b"N");
    }
    raw.send(&startup(VERSION_3_0, &[("user", "stele")]));
    assert_eq!(raw.until_ready().last().unwrap().summary(), "Z:I");
}

#[test]
fn tls_carries_a_session() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types};
    let (tls, der) = certificate();
    let server = stele_pg::start(cluster(), stele_pg::Options { tls: Some(tls), ..options() }).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(pki_types::CertificateDer::from(der)).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(&[8u32.to_be_bytes(), 80_877_103u32.to_be_bytes()].concat()).await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap(), b'S');
        let name = pki_types::ServerName::try_from("localhost").unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, socket).await.unwrap();
        stream.write_all(&startup(VERSION_3_0, &[("user", "stele")])).await.unwrap();
        stream.write_all(&framed('Q', &string("show server_encoding"))).await.unwrap();
        let mut seen = Vec::new();
        while !seen.windows(4).any(|bytes| bytes == b"UTF8")
            || seen.windows(6).filter(|bytes| *bytes == b"Z\0\0\0\x05I").count() < 2
        {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
        }
    });
}
