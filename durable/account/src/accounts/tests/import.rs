//! The tokens of another server's download, made anew.

use kernel::access::{Access, Bound};
use kernel::scopes::Scopes;

use super::super::{Command, InBrowser, Reply};
use super::export::session;
use super::{Account, new_token};
use crate::access_tokens::{Listed, MAX_TOKENS, Refused};
use crate::accounts::Authority;
use crate::import::{Imported, Why};

const DAY_MS: i64 = 86_400_000;
const NOW_MS: i64 = 1_000 * DAY_MS;
const HERE: &str = "https://here.example";

fn listed(name: &str) -> Listed {
    Listed {
        token_id: "g-there".into(),
        name: name.into(),
        scopes: Access::new(Scopes::PEER, Some(Bound::Blender("studio-1".into()))),
        created_ms: 1,
        expires_ms: NOW_MS + 5 * DAY_MS / 2,
        last_used_ms: Some(2),
        made_by: None,
    }
}

fn import(account: &mut Account, session: &str, tokens: Vec<Listed>) -> Reply {
    account.ask_at(InBrowser::Import { tokens, audience: HERE.into() }.by(session), NOW_MS).0
}

fn imported(account: &mut Account, session: &str, tokens: Vec<Listed>) -> Imported {
    match import(account, session, tokens) {
        Reply::Imported { imported } => imported,
        other => panic!("{other:?}"),
    }
}

fn signed_in() -> (Account, String) {
    let mut account = Account::of_ada();
    let session = session(&mut account, NOW_MS);
    (account, session)
}

#[test]
fn a_token_is_made_anew_for_this_server_with_its_bound_and_its_end() {
    let (mut account, session) = signed_in();
    let done = imported(&mut account, &session, vec![listed("farm")]);
    let [made] = &done.made[..] else { panic!("{done:?}") };
    assert_eq!((made.listed.name.as_str(), &made.listed.scopes), ("farm", &listed("").scopes));
    assert_eq!(made.listed.expires_ms, NOW_MS + 3 * DAY_MS);
    assert_ne!(made.listed.token_id, "g-there");
    let find =
        |audience: &str| Command::UseAccessToken { token: made.secret.clone(), audiences: vec![audience.to_owned()] };
    assert!(matches!(account.ask_at(find(HERE), NOW_MS).0, Reply::AccessToken { .. }));
    assert_eq!(account.ask_at(find("https://there.example"), NOW_MS).0, Reply::NoAccessToken);
    let Reply::Audit { entries } = account.ask_at(InBrowser::ListAudit.by(session), NOW_MS).0 else { panic!("none") };
    let what: Vec<_> = entries.iter().map(|entry| entry.what.as_str()).collect();
    assert!(what.contains(&"data of another server imported") && what.contains(&"access token made"), "{what:?}");
}

#[test]
fn a_second_import_makes_no_doubles_and_what_cannot_be_made_is_named() {
    let (mut account, session) = signed_in();
    let ended = Listed { expires_ms: NOW_MS, ..listed("ended") };
    let of_client = Listed { made_by: Some("An app".into()), ..listed("of a client") };
    let empty = Listed { scopes: Access::default(), ..listed("empty") };
    let file = vec![listed("farm"), listed("farm"), ended, of_client, empty, listed(" ")];
    let whys = |done: &Imported| done.left_out.iter().map(|left| left.why.clone()).collect::<Vec<_>>();
    let refused = [Why::Ended, Why::MadeByClient, Why::Refused(Refused::Scopes), Why::Refused(Refused::Name)];
    let first = imported(&mut account, &session, file.clone());
    assert_eq!((first.made.len(), &whys(&first)[..1], &whys(&first)[1..]), (1, &[Why::IsThere][..], &refused[..]));
    let again = imported(&mut account, &session, file);
    assert_eq!((again.made.len(), again.left_out.len()), (0, 6));
    let Reply::AccessTokens { tokens } =
        account.ask_at(Command::ListAccessTokens { by: Authority::Session { session } }, NOW_MS).0
    else {
        panic!("no list")
    };
    assert_eq!(tokens.len(), 1);
}

#[test]
fn too_many_tokens_leave_all_of_them_unmade_and_a_longer_life_than_here_is_cut() {
    let (mut account, session) = signed_in();
    let by = Authority::Session { session: session.clone() };
    account.ask_at(Command::CreateAccessToken { by, new: new_token(Scopes::PEER) }, NOW_MS);
    let many = |count: i64| (0..count).map(|number| listed(&format!("token {number}"))).collect::<Vec<_>>();
    assert_eq!(
        import(&mut account, &session, many(MAX_TOKENS)),
        Reply::AccessTokenRefused { reason: Refused::TooMany }
    );
    let mut file = many(MAX_TOKENS - 1);
    file[0].expires_ms = i64::MAX;
    let done = imported(&mut account, &session, file);
    assert_eq!(done.made.len(), 99);
    assert_eq!(done.made[0].listed.expires_ms, NOW_MS + 366 * DAY_MS);
}

#[test]
fn nothing_is_imported_without_a_session() {
    let (mut account, _) = signed_in();
    assert_eq!(import(&mut account, "forged", vec![listed("farm")]), Reply::NoSession);
}
