//! Event streams of sessions: what goes out, what waits, what comes again.

use serde_json::{Value, json};

use crate::clients::{sockets, streams};
use crate::requests::wait::Outcome;
use crate::rows::sessions;
use crate::tests::world::World;
use crate::turn::effect::Effect;
use crate::turn::presence::Stream;
use crate::wire::command::{Command, Reply};

fn open_session(world: &mut World, version: &str) -> String {
    let command = Command::OpenSession { protocol_version: version.to_owned(), client_name: "IDE".to_owned() };
    match world.serve(command) {
        Outcome::Reply(Reply::Session { session_id, .. }) => session_id,
        other => panic!("{other:?}"),
    }
}

fn open_stream(world: &mut World, socket_id: &str, session_id: &str, last_event_id: Option<i64>) {
    world
        .turn(|turn| {
            let session = sessions::find(turn, session_id, "g-000001")?.expect("the session is open");
            streams::open(turn, socket_id, &session, last_event_id)
        })
        .unwrap();
}

fn call(world: &mut World, session_id: &str, name: &str, arguments: Value) -> Value {
    match world.serve_in(Some(session_id), Command::Tool { name: name.to_owned(), arguments }) {
        Outcome::Reply(Reply::Document { document }) => document,
        other => panic!("{other:?}"),
    }
}

/// A session at this level with a client "me" of this type.
fn registered(world: &mut World, kind: &str, level: &str) -> String {
    let session_id = open_session(world, "2025-06-18");
    world.serve_in(Some(&session_id), Command::SetLogLevel { level: level.to_owned() });
    let arguments = json!({"client_uuid": "me", "client_type": kind, "is_persistent": true});
    call(world, &session_id, "blender_register_client", arguments);
    session_id
}

fn say(world: &mut World, number: i64) {
    let arguments = json!({"payload": {"n": number}, "target_uuid": "me"});
    world.call("blender_send_message", arguments).unwrap();
}

/// Event ids and payload numbers that a stream was sent.
fn events(world: &World, socket_id: &str) -> Vec<(i64, i64)> {
    let of_socket = |effect: &Effect| match effect {
        Effect::Send { socket_id: to, frame } if to == socket_id => {
            let (id, message) = frame.split_once('\n').unwrap();
            let message: Value = serde_json::from_str(message).ok()?;
            Some((id.parse().unwrap(), message["params"]["data"]["payload"]["n"].as_i64().unwrap()))
        }
        _ => None,
    };
    world.effects.iter().filter_map(of_socket).collect()
}

fn numbers(world: &World, socket_id: &str) -> Vec<i64> {
    events(world, socket_id).into_iter().map(|(_, number)| number).collect()
}

#[test]
fn records_that_came_before_the_stream_are_sent_when_it_opens() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "debug");
    say(&mut world, 1);
    say(&mut world, 2);
    open_stream(&mut world, "s1", &session_id, None);
    say(&mut world, 3);
    assert_eq!(numbers(&world, "s1"), [1, 2, 3]);
}

#[test]
fn a_stream_opened_again_goes_on_after_the_last_event_that_was_seen() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "debug");
    open_stream(&mut world, "s1", &session_id, None);
    (1..=3).for_each(|number| say(&mut world, number));
    let seen = events(&world, "s1")[0].0;
    world.leave("s1");
    say(&mut world, 4);
    open_stream(&mut world, "s2", &session_id, Some(seen));
    assert_eq!(numbers(&world, "s2"), [2, 3, 4]);
}

/// A stream is sent what is kept, and says that it was read whenever it is asked. Returns how often that was.
fn read_all(world: &mut World, stream: &str) -> usize {
    let mut asked = 0;
    loop {
        let ask = Effect::AskRead { socket_id: stream.to_owned() };
        let Some(at) = world.effects.iter().position(|effect| *effect == ask) else { return asked };
        world.effects.remove(at);
        asked += 1;
        world.turn(|turn| streams::read(turn, stream)).unwrap();
    }
}

