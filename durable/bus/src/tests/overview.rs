//! What the dashboard shows, and taking a client off the bus.

use kernel::storage::Sql;
use serde_json::json;

use crate::requests::wait::Outcome;
use crate::tests::world::{World, dispatch_command};
use crate::turn::effect::Effect;
use crate::wire::command::{Command, Reply};
use crate::wire::views::{JobDetail, JobsAsked, Overview};

fn overview(world: &mut World) -> Overview {
    overview_of(world, JobsAsked::default())
}

fn overview_of(world: &mut World, jobs: JobsAsked) -> Overview {
    match world.serve(Command::Overview { jobs }) {
        Outcome::Reply(Reply::Overview { overview }) => *overview,
        other => panic!("expected an overview, got {other:?}"),
    }
}

fn detail(world: &mut World, job_id: &str) -> Option<Box<JobDetail>> {
    match world.serve(Command::Job { job_id: job_id.to_owned() }) {
        Outcome::Reply(Reply::Job { job }) => job,
        other => panic!("expected a job, got {other:?}"),
    }
}

fn disconnect(world: &mut World, client_uuid: &str) -> bool {
    match world.serve(Command::Disconnect { client_uuid: client_uuid.to_owned() }) {
        Outcome::Reply(Reply::Found { found }) => found,
        other => panic!("expected to be told, got {other:?}"),
    }
}

#[test]
fn an_open_job_is_shown_however_many_have_ended_since() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let open = world.dispatch_to("b1").subject;
    world.progress("w1", &open, 40);
    for _ in 0..40 {
        let ended = world.dispatch_to("b1").subject;
        world.update("w1", &ended, "failed", "");
    }
    let jobs = overview(&mut world).jobs;
    assert_eq!((jobs[0].job_id.as_str(), jobs[0].status.as_str(), jobs[0].is_open), (open.as_str(), "running", true));
    assert_eq!(jobs[0].progress.as_ref().unwrap()["percent"], 40.0);
    assert_eq!(jobs.len(), 31);
}

#[test]
fn a_job_in_full_has_what_it_was_given_and_what_came_of_it() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let job_id = world.dispatch_to("b1").subject;
    world.update("w1", &job_id, "completed", "{\"objects\": 3}");
    let job = detail(&mut world, &job_id).unwrap();
    assert_eq!((job.payload["command"].as_str(), job.result.as_str()), (Some("get_scene_info"), "{\"objects\": 3}"));
    assert!(detail(&mut world, "j-none").is_none());
}

#[test]
fn a_disconnected_client_is_told_why_and_forgotten_and_its_jobs_are_lost_in_the_end() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let job_id = world.dispatch_to("b1").subject;
    world.progress("w1", &job_id, 10);
    world.effects.clear();
    assert!(disconnect(&mut world, "b1"));
    let told = |effect: &Effect| matches!(effect, Effect::Close { socket_id, code: 4410, .. } if socket_id == "w1");
    assert!(world.effects.iter().any(told), "{:?}", world.effects);
    world.leave("w1");
    assert_eq!(overview(&mut world).clients.iter().filter(|client| client.uuid == "b1").count(), 0);
    world.pass(crate::rows::away::LOST_AFTER_MS);
    world.alarm();
    assert_eq!(detail(&mut world, &job_id).unwrap().line.status, "lost");
    assert!(!disconnect(&mut world, "b1"));
}

#[test]
fn the_overview_can_be_sent_over_the_wire_and_read_again() {
    let mut world = World::new();
    world.attach("w1", "b1", &["window"]);
    world.dispatch_to("b1");
    let overview = overview(&mut world);
    let read: Overview = serde_json::from_value(json!(overview)).unwrap();
    assert_eq!(read, overview);
}

