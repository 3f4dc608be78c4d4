"""Whose program is at the other end of a connection on this computer, where the system tells (no bpy)."""

from __future__ import annotations

import os
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# 127.0.0.1 as the kernel writes it, also as an address of IPv6.
_LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F")
_GONE = "0"


def is_of_another_user(client_port: int, server_port: int) -> bool:
    """Tell whether the client is another user's; False for root, and where that cannot be known."""
    if not hasattr(os, "getuid"):
        return False
    found = owner(client_port, server_port)
    return found is not None and found not in (0, os.getuid())


def owner(client_port: int, server_port: int) -> int | None:
    """Return the user id that holds the client's end of a loopback connection, or None."""
    ends = [(f"{address}:{client_port:04X}", f"{address}:{server_port:04X}") for address in _LOOPBACK]
    for table in TABLES:
        try:
            lines = table.read_text(encoding="ascii", errors="replace").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # number, this end, that end, state, queues, timer, retransmits, user, timeout, inode
            fields = line.split()
            if len(fields) > 9 and (fields[1], fields[2]) in ends and fields[9] != _GONE and fields[7].isdigit():
                return int(fields[7])
    return None
