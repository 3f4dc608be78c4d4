//! Messages and job updates between clients.

use serde_json::{Value, json};

use crate::tests::world::World;
use crate::turn::job::MAX_RESULT;

fn register(world: &mut World, uuid: &str, kind: &str, group: Option<&str>) {
    let arguments = json!({"client_uuid": uuid, "client_type": kind, "group_id": group});
    world.call("blender_register_client", arguments).unwrap();
}

fn targets(answer: &Value) -> Vec<&str> {
    answer["targets"].as_array().unwrap().iter().map(|target| target.as_str().unwrap()).collect()
}

#[test]
fn target_comes_before_group_before_type_before_everyone() {
    let mut world = World::new();
    register(&mut world, "a", "x", Some("g"));
    register(&mut world, "b", "y", Some("g"));
    register(&mut world, "c", "x", None);
    let mut call = json!({"payload": {}, "target_uuid": "c", "group_id": "g", "client_type": "y", "from_uuid": "a"});
    let mut routes = Vec::new();
    for dropped in ["target_uuid", "group_id", "client_type", "payload"] {
        let answer = world.call("blender_send_message", call.clone()).unwrap();
        routes.push((answer["routing"]["type"].as_str().unwrap().to_owned(), targets(&answer).join(" ")));
        if dropped != "payload" {
            call.as_object_mut().unwrap().remove(dropped);
        }
    }
    let expected = [
        ("direct", "c"),
        ("group", "a b"),
        ("type_filter", "b"),
        // Only broadcast leaves the sender out.
        ("broadcast", "b c llm-test-client-100000"),
    ];
    assert_eq!(routes, expected.map(|(kind, to)| (kind.to_owned(), to.to_owned())));
}

#[test]
fn an_unknown_target_is_said_to_be_unknown() {
    let mut world = World::new();
    let answer = world.call("blender_send_message", json!({"payload": {}, "target_uuid": "nobody"})).unwrap();
    assert_eq!(answer["status"], "unknown_target");
}

#[test]
fn an_opaque_payload_reaches_a_socket_untouched() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let payload = json!({"z": 1, "a": {"deep": [1.1, null, "ü"]}, "m": 0.1});
    world.effects.clear();
    world.call("blender_send_message", json!({"payload": payload, "target_uuid": "b1", "priority": "alert"})).unwrap();
    let frames = world.frames("w1");
    let data = &frames[0]["params"]["data"];
    assert_eq!(data["payload"].to_string(), payload.to_string());
    assert_eq!((&data["priority"], &frames[0]["params"]["level"]), (&json!(1), &json!("alert")));
    assert_eq!(data["from_uuid"], "server:ada");
}

#[test]
fn a_record_for_a_client_that_is_away_is_kept_and_handed_over() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.leave("w1");
    world.call("blender_send_message", json!({"payload": {"n": 1}, "target_uuid": "b1"})).unwrap();
    world.call("blender_send_message", json!({"payload": {"n": 2}, "target_uuid": "b1"})).unwrap();
    world.attach("w2", "b1", &[]);
    let numbers: Vec<Value> =
        world.frames("w2")[1..].iter().map(|frame| frame["params"]["data"]["payload"]["n"].clone()).collect();
    assert_eq!(numbers, [json!(1), json!(2)]);
    world.frame("w2", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    world.leave("w2");
    world.attach("w3", "b1", &[]);
    assert_eq!(world.frames("w3").len(), 1, "only the answer: what has arrived does not come again");
}

#[test]
fn a_script_sent_as_a_message_is_answered_to_its_sender() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    register(&mut world, "me", "llm", None);
    let payload = json!({"message_type": "job_dispatch", "job_id": "my-job", "script": "print(1)"});
    let arguments = json!({"payload": payload, "target_uuid": "b1", "from_uuid": "me"});
    let sent = world.call("blender_send_message", arguments).unwrap();
    assert_eq!(sent["job_id"], "my-job");
    let updated = world.update("w1", "my-job", "completed", "1\n")["structuredContent"].clone();
    assert_eq!(updated, json!({"status": "ok", "delivered": "direct", "targets": ["me"]}));
    world.tool("w9", "blender_register_client", json!({"client_uuid": "me", "client_type": "llm"}));
    let frames = world.frames("w9");
    let expected =
        json!({"kind": "job_update", "job_id": "my-job", "status": "completed", "result": "1\n", "error": ""});
    assert_eq!(frames[1]["params"]["data"]["payload"], expected);
    assert_eq!(frames[1]["params"]["level"], "notice");
}

