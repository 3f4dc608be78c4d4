//! Guests: what a share link reaches, that the owner is asked first, and that all of it ends with the link.

use kernel::access::{Access, Bound, Guest};
use kernel::storage::Sql;
use serde_json::{Value, json};

use crate::delivery::guests::CONSENT_MS;
use crate::requests::wait::Outcome;
use crate::tests::world::{World, caller};
use crate::turn::effect::Effect;
use crate::wire::command::{Caller, Command, Reply};
use crate::wire::push::{Asked, Kinds, NewBrowser};
use crate::wire::rights::{Guests, TOOLS};
use crate::wire::tables::{BUS_TOOLS, FILE_TOOLS, JOB_TOOLS};
use crate::wire::views::{JobsAsked, Watched};

fn guest(kind: Guest) -> Caller {
    Caller { scopes: Access::of_guest(kind, "b1".to_owned()), ..caller("g-guest") }
}

/// Two Blenders.
fn studio() -> World {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    world.attach("w2", "b2", &["job_ack"]);
    world.effects.clear();
    world
}

fn command(name: &str, params: Value) -> Command {
    Command::Dispatch {
        command: name.to_owned(),
        params,
        target_uuid: None,
        timeout_ms: 30_000,
        or_busy: false,
        request_key: None,
        in_lines: false,
        frame: None,
        task_after_ms: None,
    }
}

fn run(world: &mut World, caller: &Caller, name: &str, params: Value) -> Result<String, String> {
    world.effects.clear();
    match world.serve_as(caller, None, command(name, params)) {
        Outcome::Wait(wait) => Ok(wait.subject),
        Outcome::Reply(Reply::Rejected { message }) => Err(message),
        other => panic!("{other:?}"),
    }
}

fn code(world: &mut World, caller: &Caller) -> Result<String, String> {
    run(world, caller, "execute_code", json!({"code": "print(1)"}))
}

fn status(world: &mut World, job_id: &str) -> Value {
    world.call("blender_job_status", json!({"job_id": job_id})).unwrap()
}

fn answer(world: &mut World, job_id: &str, allow: bool) -> bool {
    world.effects.clear();
    match world.serve_owner(Command::Answer { job_id: job_id.to_owned(), allow }) {
        Outcome::Reply(Reply::Found { found }) => found,
        other => panic!("{other:?}"),
    }
}

