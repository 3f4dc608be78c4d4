//! Tokens that are bound to one Blender or to one group: no other client is there for them, whatever they call.

use kernel::access::{Access, Bound};
use kernel::scopes::Scopes;
use kernel::storage::Sql;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use crate::requests::wait::{Outcome, Verdict};
use crate::tests::world::{World, caller, dispatch_command};
use crate::wire::command::{Caller, Command, Reply};
use crate::wire::rights::{Left, TOOLS};
use crate::wire::tables::{BUS_TOOLS, JOB_TOOLS};
use crate::wire::topics::{Listener, Subscription, Topic};

const OWN: &str = "node-1";
const OTHER: &str = "boss";

/// The same grant for all, so that what is refused is refused for the bound alone.
fn bound(scopes: Scopes, to: Bound) -> Caller {
    Caller { scopes: Access::new(scopes, Some(to)), ..caller("g-000001") }
}

fn to_own(by_group: bool) -> Bound {
    if by_group { Bound::Group("farm".to_owned()) } else { Bound::Blender(OWN.to_owned()) }
}

fn registration(uuid: &str, group_id: Option<&str>) -> Value {
    json!({"client_uuid": uuid, "client_type": "blender", "is_persistent": true, "group_id": group_id})
}

/// Two Blenders with a job each; the ids of the jobs.
fn studio() -> (World, String, String) {
    let mut world = World::new();
    for (socket, uuid, group) in [("w1", OWN, Some("farm")), ("w2", OTHER, Some("desk"))] {
        let answer = world.tool(socket, "blender_register_client", registration(uuid, group));
        assert_eq!(answer["isError"], false, "{answer}");
    }
    let (own, other) = (world.dispatch_to(OWN).subject, world.dispatch_to(OTHER).subject);
    (world, own, other)
}

fn arguments(name: &str, uuid: &str, job_id: &str) -> Value {
    match name {
        "blender_register_client" => registration(uuid, Some(if uuid == OWN { "farm" } else { "desk" })),
        "blender_unregister_client" | "blender_receive_messages" => json!({"client_uuid": uuid}),
        "blender_send_message" => json!({"payload": {}, "target_uuid": uuid}),
        "blender_job_update" => json!({"job_id": job_id, "status": "completed", "result": "x"}),
        "blender_submit" => json!({"command": "get_scene_info", "params": {}, "target_uuid": uuid}),
        "blender_job_status" | "blender_job_result" | "blender_job_cancel" => json!({"job_id": job_id}),
        _ => json!({}),
    }
}

