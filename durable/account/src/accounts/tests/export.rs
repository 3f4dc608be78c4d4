//! The download of what an account holds.

use super::super::{AfterLogin, Authority, Command, From, InBrowser, Reply};
use super::{Account, ada, permission};
use crate::access_tokens::NewToken;
use crate::export::Exported;

const NOW_MS: i64 = 5_000;

pub fn session(account: &mut Account, now_ms: i64) -> String {
    let then = AfterLogin::Session;
    let login = Command::Login {
        username: ada(),
        password: "lovelace".into(),
        dev_password: None,
        then,
        from: From::default(),
    };
    let Reply::SessionStarted { session, .. } = account.ask_at(login, now_ms).0 else { panic!("no session") };
    session
}

fn exported(account: &mut Account, session: &str) -> Exported {
    match account.ask_at(InBrowser::Export.by(session), NOW_MS).0 {
        Reply::Export { exported } => *exported,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_export_has_the_grants_tokens_and_audit_log_and_no_secret() {
    let mut account = Account::of_ada();
    let Reply::Granted { granted, .. } = account.login("lovelace", None) else { panic!("not granted") };
    let session = session(&mut account, 1);
    let by = Authority::Session { session: session.clone() };
    let new =
        NewToken { name: "farm".into(), scopes: permission().scopes, days: 7, audience: "https://bus.example".into() };
    let Reply::AccessTokenMade { token, listed } = account.ask(Command::CreateAccessToken { by, new }).0 else {
        panic!("no token")
    };
    let exported = exported(&mut account, &session);
    assert_eq!((exported.account.username.as_str(), exported.account.has_password), ("ada", true));
    assert_eq!(exported.access_tokens, core::slice::from_ref(&listed));
    let ids: Vec<_> = exported.grants.iter().map(|grant| grant.grant_id.as_str()).collect();
    assert!(ids.contains(&granted.grant_id.as_str()) && ids.contains(&listed.token_id.as_str()), "{ids:?}");
    assert!(exported.grants.iter().all(|grant| grant.used_ms.is_none()), "nothing was used since");
    assert!(exported.audit.iter().any(|entry| entry.what == "access token made"));
    let text = serde_json::to_string(&exported).unwrap();
    for secret in [token, granted.refresh_token, session] {
        assert!(!text.contains(&secret));
    }
}

#[test]
fn an_export_needs_a_session_and_is_written_to_the_audit_log() {
    let mut account = Account::of_ada();
    assert_eq!(account.ask(InBrowser::Export.by("forged")).0, Reply::NoSession);
    let session = session(&mut account, 1);
    let downloads = |exported: &Exported| {
        exported.audit.iter().filter(|entry| entry.what == "data downloaded").map(|entry| entry.times).sum::<i64>()
    };
    assert_eq!(downloads(&exported(&mut account, &session)), 0, "the forged one is not there");
    assert_eq!(downloads(&exported(&mut account, &session)), 1);
}
