//! Authorization requests (OAuth 2.1 section 4.1.1): checks the client and its redirect URI, then the other parameters.

use kernel::access::Access;
use worker::{Env, Response};

use crate::http::error::{Code, Error, ascii};
use crate::http::parameters::{MAX_QUERY_BYTES, Parameters};
use crate::http::redirect::see_other;
use crate::oauth::client::Client;
use crate::oauth::redirect_uri::{self, Destination};
use crate::site::Site;

const MAX_STATE_BYTES: usize = 2048;

/// A request whose client and redirect URI are known, so that errors can be sent there.
pub struct TrustedRequest {
    pub client: Client,
    pub redirect_uri: String,
    pub destination: Destination,
    state: Option<String>,
}

/// What the request asks for. All parameters are valid.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestedAccess {
    pub scopes: Access,
    pub code_challenge: String,
    pub prompt: Prompt,
}

/// `prompt` (OpenID Connect Core section 3.1.2.1). `select_account` counts as `login`, since a browser has one session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prompt {
    pub none: bool,
    pub login: bool,
    pub consent: bool,
}

/// Finds the client and checks the redirect URI. Before this succeeds, nothing may be sent to either.
pub async fn find_trusted(query: &str, env: &Env, site: &Site) -> Result<TrustedRequest, Error> {
    let refused = |description: &str| Error::new(Code::InvalidRequest, description);
    if query.len() > MAX_QUERY_BYTES {
        return Err(refused("the authorization request is too long"));
    }
    let parameters = Parameters::parse(query);
    let client_id = parameters.required("client_id")?;
    let client = Client::find(client_id, env, site)
        .await?
        .ok_or_else(|| refused("client_id is not registered here: the client must register again"))?;
    let redirect_uri = match (parameters.optional("redirect_uri")?, client.redirect_uris.as_slice()) {
        (Some(uri), _) if client.may_redirect_to(uri) => uri.to_owned(),
        (Some(_), _) => return Err(refused("redirect_uri is not one that this client has registered")),
        (None, [only]) => only.clone(),
        (None, _) => return Err(refused("redirect_uri is missing, and this client has registered several")),
    };
    let destination = redirect_uri::check(&redirect_uri).map_err(|error| refused(&error.to_string()))?;
    // Reject a repeated `state` here, since error redirects carry it too.
    let state = parameters.optional("state")?.map(str::to_owned);
    Ok(TrustedRequest { client, redirect_uri, destination, state })
}