/// What a client that the token is not bound to is and has.
fn state_of_other(world: &World) -> String {
    let read = |statement: &str| format!("{:?}", world.sql.query(statement, &[]).unwrap());
    let live = world.presence.get(OTHER).map(|other| other.socket_id.clone());
    let jobs = read("SELECT job_id, state FROM jobs WHERE target_uuid = 'boss'");
    let client = read("SELECT uuid, client_type, group_id, grant_id FROM clients WHERE uuid = 'boss'");
    format!("{live:?} {jobs} {client} {}", read("SELECT message FROM inbox WHERE client_uuid = 'boss'"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a bound token calls, over HTTP or its socket, it is left what the table says.
    #[test]
    fn a_bound_token_has_what_the_table_leaves_it(tool in 0..TOOLS.len(), by_group in any::<bool>(), own in any::<bool>(), over_socket in any::<bool>()) {
        let (mut world, own_job, other_job) = studio();
        let right = TOOLS[tool];
        let (uuid, job_id) = if own { (OWN, &own_job) } else { (OTHER, &other_job) };
        let before = state_of_other(&world);
        let caller = bound(Scopes::ALL, to_own(by_group));
        // The edge asks another object about files.
        let mut served = BUS_TOOLS.iter().chain(if over_socket { &[] } else { JOB_TOOLS });
        let is_served = served.any(|served| served.name == right.name);
        let sent = arguments(right.name, uuid, job_id);
        let answer = if over_socket {
            // A socket registered as another client refuses that one anyway.
            let socket = if right.name == "blender_register_client" { "w3" } else { "w1" };
            let result = world.tool_as(&caller, socket, right.name, sent);
            let text = result["content"][0]["text"].as_str().unwrap_or_default().to_owned();
            if result["isError"] == false { Ok(text) } else { Err(text) }
        } else {
            world.call_as(&caller, right.name, sent).map(|document| document.to_string())
        };
        let said = format!("{} {answer:?}", right.name);
        prop_assert_eq!(&state_of_other(&world), &before, "{}", &said);
        if own || !is_served {
            prop_assert!(!said.contains("beyond_bound") && answer.is_ok() == is_served, "{}", &said);
        }
        if !own && is_served && right.bound == Left::Named {
            prop_assert!(answer.is_err() && said.contains("beyond_bound"), "{}", &said);
        }
        if right.bound == Left::Found {
            prop_assert!(!said.contains(OTHER), "{}", &said);
        }
    }
}

#[test]
fn a_dispatch_finds_only_what_its_token_is_bound_to() {
    for by_group in [false, true] {
        let (mut world, ..) = studio();
        let caller = bound(Scopes::FOR_CLIENTS, to_own(by_group));
        for target in [None, Some("latest"), Some(OWN)] {
            let Outcome::Wait(wait) = world.serve_as(&caller, None, dispatch_command(target, 1_000)) else {
                panic!("no job for {target:?}")
            };
            let target = world.sql.query("SELECT target_uuid FROM jobs ORDER BY seq DESC LIMIT 1", &[]).unwrap();
            assert_eq!((target[0].text(0).unwrap().as_str(), wait.bound), (OWN, Some(to_own(by_group))));
        }
        for target in [OTHER, "nobody"] {
            let Outcome::Reply(Reply::Rejected { message }) =
                world.serve_as(&caller, None, dispatch_command(Some(target), 1_000))
            else {
                panic!("{target} was found")
            };
            assert!(message.contains("beyond_bound") && !message.contains("node-2"), "{message}");
        }
    }
}

#[test]
fn a_node_registers_its_own_uuid_or_members_of_its_group_and_nothing_else() {
    let mut world = World::new();
    let error = |answer: Value| answer["content"][0]["text"].as_str().unwrap_or_default().contains("beyond_bound");
    let mut register = |caller: &Caller, socket: &str, uuid: &str, group: Option<&str>| {
        error(world.tool_as(caller, socket, "blender_register_client", registration(uuid, group)))
    };
    let node = bound(Scopes::PEER, Bound::Blender(OWN.to_owned()));
    assert!(register(&node, "w1", OTHER, None));
    assert!(!register(&node, "w1", OWN, Some("any")));
    let farm = bound(Scopes::PEER, Bound::Group("farm".to_owned()));
    assert!(register(&farm, "w2", "node-2", None) && register(&farm, "w2", "node-2", Some("desk")));
    assert!(!register(&farm, "w2", "node-2", Some("farm")));
    // One that is registered elsewhere is not drawn in, though its name is the same grant's.
    assert!(register(&farm, "w3", OWN, Some("farm")));
}

#[test]
fn a_name_that_others_have_left_jobs_under_is_not_taken_up_by_a_group() {
    let (mut world, _, other_job) = studio();
    world.update("w2", &other_job, "completed", "theirs");
    world.call("blender_unregister_client", json!({"client_uuid": OTHER})).unwrap();
    let caller = bound(Scopes::ALL, Bound::Group("farm".to_owned()));
    let taken_up = world.call_as(&caller, "blender_register_client", registration(OTHER, Some("farm")));
    assert!(taken_up.unwrap_err().contains("beyond_bound"));
    let jobs = world.call_as(&caller, "blender_list_jobs", json!({})).unwrap();
    assert!(!jobs.to_string().contains("theirs"), "{jobs}");
}

#[test]
fn jobs_of_others_are_neither_found_by_key_or_id_nor_replaced() {
    let (mut world, _, other_job) = studio();
    let caller = bound(Scopes::ALL, Bound::Blender(OWN.to_owned()));
    let keyed = json!({"command": "get_scene_info", "params": {}, "target_uuid": OTHER, "idempotency_key": "k"});
    world.call("blender_submit", keyed).unwrap();
    let again = json!({"command": "get_scene_info", "params": {}, "target_uuid": OWN, "idempotency_key": "k"});
    assert!(world.call_as(&caller, "blender_submit", again).unwrap_err().contains("in use"));
    let payload = json!({"message_type": "job_dispatch", "job_id": other_job, "code": "x"});
    world.update("w2", &other_job, "completed", "theirs");
    let send = json!({"target_uuid": OWN, "payload": payload});
    assert!(world.call_as(&caller, "blender_send_message", send).unwrap_err().contains("in use"));
    assert_eq!(world.call("blender_job_result", json!({"job_id": other_job})).unwrap()["result"], "theirs");
    let task = world.serve_as(&caller, None, Command::Task { task_id: other_job.clone() });
    assert_eq!(task, Outcome::Reply(Reply::Task { task: None }));
    let cancel = world.serve_as(&caller, None, Command::CancelTask { task_id: other_job });
    assert_eq!(cancel, Outcome::Reply(Reply::Task { task: None }));
}

#[test]
fn a_message_to_all_goes_to_those_that_are_reached() {
    let (mut world, ..) = studio();
    let caller = bound(Scopes::ALL, Bound::Group("farm".to_owned()));
    for wanted in [json!({}), json!({"client_type": "blender"}), json!({"group_id": "farm"})] {
        let mut send = wanted.clone();
        send["payload"] = json!({});
        assert_eq!(world.call_as(&caller, "blender_send_message", send).unwrap()["targets"], json!([OWN]), "{wanted}");
    }
    let send = json!({"payload": {}, "group_id": "desk"});
    assert_eq!(world.call_as(&caller, "blender_send_message", send).unwrap()["targets"], json!([]));
    let named = json!({"payload": {}, "target_uuid": OWN, "from_uuid": OTHER});
    assert!(world.call_as(&caller, "blender_send_message", named).unwrap_err().contains("beyond_bound"));
    let submit = json!({"command": "get_scene_info", "params": {}, "target_group": "desk"});
    assert!(world.call_as(&caller, "blender_submit", submit).unwrap_err().contains("no member"));
    let update = json!({"job_id": "unknown", "status": "completed"});
    assert!(world.call_as(&caller, "blender_job_update", update).is_err());
}

#[test]
fn lists_and_numbers_are_of_what_is_reached() {
    let (mut world, own_job, _) = studio();
    for by_group in [false, true] {
        let caller = bound(Scopes::BUS_READ, to_own(by_group));
        for command in [Command::Clients, Command::Stats] {
            let Outcome::Reply(Reply::Document { document }) = world.serve_as(&caller, None, command) else { panic!() };
            assert!(!document.to_string().contains(OTHER), "{document}");
            if let Some(pending) = document.get("pending_jobs_for_user") {
                assert_eq!((pending, &document["persistent_count"]), (&json!(1), &json!(1)));
            }
        }
        let jobs = world.call_as(&caller, "blender_list_jobs", json!({})).unwrap();
        assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1, "{jobs}");
        assert_eq!(jobs["jobs"][0]["job_id"], json!(own_job));
    }
}

#[test]
fn who_waits_for_a_batch_sees_its_own_part_alone_to_the_end() {
    let (mut world, ..) = studio();
    world.tool("w2", "blender_register_client", registration(OTHER, Some("farm")));
    let submit = json!({"command": "get_scene_info", "params": {}, "target_group": "farm"});
    let batch = world.call("blender_submit", submit).unwrap()["job_id"].clone();
    let caller = bound(Scopes::BUS_READ, Bound::Blender(OWN.to_owned()));
    let status = json!({"job_id": batch, "wait_seconds": 5});
    let command = Command::Tool { name: "blender_job_status".to_owned(), arguments: status };
    let Outcome::Wait(wait) = world.serve_as(&caller, None, command) else { panic!("answered at once") };
    assert!(matches!(world.look(&wait), Verdict::Sleep { .. }), "what others have is no news");
    world.pass(5_000);
    let Verdict::Answer(Reply::Document { document }) = world.look(&wait) else { panic!("still waits") };
    assert!(!document.to_string().contains(OTHER), "{document}");
}

#[test]
fn news_of_others_reaches_no_session_and_no_stream() {
    let (mut world, own_job, other_job) = studio();
    let caller = bound(Scopes::BUS_READ, Bound::Blender(OWN.to_owned()));
    let open = Command::OpenSession { protocol_version: "2025-11-25".to_owned(), client_name: "w".to_owned() };
    let Outcome::Reply(Reply::Session { session_id, .. }) = world.serve_as(&caller, None, open) else { panic!() };
    for (topic, is_reached) in [
        (Topic::Inbox(OWN.to_owned()), true),
        (Topic::Job(own_job.clone()), true),
        (Topic::Inbox(OTHER.to_owned()), false),
        (Topic::Inbox("nobody".to_owned()), false),
        (Topic::Job(other_job.clone()), false),
    ] {
        let subscription = Subscription { topic, uri: "blender://it".to_owned() };
        let reply = world.serve_as(&caller, Some(&session_id), Command::Subscribe { subscription });
        assert_eq!(reply == Outcome::Reply(Reply::Done), is_reached, "{reply:?}");
    }
    let topics = [Topic::Job(own_job.clone()), Topic::Job(other_job.clone()), Topic::Inbox(OTHER.to_owned())];
    let subscriptions = topics.map(|topic| Subscription { topic, uri: "blender://it".to_owned() }).to_vec();
    let (task_ids, bound) = (vec![own_job.clone(), other_job.clone()], caller.scopes.bound.clone());
    let listener = Listener { subscription_id: json!(7), subscriptions, task_ids, bound, guest: None };
    world.turn(|turn| crate::requests::listen::listen(turn, "l1", listener)).unwrap();
    let of_tasks = |world: &World| format!("{:?}", world.frames("l1")).matches("notifications/tasks").count();
    assert_eq!((of_tasks(&world), world.presence.listeners().next().unwrap().1.subscriptions.len()), (1, 1));
    for (socket, job_id, told) in [("w2", &other_job, 0), ("w1", &own_job, 1)] {
        world.effects.clear();
        world.update(socket, job_id, "completed", "");
        assert_eq!(of_tasks(&world), told, "{job_id}");
    }
}
