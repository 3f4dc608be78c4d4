"""Code as callers send it, made fit to run: wrappings are taken off, and a last expression is told apart."""

from __future__ import annotations
import __future__

import ast
import builtins
import re
import sys
import textwrap
from types import CodeType
from typing import NoReturn

FUTURES = 0
for _name in __future__.all_feature_names:
    FUTURES |= getattr(__future__, _name).compiler_flag
# `nested_scopes` shares its bit with a mark that every function bears, and has been on for all since Python 2.2.
FUTURES &= ~__future__.nested_scopes.compiler_flag

# Calls that change what a fingerprint does not show.
_WRITERS = {
    "new", "remove", "link", "unlink", "clear", "add", "foreach_set", "from_pydata", "pack", "transform", "setattr",
    "delattr", "exec", "eval", "batch_remove", "to_mesh", "shape_key_add", "shape_key_clear", "shape_key_remove",
    "keyframe_insert", "driver_add", "move", "assign", "id_properties_clear",
}  # fmt: skip
_CONTAINERS = {"dict", "list", "set", "Counter", "defaultdict", "OrderedDict"}
_BUILTIN = frozenset(dir(builtins)) | {"progress"}
_BLOCKS = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.If, ast.With,
    ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
)  # fmt: skip
# Longer code is not looked at.
MAX_JUDGED_CHARS = 200_000

_FENCED = re.compile(r"\A\s*```[\w+-]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*\Z", re.DOTALL)


def unwrapped(code: str) -> str:
    """Return `code` without a byte order mark and a Markdown fence around it all, and without a common indent."""
    code = code.removeprefix("\ufeff")
    fenced = _FENCED.match(code)
    if fenced is not None:
        code = fenced[1]
    # Text that runs as it is must not be touched: an indent may be part of a long string.
    return textwrap.dedent(code) if code[:1] in (" ", "\t") or code.lstrip("\r\n")[:1] in (" ", "\t") else code


def compiled(code: str, filename: str) -> tuple[CodeType, CodeType | None]:
    """Return what to execute, and the last expression apart, to be evaluated after it. Raises what `compile` does."""
    tree = kept_in(ast.parse(code, filename))
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, filename, "exec", dont_inherit=True), None
    head = compile(ast.Module(tree.body[:-1], tree.type_ignores), filename, "exec", dont_inherit=True)
    # What the code imports from __future__ holds for its last line too.
    return head, compile(ast.Expression(last.value), filename, "eval", head.co_flags & FUTURES, dont_inherit=True)


def typed(code: str) -> list[list[str]]:
    """Return the lines by which each statement is typed into a console, where an empty line ends a block.

    Raises SyntaxError.
    """
    lines = code.splitlines()
    groups: list[list[ast.stmt]] = []
    for node in ast.parse(code).body:
        # Statements on one line are typed together.
        if groups and node.lineno <= (groups[-1][-1].end_lineno or 0):
            groups[-1].append(node)
        else:
            groups.append([node])
    found = []
    for nodes in groups:
        start = min([nodes[0].lineno, *(item.lineno for item in getattr(nodes[0], "decorator_list", ()))]) - 1
        rows = lines[start : nodes[-1].end_lineno]
        inside = {line - start for line in _lines_of_strings(nodes)}
        if any(at in inside and not row.strip() for at, row in enumerate(rows)):
            # Typed as it is, an empty line would become two: a string is written with escapes instead.
            rows, inside = ast.unparse(ast.Module(nodes, [])).splitlines(), set()
        # A comment takes the place of an empty line.
        rows = [row if row.strip() or at in inside else "#" for at, row in enumerate(rows)]
        found.append([*rows, ""] if isinstance(nodes[-1], _BLOCKS) else rows)
    return found


def _lines_of_strings(nodes: list[ast.stmt]) -> set[int]:
    """Return the lines, from 0, that a string of several lines runs through."""
    items = (item for node in nodes for item in ast.walk(node) if isinstance(item, ast.Constant | ast.JoinedStr))
    return {line for item in items for line in range(item.lineno - 1, item.end_lineno or item.lineno)}


