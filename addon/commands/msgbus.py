"""Blender's message bus: be told when a property changes. Without a window it delivers nothing, and this says so."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import deque
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import bpy

from ..link.queue.control import JobControl
from .registry import Bounds, CommandError, command

MAX_SUBSCRIPTIONS = 200
MAX_NOTIFICATIONS = 1_000
BACKGROUND_NOTE = "Blender runs without a window, where its message bus delivers nothing"
DataPath = Annotated[str, Bounds(1, 1024)]
OwnerId = Annotated[str, Bounds(1, 200)]
NotifyType = Literal["UPDATE"]
_SINGLE_QUOTED = re.compile(r"(?<=\[)'([^'\\\]]*)'(?=\])")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription; `key` is what it was understood as."""

    number: int
    owner_id: str
    data_path: str
    key: str
    target: Any
    persistent: bool
    notify_type: str


class Subscriptions:
    """What is subscribed, and what was told since. Main thread only."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._owners: dict[str, object] = {}
        self.all: list[Subscription] = []
        self.notifications: deque[dict[str, Any]] = deque(maxlen=MAX_NOTIFICATIONS)

    def add(self, data_path: str, owner_id: str, notify_type: str, persistent: bool) -> Subscription:
        """Subscribe. Raises CommandError if the path leads nowhere or there are too many."""
        if len(self.all) >= MAX_SUBSCRIPTIONS:
            raise CommandError(f"msgbus_subscribe_rna: {MAX_SUBSCRIPTIONS} subscriptions exist; clear some by owner")
        target, key = _resolve("msgbus_subscribe_rna", data_path)
        made = Subscription(next(self._numbers), owner_id, data_path, key, target, persistent, notify_type)
        owner = self._owners.setdefault(owner_id, object())
        options = {"PERSISTENT"} if persistent else set()
        try:
            bpy.msgbus.subscribe_rna(key=target, owner=owner, args=(made,), notify=_notify, options=options)
        except (TypeError, ValueError) as error:
            raise CommandError(f"msgbus_subscribe_rna: {data_path!r} cannot be subscribed to: {error}") from None
        self.all.append(made)
        return made

    def clear(self, owner_id: str) -> int:
        """End an owner's subscriptions and return how many there were."""
        owner = self._owners.pop(owner_id, None)
        if owner is not None:
            bpy.msgbus.clear_by_owner(owner)
        before = len(self.all)
        self.all = [item for item in self.all if item.owner_id != owner_id]
        return before - len(self.all)

    def clear_all(self) -> None:
        """End everything: the extension is being switched off."""
        for owner in list(self._owners):
            self.clear(owner)
        self.notifications.clear()

    def file_loaded(self) -> None:
        """Blender forgets subscriptions with the file; the persistent ones that still lead somewhere come back."""
        kept, self.all, self._owners = self.all, [], {}
        for item in kept:
            if item.persistent:
                try:
                    self.add(item.data_path, item.owner_id, item.notify_type, True)
                except CommandError:
                    continue

    def note(self, made: Subscription) -> None:
        """Keep what Blender has just told."""
        window = bpy.context.window
        context = {"scene": bpy.context.scene.name, "window": window is not None}
        self.notifications.append(
            {"timestamp": time.time(), "data_path": made.data_path, "owner_id": made.owner_id, "context": context}
        )


subscriptions = Subscriptions()


def _notify(made: Subscription) -> None:
    # Blender takes plain functions alone here.
    subscriptions.note(made)


def _resolve(command_name: str, data_path: str) -> tuple[Any, str]:
    """Return the key of a path: `Type.property` for all of a type, else the path of one property."""
    type_name, _, property_name = data_path.removeprefix("bpy.types.").partition(".")
    kind = getattr(bpy.types, type_name, None)
    rna = getattr(kind, "bl_rna", None)
    if rna is not None and property_name:
        if property_name not in rna.properties:
            raise CommandError(f"{command_name}: {type_name} has no property {property_name!r}")
        return (kind, property_name), f"{type_name}.{property_name}"
    return _resolve_property(command_name, data_path)


