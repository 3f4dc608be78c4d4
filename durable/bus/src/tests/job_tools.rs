//! Durable jobs and the inbox, as tools.

use serde_json::{Value, json};

use crate::requests::counters;
use crate::requests::wait::{Outcome, Verdict, Wait};
use crate::tests::world::World;
use crate::wire::command::{Command, Reply};

fn submit(world: &mut World, more: Value) -> Value {
    let mut arguments = json!({"command": "execute_code", "params": {"code": "1"}});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.call("blender_submit", arguments).unwrap()
}

fn id(answer: &Value) -> String {
    answer["job_id"].as_str().unwrap().to_owned()
}

fn poll(world: &mut World, name: &str, arguments: Value) -> Wait {
    match world.serve(Command::Tool { name: name.to_owned(), arguments }) {
        Outcome::Wait(wait) => wait,
        Outcome::Reply(reply) => panic!("expected a wait, got {reply:?}"),
    }
}

fn document(verdict: Verdict) -> Value {
    match verdict {
        Verdict::Answer(Reply::Document { document }) => document,
        other => panic!("expected a document, got {other:?}"),
    }
}

#[test]
fn a_submitted_job_runs_and_its_result_is_there_afterwards() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let submitted = submit(&mut world, json!({}));
    assert_eq!(submitted["status"], "queued");
    let job_id = id(&submitted);
    world.progress("w1", &job_id, 0);
    let call = json!({"job_id": job_id});
    assert_eq!(world.call("blender_job_status", call.clone()).unwrap()["status"], "running");
    let early = world.call("blender_job_result", call.clone()).unwrap();
    assert!(early["hint"].as_str().unwrap().contains("blender_job_status"));
    world.update("w1", &job_id, "completed", "1\n");
    let done = world.call("blender_job_result", call).unwrap();
    assert_eq!((&done["status"], &done["result"], &done["error"]), (&json!("completed"), &json!("1\n"), &json!("")));
}

#[test]
fn the_same_key_starts_nothing_twice() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let first = submit(&mut world, json!({"idempotency_key": "k"}));
    world.effects.clear();
    let second = submit(&mut world, json!({"idempotency_key": "k"}));
    assert_eq!((id(&second), &second["duplicate"]), (id(&first), &json!(true)));
    assert_eq!(world.jobs_sent("w1"), Vec::<String>::new());
}

#[test]
fn a_group_gets_one_job_each_and_answers_side_by_side() {
    let mut world = World::new();
    for (socket, uuid) in [("w1", "b1"), ("w2", "b2")] {
        let arguments = json!({"client_uuid": uuid, "client_type": "blender", "group_id": "farm"});
        world.tool(socket, "blender_register_client", arguments);
    }
    let batch = submit(&mut world, json!({"target_group": "farm", "idempotency_key": "frame 1"}));
    let members: Vec<String> = batch["jobs"].as_array().unwrap().iter().map(id).collect();
    world.update("w1", &members[0], "completed", "left");
    let call = json!({"job_id": id(&batch)});
    assert_eq!(world.call("blender_job_status", call.clone()).unwrap()["status"], "running");
    world.update("w2", &members[1], "completed", "right");
    let done = world.call("blender_job_status", call).unwrap();
    assert_eq!(done["status"], "completed");
    assert_eq!((&done["jobs"][0]["result"], &done["jobs"][1]["result"]), (&json!("left"), &json!("right")));
    let again = submit(&mut world, json!({"target_group": "farm", "idempotency_key": "frame 1"}));
    assert_eq!(id(&again), id(&batch));
}

#[test]
fn an_empty_group_is_refused_by_name() {
    let refused = World::new()
        .call("blender_submit", json!({"command": "c", "params": {}, "target_group": "nobody"}))
        .unwrap_err();
    assert!(refused.contains("\"nobody\""), "{refused}");
}

