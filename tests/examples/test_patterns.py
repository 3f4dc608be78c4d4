"""The patterns, each with real Blenders where Blender has a part."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.services import ServiceDouble
from harness.workerd import Workerd
from PIL import Image, ImageChops, ImageStat

from .running import finished, read_until, run, started

PATTERNS = "examples/patterns"


@pytest.fixture
def blender(server: Workerd, tmp_path: Path) -> Iterator[HeadlessBlender]:
    with HeadlessBlender(server.url, tmp_path / "blender", uuid="studio") as running:
        yield running


@pytest.fixture
def farm(server: Workerd, tmp_path: Path) -> Iterator[list[HeadlessBlender]]:
    """Two Blenders of the group `farm`."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(HeadlessBlender(server.url, tmp_path / name, uuid=name, options=["--group", "farm"]))
            for name in ("node-1", "node-2")
        ]


async def with_token(server: Workerd) -> list[str]:
    return [f"{server.url}/mcp", "--token", await login(server.url)]


async def test_specialists_build_one_scene_one_after_the_other(
    server: Workerd, blender: HeadlessBlender, tmp_path: Path
) -> None:
    picture = tmp_path / "still_life.png"
    output = await run(f"{PATTERNS}/specialists.py", *await with_token(server), "--output", str(picture))
    steps = re.findall(r"^(\w+):", output, re.MULTILINE)
    assert steps == ["layout", "material", "lighting", "customer"]
    image = Image.open(picture).convert("RGB")
    left, right = image.crop((40, 100, 150, 200)), image.crop((350, 120, 430, 200))
    assert ImageStat.Stat(left).mean[2] > ImageStat.Stat(left).mean[0] + 40, "the block on the left is blue"
    assert ImageStat.Stat(right).mean[0] > ImageStat.Stat(right).mean[2] + 40, "the cone on the right is yellow"


async def test_specialists_without_a_blender_say_what_is_missing(server: Workerd) -> None:
    assert "no_client" in await run(f"{PATTERNS}/specialists.py", *await with_token(server), status=1)


def frames_of(sheet: Path) -> list[Image.Image]:
    image = Image.open(sheet).convert("RGB")
    boxes = [(x, y, x + 240, y + 136) for y in range(0, image.height, 136) for x in range(0, image.width, 240)]
    return [image.crop(box) for box in boxes]


