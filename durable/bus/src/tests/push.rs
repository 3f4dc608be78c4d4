//! Notifications in the owner's browsers: of what, how often, and what becomes of each.

use kernel::storage::Sql;
use serde_json::{Value, json};

use crate::push::outbox::{Outcome as Sent, settle};
use crate::requests::wait::Outcome;
use crate::tests::world::World;
use crate::turn::effect::{Effect, Push};
use crate::wire::command::{Command, Reply};
use crate::wire::push::{Answered, Asked, Browser, Kinds, NewBrowser};

const BOTH: Kinds = Kinds { asks: true, ends: true };
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn asked(world: &mut World, asked: Asked) -> Result<Answered, String> {
    match world.serve_owner(Command::Push { asked }) {
        Outcome::Reply(Reply::Push { answered }) => Ok(answered),
        Outcome::Reply(Reply::Rejected { message }) => Err(message),
        other => panic!("expected to be told, got {other:?}"),
    }
}

fn try_add(world: &mut World, endpoint: &str, kinds: Kinds) -> Result<String, String> {
    let new = NewBrowser {
        endpoint: format!("https://push.acme.dev/{endpoint}"),
        p256dh: "key".to_owned(),
        auth: "auth".to_owned(),
        name: "Firefox on Android".to_owned(),
        site: "https://bus.acme.dev".to_owned(),
        kinds,
    };
    match asked(world, Asked::Add { browser: new })? {
        Answered::Added { browser_id } => Ok(browser_id),
        other => panic!("expected an id, got {other:?}"),
    }
}

fn add(world: &mut World, endpoint: &str, kinds: Kinds) -> String {
    try_add(world, endpoint, kinds).unwrap()
}

fn browsers(world: &mut World) -> Vec<Browser> {
    match asked(world, Asked::List).unwrap() {
        Answered::Browsers { browsers } => browsers,
        other => panic!("expected browsers, got {other:?}"),
    }
}

/// What was sent since effects were last cleared, and clears them.
fn sent(world: &mut World) -> Vec<Push> {
    let effects = core::mem::take(&mut world.effects);
    let push = |effect| if let Effect::Push(push) = effect { Some(*push) } else { None };
    effects.into_iter().filter_map(push).collect()
}

fn said(push: &Push) -> Value {
    serde_json::from_str(&push.payload).unwrap()
}

fn settled(world: &mut World, push: &Push, outcome: Sent) {
    world.turn(|turn| settle(turn, &push.push_id, outcome)).unwrap();
}

fn count(world: &World, table: &str) -> usize {
    world.sql.query(&format!("SELECT 1 FROM {table}"), &[]).unwrap().len()
}

/// A Blender with one job.
fn at_work() -> (World, String) {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let job_id = world.dispatch_to("b1").subject;
    world.effects.clear();
    (world, job_id)
}

fn ask(world: &mut World, job_id: &str, message: &str) {
    let meta = json!({"blender-bus/asks": "consent"});
    let params = json!({"progressToken": job_id, "progress": 0, "message": message, "_meta": meta});
    let frame = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
    world.frame("w1", &frame.to_string());
}

/// Ends jobs, and returns what was sent.
fn end_each(world: &mut World, job_ids: &[String], status: &str) -> Vec<Push> {
    let mut told = Vec::new();
    for job_id in job_ids {
        world.update("w1", job_id, status, "the secret result");
        told.append(&mut sent(world));
    }
    told
}

#[test]
fn a_question_is_told_once_to_each_browser_that_wants_to_know() {
    let (mut world, job_id) = at_work();
    add(&mut world, "phone", Kinds { asks: true, ends: false });
    add(&mut world, "desk", BOTH);
    add(&mut world, "laptop", Kinds { asks: false, ends: true });
    add(&mut world, "nothing", Kinds::default());
    ask(&mut world, &job_id, "print('secret')");
    let told = sent(&mut world);
    let mut endpoints: Vec<&str> = told.iter().map(|push| push.endpoint.as_str()).collect();
    endpoints.sort_unstable();
    assert_eq!(endpoints, ["https://push.acme.dev/desk", "https://push.acme.dev/phone"]);
    let push = &told[0];
    assert_eq!((push.urgency.as_str(), push.ttl_s), ("high", 600), "it is refused after ten minutes");
    let path = format!("/dashboard/job?id={job_id}");
    let expected = json!({"title": "Blender asks you", "body": "May get_scene_info run in b1?", "path": path,
                          "tag": format!("asks {job_id}")});
    assert_eq!(said(push), expected, "and nothing of what the Blender says");
    ask(&mut world, &job_id, "still");
    world.progress("w1", &job_id, 3);
    ask(&mut world, &job_id, "again");
    assert_eq!(sent(&mut world), []);
}

