//! The key by which push services know this server (VAPID, RFC 8292). It never leaves the object: others get its public half, and
//! tokens that it has signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::ids::{Entropy, random_id};
use kernel::params;
use kernel::storage::{Sql, StorageError};
use serde_json::{Value, json};

use crate::key_ring::keys::KeyError;

/// How long a token is good. RFC 8292 allows a day.
pub const TOKEN_LIFETIME_MS: i64 = 12 * 60 * 60 * 1_000;

/// What is asked. As a text it is two lines: the push service and who sends, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    PublicKey,
    /// A token for the push service of this origin. `subject`: a URL of who sends.
    Token {
        audience: String,
        subject: String,
    },
}

impl Command {
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::PublicKey => String::new(),
            Self::Token { audience, subject } => format!("{audience}\n{subject}"),
        }
    }

    #[must_use]
    pub fn of(text: &str) -> Self {
        match text.split_once('\n') {
            Some((audience, subject)) => Self::Token { audience: audience.to_owned(), subject: subject.to_owned() },
            None => Self::PublicKey,
        }
    }
}

/// `public_key`: an uncompressed point of P-256, base64url. `token`: empty where none was asked for. As a text it is two lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub public_key: String,
    pub token: String,
}

impl Answer {
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}", self.public_key, self.token)
    }

    #[must_use]
    pub fn of(text: &str) -> Self {
        let (public_key, token) = text.split_once('\n').unwrap_or((text, ""));
        Self { public_key: public_key.to_owned(), token: token.to_owned() }
    }
}

/// The key pair as a JSON Web Key, if there is one.
///
/// # Errors
/// `StorageError`.
pub fn key(sql: &dyn Sql) -> Result<Option<String>, StorageError> {
    let rows = sql.query("SELECT secret FROM keys WHERE purpose = 'push' ORDER BY created_ms DESC, kid", &[])?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(String::from_utf8_lossy(&row.blob(0)?).into_owned()))
}

/// Keeps a key pair, unless there is one: making one takes time, in which another may have been made. Returns the one that is kept.
///
/// # Errors
/// `KeyError`.
pub fn keep(sql: &dyn Sql, made: String, now_ms: i64, entropy: &mut dyn Entropy) -> Result<String, KeyError> {
    if let Some(kept) = key(sql)? {
        return Ok(kept);
    }
    let kid = random_id::<6>("", entropy)?;
    sql.query(
        "INSERT INTO keys (kid, purpose, secret, created_ms) VALUES (?, 'push', ?, ?)",
        params![kid, made.clone().into_bytes(), now_ms],
    )?;
    Ok(made)
}

/// The public half. None if the key is not one.
#[must_use]
pub fn public_key(key: &str) -> Option<String> {
    let point: Value = serde_json::from_str(key).ok()?;
    let decoded = |name| URL_SAFE_NO_PAD.decode(point.get(name)?.as_str()?).ok().filter(|bytes| bytes.len() == 32);
    let (x, y) = (decoded("x")?, decoded("y")?);
    Some(URL_SAFE_NO_PAD.encode([[4].as_slice(), &x, &y].concat()))
}

/// What a token says, ready to be signed.
#[must_use]
pub fn claims(audience: &str, subject: &str, now_ms: i64) -> String {
    let expires = now_ms.saturating_add(TOKEN_LIFETIME_MS).div_euclid(1_000);
    let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let (header, claims) =
        (json!({"typ": "JWT", "alg": "ES256"}), json!({"aud": audience, "exp": expires, "sub": subject}));
    format!("{}.{}", encoded(header), encoded(claims))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Command, claims, keep, key, public_key};
    use crate::key_ring::keys::keys;
    use crate::schema::KEY_RING;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use kernel::migrate::migrate;
    use kernel::testing::{Counter, Memory};

    #[test]
    fn the_first_key_pair_stays_and_is_none_of_the_keys_that_others_are_given() {
        let (sql, mut entropy) = (Memory::new(), Counter::default());
        migrate(&sql, KEY_RING).unwrap();
        assert_eq!(key(&sql).unwrap(), None);
        for made in ["first", "second"] {
            assert_eq!(keep(&sql, made.to_owned(), 5, &mut entropy).unwrap(), "first");
        }
        assert_eq!(key(&sql).unwrap().as_deref(), Some("first"));
        assert_eq!(keys(&sql, 6, &mut entropy).unwrap().len(), 4);
        assert!(!serde_json::to_string(&keys(&sql, 6, &mut entropy).unwrap()).unwrap().contains("push"));
    }

    #[test]
    fn the_public_half_is_a_point_and_nothing_else_of_the_key() {
        let half = URL_SAFE_NO_PAD.encode([7; 32]);
        let point = public_key(&format!(r#"{{"x": "{half}", "y": "{half}", "d": "secret"}}"#)).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(point).unwrap();
        assert_eq!((bytes.len(), bytes[0], &bytes[1..]), (65, 4, [7; 64].as_slice()));
        for wrong in ["", "{}", r#"{"x": "AA", "y": "AA"}"#] {
            assert_eq!(public_key(wrong), None);
        }
    }

    #[test]
    fn what_is_asked_and_answered_reads_back_as_itself() {
        let token = Command::Token { audience: "https://push.acme.dev".to_owned(), subject: "https://a.b".to_owned() };
        for command in [Command::PublicKey, token] {
            assert_eq!(Command::of(&command.text()), command);
        }
        for token in ["", "a.b.c"] {
            let answer = Answer { public_key: "BKey".to_owned(), token: token.to_owned() };
            assert_eq!(Answer::of(&answer.text()), answer);
        }
    }

    #[test]
    fn a_token_says_for_whom_it_is_and_ends_within_a_day() {
        let said = claims("https://push.acme.dev", "https://bus.acme.dev", 1_790_000_000_000);
        let parts: Vec<String> =
            said.split('.').map(|part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()).collect();
        assert_eq!(parts[0], r#"{"typ":"JWT","alg":"ES256"}"#);
        let expected = r#"{"aud":"https://push.acme.dev","exp":1790043200,"sub":"https://bus.acme.dev"}"#;
        assert_eq!(parts[1], expected);
    }
}