#[test]
fn what_is_more_than_goes_out_at_once_follows_when_that_was_read_and_nothing_overtakes_it() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "debug");
    let second = json!({"client_uuid": "also-me", "client_type": "llm"});
    call(&mut world, &session_id, "blender_register_client", second);
    for number in 0..800 {
        say(&mut world, 2 * number);
        let arguments = json!({"payload": {"n": 2 * number + 1}, "target_uuid": "also-me"});
        world.call("blender_send_message", arguments).unwrap();
    }
    world.effects.clear();
    open_stream(&mut world, "s1", &session_id, None);
    assert_eq!(numbers(&world, "s1"), (0..200).collect::<Vec<_>>());
    say(&mut world, 1_600);
    assert_eq!(numbers(&world, "s1").len(), 200, "what comes meanwhile waits for its turn");
    world.turn(|turn| streams::read(turn, "s1")).unwrap();
    assert_eq!(numbers(&world, "s1").len(), 400);
    // The object sleeps and has forgotten how far it is; then the stream is lost.
    let stream = world.presence.stream("s1").unwrap().clone();
    world.evict(&[]);
    world.presence.open_stream(Stream { is_behind: false, ..stream });
    world.effects.retain(|effect| matches!(effect, Effect::Send { .. }));
    world.turn(streams::wake).unwrap();
    say(&mut world, 1_601);
    assert_eq!(numbers(&world, "s1").len(), 400);
    world.turn(|turn| streams::read(turn, "s1")).unwrap();
    let seen = events(&world, "s1")[449].0;
    world.leave("s1");
    world.effects.clear();
    open_stream(&mut world, "s2", &session_id, Some(seen));
    assert_eq!(read_all(&mut world, "s2"), 5);
    say(&mut world, 1_602);
    assert_eq!(numbers(&world, "s2"), (450..=1_602).collect::<Vec<_>>());
}

#[test]
fn large_events_go_out_a_megabyte_at_a_time() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "debug");
    for number in 0..6 {
        let payload = json!({"n": number, "text": "x".repeat(400_000)});
        world.call("blender_send_message", json!({"payload": payload, "target_uuid": "me"})).unwrap();
    }
    world.effects.clear();
    open_stream(&mut world, "s1", &session_id, None);
    assert_eq!(numbers(&world, "s1"), [0, 1]);
    assert_eq!(read_all(&mut world, "s1"), 2);
    assert_eq!(numbers(&world, "s1"), (0..6).collect::<Vec<_>>());
}

#[test]
fn an_older_stream_goes_on_where_a_newer_one_that_is_lost_has_stopped() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "debug");
    open_stream(&mut world, "s1", &session_id, None);
    (0..3).for_each(|number| say(&mut world, number));
    open_stream(&mut world, "s2", &session_id, Some(0));
    world.effects.clear();
    (3..600).for_each(|number| say(&mut world, number));
    world.leave("s2");
    (600..602).for_each(|number| say(&mut world, number));
    assert_eq!(numbers(&world, "s2"), (3..600).collect::<Vec<_>>());
    assert_eq!(numbers(&world, "s1"), [600, 601]);
}

#[test]
fn without_a_last_event_nothing_that_was_sent_comes_twice() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "debug");
    open_stream(&mut world, "s1", &session_id, None);
    say(&mut world, 1);
    world.leave("s1");
    say(&mut world, 2);
    open_stream(&mut world, "s2", &session_id, None);
    assert_eq!(numbers(&world, "s2"), [2]);
}

#[test]
fn below_the_sessions_level_nothing_is_sent() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "warning");
    open_stream(&mut world, "s1", &session_id, None);
    say(&mut world, 1);
    assert_eq!(numbers(&world, "s1"), Vec::<i64>::new());
    world.serve_in(Some(&session_id), Command::SetLogLevel { level: "info".to_owned() });
    say(&mut world, 2);
    assert_eq!(numbers(&world, "s1"), [2]);
}

#[test]
fn only_the_newest_stream_of_a_session_gets_an_event_and_an_older_one_takes_over() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "debug");
    open_stream(&mut world, "s1", &session_id, None);
    open_stream(&mut world, "s2", &session_id, None);
    say(&mut world, 1);
    world.leave("s2");
    say(&mut world, 2);
    assert_eq!((numbers(&world, "s1"), numbers(&world, "s2")), (vec![2], vec![1]));
}

#[test]
fn a_stream_of_the_newest_legacy_revision_begins_with_an_id_to_resume_from() {
    let mut world = World::new();
    let session_id = open_session(&mut world, "2025-11-25");
    world.effects.clear();
    open_stream(&mut world, "s1", &session_id, None);
    let primed = Effect::Send { socket_id: "s1".to_owned(), frame: "0\n".to_owned() };
    assert!(world.effects.contains(&primed));
}

