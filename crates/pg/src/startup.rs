//! From the first byte to ReadyForQuery: TLS, the startup packet, authentication, the session.
//!
//! Every error here is FATAL and closes the connection.

mod options;

use crate::frame::{self, utf8};
use crate::scram;
use crate::server::Shared;
use crate::wire::{Greeting, Wire};
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::{Bytes, BytesMut};
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, SecretKey, Startup,
};
use pgwire::messages::{DecodeContext, Message, ProtocolVersion};
use session::{Session, SessionOptions};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use types::{Error, Result, bail, err};

/// As in PostgreSQL.
const LIMIT_BYTES: usize = 10_000;
const CODE_CANCEL: u32 = 80_877_102;
const CODE_TLS: u32 = 80_877_103;
const CODE_GSS: u32 = 80_877_104;
/// Protocol 3.2.
const NEWEST_MINOR: u16 = 2;

/// None: there is nothing to converse about (a cancel request, a refusal, a client that left).
pub async fn greet(
    shared: &Arc<Shared>,
    socket: TcpStream,
    peer: SocketAddr,
) -> Option<(Wire<Greeting>, Session)> {
    let mut wire = Wire::new(Greeting::Plain(socket));
    match begin(shared, &mut wire, peer).await {
        Ok(session) => session.map(|session| (wire, session)),
        Err(Refusal::Gone) => None,
        Err(Refusal::Told(error)) => {
            wire.put_report(b'E', "FATAL", &error);
            // It is closed in any case.
            let _ = wire.flush().await;
            None
        }
    }
}

enum Refusal {
    /// The client is told.
    Told(Error),
    /// There is no client.
    Gone,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Told(error)
    }
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Refusal {
        Refusal::Gone
    }
}

/// Tells whoever connects that nobody can be served now.
pub async fn refuse(tls: Option<&TlsAcceptor>, socket: TcpStream, why: Error) {
    let mut wire = Wire::new(Greeting::Plain(socket));
    let told = match first_packet(tls, &mut wire).await {
        Ok(First::Startup(..)) => why,
        Ok(First::Cancel(_)) | Err(Refusal::Gone) => return,
        Err(Refusal::Told(error)) => error,
    };
    wire.put_report(b'E', "FATAL", &told);
    // It is closed in any case.
    let _ = wire.flush().await;
}

/// What a client wants, TLS negotiated.
enum First {
    Cancel(BytesMut),
    /// The packet and its protocol version.
    Startup(BytesMut, u32),
}

async fn first_packet(tls: Option<&TlsAcceptor>, wire: &mut Wire<Greeting>) -> Result<First, Refusal> {
    loop {
        let packet = packet(wire).await?;
        match code(&packet) {
            CODE_CANCEL => return Ok(First::Cancel(packet)),
            // What was sent in clear before the answer would be taken for encrypted (CVE-2021-23214).
            CODE_TLS if !wire.input.unread().is_empty() => {
                return Err(err!(ProtocolViolation, "received unencrypted data after SSL request")
                    .detail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
                    .into());
            }
            CODE_GSS if !wire.input.unread().is_empty() => {
                return Err(err!(
                    ProtocolViolation,
                    "received unencrypted data after GSSAPI encryption request"
                )
                .into());
            }
            CODE_TLS => match tls {
                Some(acceptor) if matches!(wire.stream, Greeting::Plain(_)) => {
                    wire.output.extend_from_slice(b"S");
                    wire.flush().await?;
                    if let Greeting::Plain(socket) =
                        std::mem::replace(&mut wire.stream, Greeting::Negotiating)
                    {
                        wire.stream = Greeting::Tls(Box::new(acceptor.accept(socket).await?));
                    }
                }
                _ => {
                    wire.output.extend_from_slice(b"N");
                    wire.flush().await?;
                }
            },
            CODE_GSS => {
                wire.output.extend_from_slice(b"N");
                wire.flush().await?;
            }
            version => return Ok(First::Startup(packet, version)),
        }
    }
}

async fn begin(
    shared: &Arc<Shared>,
    wire: &mut Wire<Greeting>,
    peer: SocketAddr,
) -> Result<Option<Session>, Refusal> {
    let startup = match first_packet(shared.tls.as_ref(), wire).await? {
        First::Cancel(packet) => {
            cancel(shared, packet)?;
            return Ok(None);
        }
        First::Startup(packet, version) => startup(packet, version, wire)?,
    };
    let mut options = options::of(startup)?;
    options.client_address = Some(peer.to_string());
    authenticate(shared, wire, peer, &options.user).await?;
    let session = connect(shared, options)?;
    wire.put(&Authentication::Ok)?;
    for (name, value) in session.reported_settings() {
        wire.put_parameter_status(&name, &value);
    }
    wire.put(&BackendKeyData::new(session.process_id(), SecretKey::I32(session.secret())))?;
    Ok(Some(session))
}

/// A packet without a type: its length is its first four bytes.
async fn packet(wire: &mut Wire<Greeting>) -> Result<BytesMut, Refusal> {
    loop {
        if let Some(length) = wire.input.unread().first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            if !(8..=LIMIT_BYTES).contains(&length) {
                return Err(err!(ProtocolViolation, "invalid length of startup packet").into());
            }
            if let Some(packet) = wire.input.unread().get(..length) {
                let packet = BytesMut::from(packet);
                wire.input.skip(length);
                return Ok(packet);
            }
        }
        if !wire.fill().await? {
            return Err(Refusal::Gone);
        }
    }
}

