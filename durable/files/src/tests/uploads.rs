//! Uploads: whole, in parts, broken off, wrong, too large.

use super::cleaning::{clean, clean_all};
use super::world::{World, bytes, kind};
use crate::refusal::Kind;
use crate::rows::CHUNK;
use crate::wire::{Command, Create, Reply, Who};
use crate::writing::{Ended, Sent};
use sha2_resumable::{Digest, Sha256};

fn sha256(bytes: &[u8]) -> String {
    crate::writing::hex(&Sha256::digest(bytes))
}

#[test]
fn a_file_comes_out_as_it_went_in_whatever_its_size() {
    let mut world = World::new();
    for size in [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 12_345] {
        let content = bytes(size);
        let file = world.file(&content);
        assert_eq!((file.bytes, file.sha256.as_str()), (i64::try_from(size).unwrap(), sha256(&content).as_str()));
        assert_eq!(world.content(&file.file_id).unwrap(), content);
        let beyond = world.content_as(&Who::Owner, &file.file_id, Some(&format!("bytes={size}-"))).unwrap_err();
        assert_eq!((beyond.kind, beyond.bytes), (Kind::Range, i64::try_from(size).ok()));
    }
}

#[test]
fn parts_of_any_size_make_the_whole_and_every_request_may_be_the_last_of_its_object() {
    let mut world = World::new();
    let content = bytes(2 * CHUNK + 70_000);
    let length = i64::try_from(content.len()).unwrap();
    for step in [70_001, CHUNK / 2, CHUNK, CHUNK + 7, content.len()] {
        let file_id = world.upload(Some(length), Some(&sha256(&content).to_uppercase()));
        let mut offset = 0;
        for part in content.chunks(step) {
            // Nothing but the tables lives from one request to the next.
            let ended = world.patch(&file_id, offset, part).unwrap();
            offset += i64::try_from(part.len()).unwrap();
            match ended {
                Ended::Open { offset: told } => assert!(told == offset && offset < length),
                Ended::Stored(file) => assert_eq!((offset, file.sha256.as_str()), (length, sha256(&content).as_str())),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(world.content(&file_id).unwrap(), content);
    }
}

#[test]
fn an_upload_that_is_broken_off_goes_on_where_it_was() {
    let mut world = World::new();
    let content = bytes(2 * CHUNK + 500);
    let file_id = world.upload(Some(i64::try_from(content.len()).unwrap()), None);
    let more = |offset| Sent::More { offset, length: None };
    let mut writing = world.begin(&file_id, more(0)).unwrap();
    world.send(&mut writing, &content[..CHUNK + 300]).unwrap();
    writing.pause(&world.sql, world.now_ms).unwrap();
    drop(writing);
    // Killed without a pause: what was in memory only is lost, and the upload stands where its last chunk was written.
    let mut writing = world.begin(&file_id, more(i64::try_from(CHUNK + 300).unwrap())).unwrap();
    world.send(&mut writing, &content[CHUNK + 300..CHUNK + 400]).unwrap();
    drop(writing);
    let refused = world.begin(&file_id, more(i64::try_from(CHUNK + 400).unwrap())).unwrap_err();
    assert_eq!(refused.kind, Kind::Conflict);
    assert!(refused.message.contains(&(CHUNK + 300).to_string()), "{}", refused.message);
    let ended = world.patch(&file_id, i64::try_from(CHUNK + 300).unwrap(), &content[CHUNK + 300..]).unwrap();
    assert!(matches!(ended, Ended::Stored(_)), "{ended:?}");
    assert_eq!(world.content(&file_id).unwrap(), content);
}

#[test]
fn a_wrong_length_or_hash_leaves_the_upload_open_and_empty() {
    let mut world = World::new();
    let content = bytes(CHUNK + 10);
    let declared = i64::try_from(content.len()).unwrap();
    let file_id = world.upload(Some(declared), Some(&sha256(&content)));
    assert_eq!(kind(world.put(&file_id, &content[1..])), Kind::WrongLength);
    let longer = [content.as_slice(), b"x"].concat();
    assert_eq!(kind(world.put(&file_id, &longer)), Kind::WrongLength);
    // Where the length was not announced, the bytes themselves tell.
    for sent in [&content[1..], &longer] {
        let mut writing = world.begin(&file_id, Sent::Whole { length: None }).unwrap();
        let ended = world.send(&mut writing, sent).and_then(|()| world.end(writing));
        assert_eq!(kind(ended), Kind::WrongLength);
    }
    let mut other = content.clone();
    other[5] ^= 1;
    let refused = world.put(&file_id, &other).unwrap_err();
    assert_eq!(refused.kind, Kind::WrongHash);
    assert!(refused.message.contains(&sha256(&content)) && refused.message.contains(&sha256(&other)));
    assert_eq!(kind(world.patch(&file_id, 1, b"x")), Kind::Conflict, "it is empty again");
    assert_eq!(world.put(&file_id, &content).unwrap().sha256, sha256(&content));
    assert_eq!(kind(world.put(&file_id, &content)), Kind::Conflict, "a stored file does not change");
}

#[test]
fn a_part_that_says_too_much_or_comes_from_an_upload_without_a_length_is_refused() {
    let mut world = World::new();
    let sized = world.upload(Some(10), None);
    assert_eq!(kind(world.patch(&sized, 0, &bytes(11))), Kind::WrongLength);
    let mut writing = world.begin(&sized, Sent::More { offset: 0, length: None }).unwrap();
    assert_eq!(kind(world.send(&mut writing, &bytes(11))), Kind::WrongLength);
    let open = world.upload(None, None);
    assert_eq!(kind(world.patch(&open, 0, b"x")), Kind::Invalid);
}

#[test]
fn two_writers_of_one_upload_never_mix() {
    let mut world = World::new();
    let file_id = world.upload(None, None);
    let mut first = world.begin(&file_id, Sent::Whole { length: None }).unwrap();
    world.send(&mut first, &bytes(2 * CHUNK)).unwrap();
    // The object lets only one write at a time; should its memory be lost meanwhile, the later one wins.
    let mut second = world.begin(&file_id, Sent::Whole { length: None }).unwrap();
    world.send(&mut second, b"second").unwrap();
    assert_eq!(kind(world.send(&mut first, &bytes(CHUNK))), Kind::Gone);
    assert!(matches!(world.end(second).unwrap(), Ended::Stored(_)));
    assert_eq!(world.content(&file_id).unwrap(), b"second");
}

#[test]
fn an_upload_that_is_deleted_while_its_bytes_come_is_gone() {
    let mut world = World::new();
    let file_id = world.upload(None, None);
    let mut writing = world.begin(&file_id, Sent::Whole { length: None }).unwrap();
    world.send(&mut writing, b"bytes").unwrap();
    assert_eq!(world.ask(Command::Delete { file_id: file_id.clone() }), Reply::Done);
    assert_eq!(kind(world.end(writing)), Kind::Gone);
    assert_eq!((world.count("files"), world.count("chunks")), (0, 0));
}

#[test]
fn the_quota_counts_what_is_announced_and_tells_what_is_used() {
    let mut world = World::new();
    world.limits.all_bytes = 3_000_000;
    world.limits.file_bytes = Some(2_500_000);
    let too_large = Create { name: "a".to_owned(), bytes: Some(2_500_001), ..Create::default() };
    assert_eq!(kind(world.create(too_large)), Kind::TooLarge);
    let first = world.upload(Some(2_000_000), None);
    let second = Create { name: "b".to_owned(), bytes: Some(1_000_001), ..Create::default() };
    let refused = world.create(second.clone()).unwrap_err();
    assert_eq!(refused.kind, Kind::Quota);
    assert!(refused.message.contains("2.8 MiB") && refused.message.contains("1.9 MiB"), "{}", refused.message);
    // Without a length the quota is met half-way: nothing is kept, and the upload stays open.
    let open = world.upload(None, None);
    let mut writing = world.begin(&open, Sent::Whole { length: None }).unwrap();
    assert_eq!(kind(world.send(&mut writing, &bytes(2 * CHUNK))), Kind::Quota);
    drop(writing);
    assert_eq!(world.ask(Command::Delete { file_id: first }), Reply::Done);
    assert_eq!(world.put(&open, &bytes(1_500_000)).unwrap().bytes, 1_500_000);
    assert!(world.create(second).is_ok());
}

#[test]
fn the_same_content_is_kept_once_and_counts_once() {
    let mut world = World::new();
    world.limits.all_bytes = 5_000_000;
    let content = bytes(2_000_000);
    let files: Vec<_> = (0..4).map(|_| world.file(&content)).collect();
    // What was sent again is nobody's.
    clean_all(&world);
    assert_eq!((world.count("files"), world.count("blobs"), world.count("chunks")), (4, 1, 2));
    for file in &files {
        assert_eq!(world.content(&file.file_id).unwrap(), content);
        assert_eq!(world.ask(Command::Delete { file_id: file.file_id.clone() }), Reply::Done);
        clean_all(&world);
    }
    assert_eq!((world.count("files"), world.count("blobs"), world.count("chunks")), (0, 0, 0));
}

#[test]
fn content_that_is_being_cleaned_away_is_not_taken_for_the_same() {
    let mut world = World::new();
    let content = bytes(40 * CHUNK);
    let file = world.file(&content);
    world.ask(Command::Delete { file_id: file.file_id });
    clean(&world);
    assert!((1..40).contains(&world.count("chunks")), "a large one goes bit by bit");
    let again = world.file(&content);
    clean_all(&world);
    assert_eq!(world.content(&again.file_id).unwrap(), content);
    assert_eq!((world.count("blobs"), world.count("chunks")), (1, 40));
}

#[test]
fn an_upload_writes_two_rows_a_mebibyte_and_its_deletion_one() {
    let mut world = World::new();
    let (count, content) = (12, bytes(12 * CHUNK));
    let file_id = world.upload(Some(i64::try_from(content.len()).unwrap()), None);
    world.sql.take_work();
    world.put(&file_id, &content).unwrap();
    let written = world.sql.take_work().rows_written;
    assert!((2 * count..2 * count + 8).contains(&written), "{written}");
    world.content(&file_id).unwrap();
    assert_eq!(world.sql.take_work().rows_written, 0);
    world.ask(Command::Delete { file_id });
    clean_all(&world);
    let written = world.sql.take_work().rows_written;
    assert!((count..count + 8).contains(&written), "{written}");
}

#[test]
fn so_many_files_and_open_uploads_and_no_more() {
    let mut world = World::new();
    world.limits.open_uploads = 2;
    world.limits.files = 3;
    let create = || Create { name: "a".to_owned(), ..Create::default() };
    let (first, second) = (world.create(create()).unwrap(), world.create(create()).unwrap());
    assert_eq!(kind(world.create(create())), Kind::Quota);
    for file_id in [first, second] {
        world.put(&file_id, b"x").unwrap();
    }
    let third = world.create(create()).unwrap();
    world.put(&third, b"y").unwrap();
    let refused = world.create(create()).unwrap_err();
    assert!(refused.kind == Kind::Quota && refused.message.contains("3 files"), "{}", refused.message);
}

#[test]
fn what_is_no_upload_is_refused_with_what_it_must_be() {
    let mut world = World::new();
    let named = |name: &str| Create { name: name.to_owned(), ..Create::default() };
    for (create, word) in [
        (named("a/b"), "name"),
        (named("\u{202e}gnp.exe"), "name"),
        (named(&"x".repeat(500)), "255"),
        (Create { bytes: Some(-1), ..named("a") }, "bytes"),
        (Create { sha256: Some("abc".to_owned()), ..named("a") }, "64"),
        (Create { sha256: Some("g".repeat(64)), ..named("a") }, "hexadecimal"),
    ] {
        let refused = world.create(create).unwrap_err();
        assert!(refused.kind == Kind::Invalid && refused.message.contains(word), "{}", refused.message);
    }
    assert_eq!(world.count("files"), 0);
}
