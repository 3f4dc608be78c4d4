"""The extension as the server gives it out: files, a link to drag, a repository Blender installs and updates from."""

from __future__ import annotations

import asyncio
import hashlib
import html
import io
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from harness.extension import MODULE, ScriptedBlender, link_extension
from harness.mcp import ModernClient, login
from harness.workerd import ROOT, WorkerBundle, Workerd

FILES = {
    "/addon.zip": "application/zip",
    "/extensions/addon.zip": "application/zip",
    "/extensions/index.json": "application/json",
}
# As Blender asks: what it adds to the address, and the token of a repository that has one.
QUERIES = ("", "?platform=linux-x64&blender_version=4.2.23", "?repository=./index.json&blender_version_min=4.2.0")
TOKENS = ({}, {"Authorization": "Bearer of-another-place"})


def built(folder: Path, version: str) -> Path:
    command = [sys.executable, str(ROOT / "scripts" / "build-addon.py"), "--output", str(folder), "--version", version]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


@pytest.mark.parametrize("headers", TOKENS, ids=["anonymous", "with-a-token"])
@pytest.mark.parametrize("query", QUERIES, ids=["plain", "from-blender", "dragged"])
@pytest.mark.parametrize("path", FILES)
def test_a_file_is_served_whatever_is_added_to_its_address(
    server: Workerd, path: str, query: str, headers: dict[str, str]
) -> None:
    answer = httpx.get(f"{server.url}{path}{query}", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, FILES[path])
    assert answer.content == (ROOT / "public" / path[1:]).read_bytes()


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_asked_for_again_and_sent_only_if_it_has_changed(server: Workerd, path: str) -> None:
    first = httpx.get(f"{server.url}{path}")
    assert first.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    again = httpx.get(f"{server.url}{path}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = httpx.head(f"{server.url}{path}")
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", first.headers["ETag"])


def test_other_methods_and_neighbouring_paths_get_no_file(server: Workerd) -> None:
    assert httpx.post(f"{server.url}/addon.zip", content=b"x").status_code == 405
    for path in ("/addon.zip/", "/extensions/", "/extensions", "/.assetsignore", "/extensions/..%2faddon.zip"):
        assert httpx.get(f"{server.url}{path}").status_code == 404, path


def test_the_index_describes_the_archive_beside_it(server: Workerd) -> None:
    index = f"{server.url}/extensions/index.json"
    [entry] = httpx.get(index).json()["data"]
    archive = httpx.get(urljoin(index, entry["archive_url"])).content
    assert entry["archive_size"] == len(archive)
    assert entry["archive_hash"] == f"sha256:{hashlib.sha256(archive).hexdigest()}"
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert f'id = "{entry["id"]}"' in opened.read("blender_manifest.toml").decode()


async def test_the_worker_behind_the_files_answers_everything_else(server: Workerd) -> None:
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        assert (await client.http.get(f"{server.url}/health")).json()["status"] == "ok"
        assert (await client.request("tools/list")).result["tools"]


def dragged_link(server: Workerd) -> str:
    """The address a browser hands over when the home page's link is dragged."""
    page = httpx.get(server.url, headers={"Accept": "text/html"}).text
    [link] = re.findall(r'href="([^"]+repository=[^"]+)"', page)
    return urljoin(f"{server.url}/", html.unescape(link))


def test_the_home_page_has_a_link_as_blender_wants_it_dropped(server: Workerd) -> None:
    link = urlsplit(dragged_link(server))
    assert link.path.endswith(".zip")
    assert parse_qs(link.query) == {"repository": ["./index.json"], "blender_version_min": ["4.2.0"]}
    assert httpx.get(dragged_link(server)).status_code == 200


# What dropping the link does, without the window to drop it on: Blender reads the address, has its user add the
# repository it names, and looks for the dropped archive in it.
DROPPED = """
import json, os, sys, bpy
from bl_pkg.bl_extension_utils import url_parse_for_blender
from bl_pkg.bl_extension_ops import extension_url_find_repo_index_and_pkg_id
url, told = url_parse_for_blender(sys.argv[1])
preferences = bpy.context.preferences
preferences.system.use_online_access = True
preferences.extensions.repos.new(name="Bus", module="bus", remote_url=told["repository"])
number = next(n for n, repo in enumerate(preferences.extensions.repos) if repo.module == "bus")
bpy.ops.extensions.repo_sync(repo_index=number)
_, repository, package, *_ = extension_url_find_repo_index_and_pkg_id(url)
print(json.dumps({"repository": repository, "package": package, "asked": told}), flush=True)
os._exit(0)
"""


async def test_blender_finds_the_dropped_archive_in_the_repository_it_names(
    server: Workerd, blender_version: str, tmp_path: Path
) -> None:
    async with ScriptedBlender(blender_version, tmp_path, DROPPED, dragged_link(server)) as blender:
        found = await blender.said()
    assert (found["repository"], found["package"]) == ("Bus", "blender_bus")
    assert found["asked"] == {"repository": f"{server.url}/extensions/index.json", "blender_version_min": "4.2.0"}


# Blender's own commands, in a profile that has never seen the extension. Each line on its input is a turn: to look for
# a newer version, connect, do one job of the bus, and say what happened.
INSTALLED = """
import json, os, sys, time, tomllib, bpy, addon_utils
MODULE = "bl_ext.bus.blender_bus"
url, token = sys.argv[1:]
preferences = bpy.context.preferences
preferences.system.use_online_access = True
repos = preferences.extensions.repos
repos.new(name="Bus", module="bus", remote_url=url + "/extensions/index.json")
number = next(n for n, repo in enumerate(repos) if repo.module == "bus")
bpy.ops.extensions.repo_sync(repo_index=number)
bpy.ops.extensions.package_install(repo_index=number, pkg_id="blender_bus", enable_on_install=True)
own = preferences.addons[MODULE].preferences
own.server_url, own.token = url, token
for line in sys.stdin:
    bpy.ops.extensions.repo_sync(repo_index=number)
    bpy.ops.extensions.package_upgrade_all()
    with open(os.path.join(repos[number].directory, "blender_bus", "blender_manifest.toml"), "rb") as f:
        installed = tomllib.load(f)["version"]
    session = sys.modules[MODULE + ".preferences"].session
    bpy.ops.blender_bus.connect()
    until = time.monotonic() + 30
    while time.monotonic() < until and not session.queue.finished:
        session._tick()
        time.sleep(0.01)
    bpy.ops.blender_bus.disconnect()
    jobs = [job.status for job in session.queue.finished]
    print(json.dumps({"installed": installed, "jobs": jobs}), flush=True)
addon_utils.disable(MODULE)
os._exit(0)
"""


async def first_result(server: Workerd, token: str, report: asyncio.Task[Any]) -> str:
    """What a job returns as soon as a Blender is there to run it."""
    async with ModernClient(f"{server.url}/", token) as client:
        while not report.done():
            answer = (await client.call("blender_execute_code", code="print('runs')")).document
            if answer["status"] != "no_client":
                return str(answer["result"])
            await asyncio.sleep(0.1)
    return f"none; {await report}"


async def test_blender_installs_from_the_server_works_for_it_and_updates_from_it(
    server: Workerd, blender_version: str, tmp_path: Path
) -> None:
    token = await login(server.url)
    server.deploy(WorkerBundle.built(assets=built(tmp_path / "old", "0.1.0")))
    profile = tmp_path / "profile"
    profile.mkdir()
    async with ScriptedBlender(blender_version, profile, INSTALLED, server.url, token) as blender:
        for version in ("0.1.0", "0.9.9"):
            if version == "0.9.9":
                server.deploy(WorkerBundle.built(assets=built(tmp_path / "new", version)))
            blender.write()
            report = asyncio.create_task(blender.said())
            assert await first_result(server, token, report) == "runs\n"
            assert await report == {"installed": version, "jobs": ["completed"]}


# What `blender --command blender_bus ...` does once the extension is on: Blender calls what was registered.
COMMANDED = f"""
import sys, bpy, addon_utils
commands = {{}}
register = bpy.utils.register_cli_command
def recorded(name, execute):
    commands[name] = execute
    return register(name, execute)
bpy.utils.register_cli_command = recorded
assert addon_utils.enable({MODULE!r}, default_set=True) is not None
commands["blender_bus"](sys.argv[1:])
"""


async def test_the_installed_extension_serves_as_a_command_of_blender(
    server: Workerd, blender_version: str, tmp_path: Path
) -> None:
    token = await login(server.url)
    link_extension(tmp_path)
    arguments = ("--server", server.url, "--token", token, "--uuid", "commanded")
    async with (
        ScriptedBlender(blender_version, tmp_path, COMMANDED, *arguments) as blender,
        ModernClient(server.url, token) as client,
    ):
        await blender.has_printed("[peer] waiting for jobs...")
        answer = (await client.call("blender_execute_code", code="print(6 * 7)")).document
        assert (answer["status"], answer["result"], answer["target_uuid"]) == ("completed", "42\n", "commanded")
        assert blender.process is not None
        blender.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(blender.process.wait(), 20) == 0
