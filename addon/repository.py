"""From which server this extension was installed."""

from __future__ import annotations

import bpy

from .link.address import InvalidServerUrl, origin

INDEX = "/extensions/index.json"


def repository_origin(package: str | None) -> str:
    """Return the address of the Blender Bus whose repository this extension came from, or nothing."""
    parts = (package or "").split(".")
    if len(parts) != 3 or parts[0] != "bl_ext":
        return ""
    for repository in bpy.context.preferences.extensions.repos:
        if repository.module == parts[1] and repository.use_remote_url:
            return server_of(repository.remote_url)
    return ""


def server_of(index_url: str) -> str:
    """Return the server of a repository's index, if it is one of a Blender Bus."""
    address = index_url.split("?")[0].rstrip("/")
    if not address.endswith(INDEX):
        return ""
    try:
        return origin(address.removesuffix(INDEX))
    except InvalidServerUrl:
        return ""
