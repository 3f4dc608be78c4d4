"""What is added to an error of a caller's code: what this Blender wants, what a name means, what an operator lacks."""

from __future__ import annotations

import re
from types import TracebackType

import bpy

from . import calls, data, shading
from .poll import what_is_there
from .similar import similar_names

MAX_HINTS = 3
# The error itself stands at the end.
LOOKED_AT = 4_000
ROWS = (*shading.ROWS, *data.ROWS, *calls.ROWS)


def explain(raised: BaseException, trace: TracebackType | None, text: str) -> str:
    """Return lines to stand below the error `text`, each beginning with `Hint:`; nothing if there is nothing to say."""
    end = text[-LOOKED_AT:]
    version = ".".join(map(str, bpy.app.version[:2]))
    known = [row for row in ROWS if row.speaks_of(bpy.app.version) and re.search(row.pattern, end)]
    told = [f"in Blender {version}: {row.words}" for row in known[:1]]
    if not known:
        told += similar_names(raised, trace)
    told += what_is_there(raised)
    return "".join(f"Hint: {line}\n" for line in told[:MAX_HINTS])