#[test]
fn a_long_job_that_has_ended_is_told_once_and_a_short_or_cancelled_one_never() {
    for (status, after_ms, title) in [
        ("completed", 60_000, Some("A job is done")),
        ("failed", 3_600_000, Some("A job has failed")),
        ("completed", 59_999, None),
        ("cancelled", 600_000, None),
    ] {
        let (mut world, job_id) = at_work();
        add(&mut world, "desk", Kinds { asks: false, ends: true });
        world.pass(after_ms);
        let told = end_each(&mut world, &[job_id.clone(), job_id], status);
        assert_eq!(told.iter().map(said).map(|said| said["title"].clone()).collect::<Vec<_>>(), Vec::from_iter(title));
        assert!(told.iter().all(|push| push.urgency == "normal" && !push.payload.contains("secret")));
    }
}

#[test]
fn a_lost_job_whose_answer_comes_later_is_told_as_lost_alone() {
    let (mut world, job_id) = at_work();
    add(&mut world, "desk", BOTH);
    world.leave("w1");
    world.pass(60 * 60 * 1_000);
    world.alarm();
    let told = sent(&mut world);
    assert_eq!(told.iter().map(said).map(|said| said["title"].clone()).collect::<Vec<_>>(), ["A job is lost"]);
    world.attach("w2", "b1", &["job_ack"]);
    world.update("w2", &job_id, "completed", "");
    assert_eq!(sent(&mut world), []);
}

#[test]
fn who_wants_no_notifications_costs_no_row() {
    let (mut world, job_id) = at_work();
    ask(&mut world, &job_id, "may I");
    world.pass(100_000);
    world.update("w1", &job_id, "completed", "");
    assert_eq!(sent(&mut world), []);
    for table in ["push_browsers", "push_messages", "push_pace", "timers WHERE kind LIKE 'push%'"] {
        assert_eq!(count(&world, table), 0, "{table}");
    }
}

#[test]
fn names_of_others_are_cut_and_a_path_stays_one_of_this_server() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    add(&mut world, "desk", BOTH);
    let job_id = format!("//evil.example/?a=1&b#{}", "x".repeat(100));
    let payload = json!({"message_type": "command_dispatch", "job_id": job_id, "command": "y".repeat(5_000),
                         "params": {}});
    world.call("blender_send_message", json!({"payload": payload, "target_uuid": "b1"})).unwrap();
    world.effects.clear();
    ask(&mut world, &job_id, "may I");
    let told = sent(&mut world);
    let said = said(&told[0]);
    let path = said["path"].as_str().unwrap();
    assert!(path.starts_with("/dashboard/job?id=%2F%2Fevil.example%2F%3Fa%3D1%26b%23xxx"), "{path}");
    assert!(told[0].payload.len() < 2_000, "a push service takes 4 KB at most");
}

#[test]
fn beyond_five_a_minute_the_rest_is_one_notification() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    add(&mut world, "desk", BOTH);
    let jobs: Vec<String> = (0..18).map(|_| world.dispatch_to("b1").subject).collect();
    world.pass(61_000);
    world.effects.clear();
    assert_eq!(end_each(&mut world, &jobs[..17], "completed").len(), 5);
    ask(&mut world, &jobs[17], "a question is another kind");
    assert_eq!(said(&sent(&mut world)[0])["title"], "Blender asks you");
    world.pass(59_000);
    world.alarm();
    assert_eq!(sent(&mut world), []);
    world.pass(1_000);
    world.alarm();
    let told = sent(&mut world);
    let rest: Vec<_> = told.iter().map(said).filter(|said| said["title"] == "Jobs have ended").collect();
    let expected = json!({"title": "Jobs have ended", "body": "And 12 more jobs that have ended",
                          "path": "/dashboard", "tag": "ends rest"});
    assert_eq!(rest, [expected]);
    world.update("w1", &jobs[17], "completed", "");
    assert_eq!(said(&sent(&mut world)[0])["title"], "A job is done", "the next minute has room again");
}

#[test]
fn what_is_taken_leaves_no_row_and_no_timer() {
    let (mut world, job_id) = at_work();
    add(&mut world, "desk", BOTH);
    ask(&mut world, &job_id, "may I");
    let told = sent(&mut world);
    assert_eq!((count(&world, "push_messages"), count(&world, "timers WHERE kind = 'push'")), (1, 1));
    assert_eq!(browsers(&mut world)[0].reached_ms, None);
    settled(&mut world, &told[0], Sent::Accepted);
    assert_eq!((count(&world, "push_messages"), count(&world, "timers WHERE kind = 'push'")), (0, 0));
    assert_eq!(browsers(&mut world)[0].reached_ms, Some(world.now_ms));
    settled(&mut world, &told[0], Sent::Gone);
    assert_eq!(browsers(&mut world).len(), 1, "an answer that comes twice counts once");
}

