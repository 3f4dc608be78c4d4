//! Who hears that a resource changed.

use kernel::storage::Sql;
use serde_json::{Value, json};

use crate::clients::streams;
use crate::requests::wait::Outcome;
use crate::rows::{sessions, subscriptions as rows};
use crate::tests::world::{START_MS, World};
use crate::turn::Turn;
use crate::turn::effect::Effect;
use crate::turn::news::APART_MS;
use crate::wire::command::{Command, Reply};
use crate::wire::topics::{Listener, Subscription, Topic};

fn listen(world: &mut World, topic: Topic, uri: &str) {
    let subscriptions = vec![Subscription { topic, uri: uri.to_owned() }];
    let listener =
        Listener { subscription_id: json!(7), subscriptions, task_ids: Vec::new(), bound: None, guest: None };
    world.presence.listen("l1".to_owned(), listener);
}

/// URIs that the stream was told of.
fn heard(world: &World) -> Vec<String> {
    let told = |effect: &Effect| match effect {
        Effect::Send { socket_id, frame } if socket_id == "l1" => {
            let message: Value = serde_json::from_str(frame.strip_prefix('\n').unwrap()).unwrap();
            assert_eq!(message["method"], "notifications/resources/updated");
            assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
            Some(message["params"]["uri"].as_str().unwrap().to_owned())
        }
        _ => None,
    };
    world.effects.iter().filter_map(told).collect()
}

#[test]
fn a_listener_hears_of_each_change_of_its_job_and_of_no_other() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let (mine, other) = (world.dispatch_to("b1"), world.dispatch_to("b1"));
    listen(&mut world, Topic::Job(mine.subject.clone()), "blender://jobs/mine");
    world.effects.clear();
    world.progress("w1", &mine.subject, 0);
    world.pass_news();
    world.progress("w1", &mine.subject, 50);
    world.progress("w1", &other.subject, 50);
    assert_eq!(heard(&world), ["blender://jobs/mine", "blender://jobs/mine"]);
    world.pass_news();
    world.update("w1", &mine.subject, "completed", "");
    assert_eq!(heard(&world), ["blender://jobs/mine"]);
}

#[test]
fn a_listener_hears_who_comes_and_goes() {
    let mut world = World::new();
    listen(&mut world, Topic::Clients, "blender://bus/clients");
    world.attach("w1", "b1", &[]);
    assert_eq!(heard(&world).len(), 1);
    world.pass_news();
    world.effects.clear();
    world.leave("w1");
    assert_eq!(heard(&world).len(), 1);
    world.pass_news();
    world.effects.clear();
    world.turn(|turn| crate::clients::sockets::socket_closed(turn, "l1")).unwrap();
    world.attach("w2", "b1", &[]);
    assert_eq!(heard(&world).len(), 0, "a stream that closed hears nothing");
}

#[test]
fn a_listener_of_all_jobs_hears_of_a_new_one_its_progress_and_its_end() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    listen(&mut world, Topic::Jobs, "jobs");
    let job = world.dispatch_to("b1").subject;
    assert_eq!(heard(&world), ["jobs"]);
    world.pass_news();
    world.effects.clear();
    world.progress("w1", &job, 50);
    assert_eq!(heard(&world), ["jobs"]);
    world.pass_news();
    world.update("w1", &job, "completed", "");
    assert_eq!(heard(&world), ["jobs"]);
}

fn open_session(world: &mut World) -> String {
    let open = Command::OpenSession { protocol_version: "2025-06-18".to_owned(), client_name: "IDE".to_owned() };
    let Outcome::Reply(Reply::Session { session_id, .. }) = world.serve(open) else { panic!("no session") };
    session_id
}

fn subscribe(world: &mut World, session_id: &str, topic: Topic) -> Outcome {
    let uri = format!("blender://{}", topic.key());
    world.serve_in(Some(session_id), Command::Subscribe { subscription: Subscription { topic, uri } })
}

fn open_stream(world: &mut World, socket_id: &str, session_id: &str) {
    let open = |turn: &mut Turn<'_>| {
        let session = sessions::find(turn, session_id, "g-000001")?.expect("the session is open");
        streams::open(turn, socket_id, &session, None)
    };
    world.turn(open).unwrap();
}

/// URIs that a session's stream was told of since this was last asked.
fn told(world: &mut World, stream: &str) -> Vec<String> {
    let uri = |effect: &Effect| match effect {
        Effect::Send { socket_id, frame } if socket_id == stream => {
            let message: Value = serde_json::from_str(frame.strip_prefix('\n')?).unwrap();
            Some(message["params"]["uri"].as_str()?.to_owned())
        }
        _ => None,
    };
    let told = world.effects.iter().filter_map(uri).collect();
    world.effects.clear();
    told
}

fn say(world: &mut World) {
    world.call("blender_send_message", json!({"payload": {}, "target_uuid": "me"})).unwrap();
}

