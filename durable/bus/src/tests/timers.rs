//! What happens by itself: jobs lost and forgotten, sockets that outlive their token.

use crate::rows::away::LOST_AFTER_MS;
use crate::rows::jobs::{self, KEPT_MS};
use crate::rows::timers::{self, Kind, RETENTION_EVERY_MS};
use crate::tests::world::World;
use crate::turn::effect::{Effect, close};
use crate::turn::job::State;
use crate::wire::envelope::Status;

fn state(world: &mut World, job_id: &str) -> Option<State> {
    world.turn(|turn| jobs::find(turn, job_id)).unwrap().map(|job| job.state)
}

#[test]
fn the_alarm_is_set_for_the_earliest_timer_and_set_again_after_it() {
    let mut world = World::new();
    let now = world.now_ms;
    world.turn(|turn| timers::ensure(turn, Kind::SocketExpiry, "w1", now + 10)).unwrap();
    world.turn(|turn| timers::ensure(turn, Kind::SocketExpiry, "w2", now + 20)).unwrap();
    assert_eq!(world.effects, [Effect::Arm { due_ms: now + 10 }, Effect::Arm { due_ms: now + 20 }]);
    world.effects.clear();
    world.pass(10);
    world.alarm();
    assert!(matches!(&world.effects[0], Effect::Close { socket_id, code, .. }
        if socket_id == "w1" && *code == close::UNAUTHORIZED));
    assert_eq!(world.effects[1], Effect::Arm { due_ms: now + 20 });
}

#[test]
fn an_alarm_that_comes_twice_does_things_once() {
    let mut world = World::new();
    let now = world.now_ms;
    world.turn(|turn| timers::ensure(turn, Kind::SocketExpiry, "w1", now)).unwrap();
    world.effects.clear();
    world.alarm();
    assert_eq!(world.effects.len(), 1);
    world.alarm();
    assert_eq!(world.effects.len(), 1);
}

#[test]
fn a_timer_that_is_set_stays_as_it_is() {
    let mut world = World::new();
    let now = world.now_ms;
    world.turn(|turn| timers::ensure(turn, Kind::Lost, "b1", now + 10)).unwrap();
    world.turn(|turn| timers::ensure(turn, Kind::Lost, "b1", now + 99)).unwrap();
    assert_eq!(world.turn(|turn| timers::next_due(turn)).unwrap(), Some(now + 10));
}

#[test]
fn a_peer_away_for_an_hour_loses_its_jobs_but_a_late_answer_still_counts() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    world.leave("w1");
    world.pass(LOST_AFTER_MS);
    world.alarm();
    assert_eq!(state(&mut world, &wait.subject), Some(State::Lost));
    assert_eq!(world.answer(&wait).status, Status::Disconnected);
    world.attach("w2", "b1", &[]);
    world.update("w2", &wait.subject, "completed", "late");
    assert_eq!(state(&mut world, &wait.subject), Some(State::Completed));
}

#[test]
fn a_peer_that_came_back_loses_nothing() {
    let mut world = World::new();
    world.attach("w1", "b1", &["job_ack"]);
    let wait = world.dispatch_to("b1");
    world.progress("w1", &wait.subject, 0);
    world.leave("w1");
    world.pass(LOST_AFTER_MS - 1);
    world.attach("w2", "b1", &["job_ack"]);
    world.pass(LOST_AFTER_MS);
    world.alarm();
    assert_eq!(state(&mut world, &wait.subject), Some(State::Running));
}

#[test]
fn a_finished_job_is_kept_for_a_day_and_an_open_one_longer() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let (done, open) = (world.dispatch_to("b1"), world.dispatch_to("b1"));
    world.update("w1", &done.subject, "completed", "");
    world.pass(KEPT_MS);
    world.alarm();
    assert_eq!(state(&mut world, &done.subject), Some(State::Completed));
    world.pass(RETENTION_EVERY_MS);
    world.alarm();
    assert_eq!(state(&mut world, &done.subject), None);
    assert_eq!(state(&mut world, &open.subject), Some(State::Running));
}

#[test]
fn open_jobs_of_a_peer_that_went_without_a_word_are_lost_in_the_end() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    world.evict(&[]);
    world.pass(RETENTION_EVERY_MS);
    world.alarm();
    world.pass(LOST_AFTER_MS);
    world.alarm();
    assert_eq!(state(&mut world, &wait.subject), Some(State::Lost));
}

#[test]
fn a_bus_with_nothing_left_to_forget_sets_no_alarm() {
    let mut world = World::new();
    world.attach("w1", "b1", &[]);
    let wait = world.dispatch_to("b1");
    world.update("w1", &wait.subject, "completed", "");
    world.pass(KEPT_MS + 2 * RETENTION_EVERY_MS);
    world.alarm();
    world.effects.clear();
    world.pass(RETENTION_EVERY_MS);
    world.alarm();
    assert!(world.effects.is_empty(), "{:?}", world.effects);
}