async def test_every_node_of_the_farm_renders_frames_of_the_sheet(
    server: Workerd, farm: list[HeadlessBlender], tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.png"
    command = [f"{PATTERNS}/render_farm.py", *await with_token(server), "--frames", "4", "--output", str(sheet)]
    output = await run(*command)
    assert sorted(re.findall(r"^frame (\d) by", output, re.MULTILINE)) == list("0123")
    assert set(re.findall(r"by (node-\d)", output)) == {"node-1", "node-2"}
    frames = frames_of(sheet)
    assert len(frames) == 4
    for number, frame in enumerate(frames):
        assert ImageStat.Stat(frame.convert("L")).stddev[0] > 20, f"frame {number} is blank"
        for other in frames[:number]:
            assert ImageStat.Stat(ImageChops.difference(frame, other).convert("L")).mean[0] > 2, "the same frame twice"


async def test_the_farm_goes_on_when_a_node_dies(server: Workerd, farm: list[HeadlessBlender], tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    command = [f"{PATTERNS}/render_farm.py", *await with_token(server), "--frames", "6", "--output", str(sheet)]
    async with started(*command) as process:
        read = await read_until(process, "by node-2", 60)
        farm[1].kill()
        read += await finished(process)
    assert process.returncode == 0, read
    assert re.search(r"frame \d: node-2: disconnected", read)
    assert len(set(re.findall(r"^frame (\d) by", read, re.MULTILINE))) == 6
    assert all(ImageStat.Stat(frame.convert("L")).stddev[0] > 20 for frame in frames_of(sheet)[:6])


async def test_a_farm_without_nodes_says_so(server: Workerd) -> None:
    output = await run(f"{PATTERNS}/render_farm.py", *await with_token(server), status=1)
    assert "No Blender of the group 'farm'" in output


async def test_the_progress_of_a_long_job_is_shown_as_it_runs(server: Workerd, blender: HeadlessBlender) -> None:
    output = await run(f"{PATTERNS}/progress.py", *await with_token(server), "--turns", "4")
    shares = [int(share) for share in re.findall(r"(\d+) %", output)]
    assert shares == sorted(set(shares)) and len(shares) >= 3, output
    assert "frame 4 of 4" in output
    assert output.endswith("completed: 4 frames\n")


async def test_a_long_job_that_is_given_up_ends_in_blender(server: Workerd, blender: HeadlessBlender) -> None:
    command = [f"{PATTERNS}/progress.py", *await with_token(server), "--turns", "3000"]
    async with started(*command) as process:
        await read_until(process, "%", 60)
        process.send_signal(2)
        assert "Stopped" in await finished(process)
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        async with asyncio.timeout(20):
            while (job := (await client.call("blender_list_jobs")).document["jobs"][0])["status"] == "running":
                await asyncio.sleep(0.2)
        assert job["status"] == "cancelled"


async def test_what_is_approved_runs_and_what_is_not_does_not(server: Workerd, blender: HeadlessBlender) -> None:
    command = [f"{PATTERNS}/approval_inbox.py"]
    options = ["--url", *await with_token(server)]
    script = "bpy.data.objects['Cube'].name = 'Approved'; print('renamed')"
    async with started(*command, "approve", *options) as approver:
        assert approver.stdin is not None
        await read_until(approver, "Waiting for requests")
        approver.stdin.write(b"y\nnot on my watch\n")
        assert "completed: renamed" in await run(*command, "ask", script, *options)
        refused = await run(*command, "ask", "bpy.ops.wm.quit_blender()", *options, status=1)
        assert "refused: not on my watch" in refused
        shown = await read_until(approver, "Refused")
    assert "wants to run:\n" + script in shown
    assert "wants to run:\nbpy.ops.wm.quit_blender()" in shown
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        found = (await client.call("blender_get_object_info", name="Approved")).document
        assert found["status"] == "completed", "the job that was approved ran, and Blender lives"


async def test_nobody_there_to_approve_is_said(server: Workerd) -> None:
    output = await run(f"{PATTERNS}/approval_inbox.py", "ask", "--url", *await with_token(server), status=1)
    assert "Nobody is there to approve" in output


async def test_a_broadcast_is_answered_by_every_blender(server: Workerd, farm: list[HeadlessBlender]) -> None:
    options = await with_token(server)
    output = await run(f"{PATTERNS}/broadcast.py", *options)
    for node in ("node-1", "node-2"):
        assert re.search(rf"^{node}: completed: [45]\.\d+\.\d+.* with 3 objects$", output, re.MULTILINE)
    output = await run(f"{PATTERNS}/broadcast.py", *options, "--group", "farm", "--script", "1/0")
    assert output.count("ZeroDivisionError") == 2
    output = await run(f"{PATTERNS}/broadcast.py", *options, "--group", "nowhere", status=1)
    assert "no group 'nowhere'" in output


async def test_an_integration_that_is_off_is_not_asked_to_download(server: Workerd, blender: HeadlessBlender) -> None:
    options = ["--url", *await with_token(server)]
    output = await run(f"{PATTERNS}/status_probe.py", "planks", "Cube", *options)
    assert "Poly Haven is off" in output
    assert "Cube got a plain material instead" in output
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        found = (await client.call("blender_get_object_info", name="Cube")).document
    assert '"Plain"' in found["result"]


async def test_an_integration_that_is_on_is_used(server: Workerd, tmp_path: Path) -> None:
    options = ["--url", *await with_token(server)]
    with (
        ServiceDouble() as services,
        HeadlessBlender(server.url, tmp_path / "blender", uuid="studio", services=services.url),
    ):
        services.document("/assets", {"planks": {"name": "Planks", "type": 1, "download_count": 3}})
        maps = {name: {"1k": {"jpg": services.file(f"/{name}.jpg", jpeg())}} for name in ("Diffuse", "Rough", "nor_gl")}
        services.document("/files/planks", maps)
        output = await run(f"{PATTERNS}/status_probe.py", "wood", "Cube", *options)
        async with ModernClient(f"{server.url}/", await login(server.url)) as client:
            cube = (await client.call("blender_get_object_info", name="Cube")).document
    assert "Poly Haven is on" in output
    assert "1 found, taking planks" in output
    assert "planks" in json.loads(cube["result"])["materials"][0]
    assert [asked.query["categories"] for asked in services.asked if asked.path == "/assets"] == ["wood"]


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "brown").save(file, "JPEG")
    return file.getvalue()