#[test]
fn an_update_for_an_unknown_job_is_broadcast() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.attach("w2", "b2", &[]);
    let answer = world.update("w1", "j-never", "completed", "x")["structuredContent"].clone();
    assert_eq!(answer, json!({"status": "ok", "delivered": "broadcast", "targets": ["b2"]}));
    assert_eq!(world.frames("w2")[0]["params"]["data"]["payload"]["job_id"], "j-never");
}

#[test]
fn the_second_end_of_a_job_changes_nothing_and_says_so() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    world.update("w1", &wait.subject, "completed", "first");
    let second = world.update("w1", &wait.subject, "failed", "second")["structuredContent"].clone();
    assert_eq!((&second["status"], &second["duplicate"]), (&json!("ok"), &json!(true)));
    assert_eq!(world.answer(&wait).result, "first");
}

#[test]
fn a_socket_cannot_answer_for_another_peer() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.attach("w2", "b2", &[]);
    let wait = world.dispatch_to("b1");
    let refused = world.update("w2", &wait.subject, "completed", "forged");
    assert_eq!(refused["isError"], true);
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("\"b1\""));
    world.update("w1", &wait.subject, "completed", "true");
    assert_eq!(world.answer(&wait).result, "true");
}

#[test]
fn a_result_over_the_limit_fails_the_job_with_both_sizes() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let (fits, exceeds) = (world.dispatch_to("b1"), world.dispatch_to("b1"));
    world.update("w1", &fits.subject, "completed", &"x".repeat(MAX_RESULT));
    assert_eq!(world.answer(&fits).result.len(), MAX_RESULT);
    let refused = world.update("w1", &exceeds.subject, "completed", &"x".repeat(MAX_RESULT + 1));
    assert_eq!(refused["isError"], true);
    let error = world.answer(&exceeds).error;
    assert!(error.contains("1048577 bytes") && error.contains("1048576"), "{error}");
}

#[test]
fn a_frame_far_over_the_limit_fails_its_job_without_being_read_whole() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    let refused = world.update("w1", &wait.subject, "completed", &"x".repeat(30_000_000));
    assert_eq!(refused["isError"], true);
    assert!(world.answer(&wait).error.contains("at most 1048576"));
    assert!(world.presence.get("b1").is_some());
}

#[test]
fn a_job_sent_to_a_group_is_answered_by_each_member_to_its_sender() {
    let mut world = World::new();
    for (socket, uuid) in [("w1", "b1"), ("w2", "b2")] {
        let arguments = json!({"client_uuid": uuid, "client_type": "blender", "group_id": "farm"});
        world.tool(socket, "blender_register_client", arguments);
    }
    register(&mut world, "me", "llm", None);
    let payload = json!({"message_type": "job_dispatch", "job_id": "frame", "script": "render()"});
    let arguments = json!({"payload": payload, "group_id": "farm", "from_uuid": "me"});
    world.call("blender_send_message", arguments).unwrap();
    for (socket, result) in [("w1", "left"), ("w2", "right")] {
        let answer = world.update(socket, "frame", "completed", result)["structuredContent"].clone();
        assert_eq!(answer, json!({"status": "ok", "delivered": "direct", "targets": ["me"]}));
    }
    let inbox = world.call("blender_receive_messages", json!({"client_uuid": "me"})).unwrap();
    let results: Vec<_> =
        inbox["messages"].as_array().unwrap().iter().map(|record| &record["payload"]["result"]).collect();
    assert_eq!(results, ["left", "right"]);
    assert_eq!(inbox["messages"][0]["from_uuid"], "b1");
}

#[test]
fn a_job_message_sent_again_starts_nothing_twice() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let payload = json!({"message_type": "job_dispatch", "job_id": "once", "script": ""});
    let arguments = json!({"payload": payload, "target_uuid": "b1"});
    world.call("blender_send_message", arguments.clone()).unwrap();
    world.effects.clear();
    let again = world.call("blender_send_message", arguments).unwrap();
    assert_eq!((&again["job_id"], &again["duplicate"]), (&json!("once"), &json!(true)));
    assert_eq!(world.jobs_sent("w1"), Vec::<String>::new());
}

#[test]
fn a_job_id_that_is_too_long_is_refused() {
    let mut world = World::new();
    let arguments = json!({"payload": {"job_id": "x".repeat(129)}});
    assert!(world.call("blender_send_message", arguments).unwrap_err().contains("payload.job_id"));
}
