"""USD scenes that name files of Blender's computer, on real Blender, and honest ones beside them."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from carrying import Disk, bring, export, png, scene

pytestmark = pytest.mark.bpy

SECRET = '#usda 1.0\n(\n defaultPrim = "Secret"\n)\ndef Mesh "Secret" {\n int[] faceVertexCounts = [3]\n'
SECRET += " int[] faceVertexIndices = [0, 1, 2]\n point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]\n}\n"
MATERIAL = """#usda 1.0
def Mesh "Tri" (prepend apiSchemas = ["MaterialBindingAPI"]) {
    int[] faceVertexCounts = [3]
    int[] faceVertexIndices = [0, 1, 2]
    point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    rel material:binding = </Red>
}
def Material "Red" {
    token outputs:surface.connect = </Red/Shader.outputs:surface>
    def Shader "Shader" {
        uniform token info:id = "UsdPreviewSurface"
        color3f inputs:diffuseColor.connect = </Red/Picture.outputs:rgb>
        token outputs:surface
    }
    def Shader "Picture" {
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @PICTURE@
        float3 outputs:rgb
    }
}
"""


def referring(path: str) -> str:
    return f'#usda 1.0\ndef "Root" (prepend references = @{path}@) {{\n}}\n'


def zipped(path: Path, *members: tuple[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def layer(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "layer"
    path.write_text(text)
    return path


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scene and a picture beside the folder of uploads, where Blender was started."""
    place = tmp_path / "home"
    place.mkdir()
    (place / "secret.usda").write_text(SECRET)
    (place / "secret.png").write_bytes(png())
    (place / "secret.1001.png").write_bytes(png())
    monkeypatch.chdir(place)
    return place


def test_no_way_of_naming_a_file_reads_one_elsewhere(bpy: Any, disk: Disk, tmp_path: Path, secret: Path) -> None:
    near = os.path.relpath(secret, Path(bpy.utils.user_resource("DATAFILES", path="blender_bus/imports")) / "a/files")
    for text in [
        referring(f"{secret}/secret.usda"),
        referring("secret.usda"),
        referring(f"../../../../../../../../../..{secret}/secret.usda"),
        referring(f"{near}/secret.usda"),
        referring(f"x.usdz[../..{secret}/secret.usda]"),
        referring(f"@@{secret}/secret.usda@@"),
        referring(f"{secret}/secret.usda:SDF_FORMAT_ARGS:a=b"),
        referring('`"${HOME}/secret.usda"`'),
        f"#usda 1.0\n(\n subLayers = [@{secret}/secret.usda@]\n)\n",
        f'#usda 1.0\ndef Xform "R" (payload = @{secret}/secret.usda@</Secret>) {{\n}}\n',
        f'#usda 1.0\ndef "R" (clips = {{dictionary a = {{string templateAssetPath = "{secret}/s.#.usd"}}}}) {{\n}}\n',
        f'#usda 1.0\ndef Volume "V" {{\n rel field:d = </V/F>\n def OpenVDBAsset "F" {{\n asset filePath = '
        f"@{secret}/secret.png@\n }}\n}}\n",
        f'#usda 1.0\n# an odd "@" before\ndef Xform "R" (references = @{secret}/secret.usda@) {{\n}}\n',
        MATERIAL.replace("PICTURE", f"{secret}/secret.png"),
        MATERIAL.replace("PICTURE", f"{secret}/secret.<UDIM>.png"),
        MATERIAL.replace("PICTURE", "secret.png"),
        MATERIAL.replace("PICTURE", "secret.<UDIM>.png"),
        MATERIAL.replace("PICTURE", "//secret.png"),
        MATERIAL.replace("PICTURE", "\\\\server\\share\\secret.png"),
        MATERIAL.replace("PICTURE", "C:\\secret.png"),
    ]:
        before = len(bpy.data.objects), len(bpy.data.images)
        for path, name in [
            (layer(tmp_path, text), "a.usda"),
            (layer(tmp_path, text), "a.usd"),
            (zipped(tmp_path / "z", ("a.usda", text)), "a.usdz"),
            (zipped(tmp_path / "y", ("a.usda", referring("./b.usda")), ("b.usda", text)), "a.zip"),
            (zipped(tmp_path / "x", ("p.usdz", zipped(tmp_path / "p", ("b.usda", text)).read_bytes())), "a.zip"),
        ]:
            outcome = bring(disk, path, name)
            assert outcome.status == "failed", (name, text, outcome.result)
            told = ("outside of what was sent", "did not come along", "are not taken", "is not taken", "expression")
            assert any(words in outcome.error for words in told), outcome.error
        assert (len(bpy.data.objects), len(bpy.data.images)) == before


def test_a_binary_layer_is_judged_too(bpy: Any, disk: Disk, tmp_path: Path, secret: Path) -> None:
    scene(bpy)
    bpy.data.images["wood"].filepath = str(secret / "secret.png")
    known = bpy.ops.wm.usd_export.get_rna_type().properties.keys()
    for relative in (False, True):
        path = tmp_path / "out" / "x.usdc"
        path.parent.mkdir(exist_ok=True)
        wanted = {"export_textures": False, "export_textures_mode": "PRESERVE", "relative_paths": relative}
        bpy.ops.wm.usd_export(filepath=str(path), **{name: value for name, value in wanted.items() if name in known})
        data = path.read_bytes()
        assert data.startswith(b"PXR-USDC")
        archive = zipped(tmp_path / "z", ("x.usdc", data))
        # A package is unpacked into a folder of its own, in that of the upload: one ".." does not leave it.
        for packed, name in [(path, "x.usdc"), (path, "x.usd"), (archive, "x.zip" if relative else "x.usdz")]:
            outcome = bring(disk, packed, name)
            assert outcome.status == "failed" and "outside of what was sent" in outcome.error, (relative, outcome)


