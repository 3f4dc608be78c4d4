"""Which file imports which, read off the sources: for Rust packages and for Python ones. Tests in them are left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# An edge is kept with the text that makes it: {importer: {imported: "use ..."}}, by paths relative to the root.
Imports = dict[str, dict[str, str]]
ModulePath = tuple[str, ...]

NOT_CODE = re.compile(r"//[^\n]*|/\*.*?\*/|r(#*)\".*?\"\1|\"(?:\\.|[^\"\\])*\"|'(?:\\.[^']*|[^\\'])'", re.DOTALL)
USE = re.compile(r"(?P<public>pub(?:\([^)]*\))?\s+)?\buse\s+(?P<paths>[^;]+);")
BARE = re.compile(r"(?<![\w:])(?:crate|self|super)(?:::\w+)+")
IS_TEST = re.compile(r"(^|/)(tests?|testing)(/|\.rs$)")


@dataclass
class Module:
    file: str
    text: str
    exports: dict[str, ModulePath] = field(default_factory=dict)
    uses: list[tuple[ModulePath, str]] = field(default_factory=list)


def rust_imports(root: Path) -> Imports:
    """`root`: the folder of `lib.rs`. A name that a `mod.rs` re-exports counts as an import of the file it is from."""
    modules: dict[ModulePath, Module] = {}
    for file in sorted(root.rglob("*.rs")):
        name = file.relative_to(root).as_posix()
        if not IS_TEST.search(name):
            parts = name.removesuffix(".rs").removesuffix("/mod").split("/")
            modules[() if parts in (["lib"], ["mod"]) else tuple(parts)] = Module(name, code(file.read_text()))
    for path, module in modules.items():
        read_uses(path, module, modules)
    edges: Imports = {module.file: {} for module in modules.values()}
    for path, module in modules.items():
        for used, text in module.uses:
            target = resolve(used, modules)
            if target is not None and target != path:
                edges[module.file].setdefault(modules[target].file, text)
    return edges


def code(text: str) -> str:
    text = NOT_CODE.sub("", text)
    return re.split(r"#\[cfg\(test\)\]\s*(?:pub )?mod \w+ \{", text)[0]


def read_uses(path: ModulePath, module: Module, modules: dict[ModulePath, Module]) -> None:
    children = {other[-1] for other in modules if other and other[:-1] == path}
    for use in USE.finditer(module.text):
        for names, alias in expand(use["paths"]):
            whole = absolute(names, path, children)
            if whole is None:
                continue
            if use["public"]:
                module.exports[alias] = whole
            if not (use["public"] and whole[: len(path)] == path and len(whole) > len(path)):
                module.uses.append((whole, f"use {'::'.join(names)}"))
    rest = USE.sub("", module.text)
    relative = re.compile(rf"(?<![\w:])(?:{'|'.join(sorted(children)) or '(?!)'})::\w+")
    for found in [*BARE.finditer(rest), *relative.finditer(rest)]:
        whole = absolute(found.group().split("::"), path, children)
        if whole is not None:
            module.uses.append((whole, found.group()))


def expand(paths: str) -> Iterator[tuple[list[str], str]]:
    """`a::{b, c::d as e}` -> `a::b` known as `b`, and `a::c::d` known as `e`."""
    paths = " ".join(paths.split())
    head, brace, tail = paths.partition("{")
    if not brace:
        names, _, alias = paths.partition(" as ")
        parts = [part.strip() for part in names.split("::")]
        if parts[-1] == "self":
            parts.pop()
        yield parts, alias.strip() or parts[-1]
        return
    depth, start, tail = 0, 0, tail.rpartition("}")[0] + ","
    for at, letter in enumerate(tail):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            if part := tail[start:at].strip():
                yield from expand(head + part)
            start = at + 1


def absolute(names: list[str], path: ModulePath, children: set[str]) -> ModulePath | None:
    """The names from the root of the package; nothing for those of other packages."""
    if names[0] == "crate":
        return tuple(names[1:])
    if names[0] == "self":
        return path + tuple(names[1:])
    if names[0] == "super":
        up = sum(1 for name in names if name == "super")
        return path[: len(path) - up] + tuple(names[up:])
    return path + tuple(names) if names[0] in children else None


def resolve(whole: ModulePath, modules: dict[ModulePath, Module]) -> ModulePath | None:
    at: ModulePath = ()
    for index, name in enumerate(whole):
        if (*at, name) in modules:
            at = (*at, name)
        elif name in modules[at].exports if at in modules else False:
            return resolve(modules[at].exports[name] + whole[index + 1 :], modules)
        else:
            break
    return at if at in modules else None


def python_imports(root: Path) -> Imports:
    """`root`: the folder of a package. `__init__.py` stands for its folder."""
    files = {file.relative_to(root).as_posix() for file in root.rglob("*.py")}
    edges: Imports = {}
    for name in sorted(files):
        edges[name] = {}
        package = Path(name).parent
        for node in ast.walk(ast.parse((root / name).read_text())):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = package.joinpath(*[".."] * (node.level - 1), *(node.module or "").split("."))
            base = Path(*normal(base))
            for imported in node.names:
                candidates = [base / f"{imported.name}.py", base / imported.name / "__init__.py"]
                candidates += [base.with_suffix(".py"), base / "__init__.py"] if base.parts else [Path("__init__.py")]
                target = next((one.as_posix() for one in candidates if one.as_posix() in files), None)
                if target and target != name:
                    edges[name].setdefault(target, ast.unparse(node))
    return edges


def normal(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return parts
