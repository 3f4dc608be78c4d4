"""The commands of the catalog, as its generated reference lists them."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "catalog.md"
_BLENDER_TOOLS = PAGE.read_text(encoding="utf-8").partition("\n## Tools of the bus")[0]
COMMANDS = tuple(re.findall(r"^### blender_(\w+)$", _BLENDER_TOOLS, re.MULTILINE))
