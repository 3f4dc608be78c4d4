//! For tests: an account's tables without an account in them.

use kernel::migrate::migrate;
use kernel::testing::{Counter, Memory};

use crate::schema::ACCOUNT;

/// The server that tokens in tests are for.
pub const ORIGIN: &str = "https://bus.example";

/// What each test does with it stands beside that test.
pub struct Account {
    pub sql: Memory,
    pub entropy: Counter,
}

impl Account {
    pub fn new() -> Self {
        let sql = Memory::new();
        migrate(&sql, ACCOUNT).unwrap();
        Self { sql, entropy: Counter::default() }
    }
}
