"""Dynamic registration (RFC 7591): stateless, public clients."""

from __future__ import annotations

import pytest
from harness.workerd import Workerd

from .flow import Flow, error_of


def test_rfc7591_registration_answers_what_was_registered(flow: Flow) -> None:
    answer = flow.register(grant_types=["authorization_code", "refresh_token"], scope="bus:read")
    assert answer.status_code == 201
    body = answer.json()
    assert body["redirect_uris"] == [flow.redirect] and body["client_name"] == "Test client"
    assert body["token_endpoint_auth_method"] == "none" and "client_secret" not in body
    assert body["client_id_issued_at"] > 1_700_000_000


def test_a_registration_stores_nothing_and_outlives_a_restart(flow: Flow, server: Workerd) -> None:
    def stored() -> set[str]:
        """The objects that have a database; each class has one for itself, too."""
        files = (server.folder / "state").rglob("*.sqlite")
        return {f"{file.parent.name}/{file.stem}" for file in files if file.stem != "metadata"}

    flow.register()
    before = stored()
    assert {name.split("/")[0] for name in before} == {"KeyRing"}
    for number in range(20):
        assert flow.register(client_name=f"Client {number}").status_code == 201
    assert stored() == before
    server.restart()
    assert flow.browser.get(flow.authorize_url()).status_code == 200


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["search-ms:query=x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["ms-officecmd:x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a;script-src/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/" + "x" * 600]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"https://a.example/{n}" for n in range(11)]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"https://a.example/{n}/{'x' * 400}" for n in range(9)]}, "invalid_client_metadata"),
        ({"redirect_uris": "https://a.example/"}, "invalid_client_metadata"),
        ({"client_name": 5}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
    ],
)
def test_rfc7591_refusals(flow: Flow, metadata: dict, error: str) -> None:  # type: ignore[type-arg]
    assert error_of(flow.register(**metadata)) == (400, error)
