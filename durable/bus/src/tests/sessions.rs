//! Sessions of the legacy revisions.

use kernel::storage::Sql;
use serde_json::json;

use crate::clients::sockets::admit;
use crate::requests::wait::Outcome;
use crate::rows::sessions::{IDLE_MS, MAX_OF_GRANT, MAX_SESSIONS};
use crate::tests::world::{World, caller};
use crate::wire::command::{Command, Reply};
use crate::wire::topics::{Subscription, Topic};

fn open_command() -> Command {
    Command::OpenSession { protocol_version: "2025-06-18".to_owned(), client_name: "IDE".to_owned() }
}

fn open(world: &mut World) -> String {
    match world.serve(open_command()) {
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
fn at_the_limit_of_its_grant_the_session_idle_longest_makes_room() {
    let mut world = World::new();
    let first = open(&mut world);
    world.pass(1);
    let second = open(&mut world);
    for _ in 2..=MAX_OF_GRANT {
        world.pass(1);
        open(&mut world);
    }
    assert!(!is_open(&mut world, &first));
    assert!(is_open(&mut world, &second));
}

#[test]
fn a_grant_that_opens_sessions_without_end_ends_none_of_another_grant() {
    let mut world = World::new();
    let session_id = open(&mut world);
    for _ in 0..=MAX_SESSIONS {
        world.pass(1);
        world.serve_as(&caller("g-busy"), None, open_command());
    }
    assert!(is_open(&mut world, &session_id));
    let kept = world.sql.query("SELECT COUNT(*) FROM sessions WHERE grant_id = 'g-busy'", &[]).unwrap();
    assert_eq!(kept[0].integer(0).unwrap(), MAX_OF_GRANT);
}

#[test]
fn the_sessions_of_all_grants_together_have_a_limit_too() {
    let mut world = World::new();
    let first = open(&mut world);
    for grant in 0..=MAX_SESSIONS / MAX_OF_GRANT {
        for _ in 0..MAX_OF_GRANT {
            world.pass(1);
            world.serve_as(&caller(&format!("g-{grant}")), None, open_command());
        }
    }
    assert!(!is_open(&mut world, &first));
    let kept = world.sql.query("SELECT COUNT(*) FROM sessions", &[]).unwrap();
    assert_eq!(kept[0].integer(0).unwrap(), MAX_SESSIONS);
}

#[test]
fn to_another_grant_a_session_is_none_whatever_it_asks() {
    let mut world = World::new();
    let session_id = open(&mut world);
    let subscription = Subscription { topic: Topic::Clients, uri: "blender://bus/clients".to_owned() };
    let tool = Command::Tool { name: "blender_list_available_clients".to_owned(), arguments: json!({}) };
    let commands = [
        Command::UseSession,
        Command::SetLogLevel { level: "debug".to_owned() },
        Command::Subscribe { subscription },
        Command::Unsubscribe { topic: Topic::Clients },
        tool,
        Command::CloseSession,
    ];
    for command in commands {
        let answer = world.serve_as(&caller("g-other"), Some(&session_id), command.clone());
        assert_eq!(answer, Outcome::Reply(Reply::NoSession), "{command:?}");
    }
    let admitted = world.turn(|turn| admit(turn, "g-other", Some(&session_id))).unwrap();
    assert_eq!(admitted, Err(Reply::NoSession));
    assert!(world.turn(|turn| admit(turn, "g-000001", Some(&session_id))).unwrap().is_ok());
    assert!(is_open(&mut world, &session_id));
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
