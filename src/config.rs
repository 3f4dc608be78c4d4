//! The configuration. Nothing else at the edge reads environment variables and secrets.
use core::cell::OnceCell;
use std::rc::Rc;

use ::files::limits::Limits as FileLimits;
use url::Url;
use worker::Env;

/// The default of `ACCESS_TOKEN_TTL`: one hour.
const ACCESS_TOKEN_TTL_S: i64 = 3600;
/// The bus remembers a revoked grant for longer than this, so no access token outlives the record of its revocation.
const MAX_ACCESS_TOKEN_TTL_S: i64 = 86_400;

/// A shorter setup code could be guessed, and is ignored.
const MIN_SETUP_CODE_CHARACTERS: usize = 16;

/// What an operator can set. An invalid value counts as not set, which is always the safe choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `PUBLIC_ORIGIN`: the origin of this server, such as `https://bus.example.com`. If it is not set, the origin of
    /// each request is used.
    pub public_origin: Option<String>,
    /// `ACCESS_TOKEN_TTL`: the lifetime of an access token in seconds, 1 to 86400.
    pub access_token_ttl_s: i64,
    /// `DEV_ACCOUNTS`: `name:password,...`. Accounts for development; they can sign in over loopback only.
    pub dev_accounts: Vec<(String, String)>,
    /// `SIGNUP`: who may create an account: `closed` (the default), `invite` or `open`.
    pub signup: Signup,
    /// `SETUP_CODE`: accepted in place of the code that the first start logs; at least 16 characters.
    pub setup_code: Option<String>,
    /// `ALLOWED_ORIGINS`: `https://inspector.example.com,...`. Other web origins that may use the MCP endpoint.
    pub allowed_origins: Vec<String>,
    /// `OIDC_ISSUER` and the rest: a provider that people can sign in with.
    pub oidc: Option<Oidc>,
    /// `PASSWORD_LOGIN`: false if it is `off`; people then sign in with the provider only.
    pub password_login: bool,
    /// `METRICS_TOKEN`: opens `/metrics`; at least 16 characters. Without it nothing is counted.
    pub metrics_token: Option<String>,
    /// `OAUTH_CLIENTS`: clients that the operator has registered, as JSON.
    pub oauth_clients: Option<String>,
    /// `LIMIT_FILE_MIB` and the rest, which the object with the files reads too.
    pub file_limits: FileLimits,
}

/// An OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// `OIDC_ISSUER`, as the provider writes it.
    pub issuer: String,
    /// `OIDC_CLIENT_ID`: the id of this server at the provider.
    pub client_id: String,
    /// `OIDC_CLIENT_SECRET`: none for a public client.
    pub client_secret: Option<String>,
    /// `OIDC_NAME`: the provider's name as pages show it; its host if not set.
    pub name: Option<String>,
    /// `OIDC_ALLOW`: who of its users may sign in: `ada@example.org`, `@example.com` or `group:artists`, with commas
    /// between them. All of them if not set.
    pub allow: Vec<String>,
}

impl Oidc {
    /// The provider's name as pages show it.
    pub fn shown_name(&self) -> String {
        let host = || Url::parse(&self.issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        self.name.clone().or_else(host).unwrap_or_else(|| "the provider".to_owned())
    }
}

/// Who may create an account. The first administrator always can, with the setup code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signup {
    Closed,
    Invite,
    Open,
}

thread_local! {
    static KEPT: OnceCell<Rc<Config>> = const { OnceCell::new() };
}

impl Config {
    /// The configuration, read once per isolate: variables change only with a deploy, which starts new isolates.
    pub fn of(env: &Env) -> Rc<Self> {
        let read = || Rc::new(Self::read(|name| env.var(name).ok().map(|value| value.to_string())));
        KEPT.with(|kept| Rc::clone(kept.get_or_init(read)))
    }

