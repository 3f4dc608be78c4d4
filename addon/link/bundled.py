"""Find `websockets`: Blender unpacks the bundled wheel itself; outside Blender the environment or the wheel serves."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

WHEELS = Path(__file__).resolve().parent.parent / "wheels"


def ensure_websockets() -> None:
    """Make `import websockets` work; raise ImportError naming what is missing."""
    if importlib.util.find_spec("websockets") is not None:
        return
    for wheel in sorted(WHEELS.glob("websockets-*.whl")):
        # A pure wheel is a zip with the package at its root, which Python imports from directly.
        sys.path.append(str(wheel))
        return
    raise ImportError(f"the package websockets is not installed and no wheel of it is in {WHEELS}")
