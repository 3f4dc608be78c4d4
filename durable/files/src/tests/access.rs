//! Who sees which files.

use super::world::{World, bytes, kind, token};
use crate::commands::{Kept, keep, not_kept, without_files};
use crate::refusal::Kind;
use crate::wire::{Command, Create, Keep, Origin, Place, Reply, Token, Who};
use crate::writing::{Ended, Sent};
use kernel::testing::Counter;

fn names(world: &mut World, who: &Who) -> Vec<String> {
    match world.ask_as(who, Command::List { after: None, limit: 50 }) {
        Reply::Files { files, .. } => files.into_iter().map(|file| file.name).collect(),
        other => panic!("{other:?}"),
    }
}

/// Files of two grants and of a Blender's job, named after them.
fn shared() -> (World, Vec<String>) {
    let mut world = World::new();
    let mut ids = Vec::new();
    for (name, grant, blender) in [("of-a", "a", None), ("of-b", "b", None), ("of-studio", "p", Some("studio"))] {
        let origin = Origin { blender: blender.map(str::to_owned), job_id: Some("j-1".to_owned()) };
        let create = Create { name: name.to_owned(), origin, ..Create::default() };
        let file_id = world.create_as(&Who::Token(token(grant, None)), create).unwrap();
        world.put(&file_id, name.as_bytes()).unwrap();
        ids.push(file_id);
    }
    (world, ids)
}

#[test]
fn a_bound_token_sees_what_it_made_and_what_jobs_of_its_blenders_made() {
    let (mut world, ids) = shared();
    let all = ["of-studio", "of-b", "of-a"];
    assert_eq!(names(&mut world, &Who::Owner), all);
    assert_eq!(names(&mut world, &Who::Token(token("a", None))), all);
    let bound = Who::Token(token("a", Some(&["studio", "other"])));
    assert_eq!(names(&mut world, &bound), ["of-studio", "of-a"]);
    let none = Who::Token(token("x", Some(&[])));
    assert_eq!(names(&mut world, &none), Vec::<String>::new());
    for (who, seen) in [(&bound, [true, false, true]), (&none, [false, false, false])] {
        for (file_id, seen) in ids.iter().zip(seen) {
            assert_eq!(world.content_as(who, file_id, None).is_ok(), seen);
            assert_eq!(world.content_as(who, file_id, Some("bytes=0-0")).is_ok(), seen);
            let got = world.ask_as(who, Command::Get { file_id: file_id.clone() });
            assert_eq!(matches!(got, Reply::File(_)), seen);
            if !seen {
                let refused = world.ask_as(who, Command::Delete { file_id: file_id.clone() });
                assert!(matches!(refused, Reply::Refused(refusal) if refusal.kind == Kind::NotFound));
                assert_eq!(kind(world.begin_as(who, file_id, Sent::Whole { length: None })), Kind::NotFound);
            }
        }
    }
    let Reply::Files { files, .. } = world.ask_as(&bound, Command::Find { file_ids: ids.clone() }) else { panic!() };
    assert_eq!(files.len(), 2);
}

#[test]
fn a_file_that_a_job_is_about_may_be_read_and_nothing_else() {
    let (mut world, ids) = shared();
    let lent = Token { lent: Some(ids[1].clone()), ..token("x", Some(&["studio"])) };
    let who = Who::Token(lent);
    assert_eq!(world.content_as(&who, &ids[1], None).unwrap(), b"of-b");
    assert!(world.content_as(&who, &ids[0], None).is_err());
    let refused = world.ask_as(&who, Command::Delete { file_id: ids[1].clone() });
    assert!(matches!(refused, Reply::Refused(_)));
    assert_eq!(names(&mut world, &who), ["of-studio"]);
}

#[test]
fn a_blender_deletes_and_writes_what_it_made_itself() {
    let (mut world, ids) = shared();
    let peer = Who::Token(Token { only_own: true, ..token("p", None) });
    assert!(world.content_as(&peer, &ids[0], None).is_ok());
    let refused = world.ask_as(&peer, Command::Delete { file_id: ids[0].clone() });
    assert!(matches!(refused, Reply::Refused(_)));
    assert_eq!(world.ask_as(&peer, Command::Delete { file_id: ids[2].clone() }), Reply::Done);
}

#[test]
fn a_list_goes_page_by_page() {
    let mut world = World::new();
    for number in 0..7_u8 {
        world.file(&[number]);
    }
    world.upload(None, None);
    let (mut after, mut sizes) = (None, Vec::new());
    loop {
        let Reply::Files { files, next } = world.ask(Command::List { after, limit: 3 }) else { panic!() };
        sizes.extend(files.iter().map(|file| file.file_id.clone()));
        after = next;
        if after.is_none() {
            break;
        }
    }
    sizes.sort();
    sizes.dedup();
    assert_eq!(sizes.len(), 7, "each once, and no upload");
    for after in ["x", "-1", "99999999999999999999", ""] {
        let refused = world.ask(Command::List { after: Some(after.to_owned()), limit: 3 });
        assert!(matches!(refused, Reply::Refused(refusal) if refusal.kind == Kind::Invalid), "{after:?}");
    }
}

