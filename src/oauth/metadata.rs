//! Discovery documents: RFC 9728 for the MCP endpoints, RFC 8414 for the authorization server.

use kernel::scopes::Scopes;
use serde_json::{Value, json};
use worker::{Env, Response};

use crate::config::Config;
use crate::http::error::Error;
use crate::oauth::grant_types;
use crate::request::Request;
use crate::site::Site;

const AUTH_METHODS: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];

pub fn protected_resource(request: &Request, env: &Env, path: &str) -> Result<Response, Error> {
    // A client compares the resource with the URL it was given, slash and all (RFC 9728 section 3.3).
    let slash = if !path.is_empty() && request.path().ends_with('/') { "/" } else { "" };
    document(request, env, |site| resource_document(site, &format!("{path}{slash}")))
}

pub fn authorization_server(request: &Request, env: &Env) -> Result<Response, Error> {
    document(request, env, server_document)
}

/// A public document about this server.
pub fn document(request: &Request, env: &Env, of: impl Fn(&Site) -> Value) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    Ok(Response::builder().with_header("cache-control", "public, max-age=300")?.from_json(&of(&site))?)
}

fn names_of(scopes: Scopes) -> Vec<&'static str> {
    Scopes::NAMED.iter().filter(|(scope, _)| scopes.contains(*scope)).map(|(_, name)| *name).collect()
}

/// `path`: that of the endpoint, empty for `/`. The resource is the endpoint's URL as the client uses it. Clients ask for
/// every scope that is named here, so it is what one needs, as in the challenge, and not to attach as a Blender.
fn resource_document(site: &Site, path: &str) -> Value {
    let resource = if path.is_empty() { format!("{}/", site.here) } else { format!("{}{path}", site.here) };
    json!({
        "resource": resource,
        "authorization_servers": [site.issuer],
        "scopes_supported": names_of(Scopes::FOR_CLIENTS),
        "bearer_methods_supported": ["header"],
        "resource_name": "Blender Bus",
    })
}

fn server_document(site: &Site) -> Value {
    let at = |path: &str| format!("{}{path}", site.issuer);
    json!({
        "issuer": site.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "registration_endpoint": at("/register"),
        "revocation_endpoint": at("/revoke"),
        "device_authorization_endpoint": at("/device_authorization"),
        "scopes_supported": names_of(Scopes::ALL),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grant_types::ALL,
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": true,
        "authorization_response_iss_parameter_supported": true,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
    })
}
