"""Skills (SEP-2640) as hosts see them: listed, got, read, with the digests that were told, in both eras."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from harness.mcp import LegacySession, ModernClient, login
from harness.workerd import ROOT, Workerd

EXTENSION = "io.modelcontextprotocol/skills"
SKILLS = ROOT / "skills"


def client(server: Workerd, token: str, era: str) -> ModernClient | LegacySession:
    return ModernClient(f"{server.url}/", token) if era == "modern" else LegacySession(f"{server.url}/mcp", token)


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_every_file_is_read_back_as_its_entry_tells(server: Workerd, era: str) -> None:
    async with client(server, await login(server.url), era) as host:
        listed = (await host.request("skills/list")).result["skills"]
        read = set()
        for skill in listed:
            assert (await host.request("skills/get", {"uri": skill["uri"]})).result["skill"] == skill
            for resource in skill["resources"]:
                [content] = (await host.request("resources/read", {"uri": resource["uri"]})).result["contents"]
                raw = content["text"].encode()
                assert content["mimeType"] == "text/markdown"
                digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
                assert (resource["digest"], resource["size"]) == (digest, len(raw))
                path = Path(resource["uri"].removeprefix("skill://"))
                assert (SKILLS / path).read_bytes() == raw
                read.add(path)
    assert read == {path.relative_to(SKILLS) for path in SKILLS.rglob("*.md")}


async def test_the_extension_is_declared_and_skills_are_resources_too(server: Workerd) -> None:
    token = await login(server.url)
    async with ModernClient(f"{server.url}/", token) as host:
        discovered = (await host.request("server/discover", {})).result["capabilities"]["extensions"]
        assert discovered[EXTENSION] == {"directoryRead": True}
        entries = (await host.request("skills/list")).result["skills"]
        resources = {item["uri"]: item for item in (await host.request("resources/list")).result["resources"]}
        for entry in entries:
            assert resources[entry["uri"]]["description"] == entry["frontmatter"]["description"]
    async with LegacySession(f"{server.url}/mcp", token) as session:
        told = (await session.initialize()).result["capabilities"]["extensions"]
        assert told[EXTENSION] == {"directoryRead": True}


async def test_folders_are_read_and_what_is_none_is_refused(server: Workerd) -> None:
    async with ModernClient(f"{server.url}/", await login(server.url)) as host:
        inside = (await host.request("resources/directory/read", {"uri": "skill://blender-versions"})).result[
            "resources"
        ]
        assert [child["name"] for child in inside] == ["SKILL.md", "references"]
        for method, uri in (
            ("resources/directory/read", "skill://blender-versions/SKILL.md"),
            ("resources/directory/read", "skill://blender-versions/../../src"),
            ("skills/get", "skill://blender-versions"),
            ("resources/read", "skill://blender-versions/references/none.md"),
        ):
            error = (await host.request(method, {"uri": uri})).error
            assert (error["code"], error["data"]) == (-32602, {"uri": uri})
        wrong = (
            await host.request("resources/directory/read", {"uri": "skill://blender-versions", "cursor": "x"})
        ).error
        assert wrong["code"] == -32602 and "cursor" in wrong["message"]
        assert (await host.request("skills/get", {})).error["code"] == -32602