    /// The configuration if this isolate has read it already.
    pub fn cached() -> Option<Rc<Self>> {
        KEPT.with(|kept| kept.get().map(Rc::clone))
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        Self {
            public_origin: set("PUBLIC_ORIGIN"),
            access_token_ttl_s: set("ACCESS_TOKEN_TTL")
                .and_then(|value| value.parse().ok())
                .filter(|seconds| (1..=MAX_ACCESS_TOKEN_TTL_S).contains(seconds))
                .unwrap_or(ACCESS_TOKEN_TTL_S),
            dev_accounts: set("DEV_ACCOUNTS").map_or_else(Vec::new, |list| accounts(&list)),
            signup: match set("SIGNUP").as_deref() {
                Some("invite") => Signup::Invite,
                Some("open") => Signup::Open,
                _ => Signup::Closed,
            },
            setup_code: set("SETUP_CODE").filter(|code| code.chars().count() >= MIN_SETUP_CODE_CHARACTERS),
            allowed_origins: set("ALLOWED_ORIGINS").map_or_else(Vec::new, |list| origins(&list)),
            oidc: set("OIDC_ISSUER").zip(set("OIDC_CLIENT_ID")).map(|(issuer, client_id)| Oidc {
                issuer,
                client_id,
                client_secret: set("OIDC_CLIENT_SECRET"),
                name: set("OIDC_NAME"),
                allow: set("OIDC_ALLOW").map_or_else(Vec::new, |list| {
                    list.split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect()
                }),
            }),
            metrics_token: set(metrics::TOKEN).filter(|token| metrics::is_token(token)),
            password_login: set("PASSWORD_LOGIN").as_deref() != Some("off"),
            oauth_clients: set("OAUTH_CLIENTS"),
            file_limits: FileLimits::read(&variable),
        }
    }
}

fn accounts(list: &str) -> Vec<(String, String)> {
    let pair = |item: &str| item.trim().split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()));
    list.split(',').filter_map(pair).filter(|(_, password)| !password.is_empty()).collect()
}

/// Origins as browsers write them: without a trailing slash.
fn origins(list: &str) -> Vec<String> {
    let written = |item: &str| item.trim().trim_end_matches('/').to_owned();
    list.split(',').map(written).filter(|origin| !origin.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{ACCESS_TOKEN_TTL_S, Config, Signup};

    fn config(name: &'static str, value: &'static str) -> Config {
        Config::read(move |asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn nothing_set_gives_no_account_and_an_hour() {
        let config = Config::read(|_| None);
        assert!(config.dev_accounts.is_empty() && config.public_origin.is_none());
        assert_eq!(config.access_token_ttl_s, 3600);
    }

    #[test]
    fn a_development_account_needs_a_password() {
        let accounts = config("DEV_ACCOUNTS", "demo:demo, ada:love:lace ,bare,empty:").dev_accounts;
        assert_eq!(accounts, [("demo".into(), "demo".into()), ("ada".into(), "love:lace".into())]);
    }

    #[test]
    fn signing_up_is_closed_unless_it_was_opened_in_so_many_words() {
        for value in ["", "closed", "Open", "yes", "true", "demo"] {
            assert_eq!(config("SIGNUP", value).signup, Signup::Closed, "{value}");
        }
        assert_eq!(config("SIGNUP", "invite").signup, Signup::Invite);
        assert_eq!(config("SIGNUP", "open").signup, Signup::Open);
        assert_eq!(config("SETUP_CODE", "short").setup_code, None);
    }

    #[test]
    fn a_provider_needs_an_issuer_and_a_client_id() {
        assert_eq!(config("OIDC_ISSUER", "https://idp.example").oidc, None);
        let set = |name: &str| match name {
            "OIDC_ISSUER" => Some("https://idp.example".to_owned()),
            "OIDC_CLIENT_ID" => Some("bus".to_owned()),
            "OIDC_ALLOW" => Some("a@b.example, @c.example,,group:artists ".to_owned()),
            _ => None,
        };
        let oidc = Config::read(set).oidc.unwrap();
        assert_eq!(oidc.allow, ["a@b.example", "@c.example", "group:artists"]);
        assert!(Config::read(set).password_login && !config("PASSWORD_LOGIN", "off").password_login);
    }

    #[test]
    fn an_allowed_origin_has_no_trailing_slash() {
        let origins = config("ALLOWED_ORIGINS", "https://a.example/, http://localhost:6274 ,,").allowed_origins;
        assert_eq!(origins, ["https://a.example", "http://localhost:6274"]);
    }

    #[test]
    fn a_lifetime_out_of_range_is_not_taken() {
        for value in ["0", "-5", "86401", "soon", "1e3", "99999999999999999999"] {
            assert_eq!(config("ACCESS_TOKEN_TTL", value).access_token_ttl_s, ACCESS_TOKEN_TTL_S, "{value}");
        }
        assert_eq!(config("ACCESS_TOKEN_TTL", " 2 ").access_token_ttl_s, 2);
    }
}
