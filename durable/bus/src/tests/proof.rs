//! Records that went out over a socket are not lost with it.

use serde_json::{Value, json};

use crate::delivery::proof;
use crate::peer::Frame;
use crate::tests::world::World;

/// A client of type "script" attaches; the payload numbers and places of the records it is sent.
fn attach(world: &mut World, socket_id: &str, capabilities: &[&str]) -> Vec<(i64, Option<String>)> {
    let arguments = json!({"client_uuid": "c1", "client_type": "script", "is_persistent": true,
                           "capabilities": capabilities});
    world.tool(socket_id, "blender_register_client", arguments);
    records(world, socket_id)
}

fn records(world: &mut World, socket_id: &str) -> Vec<(i64, Option<String>)> {
    let record = |frame: &Value| {
        let number = frame["params"]["data"]["payload"]["n"].as_i64()?;
        Some((number, frame["params"]["_meta"]["blender-bus/place"].as_str().map(str::to_owned)))
    };
    let records = world.frames(socket_id).iter().filter_map(record).collect();
    world.effects.clear();
    records
}

fn numbers(records: &[(i64, Option<String>)]) -> Vec<i64> {
    records.iter().map(|(number, _)| *number).collect()
}

fn say(world: &mut World, number: i64) {
    world.call("blender_send_message", json!({"payload": {"n": number}, "target_uuid": "c1"})).unwrap();
}

fn confirm(world: &mut World, socket_id: &str, place: &Value) -> Frame {
    let frame = json!({"jsonrpc": "2.0", "method": "notifications/received", "params": {"place": place}});
    world.frame(socket_id, &frame.to_string())
}

#[test]
fn what_a_socket_took_and_did_not_prove_is_sent_again() {
    let mut world = World::new();
    attach(&mut world, "w1", &[]);
    (0..3).for_each(|number| say(&mut world, number));
    assert_eq!(numbers(&records(&mut world, "w1")), [0, 1, 2]);
    world.leave("w1");
    say(&mut world, 3);
    assert_eq!(numbers(&attach(&mut world, "w2", &[])), [0, 1, 2, 3]);
    // The second socket dies as well, before it has said a word; the object was asleep meanwhile.
    world.evict(&[("c1", "w2")]);
    world.leave("w2");
    assert_eq!(numbers(&attach(&mut world, "w3", &[])), [0, 1, 2, 3]);
}

#[test]
fn any_later_word_of_the_socket_is_proof() {
    let words = [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"blender_list_available_clients"}}"#,
    ];
    for (word, evicted) in words.into_iter().flat_map(|word| [(word, false), (word, true)]) {
        let mut world = World::new();
        attach(&mut world, "w1", &[]);
        say(&mut world, 1);
        if evicted {
            world.evict(&[("c1", "w1")]);
        }
        world.frame("w1", word);
        say(&mut world, 2);
        world.leave("w1");
        assert_eq!(numbers(&attach(&mut world, "w2", &[])), [2], "{word}, evicted: {evicted}");
    }
}

#[test]
fn a_word_over_another_socket_or_of_a_replaced_one_proves_nothing() {
    let mut world = World::new();
    attach(&mut world, "w1", &[]);
    say(&mut world, 1);
    assert_eq!(numbers(&attach(&mut world, "w2", &[])), [1], "the first socket had not proved itself");
    world.frame("w1", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    world.frame("w3", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    world.leave("w2");
    assert_eq!(numbers(&attach(&mut world, "w4", &[])), [1]);
}

#[test]
fn a_ping_proves_what_was_sent_before_it() {
    let mut world = World::new();
    attach(&mut world, "w1", &[]);
    world.pass(1_000);
    say(&mut world, 1);
    world.pass(1_000);
    let pinged = world.now_ms;
    world.turn(|turn| proof::pinged(turn, "w1", pinged)).unwrap();
    say(&mut world, 2);
    world.turn(|turn| proof::pinged(turn, "w1", pinged)).unwrap();
    world.leave("w1");
    world.pass(1_000);
    assert_eq!(numbers(&attach(&mut world, "w2", &[])), [2]);
    world.turn(|turn| proof::pinged(turn, "w2", pinged)).unwrap();
    world.leave("w2");
    assert_eq!(numbers(&attach(&mut world, "w3", &[])), [2], "a ping from before the socket registered");
}

#[test]
fn a_client_that_confirms_is_sent_again_what_it_did_not_confirm_and_nothing_else() {
    let mut world = World::new();
    attach(&mut world, "w1", &["record_ack"]);
    (0..4).for_each(|number| say(&mut world, number));
    let sent = records(&mut world, "w1");
    assert_eq!(numbers(&sent), [0, 1, 2, 3]);
    // Neither a word nor a ping counts for such a client.
    world.frame("w1", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    world.pass(1_000);
    let now_ms = world.now_ms;
    world.turn(|turn| proof::pinged(turn, "w1", now_ms)).unwrap();
    assert_eq!(confirm(&mut world, "w1", &json!(sent[1].1)), Frame::Understood);
    // To register again over the same socket brings nothing twice.
    assert_eq!(attach(&mut world, "w1", &["record_ack"]), []);
    world.leave("w1");
    let again = attach(&mut world, "w2", &["record_ack"]);
    assert_eq!(again, sent[2..]);
    confirm(&mut world, "w2", &json!(again[1].1));
    world.leave("w2");
    assert_eq!(attach(&mut world, "w3", &["record_ack"]), []);
}

#[test]
fn a_place_that_is_none_is_named_and_confirms_nothing() {
    let mut world = World::new();
    attach(&mut world, "w1", &["record_ack"]);
    say(&mut world, 1);
    for place in [json!(""), json!("x"), json!(7), json!("-1"), json!("9007199254740993"), Value::Null] {
        world.effects.clear();
        assert_eq!(confirm(&mut world, "w1", &place), Frame::Malformed, "{place}");
        let answer = world.frames("w1")[0]["error"]["message"].as_str().unwrap().to_owned();
        assert!(answer.contains("params.place"), "{answer}");
    }
    world.leave("w1");
    assert_eq!(numbers(&attach(&mut world, "w2", &["record_ack"])), [1]);
}

#[test]
fn an_unregistered_socket_confirms_nothing() {
    assert_eq!(confirm(&mut World::new(), "w1", &json!("1")), Frame::Understood);
}

#[test]
fn a_client_that_only_listens_is_asked_for_its_ping_now_and_then() {
    let mut world = World::new();
    attach(&mut world, "w1", &[]);
    (0..100).for_each(|number| say(&mut world, number));
    let looks = world.effects.iter().filter(|effect| format!("{effect:?}").contains("LookForPing")).count();
    assert_eq!(looks, 2);
}
