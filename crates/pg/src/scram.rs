//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), over a stored verifier. Channel binding is not offered.

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use session::ScramVerifier;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use types::{Error, Result, bail, err};

pub const MECHANISM: &str = "SCRAM-SHA-256";
/// What real verifiers have.
const MOCK_ITERATIONS: u32 = 4096;

/// An exchange after the client's first message.
pub struct Exchange {
    verifier: ScramVerifier,
    /// base64 of the client's GS2 header, to be repeated.
    binding: String,
    nonce: String,
    client_first_bare: String,
    server_first: String,
}

/// Reads the client's first message. `server_nonce` is random and printable. Returns what to send.
pub fn begin(client_first: &str, verifier: ScramVerifier, server_nonce: &str) -> Result<(Exchange, String)> {
    let (header, bare) = match client_first.get(..2) {
        Some("n," | "y,") => {
            let end = client_first.match_indices(',').nth(1).map(|(at, _)| at + 1);
            client_first.split_at_checked(end.unwrap_or(usize::MAX)).ok_or_else(malformed)?
        }
        Some("p=") => {
            bail!(
                ProtocolViolation,
                "the client selected SCRAM-SHA-256 with channel binding, which was not offered"
            )
        }
        _ => return Err(malformed()),
    };
    if header.len() != 3 {
        return Err(Error::unsupported("an authorization identity in SCRAM"));
    }
    let mut attributes = bare.split(',');
    match attributes.next() {
        Some(name) if name.starts_with("n=") => {}
        Some(extension) if extension.starts_with("m=") => {
            return Err(Error::unsupported("a mandatory extension of SCRAM"));
        }
        _ => return Err(malformed()),
    }
    let client_nonce = attributes.next().and_then(|nonce| nonce.strip_prefix("r=")).ok_or_else(malformed)?;
    if client_nonce.is_empty() || !client_nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed());
    }
    let nonce = format!("{client_nonce}{server_nonce}");
    let salt = BASE64_STANDARD.encode(&verifier.salt);
    let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
    let exchange = Exchange {
        verifier,
        binding: BASE64_STANDARD.encode(header),
        nonce,
        client_first_bare: bare.to_owned(),
        server_first: server_first.clone(),
    };
    Ok((exchange, server_first))
}

impl Exchange {
    /// Checks the client's proof. Returns what to send, or None if the password was wrong.
    pub fn finish(self, client_final: &str) -> Result<Option<String>> {
        let (without_proof, proof) = client_final.rsplit_once(",p=").ok_or_else(malformed)?;
        let mut attributes = without_proof.split(',');
        let binding =
            attributes.next().and_then(|binding| binding.strip_prefix("c=")).ok_or_else(malformed)?;
        let nonce = attributes.next().and_then(|nonce| nonce.strip_prefix("r=")).ok_or_else(malformed)?;
        if binding != self.binding {
            bail!(ProtocolViolation, "unexpected SCRAM channel-binding attribute in client-final-message");
        }
        if nonce != self.nonce {
            return Err(malformed());
        }
        let proof: [u8; 32] = BASE64_STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok())
            .ok_or_else(malformed)?;
        let message = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let mut client_key = hmac(&self.verifier.stored_key, message.as_bytes())?;
        client_key.iter_mut().zip(proof).for_each(|(byte, proof)| *byte ^= proof);
        let stored_key: [u8; 32] = Sha256::digest(client_key).into();
        if !bool::from(stored_key.ct_eq(&self.verifier.stored_key)) {
            return Ok(None);
        }
        let signature = hmac(&self.verifier.server_key, message.as_bytes())?;
        Ok(Some(format!("v={}", BASE64_STANDARD.encode(signature))))
    }
}

fn malformed() -> Error {
    err!(ProtocolViolation, "malformed SCRAM message")
}

/// For a role that is unknown or has no password: the same each time, and no password fits it. So a client cannot tell
/// such a role from a wrong password.
pub fn mock(secret: &[u8; 32], user: &str) -> Result<ScramVerifier> {
    let derive = |what: &str| hmac(secret, format!("{what}:{user}").as_bytes());
    Ok(ScramVerifier {
        iterations: MOCK_ITERATIONS,
        salt: derive("salt")?[..16].to_vec(),
        stored_key: derive("stored key")?,
        server_key: derive("server key")?,
    })
}

fn hmac(key: &[u8], message: &[u8]) -> Result<[u8; 32]> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|error| Error::internal(format!("hmac: {error}")))?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3: user "user", password "pencil".
    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn verifier() -> ScramVerifier {
        // Made with the formulas of RFC 5802 from "pencil" and the RFC's salt.
        ScramVerifier::parse(&format!(
            "SCRAM-SHA-256$4096:{SALT}$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        ))
        .unwrap()
    }

    #[test]
    fn the_exchange_of_the_rfc() {
        let (exchange, server_first) = begin(CLIENT_FIRST, verifier(), SERVER_NONCE).unwrap();
        assert_eq!(server_first, format!("r=rOprNGfwEbeRWgbNEkqO{SERVER_NONCE},s={SALT},i=4096"));
        let server_final = exchange.finish(CLIENT_FINAL).unwrap();
        assert_eq!(server_final.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn a_wrong_proof_is_no_error_but_a_wrong_message_is() {
        let finish = |text: &str| begin(CLIENT_FIRST, verifier(), SERVER_NONCE).unwrap().0.finish(text);
        assert_eq!(finish(&CLIENT_FINAL.replace("dHzb", "dHzc")), Ok(None));
        for wrong in [
            CLIENT_FINAL.replace("biws", "eSws"),
            CLIENT_FINAL.replace("r=rO", "r=rP"),
            CLIENT_FINAL.replace("dVQ=", ""),
            CLIENT_FINAL.replace(",p=", ",q="),
            String::new(),
        ] {
            assert_eq!(finish(&wrong).unwrap_err().state.code(), "08P01", "{wrong}");
        }
    }

    #[test]
    fn first_messages_that_are_none() {
        for (text, state) in [
            ("", "08P01"),
            ("n,", "08P01"),
            ("x,,n=,r=a", "08P01"),
            ("p=tls-unique,,n=,r=a", "08P01"),
            ("n,a=other,n=,r=a", "0A000"),
            ("n,,m=x,n=,r=a", "0A000"),
            ("n,,n=,r=", "08P01"),
            ("n,,n=", "08P01"),
        ] {
            let refused = begin(text, verifier(), "x").map(|_| ()).unwrap_err();
            assert_eq!(refused.state.code(), state, "{text}");
        }
        assert!(begin("y,,n=,r=a", verifier(), "x").is_ok());
    }

    #[test]
    fn a_made_up_verifier_is_the_same_each_time() {
        let one = mock(&[1; 32], "nobody").unwrap();
        assert_eq!(mock(&[1; 32], "nobody").unwrap(), one);
        assert_ne!(mock(&[1; 32], "somebody").unwrap().salt, one.salt);
        assert_ne!(mock(&[2; 32], "nobody").unwrap().salt, one.salt);
    }
}
