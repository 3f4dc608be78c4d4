"""Endpoints that list a part of the tools, each a resource of its own (RFC 9728)."""

from __future__ import annotations

import json

import httpx
import pytest
from harness.mcp import LegacySession, ModernClient, login
from harness.workerd import Workerd
from oauth.flow import Flow

PROFILES = ["/mcp/core", "/mcp/scene", "/mcp/assets", "/mcp/full"]
LARGEST_CORE = 9 * 1024


async def names(url: str, token: str) -> list[str]:
    async with LegacySession(url, token) as session:
        return [tool["name"] for tool in (await session.request("tools/list")).result["tools"]]


async def test_a_profile_lists_a_part_of_the_tools_in_either_era(server: Workerd) -> None:
    token = await login(server.url)
    full = await names(f"{server.url}/mcp", token)
    assert await names(f"{server.url}/mcp/full", token) == full
    for path in PROFILES[:3]:
        listed = await names(server.url + path, token)
        assert listed == [name for name in full if name in listed] and 9 < len(listed) < len(full)
        async with ModernClient(server.url + path, token) as client:
            assert (await client.request("server/discover")).status == 404
            tools = (await client.request("tools/list")).result["tools"]
            assert [tool["name"] for tool in tools] == listed
    assert {"blender_execute_code", "blender_get_viewport_screenshot", "blender_job_result"} < set(
        await names(f"{server.url}/mcp/core", token)
    )


async def test_the_core_is_small(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp/core", await login(server.url)) as session:
        tools = (await session.request("tools/list")).result["tools"]
    shown = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools]
    assert len(json.dumps(shown, ensure_ascii=False).encode()) <= LARGEST_CORE


async def test_a_tool_that_is_not_listed_can_still_be_called(server: Workerd) -> None:
    async with LegacySession(f"{server.url}/mcp/core", await login(server.url)) as session:
        answer = await session.call("blender_get_polyhaven_status")
        assert answer.document["status"] == "no_client"


@pytest.mark.parametrize("path", PROFILES)
def test_each_is_a_resource_and_a_token_for_one_is_good_for_all(server: Workerd, path: str) -> None:
    flow = Flow(server.url)
    refused = flow.http.post(path, json={})
    assert refused.status_code == 401
    metadata = f"{server.url}/.well-known/oauth-protected-resource{path}"
    assert f'resource_metadata="{metadata}"' in refused.headers["www-authenticate"]
    document = httpx.get(metadata).json()
    assert document["resource"] == server.url + path and document["authorization_servers"] == [server.url]
    flow.register()
    resource = {"resource": document["resource"]}
    answer = flow.exchange(flow.callback(**resource)["code"], **resource)
    assert answer.status_code == 200, answer.text
    for other in (path, "/mcp", "/"):
        assert flow.probe(answer.json()["access_token"], other).status_code == 415, "a request that is no MCP"
    assert flow.probe("x" + answer.json()["access_token"], path).status_code == 401
    elsewhere = flow.browser.get(flow.authorize_url(resource=f"{server.url}/mcp/nothing"))
    assert flow.parameters(elsewhere)["error"] == "invalid_target"
