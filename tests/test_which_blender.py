"""A call that several Blenders could take asks the user which (2026-07-28, "Multi Round-Trip Requests")."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

FORMS = {"elicitation": {"form": {}}}
TOOL = "blender_get_scene_info"


@asynccontextmanager
async def two_blenders(server: Workerd, token: str) -> AsyncIterator[None]:
    facts = ("blender:4.2.1", "window", "file:house.blend")
    async with (
        Peer(server.ws_url, token, "left", handler=lambda job: "from left", capabilities=facts),
        Peer(server.ws_url, token, "right", handler=lambda job: "from right"),
    ):
        yield


def accepted(target: str) -> dict[str, Any]:
    return {"which_blender": {"action": "accept", "content": {"target_uuid": target}}}


async def ask(client: ModernClient, method: str = "tools/call", **params: Any) -> tuple[dict[str, Any], str]:
    """Asks something ambiguous; returns the form and the state to send back."""
    result = (await client.request(method, params or {"name": TOOL, "arguments": {}})).result
    assert result["resultType"] == "input_required"
    assert list(result["inputRequests"]) == ["which_blender"]
    request = result["inputRequests"]["which_blender"]
    assert request["method"] == "elicitation/create"
    form = request["params"]
    assert isinstance(form, dict)
    return form, str(result["requestState"])


@pytest.mark.parametrize("capability", [{}, {"form": {}}, {"form": {}, "url": {}}])
async def test_the_question_names_each_blender_and_the_answer_reaches_it(
    server: Workerd, capability: dict[str, Any]
) -> None:
    token = await login(server.url)
    async with (
        two_blenders(server, token),
        ModernClient(f"{server.url}/", token, capabilities={"elicitation": capability}) as client,
    ):
        form, state = await ask(client)
        assert form["mode"] == "form"
        field = form["requestedSchema"]["properties"]["target_uuid"]
        titles = {choice["const"]: choice["title"] for choice in field["oneOf"]}
        assert titles == {"left": "house.blend in Blender 4.2.1 (left)", "right": "unsaved file (right)"}
        for target in ("left", "right"):
            again = {"name": TOOL, "arguments": {}, "requestState": state, "inputResponses": accepted(target)}
            answer = await client.request("tools/call", again)
            assert answer.result["resultType"] == "complete"
            assert (answer.document["target_uuid"], answer.document["result"]) == (target, f"from {target}")


async def test_resources_and_submissions_ask_too(server: Workerd) -> None:
    token = await login(server.url)
    async with two_blenders(server, token), ModernClient(f"{server.url}/", token, capabilities=FORMS) as client:
        read = {"uri": "blender://scene/info"}
        _, state = await ask(client, "resources/read", **read)
        again = await client.request(
            "resources/read", {**read, "requestState": state, "inputResponses": accepted("right")}
        )
        assert json.loads(again.result["contents"][0]["text"])["result"] == "from right"
        submit = {"name": "blender_submit", "arguments": {"command": "get_scene_info", "params": {}}}
        _, state = await ask(client, **submit)
        begun = await client.request(
            "tools/call", {**submit, "requestState": state, "inputResponses": accepted("left")}
        )
        assert (begun.document["status"], begun.document["target_uuid"]) == ("queued", "left")


async def test_who_declines_or_closes_the_question_has_nothing_run(server: Workerd) -> None:
    token = await login(server.url)
    async with two_blenders(server, token), ModernClient(f"{server.url}/", token, capabilities=FORMS) as client:
        for action, word in (("decline", "declined"), ("cancel", "closed")):
            _, state = await ask(client)
            responses = {"which_blender": {"action": action}}
            params = {"name": TOOL, "arguments": {}, "requestState": state, "inputResponses": responses}
            document = (await client.request("tools/call", params)).document
            assert (document["status"], document["job_id"]) == ("cancelled", None)
            assert word in document["hint"]
        assert (await client.call("blender_list_jobs")).document["jobs"] == []


async def test_without_an_answer_the_question_comes_again(server: Workerd) -> None:
    token = await login(server.url)
    async with two_blenders(server, token), ModernClient(f"{server.url}/", token, capabilities=FORMS) as client:
        _, state = await ask(client)
        for responses in ({}, {"other": {"action": "accept"}}, {"which_blender": {"action": "accept", "content": {}}}):
            await ask(client, name=TOOL, arguments={}, requestState=state, inputResponses=responses)


@pytest.mark.parametrize("capabilities", [{}, {"elicitation": {"url": {}}}])
async def test_a_client_that_shows_no_forms_is_told_that_it_is_ambiguous(
    server: Workerd, capabilities: dict[str, Any]
) -> None:
    token = await login(server.url)
    async with (
        two_blenders(server, token),
        ModernClient(f"{server.url}/", token, capabilities=capabilities) as client,
        LegacySession(f"{server.url}/mcp", token) as session,
    ):
        for answer in (await client.call(TOOL), await session.call(TOOL)):
            assert answer.document["status"] == "ambiguous_target"
            assert sorted(answer.document["candidates"]) == ["left", "right"]


async def test_a_state_is_good_for_its_user_grant_and_request_only(server: Workerd) -> None:
    token, again, ada = await login(server.url), await login(server.url), await login(server.url, "ada")
    async with two_blenders(server, token), ModernClient(f"{server.url}/", token, capabilities=FORMS) as client:
        call = {"name": "blender_browse_data", "arguments": {"collection": "objects", "page": 1}}
        _, state = await ask(client, **call)
        until, kid, signature = state.split(".")
        other_call = {**call, "arguments": {"collection": "meshes", "page": 1}}
        _, state_of_tool = await ask(client)
        other_tool = {"name": "blender_get_hyper3d_status", "arguments": {}}
        cases = [
            (token, call, f"{int(until) + 1}.{kid}.{signature}"),
            (token, call, f"{until}.{kid}.{signature[::-1]}"),
            (token, call, "made up"),
            (token, call, ""),
            (token, other_call, state),
            (token, other_tool, state_of_tool),
            (again, call, state),
            (ada, call, state),
        ]
        for bearer, params, given in cases:
            async with ModernClient(f"{server.url}/", bearer, capabilities=FORMS) as other:
                answer = await other.request(
                    "tools/call", {**params, "requestState": given, "inputResponses": accepted("left")}
                )
            assert answer.error["code"] == -32602, given
            assert "requestState" in answer.error["message"]
        reordered = {**call, "arguments": {"page": 1, "collection": "objects"}}
        answer = await client.request(
            "tools/call", {**reordered, "requestState": state, "inputResponses": accepted("left")}
        )
        assert answer.document["result"] == "from left"
        for nonsense in ({"requestState": 7}, {"requestState": state, "inputResponses": {"which_blender": 1}}):
            assert (await client.request("tools/call", {**call, **nonsense})).error["code"] == -32602
        assert (await client.call("blender_list_jobs")).document["jobs"][1:] == []


@pytest.mark.parametrize("action", ["accept", "decline"])
async def test_fastmcp_puts_the_question_to_its_user(server: Workerd, action: str) -> None:
    token = await login(server.url)
    asked: list[str] = []

    async def answer(message: str, kind: Any, params: Any, context: Any) -> Any:
        asked.append(message)
        if action == "decline":
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"target_uuid": "right"})

    async with (
        two_blenders(server, token),
        Client(f"{server.url}/", auth=token, elicitation_handler=answer) as client,
    ):
        document = (await client.call_tool(TOOL)).structured_content
    assert document is not None and len(asked) == 1
    assert document["status"] == ("completed" if action == "accept" else "cancelled")
    assert document["target_uuid"] == ("right" if action == "accept" else None)


async def test_a_state_signed_by_another_server_is_none(server: Workerd, tmp_path_factory: Any) -> None:
    with Workerd(tmp_path_factory.mktemp("other")) as elsewhere:
        token = await login(elsewhere.url)
        async with (
            two_blenders(elsewhere, token),
            ModernClient(f"{elsewhere.url}/", token, capabilities=FORMS) as client,
        ):
            _, state = await ask(client)
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token, capabilities=FORMS) as client:
        answer = await client.request("tools/call", {"name": TOOL, "arguments": {}, "requestState": state})
    assert answer.error["code"] == -32602
