use kernel::scopes::Scopes;
use kernel::storage::Sql;
use kernel::testing::{Counter, Memory};

use super::{
    AfterLogin, Authority, Command, Denial, Effect, From, InBrowser, Reply, create, handle, open, owed, performed,
};
use crate::access_tokens::NewToken;
use crate::browser_sessions;
use crate::failed_logins::LONGEST_PAUSE_MS;
use crate::grants::{Permission, Refresh, Refusal};
use crate::passwords;
use crate::usernames::Username;

mod clients;
mod deletion;
mod export;
mod import;
mod provider;
mod tokens;

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
        self.ask_at(command, 1)
    }

    /// What is told to the list of names is performed at once.
    fn ask_at(&mut self, command: Command, now_ms: i64) -> (Reply, Vec<Effect>) {
        let (reply, effects) = handle(&self.sql, command, now_ms, &mut self.entropy).unwrap();
        let (of_names, others): (Vec<_>, Vec<_>) = effects
            .into_iter()
            .partition(|effect| matches!(effect, Effect::ListName { .. } | Effect::UnlistName { .. }));
        of_names.iter().for_each(|effect| performed(&self.sql, effect).unwrap());
        (reply, others)
    }

    fn login(&mut self, password: &str, dev_password: Option<&str>) -> Reply {
        let dev_password = dev_password.map(str::to_owned);
        let then = AfterLogin::Grant(permission());
        self.ask(Command::Login {
            username: ada(),
            password: password.into(),
            dev_password,
            then,
            from: From::default(),
        })
        .0
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
        scopes: Scopes::ALL.into(),
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
    let login =
        Command::Login { username, password, dev_password: None, then: AfterLogin::Session, from: From::default() };
    let (Reply::SessionStarted { owner, session }, _) = account.ask(login) else { panic!("no session") };
    assert_eq!(account.ask(InBrowser::Who.by(session.clone())).0, Reply::Owner { owner });
    assert_eq!(account.ask(InBrowser::Who.by("forged")).0, Reply::NoSession);
    assert_eq!(account.ask(InBrowser::SignOut.by(session.clone())).0, Reply::Done);
    assert_eq!(account.ask(InBrowser::Who.by(session)).0, Reply::NoSession);
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
    assert_eq!(owed(&account.sql).unwrap(), vec![effect.clone()]);
    performed(&account.sql, &effect).unwrap();
    assert!(owed(&account.sql).unwrap().is_empty());
}

#[test]
fn an_absent_account_answers_every_command() {
    let mut account = Account::absent();
    let refresh = Refresh { token: String::new(), client_id: String::new(), scopes: None, audiences: Vec::new() };
    assert_eq!(account.ask(Command::Refresh(refresh)).0, Reply::Refused { reason: Refusal::Unknown });
    assert_eq!(account.ask(InBrowser::Who.by(String::new())).0, Reply::NoSession);
    let (token, client_id) = (String::new(), String::new());
    assert_eq!(account.ask(Command::RevokeToken { token, client_id }).0, Reply::Done);
    assert_eq!(account.tables(), 0);
}

#[test]
fn guessing_makes_even_the_right_password_wait_and_then_it_counts_again() {
    let mut account = Account::of_ada();
    for _ in 0..10 {
        assert_eq!(account.login("guess", None), Reply::WrongCredentials);
    }
    assert_eq!(account.login("lovelace", None), Reply::WrongCredentials);
    let (username, password) = (ada(), "lovelace".to_owned());
    let login =
        Command::Login { username, password, dev_password: None, then: AfterLogin::Session, from: From::default() };
    assert!(matches!(account.ask_at(login, LONGEST_PAUSE_MS).0, Reply::SessionStarted { .. }));
}

fn new_token(scopes: Scopes) -> NewToken {
    NewToken { name: "farm".into(), scopes: scopes.into(), days: 90, audience: "https://bus.example".into() }
}

fn scopes_of(account: &mut Account, token: &str) -> Option<Scopes> {
    let audiences = vec!["https://bus.example".to_owned()];
    match account.ask(Command::UseAccessToken { token: token.to_owned(), audiences }).0 {
        Reply::AccessToken { held, .. } => Some(held.scopes.set),
        _ => None,
    }
}

#[test]
fn the_owner_makes_lists_and_revokes_access_tokens() {
    let mut account = Account::absent();
    let Reply::SessionStarted { owner, session } = account.ask(sign_up("long enough", false)).0 else { panic!() };
    let by = Authority::Session { session };
    let make = Command::CreateAccessToken { by: by.clone(), new: new_token(Scopes::PEER) };
    let Reply::AccessTokenMade { token, listed } = account.ask(make).0 else { panic!("no token") };
    assert_eq!(scopes_of(&mut account, &token), Some(Scopes::PEER));
    let (listing, _) = account.ask(Command::ListAccessTokens { by: by.clone() });
    assert!(matches!(listing, Reply::AccessTokens { tokens } if tokens[0].token_id == listed.token_id));
    let revoke = Command::RevokeAccessToken { by, token_id: listed.token_id.clone() };
    let effect = Effect::RevokeOnBus { user_id: owner.user_id, grant_id: listed.token_id };
    assert_eq!(account.ask(revoke.clone()), (Reply::Done, vec![effect]));
    assert_eq!(account.ask(revoke), (Reply::NoAccessToken, vec![]));
    assert_eq!(scopes_of(&mut account, &token), None);
}

