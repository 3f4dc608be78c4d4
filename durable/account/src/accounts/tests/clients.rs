//! What clients were allowed, and what of it ends when.

use super::super::{AfterLogin, Command, Effect, From, InBrowser, Reply};
use super::{Account, ada, permission};
use crate::codes::{CodeBinding, Exchange};
use crate::consents::Consent;
use crate::grants::Refusal;

/// A browser session, and whose it is.
fn signed_in(account: &mut Account, password: &str) -> (String, String) {
    let (username, password) = (ada(), password.to_owned());
    let login =
        Command::Login { username, password, dev_password: None, then: AfterLogin::Session, from: From::default() };
    let (Reply::SessionStarted { owner, session }, _) = account.ask(login) else { panic!("no session") };
    (session, owner.user_id)
}

/// Asks for a code on this consent, and comes with it.
fn code_on(account: &mut Account, session: &str, consent: Consent) -> Reply {
    let binding = CodeBinding {
        redirect_uri: "https://app.example/cb".into(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into(),
    };
    let (session, permission) = (session.to_owned(), permission());
    account.ask(InBrowser::IssueCode { permission, binding, consent }.by(session)).0
}

fn exchanged(account: &mut Account, issued: &Reply) -> Reply {
    let Reply::Code { code } = issued else { panic!("{issued:?}") };
    let exchange = Exchange {
        code: code.clone(),
        client_id: "client".into(),
        redirect_uri: None,
        code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
        audiences: vec!["https://bus.example".into()],
    };
    account.ask(Command::Exchange(exchange)).0
}

#[test]
fn a_remembered_client_needs_a_session_and_is_asked_about_again_once_it_was_revoked() {
    let mut account = Account::of_ada();
    let (session, user_id) = signed_in(&mut account, "lovelace");
    assert_eq!(code_on(&mut account, &session, Consent::Before), Reply::NotConsented);
    let issued = code_on(&mut account, &session, Consent::NowAndLater);
    let Reply::Granted { granted, .. } = exchanged(&mut account, &issued) else { panic!("not granted") };
    let pending = code_on(&mut account, &session, Consent::Before);
    assert_eq!(code_on(&mut account, "forged", Consent::Before), Reply::NoSession);
    assert_eq!(account.ask(InBrowser::ListClients.by("forged")).0, Reply::NoSession);
    let forget = |session: &str| InBrowser::ForgetClient { client_id: "client".into() }.by(session);
    assert_eq!(account.ask(forget("forged")), (Reply::NoSession, Vec::new()));
    let (reply, effects) = account.ask(forget(&session));
    assert_eq!((reply, effects), (Reply::Done, vec![Effect::RevokeOnBus { user_id, grant_id: granted.grant_id }]));
    assert_eq!(exchanged(&mut account, &pending), Reply::Refused { reason: Refusal::Unknown }, "a code on its way");
    assert_eq!(code_on(&mut account, &session, Consent::Before), Reply::NotConsented);
    assert_eq!(account.ask(InBrowser::ListClients.by(session)).0, Reply::Clients { clients: Vec::new() });
}

#[test]
fn the_owner_learns_what_is_behind_a_grant_and_nobody_else_does() {
    let mut account = Account::of_ada();
    let (session, _) = signed_in(&mut account, "lovelace");
    let issued = code_on(&mut account, &session, Consent::NowAndLater);
    let Reply::Granted { granted, .. } = exchanged(&mut account, &issued) else { panic!("not granted") };
    let asked = InBrowser::NamesOfGrants { grant_ids: vec![granted.grant_id.clone(), "g-of-nobody".to_owned()] };
    let (reply, effects) = account.ask(asked.clone().by(session));
    let names = [(granted.grant_id, permission().client_name)].into();
    assert_eq!((reply, effects), (Reply::NamesOfGrants { names }, Vec::new()));
    assert_eq!(account.ask(asked.by("forged")).0, Reply::NoSession);
}

#[test]
fn changing_the_password_forgets_consents_and_codes_on_their_way() {
    let mut account = Account::of_ada();
    let (first, _) = signed_in(&mut account, "lovelace");
    let pending = code_on(&mut account, &first, Consent::NowAndLater);
    let change = InBrowser::ChangePassword { old: "lovelace".into(), new: "correct horse".into() }.by(first);
    let Reply::SessionStarted { session, .. } = account.ask(change).0 else { panic!("not changed") };
    assert_eq!(exchanged(&mut account, &pending), Reply::Refused { reason: Refusal::Unknown });
    assert_eq!(code_on(&mut account, &session, Consent::Before), Reply::NotConsented);
}
