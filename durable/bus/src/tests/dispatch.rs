//! Dispatches: which peer they go to, and what they answer.

use serde_json::json;

use crate::requests::wait::{GRACE_MS, Verdict};
use crate::tests::world::{START_MS, World};
use crate::wire::envelope::Status;

#[test]
fn without_a_peer_the_answer_is_no_client_with_what_to_do() {
    let envelope = World::new().dispatch_in_vain(None);
    assert_eq!((envelope.status, envelope.job_id), (Status::NoClient, None));
    assert!(envelope.hint.unwrap().contains("Login, then Connect"));
}

#[test]
fn the_only_live_peer_is_picked_and_sent_the_command() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    let frames = world.frames("w1");
    let record = &frames.last().unwrap()["params"];
    assert_eq!((&record["logger"], &record["level"]), (&json!("_message_bus"), &json!("info")));
    let expected = json!({"message_type": "command_dispatch", "job_id": wait.subject,
                          "command": "get_scene_info", "params": {}});
    assert_eq!(record["data"]["payload"], expected);
    assert_eq!(record["data"]["routing"], json!({"type": "direct", "target_uuid": "b1"}));
    assert_eq!(record["data"]["timestamp"], json!(START_MS as f64 / 1000.0));
}

#[test]
fn several_live_peers_are_ambiguous_and_all_named_the_latest_first() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.pass(1_000);
    world.attach("w2", "b2", &[]);
    let envelope = world.dispatch_in_vain(None);
    assert_eq!(envelope.status, Status::AmbiguousTarget);
    assert_eq!(envelope.candidates.unwrap(), ["b2", "b1"]);
}

#[test]
fn latest_is_the_peer_that_connected_last() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.pass(1_000);
    world.attach("w2", "b2", &[]);
    let wait = world.dispatch_to("latest");
    assert_eq!(world.jobs_sent("w2"), [wait.subject]);
}

#[test]
fn a_peer_that_is_registered_but_away_does_not_count_for_auto_pick() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.attach("w2", "b2", &[]);
    world.leave("w1");
    match world.dispatch(None, 30_000) {
        crate::requests::wait::Outcome::Wait(wait) => assert_eq!(world.jobs_sent("w2"), [wait.subject]),
        other => panic!("expected a job, got {other:?}"),
    }
}

#[test]
fn an_unregistered_target_is_unknown_and_the_known_ones_are_named() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let envelope = world.dispatch_in_vain(Some("nobody"));
    assert_eq!(envelope.status, Status::UnknownTarget);
    assert_eq!(envelope.candidates.unwrap(), ["b1"]);
}

#[test]
fn a_completed_job_answers_with_the_result_as_it_was_sent() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    let Verdict::Sleep { until_ms } = world.look(&wait) else { panic!("answered too early") };
    assert_eq!(until_ms, wait.deadline_ms);
    world.update("w1", &wait.subject, "completed", "3\n");
    let envelope = world.answer(&wait);
    assert_eq!((envelope.status, envelope.result.as_str(), envelope.error.as_str()), (Status::Completed, "3\n", ""));
    assert_eq!(envelope.job_id.unwrap(), wait.subject);
}

#[test]
fn a_failed_job_answers_with_its_error() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    let arguments = json!({"job_id": wait.subject, "status": "failed", "error": "Traceback: boom"});
    world.tool("w1", "blender_job_update", arguments);
    let envelope = world.answer(&wait);
    assert_eq!((envelope.status, envelope.error.as_str()), (Status::Failed, "Traceback: boom"));
}

#[test]
fn when_time_is_up_the_job_goes_on_and_its_late_result_is_kept() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let wait = world.dispatch_to("b1");
    world.progress("w1", &wait.subject, 0);
    world.pass(30_000);
    let envelope = world.answer(&wait);
    assert_eq!(envelope.status, Status::Timeout);
    assert_eq!((envelope.job_state.as_deref(), envelope.waited_seconds), (Some("running"), Some(30.0)));
    world.update("w1", &wait.subject, "completed", "late");
    assert_eq!(world.answer(&wait).result, "late");
}

#[test]
fn a_job_that_its_peer_never_took_times_out_as_queued() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let wait = world.dispatch_to("b1");
    world.pass(30_000);
    assert_eq!(world.answer(&wait).job_state.as_deref(), Some("queued"));
}

#[test]
fn a_peer_that_leaves_has_fifteen_seconds_to_come_back() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    world.pass(2_000);
    world.leave("w1");
    assert_eq!(world.look(&wait), Verdict::Sleep { until_ms: world.now_ms + GRACE_MS });
    world.pass(GRACE_MS - 1);
    assert!(matches!(world.look(&wait), Verdict::Sleep { .. }));
    world.pass(1);
    assert_eq!(world.answer(&wait).status, Status::Disconnected);
}

#[test]
fn a_peer_that_is_back_in_time_still_answers() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let wait = world.dispatch_to("b1");
    world.progress("w1", &wait.subject, 0);
    world.leave("w1");
    world.pass(GRACE_MS - 1);
    world.attach("w2", "b1", &["job_ack"]);
    world.pass(GRACE_MS);
    assert!(matches!(world.look(&wait), Verdict::Sleep { .. }));
    world.update("w2", &wait.subject, "completed", "ok");
    assert_eq!(world.answer(&wait).status, Status::Completed);
}

#[test]
fn a_named_peer_that_is_away_is_waited_for_and_gets_the_job_when_it_comes() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.leave("w1");
    let wait = world.dispatch_to("b1");
    assert_eq!(world.look(&wait), Verdict::Sleep { until_ms: world.now_ms + GRACE_MS });
    world.attach("w2", "b1", &[]);
    assert_eq!(world.jobs_sent("w2"), [wait.subject.clone()]);
}

#[test]
fn an_evicted_bus_still_answers_the_job_of_a_socket_that_stayed() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    world.evict(&[("b1", "w1")]);
    world.update("w1", &wait.subject, "completed", "ok");
    assert_eq!(world.answer(&wait).status, Status::Completed);
}

#[test]
fn a_callers_own_name_is_listed_while_it_is_active() {
    let mut world = World::new();
    let listed = world.call("blender_list_available_clients", json!({})).unwrap();
    assert_eq!(listed["ephemeral"][0]["uuid"], "llm-test-client-100000");
    assert_eq!(listed["ephemeral"][0]["client_type"], "llm");
}

#[test]
fn a_clock_that_is_set_back_makes_no_wait_longer() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    world.pass(-3_600_000);
    let until_ms = world.now_ms + 30_000;
    assert_eq!(world.look(&wait), Verdict::Sleep { until_ms });
}
