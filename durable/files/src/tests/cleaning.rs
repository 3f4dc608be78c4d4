//! What grows old, and what nobody has any more.

use super::world::{World, bytes, kind};
use crate::cleaning::{self, Leftover, due_ms, erased};
use crate::limits::OPEN_MS;
use crate::parts::{multipart_begun, part_stored, parts};
use crate::refusal::Kind;
use crate::rows::CHUNK;
use crate::wire::{Command, Place, Reply};
use crate::writing::{Ended, PART, Sent, stored};

pub fn clean(world: &World) -> Vec<Leftover> {
    cleaning::clean(&world.sql, &[], world.now_ms).unwrap()
}

/// Nothing is left to clean now.
fn is_clean(world: &World) -> bool {
    due_ms(&world.sql, world.now_ms).unwrap().is_none_or(|due| due > world.now_ms.saturating_add(1_000))
}

pub fn clean_all(world: &World) {
    for _ in 0..100 {
        clean(world);
        if is_clean(world) {
            return;
        }
    }
    panic!("cleaning does not end");
}

#[test]
fn a_file_goes_after_its_days_unless_it_is_pinned() {
    let mut world = World::new();
    let (kept, old) = (world.file(&bytes(10)), world.file(&bytes(CHUNK + 1)));
    let Reply::File(pinned) = world.ask(Command::Pin { file_id: kept.file_id.clone(), pinned: true }) else { panic!() };
    assert_eq!(pinned.expires_at, None);
    let due = due_ms(&world.sql, world.now_ms).unwrap().unwrap();
    assert_eq!(due, world.now_ms + world.limits.kept_ms);
    world.now_ms = due - 1;
    assert!(world.content(&old.file_id).is_ok());
    world.now_ms = due;
    assert_eq!(kind(world.content(&old.file_id)), Kind::NotFound, "before it is cleaned away too");
    clean_all(&world);
    assert_eq!(world.content(&kept.file_id).unwrap(), bytes(10));
    assert_eq!((world.count("files"), world.count("blobs"), world.count("chunks")), (1, 1, 1));
    assert_eq!(due_ms(&world.sql, world.now_ms).unwrap(), None);
}

#[test]
fn an_upload_without_bytes_for_a_day_is_given_up_and_leaves_nothing() {
    let mut world = World::new();
    let file_id = world.upload(Some(10_000_000), None);
    let pin = Command::Pin { file_id: file_id.clone(), pinned: true };
    assert!(matches!(world.ask(pin), Reply::Refused(refusal) if refusal.message.contains("not complete")));
    world.now_ms += OPEN_MS - 1;
    world.patch(&file_id, 0, &bytes(CHUNK + 5)).unwrap();
    world.now_ms += OPEN_MS - 1;
    assert!(clean(&world).is_empty());
    assert_eq!(world.count("files"), 1, "bytes keep it open");
    world.now_ms += 1;
    assert_eq!(kind(world.patch(&file_id, i64::try_from(CHUNK + 5).unwrap(), b"x")), Kind::NotFound);
    assert_eq!(due_ms(&world.sql, world.now_ms).unwrap(), Some(world.now_ms));
    clean_all(&world);
    assert_eq!((world.count("files"), world.count("blobs"), world.count("chunks")), (0, 0, 0));
}

#[test]
fn what_is_being_written_or_read_is_not_cleaned() {
    let mut world = World::new();
    let file = world.file(&bytes(10));
    let blob = crate::rows::by_id(&world.sql, &file.file_id).unwrap().unwrap().blob;
    world.ask(Command::Delete { file_id: file.file_id });
    cleaning::clean(&world.sql, &[blob], world.now_ms).unwrap();
    assert_eq!(world.count("chunks"), 1);
    clean_all(&world);
    assert_eq!(world.count("chunks"), 0);
}

#[test]
fn parts_that_were_not_noted_are_sent_one_after_the_other() {
    let mut world = World::new();
    world.place = Place::R2;
    let length = 17 * CHUNK + 10;
    let file_id = world.upload(Some(i64::try_from(length).unwrap()), None);
    let mut writing = world.begin(&file_id, Sent::Whole { length: None }).unwrap();
    let blob = writing.blob;
    // Killed again and again before a part was noted.
    world.send(&mut writing, &bytes(length)).unwrap();
    let Ended::Complete { .. } = world.end(writing).unwrap() else { panic!() };
    multipart_begun(&world.sql, blob, "mp").unwrap();
    for (number, rest) in [(1, length - 8 * CHUNK), (2, CHUNK + 10)] {
        let known = parts(&world.sql, blob).unwrap();
        assert!(known.rest > PART && known.next() == number);
        let parted = part_stored(&world.sql, blob, &known, "tag").unwrap();
        let left = parts(&world.sql, blob).unwrap();
        assert_eq!((left.rest_from, left.rest), (parted, i64::try_from(rest).unwrap()));
        assert_eq!(world.count("chunks"), i64::try_from(rest.div_ceil(CHUNK)).unwrap());
    }
}

#[test]
fn what_goes_to_r2_waits_here_until_it_makes_a_part() {
    let mut world = World::new();
    world.place = Place::R2;
    let content = bytes(9 * CHUNK + 10);
    let length = i64::try_from(content.len()).unwrap();
    let file_id = world.upload(Some(length), None);
    let mut writing = world.begin(&file_id, Sent::Whole { length: Some(length) }).unwrap();
    let blob = writing.blob;
    let mut full = 0;
    for piece in content.chunks(CHUNK) {
        if writing.take(&world.sql, &world.limits, piece, world.now_ms).unwrap() {
            full += 1;
            multipart_begun(&world.sql, blob, "mp").unwrap();
            let known = parts(&world.sql, blob).unwrap();
            assert_eq!(known.next(), 1);
            writing.parted = part_stored(&world.sql, blob, &known, "tag").unwrap();
            assert_eq!(world.count("chunks"), 0);
        }
    }
    assert_eq!(full, 1);
    let Ended::Complete { sha256 } = world.end(writing).unwrap() else { panic!() };
    let parts = parts(&world.sql, blob).unwrap();
    assert_eq!(parts.parts, [(1, "tag".to_owned())]);
    assert_eq!((parts.rest_from, parts.rest), (8 << 20, length - (8 << 20)));
    let file = stored(&world.sql, &world.limits, &file_id, blob, &sha256, world.now_ms).unwrap();
    assert_eq!((file.bytes, file.sha256), (length, sha256));
    world.ask(Command::Delete { file_id });
    assert_eq!(clean(&world).iter().map(|left| left.blob).collect::<Vec<_>>(), [blob]);
    assert_eq!(clean(&world).len(), 1, "until it is said that it was done");
    // What is in rows does not wait for it.
    world.place = Place::Sqlite;
    let file = world.file(&bytes(10));
    world.ask(Command::Delete { file_id: file.file_id });
    assert_eq!((clean(&world).len(), world.count("blobs")), (1, 1));
    erased(&world.sql, blob).unwrap();
    clean_all(&world);
    assert_eq!((world.count("blobs"), world.count("parts"), world.count("chunks")), (0, 0, 0));
}
