//! Who hears that a resource changed.

use serde_json::{Value, json};

use crate::requests::wait::Outcome;
use crate::rows::subscriptions;
use crate::tests::world::World;
use crate::turn::effect::Effect;
use crate::wire::command::{Command, Reply};
use crate::wire::topics::{Listener, Subscription, Topic};

fn listen(world: &mut World, topic: Topic, uri: &str) {
    let subscriptions = vec![Subscription { topic, uri: uri.to_owned() }];
    world.presence.listen("l1".to_owned(), Listener { subscription_id: json!(7), subscriptions, task_ids: Vec::new() });
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
    world.progress("w1", &mine.subject, 50);
    world.progress("w1", &other.subject, 50);
    assert_eq!(heard(&world), ["blender://jobs/mine", "blender://jobs/mine"]);
    world.update("w1", &mine.subject, "completed", "");
    assert_eq!(heard(&world), ["blender://jobs/mine"]);
}

#[test]
fn a_listener_hears_who_comes_and_goes() {
    let mut world = World::new();
    listen(&mut world, Topic::Clients, "blender://bus/clients");
    world.attach("w1", "b1", &[]);
    assert_eq!(heard(&world).len(), 1);
    world.effects.clear();
    world.leave("w1");
    assert_eq!(heard(&world).len(), 1);
    world.effects.clear();
    world.turn(|turn| crate::clients::sockets::socket_closed(turn, "l1")).unwrap();
    world.attach("w2", "b1", &[]);
    assert_eq!(heard(&world).len(), 0, "a stream that closed hears nothing");
}

#[test]
fn a_subscribed_session_gets_an_event_until_it_unsubscribes_and_after_an_eviction_too() {
    let mut world = World::new();
    let open = Command::OpenSession { protocol_version: "2025-06-18".to_owned(), client_name: "IDE".to_owned() };
    let Outcome::Reply(Reply::Session { session_id, .. }) = world.serve(open) else { panic!("no session") };
    let subscription = Subscription { topic: Topic::Inbox("me".to_owned()), uri: "blender://inbox/me".to_owned() };
    world.call("blender_register_client", json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    world.serve_in(Some(&session_id), Command::Subscribe { subscription: subscription.clone() });
    let events = |world: &World| {
        let rows = kernel::storage::Sql::query(
            &world.sql,
            "SELECT message FROM inbox WHERE client_uuid = ?",
            kernel::params![session_id.as_str()],
        );
        rows.unwrap().len()
    };
    let say = |world: &mut World| {
        world.call("blender_send_message", json!({"payload": {}, "target_uuid": "me"})).unwrap();
    };
    say(&mut world);
    assert_eq!(events(&world), 1);
    world.evict(&[]);
    world.turn(subscriptions::wake).unwrap();
    say(&mut world);
    assert_eq!(events(&world), 2);
    world.serve_in(Some(&session_id), Command::Unsubscribe { topic: subscription.topic });
    say(&mut world);
    assert_eq!(events(&world), 2);
}

#[test]
fn a_listener_of_all_jobs_hears_of_a_new_one_its_progress_and_its_end() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    listen(&mut world, Topic::Jobs, "jobs");
    let job = world.dispatch_to("b1").subject;
    assert_eq!(heard(&world), ["jobs"]);
    world.effects.clear();
    world.progress("w1", &job, 50);
    assert_eq!(heard(&world), ["jobs"]);
    world.update("w1", &job, "completed", "");
    assert_eq!(heard(&world), ["jobs"]);
}

#[test]
fn what_a_session_is_told_is_no_news_for_its_own_inbox() {
    let mut world = World::new();
    let open = Command::OpenSession { protocol_version: "2025-06-18".to_owned(), client_name: "IDE".to_owned() };
    let Outcome::Reply(Reply::Session { session_id, .. }) = world.serve(open) else { panic!("no session") };
    let subscribe = |world: &mut World, topic: Topic| {
        let subscription = Subscription { topic, uri: "blender://test".to_owned() };
        world.serve_in(Some(&session_id), Command::Subscribe { subscription })
    };
    let own_inbox = Topic::Inbox(session_id.clone());
    let refused = subscribe(&mut world, own_inbox.clone());
    assert!(matches!(refused, Outcome::Reply(Reply::Rejected { .. })), "an inbox of nobody: {refused:?}");
    // Somebody may still register a client under the session's own id.
    world.call("blender_register_client", json!({"client_uuid": session_id, "client_type": "llm"})).unwrap();
    subscribe(&mut world, own_inbox);
    subscribe(&mut world, Topic::Clients);
    world.call("blender_register_client", json!({"client_uuid": "another", "client_type": "llm"})).unwrap();
    let told = "SELECT message FROM inbox WHERE client_uuid = ?";
    let events = kernel::storage::Sql::query(&world.sql, told, kernel::params![session_id.as_str()]).unwrap();
    assert_eq!(events.len(), 1, "one change, told once");
}