#[test]
fn a_session_without_a_stream_is_told_once_of_each_resource_when_it_opens_one() {
    let mut world = World::new();
    let session_id = open_session(&mut world);
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    for topic in [Topic::Inbox("me".to_owned()), Topic::Clients, Topic::Stats] {
        subscribe(&mut world, &session_id, topic);
    }
    for evicted in [false, true] {
        (0..3).for_each(|_| say(&mut world));
        if evicted {
            world.evict(&[]);
            world.turn(rows::wake).unwrap();
            say(&mut world);
        }
        world.call("blender_register_client", json!({"client_uuid": "other", "client_type": "llm"})).unwrap();
        world.effects.clear();
        open_stream(&mut world, "s1", &session_id);
        let all = ["blender://clients", "blender://inbox me", "blender://stats"];
        assert_eq!(told(&mut world, "s1"), all, "evicted: {evicted}");
        world.pass(120_000);
        world.leave("s1");
        open_stream(&mut world, "s2", &session_id);
        assert_eq!(told(&mut world, "s2"), [""; 0], "what was told is not told again");
        world.leave("s2");
    }
    world.serve_in(Some(&session_id), Command::Unsubscribe { topic: Topic::Inbox("me".to_owned()) });
    say(&mut world);
    open_stream(&mut world, "s3", &session_id);
    assert_eq!(told(&mut world, "s3"), [""; 0]);
}

#[test]
fn a_session_with_a_stream_is_told_at_once_and_then_a_few_times_a_second_at_most() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    let session_id = open_session(&mut world);
    subscribe(&mut world, &session_id, Topic::Inbox("me".to_owned()));
    open_stream(&mut world, "s1", &session_id);
    say(&mut world);
    assert_eq!(told(&mut world, "s1").len(), 1);
    (0..50).for_each(|_| say(&mut world));
    let tells = |effect: &&Effect| **effect == Effect::Tell { due_ms: START_MS + APART_MS };
    assert_eq!(world.effects.iter().filter(tells).count(), 50, "there will be a turn that tells");
    assert_eq!(told(&mut world, "s1").len(), 0);
    world.pass_news();
    assert_eq!(told(&mut world, "s1").len(), 1);
    world.pass_news();
    assert_eq!(told(&mut world, "s1").len(), 0);
    let rows = Sql::query(&world.sql, "SELECT 1 FROM inbox WHERE client_uuid <> 'me'", &[]).unwrap();
    assert!(rows.is_empty(), "news is not kept as events");
}

#[test]
fn what_a_lost_stream_may_not_have_brought_is_told_on_the_next() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    let session_id = open_session(&mut world);
    subscribe(&mut world, &session_id, Topic::Inbox("me".to_owned()));
    subscribe(&mut world, &session_id, Topic::Jobs);
    open_stream(&mut world, "s1", &session_id);
    say(&mut world);
    assert_eq!(told(&mut world, "s1").len(), 1);
    world.leave("s1");
    open_stream(&mut world, "s2", &session_id);
    assert_eq!(told(&mut world, "s2"), ["blender://inbox me"], "told just before the stream was lost");
    // Not told yet when the stream is lost; an older one takes over.
    say(&mut world);
    open_stream(&mut world, "s3", &session_id);
    say(&mut world);
    world.effects.clear();
    world.leave("s3");
    assert_eq!(told(&mut world, "s2"), ["blender://inbox me"]);
}

#[test]
fn what_a_session_is_told_is_no_news_for_its_own_inbox() {
    let mut world = World::new();
    let session_id = open_session(&mut world);
    let own_inbox = Topic::Inbox(session_id.clone());
    let refused = subscribe(&mut world, &session_id, own_inbox.clone());
    assert!(matches!(refused, Outcome::Reply(Reply::Rejected { .. })), "an inbox of nobody: {refused:?}");
    // Somebody may still register a client under the session's own id.
    world.call("blender_register_client", json!({"client_uuid": session_id, "client_type": "llm"})).unwrap();
    subscribe(&mut world, &session_id, own_inbox);
    subscribe(&mut world, &session_id, Topic::Clients);
    open_stream(&mut world, "s1", &session_id);
    world.effects.clear();
    world.call("blender_register_client", json!({"client_uuid": "another", "client_type": "llm"})).unwrap();
    assert_eq!(told(&mut world, "s1"), ["blender://clients"], "one change, told once");
}

#[test]
fn a_task_that_is_told_says_where_the_addresses_of_its_files_are() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let file_id = "f-0000000000000000000000";
    for (extra, is_about_files) in [
        (json!({"files": [{"file_id": file_id, "name": "a.glb", "bytes": 3}]}), true),
        (json!({"result_file": {"file_id": file_id, "name": "a.json", "bytes": 3}}), true),
        (json!({"stderr": "x"}), false),
    ] {
        let wait = world.dispatch_to("b1");
        let task_ids = vec![wait.subject.clone()];
        let listener =
            Listener { subscription_id: json!(7), subscriptions: Vec::new(), task_ids, bound: None, guest: None };
        world.turn(|turn| crate::requests::listen::listen(turn, "l1", listener)).unwrap();
        world.effects.clear();
        let arguments = json!({"job_id": wait.subject, "status": "completed", "result": "1", "extra": extra});
        world.tool("w1", "blender_job_update", arguments);
        let told = format!("{:?}", world.frames("l1"));
        assert!(told.contains("notifications/tasks"), "{told}");
        assert_eq!(told.contains("tasks/get has them"), is_about_files, "{told}");
        let Some(task) = world.turn(|turn| crate::requests::tasks::find(turn, &wait.subject)).unwrap() else {
            panic!()
        };
        assert!(!task.to_string().contains("tasks/get has them"), "the edge makes them: {task}");
    }
}
