"""An instance of the module that traps, as a panic does, is replaced: what comes later is served, no row is lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import WorkerBundle, Workerd

# The product has no way to trap. Here a call of the export whose name begins as `__next` says drops an object at an
# address beyond the memory instead, so that the real module traps in its own code, at once and once.
TRAPS = """\
globalThis.__next = null;
globalThis.__trapped = 0;
const __traps = (instance) => {
  const wrap = (name, call) => (...given) => {
    if (!globalThis.__next || !name.startsWith(globalThis.__next)) return call(...given);
    globalThis.__next = null;
    globalThis.__trapped += 1;
    return instance.exports.__wbg_userbus_free(0x7ffffff0, 0);
  };
  const entries = Object.entries(instance.exports);
  return { exports: Object.fromEntries(entries.map(([k, f]) => [k, typeof f === 'function' ? wrap(k, f) : f])) };
};
"""
ARM = """\
if ({0}.url.includes('/arm/')) {{ globalThis.__next = {0}.url.split('/arm/')[1]; return new Response('armed'); }}
if ({0}.url.endsWith('/trapped')) return new Response(String(globalThis.__trapped));
"""


def trapping(bundle: WorkerBundle) -> WorkerBundle:
    """The built Worker, which traps when it is told to."""
    text = bundle.modules["index.js"].decode()
    text, made = re.subn(r"(new WebAssembly\.Instance\(\w+,\w+\(\)\))", r"__traps(\1)", text)
    entry = r"(\.prototype\.fetch=function\((\w+)\)\{)"
    text, entries = re.subn(entry, lambda m: m[1] + ARM.format(m[2]), text, count=1)
    text, heads = re.subn(r'(import \w+ from"\./index_bg\.wasm";)', lambda m: m[1] + TRAPS, text, count=1)
    assert (made, entries, heads) == (2, 1, 1), "build/index.js has another shape"
    return replace(bundle, modules={**bundle.modules, "index.js": text.encode()})


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Workerd]:
    with Workerd(tmp_path / "workerd", bundle=trapping(WorkerBundle.built())) as running:
        yield running


async def times_trapped(server: Workerd) -> int:
    async with httpx.AsyncClient() as http:
        return int((await http.get(f"{server.url}/trapped")).text)


async def lost_call(client: ModernClient) -> None:
    """The one call in which it traps is answered too, and at once."""
    try:
        answer = await asyncio.wait_for(client.call("blender_list_available_clients"), 5)
    except (httpx.HTTPError, ValueError):  # an answer of the runtime's own, no JSON
        return
    assert answer.status == 500


CLOSURE = "wasm_bindgen__convert__closures"  # where a future goes on, after what it awaited


@pytest.mark.parametrize("export", ["fetch", "userbus_command", "userbus_heard", CLOSURE])
async def test_what_comes_after_a_trap_is_served(fragile: Workerd, export: str) -> None:
    token = await login(fragile.url)
    async with ModernClient(f"{fragile.url}/", token) as client, Peer(fragile.ws_url, token, "b1") as peer:
        job = (await client.call("blender_submit", command="get_scene_info", params={})).document["job_id"]
        assert (await peer.next_job())["job_id"] == job
        async with httpx.AsyncClient(timeout=10) as http:
            assert (await http.get(f"{fragile.url}/arm/{export}")).text == "armed"
        if export == "userbus_heard":
            await peer.send_raw('{"jsonrpc": "2.0", "id": 77, "method": "ping"}')
        else:
            await lost_call(client)
        again = Peer(fragile.ws_url, token, "b1")
        await again.connect()
        assert await times_trapped(fragile) == 1
        assert (await client.call("blender_list_available_clients")).document["status"] == "ok"
        await again.update(str(job), "completed", "after the trap")
        kept = (await client.call("blender_job_result", job_id=job)).document
        assert (kept["status"], kept["result"]) == ("completed", "after the trap")
        await again.close()


async def test_a_socket_outlives_the_instance_it_was_opened_with(fragile: Workerd) -> None:
    token = await login(fragile.url)
    async with ModernClient(f"{fragile.url}/", token) as client, Peer(fragile.ws_url, token, "b1") as peer:
        async with httpx.AsyncClient(timeout=10) as http:
            for _ in range(3):
                await http.get(f"{fragile.url}/arm/userbus_command")
                await lost_call(client)
        assert await times_trapped(fragile) == 3
        job = (await client.call("blender_submit", command="get_scene_info", params={})).document["job_id"]
        assert (await peer.next_job())["job_id"] == job
        assert (await peer.call("blender_list_available_clients"))["status"] == "ok"