#[test]
fn a_browser_that_is_gone_is_forgotten_with_all_that_was_on_its_way() {
    let (mut world, job_id) = at_work();
    let (gone, stays) = (add(&mut world, "gone", BOTH), add(&mut world, "stays", BOTH));
    asked(&mut world, Asked::Test { browser_id: gone }).unwrap();
    ask(&mut world, &job_id, "may I");
    let told = sent(&mut world);
    settled(&mut world, told.iter().find(|push| push.endpoint.ends_with("gone")).unwrap(), Sent::Gone);
    assert_eq!(browsers(&mut world).into_iter().map(|browser| browser.browser_id).collect::<Vec<_>>(), [stays]);
    assert_eq!((count(&world, "push_messages"), count(&world, "timers WHERE kind = 'push'")), (1, 1));
}

#[test]
fn a_push_service_that_fails_is_asked_again_a_few_times_by_the_alarm() {
    let (mut world, job_id) = at_work();
    add(&mut world, "desk", BOTH);
    world.pass(70_000);
    world.update("w1", &job_id, "completed", "");
    let first = sent(&mut world).remove(0);
    for pause_ms in [15_000, 60_000, 240_000] {
        settled(&mut world, &first, Sent::Later { after_ms: None });
        world.pass(pause_ms - 1);
        world.alarm();
        assert_eq!(sent(&mut world), []);
        world.pass(1);
        world.alarm();
        let again = sent(&mut world);
        assert_eq!(again.len(), 1);
        assert!(again[0].push_id == first.push_id && again[0].ttl_s < first.ttl_s, "it is worth less by now");
    }
    settled(&mut world, &first, Sent::Later { after_ms: None });
    assert_eq!((count(&world, "push_messages"), count(&world, "timers WHERE kind = 'push'")), (0, 0));
    assert_eq!(browsers(&mut world)[0].failing_ms, Some(world.now_ms));
}

#[test]
fn a_push_service_may_ask_for_patience_but_not_past_the_use_of_a_message() {
    let (mut world, job_id) = at_work();
    add(&mut world, "desk", BOTH);
    ask(&mut world, &job_id, "may I");
    let push = sent(&mut world).remove(0);
    settled(&mut world, &push, Sent::Later { after_ms: Some(300_000) });
    world.pass(299_999);
    world.alarm();
    assert_eq!(sent(&mut world), []);
    world.pass(1);
    world.alarm();
    assert_eq!(sent(&mut world).len(), 1);
    settled(&mut world, &push, Sent::Later { after_ms: Some(i64::MAX) });
    assert_eq!(count(&world, "push_messages"), 0, "the question is refused by then");
}

#[test]
fn a_message_of_which_nobody_knows_what_became_is_sent_again_and_a_refused_one_is_not() {
    let (mut world, job_id) = at_work();
    add(&mut world, "desk", BOTH);
    ask(&mut world, &job_id, "may I");
    sent(&mut world);
    world.evict(&[("b1", "w1")]);
    world.pass(60_000);
    world.alarm();
    let again = sent(&mut world);
    assert_eq!(again.len(), 1);
    settled(&mut world, &again[0], Sent::Refused);
    assert_eq!((count(&world, "push_messages"), count(&world, "timers WHERE kind = 'push'")), (0, 0));
}

#[test]
fn a_browser_that_fails_or_is_unused_for_long_goes_when_there_is_other_work() {
    let (mut world, job_id) = at_work();
    for name in ["fails", "works"] {
        add(&mut world, name, BOTH);
    }
    world.pass(70_000);
    world.update("w1", &job_id, "completed", "");
    for push in sent(&mut world) {
        let fails = push.endpoint.ends_with("fails");
        settled(&mut world, &push, if fails { Sent::Refused } else { Sent::Accepted });
    }
    world.pass(7 * DAY_MS - 1);
    assert_eq!(browsers(&mut world).len(), 2);
    world.pass(1);
    assert_eq!(browsers(&mut world).len(), 1);
    world.pass(173 * DAY_MS);
    world.alarm();
    assert_eq!(count(&world, "push_browsers"), 0, "what is not used for half a year goes by the clean-up");
}

#[test]
fn browsers_wake_no_object_while_nothing_happens() {
    let mut world = World::new();
    add(&mut world, "desk", BOTH);
    assert_eq!(count(&world, "timers"), 0);
}

