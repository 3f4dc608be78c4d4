//! Peers on sockets: delivery, acknowledgement, garbage.

use kernel::scopes::Scopes;
use serde_json::{Value, json};

use crate::delivery::window::WINDOW;
use crate::peer::{self, Frame, Socket};
use crate::requests::wait::Outcome;
use crate::tests::world::{World, caller};
use crate::wire::command::{Caller, Command};

fn send_at(world: &mut World, priority: &str) -> String {
    let payload = json!({"message_type": "job_dispatch", "job_id": format!("job-{priority}"), "script": ""});
    let arguments = json!({"payload": payload, "target_uuid": "b1", "priority": priority});
    world.call("blender_send_message", arguments).unwrap()["job_id"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_queued_comes_most_urgent_first_after_the_answer() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.leave("w1");
    for priority in ["info", "debug", "emergency", "notice"] {
        send_at(&mut world, priority);
    }
    world.attach("w2", "b1", &[]);
    assert_eq!(world.frames("w2")[0]["id"], 7, "the answer to the registration comes first");
    assert_eq!(world.jobs_sent("w2"), ["job-emergency", "job-notice", "job-info", "job-debug"]);
}

#[test]
fn an_unacknowledged_job_is_sent_again_to_a_peer_that_acknowledges() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let lost = world.dispatch_to("b1");
    let taken = world.dispatch_to("b1");
    world.progress("w1", &taken.subject, 0);
    world.leave("w1");
    world.attach("w2", "b1", &["job_ack"]);
    assert_eq!(world.jobs_sent("w2"), [lost.subject]);
}

#[test]
fn a_peer_that_does_not_acknowledge_is_never_sent_a_job_twice() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.dispatch_to("b1");
    world.leave("w1");
    world.attach("w2", "b1", &[]);
    assert_eq!(world.jobs_sent("w2"), Vec::<String>::new());
}

#[test]
fn more_than_a_window_of_jobs_waits_until_the_peer_takes_some() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    world.effects.clear();
    let waits: Vec<_> = (0..WINDOW + 2).map(|_| world.dispatch_to("b1")).collect();
    assert_eq!(world.jobs_sent("w1").len() as i64, WINDOW);
    world.effects.clear();
    world.progress("w1", &waits[0].subject, 0);
    assert_eq!(world.jobs_sent("w1"), [waits[WINDOW as usize].subject.clone()]);
    world.effects.clear();
    world.update("w1", &waits[1].subject, "completed", "");
    assert_eq!(world.jobs_sent("w1"), [waits[WINDOW as usize + 1].subject.clone()]);
}

#[test]
fn progress_of_another_peers_job_acknowledges_nothing() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    world.attach("w2", "b2", &["job_ack"]);
    let wait = world.dispatch_to("b1");
    world.progress("w2", &wait.subject, 0);
    world.leave("w1");
    world.attach("w3", "b1", &["job_ack"]);
    assert_eq!(world.jobs_sent("w3"), [wait.subject]);
}

#[test]
fn garbage_is_answered_with_what_is_wrong_and_loses_nothing() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    let cases = [
        ("{", -32700),
        ("\u{0}", -32700),
        ("null", -32600),
        ("[1,2]", -32600),
        ("{\"id\":3}", -32600),
        ("{\"method\":5}", -32600),
    ];
    for (text, code) in cases {
        world.effects.clear();
        assert_eq!(world.frame("w1", text), Frame::Malformed, "{text}");
        assert_eq!(world.frames("w1")[0]["error"]["code"], code, "{text}");
    }
    world.effects.clear();
    world.frame("w1", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    assert_eq!(world.frames("w1")[0]["error"]["code"], -32601);
    let unknown = world.tool("w1", "blender_execute_code", json!({"code": "1"}));
    assert_eq!(unknown["isError"], true);
    world.update("w1", &wait.subject, "completed", "still here");
    assert_eq!(world.answer(&wait).result, "still here");
}

#[test]
fn wrong_arguments_are_named() {
    let mut world = World::new();
    let refused = world.tool("w1", "blender_register_client", json!({"client_type": "blender"}));
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("client_uuid"));
    let refused = world.tool("w1", "blender_job_update", json!({"job_id": "j", "status": 4}));
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("status"));
}

#[test]
fn a_peer_may_initialize_and_ping_like_any_mcp_client() {
    let mut world = World::new();
    world.frame("w1", "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{}}");
    world.frame("w1", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    world.frame("w1", "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}");
    let frames = world.frames("w1");
    assert_eq!(frames[0]["result"]["serverInfo"]["name"], "blender-bus");
    assert_eq!((&frames[1]["id"], &frames[1]["result"]), (&json!("p"), &json!({})));
}

#[test]
fn a_token_that_only_attaches_cannot_send_work_to_others() {
    let mut world = World::new();
    let caller = Caller { scopes: Scopes::PEER.into(), ..caller("g-000002") };
    let socket = Socket { socket_id: "w1", caller: &caller };
    let call = |name: &str, arguments: Value| {
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
            .to_string()
    };
    let register = call("blender_register_client", json!({"client_uuid": "b1", "client_type": "blender"}));
    let send = call("blender_send_message", json!({"payload": {}}));
    world.turn(|turn| peer::receive(turn, socket, &register)).unwrap();
    world.effects.clear();
    world.turn(|turn| peer::receive(turn, socket, &send)).unwrap();
    let answer = &world.frames("w1")[0]["result"];
    assert_eq!(answer["isError"], true);
    assert!(answer["content"][0]["text"].as_str().unwrap().contains("bus:dispatch"));
}

#[test]
fn a_revoked_grant_is_refused_from_then_on() {
    let mut world = World::new();
    world.serve(Command::RevokeGrant { grant_id: "g-000001".to_owned() });
    assert_eq!(world.serve(Command::Clients), Outcome::Reply(crate::wire::command::Reply::Revoked));
}

#[test]
fn a_job_says_which_grant_it_is_from_where_no_client_can_write() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let sender = |world: &World| world.frames("w1")[0]["params"]["_meta"]["blender-bus/sender"].clone();
    world.effects.clear();
    world.dispatch_to("b1");
    let told = sender(&world);
    assert_eq!(told["client"], "Test Client");
    assert_eq!(told["grant"].as_str().unwrap().len(), 16);
    world.effects.clear();
    let payload = json!({"message_type": "job_dispatch", "script": "1", "_meta": {"blender-bus/sender": "forged"}});
    let arguments = json!({"payload": payload, "target_uuid": "b1", "from_uuid": "somebody else"});
    world.call("blender_send_message", arguments).unwrap();
    assert_eq!(sender(&world), told, "whatever name it goes by");
    world.leave("w1");
    world.dispatch_to("b1");
    world.attach("w2", "b1", &["job_ack"]);
    let again = world.frames("w2").into_iter().find(|frame| frame["method"] == "notifications/message").unwrap();
    assert_eq!(again["params"]["_meta"]["blender-bus/sender"], told, "also when it is sent later");
}

#[test]
fn a_peer_is_silent_only_where_it_promised_to_be_heard() {
    let mut world = World::new();
    world.attach("w1", "plain", &[]);
    let promised = json!({"client_uuid": "promised", "client_type": "blender", "ping_interval": 30});
    world.tool("w2", "blender_register_client", promised);
    world.pass(90_000);
    assert_eq!(world.presence.silent(world.now_ms), Vec::<String>::new());
    world.pass(1);
    assert_eq!(world.presence.silent(world.now_ms), ["w2"]);
    world.presence.pinged("w2", world.now_ms - 5);
    assert_eq!(world.presence.silent(world.now_ms), Vec::<String>::new());
}