fn code(packet: &[u8]) -> u32 {
    packet.get(4..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Wrong numbers are ignored: nobody learns whether they were right.
fn cancel(shared: &Shared, mut packet: BytesMut) -> Result<()> {
    if let Ok(Some(request)) = CancelRequest::decode(&mut packet, &DecodeContext::default()) {
        let secret = match request.secret_key {
            SecretKey::I32(secret) => Some(secret),
            SecretKey::Bytes(bytes) => {
                bytes.first_chunk().filter(|_| bytes.len() == 4).map(|b| i32::from_be_bytes(*b))
            }
        };
        if let Some(secret) = secret {
            tokio::task::block_in_place(|| shared.cluster.cancel(request.pid, secret));
        }
    }
    Ok(())
}

fn startup(mut packet: BytesMut, version: u32, wire: &mut Wire<Greeting>) -> Result<Startup> {
    let (major, minor) = ((version >> 16) as u16, version as u16);
    if major != 3 {
        bail!(
            FeatureNotSupported,
            "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2"
        );
    }
    let body = packet.get(8..).unwrap_or_default();
    utf8(body)?;
    check_strings(body)?;
    // pgwire takes a packet without parameters for a broken one.
    let startup = match packet.len() {
        8 => Startup::new(),
        _ => match Startup::decode(&mut packet, &DecodeContext::default()) {
            Ok(Some(startup)) => startup,
            _ => bail!(ProtocolViolation, "invalid startup packet layout"),
        },
    };
    let unknown: Vec<String> =
        startup.parameters.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
    if minor > NEWEST_MINOR || !unknown.is_empty() {
        let newest = ProtocolVersion::from_version_number(3, minor.min(NEWEST_MINOR)).unwrap_or_default();
        wire.put(&NegotiateProtocolVersion::new(newest.into(), unknown))?;
    }
    Ok(startup)
}

/// Pairs of C strings and a last, empty one.
fn check_strings(body: &[u8]) -> Result<()> {
    let strings: Vec<&[u8]> = body.split(|&byte| byte == 0).collect();
    match &strings[..] {
        [] | [[]] => Ok(()),
        // `a\0b\0\0` splits into a, b, "", "".
        [pairs @ .., [], []]
            if pairs.len() % 2 == 0 && pairs.iter().step_by(2).all(|name| !name.is_empty()) =>
        {
            Ok(())
        }
        _ => Err(err!(ProtocolViolation, "invalid startup packet layout: expected terminator as last byte")),
    }
}

async fn authenticate(
    shared: &Shared,
    wire: &mut Wire<Greeting>,
    peer: SocketAddr,
    user: &str,
) -> Result<(), Refusal> {
    if shared.trust_loopback && peer.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let verifier = tokio::task::block_in_place(|| shared.cluster.scram_verifier(user))?;
    let verifier = match verifier {
        Some(verifier) => verifier,
        None => scram::mock(&shared.mock_secret, user)?,
    };
    wire.put(&Authentication::SASL(vec![scram::MECHANISM.into()]))?;
    wire.flush().await?;

    let first = password_message(wire).await?;
    let end = first.iter().position(|&byte| byte == 0).ok_or_else(malformed)?;
    if first.get(..end) != Some(scram::MECHANISM.as_bytes()) {
        return Err(
            err!(ProtocolViolation, "client selected an invalid SASL authentication mechanism").into()
        );
    }
    let data = first.get(end + 5..).ok_or_else(malformed)?;
    let length = first.get(end + 1..end + 5).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    if length != u32::try_from(data.len()).ok() {
        return Err(malformed().into());
    }
    let nonce: [u8; 18] = host::random::bytes(&*shared.random);
    let (exchange, answer) = scram::begin(utf8(data)?, verifier, &BASE64_STANDARD.encode(nonce))?;
    wire.put(&Authentication::SASLContinue(Bytes::from(answer)))?;
    wire.flush().await?;

    let last = password_message(wire).await?;
    match exchange.finish(utf8(&last)?)? {
        Some(signature) => Ok(wire.put(&Authentication::SASLFinal(Bytes::from(signature)))?),
        None => Err(err!(InvalidPassword, "password authentication failed for user \"{user}\"").into()),
    }
}

fn malformed() -> Error {
    err!(ProtocolViolation, "malformed SASL message")
}

/// The body of the next message, which must be a `p`.
async fn password_message(wire: &mut Wire<Greeting>) -> Result<Vec<u8>, Refusal> {
    loop {
        // Before authentication nothing may be long.
        if let Some(kind) = wire.input.unread().first().filter(|kind| **kind != b'p') {
            return Err(err!(ProtocolViolation, "expected password response, got message type {kind}").into());
        }
        if let Some((frame, size_bytes)) = frame::first(wire.input.unread())? {
            let body = frame.body.to_vec();
            wire.input.skip(size_bytes);
            return Ok(body);
        }
        if !wire.fill().await? {
            return Err(Refusal::Gone);
        }
    }
}

fn connect(shared: &Shared, options: SessionOptions) -> Result<Session> {
    tokio::task::block_in_place(|| {
        catch_unwind(AssertUnwindSafe(|| shared.cluster.connect(options)))
            .unwrap_or_else(|_| Err(Error::internal("the session could not be started")))
    })
}
