"""How often a dispatch crosses the border between the module and JavaScript. It is a count: no machine makes it larger,
but one so slow that timers go off meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import httpx
from harness.mcp import ModernClient, login
from harness.peer import Peer
from harness.workerd import WorkerBundle, Workerd

DISPATCHES = 30
# To a peer that acknowledges before it answers, as the extension does. 32 and none, and a little for timers.
MOST_CROSSINGS = 36
MOST_PROMISES = 1

# Every import and every export of the module counts its calls; imports by their names without the hash.
COUNTING = """\
globalThis.__counts = {};
const __counted = (name, call) =>
  function (...given) {
    globalThis.__counts[name] = (globalThis.__counts[name] ?? 0) + 1;
    return call.apply(this, given);
  };
const __all = (way, functions) => Object.fromEntries(Object.entries(functions).map(([name, value]) =>
  [name, typeof value === 'function' ? __counted(`${way} ${name.replace(/_[0-9a-f]{16}$/, '')}`, value) : value]));
const __imports = (modules) =>
  Object.fromEntries(Object.entries(modules).map(([name, one]) => [name, __all('out', one)]));
const __exports = (instance) => ({ exports: __all('in', instance.exports) });
"""
TAKE = """\
if ({0}.url.endsWith('/counts')) {{
  const counts = globalThis.__counts;
  globalThis.__counts = {{}};
  return Response.json(counts);
}}
"""


def counting(bundle: WorkerBundle) -> WorkerBundle:
    """The built Worker, which tells at `/counts` what has been called since it told last."""
    text = bundle.modules["index.js"].decode()
    instance = r"new WebAssembly\.Instance\((\w+),(\w+)\(\)\)"
    text, made = re.subn(instance, r"__exports(new WebAssembly.Instance(\1,__imports(\2())))", text)
    entry = r"(\.prototype\.fetch=function\((\w+)\)\{)"
    text, entries = re.subn(entry, lambda m: m[1] + TAKE.format(m[2]), text, count=1)
    text, heads = re.subn(r'(import \w+ from"\./index_bg\.wasm";)', lambda m: m[1] + COUNTING, text, count=1)
    assert (made, entries, heads) == (2, 1, 1), "build/index.js has another shape"
    return replace(bundle, modules={**bundle.modules, "index.js": text.encode()})


async def dispatch(client: ModernClient, peer: Peer) -> None:
    call = asyncio.create_task(client.call("blender_get_object_info", name="Cube"))
    job = await peer.next_job()
    await peer.update(str(job["job_id"]), "completed", "{}")
    assert (await call).document["status"] == "completed"


async def test_a_dispatch_crosses_the_border_a_few_times(tmp_path: Path) -> None:
    with Workerd(tmp_path / "workerd", bundle=counting(WorkerBundle.built())) as server:
        token = await login(server.url)
        async with (
            ModernClient(f"{server.url}/", token) as client,
            Peer(server.ws_url, token, "b1") as peer,
            httpx.AsyncClient() as http,
        ):
            for _ in range(5):
                await dispatch(client, peer)
            await http.get(f"{server.url}/counts")
            for _ in range(DISPATCHES):
                await dispatch(client, peer)
            counts = Counter((await http.get(f"{server.url}/counts")).json())
    assert counts["in userbus_command"] == DISPATCHES, counts
    listed = {name: count / DISPATCHES for name, count in counts.most_common()}
    assert counts.total() / DISPATCHES <= MOST_CROSSINGS, listed
    assert counts["out __wbg_then"] / DISPATCHES <= MOST_PROMISES, listed