def _resolve_property(command_name: str, data_path: str) -> tuple[Any, str]:
    path = data_path.removeprefix("bpy.")
    for start, base in (("context.", bpy.context), ("data.", bpy.data)):
        if path.startswith(start):
            return _property_of(command_name, base, path.removeprefix(start), data_path)
    scene = bpy.context.scene
    return _property_of(command_name, scene, path.removeprefix("scene."), data_path)


def _property_of(command_name: str, base: Any, path: str, shown: str) -> tuple[Any, str]:
    expected = (
        """expected Object.location, data.objects["Cube"].location or a path from the scene, such as frame_current"""
    )
    # path_resolve knows double quotes only.
    path = _SINGLE_QUOTED.sub(lambda found: json.dumps(found[1], ensure_ascii=False), path)
    holder_path, _, name = path.rpartition(".")
    try:
        # path_resolve reads names and [indices] alone; it runs no code.
        holder = base.path_resolve(holder_path) if holder_path else base
        target = holder.path_resolve(name, False)
    except (ValueError, AttributeError, TypeError) as error:
        raise CommandError(f"{command_name}: {shown!r} leads nowhere ({error}); {expected}") from None
    return target, f"{type(holder).__name__}.{name}"


@command("msgbus_subscribe_rna")
def msgbus_subscribe_rna(
    control: JobControl,
    *,
    data_path: DataPath,
    owner_id: OwnerId = "default",
    notify_type: NotifyType = "UPDATE",
    persistent: bool = True,
) -> dict[str, Any]:
    """Note each change of a property; msgbus_get_notifications tells them."""
    made = subscriptions.add(data_path, owner_id, notify_type, persistent)
    message = f"Subscribed to {made.key}" + (f". {BACKGROUND_NOTE}" if bpy.app.background else "")
    return {"success": True, "message": message, "subscription_id": f"{owner_id}:{made.number}", "key": made.key}


@command("msgbus_publish_rna")
def msgbus_publish_rna(control: JobControl, *, data_path: DataPath | None = None) -> dict[str, Any]:
    """Tell all subscribers of a property, or of everything that is subscribed, that it changed."""
    if data_path is not None:
        target, key = _resolve("msgbus_publish_rna", data_path)
        targets = {key: target}
    else:
        targets = {item.key: item.target for item in subscriptions.all}
    for target in targets.values():
        bpy.msgbus.publish_rna(key=target)
    message = f"Published {', '.join(targets) or 'nothing: there are no subscriptions'}"
    return {"success": True, "message": message + (f". {BACKGROUND_NOTE}" if bpy.app.background else "")}


@command("msgbus_clear_by_owner")
def msgbus_clear_by_owner(control: JobControl, *, owner_id: OwnerId = "default") -> dict[str, Any]:
    """End an owner's subscriptions; what was noted stays."""
    count = subscriptions.clear(owner_id)
    return {"success": True, "message": f"{count} subscriptions of {owner_id} ended"}


@command("msgbus_get_notifications")
def msgbus_get_notifications(
    control: JobControl, *, owner_id: OwnerId | None = None, clear: bool = False
) -> dict[str, Any]:
    """Return what was noted, oldest first; at most the last thousand are kept."""
    noted = subscriptions.notifications
    found = [item for item in noted if owner_id is None or item["owner_id"] == owner_id]
    if clear:
        kept = [item for item in noted if owner_id is not None and item["owner_id"] != owner_id]
        noted.clear()
        noted.extend(kept)
    result: dict[str, Any] = {"success": True, "notifications": found, "count": len(found)}
    if bpy.app.background:
        result["note"] = BACKGROUND_NOTE
    return result


@command("msgbus_list_subscriptions")
def msgbus_list_subscriptions(control: JobControl, *, owner_id: OwnerId | None = None) -> dict[str, Any]:
    """Return the subscriptions; `active` is false where Blender delivers nothing."""
    found = [
        {
            "owner_id": item.owner_id,
            "data_path": item.data_path,
            "key": item.key,
            "persistent": item.persistent,
            "notify_type": item.notify_type,
            "active": not bpy.app.background,
        }
        for item in subscriptions.all
        if owner_id is None or item.owner_id == owner_id
    ]
    owners = sorted({str(item["owner_id"]) for item in found})
    return {"success": True, "subscriptions": found, "count": len(found), "owners": owners}