#[test]
fn ten_browsers_at_most_and_the_same_one_counts_once() {
    let mut world = World::new();
    let first = add(&mut world, "0", BOTH);
    (1..10).for_each(|number| drop(add(&mut world, &number.to_string(), BOTH)));
    assert_eq!(add(&mut world, "0", Kinds::default()), first);
    let refused = try_add(&mut world, "10", BOTH).unwrap_err();
    assert!(refused.contains("10 browsers") && refused.contains("remove one"), "{refused}");
    assert_eq!(browsers(&mut world).iter().filter(|browser| browser.kinds == BOTH).count(), 9);
}

#[test]
fn a_test_goes_to_one_browser_and_a_few_times_a_minute() {
    let mut world = World::new();
    add(&mut world, "desk", BOTH);
    let phone = add(&mut world, "phone", Kinds::default());
    let test = |world: &mut World, browser_id: &str| asked(world, Asked::Test { browser_id: browser_id.to_owned() });
    assert_eq!(test(&mut world, "w-of-another"), Ok(Answered::Found { found: false }));
    for _ in 0..5 {
        assert_eq!(test(&mut world, &phone), Ok(Answered::Found { found: true }));
        let told = sent(&mut world);
        assert_eq!((told.len(), told[0].endpoint.as_str()), (1, "https://push.acme.dev/phone"));
    }
    assert!(test(&mut world, &phone).unwrap_err().contains("wait a minute"));
    world.pass(60_000);
    assert_eq!(test(&mut world, &phone), Ok(Answered::Found { found: true }));
}

#[test]
fn a_browser_is_changed_and_removed_by_its_id_alone_or_with_all_others() {
    let mut world = World::new();
    let ids: Vec<String> = ["a", "b", "c"].map(|name| add(&mut world, name, BOTH)).into();
    let found = |answered| assert_eq!(answered, Ok(Answered::Found { found: true }));
    let none = |answered| assert_eq!(answered, Ok(Answered::Found { found: false }));
    let kinds = Kinds { asks: true, ends: false };
    found(asked(&mut world, Asked::Choose { browser_id: ids[0].clone(), kinds }));
    none(asked(&mut world, Asked::Choose { browser_id: "w-of-another".to_owned(), kinds }));
    assert_eq!(browsers(&mut world).iter().filter(|browser| browser.kinds == kinds).count(), 1);
    none(asked(&mut world, Asked::Remove { browser_id: "w-of-another".to_owned() }));
    found(asked(&mut world, Asked::Remove { browser_id: ids[1].clone() }));
    found(asked(&mut world, Asked::RemoveOthers { but: Some(ids[2].clone()) }));
    assert_eq!(browsers(&mut world).into_iter().map(|browser| browser.browser_id).collect::<Vec<_>>(), ids[2..]);
    found(asked(&mut world, Asked::RemoveOthers { but: None }));
    assert_eq!(browsers(&mut world), []);
}

#[test]
fn an_erased_bus_forgets_its_browsers_and_what_comes_back_writes_nothing() {
    let (mut world, job_id) = at_work();
    add(&mut world, "desk", BOTH);
    ask(&mut world, &job_id, "may I");
    let told = sent(&mut world);
    world.turn(crate::rows::revocations::erase).unwrap();
    for outcome in [Sent::Later { after_ms: None }, Sent::Accepted, Sent::Refused, Sent::Gone] {
        settled(&mut world, &told[0], outcome);
    }
    for table in ["push_browsers", "push_messages", "push_pace", "timers WHERE kind LIKE 'push%'"] {
        assert_eq!(count(&world, table), 0, "{table}");
    }
}

#[test]
fn an_export_names_browsers_without_what_it_takes_to_reach_them() {
    let mut world = World::new();
    add(&mut world, "secret-endpoint", BOTH);
    let Outcome::Reply(Reply::Export { page }) = world.serve_owner(Command::Export { after: 0, until: None }) else {
        panic!("no export")
    };
    let text = serde_json::to_string(&page).unwrap();
    assert!(text.contains("Firefox on Android") && !text.contains("secret-endpoint"), "{text}");
}

#[test]
fn what_it_takes_to_reach_a_browser_is_not_in_what_is_printed() {
    let mut world = World::new();
    let browser_id = add(&mut world, "secret-endpoint", BOTH);
    asked(&mut world, Asked::Test { browser_id }).unwrap();
    let printed = format!("{:?}", world.effects);
    assert!(printed.contains("Push") && !printed.contains("secret-endpoint"), "{printed}");
}
