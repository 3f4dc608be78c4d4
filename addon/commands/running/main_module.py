"""The names of code as the module `__main__`, where it says that its classes are."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


class _Main:
    """Stands in for the module: its names are those of the code, in the very same dictionary."""

    __spec__ = None

    @property
    def __file__(self) -> str:
        """Hide the name that the code has: `multiprocessing` would have new processes run that file."""
        raise AttributeError("__file__")

    def __init__(self, names: dict[str, Any]) -> None:
        self.__dict__ = names


@contextlib.contextmanager
def as_main(names: dict[str, Any]) -> Iterator[None]:
    """Let Blender, dataclasses, typing and pickle find the names of code where they look for them.

    Blender resolves annotations that are text in the module of their class, as does `typing.get_type_hints`.
    """
    before = sys.modules.get("__main__")
    stand_in: Any = _Main(names)
    sys.modules["__main__"] = stand_in
    try:
        yield
    finally:
        # Code may have put its own there, which is its business for as long as it runs.
        if before is None:
            sys.modules.pop("__main__", None)
        else:
            sys.modules["__main__"] = before
