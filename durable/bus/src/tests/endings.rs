//! Endings that nobody reports, and ids that are used again.

use kernel::params;
use kernel::storage::Sql;
use serde_json::{Value, json};

use crate::rows::jobs;
use crate::tests::world::World;
use crate::turn::effect::Effect;
use crate::turn::job::State;
use crate::wire::envelope::Status;

fn state(world: &mut World, job_id: &str) -> Option<State> {
    world.turn(|turn| jobs::find(turn, job_id)).unwrap().map(|job| job.state)
}

/// A Blender attaches and says which process it is and what it still has.
fn attach(world: &mut World, socket_id: &str, instance_id: Option<&str>, open_jobs: Option<Vec<&str>>) {
    let arguments = json!({"client_uuid": "b1", "client_type": "blender", "is_persistent": true,
                           "capabilities": ["job_ack"], "instance_id": instance_id, "open_jobs": open_jobs});
    let answer = world.tool(socket_id, "blender_register_client", arguments);
    assert_eq!(answer["structuredContent"]["status"], "ok", "{answer}");
}

/// Methods of the notifications that a socket was sent, with the job they name.
fn cancelled(world: &World, socket_id: &str) -> Vec<String> {
    let frames = world.frames(socket_id);
    let of =
        |frame: &Value| (frame["method"] == "notifications/cancelled").then(|| frame["params"]["requestId"].clone());
    frames.iter().filter_map(of).map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_a_peer_no_longer_has_is_lost_when_it_says_so() {
    let mut world = World::new();
    attach(&mut world, "w1", Some("first"), Some(vec![]));
    let (kept, forgotten) = (world.dispatch_to("b1").subject, world.dispatch_to("b1").subject);
    world.progress("w1", &kept, 0);
    world.progress("w1", &forgotten, 0);
    let unacknowledged = world.dispatch_to("b1").subject;
    world.leave("w1");
    attach(&mut world, "w2", Some("first"), Some(vec![&kept]));
    assert_eq!(state(&mut world, &kept), Some(State::Running));
    assert_eq!(state(&mut world, &forgotten), Some(State::Lost));
    assert_eq!(world.jobs_sent("w2"), [unacknowledged], "what was never acknowledged goes again");
}

#[test]
fn another_process_has_none_of_the_jobs_of_the_one_before() {
    let mut world = World::new();
    attach(&mut world, "w1", Some("first"), None);
    let job = world.dispatch_to("b1").subject;
    world.progress("w1", &job, 0);
    attach(&mut world, "w2", Some("first"), None);
    assert_eq!(state(&mut world, &job), Some(State::Running), "the same process, on a new socket");
    attach(&mut world, "w3", Some("second"), None);
    assert_eq!(state(&mut world, &job), Some(State::Lost));
    world.update("w3", &job, "completed", "late");
    assert_eq!(state(&mut world, &job), Some(State::Completed), "a late answer still counts");
}

#[test]
fn what_a_plain_peer_was_running_when_it_left_is_lost_after_a_minute_also_when_it_is_back() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let old = world.dispatch_to("b1").subject;
    world.leave("w1");
    world.pass(1_000);
    world.attach("w2", "b1", &[]);
    let new = world.dispatch_to("b1").subject;
    world.pass(59_000);
    world.alarm();
    assert_eq!((state(&mut world, &old), state(&mut world, &new)), (Some(State::Lost), Some(State::Running)));
}

#[test]
fn what_a_plain_peer_was_running_when_the_server_died_is_lost_a_minute_after_it_is_back() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let old = world.dispatch_to("b1").subject;
    world.evict(&[]);
    world.pass(5_000);
    world.attach("w2", "b1", &[]);
    world.pass(60_000);
    world.alarm();
    assert_eq!(state(&mut world, &old), Some(State::Lost));
}

#[test]
fn a_call_that_no_blender_took_is_lost_a_minute_after_its_timeout_and_does_not_run_by_surprise() {
    let mut world = World::new();
    attach(&mut world, "w1", None, None);
    world.leave("w1");
    let wait = world.dispatch_to("b1");
    world.pass(15_000);
    let told = world.answer(&wait);
    assert_eq!((told.status, told.away_since.is_some()), (Status::Disconnected, true));
    world.pass(74_999);
    world.alarm();
    assert_eq!(state(&mut world, &wait.subject), Some(State::Queued));
    world.pass(1);
    world.alarm();
    assert_eq!(state(&mut world, &wait.subject), Some(State::Lost));
    attach(&mut world, "w2", None, None);
    assert!(world.jobs_sent("w2").is_empty());
}

#[test]
fn a_call_whose_waiting_died_with_the_server_does_not_run_by_surprise_either() {
    let mut world = World::new();
    attach(&mut world, "w1", None, None);
    world.leave("w1");
    let call = world.dispatch_to("b1").subject;
    let submitted = world.call("blender_submit", json!({"command": "x", "params": {}, "target_uuid": "b1"})).unwrap();
    world.evict(&[]);
    world.pass(90_000);
    attach(&mut world, "w2", None, None);
    assert_eq!(state(&mut world, &call), Some(State::Lost));
    assert_eq!(world.jobs_sent("w2"), [submitted["job_id"].as_str().unwrap()], "what was submitted waits");
}

#[test]
fn a_job_cancelled_while_its_blender_is_away_never_runs() {
    let mut world = World::new();
    attach(&mut world, "w1", None, None);
    let (sent, running) = (world.dispatch_to("b1").subject, world.dispatch_to("b1").subject);
    world.progress("w1", &running, 0);
    world.leave("w1");
    for job in [&sent, &running] {
        let answer = world.call("blender_job_cancel", json!({"job_id": job})).unwrap();
        assert_eq!(answer["status"], "cancelled");
        assert!(answer["hint"].as_str().unwrap().contains("away"), "{answer}");
    }
    attach(&mut world, "w2", None, Some(vec![&running]));
    assert!(world.jobs_sent("w2").is_empty());
    assert_eq!(cancelled(&world, "w2"), [running], "what it still runs is told to stop");
}

