"""Hunyuan3D through its local API server and through Tencent Cloud (no bpy).

The local server is `api_server.py` of Hunyuan3D-2, which takes a picture. Requests to Tencent Cloud are signed by
TC3-HMAC-SHA256 (https://www.tencentcloud.com/document/product/267/37447); the secret key itself is never sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from .archive import BadArchive, unpack
from .http import Fetcher, FetchFailed
from .rodin import Picture

WAIT, RUN, DONE, FAIL = "WAIT", "RUN", "DONE", "FAIL"
MODELS = (".glb", ".gltf", ".obj", ".fbx")
# What Tencent Cloud calls the files it has made, the most useful first.
_WANTED = ("GLB", "FBX", "OBJ")
_KIND = "application/json"
CLOUD = "https://{host}/"


@dataclass(frozen=True, slots=True)
class Site:
    """One of the two places where Tencent sells it."""

    host: str
    service: str
    version: str
    region: str


CHINA = Site("ai3d.tencentcloudapi.com", "ai3d", "2025-05-13", "ap-guangzhou")
INTERNATIONAL = Site("hunyuan.intl.tencentcloudapi.com", "hunyuan", "2023-09-01", "ap-singapore")


class Cloud:
    """Hunyuan3D at Tencent Cloud."""

    def __init__(self, fetcher: Fetcher, site: Site, secret_id: str, secret_key: str) -> None:
        self._fetcher, self._site = fetcher, site
        self._id, self._key = secret_id, secret_key

    def create(self, prompt: str | None, picture: Picture | None) -> dict[str, Any]:
        """Start a generation: `{job_id, status, Response}`, the last as the provider answered it."""
        asked: dict[str, Any] = {"EnablePBR": True}
        if prompt:
            asked["Prompt"] = prompt
        elif picture is not None and picture.url:
            asked["ImageUrl"] = picture.url
        elif picture is not None:
            asked["ImageBase64"] = base64.b64encode(picture.data).decode("ascii")
        answer = self._call("SubmitHunyuanTo3DProJob", asked)
        return {"job_id": f"job_{answer.get('JobId')}", "status": WAIT, "Response": answer}

    def poll(self, job_id: str) -> dict[str, Any]:
        """Where a generation stands: `{job_id, status, files?, error?, Response}`."""
        answer = self._call("QueryHunyuanTo3DProJob", {"JobId": job_id.removeprefix("job_")})
        told: dict[str, Any] = {"job_id": job_id, "status": str(answer.get("Status") or RUN)}
        if told["status"] == FAIL:
            told["error"] = f"{answer.get('ErrorCode') or ''} {answer.get('ErrorMessage') or ''}".strip()
        if found := _files(answer):
            told["files"] = [{"type": kind, "url": url} for kind, url in found]
        return {**told, "Response": answer}

    def model(self, job_id: str, folder: Path) -> Path:
        """Download the finished model and return its file. Raises FetchFailed or BadArchive."""
        told = self.poll(job_id)
        by_kind = {str(file["type"]).upper(): str(file["url"]) for file in told.get("files", ())}
        url = next((by_kind[kind] for kind in _WANTED if kind in by_kind), None)
        if url is None:
            why = told.get("error") or f"its status is {told['status']}; poll until it is {DONE}"
            raise FetchFailed(f"{self._fetcher.service} has no model of {job_id}: {why}")
        return by_address(self._fetcher, url, folder)

    def _call(self, action: str, document: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(document).encode()
        headers = signed(self._site, action, body, self._id, self._key, int(time.time()))
        answer = self._fetcher.json(CLOUD.format(host=self._site.host), headers, body)
        found = answer.get("Response") if isinstance(answer, dict) else None
        if not isinstance(found, dict):
            raise FetchFailed(f"{self._fetcher.service} answered something unexpected: {str(answer)[:100]!r}")
        error = found.get("Error")
        if isinstance(error, dict):  # it says so with status 200
            why = f"{error.get('Code') or ''} {error.get('Message') or ''}".strip()
            raise FetchFailed(f"{self._fetcher.service} refuses: {why[:300]}")
        return found


def signed(site: Site, action: str, body: bytes, secret_id: str, secret_key: str, now: int) -> dict[str, str]:
    """Return the headers of a request, signed for the second `now` (Unix time)."""
    kind, names = f"{_KIND}; charset=utf-8", "content-type;host;x-tc-action"
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    scope = f"{date}/{site.service}/tc3_request"
    head = f"content-type:{kind}\nhost:{site.host}\nx-tc-action:{action.lower()}\n"
    request = f"POST\n/\n\n{head}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    text = f"TC3-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"TC3{secret_key}".encode()
    for part in (date, site.service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    proof = f"Credential={secret_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {
        "Authorization": f"TC3-HMAC-SHA256 {proof}",
        "Content-Type": kind,
        "Host": site.host,
        "X-TC-Action": action,
        "X-TC-Timestamp": str(now),
        "X-TC-Version": site.version,
        "X-TC-Region": site.region,
    }


class Local:
    """A server of one's own; `address` such as http://127.0.0.1:8081."""

    def __init__(self, fetcher: Fetcher, address: str) -> None:
        self._fetcher, self._address = fetcher, address.rstrip("/")

    def create(self, prompt: str | None, picture: Picture | None) -> dict[str, Any]:
        """Start a generation: `{job_id, status, Response}`. It takes a picture only: its text-to-image part is off."""
        if picture is None or picture.url:
            raise FetchFailed(f"{self._fetcher.service}: the local server takes a picture as data, no text")
        asked = {"image": base64.b64encode(picture.data).decode("ascii"), "texture": True, "type": "glb"}
        answer = self._fetcher.json(f"{self._address}/send", None, json.dumps(asked).encode(), _KIND)
        uid = answer.get("uid") if isinstance(answer, dict) else None
        if not isinstance(uid, str):
            raise FetchFailed(f"{self._fetcher.service} answered something unexpected: {str(answer)[:100]!r}")
        return {"job_id": f"job_{uid}", "status": RUN, "Response": {"JobId": uid}}

    def poll(self, job_id: str) -> dict[str, Any]:
        """Where a generation stands: `{job_id, status, error?, Response}`."""
        answer = self._status(job_id)
        status = {"completed": DONE, "error": FAIL, "failed": FAIL}.get(str(answer.get("status")), RUN)
        told: dict[str, Any] = {"job_id": job_id, "status": status}
        if status == FAIL:
            told["error"] = str(answer.get("message") or answer.get("text") or "the server tells no reason")[:300]
        return {**told, "Response": {"Status": status}}

    def model(self, job_id: str, folder: Path) -> Path:
        """Write the finished model to a file and return it. Raises FetchFailed."""
        data = self._status(job_id).get("model_base64")
        if not isinstance(data, str):
            raise FetchFailed(f"{self._fetcher.service} has no model of {job_id} yet; poll until its status is {DONE}")
        path = folder / "model.glb"
        try:
            path.write_bytes(base64.b64decode(data, validate=True))
        except (binascii.Error, ValueError):
            raise FetchFailed(f"{self._fetcher.service} sent a model that is not valid base64") from None
        return path

    def _status(self, job_id: str) -> dict[str, Any]:
        uid = quote(job_id.removeprefix("job_"), safe="")
        answer = self._fetcher.json(f"{self._address}/status/{uid}")
        if not isinstance(answer, dict):
            raise FetchFailed(f"{self._fetcher.service} answered something unexpected: {str(answer)[:100]!r}")
        return answer


def by_address(fetcher: Fetcher, url: str, folder: Path) -> Path:
    """Download a model, or an archive with one, and return the model's file. Raises FetchFailed or BadArchive."""
    ending = Path(urlsplit(url).path).suffix.lower()
    path = folder / f"model{ending if ending in MODELS else '.zip'}"
    fetcher.download(url, path)
    if path.suffix != ".zip":
        return path
    found = sorted(unpack(path, folder / "model"), key=lambda path: len(path.parts))
    model = next((file for kind in MODELS for file in found if file.suffix.lower() == kind), None)
    if model is None:
        raise BadArchive(f"the archive holds no {', '.join(MODELS)}")
    return model


def _files(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """Type and address of each file; older versions of the API nest them once more."""
    listed = answer.get("ResultFile3Ds")
    found = []
    for item in listed if isinstance(listed, list) else ():
        inner = item.get("File3D") if isinstance(item, dict) else None
        for file in inner if isinstance(inner, list) else (item,):
            if isinstance(file, dict) and isinstance(file.get("Url"), str):
                found.append((str(file.get("Type")), file["Url"]))
    return found
