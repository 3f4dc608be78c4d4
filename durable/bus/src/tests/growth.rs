//! What a dispatch costs does not depend on how much is stored.

use kernel::storage::Sql;
use kernel::testing::Work;

use crate::requests::wait::Outcome;
use crate::rows::inbox::MAX_KEPT;
use crate::rows::sessions;
use crate::tests::world::World;
use crate::turn::Turn;
use crate::wire::command::{Command, Reply};
use crate::wire::topics::{Subscription, Topic};
use crate::wire::views::JobsAsked;

/// A bus that keeps this many ended jobs and has one peer with `job_ack`.
fn world(stored: u32) -> World {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    fill(&mut world, stored);
    world
}

fn fill(world: &mut World, stored: u32) {
    let fill = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {stored})
         INSERT INTO jobs (job_id, command, target_uuid, from_uuid, priority, state, record, result, created_at)
         SELECT 'old-' || i, 'execute_code', 'b1', 'server:ada', 6, 'completed', '{{}}', 'x', 0 FROM n"
    );
    world.sql.batch(&fill).unwrap();
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
fn a_list_of_jobs_in_a_state_looks_at_no_more_of_them_among_many() {
    let list = |world: &mut World, status: &str| {
        world.sql.take_work();
        let listed = world.call("blender_list_jobs", serde_json::json!({"status": status})).unwrap();
        assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1), "{listed}");
        world.sql.take_work()
    };
    let with_one_of_each = |stored: u32| {
        let mut world = World::new();
        world.attach("w1", "b1", &["job_ack"]);
        world.dispatch_to("b1");
        let failed = world.dispatch_to("b1");
        world.progress("w1", &failed.subject, 0);
        world.update("w1", &failed.subject, "failed", "");
        let running = world.dispatch_to("b1");
        world.progress("w1", &running.subject, 0);
        fill(&mut world, stored);
        world
    };
    let (mut few, mut many) = (with_one_of_each(1), with_one_of_each(10_000));
    for status in ["queued", "running", "failed"] {
        assert_eq!(list(&mut few, status).steps, list(&mut many, status).steps, "{status}");
    }
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

/// Sessions that are subscribed to what changes with every job, a stream for each if so wanted.
fn with_sessions(count: usize, streams: bool) -> World {
    let mut world = world(1);
    for number in 0..count {
        let open = Command::OpenSession { protocol_version: "2025-06-18".to_owned(), client_name: "IDE".to_owned() };
        let Outcome::Reply(Reply::Session { session_id, .. }) = world.serve(open) else { panic!("no session") };
        for topic in [Topic::Stats, Topic::Clients] {
            let subscription = Subscription { topic, uri: "blender://bus".to_owned() };
            world.serve_in(Some(&session_id), Command::Subscribe { subscription });
        }
        if streams {
            let socket_id = format!("s{number}");
            let open = |turn: &mut Turn<'_>| {
                let session = sessions::find(turn, &session_id, "g-000001")?.expect("the session is open");
                crate::clients::streams::open(turn, &socket_id, &session, None)
            };
            world.turn(open).unwrap();
        }
    }
    dispatch(&mut world);
    world
}

#[test]
fn sessions_that_subscribe_make_a_dispatch_no_dearer() {
    let alone = dispatch(&mut with_sessions(0, false));
    assert_eq!(dispatch(&mut with_sessions(100, false)), alone, "without a stream they are marked already");
    let mut world = with_sessions(100, true);
    world.pass_news();
    world.pass_news();
    let first = dispatch(&mut world);
    assert_eq!(
        (first.statements, first.rows_written),
        (alone.statements + 1, alone.rows_written),
        "one look at who listens"
    );
    let in_a_burst: i64 = (0..20).map(|_| dispatch(&mut world).steps).sum();
    assert_eq!(in_a_burst, 20 * alone.steps, "until it is time to tell again");
}

#[test]
fn a_full_inbox_makes_a_record_no_dearer() {
    let mut world = World::new();
    world.call("blender_register_client", serde_json::json!({"client_uuid": "me", "client_type": "llm"})).unwrap();
    let say = |world: &mut World| {
        world.sql.take_work();
        world.call("blender_send_message", serde_json::json!({"payload": {}, "target_uuid": "me"})).unwrap();
        world.sql.take_work()
    };
    for _ in 0..10 {
        say(&mut world);
    }
    let few = say(&mut world);
    for _ in 0..MAX_KEPT {
        say(&mut world);
    }
    let many = say(&mut world);
    assert_eq!((many.statements, many.scanned), (few.statements + 2, few.scanned), "the oldest goes, and is counted");
    assert!(many.steps < few.steps + 100, "{many:?} and {few:?}");
}

#[test]
fn a_page_of_the_dashboard_costs_the_same_with_1_000_and_with_5_000_stored_jobs() {
    let look = |stored| {
        let mut world = world(stored);
        world.dispatch_to("b1");
        world.sql.batch("UPDATE jobs SET picture = 1 WHERE seq % 3 = 0").unwrap();
        world.sql.take_work();
        world.serve(Command::Overview { jobs: JobsAsked::default() });
        world.sql.take_work()
    };
    let (few, many) = (look(1_000), look(5_000));
    assert_eq!((few.statements, few.steps, few.rows_written), (many.statements, many.steps, 0));
    // The newest jobs, which are counted, and the page of them.
    assert!(many.scanned < 600, "{many:?}");
}
