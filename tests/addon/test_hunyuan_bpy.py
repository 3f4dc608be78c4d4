"""Hunyuan3D on real Blender: its local API server and Tencent Cloud, by doubles that answer as those do."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from carrying import png
from harness.services import Asked, Served, ServiceDouble
from running import run, run_locally

from addon.fetch import http, hunyuan

pytestmark = pytest.mark.bpy

PICTURE = [".png", base64.b64encode(b"\x89PNG not really").decode()]
ID, KEY = "AKID-example", "secret-key-that-stays-here"


def allow(**chosen: Any) -> None:
    from addon.commands.allowed import settings

    made = settings.Settings(**{"integrations": frozenset({"hunyuan3d"}), **chosen})
    settings.provide(lambda: made)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceDouble]:
    with ServiceDouble() as double:
        monkeypatch.setattr(hunyuan, "CLOUD", f"{double.url}/")
        allow(hunyuan3d_address=double.url)
        yield double
    allow(integrations=frozenset())


def in_cloud(monkeypatch: pytest.MonkeyPatch, **chosen: Any) -> None:
    monkeypatch.setattr(http, "allow_plain_http", True)
    allow(**{"hunyuan3d_provider": "tencent.com", "hunyuan3d_secret_id": ID, "hunyuan3d_key": KEY, **chosen})


def cube(bpy: Any, folder: Path) -> bytes:
    bpy.ops.export_scene.gltf(filepath=str(folder / "cube.glb"), export_format="GLB", use_selection=True)
    return (folder / "cube.glb").read_bytes()


def header(asked: Asked, name: str) -> str:
    """Names of headers differ in case from client to client."""
    return next(value for known, value in asked.headers.items() if known.lower() == name.lower())


def by_action(**answers: Any) -> Any:
    """Tencent Cloud: one address, the action in a header."""

    def answer(asked: Asked) -> Served:
        return Served(json.dumps({"Response": answers[header(asked, "X-TC-Action")]}).encode())

    return answer


def test_own_server_from_picture_to_object(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    told = run("get_hunyuan3d_status").document
    assert (told["enabled"], told["mode"]) == (True, "LOCAL_API")
    service.document("/send", {"uid": "u-1"})
    job = run("create_hunyuan_job", image=PICTURE).document
    assert job == {"job_id": "job_u-1", "status": "RUN", "Response": {"JobId": "u-1"}}
    assert json.loads(service.asked[0].body) == {"image": PICTURE[1], "texture": True, "type": "glb"}
    service.document("/status/u-1", {"status": "processing"})
    assert run("poll_hunyuan_job_status", job_id="job_u-1").document["status"] == "RUN"
    assert "poll until its status is DONE" in run("import_generated_asset_hunyuan", name="D", job_id="job_u-1").error

    data = base64.b64encode(cube(bpy, tmp_path)).decode()
    service.document("/status/u-1", {"status": "completed", "model_base64": data})
    polled = run("poll_hunyuan_job_status", job_id="job_u-1").document
    assert polled == {"job_id": "job_u-1", "status": "DONE", "Response": {"Status": "DONE"}}
    bpy.ops.wm.read_factory_settings(use_empty=True)
    got = run("import_generated_asset_hunyuan", name="Dog", job_id="job_u-1", target_size=0.5).document
    assert (got["succeed"], got["name"], got["type"]) == (True, "Dog", "MESH")
    assert got["dimensions"] == [0.5, 0.5, 0.5]
    assert got["source"] == {"service": "Hunyuan3D", "job": "job_u-1"}
    assert dict(bpy.data.objects["Dog"]["asset_source"]) == got["source"]


def test_own_server_takes_no_words_and_tells_its_failures(bpy: Any, service: ServiceDouble) -> None:
    assert "takes a picture as data, no text" in run("create_hunyuan_job", text_prompt="a dog").error
    service.document("/status/u", {"status": "error", "message": "CUDA out of memory"})
    told = run("poll_hunyuan_job_status", job_id="job_u").document
    assert (told["status"], told["error"]) == ("FAIL", "CUDA out of memory")
    service.document("/status/u", {"status": "completed", "model_base64": "?"})
    assert "not valid base64" in run("import_generated_asset_hunyuan", name="D", job_id="job_u").error
    assert "HTTP 404" in run("poll_hunyuan_job_status", job_id="../../send").error
    assert service.asked[-1].path == "/status/..%2F..%2Fsend"
    service.document("/send", ["odd"])
    assert "answered something unexpected" in run("create_hunyuan_job", image=PICTURE).error


def test_only_the_user_s_own_server_may_be_without_https(bpy: Any, service: ServiceDouble) -> None:
    allow(hunyuan3d_address="http://127.0.0.1:1/")
    assert "cannot be reached at 127.0.0.1:1" in run("poll_hunyuan_job_status", job_id="job_u").error
    told = run("import_generated_asset_hunyuan", name="D", zip_file_url=f"{service.url}/m.zip").error
    assert "is not an https address" in told
    assert service.asked == []


def test_cloud_signs_and_never_sends_the_key(
    bpy: Any, service: ServiceDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_cloud(monkeypatch)
    model = cube(bpy, tmp_path)
    service.answers["/made.glb"] = Served(model)
    files = [
        {"Type": "OBJ", "Url": f"{service.url}/made.zip", "PreviewImageUrl": "https://x/y.png"},
        {"Type": "GLB", "Url": f"{service.url}/made.glb"},
    ]
    service.answers["/"] = by_action(
        SubmitHunyuanTo3DProJob={"JobId": "77", "RequestId": "r"},
        QueryHunyuanTo3DProJob={"Status": "DONE", "ResultFile3Ds": files},
    )
    assert run("create_hunyuan_job", text_prompt="a dog").document["job_id"] == "job_77"
    asked = service.asked[0]
    assert json.loads(asked.body) == {"EnablePBR": True, "Prompt": "a dog"}
    wanted = {"Host": "hunyuan.intl.tencentcloudapi.com", "X-TC-Version": "2023-09-01", "X-TC-Region": "ap-singapore"}
    assert {name: header(asked, name) for name in wanted} == wanted
    again = hunyuan.signed(
        hunyuan.INTERNATIONAL, "SubmitHunyuanTo3DProJob", asked.body, ID, KEY, int(header(asked, "X-TC-Timestamp"))
    )
    assert asked.headers["Authorization"] == again["Authorization"]
    assert KEY not in str(asked.headers) + asked.body.decode()
    run("create_hunyuan_job", image=PICTURE)
    assert json.loads(service.asked[1].body)["ImageBase64"] == PICTURE[1]
    run("create_hunyuan_job", image="https://example.com/dog.png")
    assert json.loads(service.asked[2].body)["ImageUrl"] == "https://example.com/dog.png"

    polled = run("poll_hunyuan_job_status", job_id="job_77").document
    assert (polled["status"], [file["type"] for file in polled["files"]]) == ("DONE", ["OBJ", "GLB"])
    assert polled["Response"]["ResultFile3Ds"] == files, "published servers read this"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    got = run("import_generated_asset_hunyuan", name="Dog", job_id="job_77").document
    assert (got["name"], got["dimensions"]) == ("Dog", [2, 2, 2])


def test_cloud_refusals_are_told(bpy: Any, service: ServiceDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    in_cloud(monkeypatch, hunyuan3d_provider="tencent.cn")
    error = {"Code": "AuthFailure.SignatureFailure", "Message": "The provided credentials could not be validated."}
    service.answers["/"] = by_action(SubmitHunyuanTo3DProJob={"Error": error, "RequestId": "r"})
    told = run("create_hunyuan_job", text_prompt="a dog").error
    assert "refuses: AuthFailure.SignatureFailure The provided" in told and KEY not in told
    assert service.asked[0].headers["Host"] == "ai3d.tencentcloudapi.com"
    failed = {"Status": "FAIL", "ErrorCode": "InvalidParameter", "ErrorMessage": "no"}
    service.answers["/"] = by_action(QueryHunyuanTo3DProJob=failed)
    assert run("poll_hunyuan_job_status", job_id="job_7").document["error"] == "InvalidParameter no"
    assert "InvalidParameter no" in run("import_generated_asset_hunyuan", name="D", job_id="job_7").error
    in_cloud(monkeypatch, hunyuan3d_secret_id="")
    assert run("get_hunyuan3d_status").document["enabled"] is False
    assert "no secret ID and key" in run("create_hunyuan_job", text_prompt="x").error
    for wrong in ({}, {"text_prompt": "x", "image": PICTURE}):
        assert "either text_prompt or image" in run("create_hunyuan_job", **wrong).error
    assert 'must be [".png", base64]' in run("create_hunyuan_job", image="/etc/passwd").error
    allow(integrations=frozenset())
    assert "hunyuan3d is switched off" in run("create_hunyuan_job", text_prompt="x").error


def test_published_local_servers_import_an_obj_from_a_zip(
    bpy: Any, service: ServiceDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_cloud(monkeypatch)
    bpy.ops.wm.obj_export(filepath=str(tmp_path / "model.obj"), export_selected_objects=True)
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        for name in ("model.obj", "model.mtl"):
            archive.write(tmp_path / name, name)
    service.answers["/made.zip"] = Served((tmp_path / "made.zip").read_bytes())
    bpy.ops.wm.read_factory_settings(use_empty=True)
    address = f"{service.url}/made.zip"
    got = run_locally("import_generated_asset_hunyuan", name="Dog", zip_file_url=address).document
    assert (got["succeed"], got["name"]) == (True, "Dog")
    service.answers["/made.zip"] = Served(b"no zip")
    assert "cannot be unpacked" in run_locally("import_generated_asset_hunyuan", name="D", zip_file_url=address).error


def test_a_model_from_an_address_reaches_no_file_of_this_computer(
    bpy: Any, service: ServiceDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_cloud(monkeypatch)
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("m.obj", "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n")
        archive.writestr("m.mtl", f"newmtl Red\nmap_Kd {secret}\n")
    service.answers["/made.zip"] = Served((tmp_path / "made.zip").read_bytes())
    before = {image.name for image in bpy.data.images}
    address = f"{service.url}/made.zip"
    assert run_locally("import_generated_asset_hunyuan", name="Spy", zip_file_url=address).document["succeed"]
    assert {image.name for image in bpy.data.images} == before


def test_published_local_servers_name_a_picture_by_its_path(bpy: Any, service: ServiceDouble, tmp_path: Path) -> None:
    (tmp_path / "dog.png").write_bytes(base64.b64decode(PICTURE[1]))
    service.document("/send", {"uid": "u-1"})
    sent = {"text_prompt": None, "image": str(tmp_path / "dog.png")}
    assert run_locally("create_hunyuan_job", **sent).document["Response"] == {"JobId": "u-1"}
    assert json.loads(service.asked[0].body)["image"] == PICTURE[1]
    assert "is no picture on this computer" in run_locally("create_hunyuan_job", image=str(tmp_path / "x.png")).error


def test_the_signature_is_that_of_the_documentation_s_example() -> None:
    """The example of Tencent's page on Signature v3, whose key has asterisks in it."""
    site = hunyuan.Site("cvm.tencentcloudapi.com", "cvm", "2017-03-12", "ap-guangzhou")
    body = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    keys = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******", "Gu5t9xGARNpq86cd98joQYCN3*******"
    headers = hunyuan.signed(site, "DescribeInstances", body, *keys, 1551113065)
    assert headers["Authorization"].rpartition("Signature=")[2] == (
        "be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3"
    )
