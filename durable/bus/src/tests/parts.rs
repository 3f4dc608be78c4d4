//! A range of frames that a group renders together.

use kernel::access::{Access, Bound};
use kernel::scopes::Scopes;
use serde_json::{Value, json};

use crate::rows::away::{LOST_AFTER_MS, PART_AWAY_MS};
use crate::tests::world::{World, caller};
use crate::turn::effect::Effect;
use crate::wire::command::Caller;

fn join(world: &mut World, socket: &str, uuid: &str) {
    join_with(world, socket, uuid, json!({}));
}

fn join_with(world: &mut World, socket: &str, uuid: &str, more: Value) {
    let mut arguments =
        json!({"client_uuid": uuid, "client_type": "blender", "group_id": "farm", "capabilities": ["job_ack"]});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = world.tool(socket, "blender_register_client", arguments);
    assert_eq!(answer["structuredContent"]["status"], "ok");
}

fn farm(members: usize) -> World {
    let mut world = World::new();
    for number in 1..=members {
        join(&mut world, &format!("w{number}"), &format!("node-{number}"));
    }
    world
}

fn try_render(world: &mut World, first: Value, last: Value) -> Result<Value, String> {
    let params = json!({"frame": first, "frame_end": last, "engine": "cycles"});
    world.call("blender_submit", json!({"command": "render", "params": params, "target_group": "farm"}))
}

