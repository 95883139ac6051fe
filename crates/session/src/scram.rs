//! SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677): what is kept of a password.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use types::{Result, err};

/// PostgreSQL's default.
const ITERATIONS: u32 = 4096;

/// Enough to check a password, not enough to be one.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    pub iterations: u32,
    pub salt: Vec<u8>,
    pub stored_key: [u8; 32],
    pub server_key: [u8; 32],
}

impl std::fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScramVerifier(..)")
    }
}

impl ScramVerifier {
    /// Of a plain password, or of PostgreSQL's form `SCRAM-SHA-256$4096:salt$stored:server`, which is taken as it is.
    pub fn new(password: &str, random: &dyn host::Random) -> Result<ScramVerifier> {
        if let Some(verifier) = ScramVerifier::parse(password) {
            return Ok(verifier);
        }
        if password.starts_with("md5") && password.len() == 35 {
            return Err(err!(FeatureNotSupported, "md5 passwords are not supported")
                .hint("Give the password itself, or a SCRAM-SHA-256 verifier."));
        }
        let salt: [u8; 16] = host::random::bytes(random);
        Ok(ScramVerifier::derive(password, &salt, ITERATIONS))
    }

    fn derive(password: &str, salt: &[u8], iterations: u32) -> ScramVerifier {
        // A password that SASLprep refuses is used as it is, as PostgreSQL does.
        let prepared = stringprep::saslprep(password).unwrap_or(password.into());
        let mut salted = [0u8; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(prepared.as_bytes(), salt, iterations, &mut salted);
        let stored_key = Sha256::digest(hmac(&salted, b"Client Key")).into();
        ScramVerifier {
            iterations,
            salt: salt.to_vec(),
            stored_key,
            server_key: hmac(&salted, b"Server Key"),
        }
    }

    /// PostgreSQL's text form.
    pub fn format(&self) -> String {
        use base64::prelude::{BASE64_STANDARD, Engine};
        let encode = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        format!(
            "SCRAM-SHA-256${}:{}${}:{}",
            self.iterations,
            encode(&self.salt),
            encode(&self.stored_key),
            encode(&self.server_key)
        )
    }

    pub fn parse(text: &str) -> Option<ScramVerifier> {
        use base64::prelude::{BASE64_STANDARD, Engine};
        let decode = |text: &str| BASE64_STANDARD.decode(text).ok();
        let (head, keys) = text.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        Some(ScramVerifier {
            iterations: iterations.parse().ok().filter(|&count| count > 0)?,
            salt: decode(salt)?,
            stored_key: decode(stored)?.try_into().ok()?,
            server_key: decode(server)?.try_into().ok()?,
        })
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3: user "user", password "pencil".
    #[test]
    fn derives_what_the_rfc_derives() {
        use base64::prelude::{BASE64_STANDARD, Engine};
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = ScramVerifier::derive("pencil", &salt, 4096);
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = BASE64_STANDARD.encode(hmac(&verifier.server_key, message.as_bytes()));
        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn the_text_form_round_trips() {
        let verifier = ScramVerifier::derive("geheim", b"0123456789abcdef", 4096);
        assert_eq!(ScramVerifier::parse(&verifier.format()), Some(verifier));
        assert_eq!(ScramVerifier::parse("SCRAM-SHA-256$0:AA==$AA==:AA=="), None);
        assert_eq!(ScramVerifier::parse("geheim"), None);
    }
}