pub fn requested_access(parameters: &Parameters, site: &Site) -> Result<RequestedAccess, Error> {
    let refused = |code, description: &str| Err(Error::new(code, description));
    if parameters.required("response_type")? != "code" {
        return refused(Code::UnsupportedResponseType, "response_type must be code");
    }
    if parameters.optional("response_mode")?.is_some_and(|mode| mode != "query") {
        return refused(Code::InvalidRequest, "response_mode must be query");
    }
    let code_challenge = parameters.required("code_challenge")?;
    // A missing method means `plain` (RFC 7636), which is not accepted either.
    if parameters.optional("code_challenge_method")? != Some("S256") {
        return refused(Code::InvalidRequest, "code_challenge_method must be S256");
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if code_challenge.len() != 43 || !code_challenge.bytes().all(base64url) {
        return refused(Code::InvalidRequest, "code_challenge must be a SHA-256 in base64url: 43 characters");
    }
    if parameters.optional("state")?.is_some_and(|state| state.len() > MAX_STATE_BYTES) {
        return refused(Code::InvalidRequest, "state must have at most 2048 bytes");
    }
    if parameters.all("resource").any(|resource| !site.is_resource(resource)) {
        let description = format!("resource must be {0}/ or {0}/mcp", site.here);
        return Err(Error::new(Code::InvalidTarget, description));
    }
    let scopes = Access::requested(parameters.optional("scope")?)?;
    let prompts: Vec<&str> = parameters.optional("prompt")?.unwrap_or_default().split_whitespace().collect();
    let has = |name| prompts.contains(&name);
    if has("none") && prompts.len() > 1 {
        return refused(Code::InvalidRequest, "prompt=none cannot be combined with other values");
    }
    let prompt = Prompt { none: has("none"), login: has("login") || has("select_account"), consent: has("consent") };
    Ok(RequestedAccess { scopes, code_challenge: code_challenge.to_owned(), prompt })
}

/// The request to return to after a login. `prompt=login` is removed, since it would ask for a login again; `consent`
/// stays.
pub fn without_login_prompt(query: &str) -> String {
    let prompt = |pair: &&str| {
        let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
        pairs.next().filter(|(name, _)| name == "prompt").map(|(_, list)| list.into_owned())
    };
    let consent = query.split('&').filter_map(|pair| prompt(&pair)).any(|list| list.contains("consent"));
    let kept = query.split('&').filter(|pair| prompt(pair).is_none());
    kept.chain(consent.then_some("prompt=consent")).collect::<Vec<_>>().join("&")
}

impl TrustedRequest {
    /// Whether consent may be remembered. Only https redirects to public hosts identify a client: any program on the user's machine can
    /// listen on loopback or claim a scheme, and would inherit the consent of another (RFC 8252 section 8.6).
    pub fn is_rememberable(&self) -> bool {
        matches!(self.destination, Destination::Web { private: false, .. })
    }

    /// The redirect to the client with these parameters, `state` and `iss`.
    pub fn redirect(&self, site: &Site, parameters: &[(&str, &str)]) -> Result<Response, Error> {
        let state = self.state.as_deref().map(|state| ("state", state));
        // RFC 9207: `iss` tells the client which server answered.
        let all: Vec<_> = parameters.iter().copied().chain(state).chain([("iss", site.issuer.as_str())]).collect();
        Ok(see_other(&redirect_uri::with_parameters(&self.redirect_uri, &all))?.empty())
    }

    pub fn redirect_error(&self, site: &Site, error: &Error) -> Result<Response, Error> {
        let (_, code, description) = error.parts();
        self.redirect(site, &[("error", code), ("error_description", &ascii(&description))])
    }
}

#[cfg(test)]
mod tests {
    use super::{Prompt, RequestedAccess, requested_access, without_login_prompt};
    use crate::http::error::Error;
    use crate::http::parameters::Parameters;
    use crate::site::Site;
    use kernel::scopes::Scopes;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn asked(more: &str) -> Result<RequestedAccess, String> {
        let query = format!("response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256{more}");
        outcome(&query)
    }

    fn outcome(query: &str) -> Result<RequestedAccess, String> {
        let site = Site::for_tests("https://bus.example/");
        requested_access(&Parameters::parse(query), &site).map_err(|error| match error {
            Error::Rejected { code, .. } => code.name().to_owned(),
            other => other.to_string(),
        })
    }

    #[test]
    fn without_scope_looking_and_running_are_asked_for() {
        assert_eq!(asked("").unwrap().scopes.set, Scopes::BUS_READ.union(Scopes::BUS_DISPATCH));
    }

    #[test]
    fn pkce_cannot_be_left_out_or_weakened() {
        for query in [
            "response_type=code".to_owned(),
            format!("response_type=code&code_challenge={CHALLENGE}"),
            format!("response_type=code&code_challenge={CHALLENGE}&code_challenge_method=plain"),
            "response_type=code&code_challenge_method=S256".to_owned(),
            "response_type=code&code_challenge_method=S256&code_challenge=short".to_owned(),
            format!("response_type=code&code_challenge_method=S256&code_challenge={}", "%3D".repeat(43)),
        ] {
            assert_eq!(outcome(&query), Err("invalid_request".to_owned()), "{query}");
        }
    }

    #[test]
    fn what_is_asked_must_be_of_this_server() {
        assert_eq!(asked("&resource=https://evil.example/"), Err("invalid_target".to_owned()));
        assert_eq!(asked("&resource=https://bus.example/mcp&resource=https://x/"), Err("invalid_target".to_owned()));
        assert!(asked("&resource=https://bus.example/mcp&resource=https://bus.example").is_ok());
        assert_eq!(asked("&scope=admin").unwrap().scopes.set, Scopes::DEFAULT);
        assert_eq!(asked("&scope=bus:read,bus:dispatch").unwrap().scopes.set, Scopes::FOR_CLIENTS);
        assert_eq!(asked("&scope=openid+peer").unwrap().scopes.set, Scopes::PEER);
        assert_eq!(asked("&response_mode=fragment"), Err("invalid_request".to_owned()));
        assert_eq!(asked(&format!("&state={}", "x".repeat(2049))), Err("invalid_request".to_owned()));
        assert_eq!(outcome("response_type=token"), Err("unsupported_response_type".to_owned()));
    }

    #[test]
    fn prompts_are_followed_and_none_stands_alone() {
        let prompt = |none, login, consent| Prompt { none, login, consent };
        for (query, followed) in [
            ("", prompt(false, false, false)),
            ("&prompt=none", prompt(true, false, false)),
            ("&prompt=login+consent", prompt(false, true, true)),
            ("&prompt=consent", prompt(false, false, true)),
            ("&prompt=select_account", prompt(false, true, false)),
            ("&prompt=create", prompt(false, false, false)),
        ] {
            assert_eq!(asked(query).unwrap().prompt, followed, "{query}");
        }
        assert_eq!(asked("&prompt=none+login"), Err("invalid_request".to_owned()));
    }

    #[test]
    fn after_the_login_it_is_not_asked_for_again() {
        assert_eq!(without_login_prompt("a=1&prompt=login&b=2"), "a=1&b=2");
        assert_eq!(without_login_prompt("%70rompt=select_account&b=%26"), "b=%26");
        assert_eq!(without_login_prompt("prompt=login%20consent&a=1"), "a=1&prompt=consent");
    }
}
