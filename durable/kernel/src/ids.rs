//! Identifiers, made from randomness that the caller hands in.

use core::fmt::Write;

use thiserror::Error;

#[derive(Debug, Error)]
#[error("no randomness to be had")]
pub struct EntropyError;

/// A cryptographically secure source of randomness.
pub trait Entropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// `prefix` and 2 × `N` hex digits.
pub fn random_id<const N: usize>(prefix: &str, entropy: &mut dyn Entropy) -> Result<String, EntropyError> {
    let mut bytes = [0_u8; N];
    entropy.fill(&mut bytes)?;
    let mut id = String::with_capacity(prefix.len().saturating_add(N.saturating_mul(2)));
    id.push_str(prefix);
    push_hex(&mut id, &bytes);
    Ok(id)
}

/// `j-<12 hex>`
pub fn job_id(entropy: &mut dyn Entropy) -> Result<String, EntropyError> {
    random_id::<6>("j-", entropy)
}

/// `m-<16 hex>`
pub fn message_id(entropy: &mut dyn Entropy) -> Result<String, EntropyError> {
    random_id::<8>("m-", entropy)
}

/// `s-<48 hex>`: a session id is a secret of its holder (MCP 2025-11-25, Session Management), hence 192 bits.
pub fn session_id(entropy: &mut dyn Entropy) -> Result<String, EntropyError> {
    random_id::<24>("s-", entropy)
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
}
