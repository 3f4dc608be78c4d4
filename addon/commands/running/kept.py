"""The names that callers asked to keep from one call to the next, for each caller apart."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from ...link.records import Job

# Whoever wrote last stays: what others have left is let go.
MAX_CALLERS = 16


class KeptNames:
    """Main thread only."""

    def __init__(self, max_callers: int = MAX_CALLERS) -> None:
        self._max_callers = max_callers
        self._of_callers: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def of(self, job: Job) -> dict[str, Any]:
        """Return the names of whoever sent `job`, to be used and changed as the globals of its code."""
        caller = (job.origin.key, job.from_uuid)
        names = self._of_callers.setdefault(caller, {})
        self._of_callers.move_to_end(caller)
        while len(self._of_callers) > self._max_callers:
            self._of_callers.popitem(last=False)
        return names

    def clear(self) -> None:
        """Forget all."""
        self._of_callers.clear()


kept_names = KeptNames()
