//! What a log and a peer learn of where a job came from.

use kernel::trace::Trace;
use serde_json::{Value, json};

use crate::requests::wait::{self, Outcome, Verdict, Wait};
use crate::rows::away::LOST_AFTER_MS;
use crate::serve;
use crate::tests::world::{World, dispatch_command};
use crate::turn::effect::Effect;
use crate::wire::command::{Command, Request, SOON_MS};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn log(world: &World) -> Vec<Value> {
    let line = |effect: &Effect| match effect {
        Effect::Log { line } => Some(serde_json::from_str(line).unwrap()),
        _ => None,
    };
    world.effects.iter().filter_map(line).collect()
}

fn traced(world: &mut World, command: Command) -> Outcome {
    let trace = Trace { request_id: "r-1".to_owned(), traceparent: Some(TRACEPARENT.to_owned()) };
    let request = Request { user_id: "ada".to_owned(), caller: None, session_id: None, trace, command };
    world.turn(|turn| serve::serve(turn, request)).unwrap()
}

fn traced_execute_code(world: &mut World) -> String {
    let arguments = json!({"command": "execute_code", "params": {"code": "secret_code()"}});
    traced(world, Command::Tool { name: "blender_submit".to_owned(), arguments });
    log(world)[0]["job_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_traceparent_goes_to_the_peer_and_comes_back_into_the_log() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.effects.clear();
    let job_id = traced_execute_code(&mut world);
    let record = world.frames("w1")[0]["params"]["data"].clone();
    assert_eq!(record["traceparent"], TRACEPARENT);
    let made = log(&world)[0].clone();
    assert_eq!((&made["event"], &made["request_id"]), (&json!("job_made"), &json!("r-1")));
    world.pass(1_500);
    world.update("w1", &job_id, "completed", "secret result");
    let ended = log(&world)[0].clone();
    let expected = json!({"event": "job_ended", "user_id": "ada", "job_id": job_id, "command": "execute_code",
                          "target_uuid": "b1", "state": "completed", "took_ms": 1500, "traceparent": TRACEPARENT});
    assert_eq!(ended, expected);
}

/// A dispatch that a request waits for.
fn traced_dispatch(world: &mut World) -> Wait {
    match traced(world, dispatch_command(None, 30_000)) {
        Outcome::Wait(wait) => wait,
        Outcome::Reply(reply) => panic!("expected a job, got {reply:?}"),
    }
}

#[test]
fn a_dispatch_that_ends_at_once_leaves_one_line_with_both_ids() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.effects.clear();
    let wait = traced_dispatch(&mut world);
    assert!(log(&world).is_empty());
    world.pass(20);
    world.update("w1", &wait.subject, "completed", "{}");
    let expected = json!({"event": "job_ended", "user_id": "ada", "request_id": "r-1", "job_id": wait.subject,
                          "command": "get_scene_info", "target_uuid": "b1", "state": "completed", "took_ms": 20,
                          "traceparent": TRACEPARENT});
    assert_eq!(log(&world), [expected]);
}

/// What is looked at now, and what the log hears of it.
fn looked(world: &mut World, wait: &mut Wait) -> (Verdict, Vec<Value>) {
    world.effects.clear();
    let verdict = world.turn(|turn| wait::look(turn, wait)).unwrap();
    (verdict, log(world))
}

#[test]
fn a_dispatch_that_takes_long_is_in_the_log_once_before_it_ends() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let mut wait = traced_dispatch(&mut world);
    let soon = Verdict::Sleep { until_ms: world.now_ms + SOON_MS };
    assert_eq!(looked(&mut world, &mut wait), (soon, Vec::new()));
    world.pass(SOON_MS);
    let (verdict, made) = looked(&mut world, &mut wait);
    assert_eq!((verdict, made.len()), (Verdict::Slow, 1));
    assert_eq!((&made[0]["event"], &made[0]["request_id"]), (&json!("job_made"), &json!("r-1")));
    assert_eq!((&made[0]["job_id"], &made[0]["state"]), (&json!(wait.subject), &json!("running")));
    let rest = Verdict::Sleep { until_ms: wait.deadline_ms };
    assert_eq!(looked(&mut world, &mut wait), (rest, Vec::new()));
}

#[test]
fn a_dispatch_whose_caller_waits_no_longer_is_in_the_log_before_it_ends() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let mut wait = Wait { deadline_ms: world.now_ms + 10, ..traced_dispatch(&mut world) };
    world.pass(10);
    let (verdict, made) = looked(&mut world, &mut wait);
    assert!(matches!(verdict, Verdict::Answer(_)));
    assert_eq!((&made[0]["event"], &made[0]["request_id"]), (&json!("job_made"), &json!("r-1")));
}

#[test]
fn no_code_and_no_result_is_logged() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.effects.clear();
    let job_id = traced_execute_code(&mut world);
    let mut lines = log(&world);
    world.update("w1", &job_id, "failed", "secret result");
    lines.extend(log(&world));
    assert_eq!(lines.len(), 2);
    assert!(!Value::from(lines).to_string().contains("secret"));
}

#[test]
fn who_sent_a_job_that_is_lost_hears_of_it() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let sender = json!({"client_uuid": "c0", "client_type": "script", "is_persistent": true});
    world.call("blender_register_client", sender).unwrap();
    let payload = json!({"message_type": "job_dispatch", "job_id": "own-1", "script": "pass"});
    let message = json!({"payload": payload, "target_uuid": "b1", "from_uuid": "c0"});
    world.call("blender_send_message", message).unwrap();
    world.leave("w1");
    world.pass(LOST_AFTER_MS);
    world.alarm();
    let inbox = world.call("blender_receive_messages", json!({"client_uuid": "c0"})).unwrap();
    let payload = &inbox["messages"][0]["payload"];
    assert_eq!((&payload["status"], &payload["job_id"]), (&json!("lost"), &json!("own-1")));
}
