"""Poly Haven's API (https://api.polyhaven.com): what there is, and which files make up an asset (no bpy)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from .archive import safe_path
from .http import Fetcher, FetchFailed

API = "https://api.polyhaven.com"
TYPES = ("hdris", "textures", "models")
MAX_SHOWN = 20
MAX_FILES = 500
# What an asset is taken as if the caller does not say.
USUAL_FORMAT = {"hdris": "hdr", "textures": "jpg", "models": "gltf"}
# Each role of a texture and what Poly Haven calls its map, the preferred name first.
MAP_NAMES = {
    "diffuse": ("Diffuse", "diff", "col_01", "col_1", "Color"),
    "normal": ("nor_gl",),
    "arm": ("arm",),
    "roughness": ("Rough",),
    "metallic": ("Metal",),
    "ao": ("AO",),
    "displacement": ("Displacement",),
    "alpha": ("Mask", "Alpha", "Opacity"),
    "emission": ("Emission", "emissive"),
}
_IN_ARM = ("roughness", "metallic", "ao")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of an asset; `role` is the map of a texture, empty for other files."""

    path: str
    url: str
    md5: str
    size: int | None
    role: str = ""


def categories(fetcher: Fetcher, asset_type: str) -> dict[str, int]:
    """Return category -> number of assets; `all` adds up the three types."""
    counts: dict[str, int] = {}
    for kind in TYPES if asset_type == "all" else (asset_type,):
        document = _object(fetcher, fetcher.json(f"{API}/categories/{kind}"))
        for name, count in document.items():
            if isinstance(count, int):
                counts[name] = counts.get(name, 0) + count
    return counts