#[test]
fn jobs_are_found_by_state_blender_client_and_text_and_read_page_by_page() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    world.attach("w2", "b2", &["job_ack"]);
    let open = world.dispatch_to("b2").subject;
    let mut ended: Vec<String> = (0..70).map(|_| world.dispatch_to("b1").subject).collect();
    for (number, job_id) in ended.iter().enumerate() {
        world.update("w1", job_id, if number == 3 { "failed" } else { "completed" }, "");
    }
    ended.reverse();
    let mut found = |asked: JobsAsked| {
        let overview = overview_of(&mut world, asked);
        (overview.jobs.into_iter().map(|job| job.job_id).collect::<Vec<_>>(), overview.older)
    };
    let asked = |change: fn(&mut JobsAsked)| {
        let mut asked = JobsAsked::default();
        change(&mut asked);
        asked
    };
    let by_blender = asked(|asked| asked.target_uuid = Some("b2".to_owned()));
    assert_eq!(found(by_blender), (vec![open.clone()], None));
    assert_eq!(found(asked(|asked| asked.state = Some("open".to_owned()))).0, vec![open.clone()]);
    let failed = vec![ended[66].clone()];
    assert_eq!(found(asked(|asked| asked.state = Some("failed".to_owned()))), (failed.clone(), None));
    assert_eq!(found(JobsAsked { text: Some(failed[0].to_uppercase()), ..JobsAsked::default() }).0, failed);
    assert_eq!(found(asked(|asked| asked.client = Some("nobody".to_owned()))), (Vec::new(), None));
    assert_eq!(found(asked(|asked| asked.state = Some("' OR 1".to_owned()))), (Vec::new(), None));

    let (first, mut older) = found(JobsAsked::default());
    assert_eq!((first.len(), &first[0], &first[1..]), (31, &open, &ended[..30]));
    let mut read: Vec<String> = first[1..].to_vec();
    while let Some(before) = older {
        let (page, next) = found(JobsAsked { before: Some(before), ..JobsAsked::default() });
        read.extend(page);
        older = next;
    }
    assert_eq!(read, ended);
}

/// Ends a job with a result that has a picture.
fn draw(world: &mut World, command: &str, blender: &str, kind: &str) -> String {
    let asked = dispatch_of(command, Some(blender));
    let Outcome::Wait(wait) = world.serve(asked) else { panic!("no job") };
    let result = json!({"width": 2, "image": {"data": "aGk=", "mime_type": kind}}).to_string();
    world.update(if blender == "b1" { "w1" } else { "w2" }, &wait.subject, "completed", &result);
    wait.subject
}

fn dispatch_of(command: &str, blender: Option<&str>) -> Command {
    let mut asked = dispatch_command(blender, 30_000);
    if let Command::Dispatch { command: name, .. } = &mut asked {
        command.clone_into(name);
    }
    asked
}

fn pictures(world: &mut World) -> Vec<(String, String)> {
    overview(world).pictures.into_iter().map(|one| (one.target_uuid, one.job_id)).collect()
}

#[test]
fn a_blender_shows_the_newest_picture_that_a_job_made_of_it_as_long_as_the_job_is_kept() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    world.attach("w2", "b2", &[]);
    assert_eq!(pictures(&mut world), []);
    let kept = draw(&mut world, "render", "b1", "image/png");
    world.pass(1_000);
    let newest = draw(&mut world, "get_viewport_screenshot", "b1", "image/jpeg");
    let other = draw(&mut world, "render_views", "b2", "image/png");
    draw(&mut world, "get_asset_preview", "b2", "image/png");
    draw(&mut world, "render", "b2", "image/svg+xml");
    let failed = world.dispatch_to("b2").subject;
    world.update("w2", &failed, "failed", "");
    assert_eq!(pictures(&mut world), [("b1".to_owned(), newest.clone()), ("b2".to_owned(), other)]);
    assert!((overview(&mut world).pictures[0].made_at - overview(&mut world).now).abs() < 0.01);
    world.sql.query("DELETE FROM jobs WHERE job_id = ?", &[newest.as_str().into()]).unwrap();
    assert_eq!(pictures(&mut world)[0], ("b1".to_owned(), kept));
}
