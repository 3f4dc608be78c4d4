//! Account names. One spelling each, so that no two names look or compare alike: lower-case ASCII and nothing else.

use core::fmt::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

pub const MAX_CHARACTERS: usize = 64;
const IDENTITY: &str = "oidc-";

#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "username must be 1 to 64 characters of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit \
     (A-Z counts as a-z)"
)]
pub struct UsernameError;

/// The canonical spelling of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl Username {
    /// Folds ASCII case; anything that is not plain ASCII is refused and never folded, so that no look-alike is let in.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let name = text.to_ascii_lowercase();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = name.as_bytes();
        let shaped = bytes.first().copied().is_some_and(plain)
            && bytes.len() <= MAX_CHARACTERS
            && bytes.iter().all(|byte| plain(*byte) || matches!(byte, b'.' | b'_' | b'-'));
        if shaped { Ok(Self(name)) } else { Err(UsernameError) }
    }

    /// The name of the account of somebody whom a provider knows: one for each issuer and subject. Nobody can sign up
    /// under such a name.
    pub fn of_identity(issuer: &str, subject: &str) -> Self {
        let mut digest = Sha256::new();
        for part in [issuer, subject] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part.as_bytes());
        }
        let mut name = IDENTITY.to_owned();
        for byte in digest.finalize().iter().take(20) {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Self(name)
    }

    /// Whether this is a name that only `of_identity` gives.
    pub fn is_of_identity(&self) -> bool {
        self.0.starts_with(IDENTITY)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameError;

    fn try_from(text: String) -> Result<Self, UsernameError> {
        Self::parse(&text)
    }
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Username;

    #[test]
    fn case_does_not_make_another_name() {
        assert_eq!(Username::parse("Ada.Lovelace"), Username::parse("ada.lovelace"));
    }

    #[test]
    fn an_identity_is_of_one_issuer_and_one_subject_and_reads_back_as_itself() {
        let name = Username::of_identity("https://a.example", "1");
        assert_eq!(Username::parse(name.as_str()), Ok(name.clone()));
        assert!(name.is_of_identity() && !Username::parse("ada").unwrap().is_of_identity());
        for (issuer, subject) in [("https://a.example", "2"), ("https://b.example", "1"), ("https://a.example1", "")] {
            assert_ne!(Username::of_identity(issuer, subject), name);
        }
    }

    #[test]
    fn look_alikes_spaces_and_extremes_are_refused() {
        let long = "a".repeat(65);
        for name in [
            "",
            " ada",
            "ada ",
            "\u{430}da",
            "\u{ff41}da",
            "ada\0",
            ".ada",
            "-ada",
            "a/da",
            "a:da",
            "\u{212a}da",
            long.as_str(),
        ] {
            assert!(Username::parse(name).is_err(), "{name:?}");
        }
        assert!(Username::parse(&"a".repeat(64)).is_ok());
    }
}
