"""Records for clients with a WebSocket: whatever becomes of it none is lost, and memory stays bounded."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.tunnel import Tunnel
from harness.workerd import Workerd

LISTENER = "listener"


def listener(url: str, token: str, *capabilities: str) -> Peer:
    ws_url = f"{url.replace('http', 'ws', 1)}/ws"
    return Peer(ws_url, token, LISTENER, client_type="script", acknowledge=False, capabilities=capabilities)


async def say(client: ModernClient, number: int, **more: Any) -> None:
    sent = await client.call("blender_send_message", payload={"n": number, **more}, target_uuid=LISTENER)
    assert sent.document["status"] == "ok"


async def heard(peer: Peer, count: int) -> list[int]:
    return [(await peer.next_record(10))["payload"]["n"] for _ in range(count)]


async def connected(client: ModernClient) -> bool:
    listed = (await client.call("blender_list_available_clients")).document["persistent"]
    return bool(next(entry["connected"] for entry in listed if entry["uuid"] == LISTENER))


async def test_what_a_half_open_socket_took_comes_again(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client, Tunnel(server.url) as tunnel:
        first = listener(tunnel.url, await login(tunnel.url))
        await first.connect()
        await say(client, 0)
        assert await heard(first, 1) == [0]
        await first.call("blender_list_available_clients")  # which proves what came before
        tunnel.hold()
        for number in range(1, 60):
            await say(client, number)
            if number == 30:
                server.evict()
        tunnel.cut()
        tunnel.release()
        async with listener(server.url, await login(server.url)) as second:
            assert await heard(second, 59) == list(range(1, 60))
        await first.close()


async def test_a_client_that_only_listens_and_pings_gets_nothing_twice(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        async with listener(server.url, token) as first:
            for number in range(120):
                await say(client, number)
            assert await heard(first, 120) == list(range(120))
            await asyncio.sleep(0.05)
            await first.send_raw("ping")
            await asyncio.sleep(0.2)
            await say(client, 120)
        async with listener(server.url, token) as second:
            assert await heard(second, 1) == [120]
            await asyncio.sleep(0.3)
            assert second.records.empty()


async def test_a_client_that_confirms_gets_again_what_it_did_not_confirm(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client:
        places: list[str] = []

        class Confirming(Peer):
            async def _take(self, message: dict[str, Any]) -> None:
                if message.get("method") == "notifications/message":
                    places.append(message["params"]["_meta"]["blender-bus/place"])
                await super()._take(message)

        ws_url = f"{server.url.replace('http', 'ws', 1)}/ws"
        capabilities = ("record_ack",)
        async with Confirming(ws_url, token, LISTENER, client_type="script", capabilities=capabilities) as first:
            for number in range(5):
                await say(client, number)
            assert await heard(first, 5) == [0, 1, 2, 3, 4]
            received = {"method": "notifications/received", "params": {"place": places[2]}}
            await first.send({"jsonrpc": "2.0", **received})
            await first.call("blender_list_available_clients")
            await first.drop()
        async with listener(server.url, token, "record_ack") as second:
            assert await heard(second, 2) == [3, 4]


async def test_a_frozen_client_is_closed_as_too_slow_and_misses_nothing_of_what_is_kept(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as client, Tunnel(server.url) as tunnel:
        frozen = listener(tunnel.url, await login(tunnel.url))
        await frozen.connect()
        tunnel.hold()
        text = "x" * 900_000
        number = 0
        while await connected(client):
            await say(client, number, text=text)
            number += 1
            assert number < 70, "48 MiB were sent to a client that reads nothing"
        assert number > 16, "no sooner than it is far behind"
        tunnel.release()
        code, reason = await frozen.closed(20)
        assert code == 4408 and reason is not None and "too slow" in reason
        async with listener(server.url, await login(server.url)) as again:
            assert await heard(again, 9) == list(range(number - 9, number))
