//! The client registry over HTTP and sockets.

use serde_json::{Value, json};

use crate::rows::clients::CALLER_LISTED_MS;
use crate::tests::world::World;
use crate::turn::effect::{Effect, close};
use crate::turn::limits::Limits;

fn uuids(bucket: &Value) -> Vec<&str> {
    bucket.as_array().unwrap().iter().map(|client| client["uuid"].as_str().unwrap()).collect()
}

#[test]
fn registering_again_updates_in_place_and_keeps_bucket_and_connected_at() {
    let mut world = World::new();
    let first = world
        .call("blender_register_client", json!({"client_uuid": "c", "client_type": "llm", "is_persistent": true}))
        .unwrap();
    world.pass(5_000);
    let arguments = json!({"client_uuid": "c", "client_type": "tool", "capabilities": ["x"], "group_id": "g"});
    let again = world.call("blender_register_client", arguments).unwrap();
    let (first, again) = (&first["client"], &again["client"]);
    assert_eq!((&again["is_persistent"], &again["connected_at"]), (&json!(true), &first["connected_at"]));
    assert_eq!((&again["client_type"], &again["group_id"]), (&json!("tool"), &json!("g")));
    assert_eq!(again["capabilities"], json!(["x"]));
    assert_eq!(again["last_seen"].as_f64().unwrap() - first["last_seen"].as_f64().unwrap(), 5.0);
}

#[test]
fn unregistering_is_idempotent() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "c", "client_type": "llm"})).unwrap();
    let arguments = json!({"client_uuid": "c"});
    let first = world.call("blender_unregister_client", arguments.clone()).unwrap();
    assert_eq!(first, json!({"status": "ok", "client_uuid": "c"}));
    let second = world.call("blender_unregister_client", arguments).unwrap();
    assert_eq!(second, json!({"status": "not_found", "client_uuid": "c"}));
}

#[test]
fn an_unregistered_peer_gets_no_jobs_though_its_socket_stays() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.call("blender_unregister_client", json!({"client_uuid": "b1"})).unwrap();
    assert!(world.dispatch_in_vain(None).hint.is_some());
    world.attach("w1", "b1", &[]);
    world.dispatch_to("b1");
}

#[test]
fn the_newer_socket_wins_and_the_older_is_told_so() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.attach("w2", "b1", &[]);
    let closed = |effect: &Effect| matches!(effect, Effect::Close { socket_id, code, .. } if socket_id == "w1" && *code == close::REPLACED);
    assert!(world.effects.iter().any(closed));
    world.leave("w1");
    assert_eq!(world.presence.get("b1").unwrap().socket_id, "w2");
}

#[test]
fn a_socket_cannot_register_a_second_uuid() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let arguments = json!({"client_uuid": "b2", "client_type": "blender"});
    let refused = world.tool("w1", "blender_register_client", arguments);
    assert_eq!(refused["isError"], true);
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("registered as \"b1\""));
}

#[test]
fn clients_stand_in_their_buckets_with_their_connection() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.attach("w2", "b2", &[]);
    world.leave("w2");
    let listed = world.call("blender_list_available_clients", json!({})).unwrap();
    assert_eq!(listed["status"], "ok");
    assert_eq!(listed["user_id"], "ada");
    assert_eq!(uuids(&listed["persistent"]), ["b1", "b2"]);
    assert_eq!(listed["persistent"][0]["connected"], true);
    assert_eq!(listed["persistent"][1]["connected"], false);
}

#[test]
fn a_caller_that_went_silent_is_no_longer_listed() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "once", "client_type": "llm"})).unwrap();
    world.pass(CALLER_LISTED_MS + 1);
    let listed = world.call("blender_list_available_clients", json!({})).unwrap();
    assert_eq!(uuids(&listed["ephemeral"]), ["llm-test-client-100000"]);
}

#[test]
fn at_the_limit_a_new_client_is_refused_and_a_known_one_is_not() {
    let mut world = World::new();
    let register = |world: &mut World, uuid: &str| {
        world.call("blender_register_client", json!({"client_uuid": uuid, "client_type": "x"}))
    };
    // The caller itself is one of them.
    for number in 1..Limits::default().clients {
        register(&mut world, &format!("c{number}")).unwrap();
    }
    let refused = register(&mut world, "one-too-many").unwrap_err();
    assert!(refused.contains("1000") && refused.contains("blender_unregister_client"), "{refused}");
    register(&mut world, "c1").unwrap();
}

#[test]
fn stats_count_clients_and_open_jobs() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    let stats = |world: &mut World| match world.serve(crate::wire::command::Command::Stats) {
        crate::requests::wait::Outcome::Reply(crate::wire::command::Reply::Document { document }) => document,
        other => panic!("{other:?}"),
    };
    let expected = json!({"user_id": "ada", "persistent_count": 1, "ephemeral_count": 1, "pending_jobs_for_user": 1});
    assert_eq!(stats(&mut world), expected);
    world.update("w1", &wait.subject, "completed", "");
    assert_eq!(stats(&mut world)["pending_jobs_for_user"], 0);
}

#[test]
fn an_unregistered_client_leaves_nothing_in_its_inbox() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    world.call("blender_send_message", json!({"payload": {"n": 1}, "target_uuid": "me"})).unwrap();
    world.call("blender_unregister_client", json!({"client_uuid": "me"})).unwrap();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    let page = world.call("blender_receive_messages", json!({"client_uuid": "me"})).unwrap();
    assert_eq!(page["messages"], json!([]));
}