#[test]
fn a_long_poll_ends_with_the_next_change_or_its_time() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let job_id = id(&submit(&mut world, json!({})));
    let wait = poll(&mut world, "blender_job_status", json!({"job_id": job_id, "wait_seconds": 50}));
    assert_eq!(world.look(&wait), Verdict::Sleep { until_ms: world.now_ms + 50_000 });
    world.progress("w1", &job_id, 40);
    let changed = document(world.look(&wait));
    assert_eq!((&changed["status"], &changed["progress"]["percent"]), (&json!("running"), &json!(40.0)));
    let wait = poll(&mut world, "blender_job_status", json!({"job_id": job_id, "wait_seconds": 50}));
    world.pass(50_000);
    assert_eq!(document(world.look(&wait))["status"], "running");
    world.update("w1", &job_id, "completed", "");
    let ended = world.call("blender_job_status", json!({"job_id": job_id, "wait_seconds": 50})).unwrap();
    assert_eq!(ended["status"], "completed", "a job that has ended is not waited for");
}

#[test]
fn a_waiting_job_is_cancelled_and_a_running_one_is_asked_to_stop() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let running = id(&submit(&mut world, json!({})));
    world.progress("w1", &running, 0);
    world.effects.clear();
    let asked = world.call("blender_job_cancel", json!({"job_id": running})).unwrap();
    assert_eq!(asked["status"], "running");
    assert_eq!(world.frames("w1")[0]["method"], "notifications/cancelled");
    assert_eq!(world.frames("w1")[0]["params"]["requestId"], json!(running));
    world.update("w1", &running, "cancelled", "");
    assert_eq!(world.call("blender_job_status", json!({"job_id": running})).unwrap()["status"], "cancelled");

    world.leave("w1");
    let waiting = id(&submit(&mut world, json!({"target_uuid": "b1"})));
    let cancelled = world.call("blender_job_cancel", json!({"job_id": waiting})).unwrap();
    assert_eq!(cancelled["status"], "cancelled");
    world.attach("w2", "b1", &["job_ack"]);
    assert_eq!(world.jobs_sent("w2"), Vec::<String>::new());
}

#[test]
fn jobs_are_listed_newest_first_and_by_state() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let (first, second) = (id(&submit(&mut world, json!({}))), id(&submit(&mut world, json!({}))));
    world.update("w1", &first, "failed", "");
    let ids = |answer: Value| answer["jobs"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
    assert_eq!(ids(world.call("blender_list_jobs", json!({})).unwrap()), [second.clone(), first.clone()]);
    assert_eq!(ids(world.call("blender_list_jobs", json!({"status": "failed"})).unwrap()), [first]);
    assert_eq!(ids(world.call("blender_list_jobs", json!({"status": "queued"})).unwrap()), [second]);
}

#[test]
fn an_unknown_job_is_not_found() {
    let answer = World::new().call("blender_job_status", json!({"job_id": "j-000000000000"})).unwrap();
    assert_eq!(answer["status"], "not_found");
}

#[test]
fn an_inbox_is_read_in_pages_and_what_was_received_goes() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    for number in 0..3 {
        world.call("blender_send_message", json!({"payload": {"n": number}, "target_uuid": "me"})).unwrap();
    }
    let numbers = |page: &Value| {
        page["messages"].as_array().unwrap().iter().map(|record| record["payload"]["n"].clone()).collect::<Vec<_>>()
    };
    let first = world.call("blender_receive_messages", json!({"client_uuid": "me", "limit": 2})).unwrap();
    assert_eq!(numbers(&first), [json!(0), json!(1)]);
    let second = world.call("blender_receive_messages", json!({"client_uuid": "me", "after": first["next"]})).unwrap();
    assert_eq!(numbers(&second), [json!(2)]);
    let from_the_start = world.call("blender_receive_messages", json!({"client_uuid": "me"})).unwrap();
    assert_eq!(numbers(&from_the_start), [json!(2)]);
}

