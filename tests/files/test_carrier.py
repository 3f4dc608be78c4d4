"""The extension's transfers through the built Worker, on both stores: whole, cut half-way, over a restart."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.mcp import login
from harness.tunnel import Tunnel
from harness.workerd import Workerd

from addon.link.transfers.carrier import Carrier, Transfer, TransferFailed

from .shelf import MIB, noise

SECONDS = 90.0


class Tokens:
    """One token, for good."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token

    def rejected(self, token: str) -> None:
        raise AssertionError("the token was refused")


async def through(future: Any) -> Any:
    return await asyncio.wait_for(asyncio.wrap_future(future), SECONDS)


def made(folder: Path, size: int) -> Path:
    path = folder / "source"
    path.write_bytes(noise(size))
    return path


async def test_a_file_goes_up_and_comes_down_whole(shared_server: Workerd, tmp_path: Path) -> None:
    source = made(tmp_path, 19 * MIB + 7)
    carrier = Carrier(shared_server.url, Tokens(await login(shared_server.url)))
    words: list[str] = []
    file = await through(
        carrier.upload(source, "Über 1.glb", "model/gltf-binary", report=lambda transfer: words.append(transfer.words))
    )
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert (file["name"], file["bytes"], file["sha256"]) == ("Über 1.glb", 19 * MIB + 7, digest)
    assert {"file_id", "mime_type", "created_at", "expires_at"} <= set(file) and "url" not in file
    assert words[-1] == "uploading 19.9 of 19.9 MB"
    got = await through(carrier.download(file["file_id"], tmp_path / "target"))
    assert got.path.read_bytes() == source.read_bytes()
    assert (got.name, got.mime_type, got.sha256) == ("Über 1.glb", "model/gltf-binary", digest)


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_line_that_is_cut_half_way_costs_a_pause(shared_server: Workerd, tmp_path: Path, way: str) -> None:
    source = made(tmp_path, 24 * MIB)
    half, loop = asyncio.Event(), asyncio.get_running_loop()
    starts: list[int] = []

    def report(transfer: Transfer) -> None:
        starts.append(transfer.done)
        if transfer.done > transfer.total // 2:
            loop.call_soon_threadsafe(half.set)

    async with Tunnel(shared_server.url) as tunnel:
        # A token is for the address that it was asked for at.
        carrier = Carrier(tunnel.url, Tokens(await login(tunnel.url)))
        if way == "up":
            moving = carrier.upload(source, "a.bin", "application/octet-stream", report=report)
        else:
            file = await through(carrier.upload(source, "a.bin", "application/octet-stream"))
            moving = carrier.download(file["file_id"], tmp_path / "target", report=report)
        await asyncio.wait_for(half.wait(), SECONDS)
        tunnel.cut()
        done = await through(moving)
    if way == "up":
        direct = Carrier(shared_server.url, Tokens(await login(shared_server.url)))
        got = await through(direct.download(done["file_id"], tmp_path / "target"))
        assert got.bytes == 24 * MIB
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    # It went on, and did not begin anew.
    assert all(done > 0 for done in starts[1:])


async def test_a_server_that_restarts_half_way_goes_on(
    serve: Callable[..., Workerd], store: str, tmp_path: Path
) -> None:
    if store == "r2":
        pytest.skip("the bucket of the simulation is gone with its server")
    server = serve()
    source = made(tmp_path, 24 * MIB)
    half, loop = asyncio.Event(), asyncio.get_running_loop()

    def report(transfer: Transfer) -> None:
        if transfer.done > 10 * MIB:
            loop.call_soon_threadsafe(half.set)

    carrier = Carrier(server.url, Tokens(await login(server.url)))
    moving = carrier.upload(source, "a.bin", "application/octet-stream", report=report)
    await asyncio.wait_for(half.wait(), SECONDS)
    server.kill()
    await asyncio.sleep(0.3)
    server.start()
    file = await through(moving)
    got = await through(carrier.download(file["file_id"], tmp_path / "target"))
    assert got.path.read_bytes() == source.read_bytes()


async def test_what_is_not_there_and_what_is_too_large_is_said(serve: Callable[..., Workerd], tmp_path: Path) -> None:
    server = serve(LIMIT_FILE_MIB="1")
    carrier = Carrier(server.url, Tokens(await login(server.url)))
    with pytest.raises(TransferFailed, match="there is no such file"):
        await through(carrier.download("f-" + "x" * 22, tmp_path / "t"))
    with pytest.raises(TransferFailed, match="larger than the server takes"):
        await through(carrier.upload(made(tmp_path, 2 * MIB), "a.bin", "application/octet-stream"))
