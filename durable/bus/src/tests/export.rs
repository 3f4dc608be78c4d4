//! The download of what a bus holds of its owner.

use serde_json::Value;

use crate::requests::wait::Outcome;
use crate::tests::world::World;
use crate::wire::command::{Command, Reply};
use crate::wire::views::ExportPage;

fn page(world: &mut World, after: i64, until: Option<i64>) -> ExportPage {
    match world.serve_owner(Command::Export { after, until }) {
        Outcome::Reply(Reply::Export { page }) => *page,
        other => panic!("expected a page, got {other:?}"),
    }
}

/// Every page, and how many there were.
fn pages(world: &mut World) -> (Vec<Value>, usize) {
    let first = page(world, 0, None);
    let (until, mut next, mut jobs, mut count) = (first.until, first.next, first.jobs, 1);
    while let Some(after) = next {
        let further = page(world, after, Some(until));
        assert!(further.clients.is_empty(), "clients are on the first page");
        jobs.extend(further.jobs);
        (next, count) = (further.next, count + 1);
    }
    (jobs, count)
}

#[test]
fn an_export_has_clients_and_jobs_with_what_they_were_given_and_what_came_of_them() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let done = world.dispatch_to("b1").subject;
    world.update("w1", &done, "completed", "{\"objects\": 3}");
    let open = world.dispatch_to("b1").subject;
    let page = page(&mut world, 0, None);
    assert!(page.clients.iter().any(|client| client.uuid == "b1"));
    let [first, second] = &page.jobs[..] else { panic!("two jobs: {:?}", page.jobs) };
    assert_eq!((first["job_id"].as_str(), first["status"].as_str()), (Some(done.as_str()), Some("completed")));
    assert_eq!(
        (&first["payload"]["command"], &first["result"]),
        (&"get_scene_info".into(), &"{\"objects\": 3}".into())
    );
    assert_eq!((second["job_id"].as_str(), &second["finished_at"]), (Some(open.as_str()), &Value::Null));
    assert_eq!(page.next, None);
}

#[test]
fn a_bus_without_jobs_has_one_empty_page() {
    let page = page(&mut World::new(), 0, None);
    assert_eq!((page.jobs.len(), page.until, page.next), (0, 0, None));
}

#[test]
fn pages_are_short_in_number_and_in_bytes_and_together_have_each_job_once() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let mut made = Vec::new();
    for number in 0..230 {
        let job_id = world.dispatch_to("b1").subject;
        let bytes = if number < 3 { 600_000 } else { 10 };
        world.update("w1", &job_id, "completed", &"x".repeat(bytes));
        made.push(job_id);
    }
    assert_eq!(page(&mut world, 0, None).jobs.len(), 2, "the second job fills the page");
    let (jobs, count) = pages(&mut world);
    let ids: Vec<_> = jobs.iter().map(|job| job["job_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((ids, count), (made, 3));
}

#[test]
fn what_comes_during_an_export_is_not_part_of_it() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.dispatch_to("b1");
    let first = page(&mut world, 0, None);
    world.dispatch_to("b1");
    assert!(page(&mut world, first.until, Some(first.until)).jobs.is_empty());
    assert_eq!(page(&mut world, 0, Some(first.until)).jobs.len(), 1);
}
