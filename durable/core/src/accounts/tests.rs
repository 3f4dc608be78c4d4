use super::{AfterLogin, Command, Effect, Reply, create, handle, open, owed};
use crate::grants::{Permission, Refresh, Refusal, told};
use crate::passwords;
use crate::scopes::Scopes;
use crate::storage::Sql;
use crate::testing::{Counter, Memory};
use crate::usernames::Username;

struct Account {
    sql: Memory,
    entropy: Counter,
}

impl Account {
    fn absent() -> Self {
        Self { sql: Memory::new(), entropy: Counter::default() }
    }

    fn of_ada() -> Self {
        let mut account = Self::absent();
        create(&account.sql, &ada(), false, 0, &mut account.entropy).unwrap();
        passwords::set(&account.sql, "lovelace", 0, &mut account.entropy).unwrap();
        account
    }

    fn ask(&mut self, command: Command) -> (Reply, Vec<Effect>) {
        handle(&self.sql, command, 1, &mut self.entropy).unwrap()
    }

    fn login(&mut self, password: &str, dev_password: Option<&str>) -> Reply {
        let dev_password = dev_password.map(str::to_owned);
        let then = AfterLogin::Grant(permission());
        self.ask(Command::Login { username: ada(), password: password.into(), dev_password, then }).0
    }

    fn tables(&self) -> usize {
        self.sql.query("SELECT name FROM sqlite_master", &[]).unwrap().len()
    }
}

fn ada() -> Username {
    Username::parse("ada").unwrap()
}

fn permission() -> Permission {
    Permission {
        client_id: "client".into(),
        client_name: String::new(),
        scopes: Scopes::ALL,
        audience: "https://bus.example".into(),
    }
}

fn user_id(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Granted { owner, .. } => Some(owner.user_id.clone()),
        _ => None,
    }
}

#[test]
fn the_right_password_gives_tokens_and_a_wrong_one_nothing() {
    let mut account = Account::of_ada();
    assert!(user_id(&account.login("lovelace", None)).is_some_and(|id| id.len() == 34 && id.starts_with("u-")));
    assert_eq!(account.login("Lovelace", None), Reply::WrongCredentials);
}

#[test]
fn guessing_at_a_name_without_account_stores_nothing() {
    let mut account = Account::absent();
    open(&account.sql).unwrap();
    assert_eq!(account.login("demo", None), Reply::WrongCredentials);
    assert_eq!(account.login("wrong", Some("demo")), Reply::WrongCredentials);
    assert_eq!(account.tables(), 0);
}

#[test]
fn a_development_account_appears_at_its_first_right_login_and_stays_the_same_user() {
    let mut account = Account::absent();
    let first = user_id(&account.login("demo", Some("demo")));
    assert!(first.is_some());
    assert_eq!(user_id(&account.login("demo", Some("demo"))), first);
}

#[test]
fn a_development_account_is_closed_to_everyone_else_than_loopback() {
    let mut account = Account::absent();
    account.login("demo", Some("demo"));
    assert_eq!(account.login("demo", None), Reply::WrongCredentials);
}

#[test]
fn a_changed_development_password_counts_and_the_old_one_no_longer() {
    let mut account = Account::absent();
    let first = user_id(&account.login("demo", Some("demo")));
    assert_eq!(account.login("demo", Some("changed")), Reply::WrongCredentials);
    assert_eq!(user_id(&account.login("changed", Some("changed"))), first);
    assert_eq!(user_id(&account.login("changed", Some("changed"))), first);
}

#[test]
fn a_development_password_opens_no_real_account() {
    assert_eq!(Account::of_ada().login("demo", Some("demo")), Reply::WrongCredentials);
}

#[test]
fn a_browser_session_names_its_owner_until_it_is_ended() {
    let mut account = Account::of_ada();
    let (username, password) = (ada(), "lovelace".to_owned());
    let login = Command::Login { username, password, dev_password: None, then: AfterLogin::Session };
    let (Reply::SessionStarted { owner, session }, _) = account.ask(login) else { panic!("no session") };
    assert_eq!(account.ask(Command::Session { session: session.clone() }).0, Reply::Owner { owner });
    assert_eq!(account.ask(Command::Session { session: "forged".into() }).0, Reply::NoSession);
    assert_eq!(account.ask(Command::EndSession { session: session.clone() }).0, Reply::Done);
    assert_eq!(account.ask(Command::Session { session }).0, Reply::NoSession);
}

#[test]
fn a_reused_refresh_token_is_reported_to_the_bus_even_if_the_object_dies_first() {
    let mut account = Account::of_ada();
    let Reply::Granted { owner, granted } = account.login("lovelace", None) else { panic!("no tokens") };
    let refresh = Refresh {
        token: granted.refresh_token,
        client_id: "client".into(),
        scopes: None,
        audiences: vec!["https://bus.example".into()],
    };
    for _ in 0..2 {
        assert!(matches!(account.ask(Command::Refresh(refresh.clone())).0, Reply::Granted { .. }));
    }
    let effect = Effect::RevokeOnBus { user_id: owner.user_id, grant_id: granted.grant_id.clone() };
    let refused = Reply::Refused { reason: Refusal::Reused };
    assert_eq!(account.ask(Command::Refresh(refresh)), (refused, vec![effect.clone()]));
    assert_eq!(owed(&account.sql).unwrap(), vec![effect]);
    told(&account.sql, &granted.grant_id).unwrap();
    assert!(owed(&account.sql).unwrap().is_empty());
}

#[test]
fn an_absent_account_answers_every_command() {
    let mut account = Account::absent();
    let refresh = Refresh { token: String::new(), client_id: String::new(), scopes: None, audiences: Vec::new() };
    assert_eq!(account.ask(Command::Refresh(refresh)).0, Reply::Refused { reason: Refusal::Unknown });
    assert_eq!(account.ask(Command::Session { session: String::new() }).0, Reply::NoSession);
    let (token, client_id) = (String::new(), String::new());
    assert_eq!(account.ask(Command::RevokeToken { token, client_id }).0, Reply::Done);
    assert_eq!(account.tables(), 0);
}
