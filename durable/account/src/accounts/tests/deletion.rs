//! Deleting an account, and what is owed afterwards.

use kernel::storage::Sql;

use super::{Account, ada, sign_up, user_id};
use crate::accounts::{AfterLogin, Command, Effect, InBrowser, Reply, handle, is_over, open, owed, performed};

fn signed_up(admin: bool) -> (Account, String, String) {
    let mut account = Account::absent();
    let Reply::SessionStarted { owner, session } = account.ask(sign_up("long enough", admin)).0 else { panic!() };
    (account, owner.user_id, session)
}

fn delete(session: &str, password: &str) -> Command {
    InBrowser::Delete { password: password.to_owned() }.by(session)
}

/// Rows of every table but the two that are to stay.
fn rows(account: &Account) -> usize {
    let tables = account.sql.query("SELECT name FROM sqlite_master WHERE type = 'table'", &[]).unwrap();
    let names = tables.iter().map(|row| row.text(0).unwrap());
    let counted = names.filter(|name| !matches!(name.as_str(), "schema_version" | "deletion"));
    counted.map(|name| account.sql.query(&format!("SELECT 1 FROM {name}"), &[]).unwrap().len()).sum()
}

#[test]
fn deleting_takes_the_password_and_leaves_no_row() {
    let (mut account, user_id, session) = signed_up(false);
    account.login("long enough", None);
    assert_eq!(account.ask(delete("forged", "long enough")).0, Reply::NoSession);
    assert_eq!(account.ask(delete(&session, "a wrong one")).0, Reply::WrongCredentials);
    assert!(rows(&account) > 3);
    let effect = Effect::EraseBus { user_id };
    assert_eq!(account.ask(delete(&session, "long enough")), (Reply::Done, vec![effect]));
    assert_eq!(rows(&account), 0);
    assert_eq!(account.ask(InBrowser::Who.by(session)).0, Reply::NoSession);
    assert_eq!(account.login("long enough", None), Reply::WrongCredentials);
}

#[test]
fn what_is_owed_is_owed_until_it_was_done_even_if_the_object_dies_first() {
    let (mut account, user_id, session) = signed_up(true);
    account.ask(delete(&session, "long enough"));
    open(&account.sql).unwrap();
    let erase = Effect::EraseBus { user_id };
    let release = Effect::ReleaseSetup { username: "ada".into() };
    assert_eq!(owed(&account.sql).unwrap(), [erase.clone(), release.clone()]);
    performed(&account.sql, &erase).unwrap();
    assert_eq!(owed(&account.sql).unwrap(), std::slice::from_ref(&release));
    assert!(!is_over(&account.sql).unwrap());
    performed(&account.sql, &release).unwrap();
    assert!(is_over(&account.sql).unwrap() && owed(&account.sql).unwrap().is_empty());
}

#[test]
fn until_the_bus_is_erased_nobody_takes_the_name() {
    let (mut account, _, session) = signed_up(false);
    account.ask(delete(&session, "long enough"));
    assert_eq!(account.ask(sign_up("another one", false)).0, Reply::NameTaken);
    assert_eq!(account.login("demo", Some("demo")), Reply::WrongCredentials);
}

#[test]
fn a_development_account_comes_back_as_another_user() {
    let mut account = Account::absent();
    let first = user_id(&account.login("demo", Some("demo"))).unwrap();
    let (username, dev_password) = (ada(), Some("demo".to_owned()));
    let login = Command::Login {
        username,
        password: "demo".into(),
        dev_password,
        then: AfterLogin::Session,
        from: crate::accounts::From::default(),
    };
    let Reply::SessionStarted { session, .. } = account.ask(login).0 else { panic!("no session") };
    account.ask(delete(&session, "demo"));
    performed(&account.sql, &Effect::EraseBus { user_id: first.clone() }).unwrap();
    // As the object does when all is over.
    let (sql, entropy) = (kernel::testing::Memory::new(), core::mem::take(&mut account.entropy));
    account = Account { sql, entropy };
    assert!(user_id(&account.login("demo", Some("demo"))).is_some_and(|second| second != first));
}

#[test]
fn guessing_the_password_to_delete_with_is_counted_as_guessing_at_login_is() {
    let (mut account, _, session) = signed_up(false);
    for _ in 0..10 {
        assert_eq!(account.ask(delete(&session, "guess")).0, Reply::WrongCredentials);
    }
    assert_eq!(account.ask(delete(&session, "long enough")).0, Reply::WrongCredentials);
}

#[test]
fn the_list_of_names_is_owed_each_account_and_each_deletion() {
    let (list, strike) = (Effect::ListName { username: "ada".into() }, Effect::UnlistName { username: "ada".into() });
    let mut account = Account::absent();
    let ask = |account: &mut Account, command| handle(&account.sql, command, 1, &mut account.entropy).unwrap();
    let (Reply::SessionStarted { session, .. }, told) = ask(&mut account, sign_up("long enough", false)) else {
        panic!()
    };
    assert_eq!(told, vec![list.clone()]);
    // The object may end before the list has it.
    let (_, told) = ask(&mut account, InBrowser::Who.by(session.as_str()));
    assert_eq!((told, owed(&account.sql).unwrap()), (vec![list.clone()], vec![list.clone()]));
    performed(&account.sql, &list).unwrap();
    assert_eq!(
        (ask(&mut account, InBrowser::Who.by(session.as_str())).1, owed(&account.sql).unwrap()),
        (vec![], vec![])
    );
    let (_, told) = ask(&mut account, delete(&session, "long enough"));
    assert!(told.contains(&strike) && owed(&account.sql).unwrap().contains(&strike));
    for effect in &told {
        assert!(!is_over(&account.sql).unwrap());
        performed(&account.sql, effect).unwrap();
    }
    assert!(is_over(&account.sql).unwrap());
}
