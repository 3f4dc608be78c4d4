"""Build the Blender extension and its repository, without Blender: the same sources give the same bytes.

    python3 scripts/build-addon.py [--output FOLDER] [--version X.Y.Z]

FOLDER (default: public) is laid out as the server serves it: addon.zip, extensions/addon.zip (the same) and
extensions/index.json, an index as Blender's own `extension server-generate` writes it. Python 3.11 or newer.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import io
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "addon"
MANIFEST = "blender_manifest.toml"
MAX_ZIP_BYTES = 600_000
# The earliest time a zip can hold: the real ones differ from one clone to the next.
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644
# What Blender's index takes over from a manifest.
INDEX_FIELDS = (
    "schema_version", "id", "name", "tagline", "version", "type", "maintainer", "license", "blender_version_min",
    "blender_version_max", "website", "copyright", "tags", "permissions", "platforms",
)  # fmt: skip


class CannotBuild(Exception):
    """The sources are not an extension; the message says why."""


def main() -> None:
    """Write the files and say what they are."""
    parser = argparse.ArgumentParser(description="Build the Blender extension and its repository.")
    parser.add_argument("--output", type=Path, default=ROOT / "public", help="folder to write to (default: public)")
    parser.add_argument("--version", help="version in place of the manifest's")
    args = parser.parse_args()
    try:
        text = manifest_text(args.version)
        archive = build_zip(text)
        index = build_index(tomllib.loads(text), archive)
    except CannotBuild as error:
        sys.exit(f"error: {error}")
    extensions = args.output / "extensions"
    extensions.mkdir(parents=True, exist_ok=True)
    for path in (args.output / "addon.zip", extensions / "addon.zip"):
        _write(path, archive)
    _write(extensions / "index.json", (json.dumps(index, indent=1) + "\n").encode())
    digest = hashlib.sha256(archive).hexdigest()
    print(f"Extension {tomllib.loads(text)['version']}: {len(archive) / 1024:.0f} KiB, sha256 {digest}")


def _write(path: Path, data: bytes) -> None:
    """Write a file, unless it is the same already: a development server starts over when one is written."""
    if not path.is_file() or path.read_bytes() != data:
        path.write_bytes(data)


def manifest_text(version: str | None) -> str:
    """Return the manifest, with another version if one is given."""
    text = (SOURCE / MANIFEST).read_text(encoding="utf-8")
    if version is None:
        return text
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise CannotBuild(f"--version must be like 1.2.3, not {version!r}")
    return re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', text, count=1)


def build_zip(manifest: str) -> bytes:
    """Return the zip, sorted, without times, and with the manifest's wheels. Raises CannotBuild."""
    about = tomllib.loads(manifest)
    files = sorted(_files(about), key=lambda path: path.relative_to(SOURCE).as_posix())
    names = {path.relative_to(SOURCE).as_posix() for path in files}
    wanted = {MANIFEST, "__init__.py", "LICENSE", *(wheel.removeprefix("./") for wheel in about.get("wheels", ()))}
    if not wanted <= names:
        raise CannotBuild(f"{', '.join(sorted(wanted - names))} is missing in {SOURCE}")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path in files:
            name = path.relative_to(SOURCE).as_posix()
            data = manifest.encode() if name == MANIFEST else path.read_bytes()
            info = zipfile.ZipInfo(name, EPOCH)
            # Unix, whatever this is built on.
            info.create_system, info.external_attr = 3, FILE_MODE << 16
            # A wheel is compressed already.
            info.compress_type = zipfile.ZIP_STORED if path.suffix == ".whl" else zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=9)
    if target.tell() > MAX_ZIP_BYTES:
        raise CannotBuild(f"the zip has {target.tell()} bytes; at most {MAX_ZIP_BYTES} are allowed")
    return target.getvalue()


def _files(about: dict[str, Any]) -> Iterator[Path]:
    patterns = about.get("build", {}).get("paths_exclude_pattern", [])
    for path in SOURCE.rglob("*"):
        if path.is_symlink():
            raise CannotBuild(f"{path} is a link; a zip for strangers holds none")
        if path.is_file() and not any(_excluded(path.relative_to(SOURCE), pattern) for pattern in patterns):
            yield path


def _excluded(path: Path, pattern: str) -> bool:
    """Judge a path as Blender does: `name/` is a folder, a leading `/` means the top, all else fits any part."""
    if pattern.startswith("/"):
        return fnmatch.fnmatchcase(path.as_posix(), pattern[1:])
    if pattern.endswith("/"):
        return any(fnmatch.fnmatchcase(part, pattern[:-1]) for part in path.parts[:-1])
    return any(fnmatch.fnmatchcase(part, pattern) for part in path.parts)


def build_index(about: dict[str, Any], archive: bytes) -> dict[str, Any]:
    """Return the repository's index with this one version."""
    entry = {name: about[name] for name in INDEX_FIELDS if name in about}
    # Blender reads these off the wheels; a pure one says py3.
    tags = {wheel.rsplit("-", 3)[1].removeprefix("py") for wheel in about.get("wheels", ())}
    if tags:
        entry["python_versions"] = sorted(tags)
    entry["archive_url"] = "./addon.zip"
    entry["archive_size"] = len(archive)
    entry["archive_hash"] = f"sha256:{hashlib.sha256(archive).hexdigest()}"
    return {"version": "v1", "blocklist": [], "data": [entry]}


if __name__ == "__main__":
    main()