def may_write(code: str) -> bool:
    """Tell whether code has the look of changing something: then it is a step, though no change was seen."""
    if len(code) > MAX_JUDGED_CHARS:
        return True
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    # A call of any other name is of a function that an earlier job has left: nobody knows what it does.
    known = _defined(tree) | _BUILTIN
    own = _containers(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load) and not _is_of(node.value, own):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "ops":
            return True
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "bpy" and _of_operators(node):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if isinstance(node.func, ast.Attribute) and _is_of(node.func.value, own | {"bmesh"}):
                continue
            if name in _WRITERS or (isinstance(node.func, ast.Name) and name not in known):
                return True
    return False


def _is_of(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _containers(tree: ast.AST) -> set[str]:
    """Return the names that code gives to lists, sets and dictionaries of its own making, and to nothing else."""
    made: list[str] = []
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and _makes_container(node.value):
            made += [target.id for target in targets if isinstance(target, ast.Name)]
    stored = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return {name for name in made if made.count(name) == stored.count(name) and name not in arguments}


def _makes_container(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", "") in _CONTAINERS
    return isinstance(value, ast.Dict | ast.List | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def _of_operators(node: ast.ImportFrom) -> bool:
    return (node.module or "").startswith("bpy.ops") or any(alias.name == "ops" for alias in node.names)


def _defined(tree: ast.AST) -> set[str]:
    """Return the names that code gives a meaning itself."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.alias():
                names.add((node.asname or node.name).partition(".")[0])
            case ast.arg():
                names.add(node.arg)
    return names


# Functions that exit may be called by Blender long after the job, from a handler or a timer. Python ends the process if
# `SystemExit` reaches Blender's own code, and whatever is not saved is gone. So a function that speaks of exiting lets
# another exception out in its place. To the code of a job it means the same.
HELPER, EXITED = "__blender_bus_exited__", "__blender_bus_Exited__"
_WORDS = frozenset({"SystemExit", "exit", "quit"})


class Exited(BaseException):
    """`SystemExit` of a caller's function, which ends a job and nothing else; `code` is what it was given."""

    def __init__(self, code: object = None) -> None:
        super().__init__(code)
        self.code = code

    def as_system_exit(self) -> SystemExit:
        """Return what it stands for, as raised where that was."""
        return SystemExit(self.code).with_traceback(self.__traceback__)


def exited() -> NoReturn:
    """Raise Exited for the SystemExit that is being handled."""
    error = sys.exc_info()[1]
    raise Exited(getattr(error, "code", None)).with_traceback(getattr(error, "__traceback__", None)) from None


def kept_in(tree: ast.Module) -> ast.Module:
    """Return the code with each function that speaks of exiting made to call the HELPER for it."""
    for node in [*ast.walk(tree)]:
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id == "SystemExit":
            # Code that waits for it gets it.
            node.type = ast.copy_location(ast.Tuple([node.type, ast.Name(EXITED, ast.Load())], ast.Load()), node.type)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _speaks_of_exiting(node):
            _wrap(node)
    return ast.fix_missing_locations(tree)


def _speaks_of_exiting(function: ast.AST) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id in _WORDS) or (isinstance(node, ast.Attribute) and node.attr in _WORDS)
        for node in ast.walk(function)
    )


def _wrap(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    start = 1 if ast.get_docstring(function, clean=False) is not None else 0
    body = function.body[start:]
    if not body:
        return
    helper = ast.Expr(ast.Call(ast.Name(HELPER, ast.Load()), [], []))
    handler = ast.ExceptHandler(ast.Name("SystemExit", ast.Load()), None, [helper])
    whole = ast.copy_location(ast.Try([], [handler], [], []), body[0])
    # What is made anew stands where the body begins.
    ast.fix_missing_locations(whole)
    whole.body = body
    function.body[start:] = [whole]
