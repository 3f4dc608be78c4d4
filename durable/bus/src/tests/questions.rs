//! Consent to a job that its Blender asks about.

use serde_json::{Value, json};

use crate::requests::wait::Outcome;
use crate::tests::world::World;
use crate::wire::command::{Command, Reply};
use crate::wire::views::JobsAsked;

/// A Blender with one job, which asks.
fn asking() -> (World, String) {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let job_id = world.dispatch_to("b1").subject;
    report(&mut world, &job_id, true);
    (world, job_id)
}

fn report(world: &mut World, job_id: &str, asks: bool) {
    let meta = if asks { json!({"blender-bus/asks": "consent"}) } else { json!({}) };
    let params = json!({"progressToken": job_id, "progress": 0, "message": "waits", "_meta": meta});
    let frame = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
    world.frame("w1", &frame.to_string());
}

fn asked(world: &mut World) -> Vec<String> {
    let Outcome::Reply(Reply::Overview { overview }) = world.serve(Command::Overview { jobs: JobsAsked::default() })
    else {
        panic!("no overview")
    };
    overview.questions.into_iter().map(|job| job.line.job_id).collect()
}

fn answer(world: &mut World, job_id: &str, allow: bool) -> bool {
    match world.serve(Command::Answer { job_id: job_id.to_owned(), allow }) {
        Outcome::Reply(Reply::Found { found }) => found,
        other => panic!("expected to be told, got {other:?}"),
    }
}

fn told(world: &World) -> Vec<Value> {
    let consents = |frame: &Value| frame["method"] == "notifications/consent";
    world.frames("w1").into_iter().filter(consents).map(|frame| frame["params"].clone()).collect()
}

#[test]
fn the_owners_answer_goes_to_the_blender_that_asks_and_counts_once() {
    let (mut world, job_id) = asking();
    assert_eq!(asked(&mut world), [job_id.as_str()]);
    assert!(answer(&mut world, &job_id, true));
    assert_eq!(told(&world), [json!({"requestId": job_id, "allow": true})]);
    assert_eq!(asked(&mut world), [""; 0]);
    assert!(!answer(&mut world, &job_id, false), "it was answered");
}

#[test]
fn a_question_answered_in_blender_is_closed() {
    let (mut world, job_id) = asking();
    report(&mut world, &job_id, false);
    assert_eq!(asked(&mut world), [""; 0]);
    assert!(!answer(&mut world, &job_id, true));
    assert_eq!(told(&world), [json!(null); 0]);
}

#[test]
fn a_job_that_has_ended_or_never_asked_takes_no_answer() {
    let (mut world, job_id) = asking();
    let other = world.dispatch_to("b1").subject;
    world.update("w1", &job_id, "cancelled", "");
    for job in [job_id.as_str(), other.as_str(), "j-none"] {
        assert!(!answer(&mut world, job, true), "{job}");
    }
    assert_eq!(asked(&mut world), [""; 0]);
}

#[test]
fn an_answer_that_nobody_hears_leaves_the_question_open() {
    let (mut world, job_id) = asking();
    world.leave("w1");
    assert!(!answer(&mut world, &job_id, true));
    assert_eq!(asked(&mut world), [job_id]);
}
