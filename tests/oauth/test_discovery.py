"""Discovery: RFC 9728, RFC 8414, and the challenge that leads there."""

from __future__ import annotations

import httpx
import pytest

from .flow import Flow


@pytest.mark.parametrize(("suffix", "endpoint"), [("", "/"), ("/mcp", "/mcp")])
def test_rfc9728_the_resource_is_the_endpoint(flow: Flow, suffix: str, endpoint: str) -> None:
    document = flow.http.get(f"/.well-known/oauth-protected-resource{suffix}").json()
    assert document["resource"] == flow.base + endpoint
    assert document["authorization_servers"] == [flow.base]


def test_rfc9728_the_resource_names_the_scopes_that_a_client_needs(flow: Flow) -> None:
    """Some clients ask for all that is named here, whatever the challenge says; none of them is a Blender."""
    for path in ("", "/mcp", "/mcp/core"):
        document = flow.http.get(f"/.well-known/oauth-protected-resource{path}").json()
        assert document["scopes_supported"] == ["bus:read", "bus:dispatch"]
    server = flow.http.get("/.well-known/oauth-authorization-server").json()
    assert server["scopes_supported"] == ["bus:read", "bus:dispatch", "peer"]


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_rfc8414_metadata_names_endpoints_of_this_host(flow: Flow, name: str) -> None:
    answer = flow.http.get(f"/.well-known/{name}")
    document = answer.json()
    assert document["issuer"] == flow.base
    for endpoint in ("authorization", "token", "registration", "revocation"):
        assert document[f"{endpoint}_endpoint"].startswith(flow.base + "/")
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert "offline_access" not in document["scopes_supported"]
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_issuer_follows_the_host_name_of_the_request(flow: Flow) -> None:
    other = flow.base.replace("localhost", "127.0.0.1")
    assert httpx.get(f"{other}/.well-known/oauth-authorization-server").json()["issuer"] == other
    answer = flow.http.get("/.well-known/oauth-authorization-server", headers={"Host": "bus.example"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "https" in answer.json()["error_description"]


@pytest.mark.parametrize(("path", "suffix"), [("/", ""), ("/mcp", "/mcp")])
def test_rfc6750_a_request_without_token_is_told_where_to_get_one(flow: Flow, path: str, suffix: str) -> None:
    answer = flow.http.post(path, content=b"{}")
    assert answer.status_code == 401
    metadata = f'resource_metadata="{flow.base}/.well-known/oauth-protected-resource{suffix}"'
    assert answer.headers["www-authenticate"] == f'Bearer scope="bus:read bus:dispatch", {metadata}'
    refused = flow.probe("garbage", path)
    assert refused.status_code == 401
    challenge = refused.headers["www-authenticate"]
    assert challenge.startswith("Bearer ") and 'error="invalid_token"' in challenge and metadata in challenge


def test_a_wrong_method_is_named(flow: Flow) -> None:
    for method, path, allowed in [
        ("GET", "/token", "POST"),
        ("DELETE", "/register", "POST"),
        ("PUT", "/revoke", "POST"),
    ]:
        answer = flow.http.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