@pytest.mark.parametrize("damage", [8, 16, 40, 80])
def test_a_damaged_binary_layer_is_refused(bpy: Any, disk: Disk, tmp_path: Path, damage: int) -> None:
    path = tmp_path / "x"
    path.write_bytes((b"PXR-USDC\0\x08\0\0\0\0\0\0" + struct.pack("<q", 24) + struct.pack("<Q", 900))[:damage])
    outcome = bring(disk, path, "x.usdc")
    assert outcome.status == "failed" and "damaged" in outcome.error, outcome


def test_honest_scenes_come_with_their_layers_and_pictures(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    picture = MATERIAL.replace("PICTURE", "../pictures/red.png")
    for path, name in [
        (
            zipped(
                tmp_path / "z",
                ("m/a.usda", referring("./parts/b.usda").replace("@)", "@</Secret>)")),
                ("m/parts/b.usda", SECRET),
            ),
            "a.zip",
        ),
        (zipped(tmp_path / "y", ("scene/a.usda", picture), ("pictures/red.png", png())), "b.zip"),
        (zipped(tmp_path / "x", ("scene/a.usda", picture), ("pictures/red.png", png())), "c.usdz"),
    ]:
        told = bring(disk, path, name).document
        assert any(bpy.data.objects[item].type == "MESH" for item in told["objects"]), told
        if "red" in str(told):
            assert all(bpy.data.images[item].packed_file is not None for item in told["images"])
    assert bring(disk, layer(tmp_path, SECRET), "a.usda").document["objects"]
    without = bring(disk, layer(tmp_path, MATERIAL.replace("PICTURE", "./missing.png")), "a.usda")
    assert without.status == "completed", without.error


def test_what_blender_exports_comes_back_with_its_picture(bpy: Any, disk: Disk) -> None:
    scene(bpy)
    for format in ("usd", "usda", "usdc", "usdz"):
        path, name, _ = export(disk, format=format)
        told = bring(disk, path, name).document
        assert told["images"] and all(bpy.data.images[item].packed_file is not None for item in told["images"]), format


def test_an_obj_takes_no_library_of_elsewhere(bpy: Any, disk: Disk, tmp_path: Path) -> None:
    for line in ("mtllib ../../a.mtl", ' mtllib  "../../../a.mtl"', "mtllib \\\n../../a.mtl", "mtllib x/../../a.mtl"):
        path = tmp_path / "o"
        path.write_text(f"# one\n{line}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n")
        outcome = bring(disk, path, "a.obj")
        assert outcome.status == "failed" and "outside of what was sent" in outcome.error, outcome


def test_every_place_where_usd_keeps_a_path_is_seen(bpy: Any, tmp_path: Path) -> None:
    """Written by USD itself, where this Blender hands it out."""
    from addon.commands.files import layers

    if hasattr(bpy.utils, "expose_bundled_modules"):
        bpy.utils.expose_bundled_modules()
    pytest.importorskip("pxr")
    from pxr import Sdf, Usd

    stage = Usd.Stage.CreateNew(str(tmp_path / "x.usdc"))
    prim = stage.DefinePrim("/A", "Xform")
    stage.GetRootLayer().subLayerPaths.append("0/sub.usda")
    prim.GetReferences().AddReference("1/reference.usda")
    prim.GetPayloads().AddPayload("2/payload.usda")
    several = prim.CreateAttribute("several", Sdf.ValueTypeNames.AssetArray)
    several.Set([Sdf.AssetPath(f"3/{number}.png") for number in range(50)])
    timed = prim.CreateAttribute("timed", Sdf.ValueTypeNames.Asset)
    timed.Set(Sdf.AssetPath("4/a.png"), 1.0)
    prim.SetCustomDataByKey("deep:down", Sdf.AssetPath("5/c.png"))
    clips = Usd.ClipsAPI(prim)
    clips.SetClipAssetPaths([Sdf.AssetPath("6/clip.usda")])
    clips.SetClipManifestAssetPath(Sdf.AssetPath("7/manifest.usda"))
    variants = prim.GetVariantSets().AddVariantSet("v")
    variants.AddVariant("one")
    variants.SetVariantSelection("one")
    with variants.GetVariantEditContext():
        prim.GetReferences().AddReference("8/variant.usda")
    for number in range(5000):
        stage.DefinePrim(f"/A/n_{number * 7919 % 10007}_{number}", "Xform")
    stage.GetRootLayer().Export(str(tmp_path / "x.usda"))
    stage.GetRootLayer().Save()
    for read, name in ((layers._of_binary, "x.usdc"), (layers._of_text, "x.usda")):
        found = set(read(tmp_path / name))
        assert {text[0] for text in found if text[1:2] == "/"} == set("012345678"), name
    clips.SetClipTemplateAssetPath("x.#.usd")
    stage.GetRootLayer().Save()
    with pytest.raises(layers.BadArchive, match="by a pattern"):
        list(layers._of_binary(tmp_path / "x.usdc"))
