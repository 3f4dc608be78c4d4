"""Hyper3D Rodin through its main site (https://developer.hyper3d.ai) and through fal.ai's queue (no bpy)."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .http import Fetcher, FetchFailed

MAIN_API = "https://api.hyper3d.com/api/v2"
FAL_API = "https://queue.fal.run/fal-ai/hyper3d"
# The model of Gen-2 at fal.ai; status and result of a request are asked for without it.
FAL_GEN2 = "rodin/v2"
MAX_IMAGES = 5
MAX_IMAGE_BYTES = 16 * 1_048_576
TIER = "Gen-2"
# What Hyper3D sells, the best first; fal.ai has all but the first at another address.
TIERS = ("Gen-2", "Detail", "Smooth", "Regular", "Sketch")
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
_DATA_URI = re.compile(r"data:image/(png|jpg|jpeg|webp);base64,(.*)", re.DOTALL)


class BadImage(ValueError):
    """An image that Rodin would not take; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Either the bytes of an image and its file ending, or the address of one."""

    data: bytes = b""
    ending: str = ""
    url: str = ""

    def data_uri(self) -> str:
        """Return this as fal.ai takes it."""
        return self.url or f"data:{_TYPES[self.ending]};base64,{base64.b64encode(self.data).decode('ascii')}"


def pictures(images: Sequence[Any] | None) -> list[Picture]:
    """Read what the caller sent: [".png", base64], a data: URI, or an https address each. Raises BadImage."""
    if images is not None and len(images) > MAX_IMAGES:
        raise BadImage(f"images must be at most {MAX_IMAGES}, got {len(images)}")
    return [_picture(number, item) for number, item in enumerate(images or (), 1)]


def _picture(number: int, item: Any) -> Picture:
    if isinstance(item, str) and item.startswith("https://"):
        return Picture(url=item)
    match = _DATA_URI.fullmatch(item) if isinstance(item, str) else None
    if match is not None:
        ending, text = match.group(1), match.group(2)
    elif isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item):
        ending, text = item[0].lstrip(".").lower(), item[1]
    else:
        raise BadImage(f'image {number} must be [".png", base64], a data:image/... URI or an https address')
    if ending not in _TYPES:
        raise BadImage(f"image {number} must be {', '.join(_TYPES)}, not {ending[:20]!r}")
    if len(text) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise BadImage(f"image {number} may have at most {MAX_IMAGE_BYTES} bytes")
    try:
        return Picture(base64.b64decode(text, validate=True), ending)
    except (binascii.Error, ValueError):
        raise BadImage(f"image {number} is not valid base64") from None


class MainSite:
    """Rodin at its makers."""

    def __init__(self, fetcher: Fetcher, key: str) -> None:
        self._fetcher = fetcher
        self._headers = {"Authorization": f"Bearer {key}"}

    def create(self, prompt: str | None, images: list[Picture], bbox: Any, tier: str = TIER) -> Any:
        """Start a generation and return the provider's answer (uuid, jobs.subscription_key)."""
        fields = {"tier": tier, "mesh_mode": "Raw", "material": "PBR", "geometry_file_format": "glb"}
        if prompt:
            fields["prompt"] = prompt
        if bbox is not None:
            fields["bbox_condition"] = json.dumps(bbox)
        body, kind = multipart(fields, images)
        return _object(self._fetcher.json(f"{MAIN_API}/rodin", self._headers, body, kind))

    def poll(self, subscription_key: str) -> dict[str, Any]:
        """Return `{status_list}`, one word for each part of the generation."""
        answer = self._post("status", {"subscription_key": subscription_key})
        jobs = answer.get("jobs")
        if not isinstance(jobs, list):
            raise FetchFailed(f"Hyper3D Rodin tells no status: {str(answer)[:200]}")
        return {"status_list": [str(job.get("status")) for job in jobs if isinstance(job, dict)]}

    def model_url(self, task_uuid: str) -> str:
        """Return where the finished GLB is."""
        answer = self._post("download", {"task_uuid": task_uuid})
        listed = answer.get("list")
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and str(item.get("name", "")).lower().endswith(".glb"):
                return str(item.get("url"))
        raise FetchFailed("Hyper3D Rodin offers no .glb for this task yet; poll until every status is Done")

    def _post(self, path: str, document: dict[str, str]) -> dict[str, Any]:
        body = json.dumps(document).encode()
        return _object(self._fetcher.json(f"{MAIN_API}/{path}", self._headers, body, "application/json"))


class Fal:
    """Rodin at fal.ai."""

    def __init__(self, fetcher: Fetcher, key: str) -> None:
        self._fetcher = fetcher
        self._headers = {"Authorization": f"Key {key}"}

    def create(self, prompt: str | None, images: list[Picture], bbox: Any, tier: str = TIER) -> Any:
        """Queue a generation and return the provider's answer (request_id)."""
        gen2 = tier == TIERS[0]
        document: dict[str, Any] = {"geometry_file_format": "glb", "material": "PBR"} | ({} if gen2 else {"tier": tier})
        if images:
            document["input_image_urls"] = [image.data_uri() for image in images]
        if prompt:
            document["prompt"] = prompt
        if bbox is not None:
            document["bbox_condition"] = bbox
        place = f"{FAL_API}/{FAL_GEN2 if gen2 else 'rodin'}"
        return self._fetcher.json(place, self._headers, json.dumps(document).encode(), "application/json")

    def poll(self, request_id: str) -> Any:
        """Return the provider's answer; its `status` is IN_QUEUE, IN_PROGRESS or COMPLETED."""
        return self._fetcher.json(f"{FAL_API}/requests/{quote(request_id, safe='')}/status", self._headers)

    def model_url(self, request_id: str) -> str:
        """Return where the finished GLB is."""
        answer = _object(self._fetcher.json(f"{FAL_API}/requests/{quote(request_id, safe='')}", self._headers))
        mesh = answer.get("model_mesh")
        if not isinstance(mesh, dict) or not isinstance(mesh.get("url"), str):
            raise FetchFailed("fal.ai offers no model for this request yet; poll until its status is COMPLETED")
        return str(mesh["url"])


def multipart(fields: dict[str, str], images: list[Picture]) -> tuple[bytes, str]:
    """Return a multipart/form-data body and its content type."""
    boundary = f"blender-bus-{secrets.token_hex(16)}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for number, image in enumerate(images):
        disposition = f'form-data; name="images"; filename="{number:04}.{image.ending}"'
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {_TYPES[image.ending]}\r\n\r\n"
        parts.append(head.encode() + image.data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _object(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise FetchFailed(f"Hyper3D Rodin answered something unexpected: {str(document)[:100]!r}")
    if document.get("error"):  # it says so with status 201 as well
        why = f"{document['error']} {document.get('message') or ''}".strip()
        raise FetchFailed(f"Hyper3D Rodin refuses: {why[:300]}")
    return document
