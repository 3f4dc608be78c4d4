"""What must hold for the repository itself, so that a clone works anywhere."""

from __future__ import annotations

import json
import re
import tomllib

from harness.workerd import ROOT


def test_lock_files_name_no_registry_but_the_public_ones() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"].values()
    hosts = {re.match(r"https?://[^/]+", package["resolved"]) for package in packages if "resolved" in package}
    assert {host.group() for host in hosts if host} <= {"https://registry.npmjs.org"}
    for lock in ("Cargo.lock", "scripts/bindgen/Cargo.lock"):
        crates = tomllib.loads((ROOT / lock).read_text())["package"]
        sources = {crate["source"] for crate in crates if "source" in crate}
        assert sources == {"registry+https://github.com/rust-lang/crates.io-index"}


def test_the_bindings_are_generated_in_the_version_that_the_worker_is_linked_with() -> None:
    wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]["wasm-bindgen"]
    tool = tomllib.loads((ROOT / "scripts" / "bindgen" / "Cargo.toml").read_text())
    assert tool["dependencies"]["wasm-bindgen-cli-support"] == wanted


def test_there_is_one_version() -> None:
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert json.loads((ROOT / "package.json").read_text())["version"] == version
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert lock["version"] == lock["packages"][""]["version"] == version
    assert tomllib.loads((ROOT / "addon" / "blender_manifest.toml").read_text())["version"] == version


def test_every_npm_package_and_python_requirement_is_pinned() -> None:
    manifest = json.loads((ROOT / "package.json").read_text())
    wanted = {**manifest["devDependencies"], **manifest["optionalDependencies"]}
    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    for requirements in (ROOT / "tests" / "requirements").glob("*.txt"):
        lines = [line for line in requirements.read_text().splitlines() if line and not line.startswith("#")]
        assert lines and [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
