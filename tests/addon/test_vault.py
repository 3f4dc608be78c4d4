"""Where a login is kept."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from addon.link.vault import Vault, exposed, tighten


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """A module with the functions of `keyring` that are used, before a real backend's priority."""
    kept: dict[tuple[str, str], str] = {}
    module = ModuleType("keyring")
    module.get_keyring = lambda: SimpleNamespace(priority=5)  # type: ignore[attr-defined]
    module.get_password = lambda service, name: kept.get((service, name))  # type: ignore[attr-defined]
    module.set_password = lambda service, name, text: kept.update({(service, name): text})  # type: ignore[attr-defined]
    module.delete_password = lambda service, name: kept.pop((service, name))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    return kept


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.mark.usefixtures("no_keyring")
def test_file_is_its_user_s_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        vault = Vault(tmp_path / "blender_bus")
        vault.write("first")
        vault.write("second")
    finally:
        os.umask(before)
    [path] = (tmp_path / "blender_bus").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (vault.read(), vault.problem, vault.where) == ("second", "", str(path))
    path.chmod(0o644)
    assert str(path) in vault.problem
    vault.write("third")
    assert vault.problem == ""
    assert Vault(tmp_path / "blender_bus").read() == "third"
    vault.write("")
    assert (vault.read(), path.exists()) == ("", False)


@pytest.mark.usefixtures("no_keyring")
def test_what_another_blender_has_renewed_is_read_again(tmp_path: Path) -> None:
    first, second = Vault(tmp_path), Vault(tmp_path)
    first.write("one")
    assert second.read() == "one"
    first.write("two")
    os.utime(tmp_path / "login.json", (1, 1))
    assert second.read() == "two"


def test_keyring_is_used_and_no_file_left(tmp_path: Path, keyring: dict[tuple[str, str], str]) -> None:
    (tmp_path / "login.json").write_text("old")
    vault = Vault(tmp_path)
    assert vault.read() == "old"
    vault.write("new")
    assert list(keyring.values()) == ["new"]
    assert list(tmp_path.iterdir()) == []
    assert (Vault(tmp_path).read(), vault.where) == ("new", "this system's keyring")
    vault.write("")
    assert keyring == {}
    assert vault.read() == ""


def test_keyring_that_fails_is_replaced_by_the_file(tmp_path: Path, keyring: dict[tuple[str, str], str]) -> None:
    def locked(*_: str) -> None:
        raise RuntimeError("locked")

    sys.modules["keyring"].set_password = locked  # type: ignore[attr-defined]
    vault = Vault(tmp_path)
    vault.write("text")
    assert (vault.read(), vault.where) == ("text", str(tmp_path / "login.json"))


def test_keyring_without_a_backend_is_none(tmp_path: Path, keyring: dict[tuple[str, str], str]) -> None:
    sys.modules["keyring"].get_keyring = lambda: SimpleNamespace(priority=0)  # type: ignore[attr-defined]
    Vault(tmp_path).write("text")
    assert keyring == {}


def test_permissions_of_others_are_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "userpref.blend"
    tighten(path)
    path.write_bytes(b"")
    path.chmod(0o664)
    assert exposed(path)
    tighten(path)
    assert (exposed(path), stat.S_IMODE(path.stat().st_mode)) == ("", 0o600)