fn asked(world: &mut World) -> Vec<String> {
    match world.serve_owner(Command::Overview { jobs: JobsAsked::default() }) {
        Outcome::Reply(Reply::Overview { overview }) => {
            overview.questions.into_iter().map(|job| job.line.job_id).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn watched(world: &mut World, caller: &Caller) -> Watched {
    match world.serve_as(caller, None, Command::Watched) {
        Outcome::Reply(Reply::Watched { watched }) => *watched,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_guest_sends_waits_for_the_owner_and_then_runs_once() {
    let mut world = studio();
    let job_id = code(&mut world, &guest(Guest::Work)).unwrap();
    assert_eq!(world.jobs_sent("w1"), [""; 0], "nothing is sent before the owner has agreed");
    assert_eq!(asked(&mut world), [job_id.as_str()]);
    assert_eq!(status(&mut world, &job_id)["status"], "queued");
    // Whatever else happens to its Blender.
    world.leave("w1");
    world.attach("w3", "b1", &["job_ack"]);
    world.dispatch_to("b1");
    assert!(!world.jobs_sent("w3").contains(&job_id));
    assert!(answer(&mut world, &job_id, true));
    assert_eq!(world.jobs_sent("w3"), [job_id.as_str()]);
    assert!(asked(&mut world).is_empty() && !answer(&mut world, &job_id, true), "one answer counts");
    world.update("w3", &job_id, "completed", "done");
    assert_eq!(status(&mut world, &job_id)["status"], "completed");
}

#[test]
fn a_blender_that_asks_too_is_told_what_the_owner_has_said() {
    let mut world = studio();
    let job_id = code(&mut world, &guest(Guest::Work)).unwrap();
    answer(&mut world, &job_id, true);
    world.effects.clear();
    let params = json!({"progressToken": job_id, "progress": 0, "_meta": {"blender-bus/asks": "consent"}});
    world.frame("w1", &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).to_string());
    let consents: Vec<Value> =
        world.frames("w1").into_iter().filter(|f| f["method"] == "notifications/consent").collect();
    assert_eq!(consents.len(), 1);
    assert_eq!(consents[0]["params"], json!({"requestId": job_id, "allow": true}));
    assert!(asked(&mut world).is_empty(), "nobody is asked twice");
}

#[test]
fn what_the_owner_refuses_or_does_not_answer_never_runs() {
    let mut world = studio();
    let refused = code(&mut world, &guest(Guest::Work)).unwrap();
    assert!(answer(&mut world, &refused, false));
    let late = code(&mut world, &guest(Guest::Work)).unwrap();
    world.now_ms += CONSENT_MS;
    world.alarm();
    for (job_id, reason) in [(&refused, "does not want"), (&late, "within 10 minutes")] {
        let job = world.call("blender_job_result", json!({"job_id": job_id})).unwrap();
        assert_eq!(job["status"], "failed", "{job}");
        assert!(job["error"].as_str().unwrap().contains(reason), "{job}");
        assert!(!answer(&mut world, job_id, true));
    }
    assert_eq!(world.jobs_sent("w1"), [""; 0]);
}

#[test]
fn looking_asks_nobody_and_who_watches_only_looks() {
    let mut world = studio();
    let looks = run(&mut world, &guest(Guest::Work), "get_scene_info", json!({})).unwrap();
    assert_eq!(world.jobs_sent("w1"), [looks]);
    let watcher = Caller { grant_id: "g-watch".to_owned(), ..guest(Guest::Watch) };
    for (name, params) in [
        ("execute_code", json!({"code": "1"})),
        ("get_scene_info", json!({})),
        ("get_viewport_screenshot", json!({"filepath": "/tmp/a.png"})),
        ("get_viewport_screenshot", json!({"max_size": 60_000})),
    ] {
        let refused = run(&mut world, &watcher, name, params).unwrap_err();
        assert!(refused.starts_with("not_shared"), "{refused}");
    }
    let picture = run(&mut world, &watcher, "get_viewport_screenshot", json!({"max_size": 800})).unwrap();
    assert_eq!(world.jobs_sent("w1"), [picture.as_str()]);
    assert!(run(&mut world, &watcher, "get_viewport_screenshot", json!({})).unwrap_err().contains("open jobs"));
    world.update("w1", &picture, "completed", "{}");
    assert!(run(&mut world, &watcher, "get_viewport_screenshot", json!({})).unwrap_err().contains("two seconds"));
    world.now_ms += 2_000;
    assert!(run(&mut world, &watcher, "get_viewport_screenshot", json!({})).is_ok());
}

#[test]
fn a_guest_has_the_tools_of_the_table_and_no_other() {
    let all = BUS_TOOLS.iter().chain(JOB_TOOLS).chain(FILE_TOOLS);
    for tool in all {
        let right = TOOLS.into_iter().find(|right| right.name == tool.name).unwrap();
        for kind in [Guest::Watch, Guest::Work] {
            let mut world = studio();
            let said = world.call_as(&guest(kind), tool.name, json!({}));
            let shared = !matches!(&said, Err(reason) if reason.starts_with("not_shared"));
            assert_eq!(shared, right.guests.include(kind), "{} {kind:?} {said:?}", tool.name);
        }
        assert!(!right.guests.include(Guest::Watch) || right.guests == Guests::All);
    }
}

#[test]
fn a_guest_asks_nothing_that_is_the_owners() {
    for kind in [Guest::Watch, Guest::Work] {
        let job_id = String::new;
        for command in [
            Command::Overview { jobs: JobsAsked::default() },
            Command::Stats,
            Command::Connected,
            Command::Export { after: 0, until: None },
            Command::Answer { job_id: job_id(), allow: true },
            Command::Release { client_uuid: "b1".to_owned() },
            Command::Disconnect { client_uuid: "b1".to_owned() },
            Command::RevokeGrant { grant_id: "g-000001".to_owned() },
            Command::Erase,
        ] {
            let mut world = studio();
            let shown = format!("{command:?}");
            let reply = world.serve_as(&guest(kind), None, command);
            let refused =
                matches!(&reply, Outcome::Reply(Reply::Rejected { message }) if message.starts_with("not_shared"));
            assert!(refused, "{shown}: {reply:?}");
        }
    }
}

#[test]
fn a_guest_agrees_to_nothing_and_cancels_its_own_jobs_alone() {
    let mut world = studio();
    let owners = world.dispatch_to("b1").subject;
    let own = code(&mut world, &guest(Guest::Work)).unwrap();
    let reply = world.serve_as(&guest(Guest::Work), None, Command::Answer { job_id: own.clone(), allow: true });
    assert!(matches!(reply, Outcome::Reply(Reply::Rejected { .. })));
    let refused = world.call_as(&guest(Guest::Work), "blender_job_cancel", json!({"job_id": owners})).unwrap_err();
    assert!(refused.contains("sent by somebody else"), "{refused}");
    let other = Caller { grant_id: "g-another".to_owned(), ..guest(Guest::Work) };
    assert!(world.call_as(&other, "blender_job_cancel", json!({"job_id": own})).is_err());
    assert!(world.call_as(&guest(Guest::Work), "blender_job_cancel", json!({"job_id": own})).is_ok());
    assert_eq!(status(&mut world, &own)["status"], "cancelled");
    assert_eq!(status(&mut world, &owners)["status"], "queued");
}

#[test]
fn a_guest_sees_one_blender_and_its_jobs() {
    let mut world = studio();
    let (own, other) = (world.dispatch_to("b1").subject, world.dispatch_to("b2").subject);
    for kind in [Guest::Watch, Guest::Work] {
        let watched = watched(&mut world, &guest(kind));
        assert_eq!(watched.blender.unwrap().uuid, "b1");
        assert_eq!(watched.jobs.iter().map(|job| job.job_id.as_str()).collect::<Vec<_>>(), [own.as_str()]);
        for (job_id, found) in [(&own, true), (&other, false)] {
            let reply = world.serve_as(&guest(kind), None, Command::Job { job_id: job_id.clone() });
            assert!(matches!(reply, Outcome::Reply(Reply::Job { job }) if job.is_some() == found), "{job_id}");
        }
    }
    let mut to_other = command("execute_code", json!({"code": "1"}));
    if let Command::Dispatch { target_uuid, .. } = &mut to_other {
        *target_uuid = Some("b2".to_owned());
    }
    let reply = world.serve_as(&guest(Guest::Work), None, to_other);
    assert!(
        matches!(&reply, Outcome::Reply(Reply::Rejected { message }) if message.starts_with("beyond_bound")),
        "{reply:?}"
    );
    let submitted = world.call_as(
        &guest(Guest::Work),
        "blender_submit",
        json!({"command": "execute_code", "params": {"code": "1"}, "target_uuid": "b2"}),
    );
    assert!(!format!("{submitted:?}").contains("job_id"), "{submitted:?}");
    assert_eq!(guest(Guest::Work).scopes.bound, Some(Bound::Blender("b1".to_owned())));
}

#[test]
fn a_submitted_job_of_a_guest_waits_as_a_called_one_does() {
    let mut world = studio();
    let call = json!({"command": "execute_code", "params": {"code": "1"}});
    let made = world.call_as(&guest(Guest::Work), "blender_submit", call).unwrap();
    let job_id = made["job_id"].as_str().unwrap().to_owned();
    assert_eq!(world.jobs_sent("w1"), [""; 0]);
    assert_eq!(asked(&mut world), [job_id.as_str()]);
    assert!(answer(&mut world, &job_id, true));
    assert_eq!(world.jobs_sent("w1"), [job_id]);
}

#[test]
fn a_guest_has_ten_jobs_open_at_most() {
    let mut world = studio();
    for _ in 0..10 {
        code(&mut world, &guest(Guest::Work)).unwrap();
    }
    assert!(code(&mut world, &guest(Guest::Work)).unwrap_err().contains("10 open jobs"));
    let other = Caller { grant_id: "g-another".to_owned(), ..guest(Guest::Work) };
    assert!(code(&mut world, &other).is_ok(), "each link has its own");
}

#[test]
fn with_its_link_everything_of_a_guest_ends() {
    let mut world = studio();
    let waits = code(&mut world, &guest(Guest::Work)).unwrap();
    let runs = code(&mut world, &guest(Guest::Work)).unwrap();
    answer(&mut world, &runs, true);
    world.progress("w1", &runs, 10);
    let owners = world.dispatch_to("b1").subject;
    world.effects.clear();
    world.serve_owner(Command::RevokeGrant { grant_id: "g-guest".to_owned() });
    assert_eq!(status(&mut world, &waits)["status"], "cancelled");
    let cancelled: Vec<Value> =
        world.frames("w1").into_iter().filter(|f| f["method"] == "notifications/cancelled").collect();
    assert_eq!(cancelled.len(), 1, "what runs is asked to stop");
    assert_eq!(cancelled[0]["params"]["requestId"], json!(runs));
    assert_eq!(status(&mut world, &owners)["status"], "queued");
    let reply = world.serve_as(&guest(Guest::Work), None, Command::Watched);
    assert!(matches!(reply, Outcome::Reply(Reply::Revoked)), "{reply:?}");
}

#[test]
fn an_ordinary_grant_that_ends_leaves_its_jobs() {
    let mut world = studio();
    let job_id = world.dispatch_to("b1").subject;
    world.serve_owner(Command::RevokeGrant { grant_id: "g-000001".to_owned() });
    let rows = world.sql.query("SELECT state FROM jobs WHERE job_id = ?", kernel::params![job_id]).unwrap();
    assert_ne!(rows[0].text(0).unwrap(), "cancelled");
}

#[test]
fn the_owners_browsers_are_told_of_a_guests_question_once() {
    let mut world = studio();
    let browser = NewBrowser {
        endpoint: "https://push.acme.dev/1".to_owned(),
        p256dh: "key".to_owned(),
        auth: "auth".to_owned(),
        name: "Firefox on Android".to_owned(),
        site: "https://bus.acme.dev".to_owned(),
        kinds: Kinds { asks: true, ends: false },
    };
    world.serve_owner(Command::Push { asked: Asked::Add { browser } });
    let pushed = |world: &World| world.effects.iter().filter(|effect| matches!(effect, Effect::Push(_))).count();
    let job_id = code(&mut world, &guest(Guest::Work)).unwrap();
    assert_eq!(pushed(&world), 1);
    answer(&mut world, &job_id, true);
    world.effects.clear();
    let params = json!({"progressToken": job_id, "progress": 0, "_meta": {"blender-bus/asks": "consent"}});
    world.frame("w1", &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).to_string());
    assert_eq!(pushed(&world), 0, "the owner has answered");
}
