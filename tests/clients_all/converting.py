"""What the converters of client libraries have in common: each makes of every listed tool what it would give a model.

Run as `python converters1.py TOKEN URL ...` or `python converters2.py TOKEN URL ...`, by the Python that has the
libraries. The last line of the output is a JSON object: for each URL and converter either `{"failed": why}`, or what
it did:

`tools`: for each tool the property names that the model sees.
`refused`: tools that it would not convert, and why.
`loose`: tools for which it fell back to something less strict.
`said`: warnings and log lines from level WARNING up.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

Schema = dict[str, Any]
SECONDS = 45


class Converted:
    """What one converter made of the list."""

    def __init__(self) -> None:
        self.tools: dict[str, list[str]] = {}
        self.refused: dict[str, str] = {}
        self.loose: list[str] = []

    def add(self, name: str, schema: Schema | Callable[[], Schema]) -> None:
        """Notes what the model sees of a tool, or why there is nothing to see."""
        try:
            shown = schema() if callable(schema) else schema
            self.tools[name] = sorted(shown.get("properties") or {})
        except Exception as error:
            self.refused[name] = f"{type(error).__name__}: {error}"[:500]


Converter = Callable[[Converted, str, dict[str, str]], Awaitable[None]]
CONVERTERS: dict[str, Converter] = {}


def converter(name: str) -> Callable[[Converter], Converter]:
    """Registers a function of (what it made, the URL, headers) under the name of what it tries."""

    def register(function: Converter) -> Converter:
        CONVERTERS[name] = function
        return function

    return register


@contextmanager
def heard() -> Iterator[list[str]]:
    """Warnings and log lines that come meanwhile."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name}: {record.getMessage()}")

    handler = Handler(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            yield lines
        lines += [f"{one.category.__name__}: {one.message}" for one in caught if not is_of_the_library(one)]
    finally:
        logging.getLogger().removeHandler(handler)


def is_of_the_library(warning: warnings.WarningMessage) -> bool:
    """Whether a library speaks of itself and what it stands on, and not of our tools."""
    return issubclass(warning.category, DeprecationWarning | ResourceWarning | FutureWarning | ImportWarning)


async def convert(function: Converter, url: str, token: str) -> dict[str, Any]:
    made = Converted()
    with heard() as lines:
        try:
            await asyncio.wait_for(function(made, url, {"Authorization": f"Bearer {token}"}), SECONDS)
        except Exception:
            return {"failed": traceback.format_exc()[-3000:]}
    return {"tools": made.tools, "refused": made.refused, "loose": made.loose, "said": lines}


def main() -> None:
    token, *urls = sys.argv[1:]

    def of(url: str) -> dict[str, Any]:
        return {name: asyncio.run(convert(function, url, token)) for name, function in CONVERTERS.items()}

    print(json.dumps({url: of(url) for url in urls}))
