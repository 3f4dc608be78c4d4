"""Functions of a caller's code that exit: Blender may call them long after the job, from a handler or a timer.

Python ends the process where `SystemExit` reaches Blender's own code, and whatever is not saved is gone. So a function
that speaks of exiting lets another exception out in its place. To the code of a job it means the same.
"""

from __future__ import annotations

import ast
import sys
from typing import NoReturn

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
