//! Accounts whose owner signs in with a provider.

use super::{Account, sign_up};
use crate::accounts::{AfterLogin, Command, InBrowser, Reply};
use crate::usernames::Username;

fn identity() -> Username {
    Username::of_identity("https://idp.example", "248289761001")
}

fn sign_in(account: &mut Account, display_name: &str, now_ms: i64) -> (String, String) {
    let command = Command::SignInAs { username: identity(), display_name: display_name.to_owned() };
    match account.ask_at(command, now_ms).0 {
        Reply::SessionStarted { owner, session } => {
            assert_eq!(owner.shown(), display_name);
            (owner.user_id, session)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_identity_is_the_same_user_whatever_it_is_called() {
    let mut account = Account::absent();
    let (first, _) = sign_in(&mut account, "Ada", 1);
    assert_eq!(sign_in(&mut account, "Ada Lovelace", 2).0, first);
}

#[test]
fn nobody_signs_up_or_in_with_a_password_under_the_name_of_an_identity() {
    let mut account = Account::absent();
    let command = Command::SignUp { username: identity(), password: "long enough".into(), admin: false };
    assert_eq!(account.ask(command).0, Reply::NameTaken);
    let (_, session) = sign_in(&mut account, "Ada", 1);
    for password in ["", "long enough"] {
        let (username, password, then) = (identity(), password.to_owned(), AfterLogin::Session);
        let login =
            Command::Login { username, password, dev_password: None, then, from: crate::accounts::From::default() };
        assert_eq!(account.ask(login).0, Reply::WrongCredentials);
    }
    let change = InBrowser::ChangePassword { old: String::new(), new: "long enough".into() }.by(session);
    assert_eq!(account.ask(change).0, Reply::NoSession);
}

#[test]
fn a_provider_signs_in_to_no_account_of_this_server() {
    let mut account = Account::absent();
    account.ask(sign_up("long enough", false));
    let username = Username::parse("ada").unwrap();
    assert_eq!(account.ask(Command::SignInAs { username, display_name: "Ada".into() }).0, Reply::NameTaken);
}

#[test]
fn without_a_password_it_takes_a_fresh_sign_in_to_delete() {
    let mut account = Account::absent();
    let (_, session) = sign_in(&mut account, "Ada", 1);
    let delete = |session: &str| InBrowser::Delete { password: String::new() }.by(session);
    assert_eq!(account.ask_at(delete(&session), 700_000).0, Reply::WrongCredentials);
    let (_, session) = sign_in(&mut account, "Ada", 700_000);
    assert_eq!(account.ask_at(delete(&session), 700_001).0, Reply::Done);
}