#[test]
fn an_access_token_manages_no_access_tokens_and_nothing_gives_more_than_it_has() {
    let mut account = Account::of_ada();
    let Reply::Granted { granted, .. } = account.login("lovelace", None) else { panic!("no tokens") };
    let weak = Authority::Grant { grant_id: granted.grant_id.clone(), scopes: Scopes::BUS_READ.into() };
    let refused = |reason| Reply::NotAllowed { reason };
    let more = Command::CreateAccessToken { by: weak.clone(), new: new_token(Scopes::ALL) };
    assert_eq!(account.ask(more).0, refused(Denial::ScopeExceeded));
    let same = Command::CreateAccessToken { by: weak, new: new_token(Scopes::BUS_READ) };
    let session = browser_sessions::start(&account.sql, 1, &mut account.entropy).unwrap();
    let new = new_token(Scopes::BUS_READ);
    account.ask(InBrowser::ApproveAccessToken { grant_id: granted.grant_id.clone(), new }.by(session));
    let Reply::AccessTokenMade { listed, .. } = account.ask(same).0 else { panic!("no token") };
    let by = Authority::Grant { grant_id: listed.token_id.clone(), scopes: Scopes::ALL.into() };
    let ended = Authority::Session { session: "forged".into() };
    for (by, reason) in [(by, Denial::IsAccessToken), (ended, Denial::Ended)] {
        let token_id = listed.token_id.clone();
        for command in [
            Command::CreateAccessToken { by: by.clone(), new: new_token(Scopes::BUS_READ) },
            Command::ListAccessTokens { by: by.clone() },
            Command::RevokeAccessToken { by: by.clone(), token_id },
        ] {
            assert_eq!(account.ask(command).0, refused(reason));
        }
    }
}

fn sign_up(password: &str, admin: bool) -> Command {
    Command::SignUp { username: ada(), password: password.into(), admin }
}

#[test]
fn signing_up_makes_an_account_once_and_with_a_password_of_some_length() {
    let mut account = Account::absent();
    assert_eq!(account.ask(sign_up("ninechars", false)).0, Reply::WeakPassword);
    assert_eq!(account.ask(sign_up(&"x".repeat(1025), false)).0, Reply::WeakPassword);
    assert_eq!(account.tables(), 0);
    assert!(matches!(account.ask(sign_up("long enough", false)).0, Reply::SessionStarted { .. }));
    assert_eq!(account.ask(sign_up("another one", true)).0, Reply::NameTaken);
    assert!(user_id(&account.login("long enough", None)).is_some());
    assert_eq!(account.login("another one", None), Reply::WrongCredentials);
}

#[test]
fn changing_the_password_signs_everything_else_out() {
    let mut account = Account::absent();
    let Reply::SessionStarted { session, .. } = account.ask(sign_up("long enough", false)).0 else { panic!() };
    let Reply::Granted { owner, granted } = account.login("long enough", None) else { panic!("no tokens") };
    let change =
        |old: &str, new: &str| InBrowser::ChangePassword { old: old.into(), new: new.into() }.by(session.clone());
    assert_eq!(account.ask(change("wrong", "another one")).0, Reply::WrongCredentials);
    assert_eq!(account.ask(change("long enough", "short")).0, Reply::WeakPassword);
    let (reply, effects) = account.ask(change("long enough", "another one"));
    let Reply::SessionStarted { session: fresh, .. } = reply else { panic!("{reply:?}") };
    let effect = Effect::RevokeOnBus { user_id: owner.user_id.clone(), grant_id: granted.grant_id };
    assert_eq!(effects, vec![effect]);
    assert_eq!(account.ask(change("another one", "yet another one")).0, Reply::NoSession);
    assert_eq!(account.ask(InBrowser::Who.by(fresh)).0, Reply::Owner { owner });
    assert_eq!(account.login("long enough", None), Reply::WrongCredentials);
    assert!(user_id(&account.login("another one", None)).is_some());
}

#[test]
fn guessing_the_old_password_is_counted_as_guessing_at_login_is() {
    let mut account = Account::absent();
    let Reply::SessionStarted { session, .. } = account.ask(sign_up("long enough", false)).0 else { panic!() };
    let mut change = |old: &str| {
        let (session, old, new) = (session.clone(), old.to_owned(), "another one".to_owned());
        account.ask(InBrowser::ChangePassword { old, new }.by(session)).0
    };
    for _ in 0..10 {
        assert_eq!(change("guess"), Reply::WrongCredentials);
    }
    assert_eq!(change("long enough"), Reply::WrongCredentials);
}

#[test]
fn only_an_administrator_invites() {
    for admin in [false, true] {
        let mut account = Account::absent();
        let Reply::SessionStarted { session, .. } = account.ask(sign_up("long enough", admin)).0 else { panic!() };
        let is = Reply::Standing { is_administrator: admin, has_password: true };
        assert_eq!(account.ask(InBrowser::Standing.by(session.clone())).0, is);
        let made = account.ask(InBrowser::MakeInvite.by(session)).0;
        assert_eq!(matches!(made, Reply::Invite { .. }), admin);
        assert_eq!(account.ask(InBrowser::MakeInvite.by("forged")).0, Reply::NoInvite);
    }
}
