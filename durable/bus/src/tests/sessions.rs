//! Sessions of the legacy revisions.

use serde_json::json;

use crate::requests::wait::Outcome;
use crate::rows::sessions::{IDLE_MS, MAX_SESSIONS};
use crate::tests::world::World;
use crate::wire::command::{Command, Reply};

fn open(world: &mut World) -> String {
    let command = Command::OpenSession { protocol_version: "2025-06-18".to_owned(), client_name: "IDE".to_owned() };
    match world.serve(command) {
        Outcome::Reply(Reply::Session { session_id, .. }) => session_id,
        other => panic!("{other:?}"),
    }
}

fn is_open(world: &mut World, session_id: &str) -> bool {
    match world.serve_in(Some(session_id), Command::UseSession) {
        Outcome::Reply(Reply::Session { protocol_version, .. }) => protocol_version == "2025-06-18",
        Outcome::Reply(Reply::NoSession) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_is_open_until_it_is_closed() {
    let mut world = World::new();
    let session_id = open(&mut world);
    assert!(is_open(&mut world, &session_id));
    assert_eq!(world.serve_in(Some(&session_id), Command::CloseSession), Outcome::Reply(Reply::Done));
    assert!(!is_open(&mut world, &session_id));
    assert_eq!(world.serve_in(Some(&session_id), Command::CloseSession), Outcome::Reply(Reply::NoSession));
}

#[test]
fn a_made_up_session_is_none() {
    assert!(!is_open(&mut World::new(), "s-made-up"));
}

#[test]
fn a_used_session_lives_on_and_an_idle_one_ends() {
    let mut world = World::new();
    let session_id = open(&mut world);
    world.pass(IDLE_MS - 1);
    assert!(is_open(&mut world, &session_id));
    world.pass(IDLE_MS - 1);
    assert!(is_open(&mut world, &session_id));
    world.pass(IDLE_MS);
    assert!(!is_open(&mut world, &session_id));
}

#[test]
fn at_the_limit_the_session_idle_longest_makes_room() {
    let mut world = World::new();
    let first = open(&mut world);
    world.pass(1);
    let second = open(&mut world);
    for _ in 2..=MAX_SESSIONS {
        world.pass(1);
        open(&mut world);
    }
    assert!(!is_open(&mut world, &first));
    assert!(is_open(&mut world, &second));
}

#[test]
fn the_name_given_at_initialize_is_the_callers_name() {
    let mut world = World::new();
    let session_id = open(&mut world);
    let command = Command::Tool { name: "blender_list_available_clients".to_owned(), arguments: json!({}) };
    let Outcome::Reply(Reply::Document { document }) = world.serve_in(Some(&session_id), command) else {
        panic!("no document")
    };
    assert_eq!(document["ephemeral"][0]["uuid"], "llm-ide-100000");
}

#[test]
fn revoking_the_grant_ends_its_sessions() {
    let mut world = World::new();
    let session_id = open(&mut world);
    world.turn(|turn| crate::rows::sessions::close_of_grant(turn, "g-000001")).unwrap();
    assert!(!is_open(&mut world, &session_id));
}
