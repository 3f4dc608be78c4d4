//! What a Blender tells beside a result.

use serde_json::{Value, json};

use crate::tests::world::World;

fn ended(world: &mut World, job_id: &str, extra: Value) -> Value {
    let arguments = json!({"job_id": job_id, "status": "completed", "result": "1", "extra": extra});
    world.tool("w1", "blender_job_update", arguments)
}

#[test]
fn the_envelope_and_the_job_tools_show_what_was_told_beside_the_result() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    let extra = json!({
        "stderr": "warned", "changes": {"added": ["Cube"]}, "value": "3", "checkpoint": {"checkpoint_id": "c-1"},
    });
    ended(&mut world, &wait.subject, extra.clone());
    let envelope = serde_json::to_value(world.answer(&wait)).unwrap();
    let job = world.call("blender_job_result", json!({"job_id": wait.subject})).unwrap();
    for shown in [envelope, job] {
        assert_eq!(shown["result"], "1");
        for name in ["stderr", "changes", "value", "checkpoint"] {
            assert_eq!(shown[name], extra[name], "{name}");
        }
    }
    // From the row, too.
    world.evict(&[("b1", "w1")]);
    let job = world.call("blender_job_result", json!({"job_id": wait.subject})).unwrap();
    assert_eq!(job["stderr"], "warned");
}

#[test]
fn nothing_else_gets_into_the_envelope() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    for extra in [
        json!({"status": "failed", "result": "2", "hint": "pay", "job_id": "j-other"}),
        json!({"stderr": 5, "value": {"a": 1}, "changes": "all", "checkpoint": "c-1"}),
        json!({"stderr": "x".repeat(200_000)}),
        json!({}),
        Value::Null,
    ] {
        let wait = world.dispatch_to("b1");
        ended(&mut world, &wait.subject, extra.clone());
        let envelope = serde_json::to_value(world.answer(&wait)).unwrap();
        assert_eq!((&envelope["status"], &envelope["result"]), (&json!("completed"), &json!("1")), "{extra}");
        for name in ["stderr", "value", "changes", "checkpoint", "hint"] {
            assert!(envelope.get(name).is_none(), "{name} of {extra}");
        }
    }
}

#[test]
fn what_is_no_object_is_refused_with_what_it_must_be() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    let refused = ended(&mut world, &wait.subject, json!([1]));
    assert!(refused["isError"].as_bool().unwrap());
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("extra"), "{refused}");
}
