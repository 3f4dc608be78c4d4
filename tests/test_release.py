"""What a release is packed with, and what the scripts say to whom something is missing."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from harness.workerd import ROOT
from test_runtime import environment, free_port

SCRIPTS = ["backup", "build-worker", "dev", "release", "serve", "setup", "test", "torture"]
DOUBLES = {"cargo": "echo cargo 1.91", "cc": "echo cc", "old python3": "echo 3.8 /usr/bin/python3"}


def assert_one_sentence(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == 1, done.stderr
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("error: ") and said in line


def evaluate(code: str) -> bytes:
    command = ["node", "--input-type=module", "-e", code]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=True).stdout


def test_the_package_is_a_tar_file_without_times_or_owners() -> None:
    code = """import { tarOf } from './scripts/tar.mjs';
    process.stdout.write(tarOf([['package/a', Buffer.from('one')], ['package/b', Buffer.alloc(1024, 'x')]]));"""
    data = evaluate(code)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: archive.extractfile(member) for member in archive}
        contents = {name: file.read() for name, file in members.items() if file}
        assert {(member.mtime, member.uid, member.uname) for member in archive} == {(0, 0, "")}
    assert contents == {"package/a": b"one", "package/b": b"x" * 1024}


def test_the_bill_of_materials_names_every_crate_npm_package_and_wheel() -> None:
    code = """import { billOfMaterials } from './scripts/bill-of-materials.mjs';
    console.log(JSON.stringify(billOfMaterials('1.2.3')));"""
    bill = json.loads(evaluate(code))
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", "1.2.3")
    named = {component["purl"] for component in bill["components"]}
    crates = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    assert {f"pkg:cargo/{one['name']}@{one['version']}" for one in crates if "source" in one} <= named
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert f"pkg:npm/wrangler@{packages['node_modules/wrangler']['version']}" in named
    wheels = [wheel.name.split("-")[:2] for wheel in (ROOT / "addon" / "wheels").glob("*.whl")]
    assert wheels and {f"pkg:pypi/{name}@{version}" for name, version in wheels} <= named


@pytest.mark.parametrize("script", ["build-worker.mjs", "dev.mjs", "setup.mjs"])
@pytest.mark.parametrize(
    ("present", "said"),
    [
        (["python3"], "cargo was not found. Install Rust with rustup"),
        (["python3", "cargo"], "a C compiler (cc) was not found"),
        ([], "Python 3.11 or later was not found, as python3.11, python3 or python. Install it"),
        (
            ["old python3", "cargo", "cc"],
            "Python 3.11 or later was not found, as python3.11, python3 or python (python3 is 3.8)",
        ),
    ],
)
def test_a_missing_tool_is_named_in_one_sentence(present: list[str], said: str, script: str, tmp_path: Path) -> None:
    env = {**environment(), "CARGO_HOME": str(tmp_path / "none"), "PATH": str(tmp_path)}
    node = shutil.which("node", path=environment()["PATH"])
    for name in present:
        does = DOUBLES.get(name, f'exec {sys.executable} "$@"')
        double = tmp_path / name.removeprefix("old ")
        double.write_text(f"#!/bin/sh\n{does}\n")
        double.chmod(0o755)
    options = ["--port", str(free_port())] if script == "dev.mjs" else []
    command = [str(node), f"scripts/{script}", *options]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
    assert_one_sentence(done, said)


def test_the_tests_ask_for_their_python_before_anything_is_made(tmp_path: Path) -> None:
    node = shutil.which("node", path=environment()["PATH"])
    command = [str(node), "scripts/test.mjs", "mypy"]
    env = {**environment(), "PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
    assert_one_sentence(done, "Python 3.11 was not found")
    assert done.stdout == ""


@pytest.mark.parametrize("script", [*SCRIPTS, "release-command"])
def test_an_old_node_is_told_so_by_every_command(script: str) -> None:
    older = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'18.20.8'})"
    command = ["node", "--import", older, f"scripts/{script}.mjs"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=30)
    assert_one_sentence(done, "Node 20 or newer is needed")


def test_no_script_names_what_an_old_node_lacks() -> None:
    """It would fail while it is loaded, before it can say which Node it needs."""
    newer = {
        "crc32",
        "parseEnv",
        "styleText",
        "glob",
        "globSync",
        "registerHooks",
        "zstdCompressSync",
        "getBuiltinModule",
    }
    for file in (ROOT / "scripts").rglob("*.mjs"):
        for names in re.findall(r"^import \{([^}]*)\} from 'node:", file.read_text(), re.M):
            assert not newer & {name.split(" as ")[0].strip() for name in names.split(",")}, file


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
@pytest.mark.parametrize("script", ["build-worker.mjs", "dev.mjs", "setup.mjs", "test.mjs", "release.mjs"])
@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ('mount -o bind,ro "$1" "$1" && mount -o remount,bind,ro "$1"', "the disk is read-only"),
        ('mount -t tmpfs -o size=8m tmpfs "$2" && export CARGO_TARGET_DIR="$2"', "no space is left on the disk"),
    ],
    ids=["read-only", "full"],
)
def test_a_disk_that_takes_nothing_is_named_before_anything_is_made(
    prepare: str, said: str, script: str, tmp_path: Path
) -> None:
    options = f"--port {free_port()}" if script == "dev.mjs" else ""
    run = f'{prepare} && cd "$1" && exec node scripts/{script} {options}'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", run, "sh", str(ROOT), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=30)
    assert_one_sentence(done, said)


@pytest.mark.parametrize(
    ("code", "said"),
    [("EROFS", "the disk is read-only"), ("ENOSPC", "no space is left"), ("EACCES", "you may not write")],
)
def test_a_fault_of_the_disk_is_one_sentence(code: str, said: str) -> None:
    script = f"""import {{ main }} from './scripts/process.mjs';
    await main(async () => {{ throw Object.assign(new Error('x'), {{ code: '{code}', path: '/clone/build' }}); }});"""
    command = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().startswith(f"error: /clone/build: {said}") and "    at " not in done.stderr
