"""Who may use whom: the rooms of each package with their floors, no circles between files, and a few narrow doors."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from imports import Imports, python_imports, rust_imports

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import rooms  # noqa: E402


@dataclass(frozen=True)
class Package:
    folder: str
    # Rooms, a floor a line, the highest first. A room uses rooms of lower floors only: neither those above it nor those
    # beside it. Without floors only circles are looked for.
    floors: str = ""

    def imports(self) -> Imports:
        root = ROOT / self.folder
        found = rust_imports(root) if list(root.glob("lib.rs")) else python_imports(root)
        assert found, self.folder
        return found


PACKAGES = [
    Package(
        "src",
        """
        lib
        router
        files mcp monitoring web
        file_store
        oauth seal
        objects
        routes card
        http
        origin
        site caller
        config catalog request
        """,
    ),
    Package("durable/kernel/src"),
    Package("durable/runtime/src"),
    Package("durable/account/src"),
    Package("durable/files/src"),
    Package("durable/metrics/src"),
    Package(
        "durable/bus/src",
        """
        serve
        alarm announce peer
        requests
        clients
        delivery
        push
        rows
        turn
        wire
        lib schema
        """,
    ),
    Package("durable/objects/src"),
    Package(
        "addon",
        """
        __main__ __init__
        headless operators panels
        preferences questions dots
        session
        display
        commands repository
        fetch
        link
        """,
    ),
]


@dataclass(frozen=True)
class Door:
    """Of `used`, a room or file, the files in `user` may use only these; single files of it may use others."""

    folder: str
    user: str
    used: str
    only: frozenset[str] = frozenset()
    others: tuple[tuple[str, str], ...] = ()


DOORS = [
    # The tools for access tokens are an account's, and so is what they call.
    Door(
        "src",
        "mcp",
        "oauth",
        frozenset({"oauth/bearer.rs"}),
        (("mcp/methods/account_tools.rs", "oauth/personal_tokens.rs"),),
    ),
    # A page reads a posted form by `PostedForm`, which checks it.
    Door("src", "web", "http/body.rs", others=(("web/posted_form.rs", "http/body.rs"),)),
]

# Packages that decide, without a runtime.
DECIDING = ("durable/kernel/src", "durable/account/src", "durable/bus/src", "durable/files/src", "durable/metrics/src")
# Words that code in a folder must not hold.
FOREIGN = {
    "src/catalog": r"\b(worker|http|durable)::|SystemTime::now",
    **dict.fromkeys(DECIDING, r"\bworker::|SystemTime::now|Instant::now|Date::now"),
}


def room(file: str) -> str:
    return file.split("/")[0].partition(".")[0]


def through_walls(imports: Imports, door: Door) -> list[str]:
    return [
        f"{file} imports {used}: {text}"
        for file, edges in imports.items()
        for used, text in edges.items()
        if room(file) == door.user and door.used in (used, room(used))
        if used not in door.only and (file, used) not in door.others
    ]


def circle(imports: Imports) -> list[str]:
    """The imports that make a circle; none if there is no circle."""
    try:
        TopologicalSorter({file: set(used) for file, used in imports.items()}).prepare()
    except CycleError as error:
        ring = error.args[1]
        return [f"{user} imports {used}: {imports[user][used]}" for used, user in zip(ring, ring[1:], strict=False)]
    return []


def against_the_floors(imports: Imports, floors: str) -> list[str]:
    rows = [line.split() for line in floors.split("\n") if line.strip()]
    height = {name: -row for row, names in enumerate(rows) for name in names}
    unknown = {room(file) for file in imports} - set(height)
    assert not unknown, f"rooms that stand on no floor: {sorted(unknown)}"
    return [
        f"{user} imports {used}, which is not below it: {text}"
        for user, edges in imports.items()
        for used, text in edges.items()
        if room(user) != room(used) and height[room(used)] >= height[room(user)]
    ]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda one: one.folder)
def test_no_files_import_each_other_in_a_circle(package: Package) -> None:
    assert circle(package.imports()) == []


@pytest.mark.parametrize("package", [one for one in PACKAGES if one.floors], ids=lambda one: one.folder)
def test_a_room_uses_only_rooms_below_it(package: Package) -> None:
    assert against_the_floors(package.imports(), package.floors) == []


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.user}-{door.used}")
def test_some_doors_are_narrow(door: Door) -> None:
    package = next(one for one in PACKAGES if one.folder == door.folder)
    assert through_walls(package.imports(), door) == []


@pytest.mark.parametrize("package", rooms.PACKAGES)
def test_a_room_has_at_most_five_floors(package: str) -> None:
    tall = {name: floors for name, floors in rooms.inner_floors(rooms.imports_of(package)).items() if floors > 5}
    assert tall == {}


def test_the_plan_of_rooms_is_that_of_the_sources() -> None:
    assert rooms.PAGE.read_text() == rooms.page(), "python3 scripts/rooms.py writes it anew"


def test_circles_and_wrong_directions_are_found() -> None:
    imports: Imports = {"a.rs": {"b/mod.rs": "use crate::b"}, "b/mod.rs": {"c.rs": "use crate::c"}, "c.rs": {}}
    assert circle(imports) == [] and against_the_floors(imports, "a\nb\nc") == []
    assert against_the_floors(imports, "b\na\nc") == ["a.rs imports b/mod.rs, which is not below it: use crate::b"]
    assert against_the_floors(imports, "a b\nc") != []
    assert through_walls(imports, Door("", "b", "c.rs")) == ["b/mod.rs imports c.rs: use crate::c"]
    assert through_walls(imports, Door("", "b", "c", frozenset({"c.rs"}))) == []
    assert through_walls(imports, Door("", "b", "c", others=(("b/mod.rs", "c.rs"),))) == []
    imports["c.rs"] = {"a.rs": "use crate::a"}
    assert sorted(circle(imports)) == [
        "a.rs imports b/mod.rs: use crate::b",
        "b/mod.rs imports c.rs: use crate::c",
        "c.rs imports a.rs: use crate::a",
    ]


def test_imports_are_read_as_the_compiler_reads_them(tmp_path: Path) -> None:
    for name, text in {
        "lib.rs": "mod a;\nmod b;\n",
        "a.rs": "use crate::b::{Thing, leaf::{self, x as y}};\nuse other::z; // use crate::a;\n",
        "b/mod.rs": 'mod leaf;\npub mod twig;\npub use leaf::Thing;\nfn f() { twig::grow("crate::a::no"); }\n',
        "b/leaf.rs": "pub struct Thing;\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n",
        "b/twig.rs": "fn g() { super::leaf::h(); }\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {file: sorted(used) for file, used in rust_imports(tmp_path).items()}
    assert found == {
        "lib.rs": [],
        "a.rs": ["b/leaf.rs"],
        "b/mod.rs": ["b/twig.rs"],
        "b/leaf.rs": [],
        "b/twig.rs": ["b/leaf.rs"],
    }


def sources(folder: str) -> dict[str, str]:
    files = sorted((ROOT / folder).rglob("*.rs"))
    assert files, folder
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


def using(folder: str, pattern: str) -> list[str]:
    expression = re.compile(pattern, re.MULTILINE)
    return [f"{path}: {match.group()}" for path, text in sources(folder).items() for match in expression.finditer(text)]


@pytest.mark.parametrize("folder", FOREIGN)
def test_what_decides_knows_no_runtime_and_no_clock(folder: str) -> None:
    assert using(folder, FOREIGN[folder]) == []


@pytest.mark.parametrize("folder", DECIDING)
def test_what_decides_depends_on_no_runtime(folder: str) -> None:
    manifest = tomllib.loads((ROOT / folder).with_name("Cargo.toml").read_text())
    runtimes = {"worker", "wasm-bindgen", "js-sys", "web-sys", "tokio", "getrandom", "runtime", "objects"}
    assert set(manifest["dependencies"]) & runtimes == set()


def test_accounts_and_buses_do_not_know_each_other() -> None:
    for package, other in (("account", "bus"), ("bus", "account")):
        manifest = tomllib.loads((ROOT / "durable" / package / "Cargo.toml").read_text())
        assert other not in manifest["dependencies"]


@pytest.mark.parametrize("package", [one for one in PACKAGES if one.folder != "addon"], ids=lambda one: one.folder)
def test_names_are_imported_one_by_one(package: Package) -> None:
    assert using(package.folder, r"^\s*(pub )?use .*::\*;") == []


def test_environment_variables_are_read_in_one_place() -> None:
    readers = using("src", r"\benv\.(var|secret)\(.*") + using("durable/objects/src", r"\benv\.(var|secret)\(.*")
    # A bus and the files read their limits where they wake; everything else is the edge's.
    places = ("src/config.rs", "durable/objects/src/user_bus.rs", "durable/objects/src/files.rs")
    assert [line for line in readers if not line.startswith(places)] == []
