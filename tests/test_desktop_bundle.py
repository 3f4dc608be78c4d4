"""The .mcpb bundle for desktop clients: what is in it, and its bridge, run as such a client does."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from harness.mcp import login
from harness.peer import Peer
from harness.workerd import ROOT, Workerd
from test_release import evaluate
from test_runtime import environment

BRIDGE = ROOT / "scripts" / "desktop" / "server.mjs"


def bridge(url: str, token: str) -> Client:  # type: ignore[type-arg]
    env = {**environment(), "BUS_URL": url, "BUS_TOKEN": token}
    return Client(StdioTransport("node", [str(BRIDGE)], env=env))


def test_the_bundle_has_its_manifest_and_what_that_names() -> None:
    data = evaluate("""import { desktopBundle } from './scripts/desktop-bundle.mjs';
    process.stdout.write(desktopBundle('1.2.3'));""")
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        assert bundle.testzip() is None
        manifest = json.loads(bundle.read("manifest.json"))
        assert manifest["server"]["entry_point"] in bundle.namelist() and "LICENSE" in bundle.namelist()
        assert bundle.read("server.mjs") == BRIDGE.read_bytes()
        assert {info.date_time for info in bundle.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    required = {"manifest_version", "name", "version", "description", "author", "server"}
    assert required <= set(manifest) and manifest["version"] == "1.2.3" and manifest["author"]["name"]
    settings = set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(manifest["server"])))
    assert settings == set(manifest["user_config"])
    assert all(one["type"] == "string" and one["required"] for one in manifest["user_config"].values())


async def test_a_client_over_stdio_lists_calls_reads_and_hears(server: Workerd) -> None:
    token = await login(server.url)
    heard: list[str] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        heard.append(str(message))

    async def work(job: dict[str, object]) -> str:
        await peer.progress(str(job["job_id"]), 50, "half")
        return "42\n"

    async with Peer(server.ws_url, token, "b1", handler=work) as peer, bridge(server.url, token) as client:
        assert len(await client.list_tools()) > 30
        answer = await client.call_tool("blender_execute_code", {"code": "print(42)"}, progress_handler=note)
        assert answer.structured_content["result"] == "42\n"
        assert "b1" in (await client.read_resource("blender://bus/clients"))[0].text
    assert heard == ["half"]


async def test_a_token_that_is_not_accepted_is_named(server: Workerd, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="does not accept the access token; make a new one at .*/tokens"):
        async with bridge(server.url, "wrong"):
            pass


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(Exception, match="http://127.0.0.1:9 cannot be reached"):
        async with bridge("http://127.0.0.1:9", "any"):
            pass