#[test]
fn a_blender_that_attached_over_http_is_connected_while_its_stream_is_and_gets_jobs_on_it() {
    let mut world = World::new();
    let session_id = registered(&mut world, "blender", "debug");
    assert!(world.dispatch_in_vain(None).hint.is_some());
    open_stream(&mut world, "s1", &session_id, None);
    world.effects.clear();
    let wait = world.dispatch_to("me");
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Send { socket_id, frame }
        if socket_id == "s1" && frame.contains(&wait.subject))));
    call(
        &mut world,
        &session_id,
        "blender_job_update",
        json!({"job_id": wait.subject, "status": "completed", "result": "ok"}),
    );
    assert_eq!(world.answer(&wait).result, "ok");
    world.leave("s1");
    assert!(world.dispatch_in_vain(None).hint.is_some());
}

#[test]
fn after_an_eviction_the_clients_of_open_streams_are_there_again() {
    let mut world = World::new();
    let session_id = registered(&mut world, "blender", "debug");
    open_stream(&mut world, "s1", &session_id, None);
    let stream = world.presence.stream("s1").unwrap().clone();
    world.evict(&[]);
    world.presence.open_stream(stream);
    world.turn(streams::wake).unwrap();
    world.dispatch_to("me");
}

#[test]
fn closing_the_session_ends_its_streams() {
    let mut world = World::new();
    let session_id = registered(&mut world, "llm", "debug");
    open_stream(&mut world, "s1", &session_id, None);
    world.effects.clear();
    world.serve_in(Some(&session_id), Command::CloseSession);
    assert!(matches!(&world.effects[..], [Effect::Close { socket_id, .. }] if socket_id == "s1"));
}

#[test]
fn a_closed_session_or_a_revoked_grant_opens_no_stream() {
    let mut world = World::new();
    let refused = world.turn(|turn| sockets::admit(turn, "g-000001", Some("s-made-up"))).unwrap();
    assert_eq!(refused.unwrap_err(), Reply::NoSession);
    world.serve(Command::RevokeGrant { grant_id: "g-000001".to_owned() });
    let refused = world.turn(|turn| sockets::admit(turn, "g-000001", None)).unwrap();
    assert_eq!(refused.unwrap_err(), Reply::Revoked);
}

#[test]
fn a_place_in_an_inbox_is_never_given_twice() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    say(&mut world, 1);
    let page = world.call("blender_receive_messages", json!({"client_uuid": "me"})).unwrap();
    let arguments = json!({"client_uuid": "me", "after": page["next"]});
    assert_eq!(world.call("blender_receive_messages", arguments.clone()).unwrap()["messages"], json!([]));
    say(&mut world, 2);
    let next = world.call("blender_receive_messages", arguments).unwrap();
    assert_eq!(next["messages"][0]["payload"]["n"], 2);
}

#[test]
fn a_record_that_is_too_long_for_an_event_is_cut_and_says_where_all_of_it_is() {
    for (payload, is_cut) in [(json!({"n": 1, "text": "\"".repeat(550_000)}), true), (json!({"n": 1}), false)] {
        let mut world = World::new();
        let session_id = registered(&mut world, "llm", "debug");
        open_stream(&mut world, "s1", &session_id, None);
        world.effects.clear();
        world.call("blender_send_message", json!({"payload": payload, "target_uuid": "me"})).unwrap();
        let sent = world.effects.iter().find_map(|effect| match effect {
            Effect::Send { socket_id, frame } if socket_id == "s1" => Some(frame.split_once('\n').unwrap().1),
            _ => None,
        });
        let sent = sent.unwrap();
        assert!(sent.len() < 1024 * 1024, "{}", sent.len());
        let record: Value = serde_json::from_str(sent).unwrap();
        let hint = record["params"]["data"]["hint"].as_str().unwrap_or_default();
        assert_eq!(hint.contains("blender_receive_messages(client_uuid=\"me\")"), is_cut, "{hint}");
        let page = world.call("blender_receive_messages", json!({"client_uuid": "me"})).unwrap();
        assert_eq!(page["messages"][0]["payload"], payload, "the inbox has all of it");
    }
}
