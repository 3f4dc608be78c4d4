"""Code as callers send it, made fit to run: wrappings are taken off, and a last expression is told apart."""

from __future__ import annotations
import __future__

import ast
import re
import textwrap
from types import CodeType

FUTURES = 0
for _name in __future__.all_feature_names:
    FUTURES |= getattr(__future__, _name).compiler_flag
# `nested_scopes` shares its bit with a mark that every function bears, and has been on for all since Python 2.2.
FUTURES &= ~__future__.nested_scopes.compiler_flag

# Calls that change what a fingerprint does not show.
_WRITERS = {
    "new", "remove", "link", "unlink", "clear", "add", "foreach_set", "from_pydata", "pack", "transform", "setattr",
    "delattr", "exec", "eval", "keyframe_insert", "driver_add", "move", "assign", "id_properties_clear",
}  # fmt: skip
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
    tree = ast.parse(code, filename)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(code, filename, "exec", dont_inherit=True), None
    head = compile(ast.Module(tree.body[:-1], tree.type_ignores), filename, "exec", dont_inherit=True)
    # What the code imports from __future__ holds for its last line too.
    return head, compile(ast.Expression(last.value), filename, "eval", head.co_flags & FUTURES, dont_inherit=True)


def may_write(code: str) -> bool:
    """Tell whether code has the look of changing something: then it is a step, though no change was seen."""
    if len(code) > MAX_JUDGED_CHARS:
        return True
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "ops":
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in _WRITERS:
                return True
    return False
