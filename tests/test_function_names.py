"""The module keeps the names of its functions, of which the trace of a panic is made, and little more of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.workerd import WorkerBundle

CUSTOM, FUNCTIONS = 0, 1  # ids of a section, and of a part of the section of names


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, length: int) -> bytes:
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self) -> int:
        """LEB128."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def parts(self) -> Iterator[tuple[int, Reader]]:
        while self.at < len(self.data):
            kind = self.take(1)[0]
            yield kind, Reader(self.take(self.number()))


def function_names(module: bytes) -> list[str]:
    for kind, section in Reader(module[8:]).parts():
        if kind == CUSTOM and section.take(section.number()) == b"name":
            functions = next(part for kind, part in section.parts() if kind == FUNCTIONS)
            names = []
            for _ in range(functions.number()):
                functions.number()  # which function it is
                names.append(functions.take(functions.number()).decode())
            return names
    return []


def test_a_trace_names_functions_without_hashes() -> None:
    names = function_names(WorkerBundle.built().modules["index_bg.wasm"])
    assert any(name.startswith("blender_bus::web::") for name in names), "names of this project's functions"
    assert any(name.startswith("core::") for name in names), "names of Rust's own functions"
    assert [name for name in names if re.search(r"::h[0-9a-f]{16}|\[[0-9a-f]{12,}\]", name)] == []
    assert max(map(len, names)) < 80
