"""R2 on raw workerd: the object that wrangler simulates a bucket with, its blobs and its database in a folder."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "node_modules" / "miniflare" / "dist" / "src" / "workers"
FOLDER = "r2"  # beside the state of the objects


def r2_modules() -> dict[str, bytes]:
    """The workers' code by module name."""
    return {
        "r2-bucket.js": (RUNTIME / "r2" / "bucket.worker.js").read_bytes(),
        "r2-entry.js": (RUNTIME / "shared" / "object-entry.worker.js").read_bytes(),
        "r2-shared.js": (RUNTIME / "shared" / "index.worker.js").read_bytes(),
        "r2-zod.js": (RUNTIME / "shared" / "zod.worker.js").read_bytes(),
    }


def r2_binding(name: str) -> str:
    return f'(name = "{name}", r2Bucket = "r2-{name}")'


def r2_services(names: tuple[str, ...]) -> str:
    """The services of the configuration: for each bucket its entry, and one object for all."""
    entries = "".join(
        f"""\
    (name = "r2-{name}", worker = (
      compatibilityDate = "2023-07-24",
      modules = [(name = "r2-entry.js", esModule = embed "modules/r2-entry.js")],
      bindings = [
        (name = "MINIFLARE_NAMESPACE", text = "{name}"),
        (name = "MINIFLARE_OBJECT",
         durableObjectNamespace = (className = "R2BucketObject", serviceName = "r2-buckets")),
      ],
    )),
"""
        for name in names
    )
    return f"""\
{entries}    (name = "r2-storage", disk = (writable = true)),
    (name = "r2-buckets", worker = (
      compatibilityDate = "2023-07-24",
      compatibilityFlags = ["nodejs_compat", "experimental"],
      modules = [(name = "r2-bucket.js", esModule = embed "modules/r2-bucket.js")],
      durableObjectNamespaces = [(className = "R2BucketObject", uniqueKey = "miniflare-R2BucketObject")],
      durableObjectStorage = (localDisk = "r2-storage"),
      bindings = [(name = "MINIFLARE_BLOBS", service = "r2-storage")],
    )),
"""


R2_EXTENSIONS = """\
    (modules = [
      (name = "miniflare:shared", esModule = embed "modules/r2-shared.js"),
      (name = "miniflare:zod", esModule = embed "modules/r2-zod.js"),
    ]),
"""