def search(fetcher: Fetcher, asset_type: str | None, wanted: str | None) -> dict[str, Any]:
    """Return the most downloaded assets of a type and categories."""
    query = {"type": asset_type or "all", **({"categories": wanted} if wanted else {})}
    found = _object(fetcher, fetcher.json(f"{API}/assets?{urlencode(query)}"))
    known = {name: about for name, about in found.items() if isinstance(about, dict)}
    best = sorted(known, key=lambda name: -_number(known[name].get("download_count")))[:MAX_SHOWN]
    return {
        "assets": {name: known[name] for name in best},
        "total_count": len(known),
        "returned_count": len(best),
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to search for: all of `words` stand in an asset's id, name, tags or categories."""

    asset_type: str | None
    categories: str | None
    words: str
    limit: int
    min_size_m: float = 0.0


def find(fetcher: Fetcher, wanted: Wanted) -> dict[str, Any]:
    """Return a list of assets, those with the words in their name first, then the most downloaded."""
    query = {"type": wanted.asset_type or "all", **({"categories": wanted.categories} if wanted.categories else {})}
    found = _object(fetcher, fetcher.json(f"{API}/assets?{urlencode(query)}"))
    words = wanted.words.lower().split()
    hits = []
    for name, about in found.items():
        if isinstance(about, dict):
            named = f"{name} {about.get('name', '')}".lower()
            text = " ".join([named, *_words(about.get("tags")), *_words(about.get("categories"))])
            if all(word in text for word in words) and _longest(about) >= wanted.min_size_m:
                hits.append((-sum(word in named for word in words), -_number(about.get("download_count")), name))
    best = [name for _, _, name in sorted(hits)[: wanted.limit]]
    note = "" if best or not words else "Nothing has all of these words; try fewer, or others"
    return {
        "assets": [_listed(name, found[name]) for name in best],
        "query": wanted.words.strip(),
        "total_count": len(hits),
        "returned_count": len(best),
        "note": note,
    }


def _listed(name: str, about: dict[str, Any]) -> dict[str, Any]:
    kind = about.get("type")
    authors = about.get("authors")
    return {
        "id": name,
        "name": str(about.get("name") or name),
        "type": TYPES[kind] if isinstance(kind, int) and 0 <= kind < len(TYPES) else str(kind or ""),
        "url": f"https://polyhaven.com/a/{quote(name, safe='')}",
        "authors": list(authors) if isinstance(authors, dict) else [],
        "category": next(iter(_words(about.get("categories"))), ""),
        "categories": _words(about.get("categories")),
        "tags": _words(about.get("tags")),
        "dimensions_mm": about.get("dimensions"),
        "download_count": about.get("download_count"),
    }


def _longest(about: dict[str, Any]) -> float:
    """The longest side in metres; what tells none is as large as anybody wants."""
    sides = about.get("dimensions")
    return max(map(_number, sides)) / 1000 if isinstance(sides, list) and sides else float("inf")


def _words(value: Any) -> list[str]:
    return [str(item).lower() for item in value] if isinstance(value, list) else []


def preview(fetcher: Fetcher, asset_id: str) -> dict[str, Any]:
    """Return `picture` (an address), `asset_id`, `name`, `authors` and `url` of an asset. Raises FetchFailed."""
    about = _object(fetcher, fetcher.json(f"{API}/info/{quote(asset_id, safe='')}"))
    picture, authors = about.get("thumbnail_url"), about.get("authors")
    if not isinstance(picture, str):
        raise FetchFailed(f"Poly Haven has no picture of {asset_id}")
    return {
        "picture": picture,
        "asset_id": asset_id,
        "name": str(about.get("name") or asset_id),
        "authors": sorted(authors) if isinstance(authors, dict) else [],
        "url": f"https://polyhaven.com/a/{quote(asset_id, safe='')}",
    }


def source(fetcher: Fetcher, asset_id: str) -> dict[str, str]:
    """Return service, address, author and licence of an asset. All of Poly Haven is in the public domain."""
    authors: Any = None
    with contextlib.suppress(FetchFailed):  # no reason not to take the asset
        authors = _object(fetcher, fetcher.json(f"{API}/info/{quote(asset_id, safe='')}")).get("authors")
    return {
        "service": fetcher.service,
        "url": f"https://polyhaven.com/a/{quote(asset_id, safe='')}",
        "author": ", ".join(sorted(authors)) if isinstance(authors, dict) else "",
        "licence": "CC0",
    }


def files(fetcher: Fetcher, asset_id: str, asset_type: str, resolution: str, format: str | None) -> list[RemoteFile]:
    """Return the files to download, the main one first. Raises FetchFailed naming what there is instead."""
    document = _object(fetcher, fetcher.json(f"{API}/files/{quote(asset_id, safe='')}"))
    chosen = format or USUAL_FORMAT[asset_type]
    if asset_type == "textures":
        return _maps(asset_id, document, resolution, chosen)
    top = "hdri" if asset_type == "hdris" else chosen
    entry = _pick(asset_id, document, top, resolution, chosen)
    main = _remote(_file_name(entry), entry)
    include = entry.get("include")
    parts = include.items() if isinstance(include, dict) else ()
    found = [main, *(_remote(path, part) for path, part in parts if isinstance(part, dict))]
    if len(found) > MAX_FILES:
        raise FetchFailed(f"Poly Haven: {asset_id} has {len(found)} files; at most {MAX_FILES} are taken")
    return found


def download(fetcher: Fetcher, wanted: list[RemoteFile], folder: Path) -> list[Path]:
    """Download files into `folder` and return their paths. Raises FetchFailed or BadArchive."""
    paths = []
    for file in wanted:
        target = safe_path(folder, file.path)
        fetcher.download(file.url, target, md5=file.md5, size=file.size)
        paths.append(target)
    return paths


def _maps(asset_id: str, document: dict[str, Any], resolution: str, format: str) -> list[RemoteFile]:
    present = dict(_roles(document))
    if not present:
        raise FetchFailed(f"Poly Haven: {asset_id} has no maps; is it a texture?")
    if "arm" in present:
        # One file in place of three.
        present = {role: name for role, name in present.items() if role not in _IN_ARM}
    found = []
    for role, name in present.items():
        entry = _pick(asset_id, document, name, resolution, format)
        found.append(_remote(_file_name(entry), entry, role))
    return found


def _roles(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    lower = {name.lower(): name for name in document}
    for role, names in MAP_NAMES.items():
        name = next((lower[name.lower()] for name in names if name.lower() in lower), None)
        if name is not None:
            yield role, name


def _pick(asset_id: str, document: dict[str, Any], *steps: str) -> dict[str, Any]:
    """Walk down a document of Poly Haven; a missing step is told with what there is."""
    here: Any = document
    for step in steps:
        if not isinstance(here, dict) or not isinstance(here.get(step), dict):
            there = ", ".join(list(here)[:30]) if isinstance(here, dict) else "nothing"
            raise FetchFailed(f"Poly Haven: {asset_id} has no {step!r} ({' / '.join(steps)}); there is: {there}")
        here = here[step]
    found: dict[str, Any] = here
    return found


def _file_name(entry: dict[str, Any]) -> str:
    return str(entry.get("url", "")).split("?")[0].rsplit("/", 1)[-1]


def _remote(path: str, entry: dict[str, Any], role: str = "") -> RemoteFile:
    url, md5, size = entry.get("url"), entry.get("md5"), entry.get("size")
    if not isinstance(url, str):
        raise FetchFailed(f"Poly Haven names no address for {path[:200]!r}")
    return RemoteFile(path, url, md5 if isinstance(md5, str) else "", size if isinstance(size, int) else None, role)


def _object(fetcher: Fetcher, document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise FetchFailed(f"{fetcher.service} answered something unexpected: {str(document)[:100]!r}")
    return document


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
