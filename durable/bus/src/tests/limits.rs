//! What a user who asks for too much is told.

use serde_json::json;

use crate::requests::wait::Outcome;
use crate::tests::world::World;
use crate::turn::limits::Limits;
use crate::wire::command::Reply;

fn world(limits: Limits) -> World {
    let mut world = World::new();
    world.presence.limits = limits;
    world.attach("w1", "b1", &[]);
    world
}

fn refusal(outcome: Outcome) -> String {
    match outcome {
        Outcome::Reply(Reply::Rejected { message }) => message,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn more_messages_a_second_than_allowed_are_refused_and_a_moment_later_they_are_not() {
    let mut world = world(Limits { messages_per_second: 2, ..Limits::default() });
    let hello = json!({"payload": {}, "target_uuid": "b1"});
    world.dispatch_to("b1");
    world.call("blender_send_message", hello.clone()).unwrap();
    assert!(refusal(world.dispatch(Some("b1"), 1_000)).contains("2 messages a second"));
    assert!(world.call("blender_send_message", hello.clone()).unwrap_err().contains("2 messages a second"));
    let submit = json!({"command": "get_scene_info", "params": {}});
    assert!(world.call("blender_submit", submit).unwrap_err().contains("2 messages a second"));
    world.pass(500);
    world.call("blender_send_message", hello).unwrap();
}

#[test]
fn a_broadcast_counts_once_for_each_recipient() {
    let mut world = world(Limits { messages_per_second: 3, ..Limits::default() });
    for number in 0..5 {
        let client = json!({"client_uuid": format!("c{number}"), "client_type": "script", "is_persistent": true});
        world.call("blender_register_client", client).unwrap();
    }
    world.call("blender_send_message", json!({"payload": {}})).unwrap();
    world.pass(1_000);
    assert!(world.call("blender_send_message", json!({"payload": {}})).is_err());
    world.pass(2_000);
    world.call("blender_send_message", json!({"payload": {}})).unwrap();
}

#[test]
fn a_full_bus_takes_no_new_work_and_still_takes_answers() {
    let mut world = world(Limits::default());
    let wait = world.dispatch_to("b1");
    world.presence.limits.storage_bytes = 1;
    world.pass(1_000);
    assert!(refusal(world.dispatch(Some("b1"), 1_000)).contains("storage"));
    let answer = world.update("w1", &wait.subject, "completed", "3");
    assert_eq!(answer["structuredContent"]["status"], "ok");
}

#[test]
fn open_jobs_of_all_peers_together_are_limited() {
    let mut world = world(Limits { open_jobs: 2, ..Limits::default() });
    world.attach("w2", "b2", &[]);
    let wait = world.dispatch_to("b1");
    world.dispatch_to("b2");
    assert!(refusal(world.dispatch(Some("b1"), 1_000)).contains("2 open jobs"));
    world.update("w1", &wait.subject, "completed", "3");
    world.dispatch_to("b2");
}
