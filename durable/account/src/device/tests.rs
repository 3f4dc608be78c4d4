use kernel::scopes::Scopes;
use kernel::storage::Sql;
use kernel::testing::{Counter, Memory};

use super::{Command, INTERVAL_MS, LIFETIME_MS, Reply, Requested, handle, shown, typed_code, user_code};

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
        handle(&self.sql, command, now_ms, &mut self.entropy).unwrap()
    }

    fn poll(&mut self, now_ms: i64) -> Reply {
        let (secret, client_id) = (self.secret.clone(), "client".to_owned());
        self.ask(Command::Poll { secret, client_id }, now_ms)
    }
}

fn begin() -> Command {
    let requested = Requested {
        client_id: "client".into(),
        client_name: "Blender".into(),
        publisher: None,
        scopes: Scopes::ALL.into(),
        audience: "https://bus.example".into(),
    };
    Command::Begin { requested }
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
        assert_eq!(handle(&sql, command, 0, &mut entropy).unwrap(), Reply::Expired);
    }
    assert!(sql.query("SELECT name FROM sqlite_master", &[]).unwrap().is_empty());
    assert_eq!(Device::begun().ask(begin(), 1), Reply::Occupied);
}

#[test]
fn nothing_that_is_stored_opens_anything() {
    let mut device = Device::begun();
    device.ask(allow(), 1);
    let rows = device.sql.query("SELECT * FROM request", &[]).unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!format!("{rows:?}").contains(&device.secret));
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