#[test]
fn the_owner_sees_who_made_each_file_and_what_is_used() {
    let (mut world, ids) = shared();
    let result = Keep { job_id: "j-9".to_owned(), blender: Some("studio".to_owned()), text: "x".repeat(600_000) };
    keep(&world.sql, &world.limits, Place::Sqlite, &result, world.now_ms, &mut world.counter).unwrap();
    world.upload(Some(1_000), None);
    let page = |world: &mut World, after| match world.ask(Command::Shelf { after, limit: 3 }) {
        Reply::Shelf(shelf) => *shelf,
        other => panic!("{other:?}"),
    };
    let first = page(&mut world, None);
    let made: Vec<(&str, &str, bool)> =
        first.files.iter().map(|one| (one.file.name.as_str(), one.grant_id.as_str(), one.is_result)).collect();
    assert_eq!(made, [("result-j-9.txt", "", true), ("of-studio", "p", false), ("of-b", "b", false)]);
    assert_eq!(
        (first.used_files, first.used_bytes),
        (5, 600_000 + 1_000 + 4 + 4 + 9),
        "an upload counts as it will be"
    );
    assert_eq!((first.most_files, first.most_bytes), (world.limits.files, world.limits.all_bytes));
    let second = page(&mut world, first.next);
    assert_eq!(second.files.iter().map(|one| &one.file.file_id).collect::<Vec<_>>(), [&ids[0]]);
    assert_eq!(second.next, None);
    let refused = world.ask(Command::Shelf { after: Some("x".to_owned()), limit: 3 });
    assert!(matches!(refused, Reply::Refused(refusal) if refusal.kind == Kind::Invalid));
}

#[test]
fn the_result_of_a_job_is_kept_once_however_often_it_is_answered() {
    let world = World::new();
    let mut entropy = Counter::default();
    let result = Keep { job_id: "j-1".to_owned(), blender: Some("studio".to_owned()), text: "x".repeat(600_000) };
    let mut kept = || keep(&world.sql, &world.limits, Place::Sqlite, &result, world.now_ms, &mut entropy).unwrap();
    let Kept::New(ended, _) = kept() else { panic!() };
    let Ended::Stored(first) = *ended else { panic!() };
    assert_eq!((first.name.as_str(), first.mime_type.as_str()), ("result-j-1.txt", "text/plain"));
    for _ in 0..3 {
        let Kept::Already(again) = kept() else { panic!() };
        assert_eq!(again, first);
    }
    assert_eq!(world.count("files"), 1);
}

#[test]
fn a_result_for_which_there_is_no_room_is_refused_and_leaves_nothing() {
    let mut world = World::new();
    world.limits.all_bytes = 1_000_000;
    world.file(&bytes(900_000));
    let result = Keep { job_id: "j-1".to_owned(), blender: None, text: "[1]".to_owned() + &" ".repeat(600_000) };
    let kept = keep(&world.sql, &world.limits, Place::Sqlite, &result, world.now_ms, &mut Counter::default());
    assert_eq!(kind(super::world::refused(kept)), Kind::Quota);
    assert_eq!(world.count("files"), 1);
}

#[test]
fn a_result_that_could_not_be_put_into_r2_leaves_no_upload() {
    let mut world = World::new();
    let result = Keep { job_id: "j-1".to_owned(), blender: None, text: "x".repeat(600_000) };
    let stored = world.file(b"stored");
    for _ in 0..3 {
        let kept = keep(&world.sql, &world.limits, Place::R2, &result, world.now_ms, &mut world.counter).unwrap();
        let Kept::New(ended, new) = kept else { panic!() };
        assert!(matches!(*ended, Ended::Complete { .. }));
        not_kept(&world.sql, &new.file_id).unwrap();
    }
    not_kept(&world.sql, &stored.file_id).unwrap();
    assert_eq!(world.count("files"), 1, "only the file that is stored");
}

#[test]
fn whoever_looks_where_nothing_was_ever_kept_sees_what_an_empty_shelf_shows() {
    let mut world = World::new();
    let id = || "f-none".to_owned();
    for command in [
        Command::List { after: None, limit: 50 },
        Command::Find { file_ids: vec![id()] },
        Command::Get { file_id: id() },
        Command::Read { file_id: id(), at_most: 5 },
        Command::Delete { file_id: id() },
        Command::Shelf { after: None, limit: 50 },
        Command::Export,
    ] {
        let without = without_files(&command, &world.limits, world.place);
        assert_eq!(without, Some(world.ask(command.clone())), "{command:?}");
    }
}

#[test]
fn a_small_file_is_read_with_its_bytes() {
    let mut world = World::new();
    let file = world.file(b"hello");
    let read = |at_most| Command::Read { file_id: file.file_id.clone(), at_most };
    assert!(matches!(world.ask(read(5)), Reply::Read { base64: Some(text), .. } if text == "aGVsbG8="));
    assert!(matches!(world.ask(read(4)), Reply::Read { base64: None, .. }));
}
