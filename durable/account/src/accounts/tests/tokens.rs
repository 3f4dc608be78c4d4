//! Access tokens that clients make: only as the owner agrees, and no longer than the client lasts.

use kernel::scopes::Scopes;

use super::{Account, ada, new_token, scopes_of};
use crate::access_tokens::NewToken;
use crate::accounts::{AfterLogin, Authority, Command, Denial, Effect, From, InBrowser, Reply};
use crate::grants::{Granted, Refresh};

const ORIGIN: &str = "https://bus.example";

fn signed_in(account: &mut Account) -> (String, Granted) {
    let login = Command::Login {
        username: ada(),
        password: "lovelace".into(),
        dev_password: None,
        then: AfterLogin::Session,
        from: From::default(),
    };
    let Reply::SessionStarted { session, .. } = account.ask(login).0 else { panic!("no session") };
    let Reply::Granted { granted, .. } = account.login("lovelace", None) else { panic!("no tokens") };
    (session, granted)
}

fn by(granted: &Granted) -> Authority {
    Authority::Grant { grant_id: granted.grant_id.clone(), scopes: granted.scopes.clone() }
}

fn approve(account: &mut Account, session: &str, granted: &Granted, new: &NewToken) -> Reply {
    let (session, grant_id) = (session.to_owned(), granted.grant_id.clone());
    account.ask(InBrowser::ApproveAccessToken { grant_id, new: new.clone() }.by(session)).0
}

fn make(account: &mut Account, granted: &Granted) -> (String, String) {
    let create = Command::CreateAccessToken { by: by(granted), new: new_token(Scopes::PEER) };
    let Reply::AccessTokenMade { token, listed } = account.ask(create).0 else { panic!("no token") };
    (token, listed.token_id)
}

#[test]
fn a_client_makes_a_token_once_the_owner_has_agreed_to_just_that_one() {
    let mut account = Account::of_ada();
    let (session, granted) = signed_in(&mut account);
    let create = Command::CreateAccessToken { by: by(&granted), new: new_token(Scopes::PEER) };
    let refused = Reply::NotAllowed { reason: Denial::NotApproved };
    assert_eq!(account.ask(create.clone()).0, refused);
    assert_eq!(approve(&mut account, "forged", &granted, &new_token(Scopes::PEER)), Reply::NoSession);
    assert_eq!(account.ask(create.clone()).0, refused);
    assert_eq!(approve(&mut account, &session, &granted, &new_token(Scopes::PEER)), Reply::Done);
    let other = Command::CreateAccessToken { by: by(&granted), new: new_token(Scopes::ALL) };
    assert_eq!(account.ask(other).0, refused);
    assert!(matches!(account.ask(create.clone()).0, Reply::AccessTokenMade { .. }));
    assert_eq!(account.ask(create).0, refused);
}

#[test]
fn a_token_ends_with_the_client_that_made_it() {
    type End = fn(&mut Account, &str, &Granted) -> Vec<Effect>;
    let refresh = |granted: &Granted| {
        let (token, client_id) = (granted.refresh_token.clone(), "client".to_owned());
        Command::Refresh(Refresh { token, client_id, scopes: None, audiences: vec![ORIGIN.into()] })
    };
    let ends: [(&str, End); 4] = [
        ("revoked at the page", |account, session, _| {
            account.ask(InBrowser::ForgetClient { client_id: "client".into() }.by(session)).1
        }),
        ("revoked by the client", |account, _, granted| {
            let token = granted.refresh_token.clone();
            account.ask(Command::RevokeToken { token, client_id: "client".into() }).1
        }),
        ("access token revoked by the client", |account, _, granted| {
            let grant_id = granted.grant_id.clone();
            account.ask(Command::RevokeGrant { grant_id, client_id: "client".into() }).1
        }),
        ("refresh token reused", |_, _, _| Vec::new()),
    ];
    for (how, end) in ends {
        let mut account = Account::of_ada();
        let (session, granted) = signed_in(&mut account);
        approve(&mut account, &session, &granted, &new_token(Scopes::PEER));
        let (token, token_id) = make(&mut account, &granted);
        assert_eq!(scopes_of(&mut account, &token), Some(Scopes::PEER));
        let mut effects = end(&mut account, &session, &granted);
        if how == "refresh token reused" {
            for _ in 0..3 {
                effects = account.ask(refresh(&granted)).1;
            }
        }
        let told = |id: &str| {
            effects.iter().any(|effect| matches!(effect, Effect::RevokeOnBus { grant_id, .. } if grant_id == id))
        };
        assert!(told(&granted.grant_id) && told(&token_id), "{how}: {effects:?}");
        assert_eq!(scopes_of(&mut account, &token), None, "{how}");
    }
}