fn render(world: &mut World, first: i64, last: i64) -> Value {
    try_render(world, json!(first), json!(last)).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn status(world: &mut World, batch: &Value) -> Value {
    world.call("blender_job_status", json!({"job_id": batch["job_id"]})).unwrap()
}

/// Target, first and last frame of each part.
fn parts(answer: &Value) -> Vec<(String, i64, i64)> {
    let number = |job: &Value, name: &str| job[name].as_i64().unwrap();
    let jobs = answer["jobs"].as_array().unwrap();
    jobs.iter().map(|job| (text(&job["target_uuid"]), number(job, "frame"), number(job, "frame_end"))).collect()
}

fn part(uuid: &str, first: i64, last: i64) -> (String, i64, i64) {
    (uuid.to_owned(), first, last)
}

/// The member leaves, and its time is over.
fn die(world: &mut World, socket: &str) {
    world.leave(socket);
    world.pass(PART_AWAY_MS);
    world.alarm();
}

#[test]
fn each_connected_member_renders_a_part_and_the_answer_is_in_order_of_frames() {
    let mut world = farm(4);
    world.leave("w2");
    world.effects.clear();
    let batch = render(&mut world, -1, 8);
    assert_eq!(parts(&batch), [part("node-1", -1, 2), part("node-3", 3, 5), part("node-4", 6, 8)]);
    let sent = &world.frames("w3")[0]["params"]["data"]["payload"]["params"];
    assert_eq!(*sent, json!({"frame": 3, "frame_end": 5, "engine": "cycles"}));
    for (place, socket) in [(2, "w4"), (0, "w1"), (1, "w3")] {
        assert_ne!(status(&mut world, &batch)["status"], "completed");
        let result = json!({"frames": [place], "image": "x".repeat(700_000)}).to_string();
        world.update(socket, &text(&batch["jobs"][place]["job_id"]), "completed", &result);
    }
    let done = status(&mut world, &batch);
    assert_eq!((&done["status"], parts(&done)), (&json!("completed"), parts(&batch)));
    let results: Vec<_> = done["jobs"].as_array().unwrap().iter().map(|job| job["result"].clone()).collect();
    assert_eq!(results, [r#"{"frames":[0]}"#, r#"{"frames":[1]}"#, r#"{"frames":[2]}"#]);
    assert_eq!(done.get("warning"), None);
}

#[test]
fn fewer_frames_than_members_are_a_frame_each_and_one_member_has_them_all() {
    assert_eq!(parts(&render(&mut farm(3), 7, 8)), [part("node-1", 7, 7), part("node-2", 8, 8)]);
    assert_eq!(parts(&render(&mut farm(1), 1, 2000)), [part("node-1", 1, 2000)]);
}

#[test]
fn a_range_that_cannot_be_shared_is_refused_and_says_why() {
    let mut world = farm(2);
    let refused = |world: &mut World, first: Value, last: Value| try_render(world, first, last).unwrap_err();
    assert!(refused(&mut world, json!(1), json!(1_000_000)).contains("frame_end must be at most 4000"));
    assert!(refused(&mut world, json!(i64::MIN), json!(i64::MAX)).contains("frame_end must be at most"));
    assert!(refused(&mut world, json!(2), json!(1)).contains("frame_end must be at least frame, 2, got 1"));
    assert!(refused(&mut world, Value::Null, json!(9)).contains("frame must be given"));
    assert!(refused(&mut World::new(), json!(1), json!(2)).contains("no member"));
    assert_eq!(try_render(&mut world, json!(1), Value::Null).unwrap()["jobs"][0].get("frame"), None);
    world.leave("w1");
    world.leave("w2");
    assert_eq!(render(&mut world, 1, 2)["status"], "no_client");
}

#[test]
fn a_member_that_stays_away_is_replaced_and_told_to_stop_when_it_is_back() {
    let mut world = farm(3);
    let batch = render(&mut world, 1, 2);
    let lost = text(&batch["jobs"][0]["job_id"]);
    world.progress("w1", &lost, 40);
    world.leave("w1");
    world.pass(PART_AWAY_MS - 1);
    world.alarm();
    assert_eq!(parts(&status(&mut world, &batch)), parts(&batch), "it may still come back");
    world.effects.clear();
    world.pass(1);
    world.alarm();
    let shown = status(&mut world, &batch);
    assert_eq!(parts(&shown), [part("node-3", 1, 1), part("node-2", 2, 2)], "the idle one has it");
    let before = json!([{"job_id": lost, "status": "lost", "target_uuid": "node-1", "error": "node-1 has left"}]);
    assert_eq!(shown["jobs"][0]["tried_before"], before);
    let replacement = text(&shown["jobs"][0]["job_id"]);
    assert_eq!(world.jobs_sent("w3"), [replacement.clone()]);
    let payload = &world.frames("w3")[0]["params"]["data"]["payload"];
    assert_eq!(payload["params"], json!({"frame": 1, "frame_end": 1, "engine": "cycles"}));
    assert_eq!(payload["job_id"], json!(replacement));

    join_with(&mut world, "w9", "node-1", json!({"open_jobs": [lost]}));
    let told: Vec<_> = world.frames("w9").into_iter().filter(|frame| frame.get("id").is_none()).collect();
    assert_eq!((told.len(), &told[0]["params"]["requestId"]), (1, &json!(lost)));
    world.update("w9", &lost, "cancelled", "");
    world.update("w3", &replacement, "completed", "{}");
    world.update("w2", &text(&batch["jobs"][1]["job_id"]), "completed", "{}");
    let done = status(&mut world, &batch);
    assert_eq!((&done["status"], parts(&done)), (&json!("completed"), parts(&shown)));
}

#[test]
fn a_member_that_is_back_in_time_goes_on_and_its_time_begins_anew_when_it_leaves_again() {
    let mut world = farm(2);
    let batch = render(&mut world, 1, 2);
    let first = text(&batch["jobs"][0]["job_id"]);
    world.progress("w1", &first, 40);
    world.leave("w1");
    world.pass(PART_AWAY_MS / 2);
    join_with(&mut world, "w8", "node-1", json!({"open_jobs": [first]}));
    world.leave("w8");
    world.pass(PART_AWAY_MS / 2);
    world.alarm();
    assert_eq!(parts(&status(&mut world, &batch)), parts(&batch));
    world.pass(PART_AWAY_MS / 2);
    world.alarm();
    assert_eq!(parts(&status(&mut world, &batch)), [part("node-2", 1, 1), part("node-2", 2, 2)]);
}

#[test]
fn a_part_that_nobody_can_take_waits_for_a_member_that_connects() {
    let mut world = farm(1);
    let batch = render(&mut world, 1, 9);
    die(&mut world, "w1");
    let waiting = status(&mut world, &batch);
    assert_eq!((&waiting["status"], parts(&waiting)), (&json!("queued"), parts(&batch)));
    join(&mut world, "w7", "node-7");
    world.pass(PART_AWAY_MS);
    world.alarm();
    assert_eq!(parts(&status(&mut world, &batch)), [part("node-7", 1, 9)]);
}

#[test]
fn a_part_that_nobody_takes_for_an_hour_is_lost() {
    let mut world = farm(1);
    let batch = render(&mut world, 1, 9);
    world.leave("w1");
    world.pass(LOST_AFTER_MS);
    world.alarm();
    assert_eq!(status(&mut world, &batch)["status"], "failed");
}

#[test]
fn a_member_that_has_started_again_has_its_part_if_there_is_no_other() {
    let mut world = farm(1);
    let batch = render(&mut world, 1, 9);
    let first = text(&batch["jobs"][0]["job_id"]);
    world.progress("w1", &first, 40);
    world.leave("w1");
    join_with(&mut world, "w2", "node-1", json!({"open_jobs": []}));
    let shown = status(&mut world, &batch);
    assert_eq!(parts(&shown), [part("node-1", 1, 9)]);
    assert_ne!(shown["jobs"][0]["job_id"], json!(first));
    assert_eq!(shown["jobs"][0]["tried_before"][0]["job_id"], json!(first));
}

#[test]
fn a_part_is_sent_to_the_started_member_after_its_registration_is_answered() {
    let mut world = farm(1);
    let batch = render(&mut world, 1, 9);
    world.progress("w1", &text(&batch["jobs"][0]["job_id"]), 40);
    world.leave("w1");
    world.effects.clear();
    join_with(&mut world, "w2", "node-1", json!({"open_jobs": []}));
    let frames = world.frames("w2");
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert_eq!((&frames[0]["id"], &frames[1]["params"]["data"]["payload"]["command"]), (&json!(7), &json!("render")));
}

#[test]
fn three_members_try_a_part_and_no_fourth() {
    let mut world = farm(5);
    let batch = render(&mut world, 1, 1);
    for socket in ["w1", "w2", "w3"] {
        die(&mut world, socket);
    }
    let shown = status(&mut world, &batch);
    assert_eq!(parts(&shown), [part("node-3", 1, 1)]);
    assert_eq!(shown["jobs"][0]["tried_before"].as_array().unwrap().len(), 2);
}

#[test]
fn what_fails_on_one_member_is_tried_by_others_and_not_by_the_same() {
    let mut world = farm(2);
    let batch = render(&mut world, 1, 1);
    world.update("w1", &text(&batch["jobs"][0]["job_id"]), "failed", "");
    let shown = status(&mut world, &batch);
    assert_eq!(parts(&shown), [part("node-2", 1, 1)]);
    assert_eq!(shown["jobs"][0]["tried_before"][0]["status"], "failed");
    world.update("w2", &text(&shown["jobs"][0]["job_id"]), "failed", "");
    let ended = status(&mut world, &batch);
    assert_eq!((&ended["status"], parts(&ended)), (&json!("failed"), parts(&shown)));
}

#[test]
fn a_batch_that_was_cancelled_goes_to_nobody_else() {
    let mut world = farm(3);
    let batch = render(&mut world, 1, 2);
    for (place, socket) in [(0, "w1"), (1, "w2")] {
        world.progress(socket, &text(&batch["jobs"][place]["job_id"]), 10);
    }
    world.call("blender_job_cancel", json!({"job_id": batch["job_id"]})).unwrap();
    world.update("w1", &text(&batch["jobs"][0]["job_id"]), "cancelled", "");
    die(&mut world, "w2");
    let shown = status(&mut world, &batch);
    assert_eq!(parts(&shown), parts(&batch));
    assert_eq!(shown["jobs"][0]["status"], "cancelled");
}

#[test]
fn a_token_for_one_blender_renders_all_on_that_and_on_no_other() {
    let mut world = farm(2);
    let access = Access::new(Scopes::ALL, Some(Bound::Blender("node-2".to_owned())));
    let bound = Caller { scopes: access, ..caller("g-000001") };
    let params = json!({"frame": 1, "frame_end": 4});
    let call = json!({"command": "render", "params": params, "target_group": "farm"});
    let batch = world.call_as(&bound, "blender_submit", call).unwrap();
    assert_eq!(parts(&batch), [part("node-2", 1, 4)]);
    world.effects.clear();
    die(&mut world, "w2");
    assert_eq!(world.jobs_sent("w1"), Vec::<String>::new());
    assert_eq!(parts(&status(&mut world, &batch)), parts(&batch));
}

#[test]
fn who_waits_for_a_batch_is_woken_by_its_parts() {
    let mut world = farm(2);
    let batch = render(&mut world, 1, 2);
    let news = Effect::News { subject: text(&batch["job_id"]) };
    world.effects.clear();
    world.progress("w1", &text(&batch["jobs"][0]["job_id"]), 10);
    assert!(world.effects.contains(&news));
    world.update("w1", &text(&batch["jobs"][0]["job_id"]), "completed", "{}");
    assert!(world.effects.contains(&news));
}

#[test]
fn members_with_different_files_are_told_of() {
    let mut world = farm(2);
    let batch = render(&mut world, 1, 2);
    for (place, socket, name) in [(0, "w1", "a.blend"), (1, "w2", "b.blend")] {
        let result = json!({"blend": {"name": name, "bytes": 7}}).to_string();
        world.update(socket, &text(&batch["jobs"][place]["job_id"]), "completed", &result);
    }
    let warning = text(&status(&mut world, &batch)["warning"]);
    for word in ["node-1", "a.blend", "node-2", "b.blend"] {
        assert!(warning.contains(word), "{warning}");
    }
}
