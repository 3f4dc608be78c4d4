//! What a dispatch costs does not depend on how much is stored.

use kernel::storage::Sql;
use kernel::testing::Work;

use crate::tests::world::World;

/// A bus that keeps this many ended jobs and has one peer with `job_ack`.
fn world(stored: u32) -> World {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let fill = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {stored})
         INSERT INTO jobs (job_id, command, target_uuid, from_uuid, priority, state, record, result, created_at)
         SELECT 'old-' || i, 'execute_code', 'b1', 'server:ada', 6, 'completed', '{{}}', 'x', 0 FROM n"
    );
    world.sql.batch(&fill).unwrap();
    world
}

/// Dispatch, acknowledgement, answer, and the look of who waits.
fn dispatch(world: &mut World) -> Work {
    world.sql.take_work();
    let wait = world.dispatch_to("b1");
    world.look(&wait);
    world.progress("w1", &wait.subject, 0);
    world.look(&wait);
    world.update("w1", &wait.subject, "completed", "3");
    world.answer(&wait);
    world.sql.take_work()
}

#[test]
fn a_dispatch_costs_the_same_with_one_and_with_100_000_stored_jobs() {
    let (mut few, mut many) = (world(1), world(100_000));
    let first = (dispatch(&mut few), dispatch(&mut many));
    assert_eq!(first.0, first.1, "on an object that has just woken");
    let next = (dispatch(&mut few), dispatch(&mut many));
    assert_eq!(next.0, next.1, "on one that is awake");
    assert_eq!((next.1.statements, next.1.scanned, next.1.rows_written), (3, 0, 3), "{:?}", next.1);
}

#[test]
fn what_a_peer_and_its_callers_do_searches_by_index_alone() {
    let mut world = world(1_000);
    let wait = world.dispatch_to("b1");
    world.evict(&[("b1", "w1")]);
    world.sql.take_work();
    world.update("w1", &wait.subject, "completed", "3");
    let away = world.dispatch_to("b1");
    world.leave("w1");
    world.attach("w2", "b1", &["job_ack"]);
    world.call("blender_job_result", serde_json::json!({"job_id": away.subject})).unwrap();
    world.call("blender_job_cancel", serde_json::json!({"job_id": away.subject})).unwrap();
    let scanned = world.sql.take_work().scanned;
    // The few clients there are, counted when one more comes.
    assert!(scanned < 10, "{scanned} rows were read without an index");
}

#[test]
fn a_full_queue_does_not_make_a_dispatch_dearer() {
    let (mut empty, mut full) = (world(1), world(1));
    for _ in 0..500 {
        full.dispatch_to("b1");
    }
    dispatch(&mut empty);
    empty.sql.take_work();
    full.sql.take_work();
    empty.dispatch_to("b1");
    full.dispatch_to("b1");
    assert_eq!(empty.sql.take_work().steps, full.sql.take_work().steps);
}
