"""Sketchfab's Data API v3 (https://docs.sketchfab.com/data-api/v3/): search, and download as glTF (no bpy)."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from .archive import BadArchive, unpack
from .http import Fetcher, FetchFailed

API = "https://api.sketchfab.com/v3"
MAX_COUNT = 24
PREVIEW_WIDTH = 640


def search(fetcher: Fetcher, key: str, query: str, categories: str | None, count: int, downloadable: bool) -> Any:
    """Return the provider's answer (`results`, `next`)."""
    asked = {
        "type": "models",
        "q": query,
        # One page of Sketchfab holds no more.
        "count": min(count, MAX_COUNT),
        "downloadable": str(downloadable).lower(),
        "archives_flavours": "false",
        **({"categories": categories} if categories else {}),
    }
    answer = fetcher.json(f"{API}/search?{urlencode(asked)}", {"Authorization": f"Token {key}"})
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise FetchFailed(f"Sketchfab answered something unexpected: {str(answer)[:100]!r}")
    return answer


def preview(fetcher: Fetcher, key: str, uid: str) -> dict[str, Any]:
    """Return `picture` (an address), `model_name`, `author` and `uid` of a model. Raises FetchFailed."""
    headers = {"Authorization": f"Token {key}"} if key else {}
    about = fetcher.json(f"{API}/models/{quote(uid, safe='')}", headers)
    thumbnails = about.get("thumbnails") if isinstance(about, dict) else None
    images = thumbnails.get("images") if isinstance(thumbnails, dict) else None
    known = [one for one in images or [] if isinstance(one, dict) and isinstance(one.get("url"), str)]
    if not known:
        raise FetchFailed(f"Sketchfab has no picture of {uid}")
    # Large enough to judge by, and no larger.
    usual = min(known, key=lambda one: abs(int(one.get("width") or 0) - PREVIEW_WIDTH))
    user = about.get("user")
    author = user.get("username") if isinstance(user, dict) else None
    return {"picture": usual["url"], "model_name": str(about.get("name") or uid), "author": author, "uid": uid}


def source(fetcher: Fetcher, key: str, uid: str) -> dict[str, str]:
    """Return service, address, author and licence of a model, as far as Sketchfab tells."""
    about: Any = None
    with contextlib.suppress(FetchFailed):  # no reason not to take the model
        about = fetcher.json(f"{API}/models/{quote(uid, safe='')}", {"Authorization": f"Token {key}"})
    about = about if isinstance(about, dict) else {}
    user = about["user"] if isinstance(about.get("user"), dict) else {}
    licence = about["license"] if isinstance(about.get("license"), dict) else {}
    terms = (licence.get("label") or licence.get("slug"), licence.get("requirements"), licence.get("url"))
    return {
        "service": fetcher.service,
        "url": str(about.get("viewerUrl") or f"https://sketchfab.com/models/{quote(uid, safe='')}"),
        "title": str(about.get("name") or ""),
        "author": str(user.get("displayName") or user.get("username") or ""),
        "licence": "; ".join(str(term) for term in terms if term) or "not told; see the address",
    }


def download(fetcher: Fetcher, key: str, uid: str, folder: Path) -> Path:
    """Download a model, unpack it, and return its .gltf or .glb. Raises FetchFailed or BadArchive."""
    links = fetcher.json(f"{API}/models/{quote(uid, safe='')}/download", {"Authorization": f"Token {key}"})
    link = links.get("gltf") if isinstance(links, dict) else None
    if not isinstance(link, dict) or not isinstance(link.get("url"), str):
        raise FetchFailed(f"Sketchfab offers no glTF of {uid}; is the model downloadable?")
    archive = folder / "model.zip"
    size = link.get("size")
    fetcher.download(link["url"], archive, size=size if isinstance(size, int) and size > 0 else None)
    found = unpack(archive, folder / "model")
    for path in sorted(found, key=lambda path: len(path.parts)):
        if path.suffix.lower() in (".gltf", ".glb"):
            return path
    raise BadArchive("the archive holds no .gltf or .glb")
