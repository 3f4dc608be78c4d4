//! A Blender that works on something that does not yield: who is told, and who does not wait for it.

use serde_json::{Value, json};

use crate::requests::wait::{Outcome, Verdict, Wait};
use crate::tests::world::{World, dispatch_command};
use crate::wire::command::{Command, Reply};
use crate::wire::envelope::{Envelope, Status};

const ACK: &[&str] = &["job_ack"];
const WORDS: &str = "blocked in a Blender operation since 12 s, at line 5: bake()\n  File \"<code>\", line 5";

fn impatient() -> Command {
    let mut asked = dispatch_command(Some("b1"), 30_000);
    if let Command::Dispatch { or_busy, .. } = &mut asked {
        *or_busy = true;
    }
    asked
}

fn report(world: &mut World, job_id: &str, message: &str, meta: &Value) {
    let params = json!({"progressToken": job_id, "progress": 0, "message": message, "_meta": meta});
    let frame = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
    world.frame("w1", &frame.to_string());
}

/// A Blender with a job that has kept it for 34 seconds.
fn busy_world() -> (World, Wait) {
    let mut world = World::new();
    world.attach("w1", "b1", ACK);
    let running = world.dispatch_to("b1");
    report(&mut world, &running.subject, WORDS, &json!({"blender-bus/busy": 34.2}));
    (world, running)
}

fn answered(outcome: Outcome) -> Envelope {
    match outcome {
        Outcome::Reply(Reply::Envelope { envelope }) => *envelope,
        other => panic!("expected an envelope, got {other:?}"),
    }
}

fn waits(outcome: Outcome) -> Wait {
    match outcome {
        Outcome::Wait(wait) => wait,
        Outcome::Reply(reply) => panic!("expected a job, got {reply:?}"),
    }
}

#[test]
fn a_blender_that_has_gone_is_busy_with_nothing() {
    let (mut world, _running) = busy_world();
    world.leave("w1");
    let wait = waits(world.serve(impatient()));
    assert!(wait.deadline_ms > 0, "it waits for the Blender to come back");
}

#[test]
fn a_caller_who_does_not_wait_is_told_what_runs_and_makes_no_job() {
    let (mut world, running) = busy_world();
    world.effects.clear();
    world.pass(2_000);
    let envelope = answered(world.serve(impatient()));
    assert_eq!((envelope.status, &envelope.job_id), (Status::Busy, &None));
    let told = envelope.running.unwrap();
    assert_eq!((told.job_id, told.command.as_str()), (running.subject, "get_scene_info"));
    assert!((told.seconds - 36.2).abs() < 0.01, "{}", told.seconds);
    assert_eq!(told.message.as_deref(), Some(WORDS));
    assert!(world.jobs_sent("w1").is_empty());
}

#[test]
fn one_who_came_before_that_was_known_is_told_within_a_second_and_its_job_does_not_run() {
    let mut world = World::new();
    world.attach("w1", "b1", ACK);
    let running = world.dispatch_to("b1");
    report(&mut world, &running.subject, "", &json!({}));
    let wait = waits(world.serve(impatient()));
    report(&mut world, &wait.subject, "", &json!({"blender-bus/waits": true}));
    let until = world.now_ms + 1_000;
    assert_eq!(world.look(&wait), Verdict::Sleep { until_ms: until });
    report(&mut world, &running.subject, "busy since 5 s", &json!({"blender-bus/busy": 5}));
    world.effects.clear();
    let envelope = world.answer(&wait);
    assert_eq!((envelope.status, &envelope.job_id), (Status::Busy, &Some(wait.subject.clone())));
    let asked: Vec<_> = world.frames("w1").iter().map(|frame| frame["params"]["requestId"].clone()).collect();
    assert_eq!(asked, [json!(wait.subject)]);
}

#[test]
fn everybody_else_waits_and_is_told_at_the_timeout() {
    let (mut world, running) = busy_world();
    let wait = world.dispatch_to("b1");
    report(&mut world, &wait.subject, "", &json!({"blender-bus/waits": true}));
    world.pass(30_000);
    let envelope = world.answer(&wait);
    assert_eq!((envelope.status, envelope.job_state.as_deref()), (Status::Timeout, Some("queued")));
    assert_eq!(envelope.running.unwrap().job_id, running.subject);
    let hint = envelope.hint.unwrap();
    let start = format!(
        "Blender works on get_scene_info ({}) since 64 s, blocked in a Blender operation since 12 s, at line 5: bake(). ",
        running.subject
    );
    assert!(hint.starts_with(&start), "{hint}");
}

#[test]
fn a_job_that_waits_for_the_user_says_so_at_the_timeout() {
    let mut world = World::new();
    world.attach("w1", "b1", ACK);
    let wait = world.dispatch_to("b1");
    report(
        &mut world,
        &wait.subject,
        "waiting: modal operator transform.translate",
        &json!({"blender-bus/waits": true}),
    );
    world.pass(30_000);
    let envelope = world.answer(&wait);
    assert_eq!((envelope.job_state.as_deref(), &envelope.running), (Some("queued"), &None));
    assert!(
        envelope.hint.unwrap().starts_with("Blender says of this job: waiting: modal operator transform.translate. ")
    );
}

#[test]
fn it_is_over_with_the_job_and_with_a_report_that_says_nothing_of_it() {
    let (mut world, running) = busy_world();
    report(&mut world, &running.subject, "downloading", &json!({}));
    let wait = waits(world.serve(impatient()));
    world.update("w1", &wait.subject, "completed", "1");
    assert_eq!(world.answer(&wait).status, Status::Completed);
    report(&mut world, &running.subject, WORDS, &json!({"blender-bus/busy": 50}));
    assert_eq!(answered(world.serve(impatient())).status, Status::Busy);
    world.update("w1", &running.subject, "completed", "1");
    waits(world.serve(impatient()));
}

#[test]
fn what_is_no_time_is_not_believed() {
    for strange in [json!(-1), json!("long"), json!(1e300), json!(null), json!(true)] {
        let mut world = World::new();
        world.attach("w1", "b1", ACK);
        let running = world.dispatch_to("b1");
        report(&mut world, &running.subject, "x", &json!({"blender-bus/busy": strange}));
        waits(world.serve(impatient()));
    }
}
