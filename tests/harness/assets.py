"""Static assets on raw workerd: in front of the Worker the router and the asset server that come with wrangler.

They are the ones of Cloudflare's network. Only what they look files up in is ours: a manifest (path -> content hash, 16
bytes each) and a key-value namespace on a folder of files named by that hash.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "node_modules" / "miniflare" / "dist" / "src" / "workers" / "assets"
MANIFEST_HEADER, HASH, ENTRY_TAIL = bytes(20), 16, bytes(8)
# Read by wrangler, never served.
OWN_FILES = frozenset({".assetsignore"})
UNSUPPORTED = frozenset({"_headers", "_redirects"})

NAMESPACE = """\
export default {
  async fetch(request, env) {
    const key = new URL(request.url).pathname.slice(1);
    const found = await env.FILES.fetch(`http://files/${key}`);
    const answer = new Response(found.body, found);
    answer.headers.set('CF-KV-Metadata', JSON.stringify({ contentType: env.TYPES[key] }));
    return answer;
  },
};
"""


@dataclass(frozen=True)
class Assets:
    """Files by URL path, and how wrangler.toml wants them served."""

    files: Mapping[str, bytes]
    html_handling: str

    @classmethod
    def of(cls, folder: Path, table: Mapping[str, Any]) -> Assets:
        """What a folder holds, as the `[assets]` table of wrangler.toml has it served."""
        if unknown := set(table) - {"directory", "html_handling"}:
            raise NotImplementedError(f"[assets] has {sorted(unknown)}, which the harness does not serve yet")
        found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        if unknown := UNSUPPORTED & set(found):
            raise NotImplementedError(f"{folder} has {sorted(unknown)}, which the harness does not read yet")
        files = {f"/{name}": path.read_bytes() for name, path in found.items() if name not in OWN_FILES}
        return cls(files, table.get("html_handling", "auto-trailing-slash"))

    def manifest(self) -> bytes:
        """The lookup table in the format of the asset server, sorted by hash."""
        pairs = sorted((_hash(path.encode()), _hash(data)) for path, data in self.files.items())
        return MANIFEST_HEADER + b"".join(path + data + ENTRY_TAIL for path, data in pairs)

    def write(self, folder: Path) -> None:
        """Lay out the files the key-value namespace reads, in place of those of an earlier version."""
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for data in self.files.values():
            (folder / _hash(data).hex()).write_bytes(data)

    def types(self) -> str:
        """Content types by content hash, as JSON."""
        return json.dumps({_hash(data).hex(): mimetypes.guess_type(path)[0] for path, data in self.files.items()})


def asset_modules() -> dict[str, bytes]:
    """The workers' code by module name."""
    return {
        "assets-router.js": (RUNTIME / "router.worker.js").read_bytes(),
        "assets-server.js": (RUNTIME / "assets.worker.js").read_bytes(),
        "assets-namespace.js": NAMESPACE.encode(),
    }


def asset_services(assets: Assets, compatibility_date: str) -> str:
    """The services of a capnp config; `assets-router` is the one to ask, `main` the Worker behind it."""
    config = {
        "compatibility_date": compatibility_date,
        "compatibility_flags": [],
        "html_handling": assets.html_handling,
        "not_found_handling": "none",
        "debug": False,
        "has_static_routing": False,
    }
    return f"""\
    (name = "assets-files", disk = (writable = false)),
    (name = "assets-namespace", worker = (
      modules = [(name = "namespace.js", esModule = embed "modules/assets-namespace.js")],
      compatibilityDate = "2024-07-31",
      bindings = [(name = "FILES", service = "assets-files"), (name = "TYPES", json = {_text(assets.types())})],
    )),
    (name = "assets-server", worker = (
      modules = [(name = "server.js", esModule = embed "modules/assets-server.js")],
      compatibilityDate = "2024-07-31",
      compatibilityFlags = ["nodejs_compat", "enable_ctx_exports"],
      bindings = [
        (name = "ASSETS_KV_NAMESPACE", kvNamespace = "assets-namespace"),
        (name = "ASSETS_MANIFEST", data = 0x"{assets.manifest().hex(" ")}"),
        (name = "CONFIG", json = {_text(json.dumps(config))}),
      ],
    )),
    (name = "assets-router", worker = (
      modules = [(name = "router.js", esModule = embed "modules/assets-router.js")],
      compatibilityDate = "2024-07-31",
      compatibilityFlags = ["nodejs_compat", "no_nodejs_compat_v2", "enable_ctx_exports"],
      bindings = [
        (name = "ASSET_WORKER", service = "assets-server"),
        (name = "USER_WORKER", service = "main"),
        (name = "CONFIG", json = {_text(json.dumps({"has_user_worker": True}))}),
      ],
    )),
"""


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:HASH]


def _text(value: str) -> str:
    """A Cap'n Proto text literal of printable ASCII, which JSON here is."""
    return json.dumps(value)
