//! Random secrets that a client holds and the object knows only by their SHA-256.
//!
//! A fast hash is right here: each secret has 256 random bits, so there is nothing to guess.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::ids::{Entropy, EntropyError};

/// 32 random bytes in base64url: 43 characters.
pub fn new_secret(entropy: &mut dyn Entropy) -> Result<String, EntropyError> {
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a secret.
pub fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// The same in base64url: the S256 challenge of a secret that serves as its own verifier.
pub fn encoded_hash(hash: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hash)
}

/// Whether `verifier` is the one behind an S256 `challenge` (RFC 7636 section 4.6).
pub fn proves(verifier: &str, challenge: &str) -> bool {
    verifier_is_well_formed(verifier) && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == challenge
}

/// RFC 7636 section 4.1: 43 to 128 unreserved characters.
pub fn verifier_is_well_formed(verifier: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::{proves, verifier_is_well_formed};

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn rfc_7636_appendix_b_verifies() {
        assert!(proves(VERIFIER, CHALLENGE));
    }

    #[test]
    fn another_verifier_or_the_challenge_itself_proves_nothing() {
        assert!(!proves(CHALLENGE, CHALLENGE));
        assert!(!proves(&VERIFIER.replace('d', "e"), CHALLENGE));
        assert!(!proves("", CHALLENGE));
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        for (verifier, well_formed) in
            [("a".repeat(42), false), ("a".repeat(43), true), ("~".repeat(128), true), ("a".repeat(129), false)]
        {
            assert_eq!(verifier_is_well_formed(&verifier), well_formed, "{}", verifier.len());
        }
        assert!(!verifier_is_well_formed(&"+".repeat(43)));
    }
}
