use kernel::scopes::Scopes;
use kernel::storage::Sql;
use kernel::testing::{Counter, Memory};

use super::{
    CODE_BYTES, Command, INTERVAL_MS, LIFETIME_MS, OPEN_MAX, Question, Reply, Requested, SHARDS, handle, shard, shown,
    sweep, typed_code, user_code,
};

const CODE: [u8; CODE_BYTES] = [7; CODE_BYTES];

struct Device {
    sql: Memory,
    entropy: Counter,
    secret: String,
}

impl Device {
    fn begun() -> Self {
        let mut device = Self { sql: Memory::new(), entropy: Counter::default(), secret: String::new() };
        let Reply::Begun { secret } = device.ask(begin(), 0) else { panic!("not begun") };
        device.secret = secret;
        device
    }

    fn ask(&mut self, command: Command, now_ms: i64) -> Reply {
        handle(&self.sql, Question { code: CODE, command }, now_ms, &mut self.entropy).unwrap()
    }

    fn poll(&mut self, now_ms: i64) -> Reply {
        let (secret, client_id) = (self.secret.clone(), "client".to_owned());
        self.ask(Command::Poll { secret, client_id }, now_ms)
    }
}

fn begin() -> Command {
    begin_from("192.0.2.0/24")
}

fn begin_from(network: &str) -> Command {
    let requested = Requested {
        client_id: "client".into(),
        client_name: "Blender".into(),
        publisher: None,
        scopes: Scopes::ALL.into(),
        audience: "https://bus.example".into(),
    };
    Command::Begin { requested, network: network.into() }
}

fn allow() -> Command {
    Command::Decide { account: Some("route".into()) }
}

#[test]
fn rfc8628_a_device_waits_and_gets_what_was_allowed_once() {
    let mut device = Device::begun();
    assert_eq!(device.poll(0), Reply::Pending);
    assert_eq!(device.ask(allow(), 1), Reply::Done);
    assert_eq!(device.poll(2), Reply::Allowed { account: "route".into() });
    assert_eq!(device.poll(60_000), Reply::Refused);
}

#[test]
fn rfc8628_a_device_that_hurries_has_to_wait_longer_each_time() {
    let mut device = Device::begun();
    assert_eq!(device.poll(0), Reply::Pending);
    assert_eq!(device.poll(INTERVAL_MS), Reply::Pending);
    assert_eq!(device.poll(INTERVAL_MS + 4_000), Reply::SlowDown);
    // From now on ten seconds, and the hurried question counts as one.
    assert_eq!(device.poll(INTERVAL_MS + 13_000), Reply::SlowDown);
    assert_eq!(device.poll(INTERVAL_MS + 28_000), Reply::Pending);
    assert_eq!(device.poll(INTERVAL_MS + 43_000), Reply::Pending);
}

#[test]
fn rfc8628_a_denied_device_is_told_so_and_nobody_decides_twice() {
    let mut device = Device::begun();
    assert_eq!(device.ask(Command::Decide { account: None }, 1), Reply::Done);
    assert_eq!(device.ask(allow(), 2), Reply::Expired);
    assert_eq!(device.ask(Command::Look, 2), Reply::Expired);
    assert_eq!(device.poll(3), Reply::Denied);
    assert_eq!(device.poll(60_000), Reply::Denied);
}

#[test]
fn rfc8628_after_ten_minutes_there_is_nothing_to_allow_or_to_get() {
    let mut device = Device::begun();
    assert_eq!(device.ask(allow(), LIFETIME_MS - 1), Reply::Done);
    assert_eq!(device.poll(LIFETIME_MS), Reply::Expired);
    let mut device = Device::begun();
    assert_eq!(device.ask(allow(), LIFETIME_MS), Reply::Expired);
    assert_eq!(device.ask(Command::Look, LIFETIME_MS), Reply::Expired);
    assert!(matches!(device.ask(begin(), LIFETIME_MS), Reply::Begun { .. }), "the code is free again");
}

#[test]
fn only_the_client_that_began_and_holds_the_secret_gets_anything() {
    let mut device = Device::begun();
    device.ask(allow(), 1);
    let (secret, client_id) = (device.secret.clone(), "other".to_owned());
    assert_eq!(device.ask(Command::Poll { secret, client_id }, 2), Reply::Refused);
    let (secret, client_id) = ("guess".to_owned(), "client".to_owned());
    assert_eq!(device.ask(Command::Poll { secret, client_id }, 2), Reply::Refused);
    assert_eq!(device.poll(3), Reply::Allowed { account: "route".into() });
}

#[test]
fn a_code_that_nobody_has_stores_nothing_and_one_that_somebody_has_is_not_given_twice() {
    let (sql, mut entropy) = (Memory::new(), Counter::default());
    for command in [Command::Look, allow(), Command::Poll { secret: String::new(), client_id: String::new() }] {
        assert_eq!(handle(&sql, Question { code: CODE, command }, 0, &mut entropy).unwrap(), Reply::Expired);
    }
    assert!(sql.query("SELECT name FROM sqlite_master", &[]).unwrap().is_empty());
    assert_eq!(Device::begun().ask(begin(), 1), Reply::Occupied);
}

