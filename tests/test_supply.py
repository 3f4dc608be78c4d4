"""The check of where this project's parts come from: that it passes, and that it finds what it is for."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts" / "check-supply.py"
spec = importlib.util.spec_from_file_location("check_supply", SCRIPT)
assert spec is not None and spec.loader is not None
supply = importlib.util.module_from_spec(spec)
spec.loader.exec_module(supply)


def test_everything_is_pinned() -> None:
    assert supply.main() == 0


def test_a_crate_without_checksum_or_from_elsewhere_is_found() -> None:
    package = '[[package]]\nname = "a"\nversion = "1.0.0"\n'
    assert supply.cargo_faults(package) == []
    registry = f'{package}source = "{supply.REGISTRY}"\n'
    assert supply.cargo_faults(f'{registry}checksum = "{"0" * 64}"\n') == []
    assert len(supply.cargo_faults(registry)) == 1
    elsewhere = f'{package}source = "git+https://a.example/a"\nchecksum = "{"0" * 64}"\n'
    assert len(supply.cargo_faults(elsewhere)) == 1


def test_an_npm_package_without_hash_or_from_elsewhere_is_found() -> None:
    def faults(**package: str) -> int:
        return len(supply.npm_faults(json.dumps({"packages": {"": {}, "node_modules/a": package}})))

    assert faults(integrity="sha512-x") == 0
    assert faults(integrity="sha1-x") == 1 and faults() == 1
    assert faults(integrity="sha512-x", resolved="https://a.example/a.tgz") == 1


def test_a_changed_missing_or_further_wheel_is_found(tmp_path: Path) -> None:
    pinned = {"a-1-py3-none-any.whl": "0" * 64}
    assert len(supply.wheel_faults(tmp_path, pinned)) == 1
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"x")
    assert len(supply.wheel_faults(tmp_path, pinned)) == 1
    (tmp_path / "b-1-py3-none-any.whl").write_bytes(b"x")
    assert len(supply.wheel_faults(tmp_path, pinned)) == 2
