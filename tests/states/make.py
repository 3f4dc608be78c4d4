"""Makes a state as an earlier build leaves it: `python tests/states/make.py CHECKOUT OUTPUT.zip`, CHECKOUT built.

A user who signed in by OAuth, a Blender that is away, a job that has ended and one that waits, a message in an inbox
and an open session. What belongs to whom stands in `manifest.json` of the archive. The tokens in it open nothing else.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from harness.mcp import LegacySession, ModernClient  # noqa: E402
from harness.peer import Peer  # noqa: E402
from harness.workerd import WorkerBundle, Workerd  # noqa: E402
from oauth.flow import Flow  # noqa: E402

SCOPES = "bus:read bus:dispatch peer"


def bundle_of(checkout: Path) -> WorkerBundle:
    config = tomllib.loads((checkout / "wrangler.toml").read_text())
    return WorkerBundle(
        modules={name: (checkout / "build" / name).read_bytes() for name in ("index.js", "index_bg.wasm")},
        compatibility_date=config["compatibility_date"],
        compatibility_flags=tuple(config.get("compatibility_flags", ())),
        objects={one["name"]: one["class_name"] for one in config["durable_objects"]["bindings"]},
        vars={name: str(value) for name, value in config.get("vars", {}).items()},
        limits={one["name"]: (one["simple"]["limit"], one["simple"]["period"]) for one in config.get("ratelimits", [])},
    )


async def fill(server: Workerd) -> dict[str, object]:
    flow = Flow(server.url)
    tokens = await asyncio.to_thread(flow.tokens, scope=SCOPES)
    token = tokens["access_token"]
    async with ModernClient(f"{server.url}/", token) as client:

        async def submit() -> str:
            code = {"code": "print('kept')"}
            answer = await client.call("blender_submit", command="execute_code", params=code, target_uuid="b1")
            return str(answer.document["job_id"])

        async with Peer(server.ws_url, token, "b1", handler=lambda job: "kept: \u6905 \U0001fa91"):
            ended = await submit()
            while (await client.call("blender_job_status", job_id=ended)).document["status"] != "completed":
                await asyncio.sleep(0.05)
        async with Peer(server.ws_url, token, "reader", client_type="llm"):
            pass
        await asyncio.sleep(0.5)
        waits = await submit()
        await client.call("blender_send_message", payload={"said": "for later"}, target_uuid="reader")
    session = LegacySession(f"{server.url}/mcp", token)
    await session.initialize()
    await session.http.aclose()
    return {
        "made_at": time.time(),
        "port": int(server.url.rsplit(":", 1)[1]),
        "client_id": flow.client_id,
        "tokens": tokens,
        "ended": ended,
        "waits": waits,
        "session_id": session.session_id,
    }


def main(checkout: Path, output: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Workerd(folder, bundle=bundle_of(checkout)) as server:
            manifest = asyncio.run(fill(server))
        with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.writestr("manifest.json", json.dumps(manifest, indent=1))
            for path in sorted((folder / "state").rglob("*")):
                if path.is_file():
                    archive.write(path, str(path.relative_to(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