#[test]
fn a_job_that_waits_behind_another_in_its_blender_is_queued() {
    let mut world = World::new();
    attach(&mut world, "w1", None, None);
    let wait = world.dispatch_to("b1");
    let report = |world: &mut World, waits: bool| {
        let params = json!({"progressToken": wait.subject, "progress": 0, "_meta": {"blender-bus/waits": waits}});
        world.frame("w1", &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).to_string());
        let status = world.call("blender_job_status", json!({"job_id": wait.subject})).unwrap();
        status["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(report(&mut world, true), "queued");
    assert_eq!(report(&mut world, false), "running");
    assert_eq!(report(&mut world, true), "queued");
    world.pass(30_000);
    assert_eq!(world.answer(&wait).job_state.as_deref(), Some("queued"));
}

#[test]
fn the_id_of_a_job_that_has_ended_starts_a_new_run() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    world.attach("w1", "b1", &["job_ack"]);
    let run = |world: &mut World| {
        world.effects.clear();
        let payload = json!({"message_type": "job_dispatch", "job_id": "job-abc123", "script": "1"});
        let arguments = json!({"payload": payload, "target_uuid": "b1", "from_uuid": "me"});
        world.call("blender_send_message", arguments).unwrap()
    };
    assert_eq!(run(&mut world)["duplicate"], Value::Null);
    assert_eq!(run(&mut world)["duplicate"], true, "while it is open");
    world.update("w1", "job-abc123", "completed", "first");
    assert_eq!(run(&mut world)["duplicate"], Value::Null);
    assert_eq!(world.jobs_sent("w1"), ["job-abc123"]);
    world.update("w1", "job-abc123", "completed", "second");
    let inbox = world.call("blender_receive_messages", json!({"client_uuid": "me"})).unwrap();
    let heard: Vec<&Value> = inbox["messages"].as_array().unwrap().iter().map(|m| &m["payload"]["result"]).collect();
    assert_eq!(heard, ["first", "second"]);
    let kept = world.call("blender_job_result", json!({"job_id": "job-abc123"})).unwrap();
    assert_eq!(kept["result"], "second");
}

#[test]
fn a_message_that_dispatches_carries_its_job_id() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    world.effects.clear();
    let arguments = json!({"payload": {"message_type": "job_dispatch", "script": "1"}, "target_uuid": "b1"});
    let answer = world.call("blender_send_message", arguments).unwrap();
    let frames = world.frames("w1");
    assert_eq!(frames[0]["params"]["data"]["payload"]["job_id"], answer["job_id"]);
}

#[test]
fn a_job_that_cannot_be_sent_fails_and_the_others_go_on() {
    let mut world = World::new();
    let open = crate::wire::command::Command::OpenSession {
        protocol_version: "2025-06-18".to_owned(),
        client_name: "Peer".to_owned(),
    };
    let crate::requests::wait::Outcome::Reply(crate::wire::command::Reply::Session { session_id, .. }) =
        world.serve(open)
    else {
        panic!("no session");
    };
    let register = crate::wire::command::Command::Tool {
        name: "blender_register_client".to_owned(),
        arguments: json!({"client_uuid": "b1", "client_type": "blender", "is_persistent": true}),
    };
    world.serve_in(Some(&session_id), register);
    let submit = |world: &mut World| {
        let answer = world.call("blender_submit", json!({"command": "x", "params": {}, "target_uuid": "b1"})).unwrap();
        answer["job_id"].as_str().unwrap().to_owned()
    };
    let (broken, sound) = (submit(&mut world), submit(&mut world));
    world.sql.query("UPDATE jobs SET record = '{' WHERE job_id = ?", params![broken.as_str()]).unwrap();
    world
        .turn(|turn| {
            let session = crate::rows::sessions::find(turn, &session_id, "g-000001")?.unwrap();
            crate::clients::streams::open(turn, "s1", &session, None)
        })
        .unwrap();
    assert_eq!(state(&mut world, &broken), Some(State::Failed));
    assert_eq!(state(&mut world, &sound), Some(State::Running), "also without logging/setLevel");
    let logged = |effect: &Effect| matches!(effect, Effect::Log { line } if line.contains("job_unsent"));
    assert!(world.effects.iter().any(logged));
}

#[test]
fn a_replaced_socket_is_nobodys_any_more() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    world.attach("w2", "b1", &["job_ack"]);
    let noted = Effect::Note { socket_id: "w1".to_owned() };
    assert!(world.effects.contains(&noted), "its attachment is written anew: {:?}", world.effects);
    assert_eq!(world.presence.bound_to("w1"), None);
}

#[test]
fn retention_keeps_up_with_any_number_of_jobs() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3500)
                INSERT INTO jobs (job_id, command, target_uuid, from_uuid, priority, state, record, created_at)
                SELECT 'old-' || i, 'x', 'b1', 'server:ada', 6, 'completed', '{}', 0 FROM n";
    world.sql.batch(fill).unwrap();
    let young = world.dispatch_to("b1").subject;
    world.pass(crate::rows::timers::RETENTION_EVERY_MS);
    for _ in 0..4 {
        world.alarm();
        world.pass(1_000);
    }
    let left = world.sql.query("SELECT job_id FROM jobs", &[]).unwrap();
    assert_eq!(left.iter().map(|row| row.text(0).unwrap()).collect::<Vec<_>>(), [young]);
}