#[test]
fn long_messages_come_in_pages_of_some_400_kilobytes() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    for size in [300_000, 300_000, 900_000, 10, 10] {
        let payload = json!({"text": "x".repeat(size)});
        world.call("blender_send_message", json!({"payload": payload, "target_uuid": "me"})).unwrap();
    }
    let mut pages = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = world.call("blender_receive_messages", json!({"client_uuid": "me", "after": after})).unwrap();
        let count = page["messages"].as_array().unwrap().len();
        if count == 0 {
            break;
        }
        pages.push(count);
        after = page["next"].clone();
    }
    assert_eq!(pages, [1, 1, 1, 2]);
}

#[test]
fn a_waiting_reader_gets_the_next_message() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    let wait = poll(&mut world, "blender_receive_messages", json!({"client_uuid": "me", "wait_seconds": 10}));
    assert!(matches!(world.look(&wait), Verdict::Sleep { .. }));
    world.call("blender_send_message", json!({"payload": {"n": 1}, "target_uuid": "me"})).unwrap();
    assert_eq!(document(world.look(&wait))["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn an_overflowing_inbox_drops_the_oldest_and_says_how_many() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    for number in 0..crate::rows::inbox::MAX_KEPT + 5 {
        world.call("blender_send_message", json!({"payload": {"n": number}, "target_uuid": "me"})).unwrap();
    }
    let page = world.call("blender_receive_messages", json!({"client_uuid": "me", "limit": 1})).unwrap();
    assert_eq!((&page["messages"][0]["payload"]["n"], &page["dropped"]), (&json!(5), &json!(5)));
    let page = world.call("blender_receive_messages", json!({"client_uuid": "me", "limit": 1})).unwrap();
    assert_eq!(page.get("dropped"), None);
}

#[test]
fn a_stranger_has_no_inbox_and_a_made_up_cursor_is_named() {
    let mut world = World::new();
    let refused = world.call("blender_receive_messages", json!({"client_uuid": "nobody"})).unwrap_err();
    assert!(refused.contains("\"nobody\""), "{refused}");
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    let refused = world.call("blender_receive_messages", json!({"client_uuid": "me", "after": "x"})).unwrap_err();
    assert!(refused.contains("after"), "{refused}");
}

#[test]
fn a_client_that_submits_in_its_name_hears_how_the_job_goes() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    world.tool("w2", "blender_register_client", json!({"client_uuid": "artist", "client_type": "llm"}));
    let job_id = id(&submit(&mut world, json!({"from_uuid": "artist"})));
    let payloads = |world: &World| -> Vec<Value> {
        world.frames("w2").iter().map(|frame| frame["params"]["data"]["payload"].clone()).collect()
    };
    world.effects.clear();
    for percent in [0, 0, 40] {
        world.progress("w1", &job_id, percent);
    }
    let mut heard = payloads(&world);
    world.update("w1", &job_id, "completed", "done");
    heard.extend(payloads(&world));
    let progress =
        |percent: i64| json!({"kind": "progress", "job_id": job_id, "percent": percent, "job_state": "running"});
    let ended = json!({"kind": "job_update", "job_id": job_id, "status": "completed", "result": "done", "error": ""});
    assert_eq!(heard, [progress(0), progress(40), ended]);
}

#[test]
fn the_counters_tell_states_and_times_of_recent_jobs() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let jobs: Vec<String> = (0..3).map(|_| id(&submit(&mut world, json!({})))).collect();
    world.now_ms += 1_500;
    world.update("w1", &jobs[0], "completed", "x");
    world.now_ms += 500;
    world.update("w1", &jobs[1], "failed", "");
    let counters = world.turn(counters::read).unwrap();
    assert_eq!(json!(counters.recent_jobs), json!({"completed": 1, "failed": 1, "running": 1}));
    assert_eq!((counters.median_ms, counters.p95_ms), (Some(1_500), Some(1_500)));
    assert_eq!((counters.open_jobs, counters.peers_connected), (1, 1));
    assert!(counters.database_bytes > 0);
}
