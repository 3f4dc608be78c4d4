//! Web Push with the runtime's WebCrypto: the encryption of a message for its browser, and this server's key.

pub mod message;
pub mod tokens;
pub mod vapid;
