//! Whatever is accepted fits in the rows that it becomes: the SQLite of the tests refuses longer ones, as the runtime does.

use serde_json::{Value, json};

use crate::tests::world::World;
use crate::turn::job::MAX_RESULT;

const SENDER: &str = "client-1";

/// A job of this much code, sent by a client that hears of its end, to a peer that is there.
fn sent(world: &mut World, code: &str) -> Result<Value, String> {
    world.attach("w1", "b1", &["job_ack"]);
    world.call("blender_register_client", json!({"client_uuid": SENDER, "client_type": "llm"})).unwrap();
    let payload = json!({"message_type": "job_dispatch", "job_id": "big", "script": code});
    let arguments = json!({"payload": payload, "target_uuid": "b1", "from_uuid": SENDER});
    world.call("blender_send_message", arguments)
}

#[test]
fn the_longest_job_with_the_longest_result_ends_and_its_sender_hears_of_it() {
    // A quote takes two bytes in JSON and a control character six.
    for filling in ["x", "\"", "\u{1}", "椅"] {
        let mut world = World::new();
        sent(&mut world, &"x".repeat(1024 * 1024)).unwrap();
        let result = filling.repeat(MAX_RESULT / filling.len());
        let answer = world.update("w1", "big", "completed", &result);
        assert_eq!(answer["structuredContent"]["status"], "ok", "{filling:?}: {answer}");
        let kept = world.call("blender_job_result", json!({"job_id": "big"})).unwrap();
        assert_eq!((&kept["status"], &kept["result"]), (&json!("completed"), &json!(result)), "{filling:?}");
        let inbox = world.call("blender_receive_messages", json!({"client_uuid": SENDER})).unwrap();
        let heard = &inbox["messages"][0]["payload"];
        let shown = heard["result"].as_str().unwrap();
        assert!(result.starts_with(shown), "{filling:?}");
        if shown.len() < result.len() {
            assert_eq!(heard["cut"][0]["bytes"], result.len(), "{filling:?}");
        }
        assert_eq!(shown.len() < result.len(), ["\"", "\u{1}"].contains(&filling), "{filling:?}");
    }
}

#[test]
fn a_job_or_message_that_would_not_fit_is_refused() {
    let mut world = World::new();
    let refused = sent(&mut world, &"\u{1}".repeat(400_000)).unwrap_err();
    assert!(refused.contains("the payload has 2400") && refused.contains("at most 1200000"), "{refused}");
    assert_eq!(world.call("blender_job_status", json!({"job_id": "big"})).unwrap()["status"], "not_found");
    let numbers: Vec<f64> = vec![1e9; 120_000];
    let arguments =
        json!({"command": "execute_code", "params": {"code": "1", "numbers": numbers}, "target_uuid": "b1"});
    let refused = world.call("blender_submit", arguments).unwrap_err();
    assert!(refused.contains("the job has") || refused.contains("params"), "{refused}");
}

#[test]
fn a_place_that_no_inbox_gave_out_is_refused_and_nothing_goes() {
    let mut world = World::new();
    world.call("blender_register_client", json!({"client_uuid": SENDER, "client_type": "llm"})).unwrap();
    world.call("blender_send_message", json!({"payload": {}, "target_uuid": SENDER})).unwrap();
    for after in ["9223372036854775807", "9007199254740993", "-1", "1.0", ""] {
        let refused = world.call("blender_receive_messages", json!({"client_uuid": SENDER, "after": after}));
        assert!(refused.unwrap_err().contains("after must be"), "{after}");
    }
    let inbox = world.call("blender_receive_messages", json!({"client_uuid": SENDER})).unwrap();
    assert_eq!(inbox["messages"].as_array().unwrap().len(), 1);
}