#[test]
fn a_client_revokes_its_own_tokens_and_the_owner_all() {
    let mut account = Account::of_ada();
    let (session, granted) = signed_in(&mut account);
    let owner = Authority::Session { session: session.clone() };
    let of_owner = Command::CreateAccessToken { by: owner.clone(), new: new_token(Scopes::PEER) };
    let Reply::AccessTokenMade { token, listed } = account.ask(of_owner).0 else { panic!("no token") };
    let revoke = |by: Authority, token_id: &str| Command::RevokeAccessToken { by, token_id: token_id.into() };
    assert_eq!(account.ask(revoke(by(&granted), &listed.token_id)).0, Reply::NoAccessToken);
    assert_eq!(scopes_of(&mut account, &token), Some(Scopes::PEER));
    approve(&mut account, &session, &granted, &new_token(Scopes::PEER));
    let (_, own) = make(&mut account, &granted);
    assert_eq!(account.ask(revoke(by(&granted), &own)).0, Reply::Done);
    assert_eq!(account.ask(revoke(owner, &listed.token_id)).0, Reply::Done);
}

#[test]
fn nothing_is_agreed_to_that_the_client_could_not_do_itself() {
    let mut account = Account::of_ada();
    let (session, granted) = signed_in(&mut account);
    let own = Command::CreateAccessToken {
        by: Authority::Session { session: session.clone() },
        new: new_token(Scopes::PEER),
    };
    let Reply::AccessTokenMade { listed, .. } = account.ask(own).0 else { panic!("no token") };
    let token = Granted { grant_id: listed.token_id, ..granted.clone() };
    let unknown = Granted { grant_id: "g-unknown".into(), ..granted.clone() };
    let is = |reason| Reply::NotAllowed { reason };
    assert_eq!(approve(&mut account, &session, &token, &new_token(Scopes::PEER)), is(Denial::IsAccessToken));
    assert_eq!(approve(&mut account, &session, &unknown, &new_token(Scopes::PEER)), is(Denial::Ended));
    let senseless = NewToken { days: 0, ..new_token(Scopes::PEER) };
    assert!(matches!(approve(&mut account, &session, &granted, &senseless), Reply::AccessTokenRefused { .. }));
}

#[test]
fn what_touches_rights_is_written_down_without_secrets() {
    let mut account = Account::of_ada();
    account.login("wrong", None);
    let (session, granted) = signed_in(&mut account);
    approve(&mut account, &session, &granted, &new_token(Scopes::PEER));
    let (token, token_id) = make(&mut account, &granted);
    account.ask(Command::RevokeAccessToken { by: by(&granted), token_id });
    account.ask(InBrowser::ForgetClient { client_id: "client".into() }.by(session.clone()));
    let change = InBrowser::ChangePassword { old: "nonsense".into(), new: "long enough".into() }.by(session.clone());
    account.ask(change);
    let Reply::Audit { entries } = account.ask(InBrowser::ListAudit.by(session.clone())).0 else { panic!() };
    let mut found: Vec<_> = entries.iter().map(|entry| entry.what.as_str()).collect();
    found.sort_unstable();
    let expected = [
        "access token agreed to",
        "access token made",
        "access token revoked",
        "client revoked",
        "sign-in failed",
        "signed in with the password",
        "wrong password",
    ];
    assert_eq!(found, expected);
    let text = format!("{entries:?}");
    for secret in [token.as_str(), session.as_str(), &granted.refresh_token, "lovelace", "nonsense"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(account.ask(InBrowser::ListAudit.by("forged")).0, Reply::NoSession);
}

#[test]
fn a_stranger_does_not_keep_the_owner_out() {
    let mut account = Account::of_ada();
    let mut login = |address: &str, browser: Option<&str>, password: &str, now_ms: i64| {
        let from = From { address: address.into(), browser: browser.map(str::to_owned) };
        let command = Command::Login {
            username: ada(),
            password: password.into(),
            dev_password: None,
            then: AfterLogin::Session,
            from,
        };
        matches!(account.ask_at(command, now_ms).0, Reply::SessionStarted { .. })
    };
    for second in 0..40 {
        assert!(!login("198.51.100.0/24", None, "guess", second * 1000));
    }
    assert!(!login("198.51.100.0/24", None, "lovelace", 40_000), "the guesser's own network waits");
    assert!(login("192.0.2.0/24", None, "lovelace", 40_000), "a quiet network does not");
    assert!(login("198.51.100.0/24", Some("known"), "lovelace", 40_000), "nor does a known browser");
}
