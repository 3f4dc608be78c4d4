//! A bus whose user has deleted the account.

use kernel::storage::Sql;
use serde_json::json;

use crate::clients::sockets;
use crate::requests::wait::{Outcome, Verdict};
use crate::tests::world::World;
use crate::turn::effect::Effect;
use crate::wire::command::{Command, Reply};

/// A bus with something in every table that a user fills.
fn lived_in() -> World {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let script = json!({"client_uuid": "c1", "client_type": "script", "is_persistent": true});
    world.call("blender_register_client", script).unwrap();
    world.call("blender_send_message", json!({"payload": {"secret": 1}})).unwrap();
    world.dispatch_to("b1");
    let open =
        Command::OpenSession { protocol_version: "2025-11-25".to_owned(), client_name: "Test Client".to_owned() };
    world.serve(open);
    world
}

fn rows(world: &World) -> Vec<(String, usize)> {
    let tables = world.sql.query("SELECT name FROM sqlite_master WHERE type = 'table'", &[]).unwrap();
    let names = tables.iter().map(|row| row.text(0).unwrap()).filter(|name| !name.starts_with("sqlite_"));
    let counted = names.map(|name| (world.sql.query(&format!("SELECT 1 FROM {name}"), &[]).unwrap().len(), name));
    counted.filter(|(count, _)| *count > 0).map(|(count, name)| (name, count)).collect()
}

fn erase(world: &mut World) {
    world.turn(crate::rows::revocations::erase).unwrap();
}

#[test]
fn erasing_leaves_nothing_but_the_refusal() {
    let mut world = lived_in();
    assert!(rows(&world).len() > 4);
    for _ in 0..2 {
        erase(&mut world);
        let left = [("schema_version", 1), ("timers", 1), ("revoked_grants", 1)];
        let mut rows = rows(&world);
        rows.sort();
        let mut left = left.map(|(name, count)| (name.to_owned(), count));
        left.sort();
        assert_eq!(rows, left);
    }
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::CloseAll { code: 4401, .. })));
}

#[test]
fn an_erased_bus_refuses_every_token_and_socket_and_answers_who_waits() {
    let mut world = lived_in();
    let wait = world.dispatch_to("b1");
    erase(&mut world);
    assert_eq!(world.look(&wait), Verdict::Answer(Reply::Revoked));
    assert_eq!(world.serve(Command::Clients), Outcome::Reply(Reply::Revoked));
    assert_eq!(world.turn(|turn| sockets::admit(turn, "g-never-seen", None)).unwrap(), Err(Reply::Revoked));
}

#[test]
fn what_a_closing_socket_still_brings_writes_nothing() {
    let mut world = lived_in();
    erase(&mut world);
    let before = rows(&world);
    let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "blender_register_client",
                      "arguments": {"client_uuid": "b1", "client_type": "blender"}}});
    world.effects.clear();
    world.frame("w1", &call.to_string());
    world.leave("w1");
    assert_eq!(rows(&world), before);
    assert!(world.frames("w1").is_empty());
}

#[test]
fn the_refusal_outlives_every_token_and_then_the_database_goes() {
    let mut world = lived_in();
    erase(&mut world);
    for _ in 0..24 {
        world.pass(60 * 60 * 1_000);
        world.alarm();
        assert!(!world.effects.contains(&Effect::Vanish));
    }
    assert_eq!(world.serve(Command::Clients), Outcome::Reply(Reply::Revoked));
    world.pass(3 * 60 * 60 * 1_000);
    world.alarm();
    assert!(world.effects.contains(&Effect::Vanish));
    assert_eq!(rows(&world), [("schema_version".to_owned(), 1)]);
}