#[test]
fn nothing_that_is_stored_opens_anything() {
    let mut device = Device::begun();
    device.ask(allow(), 1);
    let rows = device.sql.query("SELECT * FROM requests", &[]).unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!format!("{rows:?}").contains(&device.secret));
}

/// One object, and what is asked of it about the code of a number.
#[derive(Default)]
struct Shard {
    sql: Memory,
    entropy: Counter,
}

impl Shard {
    fn ask(&mut self, number: i64, command: Command, now_ms: i64) -> Reply {
        let code = i128::from(number).to_be_bytes();
        handle(&self.sql, Question { code, command }, now_ms, &mut self.entropy).unwrap()
    }

    fn begun(&mut self, number: i64, network: &str, now_ms: i64) -> String {
        let Reply::Begun { secret } = self.ask(number, begin_from(network), now_ms) else { panic!("not begun") };
        secret
    }

    fn poll(&mut self, number: i64, secret: &str, now_ms: i64) -> Reply {
        self.ask(number, Command::Poll { secret: secret.into(), client_id: "client".into() }, now_ms)
    }

    fn open(&self) -> i64 {
        self.sql.query("SELECT COUNT(*) FROM requests", &[]).unwrap().first().unwrap().integer(0).unwrap()
    }
}

#[test]
fn sign_ins_that_share_an_object_know_nothing_of_each_other() {
    let mut shard = Shard::default();
    let (first, second) = (shard.begun(1, "a", 0), shard.begun(2, "a", 0));
    assert_eq!(shard.poll(1, &second, 0), Reply::Refused);
    assert_eq!(shard.ask(1, allow(), 1), Reply::Done);
    assert_eq!(shard.poll(2, &second, 1), Reply::Pending);
    assert_eq!(shard.ask(2, Command::Decide { account: None }, 2), Reply::Done);
    assert_eq!(shard.poll(1, &first, 3), Reply::Allowed { account: "route".into() });
    assert_eq!((shard.poll(1, &first, 4), shard.poll(2, &second, 4)), (Reply::Refused, Reply::Denied));
}

#[test]
fn what_has_ended_goes_and_the_rest_says_when_it_ends() {
    let mut shard = Shard::default();
    assert_eq!(sweep(&shard.sql, 0).unwrap(), None);
    assert!(shard.sql.query("SELECT name FROM sqlite_master", &[]).unwrap().is_empty(), "asking makes no table");
    shard.begun(1, "a", 0);
    shard.begun(2, "a", 1_000);
    assert_eq!((sweep(&shard.sql, LIFETIME_MS - 1).unwrap(), shard.open()), (Some(LIFETIME_MS), 2));
    assert_eq!((sweep(&shard.sql, LIFETIME_MS).unwrap(), shard.open()), (Some(LIFETIME_MS + 1_000), 1));
    // Beginning sweeps too: no row depends on the alarm alone.
    shard.begun(3, "a", LIFETIME_MS + 1_000);
    assert_eq!(shard.open(), 1);
    assert_eq!(sweep(&shard.sql, 2 * LIFETIME_MS + 1_000).unwrap(), None);
}

#[test]
fn a_flood_pushes_out_its_own_codes_and_nobody_elses() {
    let mut shard = Shard::default();
    let real = shard.begun(-1, "192.0.2.0/24", 0);
    for number in 0..2 * OPEN_MAX {
        shard.begun(number, if number % 3 == 0 { "198.51.100.0/24" } else { "203.0.113.0/24" }, number);
    }
    assert_eq!(shard.open(), OPEN_MAX);
    assert_eq!(shard.poll(-1, &real, 2 * OPEN_MAX), Reply::Pending, "the oldest of all, of a quiet network");
    let late = shard.begun(-2, "192.0.2.0/24", 2 * OPEN_MAX);
    assert_eq!((shard.poll(-2, &late, 2 * OPEN_MAX), shard.open()), (Reply::Pending, OPEN_MAX));
    assert_eq!(shard.ask(1, Command::Look, 2 * OPEN_MAX), Reply::Expired, "the oldest of the loudest network");
}

#[test]
fn codes_are_spread_over_all_objects() {
    let mut names: Vec<String> = (0..=255).map(|first| shard(&[first; CODE_BYTES])).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), usize::from(SHARDS));
}

#[test]
fn a_user_code_has_eight_consonants_and_is_read_however_it_is_typed() {
    struct Bytes(u8);
    impl kernel::ids::Entropy for Bytes {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), kernel::ids::EntropyError> {
            for byte in bytes {
                *byte = self.0;
                self.0 = self.0.wrapping_add(7);
            }
            Ok(())
        }
    }
    for seed in 0..=255 {
        let code = user_code(&mut Bytes(seed)).unwrap();
        assert_eq!((code.len(), typed_code(&code)), (8, Some(code.clone())), "{code}");
        assert!(!code.contains(['A', 'E', 'I', 'O', 'U', 'Y']) && shown(&code).len() == 9);
    }
    for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "b-c-d-f-g-h-j-k"] {
        assert_eq!(typed_code(typed).as_deref(), Some("BCDFGHJK"), "{typed}");
    }
    for typed in ["", "BCDFGHJ", "BCDFGHJKL", "ACDFGHJK", "BCDF_GHJK", "BCDFGHJ\u{212a}", &"B".repeat(100_000)] {
        assert_eq!(typed_code(typed), None, "{typed}");
    }
}
