//! Client metadata (RFC 7591), with one set of rules for its three sources: registration, metadata documents, and this
//! server's configuration.

use serde::Deserialize;

use crate::http::error::{Code, Error};
use crate::oauth::client::SecretBy;
use crate::oauth::{grant_types, redirect_uri};

const MAX_REDIRECTS: usize = 10;
const MAX_NAME_CHARACTERS: usize = 80;

/// The metadata that this server uses; others are ignored (RFC 7591 section 2).
#[derive(Deserialize)]
pub struct RawClientMetadata {
    redirect_uris: Option<Vec<String>>,
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
}

/// Validated metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientMetadata {
    /// The name to show; empty if the client has none.
    pub name: String,
    /// At least one, except for a client that uses only the device flow.
    pub redirect_uris: Vec<String>,
    pub secret_by: Option<SecretBy>,
}

impl RawClientMetadata {
    pub fn check(self) -> Result<ClientMetadata, Error> {
        let refused = |description: String| Error::new(Code::InvalidClientMetadata, description);
        // A missing method means client_secret_basic in RFC 7591. Here it means none, and the response says so.
        let secret_by = match self.token_endpoint_auth_method.as_deref() {
            None | Some("none") => None,
            Some(method) => Some(SecretBy::named(method).ok_or_else(|| {
                let expected = "none, client_secret_basic or client_secret_post";
                refused(format!("token_endpoint_auth_method must be {expected}"))
            })?),
        };
        let grants = |wanted| self.grant_types.as_ref().is_some_and(|types| types.iter().any(|name| name == wanted));
        let by_device_alone = grants(grant_types::DEVICE_CODE) && !grants("authorization_code");
        if self.grant_types.is_some() && !grants("authorization_code") && !by_device_alone {
            return Err(refused(format!(
                "grant_types must contain authorization_code or {}",
                grant_types::DEVICE_CODE
            )));
        }
        if !by_device_alone && self.response_types.is_some_and(|types| !types.iter().any(|name| name == "code")) {
            return Err(refused("response_types must contain code".into()));
        }
        let redirect_uris = self.redirect_uris.unwrap_or_default();
        let fewest = usize::from(!by_device_alone);
        if redirect_uris.len() < fewest || redirect_uris.len() > MAX_REDIRECTS {
            return Err(Error::new(
                Code::InvalidRedirectUri,
                format!("redirect_uris must have {fewest} to {MAX_REDIRECTS} entries"),
            ));
        }
        for uri in &redirect_uris {
            let refused = |error| Error::new(Code::InvalidRedirectUri, format!("{uri}: {error}"));
            redirect_uri::check(uri).map_err(refused)?;
        }
        Ok(ClientMetadata { name: presentable(&self.client_name.unwrap_or_default()), redirect_uris, secret_by })
    }
}

/// A name that is safe to show on a consent page: without control, invisible and bidirectional characters.
fn presentable(name: &str) -> String {
    let invisible = |character: char| {
        character.is_control()
            || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
            || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
    };
    let shown: String = name.chars().filter(|character| !invisible(*character)).take(MAX_NAME_CHARACTERS).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{RawClientMetadata, presentable};
    use crate::http::error::Error;
    use serde_json::{Value, json};

    fn refusal(metadata: Value) -> String {
        match serde_json::from_value::<RawClientMetadata>(metadata).unwrap().check() {
            Err(Error::Rejected { code, .. }) => code.name().to_owned(),
            Err(other) => other.to_string(),
            Ok(sound) => format!("{sound:?}"),
        }
    }

    #[test]
    fn a_body_without_method_and_type_registers_a_public_client() {
        let metadata = json!({"redirect_uris": ["http://localhost:5/callback"], "client_name": "FastMCP Client",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "software_id": "x"});
        let sound = serde_json::from_value::<RawClientMetadata>(metadata).unwrap().check().unwrap();
        assert_eq!((sound.name.as_str(), sound.secret_by), ("FastMCP Client", None));
    }

    #[test]
    fn redirects_that_may_not_be_used_are_named_as_the_reason() {
        for uris in [json!([]), json!(null), json!(["http://evil.example/"]), json!(["javascript:alert(1)"])] {
            assert_eq!(refusal(json!({"redirect_uris": uris})), "invalid_redirect_uri", "{uris}");
        }
        let many = vec!["https://a.example/"; 11];
        assert_eq!(refusal(json!({"redirect_uris": many})), "invalid_redirect_uri");
    }

    #[test]
    fn what_this_server_does_not_do_is_refused() {
        let uris = json!(["https://a.example/"]);
        for metadata in [
            json!({"redirect_uris": uris, "token_endpoint_auth_method": "private_key_jwt"}),
            json!({"redirect_uris": uris, "grant_types": ["implicit"]}),
            json!({"redirect_uris": uris, "response_types": ["token"]}),
        ] {
            assert_eq!(refusal(metadata.clone()), "invalid_client_metadata", "{metadata}");
        }
    }

    #[test]
    fn a_name_cannot_hide_or_turn_around_what_is_shown() {
        assert_eq!(presentable(" A\n\tB\u{202e}gpj\u{200b}\0 "), "ABgpj");
        assert_eq!(presentable("A   client"), "A client");
        assert_eq!(presentable(&"x".repeat(500)).len(), 80);
    }
}
