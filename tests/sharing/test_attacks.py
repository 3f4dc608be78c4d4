"""What somebody with a share link, or without one, would like to have: the rows about them in docs/security.md."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from files.shelf import Shelf
from harness.mcp import LegacySession, ModernClient, login
from harness.peer import Peer
from harness.workerd import Workerd

from .links import Guest, Link, Sharer, sent

PICTURE = {"image": {"mime_type": "image/png", "data": "aGk="}}
OWN, OTHER = "desk", "laptop"


def work(job: dict[str, Any]) -> str:
    """What the Blenders of these tests answer."""
    return json.dumps(PICTURE if job["command"] == "get_viewport_screenshot" else {"done": job["command"]})


@pytest.fixture
async def studio(server: Workerd) -> AsyncIterator[Sharer]:
    """An owner with two Blenders, of which one is shared."""
    token = await login(server.url)
    async with Peer(server.ws_url, token, OWN, handler=work), Peer(server.ws_url, token, OTHER, handler=work):
        yield Sharer(server)


def tools(answer: Any) -> set[str]:
    return {tool["name"] for tool in answer.result["tools"]}


async def refused(client: ModernClient, tool: str, **arguments: Any) -> str:
    """The text that the call was refused with."""
    answer = await client.call(tool, **arguments)
    assert answer.result.get("isError"), answer.body
    return str(answer.result["content"][0]["text"])


async def test_a_watcher_has_pictures_and_jobs_and_nothing_else(server: Workerd, studio: Sharer) -> None:
    link = studio.share(OWN)
    async with ModernClient(link.mcp) as client:
        assert tools(await client.request("tools/list")) == {
            "blender_get_viewport_screenshot",
            "blender_list_available_clients",
            "blender_job_status",
            "blender_job_result",
            "blender_list_jobs",
        }
        answer = await client.call("blender_get_viewport_screenshot", max_size=800)
        assert answer.result["structuredContent"]["target_uuid"] == OWN
        for tool, arguments in [
            ("blender_execute_code", {"code": "1"}),
            ("blender_get_scene_info", {}),
            ("blender_submit", {"command": "execute_code", "params": {"code": "1"}}),
            ("blender_send_message", {"payload": {}, "target_uuid": OWN}),
            ("blender_register_client", {"client_uuid": "x", "client_type": "llm", "is_persistent": False}),
            ("blender_receive_messages", {"client_uuid": OWN}),
            ("blender_list_files", {}),
            ("blender_create_upload", {"name": "a.glb"}),
            ("blender_create_access_token", {"name": "x"}),
            ("blender_list_access_tokens", {}),
        ]:
            assert (await refused(client, tool, **arguments)).startswith("not_shared"), tool
        assert (await refused(client, "blender_get_viewport_screenshot", filepath="/tmp/x.png")).startswith(
            "not_shared"
        )


async def test_a_worker_is_asked_about_whatever_does_more_than_look(server: Workerd, studio: Sharer) -> None:
    link = studio.share(OWN, "work", name="Bob")
    async with ModernClient(link.mcp) as client, ModernClient(f"{server.url}/mcp", await login(server.url)) as owner:
        looked = await client.call("blender_get_scene_info")
        assert looked.document["status"] == "completed"
        called = asyncio.create_task(client.call("blender_execute_code", code="print(1)", timeout_seconds=20))
        jobs: list[dict[str, Any]] = []
        while not jobs:
            listed = (await owner.call("blender_list_jobs", status="queued")).document["jobs"]
            jobs = [job for job in listed if job["command"] == "execute_code"]
        assert "Bob (share link)" in studio.http.get("/dashboard").text
        assert not called.done()
        assert "may run" in studio.answers(jobs[0]["job_id"], "allow")
        assert (await called).document["status"] == "completed"

        refused_job = (await client.call("blender_submit", command="execute_code", params={"code": "2"})).document
        studio.answers(refused_job["job_id"], "refuse")
        ended = (await client.call("blender_job_result", job_id=refused_job["job_id"])).document
        assert ended["status"] == "failed" and "does not want" in ended["error"]


async def test_a_link_reaches_no_other_blender_by_any_way(server: Workerd, studio: Sharer) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/mcp", token) as owner:
        theirs = (await owner.call("blender_get_scene_info", target_uuid=OTHER)).document["job_id"]
        own = (await owner.call("blender_get_scene_info", target_uuid=OWN)).document["job_id"]
    with Shelf(server.url) as shelf:
        file_id = shelf.store(b"secret", "theirs.glb")["file_id"]
    for may in ("watch", "work"):
        link = studio.share(OWN, may, name=may)
        async with ModernClient(link.mcp) as client:
            clients = (await client.call("blender_list_available_clients")).document
            assert OTHER not in json.dumps(clients) and OWN in json.dumps(clients)
            jobs = (await client.call("blender_list_jobs")).document["jobs"]
            assert {job["job_id"] for job in jobs} >= {own} and theirs not in json.dumps(jobs)
            assert (await client.call("blender_job_result", job_id=theirs)).document["status"] == "not_found"
            picture = await refused(client, "blender_get_viewport_screenshot", target_uuid=OTHER)
            assert OTHER in picture and ("beyond_bound" in picture or "not_shared" in picture)
            for uri in (
                "blender://bus/clients",
                "blender://bus/stats",
                f"blender://files/{file_id}",
                "blender://scene/info",
            ):
                assert OTHER not in (await client.request("resources/read", {"uri": uri})).body, uri
            stats = await client.request("resources/read", {"uri": "blender://bus/stats"})
            assert stats.error["code"] == -32602 and "not_shared" in stats.error["message"]
            if may == "work":
                for tool, arguments in [
                    ("blender_execute_code", {"code": "1", "target_uuid": OTHER}),
                    ("blender_submit", {"command": "execute_code", "params": {"code": "1"}, "target_uuid": OTHER}),
                    ("blender_submit", {"command": "execute_code", "params": {"code": "1"}, "target_group": "farm"}),
                ]:
                    said = await refused(client, tool, **arguments)
                    assert "beyond_bound" in said or "has no member" in said, tool
                assert file_id not in (await client.call("blender_list_files")).body
                got = (await client.call("blender_get_file", file_id=file_id)).body
                assert "signed=" not in got and "theirs.glb" not in got
        guest = Guest(link)
        assert OTHER not in guest.get().text and theirs not in guest.get().text
        assert guest.get(f"?job={theirs}").status_code == 404 and guest.get(f"?picture={theirs}").status_code == 404
        bearer = {"Authorization": f"Bearer {link.secret}"}
        assert sent("get", f"{server.url}/files/{file_id}", headers=bearer).status_code in (403, 404)
        assert sent("delete", f"{server.url}/files/{file_id}", headers=bearer).status_code in (403, 404)
    with Shelf(server.url) as shelf:
        assert shelf.http.get(f"/files/{file_id}").content == b"secret"


async def test_a_guest_cancels_no_job_of_others_and_answers_no_question(server: Workerd) -> None:
    token = await login(server.url)
    async with Peer(server.ws_url, token, OWN) as blender, ModernClient(f"{server.url}/mcp", token) as owner:
        studio = Sharer(server)
        link = studio.share(OWN, "work")
        job_id = (await owner.call("blender_submit", command="execute_code", params={"code": "1"})).document["job_id"]
        await blender.next_job()
        async with ModernClient(link.mcp) as client:
            assert "sent by somebody else" in await refused(client, "blender_job_cancel", job_id=job_id)
            own = (await client.call("blender_submit", command="execute_code", params={"code": "2"})).document["job_id"]
            assert (await refused(client, "blender_job_update", job_id=own, status="completed")).startswith(
                "not_shared"
            )
        guest = Guest(link)
        for action in ("allow", "refuse", "disconnect", "release", "send", "again"):
            assert "does not know that action" in guest.post(action=action, job_id=own, client_uuid=OWN).text, action
        assert "sent by somebody else" in guest.post(action="cancel", job_id=job_id).text
        assert blender.cancelled == [] and blender.jobs.empty()
        assert "It will not run" in guest.post(action="cancel", job_id=own).text


async def test_a_link_opens_none_of_the_owners_doors(server: Workerd, studio: Sharer) -> None:
    link = studio.share(OWN, "work")
    guest = Guest(link)
    for path in ("/dashboard", "/dashboard/files", "/tokens", "/shares", "/clients", "/account", "/account/export"):
        answer = guest.http.get(server.url + path)
        assert answer.status_code == 303 and "/login" in answer.headers["location"], path
    for name in ("bmcp_session", "__Host-bmcp_session"):
        answer = sent("get", f"{server.url}/dashboard", cookies={name: link.secret})
        assert answer.status_code == 303, name
    as_bearer = {"Authorization": f"Bearer {link.secret}"}
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "x" * 22,
    }
    assert sent("get", f"{server.url}/ws", headers={**as_bearer, **upgrade}).status_code == 403
    for grant in ("refresh_token", "authorization_code"):
        form = {"grant_type": grant, "refresh_token": link.secret, "code": link.secret, "client_id": "x"}
        assert sent("post", f"{server.url}/token", data=form).status_code in (400, 401)


async def test_an_ended_link_is_worth_nothing_at_once_anywhere(server: Workerd, studio: Sharer) -> None:
    link = studio.share(OWN, "work", name="Bob")
    guest = Guest(link)
    assert guest.get().status_code == 200
    async with ModernClient(link.mcp) as client, LegacySession(link.mcp) as session:
        waits = asyncio.create_task(client.call("blender_execute_code", code="print(1)", timeout_seconds=30))
        stream = asyncio.create_task(anext(session.stream(), None))
        while "execute_code" not in guest.get("?part=live").text:
            await asyncio.sleep(0.1)
        studio.end("Bob")
        assert (await asyncio.wait_for(waits, 10)).document["status"] == "cancelled"
        with contextlib.suppress(httpx.HTTPError):
            await asyncio.wait_for(stream, 10)
        assert (await client.call("blender_get_scene_info")).status == 404
        assert (await session.call("blender_get_scene_info")).status == 404
    for answer in (guest.get(), guest.get("?part=live"), Guest(link).arrival):
        assert answer.status_code == 404 and OWN not in answer.text, answer.text
    assert guest.get("?part=live", **{"X-Dashboard-Part": "1"}).status_code == 401
    bearer = {"Authorization": f"Bearer {link.secret}"}
    assert sent("get", f"{server.url}/files/f-1", headers=bearer).status_code == 401
    async with ModernClient(f"{server.url}/mcp", link.secret) as client:
        assert (await client.call("blender_get_scene_info")).status == 401
    assert "Bob" not in studio.listed()


async def test_a_restart_keeps_links_and_what_waits_and_ended_ones_stay_ended(server: Workerd) -> None:
    token = await login(server.url)
    studio = Sharer(server)
    async with Peer(server.ws_url, token, OWN):
        link, ended = studio.share(OWN, "work", name="Bob"), studio.share(OWN, name="Eve")
        studio.end("Eve")
        async with ModernClient(link.mcp) as client:
            job_id = (await client.call("blender_submit", command="execute_code", params={"code": "1"})).document[
                "job_id"
            ]
    server.kill()
    server.start()
    assert Guest(ended).arrival.status_code == 404
    async with Peer(server.ws_url, token, OWN) as blender, ModernClient(link.mcp) as client:
        assert (await client.call("blender_job_status", job_id=job_id)).document["status"] == "queued"
        assert blender.jobs.empty()
        assert "may run" in Sharer(server).answers(job_id, "allow")
        assert (await blender.next_job())["job_id"] == job_id


@pytest.mark.parametrize("may", ["watch", "work"])
async def test_invented_links_open_nothing_and_say_nothing(server: Workerd, studio: Sharer, may: str) -> None:
    secret = studio.share(OWN, may).secret
    kind, _, rest = secret.partition("_")
    route, _, key = rest.partition(".")
    invented = [
        f"{kind}_{route}.{'A' * 43}",
        f"{kind}_{'A' * 43}.{key}",
        f"{kind}_{route}.{key[:-1]}",
        f"{kind}_{route}.",
        f"{kind}_.{key}",
        f"bmcp_{rest}",
        f"bms_{rest}",
        f"{kind}_{rest}%00",
        f"{kind}_{rest}%2F..",
        "g-000000000000",
    ]
    texts = set()
    for one in invented:
        answer = sent("get", f"{server.url}/share/{one}")
        assert answer.status_code == 404 and "set-cookie" not in answer.headers, one
        texts.add(answer.text)
        async with ModernClient(f"{server.url}/share/{one}/mcp") as client:
            answered = await client.request("tools/list")
            assert answered.status == 404 and "www-authenticate" not in answered.headers, one
    assert len(texts) == 1, "the same words, whatever was wrong"


async def test_the_secret_is_in_no_address_that_is_kept_or_passed_on(server: Workerd, studio: Sharer) -> None:
    link = studio.share(OWN)
    guest = Guest(link)
    assert guest.arrival.status_code == 303
    assert guest.arrival.headers["referrer-policy"] == "no-referrer"
    assert guest.arrival.headers["cache-control"] == "no-store"
    assert link.secret not in guest.home and guest.home.startswith("/share/g-")
    cookie = guest.arrival.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="))
    page = guest.get()
    assert page.headers["referrer-policy"] == "same-origin"
    assert "//" not in page.headers["content-security-policy"].replace("data:", "")
    assert link.secret not in server.log.read_text()


async def test_no_page_of_a_share_is_framed_or_leads_elsewhere(server: Workerd, studio: Sharer) -> None:
    guest = Guest(studio.share(OWN, "work"))
    for answer in (
        guest.arrival,
        guest.get(),
        guest.get("?job=x"),
        studio.http.get("/shares"),
        Guest(Link(f"{server.url}/share/bmsh_x")).arrival,
    ):
        if answer is guest.arrival:
            assert answer.text == ""
            continue
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    secret = studio.share(OWN, name="x").secret
    for tail in ("?return_to=https://evil.example", "?next=//evil.example", "/", "?"):
        answer = sent("get", f"{server.url}/share/{secret}{tail}")
        assert answer.headers["location"].startswith("/share/g-"), tail
    for path in (
        f"//evil.example/share/{secret}",
        f"/share//evil.example/{secret}",
        f"/share/{secret}/..%2F..%2Fdashboard",
    ):
        answer = sent("get", server.url + path)
        assert "evil.example" not in answer.headers.get("location", ""), path


async def test_forms_of_shares_cannot_be_forged(server: Workerd, studio: Sharer) -> None:
    guest = Guest(studio.share(OWN, "work", name="Bob"))
    other = Guest(studio.share(OWN, "work", name="Eve"))
    fields = {"action": "run", "input": "print(1)"}
    url = f"{guest.base}{guest.home}"
    good = guest.form_token()
    for token, headers in [
        ("A" * 43, {}),
        (other.form_token(), {}),
        (studio.form_token(), {}),
        (good, {"Origin": "https://evil.example"}),
        (good, {"Sec-Fetch-Site": "cross-site"}),
    ]:
        answer = guest.http.post(url, data={**fields, "form_token": token}, headers=headers)
        assert answer.status_code == 403, (token, headers)
    for token in ("A" * 43, good):
        answer = studio.http.post(
            "/shares", data={"form_token": token, "name": "x", "blender": OWN, "may": "work", "minutes": "60"}
        )
        assert answer.status_code == 403
    assert set(studio.listed()) == {"Bob", "Eve"}
    answer = guest.get("?part=events", Origin="https://evil.example")
    assert answer.status_code == 400 and "only the page of the share itself" in answer.text
    assert "The owner of this Blender is asked" in guest.post(**fields).text


async def test_an_owner_shares_and_ends_only_what_is_theirs(server: Workerd, studio: Sharer) -> None:
    studio.share(OWN, name="Bob")
    ada = Sharer(server, "ada", "lovelace")
    async with Peer(server.ws_url, await login(server.url, "ada"), "ada-desk", handler=work):
        assert ada.listed() == {}
        assert "had ended already" in ada.post(end=studio.listed()["Bob"]).text
        assert "Bob" in studio.listed()
        # A name that is another user's Blender is, on this owner's bus, nobody's.
        link = ada.share(OWN, "work", name="Eve")
        async with ModernClient(link.mcp) as client:
            assert (await client.call("blender_get_scene_info")).document["status"] == "no_client"
    assert sent("get", f"{server.url}/shares").status_code == 303


async def test_a_senseless_link_is_refused_with_the_reason(server: Workerd, studio: Sharer) -> None:
    good = {"name": "Bob", "blender": OWN, "may": "watch", "minutes": 60}
    for wrong, reason in [
        ({"name": ""}, "say whom it is for"),
        ({"name": "x" * 81}, "say whom it is for"),
        ({"blender": ""}, "choose the Blender"),
        ({"minutes": 0}, "5 minutes to 7 days"),
        ({"minutes": 10081}, "5 minutes to 7 days"),
        ({"minutes": "soon"}, "5 minutes to 7 days"),
    ]:
        page = studio.post(**{**good, **wrong})
        assert page.status_code == 400 and reason in page.text, wrong
    made = [studio.share(OWN, name=f"n{number}") for number in range(50)]
    assert len({link.secret for link in made}) == 50
    page = studio.post(**good)
    assert page.status_code == 400 and "the most there may be" in page.text


async def test_a_guest_fills_neither_the_queue_nor_the_shelf_of_the_owner_unseen(
    server: Workerd, studio: Sharer
) -> None:
    link = studio.share(OWN, "work", name="Bob")
    async with ModernClient(link.mcp) as client:
        for _ in itertools.repeat(None, 10):
            made = await client.call("blender_submit", command="execute_code", params={"code": "1"})
            assert made.document["status"] == "queued"
        assert "10 open jobs of this share link" in await refused(client, "blender_execute_code", code="1")
    watcher = Guest(studio.share(OWN, name="Eve"))
    texts = [(await asyncio.to_thread(watcher.post, action="picture")).text for _ in range(2)]
    assert "as it is now" in texts[0] and "1 picture in two seconds" in texts[1]
