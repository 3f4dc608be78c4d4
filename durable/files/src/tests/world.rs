//! Files of one user, and shorthand for what tests do with them.

use kernel::migrate::migrate;
use kernel::storage::Sql;
use kernel::testing::{Counter, Memory};

use crate::commands::perform;
use crate::limits::Limits;
use crate::reading::{self, content};
use crate::refusal::{Error, Kind, Refusal};
use crate::rows::CHUNK;
use crate::schema::FILES;
use crate::wire::{Command, Conditions, Create, File, Place, Reply, Request, Token, Who};
use crate::writing::{Ended, Sent, Writing};

pub struct World {
    pub sql: Memory,
    pub limits: Limits,
    pub now_ms: i64,
    pub place: Place,
    pub counter: Counter,
}

impl World {
    pub fn new() -> Self {
        let sql = Memory::new();
        migrate(&sql, FILES).unwrap();
        let limits = Limits::default();
        Self { sql, limits, now_ms: 1_000_000, place: Place::Sqlite, counter: Counter::default() }
    }

    pub fn ask_as(&mut self, who: &Who, command: Command) -> Reply {
        let request = Request { user_id: "u".to_owned(), who: who.clone(), command };
        perform(&self.sql, &self.limits, self.place, request, self.now_ms, &mut self.counter).unwrap().reply
    }

    pub fn ask(&mut self, command: Command) -> Reply {
        self.ask_as(&Who::Owner, command)
    }

    pub fn create(&mut self, create: Create) -> Result<String, Refusal> {
        self.create_as(&Who::Owner, create)
    }

    pub fn create_as(&mut self, who: &Who, create: Create) -> Result<String, Refusal> {
        match self.ask_as(who, Command::Create(create)) {
            Reply::Created(created) => Ok(created.file_id),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// An upload of this name.
    pub fn upload(&mut self, bytes: Option<i64>, sha256: Option<&str>) -> String {
        let sha256 = sha256.map(str::to_owned);
        self.create(Create { name: "a.glb".to_owned(), bytes, sha256, ..Create::default() }).unwrap()
    }

    pub fn begin(&self, file_id: &str, sent: Sent) -> Result<Writing, Refusal> {
        self.begin_as(&Who::Owner, file_id, sent)
    }

    pub fn begin_as(&self, who: &Who, file_id: &str, sent: Sent) -> Result<Writing, Refusal> {
        refused(Writing::begin(&self.sql, &self.limits, self.place, (who, file_id), sent, self.now_ms))
    }

    /// Hands over bytes as they come: in pieces that fit the chunk.
    pub fn send(&self, writing: &mut Writing, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(writing.room().min(bytes.len()).min(300_000));
            refused(writing.take(&self.sql, &self.limits, now, self.now_ms))?;
            bytes = later;
        }
        Ok(())
    }

    pub fn end(&self, writing: Writing) -> Result<Ended, Refusal> {
        refused(writing.end(&self.sql, &self.limits, self.now_ms))
    }

    pub fn put(&self, file_id: &str, bytes: &[u8]) -> Result<File, Refusal> {
        let length = Some(i64::try_from(bytes.len()).unwrap());
        let mut writing = self.begin(file_id, Sent::Whole { length })?;
        self.send(&mut writing, bytes)?;
        match self.end(writing)? {
            Ended::Stored(file) => Ok(*file),
            other => panic!("{other:?}"),
        }
    }

    pub fn patch(&self, file_id: &str, offset: i64, bytes: &[u8]) -> Result<Ended, Refusal> {
        let length = Some(i64::try_from(bytes.len()).unwrap());
        let mut writing = self.begin(file_id, Sent::More { offset, length })?;
        self.send(&mut writing, bytes)?;
        self.end(writing)
    }

    /// A stored file with this content.
    pub fn file(&mut self, bytes: &[u8]) -> File {
        let file_id = self.upload(None, None);
        self.put(&file_id, bytes).unwrap()
    }

    pub fn content(&self, file_id: &str) -> Result<Vec<u8>, Refusal> {
        self.content_as(&Who::Owner, file_id, None)
    }

    pub fn content_as(&self, who: &Who, file_id: &str, range: Option<&str>) -> Result<Vec<u8>, Refusal> {
        let asked = Conditions { range: range.map(str::to_owned), ..Conditions::default() };
        let reading = refused(content(&self.sql, who, file_id, &asked, self.now_ms))?;
        let (mut from, until) = reading.range();
        let mut bytes = Vec::new();
        while from < until {
            let piece = reading::piece(&self.sql, reading.blob, from, until).unwrap().expect("the bytes are there");
            assert!(!piece.is_empty() && piece.len() <= CHUNK);
            from = from.saturating_add(i64::try_from(piece.len()).unwrap());
            bytes.extend(piece);
        }
        Ok(bytes)
    }

    pub fn count(&self, table: &str) -> i64 {
        self.sql.query(&format!("SELECT COUNT(*) FROM {table}"), &[]).unwrap()[0].integer(0).unwrap()
    }
}

pub fn refused<T>(result: Result<T, Error>) -> Result<T, Refusal> {
    match result {
        Ok(value) => Ok(value),
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error}"),
    }
}

pub fn kind<T: core::fmt::Debug>(result: Result<T, Refusal>) -> Kind {
    result.unwrap_err().kind
}

/// Bytes that differ everywhere.
pub fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|place: usize| place.wrapping_mul(31).wrapping_add(place.div_euclid(251)).to_le_bytes()[0]).collect()
}

pub fn token(grant_id: &str, blenders: Option<&[&str]>) -> Token {
    let blenders = blenders.map(|blenders| blenders.iter().map(|uuid| (*uuid).to_owned()).collect());
    Token { grant_id: grant_id.to_owned(), blenders, ..Token::default() }
}
